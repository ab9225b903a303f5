//! Inputs of a channel: typed options of each kind, and the ffmpeg input arguments made of them.
//!
//! | kind | in a job file | as a URI |
//! |---|---|---|
//! | built-in test source | `testsrc: {size: 1280x720}` | `testsrc?size=1280x720&rate=30` |
//! | file, looped in real time | `file: {path: a.mp4}` | `a.mp4`, `file:///srv/a.mp4?loop=false` |
//! | RTMP, pulled or published to us | `rtmp: {url: …, mode: listen}` | `rtmp://0.0.0.0:1935/app/key` |
//! | SRT caller or listener | `srt: {address: "h:9000"}` | `srt://h:9000?mode=listener&latency=200` |
//! | MPEG-TS over UDP | `udp: {address: "239.0.0.1:5000"}` | `udp://239.0.0.1:5000?timeout=5` |
//! | MPEG-TS over RTP | `rtp: {address: "0.0.0.0:5004"}` | `rtp://0.0.0.0:5004` |
//! | RTSP | `rtsp: {url: …}` | `rtsp://camera/1#transport=udp` |
//! | HLS or any media over HTTP | `http: {url: …}` | `https://h/live.m3u8` |
//! | a command that writes media | `command: {argv: […]}` | `sh:LINE` |
//!
//! In URIs of `testsrc`, `file`, `srt`, `udp` and `rtp` the query holds our options. The query of
//! `rtmp`, `rtsp` and `http` belongs to the server; there our options stand behind a `#`.
//!
//! An RTMP or SRT listener takes whoever comes first: ffmpeg checks neither application nor stream
//! key of RTMP. A listener on an open network wants a passphrase (SRT) or a firewall.

mod argument;
mod command;
mod file;
mod network;
mod ports;
mod testsrc;
mod uri;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use argument::{Argument, shell_quoted};
pub use command::{CommandSource, Feeder, Format};
pub use file::FileSource;
pub use network::{Http, Rtmp, RtmpMode, Rtp, Rtsp, RtspTransport, Srt, SrtMode, Udp};
pub use ports::{Claim, PortTaken, Transport, assign_ports, check_ports};
pub use testsrc::{Facilities, TestSource};
pub use uri::parse as parse_uri;

use crate::{
    document::{Fault, TextOrMap, text_or_map},
    probe::{AudioStream, Summary, VideoStream},
    units::{Rate, Size},
};

/// What is taken of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Take {
    /// Video and sound.
    #[default]
    All,
    /// Video only.
    Video,
    /// Sound only.
    Audio,
}

/// What an input that cannot be probed is expected to carry. Pictures of another size are scaled and
/// get bars, other frame rates are brought to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Picture size, square pixels.
    pub size: Size,
    /// Frames a second.
    pub rate: Rate,
    /// Number of audio tracks.
    pub audio: u32,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            size: Size::new(1280, 720),
            rate: Rate::whole(30),
            audio: 1,
        }
    }
}

/// An input as a job has it: a URI, or an object with exactly one of the kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
pub struct Input {
    /// The source as a URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The built-in test source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub testsrc: Option<TestSource>,
    /// A file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
    /// RTMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<Rtmp>,
    /// SRT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srt: Option<Srt>,
    /// MPEG-TS over UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<Udp>,
    /// MPEG-TS over RTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtp: Option<Rtp>,
    /// RTSP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtsp: Option<Rtsp>,
    /// HLS or another stream over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// A command that writes media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSource>,
    /// What is taken of it. With several inputs, at most one may give video.
    #[serde(skip_serializing_if = "is_default")]
    pub take: Take,
    /// Language of its sound (BCP 47), instead of what the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Takes the arrival of packets as their time: repairs sources with broken clocks, at the price
    /// of uneven sound.
    #[serde(skip_serializing_if = "is_default")]
    pub wall_clock: bool,
    /// What to expect of an input that is not probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl TextOrMap for Input {
    const EXPECTED: &'static str = "the URI of an input, or an input as an object";

