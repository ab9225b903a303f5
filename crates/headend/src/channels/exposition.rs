//! What is measured of channels in the Prometheus text format (version 0.0.4).

use std::fmt::Write as _;

use broadcast::metrics::{ALL, BOUNDS_MS, Distribution, Kind, Metric, Sample, Value};

/// Writes the samples of all channels, by name of the metric as the format wants it.
pub(crate) fn exposition(channels: &[(String, Vec<Sample>)]) -> String {
    let mut out = String::new();
    for metric in ALL {
        let mut is_headed = false;
        for (channel, samples) in channels {
            for sample in samples.iter().filter(|sample| sample.metric == *metric) {
                if !is_headed {
                    head(&mut out, metric);
                    is_headed = true;
                }
                write_sample(&mut out, channel, sample);
            }
        }
    }
    out
}

fn head(out: &mut String, metric: &Metric) {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let _ = writeln!(out, "# HELP {} {}", metric.name, metric.help);
    let _ = writeln!(out, "# TYPE {} {kind}", metric.name);
}

fn write_sample(out: &mut String, channel: &str, sample: &Sample) {
    let name = sample.metric.name;
    let mut labels = format!("channel=\"{}\"", escaped(channel));
    for (label, value) in sample.metric.labels.iter().zip(&sample.labels) {
        let _ = write!(labels, ",{label}=\"{}\"", escaped(value));
    }
    match &sample.value {
        Value::Number(value) => {
            let _ = writeln!(out, "{name}{{{labels}}} {value}");
        }
        Value::Distribution(distribution) => histogram(out, name, &labels, distribution),
    }
}

fn histogram(out: &mut String, name: &str, labels: &str, distribution: &Distribution) {
    for (bound, count) in BOUNDS_MS.iter().zip(distribution.up_to) {
        let bound = seconds(*bound);
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
    }
    let count = distribution.count;
    let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
    let _ = writeln!(
        out,
        "{name}_sum{{{labels}}} {}",
        seconds(distribution.sum_ms)
    );
    let _ = writeln!(out, "{name}_count{{{labels}}} {count}");
}

/// Writes milliseconds as seconds, exactly.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Escapes the value of a label.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use broadcast::metrics::{self, Histogram};

    use super::*;

    fn sample(metric: &'static Metric, label: Option<&str>, value: Value) -> Sample {
        Sample {
            metric,
            labels: label.map(str::to_owned).into_iter().collect(),
            value,
        }
    }

    #[test]
    fn samples_are_grouped_by_name() {
        let late = Histogram::default();
        for ms in [3, 20, 7000] {
            late.add(ms);
        }
        let of = |late: Value| {
            vec![
                sample(&metrics::SPEED, None, Value::Number(1.5)),
                sample(&metrics::LAG, Some("v\"720"), Value::Number(0.04)),
                sample(&metrics::PART_LATE, None, late),
            ]
        };
        let channels = [
            ("a".to_owned(), of(Value::Distribution(late.read()))),
            (
                "b".to_owned(),
                of(Value::Distribution(Distribution::default())),
            ),
        ];
        insta::assert_snapshot!(exposition(&channels));
    }

    #[test]
    fn without_channels_there_is_nothing() {
        assert_eq!(exposition(&[]), "");
    }
}
