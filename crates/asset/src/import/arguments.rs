//! The one run of ffmpeg of an import, as a list of arguments.
//!
//! What is written is shifted by ten seconds, since the time of a fragment is unsigned: sound may
//! begin before the first picture, and encoders begin before their input. `frag_discont` keeps the
//! shift in the first fragment; edit lists and ffmpeg's own shifting to zero, which would move each
//! track by another amount, are off. [`super::timing`] takes the shift off again.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use process::probe::{Audio, Rational};

use super::{
    plan::{Plan, TrackPlan, Treatment},
    timing,
};

/// What times are shifted by, in seconds.
pub(super) const SHIFT_S: i64 = 10;
/// The same in µs.
pub(super) const SHIFT_US: i64 = SHIFT_S * 1_000_000;

/// Length of a group of pictures when they are encoded, in seconds.
const GROUP_S: i64 = 2;

/// Makes the arguments: one input, and one output for each track.
pub(super) fn conversion(plan: &Plan, input: &OsStr, folder: &Path) -> Vec<OsString> {
    let mut out = List::default();
    // ffmpeg counts from the start of the file, so zero has to be moved to where it counts from.
    out.pair("-itsoffset", seconds(plan.start_us - plan.zero_us));
    out.0.push("-i".into());
    out.0.push(input.to_owned());
    for track in &plan.tracks {
        out.pair("-map", format!("0:{}", track.stream.index));
        match (&track.treatment, track.is_video()) {
            (Treatment::Copy, true) => copy_video(&mut out, track),
            (Treatment::Copy, false) => copy_audio(&mut out, track),
            (Treatment::Encode(_), true) => encode_video(&mut out, track),
            (Treatment::Encode(_), false) => encode_audio(&mut out, track, plan),
        }
        output(&mut out, track);
        out.0.push(folder.join(track.raw_name()).into_os_string());
    }
    out.0
}

#[derive(Default)]
struct List(Vec<OsString>);

impl List {
    fn pair(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.push(name.into());
        self.0.push(value.into());
    }
}

fn copy_video(out: &mut List, track: &TrackPlan) {
    out.pair("-c", "copy");
    if track.stream.codec == "hevc" {
        // Parameter sets in the sample entry, which is what Apple's players want.
        out.pair("-tag:v", "hvc1");
    }
}

fn copy_audio(out: &mut List, track: &TrackPlan) {
    out.pair("-c", "copy");
    // What lies before zero is cut off in frames of known length, not by ffmpeg.
    out.pair("-copypriorss", "1");
    // FLAC and, in older versions, Opus.
    out.pair("-strict", "experimental");
    if track.stream.codec == "aac" {
        // Sound of transport streams carries its description in every packet.
        out.pair("-bsf:a", "aac_adtstoasc");
    }
}

fn encode_video(out: &mut List, track: &TrackPlan) {
    let rate = track.rate.unwrap_or(Rational { num: 25, den: 1 });
    let group = rate.times(GROUP_S).max(1).to_string();
    let interlaced = track
        .stream
        .video
        .as_ref()
        .is_some_and(|video| video.interlaced);
    let mut filters = String::new();
    if interlaced {
        filters.push_str("bwdif=mode=send_frame,");
    }
    // Odd sizes lose a line; pictures missing at the front are filled with the first one.
    filters.push_str("crop=trunc(iw/2)*2:trunc(ih/2)*2,");
    let from = if track.timed { ":start_time=0" } else { "" };
    filters.push_str(&format!("fps=fps={rate}{from},format=yuv420p"));
    out.pair("-vf", filters);
    out.pair("-c:v", "libx264");
    out.pair("-preset", "veryfast");
    out.pair("-crf", "20");
    out.pair("-profile:v", "high");
    out.pair("-g", group.clone());
    out.pair("-keyint_min", group);
    out.pair("-sc_threshold", "0");
    out.pair("-flags", "+cgop");
}

fn encode_audio(out: &mut List, track: &TrackPlan, plan: &Plan) {
    let audio = track.stream.audio.clone().unwrap_or_default();
    let (rate, channels, bit_rate) = made_audio(&audio);
    // Starts at zero whatever the input does, without holes, and reaches past the last picture.
    let end = seconds(plan.duration_us + 100_000);
    let filter = format!("aresample={rate}:async=1:first_pts=0,apad,atrim=end={end}");
    out.pair("-af", filter);
    out.pair("-c:a", "aac");
    out.pair("-ac", channels.to_string());
    out.pair("-b:a", bit_rate);
}

