//! What a record holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use store::digest;

use super::{Key, Step, key::canonical};

/// Version of the record's format.
pub(super) const FORMAT: u32 = 1;
/// The member that holds the digest of all others.
const SEAL: &str = "seal";

/// An object of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its name in the result, such as `v0/12.m4s`.
    pub name: String,
    /// Its key in the store.
    pub place: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub hash: String,
}

/// Says that a step is done and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Format of the record.
    pub(super) format: u32,
    /// Which step.
    pub step: Step,
    /// What its result depended on.
    pub key: Key,
    /// The result, in the order in which it was staged.
    pub objects: Vec<ObjectRef>,
    /// What else is known.
    #[serde(flatten)]
    pub made: Made,
}

/// What whoever ran a step says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Frames of the result, where it has frames.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frames: Option<u64>,
    /// Presentation time of the first frame in ticks of the output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_pts: Option<i64>,
    /// Presentation time of the last frame in ticks of the output.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_pts: Option<i64>,
    /// Whatever later steps need to know, such as frames and duration of each segment.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub facts: Value,
    /// Tools with their versions.
    pub tool: String,
    /// Who did it.
    pub worker: String,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Fencing token of the lease under which it was done.
    pub fence: u64,
}

impl Record {
    /// Returns the object of a name.
    pub fn object(&self, name: &str) -> Option<&ObjectRef> {
        self.objects.iter().find(|object| object.name == name)
    }

    /// Returns the length of all objects in bytes.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }

    /// Writes it as JSON with a digest of itself, so that no change of it goes unnoticed.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // Structs, texts and integers: there is nothing in it that JSON has no form for.
        let mut value = serde_json::to_value(self).expect("a record is JSON");
        let seal = seal_of(&value);
        if let Value::Object(members) = &mut value {
            members.insert(SEAL.to_owned(), Value::String(seal));
        }
        let mut text = format!("{value:#}").into_bytes();
        text.push(b'\n');
        text
    }

    /// Reads what [`Record::to_json`] wrote. The error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let seal = value
            .as_object_mut()
            .and_then(|members| members.remove(SEAL));
        if seal != Some(Value::String(seal_of(&value))) {
            return Err("its seal is broken".to_owned());
        }
        let record = Self::deserialize(value).map_err(|error| error.to_string())?;
        if record.format != FORMAT {
            return Err(format!("it has format {}", record.format));
        }
        Ok(record)
    }
}

fn seal_of(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    digest::of_bytes(text.as_bytes())
}
