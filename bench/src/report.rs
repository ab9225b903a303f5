//! The table on stdout and `bench/results.json`.

use std::io::Write;

use harness::launch;
use serde_json::{Value, json};

use crate::machine;

/// Figures as they come.
#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<Value>,
    lines: Vec<String>,
}

impl Report {
    /// Begins a report.
    pub(crate) fn new() -> Self {
        let mut report = Self {
            rows: Vec::new(),
            lines: Vec::new(),
        };
        report.note(&machine::describe());
        report
    }

    /// Adds a figure that has a bound.
    pub(crate) fn bounded(&mut self, name: &str, value: f64, bound: f64, detail: Value) {
        let verdict = if value <= bound { "ok" } else { "OVER" };
        self.note(&format!("{name:72} {value:8.2}  (bound {bound}) {verdict}"));
        self.rows.push(json!({
            "name": name,
            "value": value,
            "bound": bound,
            "met": value <= bound,
            "detail": detail,
        }));
    }

    /// Adds a figure that others have, for comparison.
    pub(crate) fn measured(&mut self, name: &str, value: f64, detail: Value) {
        self.note(&format!("{name:72} {value:8.2}"));
        self.rows
            .push(json!({ "name": name, "value": value, "detail": detail }));
    }

    /// Adds a figure that is a quantile and has a bound, with its spread.
    pub(crate) fn spread(&mut self, name: &str, values: &[f64], q: f64, bound: f64) {
        let [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1.0].map(|q| quantile(values, q));
        let count = values.len();
        self.bounded(
            name,
            quantile(values, q),
            bound,
            json!({"count": count, "p50": p50, "p95": p95, "p99": p99, "most": most}),
        );
        self.note(&format!(
            "    p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, most {most:.1}, of {count}"
        ));
    }

    /// Prints a line.
    pub(crate) fn note(&mut self, line: &str) {
        self.lines.push(line.to_owned());
        // Nobody reads any more: the file is written all the same.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Writes the file with all that there is so far.
    pub(crate) fn save(&self) {
        let path = launch::repository().join("bench/results.json");
        let report = json!({"lines": self.lines, "results": self.rows});
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        std::fs::write(path, text + "\n").expect("bench/results.json");
    }
}

/// Returns the least value that a share `q` of the values does not exceed.
///
/// # Panics
/// When there are no values.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
