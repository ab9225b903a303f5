//! Entries of many from one (`for_each`), and what a template gives them.

use std::collections::BTreeMap;

use super::form::{FeedForm, ForEach, OneOrMany, Scalar, StreamForm, TemplateForm};

/// Most entries that one may make.
const MOST: usize = 1000;

/// Values by name.
pub(super) type Bound = BTreeMap<String, String>;

/// Lists the sets of values that an entry is to be made for; one, empty, without `for_each`.
pub(super) fn sets(for_each: Option<&ForEach>) -> Result<Vec<Bound>, String> {
    let text = |(name, value): (&String, &Scalar)| (name.clone(), value.to_string());
    let sets = match for_each {
        None => vec![Bound::new()],
        Some(ForEach::Sets(sets)) => sets
            .iter()
            .map(|set| set.iter().map(text).collect())
            .collect(),
        Some(ForEach::Grid(grid)) => {
            let count: usize = grid
                .values()
                .fold(1, |count: usize, values| count.saturating_mul(values.len()));
            if count > MOST {
                return Err(format!("{count} entries are more than {MOST}"));
            }
            let mut sets = vec![Bound::new()];
            for (name, values) in grid {
                sets = sets
                    .iter()
                    .flat_map(|set| {
                        values.iter().map(move |value| {
                            let mut set = set.clone();
                            set.insert(name.clone(), value.to_string());
                            set
                        })
                    })
                    .collect();
            }
            sets
        }
    };
    if sets.is_empty() || sets.len() > MOST {
        return Err(format!(
            "it makes {} entries; from 1 to {MOST} can be",
            sets.len()
        ));
    }
    Ok(sets)
}

/// Replaces `{name}` in a text by its value. Braces around anything else are text.
pub(super) fn filled(text: &str, bound: &Bound) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let value = after[1..].split_once('}').and_then(|(name, behind)| {
            let value = bound.get(name)?;
            Some((value, behind))
        });
        if let Some((value, behind)) = value {
            out.push_str(value);
            rest = behind;
        } else {
            out.push('{');
            rest = &after[1..];
        }
    }
    out.push_str(rest);
    out
}

/// An entry that templates and `for_each` can make many of.
pub(super) trait Entry: Clone {
    fn for_each(&self) -> Option<&ForEach>;

    /// Returns the name of its template and the values of parameters.
    fn template(&self) -> Option<(&str, Bound)>;

    /// Takes what a template has and the entry has not.
    fn inherit(&mut self, template: &TemplateForm);

    /// Replaces names by values everywhere but in the command, and forgets how it was made.
    fn settle(&mut self, bound: &Bound);
}

fn fill(text: &mut Option<String>, bound: &Bound) {
    if let Some(text) = text {
        *text = filled(text, bound);
    }
}

fn fill_all(texts: &mut Option<Vec<String>>, bound: &Bound) {
    for text in texts.iter_mut().flatten() {
        *text = filled(text, bound);
    }
}

fn texts(with: Option<&BTreeMap<String, Scalar>>) -> Bound {
    let with = with.into_iter().flatten();
    with.map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}

impl Entry for FeedForm {
    fn for_each(&self) -> Option<&ForEach> {
        self.for_each.as_ref()
    }

    fn template(&self) -> Option<(&str, Bound)> {
        Some((self.template.as_deref()?, texts(self.with.as_ref())))
    }

    fn inherit(&mut self, template: &TemplateForm) {
        if self.command.is_none() {
            self.command.clone_from(&template.command);
        }
    }

    fn settle(&mut self, bound: &Bound) {
        fill(&mut self.feed, bound);
        fill_all(&mut self.feeds, bound);
        fill(&mut self.source, bound);
        for value in self.env.iter_mut().flat_map(BTreeMap::values_mut) {
            *value = filled(value, bound);
        }
        (self.for_each, self.template, self.with) = (None, None, None);
    }
}

impl Entry for StreamForm {
    fn for_each(&self) -> Option<&ForEach> {
        self.for_each.as_ref()
    }

    fn template(&self) -> Option<(&str, Bound)> {
        Some((self.template.as_deref()?, texts(self.with.as_ref())))
    }

    fn inherit(&mut self, template: &TemplateForm) {
        if self.command.is_none() {
            self.command.clone_from(&template.command);
        }
        if self.mimetype.is_none() {
            self.mimetype.clone_from(&template.mimetype);
        }
        self.kind = self.kind.or(template.kind);
        self.client = self.client.or(template.client);
    }

    fn settle(&mut self, bound: &Bound) {
        fill(&mut self.feed, bound);
        fill_all(&mut self.feeds, bound);
        fill(&mut self.mimetype, bound);
        match &mut self.url {
            Some(OneOrMany::One(url)) => *url = filled(url, bound),
            Some(OneOrMany::Many(urls)) => {
                for url in urls {
                    *url = filled(url, bound);
                }
            }
            None => {}
        }
        for value in self.env.iter_mut().flat_map(BTreeMap::values_mut) {
            *value = filled(value, bound);
        }
        (self.for_each, self.template, self.with) = (None, None, None);
    }
}

/// An entry with its name and the values that its command is to be read with.
pub(super) type Made<E> = (String, E, Bound);

/// Makes the entries of one: each with its name and the values that its command is to be read with.
pub(super) fn expand<E: Entry>(
    name: &str,
    entry: &E,
    templates: &BTreeMap<String, TemplateForm>,
) -> Result<Vec<Made<E>>, (&'static str, String)> {
    let sets = sets(entry.for_each()).map_err(|reason| ("for_each", reason))?;
    sets.into_iter()
        .map(|set| {
            let mut made = entry.clone();
            let mut bound = Bound::new();
            if let Some((template, with)) = entry.template() {
                let template = templates
                    .get(template)
                    .ok_or_else(|| ("template", format!("there is no template `{template}`")))?;
                made.inherit(template);
                bound = arguments(template, &with, &set).map_err(|reason| ("with", reason))?;
            }
            bound.extend(set);
            made.settle(&bound);
            Ok((filled(name, &bound), made, bound))
        })
        .collect()
}

/// Returns the values of a template's parameters.
fn arguments(template: &TemplateForm, with: &Bound, set: &Bound) -> Result<Bound, String> {
    let known = &template.parameters;
    if let Some(name) = with.keys().find(|name| !known.contains_key(*name)) {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        return Err(format!(
            "the template has no parameter `{name}`, only: {}",
            names.join(", ")
        ));
    }
    known
        .iter()
        .map(|(name, default)| {
            let given = with.get(name).map(|value| filled(value, set));
            let value = given
                .or_else(|| set.get(name).cloned())
                .or_else(|| default.as_ref().map(Scalar::to_string))
                .ok_or_else(|| format!("the parameter `{name}` of the template is not given"))?;
            Ok((name.clone(), value))
        })
        .collect()
}
