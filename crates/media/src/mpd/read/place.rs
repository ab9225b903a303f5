//! An element together with where it is, so that every error can name its place.

use std::str::FromStr;

use super::MpdError;
use crate::{iso8601, time::Time, xml::Element};

/// An element and the way to it from the root.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) element: &'a Element,
    parent: Option<&'a Place<'a>>,
    /// Which of its siblings of the same name, from 1; 0 when it is the only one.
    number: usize,
}

impl<'a> Place<'a> {
    pub(super) fn root(element: &'a Element) -> Self {
        Self {
            element,
            parent: None,
            number: 0,
        }
    }

    /// Returns the children with this local name, in order.
    pub(super) fn children(&'a self, local_name: &str) -> Vec<Place<'a>> {
        let found: Vec<&Element> = self
            .element
            .elements()
            .filter(|child| child.local_name() == local_name)
            .collect();
        let alone = found.len() == 1;
        let number = |index: usize| if alone { 0 } else { index + 1 };
        found
            .into_iter()
            .enumerate()
            .map(|(index, element)| Self {
                element,
                parent: Some(self),
                number: number(index),
            })
            .collect()
    }

    /// Returns the first child with this local name.
    pub(super) fn child(&'a self, local_name: &str) -> Option<Place<'a>> {
        self.children(local_name).into_iter().next()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.element.attribute(name)
    }

    /// Reads an attribute that must parse as `T` when it is there; `allowed` says what is.
    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &str,
        allowed: &str,
    ) -> Result<Option<T>, MpdError> {
        let Some(text) = self.attribute(name) else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.fail_at(name, format!("`{text}` is not {allowed}"))),
        }
    }

    /// Reads a duration attribute.
    pub(super) fn duration(&self, name: &str) -> Result<Option<Time>, MpdError> {
        self.attribute(name)
            .map(|text| iso8601::parse_duration(text).map_err(|reason| self.fail_at(name, reason)))
            .transpose()
    }

    /// Makes an error about the element.
    pub(super) fn fail(&self, reason: impl Into<String>) -> MpdError {
        MpdError {
            line: self.element.position.line,
            column: self.element.position.column,
            path: self.path(),
            reason: reason.into(),
        }
    }

    /// Makes an error about one of its attributes.
    pub(super) fn fail_at(&self, attribute: &str, reason: impl Into<String>) -> MpdError {
        let mut error = self.fail(reason);
        error.path.push('@');
        error.path.push_str(attribute);
        error
    }

    /// Returns the element path, such as `MPD/Period/AdaptationSet[2]`.
    pub(super) fn path(&self) -> String {
        let mut path = match self.parent {
            Some(parent) => parent.path() + "/",
            None => String::new(),
        };
        path.push_str(self.element.local_name());
        if self.number > 0 {
            path.push_str(&format!("[{}]", self.number));
        }
        path
    }
}
