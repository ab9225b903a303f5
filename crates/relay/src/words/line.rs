//! A command line with places that are filled in later.

use std::{collections::BTreeMap, fmt};

use super::join;

/// A place in a command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placeholder {
    /// `{feed:NAME}`: a path from which the bytes of a feed can be read.
    Feed(String),
    /// `{query:NAME}`: a parameter of the request, checked.
    Query(String),
    /// `${NAME}`: a variable of our environment.
    Variable(String),
    /// `${credential:NAME}`: what the file `NAME` in `$CREDENTIALS_DIRECTORY` holds.
    Credential(String),
    /// `{server}`: the address of this server, `http://127.0.0.1:8080`.
    Server,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feed(name) => write!(f, "{{feed:{name}}}"),
            Self::Query(name) => write!(f, "{{query:{name}}}"),
            Self::Variable(name) => write!(f, "${{{name}}}"),
            Self::Credential(name) => write!(f, "${{credential:{name}}}"),
            Self::Server => f.write_str("{server}"),
        }
    }
}

/// A placeholder that has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no value")]
pub struct Missing(pub Placeholder);

/// Where the values of placeholders come from.
pub trait Values {
    /// Returns the value of a placeholder.
    fn value(&self, of: &Placeholder) -> Option<String>;
}

impl<F: Fn(&Placeholder) -> Option<String>> Values for F {
    fn value(&self, of: &Placeholder) -> Option<String> {
        self(of)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Placeholder),
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    words: Vec<Vec<Part>>,
}

/// A placeholder and the words around it.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// What stands there.
    pub place: &'a Placeholder,
    /// Position of its word; 0 is the program.
    pub word: usize,
}

impl Line {
    /// Reads words. `bound` are names whose values are known now: `{name}` becomes the value, which
    /// is not looked into again. Braces around anything else are text.
    pub fn read(words: &[String], bound: &BTreeMap<String, String>) -> Self {
        Self {
            words: words.iter().map(|word| parts(word, bound)).collect(),
        }
    }

    /// Returns the places that are to be filled in.
    pub fn places(&self) -> impl Iterator<Item = Places<'_>> {
        let words = self.words.iter().enumerate();
        words.flat_map(|(word, parts)| {
            parts.iter().filter_map(move |part| match part {
                Part::Place(place) => Some(Places { place, word }),
                Part::Text(_) => None,
            })
        })
    }

    /// Returns the words as they are written, placeholders and all.
    pub fn words(&self) -> Vec<String> {
        let written = |parts: &Vec<Part>| {
            parts.iter().fold(String::new(), |mut word, part| {
                match part {
                    Part::Text(text) => word.push_str(text),
                    Part::Place(place) => word.push_str(&place.to_string()),
                }
                word
            })
        };
        self.words.iter().map(written).collect()
    }

    /// Fills in all places and returns the words to run.
    pub fn fill(&self, values: &impl Values) -> Result<Vec<String>, Missing> {
        self.words
            .iter()
            .map(|parts| {
                let mut word = String::new();
                for part in parts {
                    match part {
                        Part::Text(text) => word.push_str(text),
                        Part::Place(place) => {
                            let value = values.value(place);
                            word.push_str(&value.ok_or_else(|| Missing(place.clone()))?);
                        }
                    }
                }
                Ok(word)
            })
            .collect()
    }
}

/// Writes the line as it can be read back.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&join(self.words().iter().map(String::as_str)))
    }
}

/// Cuts a word at its placeholders.
fn parts(word: &str, bound: &BTreeMap<String, String>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        let Some((inner, behind)) = after[1..].split_once('}') else {
            break;
        };
        let found = if let Some(before) = before.strip_suffix('$') {
            variable(inner).map(|place| (before, Part::Place(place)))
        } else if let Some(value) = bound.get(inner) {
            Some((before, Part::Text(value.clone())))
        } else {
            place(inner).map(|place| (before, Part::Place(place)))
        };
        let Some((before, part)) = found else {
            // Just a brace; a placeholder may begin behind it.
            text.push_str(&rest[..=at]);
            rest = &after[1..];
            continue;
        };
        text.push_str(before);
        match part {
            Part::Text(value) => text.push_str(&value),
            place @ Part::Place(_) => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(place);
            }
        }
        rest = behind;
    }
    text.push_str(rest);
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

fn place(inner: &str) -> Option<Placeholder> {
    match inner.split_once(':') {
        Some(("feed", name)) => Some(Placeholder::Feed(name.to_owned())),
        Some(("query", name)) => Some(Placeholder::Query(name.to_owned())),
        None if inner == "server" => Some(Placeholder::Server),
        _ => None,
    }
}

fn variable(inner: &str) -> Option<Placeholder> {
    if let Some(name) = inner.strip_prefix("credential:") {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(plain);
        return good.then(|| Placeholder::Credential(name.to_owned()));
    }
    let first = |c: char| c.is_ascii_uppercase() || c == '_';
    let later = |c: char| first(c) || c.is_ascii_digit();
    let good = inner.starts_with(first) && inner.chars().all(later);
    good.then(|| Placeholder::Variable(inner.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split;

    fn line(text: &str, bound: &[(&str, &str)]) -> Line {
        let bound = bound
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Line::read(&split(text).unwrap(), &bound)
    }

    #[test]
    fn values_stay_inside_their_word() {
        let line = line(
            "ffmpeg -s {size} -r {query:rate} -i {feed:cam 1} -k x${KEY}y",
            &[("size", "1 -y; rm {query:x}")],
        );
        let values = |place: &Placeholder| match place {
            Placeholder::Query(name) if name == "rate" => Some("5 'x".to_owned()),
            Placeholder::Variable(name) if name == "KEY" => Some("se cret".to_owned()),
            _ => None,
        };
        // `{feed:cam` and `1}` are two words, so there is no such place.
        assert_eq!(
            line.fill(&values).unwrap(),
            [
                "ffmpeg",
                "-s",
                "1 -y; rm {query:x}",
                "-r",
                "5 'x",
                "-i",
                "{feed:cam",
                "1}",
                "-k",
                "xse crety"
            ]
        );
    }

    #[test]
    fn braces_around_anything_else_are_text() {
        for text in [
            "drawtext=text='%{localtime}'",
            "{}",
            "{",
            "a}b",
            "{a{b}c",
            "${lower} $HOME ${} ${credential:../x} ${1A}",
            "{feed} {unknown}",
        ] {
            let line = line(&join([text]), &[]);
            assert_eq!(line.words(), [text]);
            assert_eq!(line.places().count(), 0, "{text}");
        }
    }

    #[test]
    fn places_are_found_and_written_back() {
        let text = "a {feed:v} x{query:w}y{server} ${A_1} ${credential:cam.pw}";
        let line = line(text, &[]);
        assert_eq!(line.to_string(), text);
        let words: Vec<usize> = line.places().map(|it| it.word).collect();
        assert_eq!(words, [1, 2, 2, 3, 4]);
        let nothing = |_: &Placeholder| None;
        assert_eq!(
            line.fill(&nothing),
            Err(Missing(Placeholder::Feed("v".to_owned())))
        );
    }
}
