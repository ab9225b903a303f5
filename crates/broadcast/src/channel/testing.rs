//! Jobs for tests: the built-in test source, small.

use crate::job::{self, Job, Planned};

/// Reads a job file.
pub(super) fn job_of(text: &str) -> Job {
    job::parse(text, "test.yaml").unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Makes a job of a small test source with further keys of the block `job`.
pub(super) fn job(keys: &str) -> Job {
    job_of(&format!(
        "job:\n  name: test\n  inputs: {{testsrc: {{size: 320x180, rate: 25, clock: false}}}}\n  {keys}\n"
    ))
}

/// Plans a job whose inputs are not looked into.
pub(super) fn planned(job: &Job) -> Planned {
    let inputs = job.inputs().unwrap();
    let summary = inputs[0].0.assumed(&inputs[0].1, 0);
    job.plan(&summary).unwrap()
}
