//! One ffmpeg for a whole plan: decodes once, encodes every rung, and writes each track as CMAF with
//! a fragment a frame to a pipe of its own.
//!
//! | module | what |
//! |---|---|
//! | `filters` | the graph from the decoded pictures to the rungs |
//! | `tracks` | the arguments of each output |
//! | `threads` | how many threads each encoder gets |
//! | `render` | the commands as text, for a dry run |
//!
//! Starts nothing. Pipes are named ones in a folder of the channel, because only the three standard
//! descriptors can be handed to a child without unsafe code.
//!
//! | flag | why |
//! |---|---|
//! | `frag_every_frame` | parts and segments are cut by the packager, which needs every frame at once |
//! | `cmaf` with `frag_discont` | the distance of sound and pictures stays; either alone loses it |
//! | `skip_trailer` | no index behind an endless stream |
//! | `-output_ts_offset` | decode times count from the epoch of the channel, over every restart |

mod filters;
mod render;
mod threads;
mod tracks;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use process::{Command, Ffmpeg, Stream};

pub use render::{Format, Secrets};
pub use threads::{ThreadMode, Threads};

use crate::{
    input::{Argument, Context, Facilities, Feeder, Source},
    ladder::{Plan, Profile, Sound},
};

/// Ticks a second of every video track.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// How long a stopped ffmpeg may take.
const GRACE: Duration = Duration::from_secs(5);

/// Where the pipes of a channel are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The folder.
    pub folder: PathBuf,
}

impl Layout {
    /// Returns the pipe of a track.
    pub fn track(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.mp4"))
    }

    /// Returns the pipe that feeds an input from a command.
    pub fn feed(&self, input: usize) -> PathBuf {
        self.folder.join(format!("input{input}"))
    }
}

/// What to make arguments of.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is made.
    pub plan: &'a Plan,
    /// Where it comes from, by position.
    pub sources: &'a [Source],
    /// Positions of the inputs whose packets get their time of arrival.
    pub wall_clock: &'a [usize],
    /// What encoding is good at.
    pub profile: Profile,
    /// Threads of the encoders.
    pub threads: Threads,
    /// How many threads may work at once, see [`process::host::Host::parallelism`].
    pub processors: u32,
    /// What the test source can draw.
    pub facilities: &'a Facilities,
    /// Where the pipes are.
    pub layout: &'a Layout,
    /// Time of the first frame since the epoch of the channel, at least ten seconds, so that no
    /// time stamp is negative.
    pub offset: Duration,
    /// Length after which each output ends; for trials.
    pub limit: Option<Duration>,
}

/// An ffmpeg to be started, and what feeds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// Commands that feed inputs, each with the pipe it writes to. They are started first.
    pub feeders: Vec<(PathBuf, Feeder)>,
    /// Id and pipe of each track, video first, as in the plan.
    pub tracks: Vec<(String, PathBuf)>,
    /// Where the pipes are.
    pub folder: PathBuf,
}

/// Makes the arguments.
pub fn invocation(program: &Path, request: &Request<'_>) -> Invocation {
    let mut arguments = global(request);
    let mut feeders = Vec::new();
    for (index, source) in request.sources.iter().enumerate() {
        let feed = request.layout.feed(index);
        arguments.extend(input(request, index, source));
        if let Some(feeder) = source.feeder(&feed) {
            feeders.push((feed, feeder));
        }
    }
    let silence = request
        .plan
        .audio
        .iter()
        .find(|track| track.source == Sound::Silence);
    if let Some(track) = silence {
        arguments.extend(tracks::silence(track));
    }
    if let Some(graph) = filters::graph(request.plan) {
        arguments.extend(["-filter_complex".into(), graph.into()]);
    }
    let shares = threads::shares(request);
    for (track, share) in request.plan.video.iter().zip(shares) {
        arguments.extend(tracks::video(request, track, share));
    }
    for track in &request.plan.audio {
        arguments.extend(tracks::audio(request, track));
    }
    Invocation {
        program: program.to_owned(),
        arguments,
        feeders,
        tracks: request
            .plan
            .ids()
            .map(|id| (id.to_owned(), request.layout.track(id)))
            .collect(),
        folder: request.layout.folder.clone(),
    }
}

fn global(request: &Request<'_>) -> Vec<Argument> {
    let processors = request.processors.to_string();
    [
        "-hide_banner",
        // The pipes are there already; nobody answers whether they may be written to.
        "-y",
        "-nostats",
        "-loglevel",
        "level+warning",
        "-progress",
        "pipe:1",
        "-stats_period",
        "1",
        "-filter_complex_threads",
        &processors,
    ]
    .into_iter()
    .map(Argument::plain)
    .collect()
}

fn input(request: &Request<'_>, index: usize, source: &Source) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    if request.sources.len() > 1 {
        // One input that comes in bursts must not hold up the others.
        arguments.extend(["-thread_queue_size".into(), "1024".into()]);
    }
    if request.wall_clock.contains(&index) {
        arguments.extend(["-use_wallclock_as_timestamps".into(), "1".into()]);
    }
    let decoded = request
        .plan
        .picture
        .as_ref()
        .is_some_and(|picture| picture.source.input == index);
    if decoded && !matches!(source, Source::Test(_)) {
        // Frame threads of a decoder hold back as many frames as there are threads.
        if request.profile == Profile::LowLatency {
            arguments.extend(["-thread_type".into(), "slice".into()]);
        }
        arguments.extend(["-threads".into(), request.processors.to_string().into()]);
    }
    arguments.extend(source.arguments(&Context {
        facilities: request.facilities,
        feed: request.layout.feed(index),
    }));
    arguments
}

impl Invocation {
    /// Makes the command of ffmpeg: progress on stdout, `q` on stdin ends it.
    pub fn command(&self) -> Command {
        Command::new(&self.program)
            .args(
                self.arguments
                    .iter()
                    .map(|argument| argument.value.as_str()),
            )
            .stdin(Stream::Piped)
            .stdout(Stream::Piped)
            .keep_lines(200)
            .grace(GRACE)
    }

    /// Makes the commands of the feeders.
    pub fn feeder_commands(&self) -> impl Iterator<Item = Command> {
        self.feeders.iter().map(|(_, feeder)| {
            Command::new(&feeder.program)
                .args(
                    feeder
                        .arguments
                        .iter()
                        .map(|argument| argument.value.as_str()),
                )
                .keep_lines(50)
                .grace(GRACE)
        })
    }
}

/// Names the ffmpeg that is installed.
impl Request<'_> {
    /// Makes the arguments for an installed ffmpeg.
    pub fn invocation(&self, ffmpeg: &Ffmpeg) -> Invocation {
        invocation(ffmpeg.program(), self)
    }
}

#[cfg(test)]
mod tests;
