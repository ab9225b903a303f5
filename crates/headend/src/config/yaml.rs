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

/// The key whose values are jobs.
const CHANNELS: &str = "channels";

/// Reads a configuration. `name` is for messages.
pub(super) fn parse(name: &str, text: &str) -> Result<Overlay, Error> {
    // An empty file, or one of comments only, sets nothing.
    let read = serde_saphyr::from_str::<Option<Overlay>>(text);
    let mut issues = Vec::new();
    let failed = match read {
        Ok(None) => return Ok(Overlay::default()),
        Ok(Some(mut overlay)) => {
            let tree = serde_saphyr::from_str::<Tree>(text).ok();
            let position = |path: &[&str]| tree.as_ref()?.position(path);
            match overlay.read_parts(position) {
                Ok(()) => return Ok(overlay),
                Err(found) => issues.extend(found),
            }
            None
        }
        Err(error) => {
            if let Ok(tree) = serde_saphyr::from_str::<Tree>(text) {
                tree.try_channels(&mut issues);
                tree.try_leaves(&mut Vec::new(), &mut issues);
            }
            Some(error)
        }
    };
    if let Some(failed) = failed.filter(|_| issues.is_empty()) {
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

/// Reads a value.
pub(super) fn read<T: serde::de::DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    Ok(serde_saphyr::from_str(text)?)
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
    /// Returns the place of a key by its parents and name, or of the nearest parent that is there.
    fn position(&self, path: &[&str]) -> Option<(u64, u64)> {
        let (first, rest) = path.split_first()?;
        let Self::Map(entries) = self else {
            return None;
        };
        let (key, node) = entries.iter().find(|(key, _)| key.value == *first)?;
        node.position(rest)
            .or_else(|| Some((key.referenced.line(), key.referenced.column())))
    }

    /// Reads the channels alone, when the rest cannot be read; adds what is wrong.
    fn try_channels(&self, issues: &mut Vec<Issue>) {
        let Self::Map(entries) = self else { return };
        let Some((key, channels)) = entries.iter().find(|(key, _)| key.value == CHANNELS) else {
            return;
        };
        let alone = Value::Object(Map::from_iter([(key.value.clone(), channels.value())]));
        if let Ok(mut overlay) = Overlay::deserialize(alone) {
            let found = overlay.read_parts(|path| self.position(path));
            issues.extend(found.err().unwrap_or_default());
        }
    }

    /// Tries every leaf alone as a configuration with just this key; adds what is wrong.
    fn try_leaves(self, path: &mut Vec<String>, issues: &mut Vec<Issue>) {
        let Self::Map(entries) = self else { return };
        for (key, node) in entries {
            let position = (key.referenced.line(), key.referenced.column());
            path.push(key.value);
            match node {
                // These are read as a whole.
                Self::Map(_) if path[..] == [CHANNELS] => {}
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

    fn value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.value.clone(), node.value()))
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
            list.push(item.value());
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
