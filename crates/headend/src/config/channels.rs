//! The channels of a configuration file: a map from name to job, as job files have it.
//!
//! Jobs are read by `broadcast`, which tells every fault with a JSON pointer; here pointers become
//! keys and places of the file. Variables of the environment stay as they are written until a
//! channel is started, so that what is shown of the settings has no secret of theirs.

use std::{borrow::Cow, collections::BTreeMap};

use broadcast::{
    document::Fault,
    job::{self, Environment, Job, JobError, Origin, Overrides},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Error, Issue, Settings};

/// A job as it is written, not looked at yet.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct RawJob(Value);

impl Eq for RawJob {}

impl JsonSchema for RawJob {
    fn schema_name() -> Cow<'static, str> {
        "Channel".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Job>()
    }
}

/// Reads all channels; the name of a job is its key. `position` finds the place of a key or of the
/// nearest of its parents. Fails with everything that is wrong.
pub(super) fn read(
    raw: &BTreeMap<String, RawJob>,
    position: impl Fn(&[&str]) -> Option<(u64, u64)>,
) -> Result<BTreeMap<String, Job>, Vec<Issue>> {
    let mut jobs = BTreeMap::new();
    let mut issues = Vec::new();
    for (name, raw) in raw {
        match load(name, &raw.0.to_string(), None) {
            Ok(job) => {
                jobs.insert(name.clone(), job);
            }
            Err(errors) => issues.extend(errors.into_iter().map(|error| {
                let path = path(name, &error.fault.pointer);
                Issue {
                    position: position(&path),
                    ..Issue::at_key(&path.join("."), reason(error))
                }
            })),
        }
    }
    if issues.is_empty() {
        Ok(jobs)
    } else {
        Err(issues)
    }
}

/// Returns the jobs of the settings, with the variables of this process's environment.
pub(crate) fn of_environment(settings: &Settings) -> Result<Vec<Job>, Error> {
    expand(&settings.channels, &|name| std::env::var(name).ok())
        .map_err(|issues| Error::new("settings", issues))
}

/// Puts variables of the environment into the jobs. Fails with those that are missing.
pub(super) fn expand(
    jobs: &BTreeMap<String, Job>,
    environment: Environment<'_>,
) -> Result<Vec<Job>, Vec<Issue>> {
    let mut expanded = Vec::with_capacity(jobs.len());
    let mut issues = Vec::new();
    for (name, job) in jobs {
        let written = match job.to_json() {
            Ok(written) => written,
            Err(error) => {
                issues.push(Issue::at_key(
                    &format!("channels.{name}"),
                    error.to_string(),
                ));
                continue;
            }
        };
        match load(name, &written, Some(environment)) {
            Ok(job) => expanded.push(job),
            Err(errors) => issues.extend(errors.into_iter().map(|error| {
                let key = path(name, &error.fault.pointer).join(".");
                Issue::at_key(&key, reason(error))
            })),
        }
    }
    if issues.is_empty() {
        Ok(expanded)
    } else {
        Err(issues)
    }
}

/// Returns the keys that lead to a fault. That of a name is the key of the channel itself.
fn path<'a>(name: &'a str, pointer: &'a str) -> Vec<&'a str> {
    let mut path = vec!["channels", name];
    if pointer != "/job/name" {
        path.extend(pointer.split('/').skip(1));
    }
    path
}

/// Returns what is wrong without where.
fn reason(error: JobError) -> String {
    let fault = Fault {
        pointer: String::new(),
        ..error.fault
    };
    fault.to_string()
}

fn load(
    name: &str,
    text: &str,
    environment: Option<Environment<'_>>,
) -> Result<Job, Vec<JobError>> {
    job::load(Origin {
        file: Some((name, text)),
        overrides: Overrides {
            name: Some(name.to_owned()),
            ..Overrides::default()
        },
        environment,
    })
}
