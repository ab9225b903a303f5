//! DASH URL templates (ISO/IEC 23009-1, 5.3.9.4.4): `$RepresentationID$`, `$Number%05d$`, `$Time$`.

use std::fmt::Write as _;

/// What stands between the name of a segment and the index of a part.
const PART: &str = ".part";

/// What a template asks for at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Id,
    Bandwidth(usize),
    Number(usize),
    Time(usize),
}

/// A parsed URL template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

/// What identifies a segment in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// `$Number$`.
    Number(u64),
    /// `$Time$`, in ticks of the track's timescale.
    Time(u64),
}

/// A template that does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad URL template `{template}`: {reason}")]
pub struct TemplateError {
    /// The whole template.
    pub template: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let fail = |reason: String| TemplateError {
            template: text.to_owned(),
            reason,
        };
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            plain.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let end = after
                .find('$')
                .ok_or_else(|| fail("a `$` is not closed".to_owned()))?;
            let inside = &after[..end];
            rest = &after[end + 1..];
            if inside.is_empty() {
                plain.push('$');
                continue;
            }
            let (name, width) = match inside.split_once('%') {
                None => (inside, 0),
                Some((name, format)) => {
                    let digits = format
                        .strip_suffix('d')
                        .and_then(|digits| digits.strip_prefix('0'))
                        .and_then(|digits| digits.parse::<usize>().ok())
                        .filter(|width| *width <= 20)
                        .ok_or_else(|| {
                            fail(format!(
                                "format `%{format}` is not `%0<width>d` of at most 20"
                            ))
                        })?;
                    (name, digits)
                }
            };
            let piece = match name {
                "RepresentationID" if width == 0 => Piece::Id,
                "Bandwidth" => Piece::Bandwidth(width),
                "Number" => Piece::Number(width),
                "Time" => Piece::Time(width),
                other => {
                    return Err(fail(format!(
                        "`${other}$` is not one of RepresentationID, Bandwidth, Number, Time"
                    )));
                }
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self {
            text: text.to_owned(),
            pieces,
        })
    }

    /// Returns the template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether `$Number$` occurs.
    pub fn has_number(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Number(_)))
    }

    /// Tells whether `$Time$` occurs.
    pub fn has_time(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Time(_)))
    }

    /// Returns the same template with `$Time$` in place of `$Number$` and without a width.
    #[must_use]
    pub fn by_time(&self) -> Self {
        self.swap(|piece| match piece {
            Piece::Number(_) => Piece::Time(0),
            other => other,
        })
    }

    /// Returns the same template with `$Number$` in place of `$Time$` and without a width.
    #[must_use]
    pub fn by_number(&self) -> Self {
        self.swap(|piece| match piece {
            Piece::Time(_) => Piece::Number(0),
            other => other,
        })
    }

    fn swap(&self, f: impl Fn(Piece) -> Piece) -> Self {
        let pieces: Vec<Piece> = self.pieces.iter().cloned().map(f).collect();
        let mut text = String::new();
        for piece in &pieces {
            match piece {
                Piece::Text(plain) => text.push_str(&plain.replace('$', "$$")),
                Piece::Id => text.push_str("$RepresentationID$"),
                Piece::Bandwidth(width) => push_identifier(&mut text, "Bandwidth", *width),
                Piece::Number(width) => push_identifier(&mut text, "Number", *width),
                Piece::Time(width) => push_identifier(&mut text, "Time", *width),
            }
        }
        Self { text, pieces }
    }

    /// Writes the URL of one segment (or, without a key, of the init segment) to `out`.
    pub fn expand_to(&self, out: &mut String, id: &str, bandwidth: u64, key: Option<Key>) {
        for piece in &self.pieces {
            match (piece, key) {
                (Piece::Text(plain), _) => out.push_str(plain),
                (Piece::Id, _) => out.push_str(id),
                (Piece::Bandwidth(width), _) => push_padded(out, bandwidth, *width),
                (Piece::Number(width), Some(Key::Number(value)))
                | (Piece::Time(width), Some(Key::Time(value))) => push_padded(out, value, *width),
                (Piece::Number(_) | Piece::Time(_), _) => {}
            }
        }
    }

    /// Returns the URL of one segment or of the init segment.
    pub fn expand(&self, id: &str, bandwidth: u64, key: Option<Key>) -> String {
        let mut out = String::with_capacity(self.text.len() + id.len());
        self.expand_to(&mut out, id, bandwidth, key);
        out
    }

    /// Writes the URL of a part of a segment to `out`: that of the segment with `.part<index>` before
    /// the extension of its file name (`V300/12.part3.m4s`).
    pub fn expand_part_to(&self, out: &mut String, id: &str, bandwidth: u64, key: Key, index: u32) {
        let start = out.len();
        self.expand_to(out, id, bandwidth, Some(key));
        let name = out[start..].rfind('/').map_or(start, |at| start + at + 1);
        let at = match out[name..].rfind('.') {
            Some(dot) if dot > 0 => name + dot,
            _ => out.len(),
        };
        out.insert_str(at, &format!("{PART}{index}"));
    }

    /// Reads key and index out of `path` when it is the URL of a part, as
    /// [`Template::expand_part_to`] writes it.
    pub fn match_part(&self, path: &str, id: &str, bandwidth: u64) -> Option<(Key, u32)> {
        let at = path.rfind(PART)?;
        let after = &path[at + PART.len()..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let index = after[..digits].parse().ok()?;
        let segment = [&path[..at], &after[digits..]].concat();
        let key = self.match_path(&segment, id, bandwidth)??;
        let mut canonical = String::with_capacity(path.len());
        self.expand_part_to(&mut canonical, id, bandwidth, key, index);
        (canonical == path).then_some((key, index))
    }

    /// Reads the key out of `path` when `path` is this template filled in for `id`; `Some(None)`
    /// when the template has no key and the text matches.
    pub fn match_path(&self, path: &str, id: &str, bandwidth: u64) -> Option<Option<Key>> {
        let mut rest = path;
        let mut key = None;
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text(plain) => rest = rest.strip_prefix(plain.as_str())?,
                Piece::Id => rest = rest.strip_prefix(id)?,
                Piece::Bandwidth(width) => {
                    let mut text = String::new();
                    push_padded(&mut text, bandwidth, *width);
                    rest = rest.strip_prefix(text.as_str())?;
                }
                Piece::Number(width) | Piece::Time(width) => {
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    let digits = match self.pieces.get(index + 1) {
                        Some(Piece::Text(next))
                            if next.starts_with(|c: char| c.is_ascii_digit()) =>
                        {
                            rest.rfind(next.as_str())?
                        }
                        _ => digits,
                    };
                    let text = rest.get(..digits)?;
                    let value: u64 = text.parse().ok()?;
                    let mut canonical = String::with_capacity(digits);
                    push_padded(&mut canonical, value, *width);
                    if canonical != text {
                        return None;
                    }
                    let found = match piece {
                        Piece::Number(_) => Key::Number(value),
                        _ => Key::Time(value),
                    };
                    if key.is_some_and(|known| known != found) {
                        return None;
                    }
                    key = Some(found);
                    rest = &rest[digits..];
                }
            }
        }
        rest.is_empty().then_some(key)
    }
}

