//! What a request may put into a command: whole numbers of a range, texts of a list, texts that a
//! pattern matches as a whole. A value never begins with `-` and is at most 64 bytes long.

use std::collections::BTreeMap;

use regex::Regex;

use super::form::{QueryForm, Scalar};

/// Longest value, in bytes.
const LONGEST: usize = 64;

/// Greatest size of a compiled pattern.
const PATTERN_SIZE: usize = 1 << 16;

/// Why the query of a request is refused (400).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// A key that the stream does not know.
    #[error("this stream has no parameter `{0}`")]
    Unknown(String),
    /// A key that is given more than once.
    #[error("the parameter `{0}` is given twice")]
    Twice(String),
    /// A value that is not allowed.
    #[error("the parameter `{name}` must be {expected}")]
    Value {
        /// Of which parameter.
        name: String,
        /// What is allowed.
        expected: String,
    },
    /// A parameter without default is not given.
    #[error("the parameter `{0}` is missing")]
    Missing(String),
}

#[derive(Clone, Debug)]
enum Type {
    Int(i64, i64),
    OneOf(Vec<String>),
    Pattern(Regex, String),
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a, b), Self::Int(c, d)) => (a, b) == (c, d),
            (Self::OneOf(a), Self::OneOf(b)) => a == b,
            (Self::Pattern(_, a), Self::Pattern(_, b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Type {}

impl Type {
    fn allows(&self, value: &str) -> bool {
        let bounded = value.len() <= LONGEST && !value.starts_with('-') && !value.contains('\0');
        match self {
            Self::Int(least, most) => {
                let plain = !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit());
                plain
                    && value
                        .parse()
                        .is_ok_and(|it: i64| (*least..=*most).contains(&it))
            }
            Self::OneOf(texts) => bounded && texts.iter().any(|text| text == value),
            Self::Pattern(pattern, _) => bounded && pattern.is_match(value),
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Int(least, most) => format!("a whole number from {least} to {most}"),
            Self::OneOf(texts) => format!("one of {}", texts.join(", ")),
            Self::Pattern(_, pattern) => {
                format!(
                    "a text of at most {LONGEST} bytes like `{pattern}`, not beginning with `-`"
                )
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameter {
    is: Type,
    default: Option<String>,
}

/// The parameters of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// Reads them; `fault` is called with the name and the reason of each that is wrong.
    pub(super) fn read(
        forms: &BTreeMap<String, QueryForm>,
        mut fault: impl FnMut(&str, String),
    ) -> Self {
        let mut read = BTreeMap::new();
        for (name, form) in forms {
            match parameter(form) {
                Ok(parameter) => {
                    read.insert(name.clone(), parameter);
                }
                Err(reason) => fault(name, reason),
            }
        }
        Self(read)
    }

    /// Tells whether there is one of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks what a request gives, decoded, and puts in defaults. Keys in `ignored` are of others.
    pub fn values(
        &self,
        given: impl IntoIterator<Item = (String, String)>,
        ignored: &[&str],
    ) -> Result<BTreeMap<String, String>, BadQuery> {
        let mut values = BTreeMap::new();
        for (name, value) in given {
            let Some(parameter) = self.0.get(&name) else {
                if ignored.contains(&name.as_str()) || self.0.is_empty() {
                    continue;
                }
                return Err(BadQuery::Unknown(name));
            };
            if !parameter.is.allows(&value) {
                let expected = parameter.is.expected();
                return Err(BadQuery::Value { name, expected });
            }
            if values.insert(name.clone(), value).is_some() {
                return Err(BadQuery::Twice(name));
            }
        }
        for (name, parameter) in &self.0 {
            if values.contains_key(name) {
                continue;
            }
            let default = parameter.default.clone();
            let default = default.ok_or_else(|| BadQuery::Missing(name.clone()))?;
            values.insert(name.clone(), default);
        }
        Ok(values)
    }
}

fn parameter(form: &QueryForm) -> Result<Parameter, String> {
    let is = match (&form.int, &form.one_of, &form.pattern) {
        (Some([least, most]), None, None) => {
            if least > most {
                return Err(format!("no number is from {least} to {most}"));
            }
            if *least < 0 {
                return Err("a value never begins with `-`, so the least number is 0".to_owned());
            }
            Type::Int(*least, *most)
        }
        (None, Some(texts), None) => {
            if texts.is_empty() {
                return Err("`one_of` is empty".to_owned());
            }
            Type::OneOf(texts.clone())
        }
        (None, None, Some(pattern)) => {
            let anchored = format!(r"\A(?:{pattern})\z");
            let compiled = regex::RegexBuilder::new(&anchored)
                .size_limit(PATTERN_SIZE)
                .build()
                .map_err(|error| format!("`{pattern}` is no pattern: {error}"))?;
            Type::Pattern(compiled, pattern.clone())
        }
        _ => return Err("give one of `int`, `one_of` and `pattern`".to_owned()),
    };
    let default = form.default.as_ref().map(Scalar::to_string);
    match default {
        Some(default) if !is.allows(&default) => {
            Err(format!("the default `{default}` is not {}", is.expected()))
        }
        default => Ok(Parameter { is, default }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str) -> Result<Parameters, Vec<String>> {
        let forms: BTreeMap<String, QueryForm> = serde_json::from_str(json).unwrap();
        let mut faults = Vec::new();
        let read = Parameters::read(&forms, |name, reason| {
            faults.push(format!("{name}: {reason}"));
        });
        if faults.is_empty() {
            Ok(read)
        } else {
            Err(faults)
        }
    }

    fn ask(parameters: &Parameters, given: &[(&str, &str)]) -> Result<Vec<String>, BadQuery> {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let values = parameters.values(given, &["token"])?;
        Ok(values.into_values().collect())
    }

    #[test]
    fn values_are_checked() {
        let parameters = parameters(
            r#"{ "a": { "int": [1, 99], "default": 5 }, "b": { "one_of": ["x", "y"], "default": "x" },
                 "c": { "pattern": "[a-z]+|-.*", "default": "q" } }"#,
        )
        .unwrap();
        assert_eq!(ask(&parameters, &[]).unwrap(), ["5", "x", "q"]);
        let given = [("a", "99"), ("b", "y"), ("c", "abc"), ("token", "t")];
        assert_eq!(ask(&parameters, &given).unwrap(), ["99", "y", "abc"]);
        let long = "a".repeat(65);
        for (name, value) in [
            ("a", "0"),
            ("a", "100"),
            ("a", "+1"),
            ("a", "1 "),
            ("a", ""),
            ("b", "z"),
            ("c", "abc\n"),
            ("c", "ab1"),
            ("c", "-f"),
            ("c", ""),
            ("c", long.as_str()),
        ] {
            let refused = ask(&parameters, &[(name, value)]).unwrap_err();
            assert!(
                matches!(refused, BadQuery::Value { .. }),
                "{name}={value:?}"
            );
        }
        let unknown = ask(&parameters, &[("d", "1")]).unwrap_err();
        assert_eq!(unknown, BadQuery::Unknown("d".to_owned()));
        let twice = ask(&parameters, &[("a", "1"), ("a", "2")]).unwrap_err();
        assert_eq!(twice, BadQuery::Twice("a".to_owned()));
    }

    #[test]
    fn a_parameter_without_default_has_to_be_given() {
        let one = parameters(r#"{ "w": { "int": [0, 5] } }"#).unwrap();
        assert_eq!(ask(&one, &[]), Err(BadQuery::Missing("w".to_owned())));
        assert_eq!(ask(&one, &[("w", "5")]).unwrap(), ["5"]);
        // A stream without parameters takes no notice of a query, as browsers add to it.
        assert!(
            ask(&Parameters::default(), &[("_", "1")])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let faults = parameters(
            r#"{ "a": { "int": [2, 1] }, "b": { "one_of": [] }, "c": { "pattern": "(" },
                 "d": {}, "e": { "int": [1, 2], "default": 3 }, "f": { "int": [1, 2], "one_of": ["x"] },
                 "g": { "int": [-1, 2] } }"#,
        )
        .unwrap_err();
        assert_eq!(faults.len(), 7, "{faults:?}");
    }
}
