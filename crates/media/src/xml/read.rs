//! Text to element tree. The only module that touches `quick-xml`.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

use super::{Element, Node, Position};

/// How much is read before a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Elements inside each other.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            depth: 64,
            elements: 400_000,
            attributes: 256,
        }
    }
}

/// What is wrong with an XML text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}, in {path}: {reason}", position.line, position.column)]
pub struct XmlError {
    /// Where the markup in question begins.
    pub position: Position,
    /// The open elements, such as `MPD/Period`; `document` outside of any.
    pub path: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// Reads an XML document within the default [`Limits`].
pub fn parse(text: &str) -> Result<Element, XmlError> {
    parse_within(text, Limits::default())
}

/// Reads an XML document within `limits`.
pub fn parse_within(text: &str, limits: Limits) -> Result<Element, XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        text,
        limits,
        mark: Mark::default(),
        open: Vec::new(),
        root: None,
        elements: 0,
    };
    if text.len() > limits.bytes {
        let reason = format!(
            "the document has {} bytes, more than the {} allowed",
            text.len(),
            limits.bytes
        );
        return Err(builder.error(0, reason));
    }
    if let Some((at, found)) = text.char_indices().find(|(_, c)| !is_character(*c)) {
        let reason = format!(
            "XML does not allow the character U+{:04X}",
            u32::from(found)
        );
        return Err(builder.error(at, reason));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|error| {
            let at = (reader.error_position() as usize).max(start);
            builder.error(at, error.to_string())
        })?;
        if matches!(event, Event::Eof) {
            return builder.finish(text.len());
        }
        builder.take(event, start)?;
    }
}

/// The furthest byte whose line and column are known, so that positions cost one pass in all.
#[derive(Clone, Copy, Debug)]
struct Mark {
    byte: usize,
    position: Position,
}

impl Default for Mark {
    fn default() -> Self {
        Self {
            byte: 0,
            position: Position { line: 1, column: 1 },
        }
    }
}

struct Builder<'a> {
    text: &'a str,
    limits: Limits,
    mark: Mark,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, at: usize) -> Result<(), XmlError> {
        match event {
            Event::Start(start) => {
                let element = self.element(&start, at)?;
                if self.open.len() >= self.limits.depth {
                    let reason = format!("more than {} elements deep", self.limits.depth);
                    return Err(self.error(at, reason));
                }
                self.open.push(element);
            }
            Event::Empty(start) => {
                let element = self.element(&start, at)?;
                self.close(element, at)?;
            }
            Event::End(_) => {
                let Some(element) = self.open.pop() else {
                    return Err(self.error(at, "an end tag without a start tag".to_owned()));
                };
                self.close(element, at)?;
            }
            Event::Text(text) => self.add_text(&text.xml10_content()),
            Event::CData(text) => self.add_text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let text = self.resolve(&reference, at)?;
                self.add_text(&text);
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>, at: usize) -> Result<Element, XmlError> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            let reason = format!("more than {} elements", self.limits.elements);
            return Err(self.error(at, reason));
        }
        let name = start.name().into_inner();
        if !is_name(name) {
            return Err(self.error(at, format!("`{name}` is no name of an element")));
        }
        let mut element = Element {
            name: name.to_owned(),
            position: self.position(at),
            ..Element::default()
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| {
                self.error(at, format!("in the tag `{}`: {error}", element.name))
            })?;
            if element.attributes.len() >= self.limits.attributes {
                let reason = format!(
                    "`{}` has more than {} attributes",
                    element.name, self.limits.attributes
                );
                return Err(self.error(at, reason));
            }
            let name = attribute.key.into_inner().to_owned();
            if !is_name(&name) {
                let reason = format!("`{name}` is no name of an attribute");
                return Err(self.error(at, reason));
            }
            let value = unescape_attribute(&attribute.value).map_err(|entity| {
                self.error(at, format!("in attribute `{name}`: {}", undefined(&entity)))
            })?;
            element.attributes.push((name, value.into_owned()));
        }
        Ok(element)
    }

    /// Puts a complete element where it belongs.
    fn close(&mut self, mut element: Element, at: usize) -> Result<(), XmlError> {
        drop_indentation(&mut element);
        if let Some(parent) = self.open.last_mut() {
            parent.children.push(Node::Element(element));
        } else if self.root.is_some() {
            let reason = format!("a second root element, `{}`; one is allowed", element.name);
            return Err(self.error(at, reason));
        } else {
            self.root = Some(element);
        }
        Ok(())
    }

    /// Adds character data, joined with what stands before it. Text outside the root is dropped.
    fn add_text(&mut self, text: &str) {
        let Some(parent) = self.open.last_mut() else {
            return;
        };
        if let Some(Node::Text(before)) = parent.children.last_mut() {
            before.push_str(text);
        } else {
            parent.children.push(Node::Text(text.to_owned()));
        }
    }

    fn resolve(
        &mut self,
        reference: &BytesRef<'_>,
        at: usize,
    ) -> Result<Cow<'static, str>, XmlError> {
        let name = reference.xml10_content();
        resolve_reference(&name).ok_or_else(|| self.error(at, undefined(&name)))
    }

    fn finish(mut self, end: usize) -> Result<Element, XmlError> {
        if let Some(element) = self.open.last() {
            let reason = format!("the text ends before `</{}>`", element.name);
            return Err(self.error(end, reason));
        }
        match self.root.take() {
            Some(root) => Ok(root),
            None => Err(self.error(0, "there is no element".to_owned())),
        }
    }

    fn error(&mut self, at: usize, reason: String) -> XmlError {
        let position = self.position(at);
        let names: Vec<&str> = self.open.iter().map(|e| e.name.as_str()).collect();
        XmlError {
            position,
            path: if names.is_empty() {
                "document".to_owned()
            } else {
                names.join("/")
            },
            reason,
        }
    }

    /// Finds line and column of a byte. Positions are asked for in ascending order, all but some
    /// of errors.
    fn position(&mut self, byte: usize) -> Position {
        if byte < self.mark.byte {
            self.mark = Mark::default();
        }
        let passed = self.text.as_bytes().get(self.mark.byte..byte);
        for &b in passed.unwrap_or_default() {
            if b == b'\n' {
                self.mark.position.line += 1;
                self.mark.position.column = 1;
            } else if b & 0xC0 != 0x80 {
                self.mark.position.column += 1;
            }
        }
        self.mark.byte = byte;
        self.mark.position
    }
}

