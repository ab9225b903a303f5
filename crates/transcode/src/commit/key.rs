//! Names of steps, and digests of all that their results depend on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::digest::Digest;

/// Goes into every key; a raise makes all steps run again.
const FORMAT: &str = "headend step 1";
/// Digits of a key: 128 bits.
const DIGITS: usize = 32;

/// A step of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// What the source is.
    Probe,
    /// The source, stored.
    Fetch,
    /// The plan.
    Plan,
    /// A chunk of video by its index, in all renditions.
    Chunk(u32),
    /// An audio track by its position in the plan.
    Audio(u32),
    /// A subtitle track by its position in the plan.
    Text(u32),
    /// The pictures to seek by.
    Thumbnails,
    /// Manifests over what was made.
    Package,
    /// A version of the asset.
    Publish,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe => f.write_str("probe"),
            Self::Fetch => f.write_str("fetch"),
            Self::Plan => f.write_str("plan"),
            Self::Chunk(index) => write!(f, "chunk-{index:05}"),
            Self::Audio(index) => write!(f, "audio-{index}"),
            Self::Text(index) => write!(f, "text-{index}"),
            Self::Thumbnails => f.write_str("thumbnails"),
            Self::Package => f.write_str("package"),
            Self::Publish => f.write_str("publish"),
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = match text.split_once('-') {
            None => match text {
                "probe" => Some(Self::Probe),
                "fetch" => Some(Self::Fetch),
                "plan" => Some(Self::Plan),
                "thumbnails" => Some(Self::Thumbnails),
                "package" => Some(Self::Package),
                "publish" => Some(Self::Publish),
                _ => None,
            },
            Some((kind, index)) => index.parse().ok().and_then(|index| match kind {
                "chunk" => Some(Self::Chunk(index)),
                "audio" => Some(Self::Audio(index)),
                "text" => Some(Self::Text(index)),
                _ => None,
            }),
        };
        known.ok_or_else(|| format!("`{text}` is no step"))
    }
}

impl Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A digest of all that a step's result depends on, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// Begins the key of a step.
    pub fn of(step: Step) -> KeyBuilder {
        let mut digest = Digest::default();
        digest.field(FORMAT);
        digest.field(&step.to_string());
        KeyBuilder(digest)
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 12 digits, which name the version of an asset.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == DIGITS && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is no key of a step"))
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Gathers what a result depends on. The order counts.
pub struct KeyBuilder(Digest);

impl KeyBuilder {
    /// Adds the content that the step starts from: of a source its content id, of another step its
    /// key.
    #[must_use]
    pub fn input(mut self, content: &str) -> Self {
        self.0.field("input");
        self.0.field(content);
        self
    }

    /// Adds parameters. Members of objects count whatever their order.
    #[must_use]
    pub fn parameters(mut self, parameters: &Value) -> Self {
        let mut text = String::new();
        canonical(parameters, &mut text);
        self.0.field("parameters");
        self.0.field(&text);
        self
    }

    /// Adds a tool with its version.
    #[must_use]
    pub fn tool(mut self, tool: &str) -> Self {
        self.0.field("tool");
        self.0.field(tool);
        self
    }

    /// Returns the key.
    pub fn finish(self) -> Key {
        let mut digits = self.0.hex();
        digits.truncate(DIGITS);
        Key(digits)
    }
}

/// Writes JSON with the members of objects by ascending name, whatever map `serde_json` uses.
pub(super) fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in members {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        simple => out.push_str(&simple.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_have_names() {
        for step in [
            Step::Probe,
            Step::Fetch,
            Step::Plan,
            Step::Chunk(0),
            Step::Chunk(123_456),
            Step::Audio(3),
            Step::Text(0),
            Step::Thumbnails,
            Step::Package,
            Step::Publish,
        ] {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        for text in ["", "chunk", "chunk-", "chunk--1", "probe-1", "other"] {
            assert!(text.parse::<Step>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_follow_everything_that_counts() {
        let plan = json!({"a": 1, "b": {"c": [1, 2], "d": "x"}});
        let key = |step, input: &str, plan: &Value, tool: &str| {
            Key::of(step)
                .input(input)
                .parameters(plan)
                .tool(tool)
                .finish()
        };
        let first = key(Step::Chunk(1), "one", &plan, "ffmpeg 5.1");
        let reordered: Value =
            serde_json::from_str(r#"{"b": {"d": "x", "c": [1, 2]}, "a": 1}"#).unwrap();
        assert_eq!(first, key(Step::Chunk(1), "one", &reordered, "ffmpeg 5.1"));
        for other in [
            key(Step::Chunk(2), "one", &plan, "ffmpeg 5.1"),
            key(Step::Chunk(1), "two", &plan, "ffmpeg 5.1"),
            key(Step::Chunk(1), "one", &json!({"a": 1}), "ffmpeg 5.1"),
            key(Step::Chunk(1), "one", &plan, "ffmpeg 6.1"),
        ] {
            assert_ne!(first, other);
        }
        assert_eq!(first.to_string().parse(), Ok(first));
        assert!("../../etc".parse::<Key>().is_err());
    }
}
