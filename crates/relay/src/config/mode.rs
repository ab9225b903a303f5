//! How long a feed runs.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use super::Span;

/// When a feed is started, and when it is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Runs while somebody needs it.
    #[default]
    OnDemand,
    /// Runs this much longer than somebody needs it.
    Linger(Span),
    /// Runs from its first use on.
    Continuous,
    /// Runs from the start of the server on.
    Autostart,
}

impl Mode {
    /// Returns how long it outlasts its last user; `None` for ever.
    pub fn linger(self) -> Option<Duration> {
        match self {
            Self::OnDemand => Some(Duration::ZERO),
            Self::Linger(span) => Some(span.duration()),
            Self::Continuous | Self::Autostart => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnDemand => f.write_str("on-demand"),
            Self::Linger(span) => span.fmt(f),
            Self::Continuous => f.write_str("continuous"),
            Self::Autostart => f.write_str("autostart"),
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ModeVisitor)
    }
}

struct ModeVisitor;

const EXPECTED: &str =
    "`on-demand`, `continuous`, `autostart`, or for how many seconds it goes on after its last use";

impl Visitor<'_> for ModeVisitor {
    type Value = Mode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Mode, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Mode, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Mode, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Mode, E> {
        // voyandz folds the case.
        match value.to_ascii_lowercase().as_str() {
            "on-demand" => Ok(Mode::OnDemand),
            "continuous" => Ok(Mode::Continuous),
            "autostart" => Ok(Mode::Autostart),
            other => match other.parse() {
                Ok(span) => Ok(Mode::Linger(span)),
                Err(_) => Err(E::custom(format!("`{value}` is no mode; write {EXPECTED}"))),
            },
        }
    }
}

impl schemars::JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        "Mode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "When a feed runs: on-demand, continuous, autostart, or for how long it \
                goes on after its last use.",
            "anyOf": [
                { "enum": ["on-demand", "continuous", "autostart"] },
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
    fn modes_are_read() {
        for (json, expected) in [
            ("\"on-demand\"", Mode::OnDemand),
            ("\"Continuous\"", Mode::Continuous),
            ("\"AUTOSTART\"", Mode::Autostart),
            ("3", Mode::Linger(Span::seconds(3))),
            ("2.0", Mode::Linger(Span::seconds(2))),
            ("\"10s\"", Mode::Linger(Span::seconds(10))),
        ] {
            let mode: Mode = serde_json::from_str(json).unwrap();
            assert_eq!(mode, expected, "{json}");
            let written = serde_json::to_string(&mode).unwrap();
            assert_eq!(serde_json::from_str::<Mode>(&written).unwrap(), mode);
        }
        for json in ["\"sometimes\"", "true", "-1", "[]", "null"] {
            assert!(serde_json::from_str::<Mode>(json).is_err(), "{json}");
        }
    }
}
