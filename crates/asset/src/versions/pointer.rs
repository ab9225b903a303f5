//! The pointer: which version of an asset is shown.

use serde::{Deserialize, Serialize};

/// Version of the pointer's format.
const FORMAT: u32 = 1;
/// Versions before the present one that are remembered.
const MAX_PAST: usize = 64;
/// What names of versions begin with.
const PREFIX: &str = "v-";

/// Content of `current.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    format: u32,
    /// Folder of the version that is shown, such as `v-0123456789ab`.
    pub version: String,
    /// Since when it is shown, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// The versions before, the last one first.
    #[serde(default)]
    pub past: Vec<Past>,
}

/// A version that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Its folder.
    pub version: String,
    /// When the next one took its place, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// Tells whether a folder's name is that of a version: `v-` and hexadecimal digits.
pub fn is_version_name(name: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.strip_prefix(PREFIX)
        .is_some_and(|digits| (8..=64).contains(&digits.len()) && digits.bytes().all(digit))
}

impl Pointer {
    /// Makes the first pointer of an asset.
    pub(super) fn first(version: &str, now_ms: i64) -> Self {
        Self {
            format: FORMAT,
            version: version.to_owned(),
            since_ms: now_ms,
            past: Vec::new(),
        }
    }

    /// Makes the pointer that takes this one's place.
    pub(super) fn next(&self, version: &str, now_ms: i64) -> Self {
        let now_past = Past {
            version: self.version.clone(),
            until_ms: now_ms,
        };
        let older = self.past.iter().filter(|past| {
            // It is shown again, or was shown again since.
            past.version != version && past.version != self.version
        });
        Self {
            past: std::iter::once(now_past)
                .chain(older.cloned())
                .take(MAX_PAST)
                .collect(),
            ..Self::first(version, now_ms)
        }
    }

    /// Reads a pointer. The error says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let pointer: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if pointer.format != FORMAT {
            return Err(format!("it has format {}", pointer.format));
        }
        if !is_version_name(&pointer.version) {
            return Err(format!("`{}` is no version", pointer.version));
        }
        Ok(pointer)
    }

    /// Writes it as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // Texts and integers: there is nothing in it that JSON has no form for.
        let mut bytes = serde_json::to_vec_pretty(self).expect("a pointer is JSON");
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_remembers_what_was_shown() {
        let (a, b) = ("v-00000000000a", "v-00000000000b");
        let first = Pointer::first(a, 1);
        let second = first.next(b, 2);
        assert_eq!((second.version.as_str(), second.since_ms), (b, 2));
        let past = |version: &str, until_ms| Past {
            version: version.to_owned(),
            until_ms,
        };
        assert_eq!(second.past, [past(a, 2)]);
        assert_eq!(second.next(a, 3).past, [past(b, 3)], "a is shown again");
        assert_eq!(Pointer::parse(&second.to_json()), Ok(second));
    }

    #[test]
    fn a_pointer_that_leads_elsewhere_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"format":1,"version":"../x","since_ms":0}"#,
            r#"{"format":1,"version":"v-0123456789ab/..","since_ms":0}"#,
            r#"{"format":2,"version":"v-0123456789ab","since_ms":0}"#,
        ] {
            assert!(Pointer::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(!is_version_name("v-0123") && !is_version_name("v-ZZZZZZZZZZZZ"));
    }
}