    fn of_text(text: &str) -> Self {
        Self {
            uri: Some(text.to_owned()),
            ..Self::default()
        }
    }

    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl Serialize for Input {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// Where media comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The built-in test source.
    Test(TestSource),
    /// A file.
    File(FileSource),
    /// RTMP.
    Rtmp(Rtmp),
    /// SRT.
    Srt(Srt),
    /// MPEG-TS over UDP.
    Udp(Udp),
    /// MPEG-TS over RTP.
    Rtp(Rtp),
    /// RTSP.
    Rtsp(Rtsp),
    /// HLS or another stream over HTTP.
    Http(Http),
    /// A command.
    Command(CommandSource),
}

/// What input arguments depend on besides the source.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// What the test source can draw.
    pub facilities: &'a Facilities,
    /// The pipe that a command's output comes through.
    pub feed: PathBuf,
}

impl Input {
    /// Returns the source, with its options checked. Pointers of the faults begin at the input.
    pub fn source(&self) -> Result<Source, Vec<Fault>> {
        let mut found: Vec<(&'static str, Result<Source, Vec<Fault>>)> = Vec::new();
        if let Some(uri) = &self.uri {
            let parsed = uri::parse(uri)
                .map_err(|faults| faults.into_iter().map(|it| it.below("/uri")).collect());
            found.push(("uri", parsed));
        }
        macro_rules! kinds {
            ($($key:ident => $variant:ident),*) => {$(
                if let Some(options) = &self.$key {
                    let faults: Vec<Fault> = options
                        .check()
                        .into_iter()
                        .map(|fault| fault.below(concat!("/", stringify!($key))))
                        .collect();
                    let source = if faults.is_empty() {
                        Ok(Source::$variant(options.clone()))
                    } else {
                        Err(faults)
                    };
                    found.push((stringify!($key), source));
                }
            )*};
        }
        kinds!(
            testsrc => Test, file => File, rtmp => Rtmp, srt => Srt, udp => Udp, rtp => Rtp,
            rtsp => Rtsp, http => Http, command => Command
        );
        if found.len() > 1 {
            let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
            return Err(vec![Fault::new(
                "",
                format!(
                    "an input is of one kind, and this is {}",
                    names.join(" and ")
                ),
            )]);
        }
        found.pop().map_or_else(
            || {
                Err(vec![Fault::new(
                    "",
                    "an input needs a `uri` or one of the kinds testsrc, file, rtmp, srt, udp, rtp, \
                     rtsp, http, command",
                )])
            },
            |(_, source)| source,
        )
    }

    /// Returns what this input gives when nothing is probed: what is declared, else what the test
    /// source makes or is usual.
    pub fn assumed(&self, source: &Source, index: usize) -> Summary {
        let (expect, sampled) = match (self.expect, source) {
            (None, Source::Test(test)) => (
                Expect {
                    size: test.size,
                    rate: test.rate,
                    audio: u32::from(test.sound),
                },
                true,
            ),
            (expect, _) => (expect.unwrap_or_default(), false),
        };
        let mut summary = Summary {
            formats: vec![source.kind().to_owned()],
            video: Some(VideoStream {
                assumed: !sampled,
                codec: if sampled { "rawvideo" } else { "" }.to_owned(),
                ..VideoStream::plain(expect.size, expect.rate)
            }),
            audio: (0..expect.audio)
                .map(|ordinal| AudioStream {
                    ordinal,
                    codec: if sampled { "pcm" } else { "" }.to_owned(),
                    ..AudioStream::plain(48_000, 2)
                })
                .collect(),
        };
        self.label(&mut summary, index);
        summary
    }

    /// Leaves of a summary what is taken, and gives it the input's position and language.
    pub fn label(&self, summary: &mut Summary, index: usize) {
        if self.take == Take::Audio {
            summary.video = None;
        }
        if self.take == Take::Video {
            summary.audio.clear();
        }
        if let Some(video) = &mut summary.video {
            video.input = index;
        }
        for audio in &mut summary.audio {
            audio.input = index;
            if let Some(language) = &self.language {
                audio.language = Some(crate::ladder::short_language(language));
            }
        }
    }

    /// Gives the texts in which `${NAME}` stands for a variable of the environment, with their
    /// pointers below the input.
    pub(crate) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        let mut texts: Vec<(String, &mut String)> = Vec::new();
        if let Some(uri) = &mut self.uri {
            texts.push(("/uri".to_owned(), uri));
        }
        macro_rules! kinds {
            ($($key:ident),*) => {$(
                if let Some(options) = &mut self.$key {
                    texts.extend(options.expandable().into_iter().map(|(pointer, text)| {
                        (format!(concat!("/", stringify!($key), "{}"), pointer), text)
                    }));
                }
            )*};
        }
        kinds!(file, rtmp, srt, udp, rtp, rtsp, http, command);
        texts
    }
}

