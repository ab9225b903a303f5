//! A small ordered XML element tree: what manifests are read from, and what they carry through
//! unchanged.
//!
//! [`parse`] is tolerant of what packagers write (attributes without white space between them,
//! lone ampersands, a DOCTYPE, which is skipped and never expanded) and strict about size. It does
//! not resolve namespaces: names stay as written, with their prefixes.

mod read;
mod write;

pub use read::{Limits, XmlError, parse, parse_within};
pub use write::{push_attribute_value, push_element, push_text};

/// An element with its attributes and children in document order.
#[derive(Clone, Debug, Default)]
pub struct Element {
    /// Name as written, with its prefix (`cenc:pssh`).
    pub name: String,
    /// Attributes in document order, names as written, values unescaped.
    pub attributes: Vec<(String, String)>,
    /// Children in document order.
    pub children: Vec<Node>,
    /// Where it was read; 0:0 when it was not read but made. Not part of equality.
    pub position: Position,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A child of an element. Comments and processing instructions are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data, unescaped.
    Text(String),
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.attributes == other.attributes
            && self.children == other.children
    }
}

impl Eq for Element {}

impl Element {
    /// Makes an element with attributes and without children.
    pub fn new(name: &str, attributes: &[(&str, &str)]) -> Self {
        Self {
            name: name.to_owned(),
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    /// Returns the value of the attribute called `name`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the name without its prefix.
    pub fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or(&self.name)
    }

    /// Iterates over the child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Returns the first child element with this local name.
    pub fn child(&self, local_name: &str) -> Option<&Element> {
        self.elements()
            .find(|element| element.local_name() == local_name)
    }

    /// Returns the text directly below, joined and trimmed.
    pub fn text(&self) -> String {
        let parts: String = self
            .children
            .iter()
            .filter_map(|node| match node {
                Node::Text(text) => Some(text.as_str()),
                Node::Element(_) => None,
            })
            .collect();
        parts.trim().to_owned()
    }
}
