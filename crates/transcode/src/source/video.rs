//! The video of a source: which stream, when its frames are shown, what they look like.

use process::probe::{Frame, Kind, Mastering, Packets, Rational, Stream};

use super::{at, timing};
use crate::plan::{Colour, Seconds, VideoFacts};

/// Chooses the stream: the default one, else the one with the most pixels; no cover pictures.
pub(super) fn choose(streams: &[Stream]) -> Option<&Stream> {
    let usable = |stream: &&Stream| {
        let sized = |video: &process::probe::Video| video.width > 0 && video.height > 0;
        stream.kind == Kind::Video && !stream.is_cover && stream.video.as_ref().is_some_and(sized)
    };
    let pixels = |stream: &Stream| {
        stream
            .video
            .as_ref()
            .map_or(0, |video| u64::from(video.width) * u64::from(video.height))
    };
    // `max_by_key` takes the last of equals; the first is meant.
    let streams = streams.iter().rev().filter(usable);
    streams.max_by_key(|stream| (stream.is_default, pixels(stream)))
}

/// Puts together what headers, packets and the first frames tell; `None` when there is no frame.
pub(super) fn facts(stream: &Stream, packets: &Packets, frames: &[Frame]) -> Option<VideoFacts> {
    let video = stream.video.as_ref()?;
    // ffmpeg's own are of 32 bits; products of such numbers overflow nowhere.
    let limit = i64::from(i32::MAX);
    let is_clock = |it: &Rational| (1..=limit).contains(&it.num) && (1..=limit).contains(&it.den);
    let clock = stream.time_base.filter(is_clock)?;
    let shown: Vec<i64> = frames.iter().filter_map(|frame| frame.pts).collect();
    let begin = shown.iter().min().copied();
    if frames.is_empty() {
        return None;
    }
    let interlaced = 2 * frames.iter().filter(|frame| frame.interlaced).count() > frames.len();
    let times = presented(packets, begin);
    let timing = timing::of(&times, &shown, clock, video);
    let begin = begin.or(times.first().copied()).unwrap_or(0);
    let first = at(begin, clock);
    let step = timing.rate.duration(1);
    // The last frame lasts for one at least: some containers do not tell, or nearly nothing.
    let last = times.last().map_or(first, |last| at(*last, clock));
    let declared = packets.end_pts.map_or(first, |end| at(end, clock));
    let end = declared.max(last.plus(step));
    let count = if times.is_empty() {
        packets.count
    } else {
        timing.frames
    };
    Some(VideoFacts {
        stream: stream.index,
        codec: stream.codec.clone(),
        width: video.width,
        height: video.height,
        sar: video.sar.unwrap_or((1, 1)),
        rotation: video.rotation,
        interlaced,
        rate: timing.rate,
        variable: timing.variable || times.is_empty(),
        first,
        end: end_of(first, end, timing.rate.duration(count), times.is_empty()),
        frames: count.max(1),
        key_distance: at(packets.greatest_key_distance().unwrap_or(0), clock),
        bitrate: stream.bit_rate,
        pixel_format: video.pixel_format.clone().unwrap_or_default(),
        colour: Colour {
            primaries: video.primaries.clone(),
            transfer: video.transfer.clone(),
            matrix: video.matrix.clone(),
            range: video.range.clone(),
            mastering: frames
                .iter()
                .find_map(|frame| frame.mastering)
                .map(mastering),
            light: frames
                .iter()
                .find_map(|frame| frame.light)
                .map(|light| (light.content, light.average)),
        },
    })
}

/// Without any time stamp the number of frames is all there is.
fn end_of(first: Seconds, end: Seconds, counted: Seconds, untimed: bool) -> Seconds {
    if untimed { first.plus(counted) } else { end }
}

