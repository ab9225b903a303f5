//! Spans of time as a configuration has them: `2`, `0.5`, `500ms`, `10s`, `5m`, `1h`.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// Longest span that can be written: a year.
const LONGEST_MS: u64 = 366 * 24 * 3600 * 1000;

/// A span of time, exact to the millisecond. A bare number is seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// Makes one of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Returns it.
    pub const fn duration(self) -> Duration {
        self.0
    }

    fn of_seconds(seconds: f64) -> Result<Self, String> {
        let ms = (seconds * 1000.0).round();
        // NaN is in no range.
        if !(0.0..=LONGEST_MS as f64).contains(&ms) {
            return Err(format!(
                "`{seconds}` is no span of time: seconds from 0 up to a year"
            ));
        }
        Ok(Self(Duration::from_millis(ms as u64)))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let factor = match unit.trim() {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong(text)),
        };
        let number: f64 = number.parse().map_err(|_| wrong(text))?;
        Self::of_seconds(number * factor)
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no span of time; write seconds, or 500ms, 10s, 5m, 1h")
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms.is_multiple_of(1000) {
            write!(f, "{}s", ms / 1000)
        } else {
            write!(f, "{ms}ms")
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a span of time: seconds, or 500ms, 10s, 5m, 1h")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Span, E> {
        Span::of_seconds(value as f64).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Span, E> {
        Span::of_seconds(value as f64).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Span, E> {
        Span::of_seconds(value).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Span, E> {
        value.parse().map_err(E::custom)
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A span of time: seconds, or 500ms, 10s, 5m, 1h.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9.]+ ?(ms|s|m|min|h)?$" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (json, ms, written) in [
            ("3", 3000, "3s"),
            ("0.25", 250, "250ms"),
            ("\"500ms\"", 500, "500ms"),
            ("\"1.5 m\"", 90_000, "90s"),
            ("\"2h\"", 7_200_000, "7200s"),
            ("\"10\"", 10_000, "10s"),
            ("0", 0, "0s"),
        ] {
            let span: Span = serde_json::from_str(json).unwrap();
            assert_eq!(span.duration(), Duration::from_millis(ms), "{json}");
            assert_eq!(span.to_string(), written, "{json}");
            assert_eq!(written.parse(), Ok(span));
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for json in [
            "-1",
            "1e300",
            "\"\"",
            "\"s\"",
            "\"1d\"",
            "\"-1s\"",
            "true",
            "\"1.2.3\"",
        ] {
            assert!(serde_json::from_str::<Span>(json).is_err(), "{json}");
        }
    }
}
