//! Values with a unit, as people write them: `2s`, `501ms`, `4.5M`, `8MiB`, `1280x720`, `29.97`.
//!
//! All are exact integers inside; a decimal that a unit cannot hold exactly is an error, never
//! rounded. Each is read from a text or a plain number and written in one canonical form that reads
//! back to the same value.

mod amount;
mod decimal;
mod percent;
mod picture;

mod span;

pub use amount::{BitRate, Bytes};
pub use percent::Percent;
pub use picture::{Rate, Size};
pub use span::{Millis, Seconds};

/// Gives a type that has `FromStr<Err = String>` and `Display` its forms in documents and schemas.
macro_rules! written {
    ($name:ident, $expected:literal, $types:tt, $pattern:literal) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Form;

                impl serde::de::Visitor<'_> for Form {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse()
                            .map_err(|reason| E::custom(format!("expected {}: {reason}", $expected)))
                    }

                    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<$name, E> {
                        self.visit_str(&value.to_string())
                    }

                    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<$name, E> {
                        self.visit_str(&value.to_string())
                    }

                    // The shortest decimal that reads back to the same float: what was written.
                    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<$name, E> {
                        self.visit_str(&value.to_string())
                    }
                }

                deserializer.deserialize_any(Form)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": $types,
                    "pattern": $pattern,
                    "description": $expected,
                })
            }
        }
    };
}
pub(crate) use written;

#[cfg(test)]
mod tests;
