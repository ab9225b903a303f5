//! Element tree to text, appended to a `String`.

use super::{Element, Node};

/// Writes an attribute value without its quotes (which must be `"`).
pub fn push_attribute_value(out: &mut String, value: &str) {
    push_escaped(out, value, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        0..0x20 => Some("\u{fffd}"),
        _ => None,
    });
}

/// Writes character data.
pub fn push_text(out: &mut String, text: &str) {
    push_escaped(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        b'\t' | b'\n' => None,
        0..0x20 => Some("\u{fffd}"),
        _ => None,
    });
}

/// Copies `text` in stretches, replacing the bytes that `escape` knows. All of them are ASCII.
fn push_escaped(out: &mut String, text: &str, escape: impl Fn(u8) -> Option<&'static str>) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(replacement) = escape(byte) {
            out.push_str(text.get(done..at).unwrap_or_default());
            out.push_str(replacement);
            done = at + 1;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
}

/// Writes an element on lines of its own, indented by `indent` levels of two blanks. Elements with
/// text stay on one line, so that reading gives the same tree. Of attributes with the same name
/// only the first is written.
pub fn push_element(out: &mut String, element: &Element, indent: usize) {
    for _ in 0..indent {
        out.push_str("  ");
    }
    push_inline(out, element, Some(indent));
    out.push('\n');
}

/// Writes an element; children go on their own lines when `indent` is given.
fn push_inline(out: &mut String, element: &Element, indent: Option<usize>) {
    out.push('<');
    out.push_str(&element.name);
    for (index, (name, value)) in element.attributes.iter().enumerate() {
        let earlier = element.attributes.iter().take(index);
        if earlier.into_iter().any(|(known, _)| known == name) {
            continue;
        }
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        push_attribute_value(out, value);
        out.push('"');
    }
    if element.children.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    let only_elements = element
        .children
        .iter()
        .all(|node| matches!(node, Node::Element(_)));
    match indent.filter(|_| only_elements) {
        Some(indent) => {
            out.push('\n');
            for child in element.elements() {
                push_element(out, child, indent + 1);
            }
            for _ in 0..indent {
                out.push_str("  ");
            }
        }
        None => {
            for node in &element.children {
                match node {
                    Node::Element(child) => push_inline(out, child, None),
                    Node::Text(text) => push_text(out, text),
                }
            }
        }
    }
    out.push_str("</");
    out.push_str(&element.name);
    out.push('>');
}