/// Removes white space between child elements, which is only there for the reader's eye.
fn drop_indentation(element: &mut Element) {
    let has_elements = element.elements().next().is_some();
    element.children.retain(|node| match node {
        Node::Element(_) => true,
        Node::Text(text) => !has_elements || !text.trim().is_empty(),
    });
}

fn undefined(entity: &str) -> String {
    format!(
        "entity `&{entity};` is not defined; only &amp; &lt; &gt; &apos; &quot; and character \
         numbers are"
    )
}

/// Tells whether a document may have a character (XML 1.0, 2.2).
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Tells whether a text can be a name (XML 1.0, 2.3); beyond ASCII all is taken.
fn is_name(text: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
    let goes_on = |c: char| begins(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    text.starts_with(begins) && text.chars().all(goes_on)
}

/// Resolves a predefined entity or a character number (`amp`, `#233`, `#xE9`).
fn resolve_reference(name: &str) -> Option<Cow<'static, str>> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        let character = code
            .ok()
            .and_then(char::from_u32)
            .filter(|c| is_character(*c))?;
        return Some(Cow::Owned(character.to_string()));
    }
    quick_xml::escape::resolve_xml_entity(name).map(Cow::Borrowed)
}

/// Resolves references in an attribute and turns white space into blanks (XML 1.0, 3.3.3). An
/// ampersand that begins no reference stands for itself. The error is the name of an entity.
fn unescape_attribute(raw: &str) -> Result<Cow<'_, str>, String> {
    if !raw.contains(['&', '\t', '\n', '\r']) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, found) = rest.split_at(at);
        value.push_str(before);
        let mut tail = found.chars();
        match tail.next() {
            Some('&') => {
                rest = tail.as_str();
                let Some((name, behind)) = reference_name(rest) else {
                    value.push('&');
                    continue;
                };
                let text = resolve_reference(name).ok_or_else(|| name.to_owned())?;
                value.push_str(&text);
                rest = behind;
            }
            Some('\r') => {
                value.push(' ');
                rest = tail.as_str().strip_prefix('\n').unwrap_or(tail.as_str());
            }
            _ => {
                value.push(' ');
                rest = tail.as_str();
            }
        }
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

/// Splits `name;rest` when `name` looks like that of a reference.
fn reference_name(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(';')?;
    let plausible = (1..=16).contains(&name.len())
        && name
            .bytes()
            .enumerate()
            .all(|(i, b)| b.is_ascii_alphanumeric() || (i == 0 && b == b'#'));
    plausible.then_some((name, rest))
}

#[cfg(test)]
mod tests;
