//! Command lines: split into words once, as a POSIX shell would, and never given to a shell.
//! Placeholders are replaced inside a word; a value can neither add a word nor split one.

mod line;

pub use line::{Line, Missing, Placeholder, Places, Values};

/// Why a text is no list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote is opened and never closed.
    #[error("the quote `{0}` is not closed")]
    Quote(char),
    /// A backslash stands at the end.
    #[error("nothing follows the last backslash")]
    Backslash,
    /// There is no word at all.
    #[error("there is no program to run")]
    Empty,
}

/// Splits a text into words as a POSIX shell does: blanks part them, `'` and `"` keep them together,
/// `\` takes the next character as it is. Nothing else has a meaning: no variables, no wildcards,
/// no redirections, no comments.
///
/// ```
/// let words = relay::words::split(r#"ffmpeg -i 'a b' "c \" d" e\ f"#).unwrap();
/// assert_eq!(words, ["ffmpeg", "-i", "a b", "c \" d", "e f"]);
/// ```
///
/// # Errors
/// When a quote is open at the end, a backslash is the last character, or there is no word.
pub fn split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => quoted(&mut rest, word.get_or_insert_default(), '\'')?,
            '"' => quoted(&mut rest, word.get_or_insert_default(), '"')?,
            '\\' => {
                let next = rest.next().ok_or(SplitError::Backslash)?;
                word.get_or_insert_default().push(next);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if words.is_empty() {
        return Err(SplitError::Empty);
    }
    Ok(words)
}

/// Reads up to the closing quote. Within `"`, a backslash escapes only `"` and itself, as Python's
/// `shlex` has it.
fn quoted(
    rest: &mut std::str::Chars<'_>,
    word: &mut String,
    quote: char,
) -> Result<(), SplitError> {
    while let Some(c) = rest.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match rest.next() {
                None => break,
                Some(c @ ('"' | '\\')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
    Err(SplitError::Quote(quote))
}

/// Writes words as a text that [`split`] reads back.
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,?&*~{}$[]()<>;|!^#".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            out.push_str(word);
        } else {
            out.push('\'');
            out.push_str(&word.replace('\'', r"'\''"));
            out.push('\'');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_split_as_a_posix_shell_does() {
        for (text, expected) in [
            ("a b\tc\nd", &["a", "b", "c", "d"][..]),
            ("  a  ", &["a"]),
            ("'a b' c", &["a b", "c"]),
            (r#""a b"c'd e'"#, &["a bcd e"]),
            (r"a\ b \' \\", &["a b", "'", "\\"]),
            (r#""\"\\\$\n""#, &[r#""\\$\n"#]),
            (r"'\'", &["\\"]),
            ("a '' b", &["a", "", "b"]),
            (
                "a | b > c # $(d) `e` *",
                &["a", "|", "b", ">", "c", "#", "$(d)", "`e`", "*"],
            ),
            (
                "-vf \"drawtext=text='a b'\"",
                &["-vf", "drawtext=text='a b'"],
            ),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_words_is_refused() {
        for (text, expected) in [
            ("a 'b", SplitError::Quote('\'')),
            ("a \"b\\", SplitError::Quote('"')),
            ("a\\", SplitError::Backslash),
            ("", SplitError::Empty),
            (" \n ", SplitError::Empty),
        ] {
            assert_eq!(split(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split_again(words in proptest::collection::vec(".{0,12}", 1..6)) {
            let text = join(words.iter().map(String::as_str));
            prop_assert_eq!(split(&text).unwrap(), words);
        }

        #[test]
        fn splitting_never_panics(text in ".{0,80}") {
            let _ = split(&text);
        }
    }
}
