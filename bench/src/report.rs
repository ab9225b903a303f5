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
        self.note(&format!("{name:58} {value:8.2}  (bound {bound}) {verdict}"));
        self.rows.push(json!({
            "name": name,
            "value": value,
            "bound": bound,
            "met": value <= bound,
            "detail": detail,
        }));
    }

    /// Prints a line.
    pub(crate) fn note(&mut self, line: &str) {
        self.lines.push(line.to_owned());
        // Nobody reads any more: the file is written all the same.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// Writes the file.
    pub(crate) fn finish(self) {
        let path = launch::repository().join("bench/results.json");
        let report = json!({"lines": self.lines, "results": self.rows});
        let text = serde_json::to_string_pretty(&report).expect("JSON");
        std::fs::write(path, text + "\n").expect("bench/results.json");
    }
}
