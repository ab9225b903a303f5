//! Sound and subtitles of a source.

use process::probe::{Kind, Packets, Probe, Stream};

use super::{at, seconds};
use crate::plan::{AudioFacts, Seconds, TextFacts};

/// Lists the audio streams that have a rate and channels.
pub(super) fn audios<'a>(
    found: &Probe,
    packets: impl Fn(&Stream) -> &'a Packets,
) -> Vec<AudioFacts> {
    let streams = found.streams.iter();
    streams
        .filter_map(|stream| {
            let audio = stream.audio.as_ref()?;
            if audio.sampling_rate == 0 || audio.channels == 0 {
                return None;
            }
            let seen = packets(stream);
            let clock = stream.time_base?;
            let first = seen.first_pts.or(stream.start_pts);
            Some(AudioFacts {
                stream: stream.index,
                codec: stream.codec.clone(),
                sampling_rate: audio.sampling_rate,
                channels: audio.channels,
                language: stream.language.clone(),
                title: stream.title.clone(),
                is_default: stream.is_default,
                is_impaired: stream.is_impaired,
                is_comment: stream.is_comment,
                first: first.map_or_else(
                    || found.start.map_or(Seconds::ZERO, seconds),
                    |tick| at(tick, clock),
                ),
                end: seen.end_pts.map(|tick| at(tick, clock)),
                bitrate: stream.bit_rate,
            })
        })
        .collect()
}

/// Lists the subtitle streams.
pub(super) fn texts(found: &Probe) -> Vec<TextFacts> {
    let streams = found.streams.iter();
    streams
        .filter(|stream| stream.kind == Kind::Subtitle)
        .map(|stream| TextFacts {
            stream: stream.index,
            codec: stream.codec.clone(),
            language: stream.language.clone(),
            title: stream.title.clone(),
            is_default: stream.is_default,
            is_forced: stream.is_forced,
            is_impaired: stream.is_impaired,
        })
        .collect()
}
