//! A small ordered XML element tree, for what manifests carry through unchanged.

/// An element with its attributes and children in document order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Name as written, with its prefix (`cenc:pssh`).
    pub name: String,
    /// Attributes in document order, names as written, values unescaped.
    pub attributes: Vec<(String, String)>,
    /// Children in document order.
    pub children: Vec<Node>,
}

/// A child of an element. Comments and processing instructions are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data, unescaped.
    Text(String),
}

impl Element {
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
