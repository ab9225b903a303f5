//! The audio tracks of a plan.

use super::{
    options::{AudioCodec, AudioLayout, AudioOptions, AudioPick, MissingAudio},
    plan::{AudioTrack, OVERHEAD, Problem, Selector, Sound},
};
use crate::{
    probe::{AudioStream, Summary},
    units::BitRate,
};

/// Sampling rate of everything that is encoded.
const RATE: u32 = 48_000;

/// Samples in a frame of AAC-LC.
const AAC_FRAME: u32 = 1024;

/// Plans the audio tracks; empty when none are wanted, or none are there and that is accepted.
pub(super) fn tracks(
    summary: &Summary,
    options: &AudioOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<AudioTrack>, Problem> {
    if options.tracks == AudioPick::None {
        return Ok(Vec::new());
    }
    if summary.audio.is_empty() {
        return missing(options, notes);
    }
    let mut chosen = by_language(&summary.audio, &options.languages)?;
    if options.tracks == AudioPick::First {
        chosen.truncate(1);
    }
    chosen
        .into_iter()
        .enumerate()
        .map(|(index, stream)| track(index, stream, options, notes))
        .collect()
}

fn missing(options: &AudioOptions, notes: &mut Vec<String>) -> Result<Vec<AudioTrack>, Problem> {
    match options.missing {
        MissingAudio::Warn => {
            notes.push("the source has no sound".to_owned());
            Ok(Vec::new())
        }
        MissingAudio::Fail => Err(Problem::Source("there is no sound in it".to_owned())),
        MissingAudio::Silence => {
            let channels = if options.layout == AudioLayout::Mono {
                1
            } else {
                2
            };
            let silence = AudioStream {
                language: options.languages.first().cloned(),
                ..AudioStream::plain(RATE, channels)
            };
            let silent = AudioTrack {
                source: Sound::Silence,
                ..encoded(0, &silence, channels, options)
            };
            Ok(vec![silent])
        }
    }
}

fn by_language<'a>(
    streams: &'a [AudioStream],
    languages: &[String],
) -> Result<Vec<&'a AudioStream>, Problem> {
    if languages.is_empty() {
        return Ok(streams.iter().collect());
    }
    let mut chosen = Vec::new();
    for language in languages {
        let wanted = super::short_language(language);
        let before = chosen.len();
        chosen.extend(
            streams
                .iter()
                .filter(|stream| stream.language.as_deref() == Some(wanted.as_str())),
        );
        if chosen.len() == before {
            let there: Vec<&str> = streams
                .iter()
                .map(|stream| stream.language.as_deref().unwrap_or("unnamed"))
                .collect();
            return Err(Problem::Source(format!(
                "there is no sound in `{language}`; there is {}",
                there.join(", ")
            )));
        }
    }
    Ok(chosen)
}

fn track(
    index: usize,
    stream: &AudioStream,
    options: &AudioOptions,
    notes: &mut Vec<String>,
) -> Result<AudioTrack, Problem> {
    if options.codec == AudioCodec::Copy {
        return copy(index, stream);
    }
    let channels = match (options.layout, stream.channels) {
        (AudioLayout::Mono, _) | (AudioLayout::Source, 1) => 1,
        (AudioLayout::Surround | AudioLayout::Source, 6..) => 6,
        (AudioLayout::Surround, _) => {
            notes.push(format!(
                "audio track {} is stereo: the source has not six channels",
                index + 1
            ));
            2
        }
        (AudioLayout::Stereo | AudioLayout::Source, _) => 2,
    };
    Ok(encoded(index, stream, channels, options))
}

fn encoded(
    index: usize,
    stream: &AudioStream,
    channels: u32,
    options: &AudioOptions,
) -> AudioTrack {
    let bitrate = options.bitrate.unwrap_or(BitRate::kilo(match channels {
        1 => 64,
        2 => 128,
        _ => 256,
    }));
    AudioTrack {
        id: id(index, stream),
        source: Sound::Stream(selector(stream)),
        language: stream.language.clone(),
        title: stream.title.clone(),
        copy: None,
        bitrate,
        channels,
        sampling_rate: RATE,
        samples_per_frame: AAC_FRAME,
        codecs: "mp4a.40.2".to_owned(),
        bandwidth: BitRate(bitrate.percent(105).0 + OVERHEAD.0),
    }
}

fn copy(index: usize, stream: &AudioStream) -> Result<AudioTrack, Problem> {
    // What was not probed is taken to be what nearly everybody sends.
    let codec = if stream.codec.is_empty() {
        "aac"
    } else {
        stream.codec.as_str()
    };
    let high_efficiency = stream
        .profile
        .as_deref()
        .is_some_and(|profile| profile.starts_with("HE-AAC"));
    let (codecs, samples) = match codec {
        // The core of HE-AAC runs at half the rate, so a frame is 2048 samples.
        "aac" if high_efficiency => ("mp4a.40.5", 2 * AAC_FRAME),
        "aac" => ("mp4a.40.2", AAC_FRAME),
        "ac3" => ("ac-3", 1536),
        "eac3" => ("ec-3", 1536),
        "opus" => ("opus", 960),
        other => {
            return Err(Problem::Source(format!(
                "its sound is {other}, which cannot be copied; aac, ac3, eac3 and opus can"
            )));
        }
    };
    let bitrate = stream.bit_rate.unwrap_or(BitRate::kilo(128));
    Ok(AudioTrack {
        id: id(index, stream),
        source: Sound::Stream(selector(stream)),
        language: stream.language.clone(),
        title: stream.title.clone(),
        copy: Some(codec.to_owned()),
        bitrate,
        channels: stream.channels,
        sampling_rate: stream.sampling_rate,
        samples_per_frame: samples,
        codecs: codecs.to_owned(),
        bandwidth: BitRate(bitrate.percent(105).0 + OVERHEAD.0),
    })
}

fn selector(stream: &AudioStream) -> Selector {
    Selector {
        input: stream.input,
        ordinal: stream.ordinal,
    }
}

/// Makes `a1-en`, or `a1` when the language is unknown.
fn id(index: usize, stream: &AudioStream) -> String {
    let number = index + 1;
    match &stream.language {
        Some(language) => format!("a{number}-{language}"),
        None => format!("a{number}"),
    }
}
