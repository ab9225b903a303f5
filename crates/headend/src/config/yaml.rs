//! YAML (and so JSON) in and out. The only module that knows the YAML library.
//!
//! A file is read strictly into the [`Overlay`]. When that fails, it is read once more as a bare
//! tree and each of its leaves is tried alone, so that every wrong key is named with its place and
//! not only the first.

use std::{collections::BTreeSet, fmt, path::Path};

use serde::{
    Deserialize, Serialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::{Error, Issue, Overlay};

/// The key whose values are jobs.
const CHANNELS: &str = "channels";

/// Keys below which names are given.
const NAMED: [&str; 4] = [CHANNELS, "feeds", "streams", "templates"];

/// Reads a configuration. `name` is for messages; what it names is looked for from `folder` on.
pub(super) fn parse(name: &str, folder: &Path, text: &str) -> Result<Overlay, Error> {
    // An empty file, or one of comments only, sets nothing.
    let read = serde_saphyr::from_str::<Option<Overlay>>(text);
    let tree = lenient(text);
    let mut issues = Vec::new();
    if let Some(tree) = &tree {
        tree.odd_keys(&mut Vec::new(), &mut issues);
    }
    let position = |path: &[&str]| tree.as_ref()?.position(path);
    let failed = match read {
        Ok(overlay) => {
            let mut overlay = overlay.unwrap_or_default();
            match overlay.read_parts(folder, position) {
                Ok(()) if issues.is_empty() => return Ok(overlay),
                Ok(()) => {}
                Err(found) => issues.extend(found),
            }
            None
        }
        Err(error) => {
            if let Some(tree) = &tree {
                tree.try_channels(folder, &mut issues);
                let mut wrong = Vec::new();
                tree.try_leaves(&mut Vec::new(), &mut wrong);
                issues.extend(try_rest(tree, folder, &wrong));
                issues.extend(wrong);
            }
            Some(error)
        }
    };
    if let Some(failed) = failed.filter(|_| issues.is_empty()) {
        let position = failed.location().map(|at| (at.line(), at.column()));
        issues.push(Issue {
            position,
            ..Issue::whole(failed.without_snippet().to_string())
        });
    }
    issues.sort_by_key(|issue| issue.position);
    Err(Error::new(name, issues))
}

/// Reads any YAML, also one in which keys are there twice.
fn lenient(text: &str) -> Option<Tree> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// Reads what is left of a configuration without the leaves that are wrong, and returns what is wrong
/// with that; not that something is missing which was taken away.
fn try_rest(tree: &Tree, folder: &Path, wrong: &[Issue]) -> Vec<Issue> {
    let taken: Vec<&str> = wrong.iter().map(|issue| issue.key.as_str()).collect();
    let Ok(mut overlay) = Overlay::deserialize(tree.without(&taken, &mut Vec::new())) else {
        return Vec::new();
    };
    // They were read alone.
    overlay.channels = None;
    let mut issues = overlay
        .read_parts(folder, |path| tree.position(path))
        .err()
        .unwrap_or_default();
    issues.retain(|issue| {
        let missing = issue.missing.map(|key| format!("{}.{key}", issue.key));
        let is_taken =
            |key: &str| key == issue.key || missing.as_ref().is_some_and(|missing| missing == key);
        !taken.iter().any(|key| is_taken(key))
    });
    issues
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
    Map(Vec<(Spanned<Key>, Tree)>),
    Leaf(Value),
}

/// A key of a map.
struct Key {
    name: String,
    /// Whether it is a text, and not a number or `true`, say.
    is_text: bool,
}

impl Tree {
    /// Returns the place of a key by its parents and name, or of the nearest parent that is there.
    fn position(&self, path: &[&str]) -> Option<(u64, u64)> {
        let (first, rest) = path.split_first()?;
        let Self::Map(entries) = self else {
            return None;
        };
        let (key, node) = entries.iter().find(|(key, _)| key.value.name == *first)?;
        node.position(rest)
            .or_else(|| Some((key.referenced.line(), key.referenced.column())))
    }

    /// Reads the channels alone, when the rest cannot be read; adds what is wrong.
    fn try_channels(&self, folder: &Path, issues: &mut Vec<Issue>) {
        let Self::Map(entries) = self else { return };
        let Some((key, channels)) = entries.iter().find(|(key, _)| key.value.name == CHANNELS)
        else {
            return;
        };
        let alone = Value::Object(Map::from_iter([(key.value.name.clone(), channels.value())]));
        if let Ok(mut overlay) = Overlay::deserialize(alone) {
            let found = overlay.read_parts(folder, |path| self.position(path));
            issues.extend(found.err().unwrap_or_default());
        }
    }

    /// Tries every leaf alone as a configuration with just this key; adds what is wrong.
    fn try_leaves(&self, path: &mut Vec<String>, issues: &mut Vec<Issue>) {
        let Self::Map(entries) = self else { return };
        for (key, node) in entries {
            path.push(key.value.name.clone());
            match node {
                // These are read as a whole.
                Self::Map(_) if path[..] == [CHANNELS] => {}
                Self::Leaf(value) => {
                    let alone = path.iter().rev().fold(value.clone(), |inner, key| {
                        Value::Object(Map::from_iter([(key.clone(), inner)]))
                    });
                    if let Err(error) = Overlay::deserialize(alone) {
                        issues.push(at(key, path, error.to_string()));
                    }
                }
                map @ Self::Map(_) => map.try_leaves(path, issues),
            }
            path.pop();
        }
    }

    /// Adds keys that are there twice, and those of named things that are no texts.
    fn odd_keys(&self, path: &mut Vec<String>, issues: &mut Vec<Issue>) {
        let Self::Map(entries) = self else { return };
        let mut names = BTreeSet::new();
        for (key, node) in entries {
            let Key { name, is_text } = &key.value;
            path.push(name.clone());
            if !names.insert(name) {
                issues.push(at(key, path, "it is there twice".to_owned()));
            }
            if !is_text && matches!(&path[..], [section, _] if NAMED.contains(&section.as_str())) {
                let reason = format!("`{name}` is no text; write \"{name}\" if it is to be a name");
                issues.push(at(key, path, reason));
            }
            node.odd_keys(path, issues);
            path.pop();
        }
    }

    /// Returns the tree as a value without some leaves; an entry of named things becomes empty
    /// instead, so that it is still there.
    fn without(&self, taken: &[&str], path: &mut Vec<String>) -> Value {
        let Self::Map(entries) = self else {
            return self.value();
        };
        let mut left = Map::new();
        for (key, node) in entries {
            path.push(key.value.name.clone());
            if !taken.contains(&path.join(".").as_str()) {
                left.insert(key.value.name.clone(), node.without(taken, path));
            } else if path.len() == 2 {
                left.insert(key.value.name.clone(), Value::Object(Map::new()));
            }
            path.pop();
        }
        Value::Object(left)
    }

    fn value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.value.name.clone(), node.value()))
                    .collect(),
            ),
        }
    }
}

/// Names what is wrong with a key.
fn at(key: &Spanned<Key>, path: &[String], reason: String) -> Issue {
    Issue {
        position: Some((key.referenced.line(), key.referenced.column())),
        ..Issue::at_key(&path.join("."), reason)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (name, is_text) = match Tree::deserialize(deserializer)? {
            Tree::Leaf(Value::String(name)) => (name, true),
            Tree::Leaf(Value::Null) => ("null".to_owned(), false),
            other => (other.value().to_string(), false),
        };
        Ok(Self { name, is_text })
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
