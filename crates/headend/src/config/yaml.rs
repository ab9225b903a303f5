//! YAML (and so JSON) in and out. The only module that knows the YAML library.
//!
//! A file is read strictly into the [`Overlay`]. When that fails, it is read once more as a bare
//! tree and each of its leaves is tried alone, so that every wrong key is named with its place and
//! not only the first.

use std::fmt;

use serde::{
    Deserialize, Serialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::{Error, Issue, Overlay};

/// Reads a configuration. `name` is for messages.
pub(super) fn parse(name: &str, text: &str) -> Result<Overlay, Error> {
    // An empty file, or one of comments only, sets nothing.
    let failed = match serde_saphyr::from_str::<Option<Overlay>>(text) {
        Ok(overlay) => return Ok(overlay.unwrap_or_default()),
        Err(error) => error,
    };
    let mut issues = Vec::new();
    if let Ok(tree) = serde_saphyr::from_str::<Tree>(text) {
        tree.try_leaves(&mut Vec::new(), &mut issues);
    }
    if issues.is_empty() {
        let position = failed.location().map(|at| (at.line(), at.column()));
        let reason = failed.without_snippet().to_string();
        issues.push(Issue {
            position,
            key: String::new(),
            reason,
        });
    }
    issues.sort_by_key(|issue| issue.position);
    Err(Error::new(name, issues))
}

/// Writes a value as YAML.
pub(super) fn to_string(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_saphyr::to_string(value)?)
}

/// A YAML node with the places of its keys.
enum Tree {
    Map(Vec<(Spanned<String>, Tree)>),
    Leaf(Value),
}

impl Tree {
    /// Tries every leaf alone as a configuration with just this key; adds what is wrong.
    fn try_leaves(self, path: &mut Vec<String>, issues: &mut Vec<Issue>) {
        let Self::Map(entries) = self else { return };
        for (key, node) in entries {
            let position = (key.referenced.line(), key.referenced.column());
            path.push(key.value);
            match node {
                Self::Leaf(value) => {
                    let alone = path.iter().rev().fold(value, |inner, key| {
                        Value::Object(Map::from_iter([(key.clone(), inner)]))
                    });
                    if let Err(error) = Overlay::deserialize(alone) {
                        issues.push(Issue {
                            position: Some(position),
                            key: path.join("."),
                            reason: error.to_string(),
                        });
                    }
                }
                map @ Self::Map(_) => map.try_leaves(path, issues),
            }
            path.pop();
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::Map(entries) => Value::Object(
                entries
                    .into_iter()
                    .map(|(key, node)| (key.value, node.into_value()))
                    .collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Tree>()? {
            list.push(item.into_value());
        }
        Ok(Tree::Leaf(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}
