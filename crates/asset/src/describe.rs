//! Completes the description of a track: what the manifest does not say is taken from the init
//! segment or measured; what it does say stays, unless segments would drift by it.

use media::{
    isobmff::init::InitTrack,
    presentation::{Content, FrameRate, Nominal, Track},
    time::Time,
};

use crate::{exact, model::Segment, segments::TrackRead};

/// Fills a track in from what was read.
pub(crate) fn complete(track: &mut Track, content: Content, read: &TrackRead) {
    track.timescale = read.timescale;
    let duration = span(&read.segments, read);
    let bytes: u64 = read.segments.iter().map(|s| u64::from(s.size)).sum();
    track.average_bandwidth = exact::bit_rate(bytes, duration);
    track.peak_bandwidth = peak(read).max(track.average_bandwidth);
    if track.bandwidth == 0 {
        track.bandwidth = track.peak_bandwidth;
    }
    let Some(init) = &read.init_track else {
        return;
    };
    if track.codecs.is_empty() {
        track.codecs.clone_from(&init.codec);
    }
    if track.mime_type.is_empty() {
        mime_type(content).clone_into(&mut track.mime_type);
    }
    track.size = track.size.or(init.size);
    track.sar = track.sar.or(init.sar);
    track.sampling_rate = track.sampling_rate.or(init.sampling_rate);
    track.channels = track.channels.or(init.channels);
    if content == Content::Video {
        track.frame_rate = track
            .frame_rate
            .or_else(|| frame_rate(init, read, duration));
    }
}

fn mime_type(content: Content) -> &'static str {
    match content {
        Content::Video => "video/mp4",
        Content::Audio => "audio/mp4",
        Content::Text => "application/mp4",
        Content::Image => "image/jpeg",
    }
}

fn span(segments: &[Segment], read: &TrackRead) -> Time {
    let ticks: u64 = segments.iter().map(|segment| segment.duration).sum();
    Time::new(i64::try_from(ticks).unwrap_or(i64::MAX), read.timescale)
}

/// The greatest bit rate of a segment. Pieces under half the mean duration are left out: RFC 8216
/// measures the peak over at least half a target duration.
fn peak(read: &TrackRead) -> u64 {
    let total: u64 = read.segments.iter().map(|segment| segment.duration).sum();
    let mean = total / (read.segments.len() as u64).max(1);
    read.segments
        .iter()
        .filter(|segment| segment.duration.saturating_mul(2) >= mean)
        .map(|segment| {
            exact::bit_rate(
                segment.size.into(),
                span(std::slice::from_ref(segment), read),
            )
        })
        .max()
        .unwrap_or(0)
}

/// Frame rate from sample durations: exact when they are alike, else the mean to a thousandth.
fn frame_rate(init: &InitTrack, read: &TrackRead, duration: Time) -> Option<FrameRate> {
    if let Some(each) = read.sample_duration.filter(|each| *each > 0) {
        let (num, den) = exact::lowest(read.timescale.get().into(), each.into())?;
        return Some(FrameRate { num, den });
    }
    if init.frame_rate_hint.is_some() {
        return init.frame_rate_hint;
    }
    let ticks = u128::try_from(duration.ticks).ok().filter(|t| *t > 0)?;
    let thousandths = u128::from(read.samples) * u128::from(read.timescale.get()) * 1000 / ticks;
    let (num, den) = exact::lowest(u64::try_from(thousandths).ok()?, 1000)?;
    Some(FrameRate { num, den })
}

/// Returns the segment duration that `$Number$` addressing announces. A declared one is kept if
/// counting by it ends where the media does; else it is the exact mean, for audio that of the
/// reference's segments, along which it is cut.
pub(crate) fn nominal(
    declared: Option<Nominal>,
    content: Content,
    read: &TrackRead,
    reference: (Time, u64),
) -> Nominal {
    let (duration, count) = match content {
        Content::Image => {
            return declared.unwrap_or(Nominal {
                duration: 0,
                timescale: read.timescale,
            });
        }
        Content::Audio => reference,
        Content::Video | Content::Text => (span(&read.segments, read), read.segments.len() as u64),
    };
    let mean = exact::share(duration, count, read.timescale);
    match declared {
        Some(declared) if exact::time(declared) == exact::time(mean) => declared,
        _ => mean,
    }
}
