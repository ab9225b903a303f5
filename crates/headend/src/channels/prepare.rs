//! A job looked into and planned, with nothing started that lasts.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use broadcast::{
    encode::{Invocation, Layout, Request},
    input::{self, Facilities, Input, Source},
    job::{Job, JobError, Planned, ProbeMode},
    probe::{self, Summary},
};
use process::{Ffmpeg, Spawner};

use super::Error;
use crate::content::OWN_BINARY;

/// Time of the first frame that a dry run shows; a channel counts from its epoch.
const OFFSET: Duration = Duration::from_secs(10);

/// The programs that channels need.
#[derive(Clone, Debug)]
pub(crate) struct Toolbox {
    /// ffmpeg and ffprobe.
    pub(crate) ffmpeg: Ffmpeg,
    /// What the test source can draw.
    pub(crate) facilities: Facilities,
}

impl Toolbox {
    /// Finds the programs. Fails when one is missing.
    pub(crate) fn find() -> Result<Self, process::Error> {
        let ffmpeg = Ffmpeg::locate(Spawner::with_shim(OWN_BINARY)?)?;
        let facilities = Facilities::detect(&ffmpeg.abilities()?, Path::new("/"));
        Ok(Self { ffmpeg, facilities })
    }
}

/// A job with its sources and what is made of them.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The job.
    pub(crate) job: Job,
    /// Its sources, ports given out.
    pub(crate) sources: Vec<Source>,
    /// What is made of it.
    pub(crate) planned: Planned,
}

impl Prepared {
    /// Looks into the sources of a job and plans. Blocks for as long as probing takes.
    pub(crate) fn of(job: Job, tools: &Toolbox) -> Result<Self, Error> {
        let inputs = job.inputs().map_err(|faults| {
            let named = |fault| JobError::new(&job.what.name, fault);
            Error::Job(faults.into_iter().map(named).collect())
        })?;
        let limit = job.runtime.probe_timeout.0;
        let summary = match job.runtime.probe {
            ProbeMode::Off => assumed(&inputs),
            ProbeMode::Auto | ProbeMode::Require => {
                probe::inspect(&tools.ffmpeg, &inputs, limit).map_err(Error::Probe)?
            }
        };
        let planned = job.plan(&summary).map_err(Error::Plan)?;
        let mut sources: Vec<Source> = inputs.into_iter().map(|(_, source)| source).collect();
        input::assign_ports(&mut sources, job.runtime.base_port).map_err(Error::Port)?;
        Ok(Self {
            job,
            sources,
            planned,
        })
    }

    /// Makes the commands as a channel would start them, with their pipes in a folder of the name
    /// of the channel below the temporary one.
    pub(crate) fn invocation(&self, tools: &Toolbox) -> Invocation {
        let host = process::host::read(Path::new("/"));
        let layout = Layout {
            folder: folder(&self.job.what.name),
        };
        Request {
            plan: &self.planned.plan,
            sources: &self.sources,
            wall_clock: &self.job.wall_clock(),
            profile: self.job.what.profile,
            threads: self.job.runtime.threads,
            processors: host.parallelism(),
            facilities: &tools.facilities,
            layout: &layout,
            offset: OFFSET,
            limit: None,
        }
        .invocation(&tools.ffmpeg)
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("headend-{name}"))
}

fn assumed(inputs: &[(Input, Source)]) -> Summary {
    let mut merged = Summary::default();
    for (index, (input, source)) in inputs.iter().enumerate() {
        let summary = input.assumed(source, index);
        merged.formats.extend(summary.formats);
        merged.video = merged.video.or(summary.video);
        merged.audio.extend(summary.audio);
    }
    merged
}

/// Makes the input that a URI of the command line names.
pub(crate) fn input_of(uri: &str) -> Result<(Input, Source), Error> {
    let input = Input {
        uri: Some(uri.to_owned()),
        ..Input::default()
    };
    match input.source() {
        Ok(source) => Ok((input, source)),
        Err(faults) => {
            let named = |fault| JobError::new("command line", fault);
            Err(Error::Job(faults.into_iter().map(named).collect()))
        }
    }
}
