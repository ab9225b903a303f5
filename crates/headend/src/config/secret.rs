//! A text that is compared but never shown.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

/// A secret; shown as `***`.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Secret(String);

impl Secret {
    /// Tells whether `given` is the secret, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, given: &str) -> bool {
        serve::same_secret(self.0.as_bytes(), given.as_bytes())
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() < 8 || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("a token has at least 8 printable ASCII characters, no blanks".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Secret {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "minLength": 8 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_and_never_shown() {
        let secret: Secret = "correct-horse".parse().unwrap();
        assert!(secret.is("correct-horse"));
        for wrong in ["", "correct-hors", "correct-horsf", "correct-horse "] {
            assert!(!secret.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        for bad in ["short", "with blanks in it"] {
            assert!(bad.parse::<Secret>().is_err(), "{bad}");
        }
    }
}
