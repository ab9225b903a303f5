//! The command line of a job: a file, and flags that lie over it.

use std::{fs, path::PathBuf};

use broadcast::{
    job::{self, Job, Origin, Overrides},
    units::Seconds,
};

use super::Error;

/// A job: a file, flags, or both.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct JobArgs {
    /// The job file, JSON or YAML; flags win over it
    #[arg(value_name = "JOB")]
    file: Option<PathBuf>,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// What a channel is.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Channel")]
pub(crate) struct WhatArgs {
    /// Where media comes from, such as `testsrc`, `film.mp4`, `srt://0.0.0.0:9000?mode=listener`;
    /// of further ones the sound is added
    #[arg(long, env = "HEADEND_INPUT", value_name = "URI")]
    input: Option<Vec<String>>,
    /// Name of the channel in its addresses [default: live]
    #[arg(long, env = "HEADEND_NAME", value_name = "NAME")]
    name: Option<String>,
    /// A ladder or rungs by name, such as `720p,360p`, or `copy` or `audio`; see `ladder list`
    #[arg(long, env = "HEADEND_LADDER", value_name = "NAMES")]
    ladder: Option<String>,
    /// Make rungs above the source's size, too
    #[arg(long, env = "HEADEND_UPSCALE")]
    upscale: bool,
    /// `all`, `first`, `none`, `copy`, `silence`, or languages [default: all]
    #[arg(long, env = "HEADEND_AUDIO", value_name = "SOUND")]
    audio: Option<String>,
    /// What encoding is good at: `low-latency` or `efficient` [default: low-latency]
    #[arg(long, env = "HEADEND_PROFILE", value_name = "PROFILE")]
    profile: Option<String>,
    /// `default` (2 s at the player), `ultra` (1 s) or `standard` (no parts) [default: default]
    #[arg(long, env = "HEADEND_LATENCY", value_name = "PRESET")]
    latency: Option<String>,
    /// Duration of a segment, such as `2s`
    #[arg(long, env = "HEADEND_SEGMENT", value_name = "TIME")]
    segment: Option<Seconds>,
    /// Greatest duration of a part, such as `501ms`
    #[arg(long, env = "HEADEND_PART", value_name = "TIME")]
    part: Option<Seconds>,
    /// Distance of key frames, such as `1s`
    #[arg(long, env = "HEADEND_GOP", value_name = "TIME")]
    gop: Option<Seconds>,
    /// How far back a viewer can go [default: 300s]
    #[arg(long, env = "HEADEND_DVR", value_name = "TIME")]
    dvr: Option<Seconds>,
    /// Keep all of it as an asset of this name
    #[arg(long, env = "HEADEND_RECORD", value_name = "ASSET")]
    record: Option<String>,
    /// When the source ends by itself: `restart` or `finish` [default: by the kind of source]
    #[arg(long, env = "HEADEND_ON_EOF", value_name = "WHAT")]
    on_eof: Option<String>,
}

/// Where and how it runs.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Runtime")]
struct RuntimeArgs {
    /// A folder or HTTP place that everything is written to as well
    #[arg(long, env = "HEADEND_TARGET", value_name = "URI")]
    target: Option<Vec<String>>,
    /// When the encoder is started again: `never`, `on-failure` or `always` [default: on-failure]
    #[arg(long, env = "HEADEND_RESTART", value_name = "POLICY")]
    restart: Option<String>,
    /// Give up after so many restarts in a row; 0 is never [default: 0]
    #[arg(long, env = "HEADEND_MAX_RESTARTS", value_name = "N")]
    max_restarts: Option<u32>,
    /// Whether the output is checked after the start: `off`, `alarm` or `require` [default: alarm]
    #[arg(long, env = "HEADEND_VERIFY", value_name = "HOW")]
    verify: Option<String>,
    /// First port for listening inputs that have none
    #[arg(long, env = "HEADEND_BASE_PORT", value_name = "PORT")]
    base_port: Option<u16>,
    /// Where the state is kept that lets the channel go on over a restart of headend
    #[arg(long, env = "HEADEND_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl JobArgs {
    /// Reads the job, `${NAME}` taken from the environment. Fails with everything that is wrong.
    pub(crate) fn job(self) -> Result<Job, Error> {
        let RuntimeArgs {
            target,
            restart,
            max_restarts,
            verify,
            base_port,
            state_dir,
        } = self.runtime;
        let overrides = Overrides {
            targets: target,
            restart,
            max_restarts,
            verify,
            base_port,
            state_dir,
            ..self.what.overrides()
        };
        load(self.file, overrides)
    }
}

impl WhatArgs {
    /// Reads the job of which only the channel itself matters. Fails with everything that is wrong.
    pub(crate) fn job(self, file: Option<PathBuf>) -> Result<Job, Error> {
        load(file, self.overrides())
    }

    fn overrides(self) -> Overrides {
        Overrides {
            inputs: self.input,
            name: self.name,
            ladder: self.ladder,
            upscale: self.upscale.then_some(true),
            audio: self.audio,
            profile: self.profile,
            latency: self.latency,
            segment: self.segment,
            part: self.part,
            gop: self.gop,
            dvr: self.dvr,
            record: self.record,
            on_eof: self.on_eof,
            ..Overrides::default()
        }
    }
}

fn load(file: Option<PathBuf>, overrides: Overrides) -> Result<Job, Error> {
    let file = match file {
        Some(path) => {
            let name = path.display().to_string();
            match fs::read_to_string(path) {
                Ok(text) => Some((name, text)),
                Err(source) => return Err(Error::File { name, source }),
            }
        }
        None => None,
    };
    job::load(Origin {
        file: file
            .as_ref()
            .map(|(name, text)| (name.as_str(), text.as_str())),
        overrides,
        environment: Some(&|name| std::env::var(name).ok()),
    })
    .map_err(Error::Job)
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn parsed(line: &[&str]) -> Result<Job, Error> {
        let command = JobArgs::augment_args(clap::Command::new("test"));
        let matches = command.get_matches_from([&["test"], line].concat());
        JobArgs::from_arg_matches(&matches).unwrap().job()
    }

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.yaml");
        fs::write(
            &file,
            "job: { name: news, inputs: testsrc, latency: ultra }\n",
        )
        .unwrap();
        let job = parsed(&[file.to_str().unwrap(), "--name", "main", "--dvr", "60s"]).unwrap();
        assert_eq!(job.what.name, "main");
        assert_eq!(job.what.dvr, Seconds::whole(60));
        assert_eq!(job.what.latency, job::Latency::Ultra);
    }

    #[test]
    fn every_fault_of_a_file_and_of_flags_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.yaml");
        let text = "job:\n  nam: news\n  inputs: gopher://x\n  dvr: -1\nruntime:\n  stall: 0\n";
        fs::write(&file, text).unwrap();
        let error = parsed(&[file.to_str().unwrap(), "--latency", "low"]).unwrap_err();
        let said = error
            .to_string()
            .replace(file.to_str().unwrap(), "job.yaml");
        insta::assert_snapshot!(said);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = parsed(&["/nonexistent/job.json"]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nonexistent/job.json: cannot be read")
        );
    }
}
