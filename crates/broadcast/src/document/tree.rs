//! A document as a tree that knows where its keys stand.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use super::de::{self, Step};

/// A node with its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// Line and column of the key, or of the item of a list.
    pub(super) at: Option<(u64, u64)>,
    pub(super) node: Node,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Node {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    Natural(u64),
    Float(f64),
    Text(String),
    /// A text that may also be read as a number or a truth value.
    Loose(String),
    /// Items with their positions in the list as written.
    List(Vec<(usize, Tree)>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    pub(super) fn new(node: Node) -> Self {
        Self { at: None, node }
    }

    /// Returns the child that a step leads to.
    fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.node, step) {
            (Node::Map(entries), Step::Key(key)) => entries
                .iter()
                .find_map(|(name, tree)| (name == key).then_some(tree)),
            (Node::List(items), Step::Item(position)) => items
                .iter()
                .find_map(|(index, tree)| (index == position).then_some(tree)),
            _ => None,
        }
    }

    /// Takes out the node at `path`; tells whether there was one.
    pub(super) fn remove(&mut self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return false;
        };
        match (&mut self.node, step) {
            (Node::Map(entries), Step::Key(key)) if rest.is_empty() => {
                let before = entries.len();
                entries.retain(|(name, _)| name != key);
                entries.len() < before
            }
            (Node::List(items), Step::Item(position)) if rest.is_empty() => {
                let before = items.len();
                items.retain(|(index, _)| index != position);
                items.len() < before
            }
            (Node::Map(entries), Step::Key(key)) => entries
                .iter_mut()
                .find(|(name, _)| name == key)
                .is_some_and(|(_, tree)| tree.remove(rest)),
            (Node::List(items), Step::Item(position)) => items
                .iter_mut()
                .find(|(index, _)| index == position)
                .is_some_and(|(_, tree)| tree.remove(rest)),
            _ => false,
        }
    }

    pub(super) fn position(&self, pointer: &str) -> Option<(u64, u64)> {
        let (mut tree, mut found) = (self, None);
        for token in pointer.split('/').skip(1) {
            let step = match &tree.node {
                Node::List(_) => token.parse().ok().map(Step::Item),
                _ => Some(Step::Key(de::unescaped(token))),
            };
            let Some(child) = step.and_then(|step| tree.child(&step)) else {
                break;
            };
            found = child.at.or(found);
            tree = child;
        }
        found
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

fn place<T>(spanned: &Spanned<T>) -> Option<(u64, u64)> {
    let (line, column) = (spanned.referenced.line(), spanned.referenced.column());
    (line > 0).then_some((line, column))
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::new(Node::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::new(Node::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::new(Node::Natural(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::new(Node::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::new(Node::Text(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::new(Node::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::new(Node::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Tree>>()? {
            let at = place(&item);
            let tree = Tree { at, ..item.value };
            list.push((list.len(), tree));
        }
        Ok(Tree::new(Node::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, tree)) = map.next_entry::<Spanned<String>, Tree>()? {
            let at = place(&key);
            entries.push((key.value, Tree { at, ..tree }));
        }
        Ok(Tree::new(Node::Map(entries)))
    }
}