impl Source {
    /// Returns the name of the kind, as in job files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Test(_) => "testsrc",
            Self::File(_) => "file",
            Self::Rtmp(_) => "rtmp",
            Self::Srt(_) => "srt",
            Self::Udp(_) => "udp",
            Self::Rtp(_) => "rtp",
            Self::Rtsp(_) => "rtsp",
            Self::Http(_) => "http",
            Self::Command(_) => "command",
        }
    }

    /// Tells whether the source can be opened and read before the channel starts. Listeners wait for
    /// a publisher, who would be lost by looking; a command may not be fit to run twice; the test
    /// source is known.
    pub fn can_be_probed(&self) -> bool {
        match self {
            Self::Test(_) | Self::Command(_) => false,
            Self::Rtmp(rtmp) => rtmp.mode() == RtmpMode::Pull,
            Self::Srt(srt) => srt.mode == SrtMode::Caller,
            Self::File(_) | Self::Udp(_) | Self::Rtp(_) | Self::Rtsp(_) | Self::Http(_) => true,
        }
    }

    /// Tells whether a clean end is what the source is for: a file that is not looped.
    pub fn is_finite(&self) -> bool {
        matches!(self, Self::File(file) if !file.looped)
    }

    /// Tells whether media comes no faster than it plays. A file may be read as fast as can be.
    pub fn is_paced(&self) -> bool {
        !matches!(self, Self::File(file) if !file.realtime)
    }

    /// Returns the ffmpeg arguments from options up to and with `-i`.
    pub fn arguments(&self, context: &Context<'_>) -> Vec<Argument> {
        match self {
            Self::Test(test) => test.arguments(context.facilities),
            Self::File(file) => file.arguments(),
            Self::Rtmp(rtmp) => rtmp.arguments(),
            Self::Srt(srt) => srt.arguments(),
            Self::Udp(udp) => udp.arguments(),
            Self::Rtp(rtp) => rtp.arguments(),
            Self::Rtsp(rtsp) => rtsp.arguments(),
            Self::Http(http) => http.arguments(),
            Self::Command(command) => command.arguments(&context.feed),
        }
    }

    /// Returns the arguments for looking into the source, which must not pace or loop it.
    pub fn probe_arguments(&self) -> Vec<Argument> {
        match self {
            Self::File(file) => file.probe_arguments(),
            Self::Http(http) => http.probe_arguments(),
            other => other.arguments(&Context {
                facilities: &Facilities::default(),
                feed: PathBuf::new(),
            }),
        }
    }

    /// Returns what has to run beside ffmpeg to feed it through `pipe`.
    pub fn feeder(&self, pipe: &Path) -> Option<Feeder> {
        match self {
            Self::Command(command) => Some(command.feeder(pipe)),
            _ => None,
        }
    }

    /// Returns the address that is listened on, if it is.
    pub fn claim(&self) -> Option<Claim> {
        match self {
            Self::Rtmp(rtmp) => rtmp.claim(),
            Self::Srt(srt) => srt.claim(),
            Self::Udp(udp) => udp.claim(),
            Self::Rtp(rtp) => rtp.claim(),
            _ => None,
        }
    }

    /// Tells what of its options the system will not grant; `root` is `/` except in tests.
    pub fn warning(&self, root: &Path) -> Option<String> {
        match self {
            Self::Udp(udp) => network::buffer_warning(udp.buffer_size, root),
            Self::Rtp(rtp) => network::buffer_warning(rtp.buffer_size, root),
            _ => None,
        }
    }

    /// Returns a short text for people, secrets masked.
    pub fn title(&self) -> String {
        match self {
            Self::Test(test) => format!("testsrc {} at {}", test.size, test.rate),
            Self::File(file) => file.path.clone(),
            Self::Rtmp(rtmp) => rtmp.shown(),
            Self::Srt(srt) => format!("srt://{} ({})", srt.address, srt.mode.as_str()),
            Self::Udp(udp) => format!("udp://{}", udp.address),
            Self::Rtp(rtp) => format!("rtp://{}", rtp.address),
            Self::Rtsp(rtsp) => process::mask::text(&rtsp.url),
            Self::Http(http) => process::mask::text(&http.url),
            Self::Command(command) => command.title(),
        }
    }
}

#[cfg(test)]
mod tests;