/// Returns the times of the frames that are shown. Packets before the first frame that can be
/// decoded do not count. Where only decoding times are known they are moved to presentation.
fn presented(packets: &Packets, begin: Option<i64>) -> Vec<i64> {
    let times = &packets.times;
    let Some(begin) = begin else {
        return times.clone();
    };
    if packets.timed {
        return times
            .iter()
            .copied()
            .filter(|time| *time >= begin)
            .collect();
    }
    let shift = times
        .first()
        .map_or(0, |first| begin.saturating_sub(*first));
    times
        .iter()
        .map(|time| time.saturating_add(shift))
        .collect()
}

/// Writes a mastering display as x265 takes it.
fn mastering(display: Mastering) -> String {
    let Mastering {
        green,
        blue,
        red,
        white,
        luminance,
    } = display;
    format!(
        "G({},{})B({},{})R({},{})WP({},{})L({},{})",
        green.0, green.1, blue.0, blue.1, red.0, red.1, white.0, white.1, luminance.0, luminance.1
    )
}

#[cfg(test)]
mod tests {
    use process::probe::{Packets, Video};
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Options, SourceFacts, plan};

    fn stream(width: u32, height: u32, is_default: bool) -> Stream {
        Stream {
            kind: Kind::Video,
            is_default,
            video: Some(Video {
                width,
                height,
                ..Video::default()
            }),
            ..Stream::default()
        }
    }

    #[test]
    fn the_default_stream_is_taken_else_the_greatest() {
        let cover = Stream {
            is_cover: true,
            ..stream(4000, 4000, true)
        };
        let streams = [
            cover,
            stream(640, 360, false),
            stream(1280, 720, false),
            stream(1280, 720, false),
        ];
        assert!(std::ptr::eq(
            choose(&streams).unwrap(),
            &raw const streams[2]
        ));
        let streams = [stream(1280, 720, false), stream(640, 360, true)];
        assert!(std::ptr::eq(
            choose(&streams).unwrap(),
            &raw const streams[1]
        ));
        assert_eq!(choose(&[stream(0, 0, true)]), None);
    }

    fn ticks() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), -10_i64..1000, Just(i64::MIN), Just(i64::MAX)]
    }

    proptest! {
        /// Whatever ffprobe writes of whatever file, there is a plan or an error.
        #[test]
        fn no_numbers_are_too_strange(
            mut times in prop::collection::vec(ticks(), 0..40),
            decoded in prop::collection::vec(prop::option::of(ticks()), 0..6),
            end in prop::option::of(ticks()), timed in any::<bool>(), interlaced in any::<bool>(),
            clock in (any::<i64>(), any::<i64>()), small in (1_i64..1002, 1_i64..90_001),
            is_small in any::<bool>(),
            base in (any::<i64>(), 1..i64::MAX), mean in (1_i64..100_000, 1_i64..3000),
            sar in (any::<u32>(), any::<u32>()), size in (1_u32..20_000, 1_u32..20_000),
        ) {
            times.sort_unstable();
            let (num, den) = if is_small { small } else { clock };
            let stream = Stream {
                time_base: Rational::new(num, den),
                video: Some(Video {
                    width: size.0,
                    height: size.1,
                    sar: Some(sar),
                    base_rate: Rational::new(base.0, base.1),
                    mean_rate: Rational::new(mean.0, mean.1),
                    ..Video::default()
                }),
                ..stream(size.0, size.1, true)
            };
            let packets = Packets {
                count: times.len() as u64,
                first_pts: times.first().copied(),
                end_pts: end,
                timed,
                times,
                ..Packets::default()
            };
            let frames: Vec<Frame> = decoded
                .iter()
                .map(|pts| Frame { pts: *pts, interlaced, ..Frame::default() })
                .collect();
            let facts = SourceFacts {
                video: facts(&stream, &packets, &frames),
                ..SourceFacts::default()
            };
            if let Ok(planned) = plan(facts, &Options::default()) {
                prop_assert!(planned.plan.grid.frames > 0);
                prop_assert!(!planned.plan.chunks.is_empty());
            }
        }
    }
}
