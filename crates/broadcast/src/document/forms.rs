//! Short forms: a text where an object could stand, one thing where a list could.

use std::{fmt, marker::PhantomData};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// What may be written as an object or, in short, as a text.
pub(crate) trait TextOrMap: Sized {
    /// What is expected, for messages.
    const EXPECTED: &'static str;

    /// Makes it of the short form.
    fn of_text(text: &str) -> Self;

    /// Reads the long form.
    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads either form.
pub(crate) fn text_or_map<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TextOrMap,
{
    struct Form<T>(PhantomData<T>);

    impl<'de, T: TextOrMap> Visitor<'de> for Form<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::EXPECTED)
        }

        fn visit_str<E>(self, text: &str) -> Result<T, E> {
            Ok(T::of_text(text))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::of_map(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(Form(PhantomData))
}

/// Reads one in either form, or a list of them.
pub(crate) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TextOrMap + Deserialize<'de>,
{
    struct Form<T>(PhantomData<T>);

    impl<'de, T: TextOrMap + Deserialize<'de>> Visitor<'de> for Form<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}, or a list of them", T::EXPECTED)
        }

        fn visit_str<E>(self, text: &str) -> Result<Vec<T>, E> {
            Ok(vec![T::of_text(text)])
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::of_map(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                list.push(item);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_any(Form(PhantomData))
}

/// The schema of what [`one_or_many`] reads; never made.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "stands for a schema only")]
pub(crate) enum OneOrMany<T> {
    /// A single one.
    One(T),
    /// Several.
    Many(Vec<T>),
}
