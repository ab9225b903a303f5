//! What becomes of the pictures.

use process::probe::{Rational, Video};

use super::{JITTER_US, MICRO, Span, TrackPlan, Treatment, micros};

/// Key frames further apart than this, in ms, make segments that are too long.
const MAX_KEY_DISTANCE_MS: i64 = 6000;

/// Decides, and notes what is altered.
pub(super) fn plan(span: &Span<'_>, notes: &mut Vec<String>) -> TrackPlan {
    let known = Video::default();
    let video = span.stream.video.as_ref().unwrap_or(&known);
    let constant = constant_rate(span, video);
    let reason = why_encode_video(span, video);
    let (treatment, rate) = match reason {
        None => (Treatment::Copy, constant),
        Some(reason) => {
            if video.is_hdr() {
                notes.push("high dynamic range is encoded without tone mapping".to_owned());
            }
            notes.push(format!("video is encoded: {reason}"));
            let rate = constant.unwrap_or_else(|| made_rate(video));
            (Treatment::Encode(reason), Some(rate))
        }
    };
    TrackPlan {
        id: "v1".to_owned(),
        stream: span.stream.clone(),
        treatment,
        rate,
        timed: span.packets.timed,
    }
}

fn why_encode_video(span: &Span<'_>, video: &Video) -> Option<String> {
    let codec = span.stream.codec.as_str();
    let formats: &[&str] = match codec {
        "h264" => &["yuv420p", "yuvj420p"],
        "hevc" | "av1" | "vp9" => &["yuv420p", "yuv420p10le"],
        _ => return Some(format!("players do not take {codec}")),
    };
    let format = video.pixel_format.as_deref().unwrap_or("unknown");
    if !formats.contains(&format) {
        return Some(format!(
            "players do not take {codec} of pixel format {format}"
        ));
    }
    if video.rotation != 0 {
        return Some(format!("it is to be turned by {} degrees", video.rotation));
    }
    let packets = span.packets;
    if !packets.timed {
        return Some("packets have no times".to_owned());
    }
    if packets.discarded {
        return Some("an edit list cuts into it".to_owned());
    }
    if packets.steps.is_some_and(|(least, _)| least <= 0) {
        return Some("two pictures have the same time".to_owned());
    }
    if packets.keys.first() != packets.first_pts.as_ref() {
        return Some("it does not begin with a key frame".to_owned());
    }
    let distance = packets.greatest_key_distance_ms(span.stream.time_base?)?;
    (distance > MAX_KEY_DISTANCE_MS).then(|| format!("key frames are up to {distance} ms apart"))
}

/// Returns the frame rate if every step between pictures is one frame of it.
fn constant_rate(span: &Span<'_>, video: &Video) -> Option<Rational> {
    let rate = video.base_rate?;
    let frame_us = Rational::new(rate.den, rate.num)?.times(MICRO);
    let (least, most) = span.packets.steps?;
    let near =
        |ticks| micros(span.stream, ticks).is_some_and(|step| (step - frame_us).abs() <= JITTER_US);
    (near(least) && near(most)).then_some(rate)
}

/// Chooses a constant rate for pictures that have none: the declared one when it is sane, else
/// the usual one above the mean.
pub(super) fn made_rate(video: &Video) -> Rational {
    const USUAL: [(i64, i64); 9] = [
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
    ];
    let near =
        |a: Rational, b: Rational| (a.times(1000) - b.times(1000)).abs() * 50 <= b.times(1000);
    let fastest = Rational { num: 60, den: 1 };
    match (video.base_rate, video.mean_rate) {
        (Some(base), Some(mean)) if near(base, mean) && base <= fastest => base,
        (_, Some(mean)) => USUAL
            .into_iter()
            .map(|(num, den)| Rational { num, den })
            .find(|rate| rate.times(1000) * 10_000 >= mean.times(1000) * 9995)
            .unwrap_or(fastest),
        (Some(base), None) if base <= fastest => base,
        _ => Rational { num: 25, den: 1 },
    }
}
