//! An audio track in one uninterrupted encode, cut into CMAF segments beside those of the video.
//!
//! The origin of the plan is sample 0: what the source has before is left out, what it lacks is
//! silence, and holes are filled, so that sample `n` of the track is heard at origin + `n` samples.
//! An encoder begins with priming: frames before its first sample. They are left out too, so that no
//! edit list is needed, which players treat in different ways. The price is that a decoder has nothing
//! before the first frame to overlap it with: its 1024 samples fade in.
//!
//! A segment ends with the last codec frame that begins before the cut of the video, or at it; so
//! segments of one number cover the same time but for less than a codec frame.

use std::{fs, path::Path};

use media::isobmff::build::SampleEntry;

use crate::{
    encode::{
        Class, Context, Damage, Failure, Group, List, Output, Progress, Raw, TrackOutput, Writer,
        as_input, bearable, finish_mp4, run_over,
    },
    plan::{AAC_FRAME, Audio, AudioCodec, Plan},
};

/// What times are shifted by in the raw file, in seconds: priming lies before zero, and fragments
/// have no negative times.
const SHIFT_S: u64 = 10;

/// A hole of at least this many seconds is filled with silence, an overlap of it cut: less than any
/// codec frame lasts, more than time stamps in milliseconds are off.
const HOLE_S: &str = "0.015";

/// Encodes audio track `index` of the plan from `source`, a local file. Where the source
/// cannot be decoded, `damage` says what is done: it ends ([`Failure::is_damage`]), or silence stands
/// there; if that is more than a twentieth, it fails.
pub fn run(
    context: &mut Context<'_>,
    plan: &Plan,
    source: &Path,
    index: u32,
    damage: Damage,
) -> Result<Output, Failure> {
    let Some(audio) = plan.audios.get(index as usize) else {
        return Err(Failure::new(
            Class::Permanent,
            format!("the plan has no audio track {index}"),
        ));
    };
    let raw_path = context.scratch.join(format!("{}.raw.mp4", audio.id));
    let mut list = arguments(audio, source);
    list.0.push(raw_path.clone().into_os_string());
    let total = audio.frames();
    let rate = u128::from(audio.sampling_rate);
    let mut notes = run_over(context, damage, list, |report, progress| {
        let us = report.out_time_us.and_then(|us| u128::try_from(us).ok());
        let frames = us.unwrap_or(0) * rate / 1_000_000 / u128::from(AAC_FRAME);
        progress(Progress {
            done: u64::try_from(frames).unwrap_or(total).min(total),
            total,
            speed_permille: report.speed_permille,
            bytes: report.total_size,
        });
    })?;
    let mut damaged = 0;
    if damage == Damage::IsBorne {
        damaged = bearable(&notes, total)?;
        notes = vec![format!("{damaged} codec frames of the source are damaged")];
    }
    let raw = Raw::open(&raw_path)?;
    let track = cut(&raw, audio, plan, context.scratch)?;
    drop(raw);
    fs::remove_file(&raw_path).map_err(|error| Failure::file(&raw_path, &error))?;
    Ok(Output {
        tracks: vec![track],
        notes,
        damaged,
    })
}

fn arguments(audio: &Audio, source: &Path) -> List {
    let mut list = List::default();
    list.pair("-protocol_whitelist", "file,pipe");
    list.flag("-copyts");
    list.flag("-vn");
    list.flag("-sn");
    list.flag("-dn");
    list.pair("-i", as_input(source));
    list.pair("-map", format!("0:{}", audio.stream));
    list.pair("-af", filter(audio));
    match audio.codec {
        AudioCodec::Aac => list.pair("-c:a", "aac"),
    }
    list.pair("-b:a", audio.bitrate_bps.to_string());
    list.pair("-ac", audio.channels.to_string());
    list.pair("-ar", audio.sampling_rate.to_string());
    list.pair("-frag_duration", "5000000");
    list.pair("-output_ts_offset", SHIFT_S.to_string());
    finish_mp4(&mut list);
    list
}

/// Makes sound with exactly the samples that the plan wants, the first one at the origin.
fn filter(audio: &Audio) -> String {
    let (rate, samples) = (audio.sampling_rate, audio.samples);
    format!(
        "aformat=channel_layouts={},\
         aresample={rate}:async=1:min_hard_comp={HOLE_S}:first_pts={},\
         asetpts=N,apad=whole_len={samples},atrim=end_sample={samples}",
        layout(audio.channels),
        audio.first_sample,
    )
}

/// Returns the layout with a channel configuration of its own (ISO/IEC 14496-3, table 1.19).
fn layout(channels: u32) -> &'static str {
    match channels {
        1 => "mono",
        3 => "3.0",
        4 => "4.0",
        5 => "5.0",
        6 => "5.1",
        8 => "7.1(wide)",
        _ => "stereo",
    }
}

/// Checks that codec frames follow each other from the origin on, and writes the segments.
fn cut(raw: &Raw, audio: &Audio, plan: &Plan, scratch: &Path) -> Result<TrackOutput, Failure> {
    let wrong = |reason: String| Failure::wrong(&format!("audio {}", audio.id), reason);
    if raw.track.timescale.get() != audio.sampling_rate {
        return Err(wrong(format!(
            "sampling rate {} in place of {}",
            raw.track.timescale, audio.sampling_rate
        )));
    }
    let origin = SHIFT_S * u64::from(audio.sampling_rate);
    let Some(first) = raw
        .samples
        .iter()
        .position(|sample| sample.decode_time == origin)
    else {
        return Err(wrong("no codec frame begins at the origin".to_owned()));
    };
    let wanted = audio.frames();
    let there = (raw.samples.len() - first) as u64;
    if there < wanted {
        return Err(wrong(format!("{there} codec frames in place of {wanted}")));
    }
    for (index, sample) in (0..wanted).zip(raw.samples.iter().skip(first)) {
        let time = origin + index * AAC_FRAME;
        if sample.decode_time != time {
            return Err(wrong(format!(
                "codec frame {index} is at sample {} in place of {time}",
                sample.decode_time
            )));
        }
    }
    let mut writer = Writer::begin(&scratch.join(&audio.id), raw, raw.init())?;
    let mut segments = Vec::new();
    for segment in audio.segments(&plan.grid) {
        let from = first + segment.first_frame as usize;
        let samples = from..from + segment.frames as usize;
        let entries = raw.samples.get(samples.clone()).unwrap_or_default();
        let group = Group {
            decode_time: segment.first_frame * AAC_FRAME,
            sequence_number: segment.number as u32,
            entries: entries
                .iter()
                .map(|sample| SampleEntry {
                    duration: AAC_FRAME as u32,
                    size: sample.data.len() as u32,
                    flags: sample.flags,
                    composition_offset: 0,
                })
                .collect(),
            samples,
        };
        segments.push(writer.segment(segment.number, &[group], false)?);
    }
    Ok(writer.finish(&audio.id, segments))
}

#[cfg(test)]
mod tests;
