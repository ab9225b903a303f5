//! What is measured of channels: one table of names, and the values of a channel at an instant. The
//! program renders them.
//!
//! Labels are few and bounded: channel, track, state, reason, direction, target; never a URL.

mod histogram;

pub use histogram::{BOUNDS_MS, Distribution, Histogram};
use process::supervise::State;

use crate::channel::Status;

/// How a value moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the program starts anew.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by classes.
    Histogram,
}

/// A name.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// As Prometheus has it.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it says.
    pub help: &'static str,
    /// Labels besides `channel`.
    pub labels: &'static [&'static str],
}

macro_rules! table {
    ($($constant:ident $name:literal $kind:ident [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                help: $help,
                labels: &[$($label),*],
            };
        )*

        /// Every name, in the order of the pages.
        pub const ALL: &[&Metric] = &[$(&$constant),*];
    };
}

table! {
    STATE "headend_pipeline_state" Gauge ["state"]
        "1 for the state that the channel is in, else 0";
    RESTARTS "headend_restarts_total" Counter ["reason"]
        "Runs of the encoder that ended, by the kind of their end";
    CONNECTED "headend_input_connected_seconds" Gauge []
        "For how long the source has been delivering";
    SPEED "headend_encode_speed" Gauge []
        "Speed of encoding over the last seconds; 1 is real time";
    FPS "headend_encode_fps" Gauge []
        "Frames encoded a second, as the mean of the run";
    DROPPED "headend_frames_dropped_total" Counter []
        "Frames left out by the encoder in this run";
    DUPLICATED "headend_frames_duplicated_total" Counter []
        "Frames repeated by the encoder in this run";
    LAG "headend_fragment_lag_seconds" Gauge ["track"]
        "Since the last fragment of a track came";
    PART_LATE "headend_part_late_seconds" Histogram []
        "From the end of a part's last frame, by the timeline, to the part being there";
    SEGMENTS "headend_segments_total" Counter ["track"]
        "Segments made of a track";
    GAPS "headend_gaps_total" Counter ["track"]
        "Parts and segments of a track that were marked as lost";
    AGE "headend_playlist_age_seconds" Gauge []
        "Since the playlists last changed";
    DVR "headend_dvr_seconds" Gauge []
        "Media that can be gone back to";
    WINDOW_BYTES "headend_window_memory_bytes" Gauge []
        "Media in memory";
    DISK_FREE "headend_disk_free_bytes" Gauge []
        "Room on the disk of the channel";
    CHILD_CPU "headend_child_cpu_seconds_total" Counter []
        "Processor time of the processes of this run";
    CHILD_MEMORY "headend_child_rss_bytes" Gauge []
        "Memory of the processes";
    CHILD_IO "headend_child_io_bytes_total" Counter ["direction"]
        "Bytes that the processes of this run read from and wrote to storage";
    ALARMS "headend_channel_alarms" Gauge []
        "Alarms that are on besides the state: disks, publishing targets, the output";
    EVENTS_LOST "headend_events_lost_total" Counter []
        "Events that listeners were too slow for";
    HOOKS_TOLD "headend_webhook_events_total" Counter []
        "Events that web hooks took";
    HOOKS_FAILED "headend_webhook_failures_total" Counter []
        "Events that were given up since a web hook did not take them";
    UPLOAD_SECONDS "headend_upload_seconds" Histogram ["target"]
        "Time that an object took to a publishing target";
    UPLOAD_FAILURES "headend_upload_failures_total" Counter ["target"]
        "Tries of an object that a publishing target refused";
    UPLOAD_QUEUE "headend_upload_queue" Gauge ["target"]
        "Objects that wait for a publishing target";
}

/// A value of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name.
    pub metric: &'static Metric,
    /// Value of each of its labels, in their order.
    pub labels: Vec<String>,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Distribution(Distribution),
}

impl Sample {
    /// Makes the sample of a name without labels of its own.
    pub fn plain(metric: &'static Metric, value: f64) -> Self {
        Self {
            metric,
            labels: Vec::new(),
            value: Value::Number(value),
        }
    }
}

/// Returns the values of a channel.
pub fn snapshot(status: &Status) -> Vec<Sample> {
    let mut samples = Samples(Vec::new());
    let job = &status.job;
    for state in State::ALL {
        let value = if state == job.state { 1.0 } else { 0.0 };
        samples.labelled(&STATE, state.as_str(), Some(value));
    }
    for end in &job.ends {
        samples.labelled(&RESTARTS, end.class.as_str(), Some(end.count as f64));
    }
    let flowing = job.state.is_flowing().then_some(job.state_ms);
    samples.add(&CONNECTED, Some(flowing.map_or(0.0, seconds)));
    samples.add(&SPEED, job.speed_permille.map(thousandth));
    let progress = job.progress.as_ref();
    let of_progress = |value: Option<u64>| value.map(|it| it as f64);
    samples.add(
        &FPS,
        progress.and_then(|it| it.fps_permille).map(thousandth),
    );
    samples.add(&DROPPED, of_progress(progress.and_then(|it| it.dropped)));
    samples.add(
        &DUPLICATED,
        of_progress(progress.and_then(|it| it.duplicated)),
    );
    for track in &job.tracks {
        samples.labelled(&LAG, &track.name, track.lag_ms.map(seconds));
    }
    samples.0.push(Sample {
        metric: &PART_LATE,
        labels: Vec::new(),
        value: Value::Distribution(status.part_late.clone()),
    });
    for track in &status.media {
        samples.labelled(&SEGMENTS, &track.id, Some(track.segments as f64));
        samples.labelled(&GAPS, &track.id, Some(track.gaps as f64));
    }
    let window = status.window.as_ref();
    let ms = |value: i64| value as f64 / 1000.0;
    samples.add(&AGE, window.and_then(|it| it.age_ms).map(ms));
    samples.add(&DVR, window.map(|it| ms(it.dvr_ms)));
    samples.add(&WINDOW_BYTES, window.map(|it| it.memory_bytes as f64));
    samples.add(&DISK_FREE, status.disk_free.map(|it| it as f64));
    if let Some(usage) = &job.usage {
        samples.add(&CHILD_CPU, Some(seconds(usage.cpu_ms)));
        samples.add(&CHILD_MEMORY, Some(usage.memory as f64));
        for (direction, bytes) in [("read", usage.read_bytes), ("write", usage.write_bytes)] {
            samples.labelled(&CHILD_IO, direction, bytes.map(|it| it as f64));
        }
    }
    samples.add(&ALARMS, Some(status.alarms.len() as f64));
    samples.add(&EVENTS_LOST, Some(status.events_lost as f64));
    samples.0
}

struct Samples(Vec<Sample>);

impl Samples {
    fn add(&mut self, metric: &'static Metric, value: Option<f64>) {
        self.push(metric, Vec::new(), value);
    }

    fn labelled(&mut self, metric: &'static Metric, label: &str, value: Option<f64>) {
        self.push(metric, vec![label.to_owned()], value);
    }

    fn push(&mut self, metric: &'static Metric, labels: Vec<String>, value: Option<f64>) {
        if let Some(value) = value {
            self.0.push(Sample {
                metric,
                labels,
                value: Value::Number(value),
            });
        }
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn thousandth(permille: u64) -> f64 {
    permille as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_those_that_prometheus_wants() {
        let mut seen = BTreeSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("headend_") && !metric.help.is_empty());
            assert_eq!(
                name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{name}"
            );
            assert!(
                metric.labels.len() <= 1,
                "{name}: one label besides the channel"
            );
        }
    }
}
