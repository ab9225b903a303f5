//! What a window is told before it starts.

use media::{
    presentation::{Content, FrameRate, LowLatency, UtcTiming},
    time::Time,
};

/// Constants of a channel, as it is presented.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Epoch of the channel and `MPD@availabilityStartTime`, Unix ms.
    pub epoch_ms: i64,
    /// Duration of a segment, exact.
    pub segment: Time,
    /// What no segment exceeds, `MPD@maxSegmentDuration`.
    pub longest: Time,
    /// How much is listed; at least three target durations are, whatever this says.
    pub depth: Time,
    /// How much of it stays in memory when there is a folder.
    pub memory: Time,
    /// Most bytes of media in memory. Segments that are not on disk are lost beyond it.
    pub memory_bytes: u64,
    /// Delivery of segments while they are made.
    pub low_latency: Option<LowLatency>,
    /// `MPD@suggestedPresentationDelay`.
    pub presentation_delay: Option<Time>,
    /// Clocks for players.
    pub utc_timing: Vec<UtcTiming>,
    /// The tracks by switching set. Track numbers count through all sets and are the packager's.
    pub sets: Vec<SetSettings>,
}

/// Tracks that a player may switch between.
#[derive(Clone, Debug)]
pub struct SetSettings {
    /// What they carry.
    pub content: Content,
    /// Language, BCP 47.
    pub lang: Option<String>,
    /// Human-readable name.
    pub label: Option<String>,
    /// DASH roles.
    pub roles: Vec<String>,
    /// The tracks.
    pub tracks: Vec<TrackSettings>,
}

/// A track as it is announced.
#[derive(Clone, Debug)]
pub struct TrackSettings {
    /// Representation id.
    pub id: String,
    /// Mean bit rate that the encoder is told, bits per second; 0 when it is not known beforehand.
    pub bandwidth: u64,
    /// Greatest bit rate that the encoder is told; 0 when it is not known beforehand.
    pub peak_bandwidth: u64,
    /// Frame rate of video.
    pub frame_rate: Option<FrameRate>,
}

impl Settings {
    /// Iterates over all tracks with their sets, in the order of their numbers.
    pub fn tracks(&self) -> impl Iterator<Item = (&SetSettings, &TrackSettings)> {
        self.sets
            .iter()
            .flat_map(|set| set.tracks.iter().map(move |track| (set, track)))
    }

    /// Returns how much is listed, in ms.
    pub(crate) fn depth_ms(&self) -> i64 {
        use media::time::{Round, Timescale};
        let target = self.segment.ticks_in(Timescale::SECONDS, Round::Up).max(1);
        let depth = self.depth.ms(Round::Up);
        depth.max(target.saturating_mul(3000))
    }
}
