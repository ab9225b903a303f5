//! ffmpeg and ffprobe as programs: where they are, what they can do, how far they are.

mod abilities;
mod progress;
mod version;

use std::{
    env,
    ffi::OsString,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

pub use abilities::Abilities;
pub use progress::{Parser, Progress};
pub use version::Version;

use crate::{Command, Error, Spawner};

/// The Debian package of both programs.
const PACKAGE: &str = "ffmpeg";

/// Time limit of questions that ffmpeg answers from memory.
const QUESTION_LIMIT: Duration = Duration::from_secs(30);

/// An installed ffmpeg with its ffprobe, and what starts them.
#[derive(Clone, Debug)]
pub struct Ffmpeg {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    spawner: Spawner,
}

impl Ffmpeg {
    /// Finds both programs: as `HEADEND_FFMPEG` and `HEADEND_FFPROBE` say, else in `PATH`.
    pub fn locate(spawner: Spawner) -> Result<Self, Error> {
        Self::locate_by(spawner, |name| env::var_os(name))
    }

    /// As [`Ffmpeg::locate`], with the environment given as a function.
    pub fn locate_by(
        spawner: Spawner,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Error> {
        let find = |name: &str, fallback: &str| {
            let program = variable(name)
                .filter(|value| !value.is_empty())
                .unwrap_or_else(|| fallback.into());
            let command = Command::new(&program).package(PACKAGE);
            command.resolve().ok_or(Error::Missing {
                program: program.to_string_lossy().into_owned(),
                package: Some(PACKAGE),
            })
        };
        Ok(Self {
            ffmpeg: find("HEADEND_FFMPEG", "ffmpeg")?,
            ffprobe: find("HEADEND_FFPROBE", "ffprobe")?,
            spawner,
        })
    }

    /// Returns what starts the programs.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    /// Returns where ffmpeg is, for callers that choose all of its arguments.
    pub fn program(&self) -> &Path {
        &self.ffmpeg
    }

    /// Begins an ffmpeg command: no banner, no questions, warnings only, no status line.
    pub fn command(&self) -> Command {
        Command::new(&self.ffmpeg).package(PACKAGE).args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "warning",
        ])
    }

    /// Begins an ffprobe command: no banner, errors only.
    pub fn probe_command(&self) -> Command {
        Command::new(&self.ffprobe)
            .package(PACKAGE)
            .args(["-hide_banner", "-loglevel", "error"])
    }

    /// Runs ffmpeg with `arguments` (inputs, outputs and their options), none of which may use
    /// stdout, and reports its progress about twice a second. A `Break` stops it; the result is then
    /// [`Error::Stopped`].
    pub fn convert<T: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = T>,
        mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        // Global options come before the outputs.
        let command = self.command().args(["-progress", "pipe:1"]).args(arguments);
        let mut parser = Parser::default();
        self.spawner.run_lines(command, |line| {
            parser
                .line(line)
                .map_or(ControlFlow::Continue(()), &mut on_progress)
        })
    }

    /// Asks for the version.
    pub fn version(&self) -> Result<Version, Error> {
        let text = self.ask("-version")?;
        Version::parse(&text).ok_or_else(|| Error::Output {
            program: "ffmpeg".to_owned(),
            reason: "the first line of -version holds no version".to_owned(),
        })
    }

    /// Asks what this ffmpeg was built with.
    pub fn abilities(&self) -> Result<Abilities, Error> {
        Ok(Abilities {
            encoders: abilities::codecs(&self.ask("-encoders")?),
            decoders: abilities::codecs(&self.ask("-decoders")?),
            muxers: abilities::formats(&self.ask("-muxers")?),
            demuxers: abilities::formats(&self.ask("-demuxers")?),
            filters: abilities::filters(&self.ask("-filters")?),
            protocols: abilities::protocols(&self.ask("-protocols")?),
            accelerators: abilities::accelerators(&self.ask("-hwaccels")?),
        })
    }

    fn ask(&self, question: &str) -> Result<String, Error> {
        let command = Command::new(&self.ffmpeg)
            .package(PACKAGE)
            .args(["-hide_banner", question])
            .timeout(QUESTION_LIMIT);
        let output = self.spawner.run(command)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}