/// Returns sampling rate, channels and bit rate of the AAC to make.
fn made_audio(audio: &Audio) -> (u32, u32, &'static str) {
    let rate = match audio.sampling_rate {
        rate @ (16_000 | 22_050 | 24_000 | 32_000 | 44_100 | 48_000) => rate,
        _ => 48_000,
    };
    match audio.channels {
        1 => (rate, 1, "96k"),
        6 => (rate, 6, "384k"),
        _ => (rate, 2, "160k"),
    }
}

fn output(out: &mut List, track: &TrackPlan) {
    out.pair("-map_metadata", "-1");
    out.pair("-map_chapters", "-1");
    if let Some(language) = &track.stream.language {
        out.pair("-metadata:s:0", format!("language={language}"));
    }
    if track.is_video() {
        if let Some(scale) = track.rate.and_then(timing::timescale) {
            out.pair("-video_track_timescale", scale.to_string());
        }
    } else {
        out.pair("-frag_duration", "5000000");
    }
    out.pair("-fflags", "+bitexact");
    out.pair("-output_ts_offset", SHIFT_S.to_string());
    out.pair("-avoid_negative_ts", "disabled");
    out.pair("-use_editlist", "0");
    out.pair(
        "-movflags",
        "+cmaf+frag_keyframe+delay_moov+frag_discont+default_base_moof+skip_sidx+skip_trailer",
    );
    out.pair("-f", "mp4");
}

/// Writes µs as decimal seconds.
fn seconds(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let us = us.unsigned_abs();
    format!("{sign}{}.{:06}", us / 1_000_000, us % 1_000_000)
}

#[cfg(test)]
mod tests {
    use process::probe::{Kind, Stream, Video};

    use super::*;

    fn line(plan: &Plan) -> String {
        conversion(plan, OsStr::new("file:/in.mkv"), Path::new("/w"))
            .iter()
            .map(|argument| argument.to_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn track(id: &str, kind: Kind, codec: &str, encode: bool) -> TrackPlan {
        TrackPlan {
            id: id.to_owned(),
            stream: Stream {
                index: u32::from(kind == Kind::Audio),
                kind,
                codec: codec.to_owned(),
                language: (kind == Kind::Audio).then(|| "swe".to_owned()),
                video: (kind == Kind::Video).then(|| Video {
                    interlaced: true,
                    ..Video::default()
                }),
                audio: (kind == Kind::Audio).then_some(Audio {
                    sampling_rate: 96_000,
                    channels: 8,
                    layout: None,
                }),
                ..Stream::default()
            },
            treatment: if encode {
                Treatment::Encode(String::new())
            } else {
                Treatment::Copy
            },
            rate: Rational::new(30_000, 1001).filter(|_| kind == Kind::Video),
            timed: true,
        }
    }

    #[test]
    fn copies_keep_packets_and_lose_edit_lists() {
        let plan = Plan {
            tracks: vec![
                track("v1", Kind::Video, "hevc", false),
                track("a1", Kind::Audio, "aac", false),
            ],
            start_us: 1_458_667,
            zero_us: 1_480_000,
            duration_us: 10_000_000,
            notes: vec![],
        };
        let line = line(&plan);
        assert!(
            line.starts_with("-itsoffset -0.021333 -i file:/in.mkv -map 0:0 -c copy -tag:v hvc1")
        );
        assert!(line.contains("-video_track_timescale 30000"));
        assert!(
            line.contains(
                "-map 0:1 -c copy -copypriorss 1 -strict experimental -bsf:a aac_adtstoasc"
            )
        );
        assert!(line.contains("-metadata:s:0 language=swe"));
        assert!(line.ends_with("-f mp4 /w/a1.raw.mp4"));
        assert!(!line.contains("libx264"));
    }

    #[test]
    fn encoding_has_a_grid_and_fills_sound() {
        let plan = Plan {
            tracks: vec![
                track("v1", Kind::Video, "mpeg2video", true),
                track("a1", Kind::Audio, "pcm_s16le", true),
            ],
            start_us: 0,
            zero_us: 0,
            duration_us: 7_800_000,
            notes: vec![],
        };
        let line = line(&plan);
        for part in [
            "-vf bwdif=mode=send_frame,crop=",
            "fps=fps=30000/1001:start_time=0,",
            "-g 60 -keyint_min 60",
            "-af aresample=48000:async=1:first_pts=0,apad,atrim=end=7.900000",
            "-ac 2 -b:a 160k",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn microseconds_are_written_as_seconds() {
        assert_eq!(seconds(-21_333), "-0.021333");
        assert_eq!(seconds(10_000_000), "10.000000");
    }
}