fn push_identifier(text: &mut String, name: &str, width: usize) {
    if width == 0 {
        let _ = write!(text, "${name}$");
    } else {
        let _ = write!(text, "${name}%0{width}d$");
    }
}

fn push_padded(out: &mut String, value: u64, width: usize) {
    let _ = write!(out, "{value:0width$}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_named_and_found_again() {
        let template = Template::parse("$RepresentationID$/seg-$Number%05d$.m4s").unwrap();
        let url = template.expand("video/avc1", 0, Some(Key::Number(42)));
        assert_eq!(url, "video/avc1/seg-00042.m4s");
        assert_eq!(
            template.match_path(&url, "video/avc1", 0),
            Some(Some(Key::Number(42)))
        );
        assert_eq!(
            template.match_path("video/avc1/seg-42.m4s", "video/avc1", 0),
            None
        );
        assert_eq!(template.match_path(&url, "video/avc2", 0), None);
    }

    #[test]
    fn parts_are_named_and_found_again() {
        let key = Key::Number(12);
        for (template, url) in [
            ("$RepresentationID$/$Number$.m4s", "v.1/12.part3.m4s"),
            ("$RepresentationID$/$Number$", "v.1/12.part3"),
            ("$Number%04d$.a.mp4", "0012.a.part3.mp4"),
            ("x/.$Number$", "x/.12.part3"),
            (
                "$RepresentationID$.part$Number$.m4s",
                "v.1.part12.part3.m4s",
            ),
        ] {
            let template = Template::parse(template).unwrap();
            let mut found = "../".to_owned();
            template.expand_part_to(&mut found, "v.1", 0, key, 3);
            assert_eq!(found, format!("../{url}"));
            assert_eq!(template.match_part(url, "v.1", 0), Some((key, 3)));
        }
        let template = Template::parse("$RepresentationID$/$Time$.m4s").unwrap();
        for path in [
            "v/12.m4s",
            "v/12.part.m4s",
            "v/12.part03.m4s",
            "v/12.m4s.part3",
            "v/12.part4294967296.m4s",
            "v/012.part3.m4s",
            "v.part3/12.m4s",
            ".part3",
        ] {
            assert_eq!(template.match_part(path, "v", 0), None, "{path}");
        }
    }

    #[test]
    fn number_and_time_change_places() {
        let template = Template::parse("aac/$Time$.m4s").unwrap();
        assert_eq!(template.by_number().as_str(), "aac/$Number$.m4s");
        assert_eq!(template.by_number().by_time(), template);
    }

    #[test]
    fn an_init_template_matches_without_a_key() {
        let template = Template::parse("$RepresentationID$_init.mp4").unwrap();
        assert_eq!(template.match_path("V1_init.mp4", "V1", 0), Some(None));
    }

    #[test]
    fn escaped_dollars_survive() {
        let template = Template::parse("a$$b/$Number$").unwrap();
        assert_eq!(template.expand("", 0, Some(Key::Number(7))), "a$b/7");
        assert_eq!(template.by_time().as_str(), "a$$b/$Time$");
    }

    #[test]
    fn errors_say_what_is_allowed() {
        for (text, part) in [
            ("$Number", "not closed"),
            ("$Nummer$", "not one of"),
            ("$Number%5d$", "%0<width>d"),
            ("$RepresentationID%02d$", "not one of"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
