//! What was made and what had to be repaired.

/// Counters of a packager since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Stretches begun.
    pub stretches: u64,
    /// Of these: because the clock of the source jumped.
    pub jumps: u64,
    /// Of these: after an outage.
    pub outages: u64,
    /// Of these: because of drift against the wall clock.
    pub drifts: u64,
    /// One for each track.
    pub tracks: Vec<TrackCounters>,
}

/// Counters of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackCounters {
    /// Bytes that came.
    pub bytes: u64,
    /// Samples that came.
    pub samples_in: u64,
    /// Samples in parts.
    pub samples_out: u64,
    /// Parts with media.
    pub parts: u64,
    /// Segments with media.
    pub segments: u64,
    /// Parts that break the rule of length: over the target, or under 85 % of it within a segment.
    pub uneven_parts: u64,
    /// Segments cut without a key frame, since none came in time.
    pub forced_cuts: u64,
    /// Parts marked as lost.
    pub gap_parts: u64,
    /// Segments marked as lost.
    pub gap_segments: u64,
    /// Samples without a duration.
    pub zero_durations: u64,
    /// Samples whose duration spanned a hole of the source.
    pub long_durations: u64,
    /// Samples dropped since their time had been already.
    pub repeated: u64,
    /// Samples dropped since they lay before the start of the stretch or far behind it, could not be
    /// decoded there, or belonged to the time before a jump.
    pub before_start: u64,
    /// Samples cut at their front since they began before the end of the last.
    pub overlaps: u64,
    /// Samples moved by less than half a frame.
    pub rounded: u64,
    /// Samples made longer to close a small hole.
    pub stretched: u64,
    /// Bytes thrown away at the end of runs since they were no whole fragment.
    pub cut_off_bytes: u64,
}
