//! What is told of channels: one description for `/api/v1/channels`, the page, the status line of
//! `broadcast` and the screens of `top`, which reads it back.

use serde::{Deserialize, Serialize};

use crate::text;

/// All channels of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Channels {
    /// By ascending name.
    pub(crate) channels: Vec<ChannelReport>,
}

/// One channel at one instant. Times are milliseconds, secrets are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelReport {
    /// Its name, part of its paths.
    pub(crate) name: String,
    /// `idle`, `probing`, `starting`, `connecting`, `running`, `degraded`, `stopping`, `stopped`,
    /// `backoff` or `failed`.
    pub(crate) state: String,
    /// For how long.
    pub(crate) state_ms: u64,
    /// What is wanted: `run` or `rest`.
    pub(crate) wish: String,
    /// Why it is degraded, or why the last run ended.
    pub(crate) reason: Option<String>,
    /// What is wrong besides the state: disks, publishing targets, the output.
    pub(crate) alarms: Vec<String>,
    /// Its inputs.
    pub(crate) inputs: Vec<String>,
    /// Number of the run, from 1.
    pub(crate) run: u32,
    /// Runs begun after another.
    pub(crate) restarts: u64,
    /// Until the next start, during a delay.
    pub(crate) next_start_ms: Option<u64>,
    /// Durations that players see.
    pub(crate) timing: Timing,
    /// What the encoder says.
    pub(crate) encoder: Encoder,
    /// What the processes take; absent while there are none.
    pub(crate) usage: Option<Usage>,
    /// The ladder, largest first, then sound.
    pub(crate) tracks: Vec<TrackReport>,
    /// How to watch it.
    pub(crate) ways: Vec<ChannelWay>,
    /// Commands of the run.
    pub(crate) commands: Vec<String>,
    /// Last lines that its processes said.
    pub(crate) log: Vec<String>,
}

/// Durations that players see, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Timing {
    /// Of a segment.
    pub(crate) segment_ms: u64,
    /// Of a part.
    pub(crate) part_ms: u64,
    /// How far behind live players are asked to be.
    pub(crate) hold_back_ms: u64,
    /// How far back they may seek.
    pub(crate) window_ms: u64,
}

/// What the encoder says of its work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Encoder {
    /// Thousandths of frames a second.
    pub(crate) fps_permille: Option<u64>,
    /// Thousandths of real time, over the last seconds.
    pub(crate) speed_permille: Option<u64>,
    /// Frames in this run.
    pub(crate) frames: Option<u64>,
    /// Frames dropped.
    pub(crate) dropped: Option<u64>,
    /// Frames repeated.
    pub(crate) duplicated: Option<u64>,
}

/// What processes take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    /// Processor time, milliseconds.
    pub(crate) cpu_ms: u64,
    /// Hundredths of one processor.
    pub(crate) cpu_percent: Option<u32>,
    /// Memory in bytes.
    pub(crate) memory: u64,
    /// Bytes read from storage; absent when the system does not tell.
    pub(crate) read_bytes: Option<u64>,
    /// Bytes written to storage; absent when the system does not tell.
    pub(crate) write_bytes: Option<u64>,
    /// Number of processes.
    pub(crate) processes: u32,
}

/// A track of the ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TrackReport {
    /// Its id, part of its paths.
    pub(crate) id: String,
    /// `video` or `audio`.
    pub(crate) kind: String,
    /// Picture size and rate, or sampling rate and channels, for people.
    pub(crate) format: String,
    /// Codec string of RFC 6381, once known.
    pub(crate) codecs: String,
    /// Bits a second that are announced.
    pub(crate) bandwidth: u64,
    /// Number of the segment in progress.
    pub(crate) segment: u64,
    /// Its parts that are whole.
    pub(crate) parts: u32,
    /// Segments in the window.
    pub(crate) segments: u64,
    /// Frames that were packaged, of all runs.
    pub(crate) packaged: u64,
    /// Parts and segments marked as lost, of all runs.
    pub(crate) gaps: u64,
    /// Since the last fragment.
    pub(crate) lag_ms: Option<u64>,
}

/// One way to watch a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ChannelWay {
    /// `DASH` or `HLS`.
    pub(crate) protocol: String,
    /// Path of the manifest.
    pub(crate) url: String,
    /// Path of the page that plays it.
    pub(crate) play: String,
}

impl ChannelReport {
    /// Returns how to watch a channel of this name.
    pub(crate) fn ways_of(name: &str) -> Vec<ChannelWay> {
        [("DASH", "manifest.mpd"), ("HLS", "master.m3u8")]
            .into_iter()
            .map(|(protocol, file)| {
                let url = crate::url::encode_path(&format!("/live/{name}/{file}"));
                ChannelWay {
                    protocol: protocol.to_owned(),
                    play: format!("/play?src={}", crate::url::encode_value(&url)),
                    url,
                }
            })
            .collect()
    }

    /// Says what state it is in, and for how long or until when: `running 0:12`.
    pub(crate) fn state_text(&self) -> String {
        match self.next_start_ms {
            Some(ms) => format!("{}, next start in {}", self.state, text::span(ms)),
            None => format!("{} {}", self.state, text::clock(self.state_ms)),
        }
    }

    /// Returns the latency that players are asked to keep, for people.
    pub(crate) fn latency_text(&self) -> String {
        text::span(self.timing.hold_back_ms)
    }

    /// Returns the speed of the encoder for people, when known.
    pub(crate) fn speed_text(&self) -> Option<String> {
        let speed = self.encoder.speed_permille?;
        Some(format!("{}×", text::permille(speed)))
    }

    /// Returns what is wrong with it, if anything is.
    pub(crate) fn wrong(&self) -> Option<&str> {
        let wrong = self.reason.as_ref().or(self.alarms.first());
        wrong.map(String::as_str)
    }

    /// Returns what is wrong with it, or else the last line that its processes said.
    pub(crate) fn said(&self) -> Option<&str> {
        self.wrong().or(self.log.last().map(String::as_str))
    }
}

impl TrackReport {
    /// Returns the announced bit rate for people.
    pub(crate) fn bandwidth_text(&self) -> String {
        text::bit_rate(self.bandwidth)
    }

    /// Returns the newest segment and part: `1042.3`.
    pub(crate) fn edge_text(&self) -> String {
        format!("{}.{}", self.segment, self.parts)
    }
}
