//! The audio tracks.

use std::iter;

use media::{language, time::Round};

use super::{
    Audio, AudioCodec, AudioFacts, AudioPick, Grid, Options, Seconds, SourceFacts, VideoFacts,
};

/// Rates that are multiples of this are brought to 44.1 kHz, all others to 48 kHz.
const CD_FAMILY: u32 = 11_025;

/// Sound that goes on for less than this after the pictures is cut.
const NOTABLE: Seconds = Seconds::whole(1);

/// Returns where sound alone begins and how long it lasts, when any is wanted.
pub(super) fn extent(source: &SourceFacts, options: &Options) -> Option<(Seconds, Seconds)> {
    let chosen = chosen(source, options);
    let first = chosen.iter().map(|track| track.first).min()?;
    let container = source.duration.map(|duration| source.start.plus(duration));
    let end = chosen
        .iter()
        .filter_map(|track| track.end)
        .max()
        .or(container)?;
    let span = end.minus(first);
    (span > Seconds::ZERO).then_some((first, span))
}

/// Returns how long sound lasts that goes on after the last picture, from the first picture on.
pub(super) fn rest(source: &SourceFacts, video: &VideoFacts, options: &Options) -> Option<Seconds> {
    let ends = chosen(source, options);
    let end = ends.iter().filter_map(|track| track.end).max()?;
    (end.minus(video.end) > NOTABLE).then(|| end.minus(video.first))
}

/// Plans the tracks, the default one first. Each is as long as the grid.
pub(super) fn tracks(
    source: &SourceFacts,
    origin: Seconds,
    grid: &Grid,
    options: &Options,
    notes: &mut Vec<String>,
) -> Vec<Audio> {
    let tracks = chosen(source, options);
    if tracks.is_empty() && !source.audios.is_empty() && options.audio != AudioPick::None {
        notes.push(format!(
            "no sound is in the languages wanted ({})",
            options.audio_languages.join(", ")
        ));
    }
    let tracks = tracks.into_iter().enumerate();
    tracks
        .map(|(index, facts)| track(index, facts, origin, grid, options))
        .flat_map(|track| {
            let downmix = (options.downmix && track.channels > 2).then(|| stereo(&track, options));
            iter::once(track).chain(downmix)
        })
        .collect()
}

/// Plans the track that those hear who have two loudspeakers.
fn stereo(surround: &Audio, options: &Options) -> Audio {
    Audio {
        id: format!("{}-stereo", surround.id),
        channels: 2,
        bitrate_bps: bitrate(2, options),
        ..surround.clone()
    }
}

fn bitrate(channels: u32, options: &Options) -> u64 {
    let wished = options.audio_bitrate.or(options.preset.audio_bitrate);
    wished.unwrap_or(match channels {
        1 => 64_000,
        2 => 128_000,
        _ => 320_000,
    })
}

/// The streams that are wanted, the default one first, else in order of the source.
fn chosen<'a>(source: &'a SourceFacts, options: &Options) -> Vec<&'a AudioFacts> {
    if options.audio == AudioPick::None {
        return Vec::new();
    }
    let wanted: Vec<String> = options
        .audio_languages
        .iter()
        .map(|tag| language::short(tag))
        .collect();
    let is_wanted = |track: &&AudioFacts| {
        wanted.is_empty() || tag(track.language.as_deref()).is_some_and(|it| wanted.contains(&it))
    };
    let mut chosen: Vec<&AudioFacts> = source.audios.iter().filter(is_wanted).collect();
    chosen.sort_by_key(|track| (track.is_comment || track.is_impaired, !track.is_default));
    if options.audio == AudioPick::First {
        chosen.truncate(1);
    }
    chosen
}

fn track(
    index: usize,
    facts: &AudioFacts,
    origin: Seconds,
    grid: &Grid,
    options: &Options,
) -> Audio {
    let channels = match facts.channels.min(options.max_channels.max(1)) {
        1 => 1,
        6.. => 6,
        _ => 2,
    };
    let sampling_rate = if facts.sampling_rate.is_multiple_of(CD_FAMILY) {
        44_100
    } else {
        48_000
    };
    let language = tag(facts.language.as_deref());
    Audio {
        id: id('a', index, language.as_deref()),
        stream: facts.stream,
        label: label(facts.title.as_deref()),
        language,
        is_default: index == 0,
        codec: AudioCodec::Aac,
        channels,
        sampling_rate,
        bitrate_bps: bitrate(channels, options),
        first_sample: origin.ticks(sampling_rate, Round::Nearest),
        samples: grid.duration().ticks(sampling_rate, Round::Nearest).max(1) as u64,
    }
}

/// Makes `a1-en`, or `a1` when the language is unknown.
pub(super) fn id(kind: char, index: usize, language: Option<&str>) -> String {
    let number = index + 1;
    match language {
        Some(language) => format!("{kind}{number}-{language}"),
        None => format!("{kind}{number}"),
    }
}

/// Returns a language as manifests want it; `None` for what is no language tag or means none.
pub(super) fn tag(language: Option<&str>) -> Option<String> {
    let short = language::short(language?.trim());
    let part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_tag = (2..=35).contains(&short.len()) && short.split('-').all(part);
    (is_tag && short != "und").then_some(short)
}

/// Returns a title fit to be shown: one line, not endless.
pub(super) fn label(title: Option<&str>) -> Option<String> {
    let line: String = title?
        .chars()
        .filter(|c| !c.is_control())
        .take(80)
        .collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
