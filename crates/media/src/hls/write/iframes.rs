//! I-frame playlists (RFC 8216bis, 4.4.3.6): key frames as ranges of bytes of their segments, for
//! fast play and seeking.

use std::fmt::Write as _;

use super::{
    MediaOptions, VERSION,
    media::{key, push_type, time},
    push_version,
};
use crate::{
    presentation::{Presentation, Timeline, Track},
    time::{Round, Timescale, mul_div},
    url,
};

pub(super) fn write(
    presentation: &Presentation,
    track: usize,
    options: &MediaOptions<'_>,
) -> String {
    let mut out = String::new();
    let Some(period) = presentation.periods.last() else {
        return out;
    };
    let timeline = period.timelines.get(track);
    let (Some((_, track)), Some(timeline)) = (period.shape.tracks().nth(track), timeline) else {
        return out;
    };
    if timeline.keys.is_empty() {
        return out;
    }
    out.reserve(256 + timeline.keys.len() * 80);
    push_version(&mut out, VERSION);
    let target = timeline.keys.iter().map(|one| {
        time(one.duration, track.timescale).ticks_in(Timescale::SECONDS, Round::Nearest)
    });
    let _ = writeln!(
        out,
        "#EXT-X-TARGETDURATION:{}",
        target.max().unwrap_or(1).max(1)
    );
    out.push_str("#EXT-X-MEDIA-SEQUENCE:1\n");
    push_type(&mut out, options);
    out.push_str("#EXT-X-I-FRAMES-ONLY\n");
    push_entries(&mut out, track, timeline, options);
    if !options.event {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    out
}

fn push_entries(out: &mut String, track: &Track, timeline: &Timeline, options: &MediaOptions<'_>) {
    let climb = "../".repeat(track.id.split('/').count());
    let push_uri = |out: &mut String, expand: &dyn Fn(&mut String)| {
        let line = out.len();
        out.push_str(&climb);
        let start = out.len();
        expand(out);
        url::encode_from(out, start);
        url::push_query(out, line, options.query);
    };
    if let Some(init) = &track.init {
        out.push_str("#EXT-X-MAP:URI=\"");
        push_uri(out, &|out| {
            init.expand_to(out, &track.id, track.bandwidth, None);
        });
        out.push_str("\"\n");
    }
    if let Some(key) = options.key {
        let _ = writeln!(out, "#EXT-X-KEY:{key}");
    }
    let mut keys = timeline.keys.iter().peekable();
    for (number, start, _) in timeline.segments() {
        while let Some(one) = keys.next_if(|one| one.segment <= number) {
            if one.segment < number {
                continue;
            }
            let duration = time(one.duration, track.timescale);
            let _ = writeln!(out, "#EXTINF:{duration},");
            let _ = writeln!(out, "#EXT-X-BYTERANGE:{}@{}", one.bytes, one.offset);
            let at = key(track, number, start);
            push_uri(out, &|out| {
                let (id, bandwidth) = (&track.id, track.bandwidth);
                track.media.expand_to(out, id, bandwidth, Some(at));
            });
            out.push('\n');
        }
    }
}

/// Returns the greatest and the mean bit rate of playing key frames alone, each for as long as it
/// stands; nothing when they are not known.
pub(super) fn rates(timeline: &Timeline, scale: Timescale) -> Option<(u64, u64)> {
    let rate = |bytes: u64, ticks: u64| -> u64 {
        let bits = i64::try_from(bytes.saturating_mul(8)).unwrap_or(i64::MAX);
        let ticks = i64::try_from(ticks.max(1)).unwrap_or(i64::MAX);
        mul_div(bits, scale.get().into(), ticks, Round::Up).unsigned_abs()
    };
    let longest = timeline.keys.iter().map(|one| one.duration).max()?;
    // One that stands shortly, as the last may, is no measure.
    let measures = timeline
        .keys
        .iter()
        .filter(|one| one.duration * 2 >= longest);
    let peak = measures.map(|one| rate(one.bytes, one.duration)).max()?;
    let bytes = timeline.keys.iter().map(|one| one.bytes).sum();
    let ticks = timeline.keys.iter().map(|one| one.duration).sum();
    Some((peak, rate(bytes, ticks)))
}
