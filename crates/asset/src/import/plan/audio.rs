//! What becomes of sound.

use process::probe::{Audio, Stream};

use super::{JITTER_US, MICRO, Span, TrackPlan, Treatment, micros};
use crate::import::arguments;

/// Decides, and notes what is altered. `picture` is from when to when there are pictures, in µs.
pub(super) fn plan(
    id: String,
    span: &Span<'_>,
    picture: Option<(i64, i64)>,
    notes: &mut Vec<String>,
) -> TrackPlan {
    let treatment = match why_encode_audio(span, picture) {
        None => Treatment::Copy,
        Some(reason) => {
            notes.push(format!("sound {id} is encoded: {reason}"));
            Treatment::Encode(reason)
        }
    };
    TrackPlan {
        id,
        stream: span.stream.clone(),
        treatment,
        rate: None,
        timed: span.packets.timed,
    }
}

fn why_encode_audio(span: &Span<'_>, picture: Option<(i64, i64)>) -> Option<String> {
    let stream = span.stream;
    let codec = stream.codec.as_str();
    let usual_aac = || {
        matches!(
            stream.profile.as_deref(),
            None | Some("LC" | "HE-AAC" | "HE-AACv2")
        )
    };
    let known = match codec {
        "aac" => usual_aac(),
        "ac3" | "eac3" | "opus" | "flac" => true,
        _ => false,
    };
    let audio = stream.audio.clone().unwrap_or_default();
    if !known || audio.channels == 0 || audio.sampling_rate == 0 {
        return Some(format!("players do not take {}", describe(stream, &audio)));
    }
    if !span.packets.timed {
        return Some("packets have no times".to_owned());
    }
    let step = span
        .packets
        .steps
        .and_then(|(least, most)| Some((micros(stream, least)?, micros(stream, most)?)));
    let (least, most) = step.unwrap_or((0, 0));
    if most - least > 2 * JITTER_US {
        return Some(format!("it has a hole of {} ms", (most - least) / 1000));
    }
    let (zero, end) = picture?;
    let lead = zero - span.first;
    if lead > arguments::SHIFT_US - MICRO {
        return Some(format!(
            "it starts {} ms before the first picture",
            lead / 1000
        ));
    }
    // A frame may be missing at either end: nothing shorter can be added.
    if span.first - zero > most + JITTER_US {
        return Some(format!("it starts {} ms late", (span.first - zero) / 1000));
    }
    if end - span.end > most + JITTER_US {
        return Some(format!("it ends {} ms early", (end - span.end) / 1000));
    }
    None
}

fn describe(stream: &Stream, audio: &Audio) -> String {
    let profile = stream
        .profile
        .as_ref()
        .map_or_else(String::new, |profile| format!(" {profile}"));
    format!(
        "{}{profile} of {} channels at {} Hz",
        stream.codec, audio.channels, audio.sampling_rate
    )
}
