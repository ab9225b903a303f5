//! Entity tags, RFC 9110, 8.8.3.

use std::io::Write as _;

use http::HeaderValue;

/// A strong entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(HeaderValue);

/// How two tags are compared, RFC 9110, 8.8.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A tag marked weak never matches.
    Strong,
    /// The mark is of no account.
    Weak,
}

impl ETag {
    /// Makes the tag `"<format>-<hash>"`, both in hexadecimal. `format` is the version of the code
    /// that makes the bytes, `hash` stands for what they are made from.
    pub fn new(format: u32, hash: u64) -> Self {
        let mut text = [0_u8; 32];
        let mut rest = &mut text[..];
        write!(rest, "\"{format:x}-{hash:016x}\"").expect("27 bytes fit into 32");
        let left = rest.len();
        let value = HeaderValue::from_bytes(&text[..text.len() - left]);
        Self(value.expect("quotes, hexadecimal digits and a hyphen"))
    }

    /// Returns the tag as a header value.
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }

    /// Tells whether the tag is in `list`, the value of `If-Match` or `If-None-Match`; `*` matches
    /// everything. A list that does not follow the grammar matches up to where it breaks.
    pub(super) fn is_in(&self, list: &[u8], comparison: Comparison) -> bool {
        if list.trim_ascii() == b"*" {
            return true;
        }
        Tags(list).any(|(weak, tag)| {
            tag == self.0.as_bytes() && !(weak && comparison == Comparison::Strong)
        })
    }
}

/// Iterates over the tags of a list as `(is weak, tag with its quotes)`.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = (bool, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.0.iter().position(|byte| !b" \t,".contains(byte))?;
        let list = &self.0[at..];
        let (weak, list) = match list.strip_prefix(b"W/") {
            Some(list) => (true, list),
            None => (false, list),
        };
        let inside = list.strip_prefix(b"\"")?;
        let close = inside.iter().position(|&byte| byte == b'"')?;
        let (tag, rest) = list.split_at(close + 2);
        self.0 = rest;
        Some((weak, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_lists() {
        let tag = ETag::new(1, 0xabc);
        assert_eq!(tag.value(), "\"1-0000000000000abc\"");
        for (list, weak, strong) in [
            ("*", true, true),
            (" * ", true, true),
            ("\"1-0000000000000abc\"", true, true),
            ("W/\"1-0000000000000abc\"", true, false),
            ("\"x\", \"1-0000000000000abc\"", true, true),
            ("\"a,b\",,W/\"c\"\t,\"1-0000000000000abc\"", true, true),
            (
                "W/\"1-0000000000000abc\", \"1-0000000000000abc\"",
                true,
                true,
            ),
            ("1-0000000000000abc", false, false),
            ("\"1-0000000000000abc", false, false),
            ("\"\"", false, false),
            ("", false, false),
            ("w/\"1-0000000000000abc\"", false, false),
            ("\"1-0000000000000ABC\"", false, false),
        ] {
            assert_eq!(tag.is_in(list.as_bytes(), Comparison::Weak), weak, "{list}");
            assert_eq!(
                tag.is_in(list.as_bytes(), Comparison::Strong),
                strong,
                "{list}"
            );
        }
    }

    #[test]
    fn the_longest_tag_fits() {
        let tag = ETag::new(u32::MAX, u64::MAX);
        assert_eq!(tag.value(), "\"ffffffff-ffffffffffffffff\"");
    }
}
