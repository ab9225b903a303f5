//! What is counted, for `/metrics` in the Prometheus text format.
//!
//! Handles are taken once and held in [`Metrics`]: counting a request is a few atomic additions,
//! never a look-up by name.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the duration histogram in seconds: media answers take microseconds, lists longer.
const DURATIONS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0,
];

/// Status classes, 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Simulated live.
    Livesim,
    /// Channels that are encoded here and now.
    Live,
    /// On demand.
    Vod,
    /// Relay streams.
    Relay,
    /// Pages and their files.
    Page,
    /// State, clock, metrics and the API.
    Control,
    /// Nothing that exists.
    Unknown,
}

impl Route {
    const ALL: [(Self, &str); 7] = [
        (Self::Livesim, "livesim"),
        (Self::Live, "live"),
        (Self::Vod, "vod"),
        (Self::Relay, "relay"),
        (Self::Page, "page"),
        (Self::Control, "control"),
        (Self::Unknown, "unknown"),
    ];
}

/// The handles.
pub(crate) struct Metrics {
    exporter: PrometheusHandle,
    routes: [PerRoute; 7],
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Assets that are served.
    pub(crate) assets: Gauge,
    /// Content that is not usable.
    pub(crate) problems: Gauge,
    /// Imports that wait or run.
    pub(crate) imports: Gauge,
    /// Requests that wait for what is being made.
    pub(crate) waiting: Gauge,
    /// How long requests with a delivery directive took, waiting included.
    pub(crate) held_back: Histogram,
    /// How long the control group's quota held its processes back, seconds.
    pub(crate) throttled: Counter,
}

struct PerRoute {
    requests: [Counter; 5],
    bytes: Counter,
    seconds: Histogram,
}

impl Metrics {
    /// Makes a recorder of its own (nothing global) and takes all handles from it.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATIONS)?
            .build_recorder();
        let exporter = recorder.handle();
        describe(&recorder);
        let registry = Registry(&recorder);
        registry
            .gauge(
                "headend_build_info",
                &[("version", env!("CARGO_PKG_VERSION"))],
            )
            .set(1.0);
        Ok(Self {
            exporter,
            routes: Route::ALL.map(|(_, name)| registry.per_route(name)),
            connections: registry.gauge("headend_connections", &[]),
            assets: registry.gauge("headend_assets", &[]),
            problems: registry.gauge("headend_asset_problems", &[]),
            imports: registry.gauge("headend_imports", &[]),
            waiting: registry.gauge("headend_blocked_requests", &[]),
            held_back: registry.histogram("headend_blocking_wait_seconds"),
            throttled: registry.counter("headend_cgroup_throttled_seconds_total", &[]),
        })
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, route: Route, status: u16, bytes: u64, took: Duration) {
        let per_route = &self.routes[route as usize];
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        per_route.requests[class].increment(1);
        per_route.bytes.increment(bytes);
        per_route.seconds.record(took.as_secs_f64());
    }

    /// Returns the text for Prometheus.
    pub(crate) fn render(&self) -> String {
        self.exporter.render()
    }

    /// Folds recorded durations into their buckets. Unless this is called now and then, memory
    /// grows with each request.
    pub(crate) fn upkeep(&self) {
        self.exporter.run_upkeep();
    }
}

fn describe(recorder: &impl Recorder) {
    let counter = |name: &'static str, text: &'static str| {
        recorder.describe_counter(name.into(), None, SharedString::const_str(text));
    };
    let gauge = |name: &'static str, text: &'static str| {
        recorder.describe_gauge(name.into(), None, SharedString::const_str(text));
    };
    counter(
        "headend_requests_total",
        "Requests answered, by route and status class",
    );
    counter(
        "headend_response_bytes_total",
        "Bytes of answers' bodies, by route",
    );
    recorder.describe_histogram(
        "headend_request_duration_seconds".into(),
        Some(Unit::Seconds),
        "Time to make an answer, without sending it".into(),
    );
    recorder.describe_histogram(
        "headend_blocking_wait_seconds".into(),
        Some(Unit::Seconds),
        "Time to answer a request with a delivery directive of HLS, waiting included".into(),
    );
    counter(
        "headend_cgroup_throttled_seconds_total",
        "How long the control group's quota held its processes back, in whole seconds",
    );
    gauge(
        "headend_blocked_requests",
        "Requests that wait for what is being made, and answers that grow",
    );
    gauge("headend_build_info", "Always 1; the label says the version");
    gauge("headend_connections", "Open connections");
    gauge("headend_assets", "Assets that are served");
    gauge("headend_asset_problems", "Content that is not usable");
    gauge("headend_imports", "Imports that wait or run");
}

/// Registers metrics by name and labels.
struct Registry<'a, R>(&'a R);

impl<R: Recorder> Registry<'_, R> {
    const METADATA: Metadata<'static> = Metadata::new("headend", Level::INFO, None);

    fn key(name: &'static str, labels: &[(&'static str, &'static str)]) -> metrics::Key {
        let labels: Vec<metrics::Label> = labels
            .iter()
            .map(|&(key, value)| metrics::Label::from_static_parts(key, value))
            .collect();
        metrics::Key::from_parts(name, labels)
    }

    fn gauge(&self, name: &'static str, labels: &[(&'static str, &'static str)]) -> Gauge {
        self.0
            .register_gauge(&Self::key(name, labels), &Self::METADATA)
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &'static str)]) -> Counter {
        self.0
            .register_counter(&Self::key(name, labels), &Self::METADATA)
    }

    fn histogram(&self, name: &'static str) -> Histogram {
        self.0
            .register_histogram(&Self::key(name, &[]), &Self::METADATA)
    }

    fn per_route(&self, route: &'static str) -> PerRoute {
        PerRoute {
            requests: CLASSES.map(|class| {
                self.counter(
                    "headend_requests_total",
                    &[("route", route), ("status", class)],
                )
            }),
            bytes: self.counter("headend_response_bytes_total", &[("route", route)]),
            seconds: self.0.register_histogram(
                &Self::key("headend_request_duration_seconds", &[("route", route)]),
                &Self::METADATA,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_their_own_position() {
        for (position, (route, _)) in Route::ALL.into_iter().enumerate() {
            assert_eq!(route as usize, position);
        }
    }

    #[test]
    fn an_answer_is_counted() {
        let metrics = Metrics::new().unwrap();
        metrics.answered(Route::Vod, 206, 100, Duration::from_micros(200));
        metrics.answered(Route::Vod, 999, 1, Duration::from_micros(300));
        metrics.assets.set(3.0);
        let text = metrics.render();
        for line in [
            r#"headend_requests_total{route="vod",status="2xx"} 1"#,
            r#"headend_requests_total{route="vod",status="5xx"} 1"#,
            r#"headend_response_bytes_total{route="vod"} 101"#,
            r#"headend_request_duration_seconds_bucket{route="vod",le="0.00025"} 1"#,
            r#"headend_request_duration_seconds_count{route="vod"} 2"#,
            "headend_assets 3",
            concat!(
                r#"headend_build_info{version=""#,
                env!("CARGO_PKG_VERSION"),
                r#""} 1"#
            ),
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
