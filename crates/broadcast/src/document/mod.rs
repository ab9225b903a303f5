//! A JSON or YAML document read into typed structs, with *every* fault in it told at once.
//!
//! serde stops at the first fault. Here the document is first read into a tree that knows where each
//! key stands; the typed structs are then read from the tree, and when that fails the node at fault
//! is noted, taken out, and the rest is tried again. So the structs need nothing but serde's derive,
//! and a file with five faults gets five messages. Structs that are read this way give every field a
//! default; what must be there is checked by whoever reads.
//!
//! Does not know what the documents are about.

mod de;
mod forms;
mod nearest;
mod tree;

use std::fmt;

use serde::de::DeserializeOwned;

pub(crate) use forms::{OneOrMany, TextOrMap, one_or_many, text_or_map};
pub(crate) use nearest::nearest;

use de::{Failure, Reader, Step};
use tree::{Node, Tree};

/// A document has fewer faults than this, or the rest goes untold.
const MOST_FAULTS: usize = 200;

/// One thing that is wrong in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to what is wrong; empty for the document as a whole.
    pub pointer: String,
    /// Line and column, from 1, when the text gives them.
    pub position: Option<(u64, u64)>,
    /// What is wrong.
    pub reason: String,
    /// What may stand there, when it is one of a list.
    pub allowed: Vec<String>,
    /// The allowed name that is nearest to what was written.
    pub nearest: Option<String>,
}

impl Fault {
    /// Names a fault at `pointer`.
    pub fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            reason: reason.into(),
            ..Self::default()
        }
    }

    /// Adds the names that are allowed, and which of them is nearest to `written`.
    #[must_use]
    pub fn allowing<T: AsRef<str>>(
        mut self,
        written: &str,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.allowed = names
            .into_iter()
            .map(|name| name.as_ref().to_owned())
            .collect();
        self.nearest = nearest(written, &self.allowed).map(str::to_owned);
        self
    }

    /// Moves the fault below `parent`.
    #[must_use]
    pub fn below(mut self, parent: &str) -> Self {
        self.pointer.insert_str(0, parent);
        self
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.reason)?;
        if let Some(name) = &self.nearest {
            write!(f, "; did you mean `{name}`?")?;
        }
        if !self.allowed.is_empty() {
            write!(f, " (allowed: {})", self.allowed.join(", "))?;
        }
        Ok(())
    }
}

/// A parsed document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    tree: Tree,
}

impl Document {
    /// Parses JSON or YAML; an empty text is an empty object. Fails with the syntax fault.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        match serde_saphyr::from_str::<Option<Tree>>(text) {
            Ok(tree) => Ok(Self {
                tree: tree.unwrap_or_default(),
            }),
            Err(error) => Err(Fault {
                position: error.location().map(|at| (at.line(), at.column())),
                ..Fault::new("", error.without_snippet().to_string())
            }),
        }
    }

    /// Makes an object of names with untyped texts, such as the query of a URL has them.
    pub(crate) fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let entries = pairs
            .into_iter()
            .map(|(name, text)| (name, Tree::new(Node::Loose(text))));
        Self {
            tree: Tree::new(Node::Map(entries.collect())),
        }
    }

    /// Reads the whole document. What is at fault is left out of the value and listed.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> (T, Vec<Fault>) {
        let mut tree = self.tree.clone();
        let mut faults = Vec::new();
        while faults.len() < MOST_FAULTS {
            let failure = match T::deserialize(Reader::new(&tree)) {
                Ok(value) => return (value, faults),
                Err(failure) => failure,
            };
            let path = failure.path();
            faults.push(self.fault(&failure, &path));
            if !tree.remove(&path) {
                break;
            }
        }
        (T::default(), faults)
    }

    /// Returns where the node at `pointer` stands, or else the nearest of its parents.
    pub(crate) fn position(&self, pointer: &str) -> Option<(u64, u64)> {
        self.tree.position(pointer)
    }

    fn fault(&self, failure: &Failure, path: &[Step]) -> Fault {
        let pointer = de::pointer(path);
        Fault {
            position: self.position(&pointer),
            ..failure.fault(pointer)
        }
    }
}

/// Reads one of the names of an enum. The fault has no pointer.
pub(crate) fn named<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let tree = Tree::new(Node::Loose(text.to_owned()));
    T::deserialize(Reader::new(&tree)).map_err(|failure| failure.fault(String::new()))
}

#[cfg(test)]
mod tests;
