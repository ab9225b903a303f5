//! Reads typed values from a [`Tree`]; a failure carries the path to the node at fault.

use std::fmt;

use serde::{
    de::{
        self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    Fault,
    tree::{Node, Tree},
};

/// A step from a node to one below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list, by its position as written.
    Item(usize),
}

/// Writes a path as a JSON pointer (RFC 6901).
pub(super) fn pointer(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        out.push('/');
        match step {
            Step::Key(key) => out.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => out.push_str(&index.to_string()),
        }
    }
    out
}

/// Reads a token of a JSON pointer.
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Why a node cannot be read.
#[derive(Debug)]
pub(super) struct Failure {
    /// The path, last step first.
    trail: Vec<Step>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    UnknownKey {
        key: String,
        allowed: &'static [&'static str],
    },
    UnknownName {
        name: String,
        allowed: &'static [&'static str],
    },
    Other {
        reason: String,
    },
}

impl Failure {
    fn other(reason: String) -> Self {
        Self {
            trail: Vec::new(),
            kind: Kind::Other { reason },
        }
    }

    fn under(mut self, step: Step) -> Self {
        self.trail.push(step);
        self
    }

    pub(super) fn path(&self) -> Vec<Step> {
        self.trail.iter().rev().cloned().collect()
    }

    pub(super) fn fault(&self, pointer: String) -> Fault {
        match &self.kind {
            Kind::UnknownKey { key, allowed } => {
                Fault::new(pointer, format!("unknown key `{key}`")).allowing(key, *allowed)
            }
            Kind::UnknownName { name, allowed } => {
                Fault::new(pointer, format!("unknown name `{name}`")).allowing(name, *allowed)
            }
            Kind::Other { reason } => Fault::new(pointer, reason.clone()),
        }
    }
}

/// Says in plain words what serde calls by the names of Rust's types.
fn plainly(expected: &dyn Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        _ => name,
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault(pointer(&self.path())).fmt(f)
    }
}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::other(format!("expected {}, found {found}", plainly(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::other(format!("expected {}, found {found}", plainly(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            trail: Vec::new(),
            kind: Kind::UnknownKey {
                key: field.to_owned(),
                allowed: expected,
            },
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self {
            trail: Vec::new(),
            kind: Kind::UnknownName {
                name: variant.to_owned(),
                allowed: expected,
            },
        }
    }
}

/// Reads a node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    tree: &'a Tree,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree }
    }

    fn unexpected(self) -> Unexpected<'a> {
        match &self.tree.node {
            Node::Null => Unexpected::Unit,
            Node::Bool(value) => Unexpected::Bool(*value),
            Node::Integer(value) => Unexpected::Signed(*value),
            Node::Natural(value) => Unexpected::Unsigned(*value),
            Node::Float(value) => Unexpected::Float(*value),
            Node::Text(text) | Node::Loose(text) => Unexpected::Str(text),
            Node::List(_) => Unexpected::Seq,
            Node::Map(_) => Unexpected::Map,
        }
    }

    /// Reads a loose text as a number, anything else as what it is.
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Node::Loose(text) = &self.tree.node {
            if let Ok(value) = text.parse::<u64>() {
                return visitor.visit_u64(value);
            }
            if let Ok(value) = text.parse::<i64>() {
                return visitor.visit_i64(value);
            }
        }
        self.deserialize_any(visitor)
    }
}

macro_rules! numbers {
    ($($name:ident)*) => {$(
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.number(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.tree.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Integer(value) => visitor.visit_i64(*value),
            Node::Natural(value) => visitor.visit_u64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(text) | Node::Loose(text) => visitor.visit_str(text),
            Node::List(items) => visitor.visit_seq(Items(items.iter())),
            Node::Map(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                value: None,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.tree.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.tree.node {
            Node::Loose(text) => match text.as_str() {
                "true" | "yes" | "on" | "1" | "" => visitor.visit_bool(true),
                "false" | "no" | "off" | "0" => visitor.visit_bool(false),
                _ => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.tree.node {
            Node::Map(_) => self.deserialize_any(visitor),
            // A key with nothing behind it is an object without keys.
            Node::Null => visitor.visit_map(Entries {
                rest: [].iter(),
                value: None,
            }),
            _ => Err(de::Error::invalid_type(self.unexpected(), &"an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.tree.node {
            Node::Text(text) | Node::Loose(text) => {
                visitor.visit_enum(text.as_str().into_deserializer())
            }
            _ => {
                let expected = format!("one of {}", variants.join(", "));
                Err(de::Error::invalid_type(
                    self.unexpected(),
                    &expected.as_str(),
                ))
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier
    }
}

/// The items of a list.
struct Items<'a>(std::slice::Iter<'a, (usize, Tree)>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((index, tree)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader::new(tree))
            .map(Some)
            .map_err(|failure| failure.under(Step::Item(*index)))
    }
}

/// The entries of an object.
struct Entries<'a> {
    rest: std::slice::Iter<'a, (String, Tree)>,
    value: Option<&'a (String, Tree)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.value = self.rest.next();
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        seed.deserialize(key.as_str().into_deserializer())
            .map(Some)
            .map_err(|failure: Failure| failure.under(Step::Key(key.clone())))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some((key, tree)) = self.value else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(Reader::new(tree))
            .map_err(|failure| failure.under(Step::Key(key.clone())))
    }
}
