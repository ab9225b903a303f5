//! Text subtitles, cut where the video is cut: WebVTT segments, as HLS has them, and the same cues as
//! TTML in fragmented MP4, which players of DASH and newer ones of HLS take.
//!
//! ffmpeg reads whatever the source has (SubRip, ASS, `mov_text`, WebVTT) and writes one WebVTT file;
//! times are moved to the origin, cues before it are cut. A cue that reaches over a cut is in both
//! segments. Pictures (DVD, Blu-ray, DVB) are no text; a plan does not name them.

mod cues;
#[cfg(test)]
mod tests;
mod ttml;

use std::{fs, path::Path};

use media::{
    isobmff::{
        build::{self, Fragment, SampleEntry},
        subtitles,
    },
    time::{Round, Time, Timescale},
};

use crate::{
    encode::{
        BRANDS, Class, Context, Failure, List, Output, SegmentFacts, SegmentOutput, TrackOutput,
        as_input, run_ffmpeg, write_file,
    },
    plan::{Plan, Segment, Text},
};
use cues::{Cue, clock};

/// Returns the id, and folder, of the WebVTT form of a subtitle track.
pub fn vtt_id(id: &str) -> String {
    format!("{id}-vtt")
}

/// Converts subtitle track `index` of the plan from `source`, a local file. Makes two tracks: TTML
/// under the id of the plan, WebVTT under [`vtt_id`].
pub fn run(
    context: &mut Context<'_>,
    plan: &Plan,
    source: &Path,
    index: u32,
) -> Result<Output, Failure> {
    let Some(text) = plan.texts.get(index as usize) else {
        return Err(Failure::new(
            Class::Permanent,
            format!("the plan has no subtitle track {index}"),
        ));
    };
    let raw = context.scratch.join(format!("{}.raw.vtt", text.id));
    let mut list = List::default();
    list.pair("-protocol_whitelist", "file,pipe");
    list.flag("-copyts");
    list.pair("-i", as_input(source));
    list.pair("-map", format!("0:{}", text.stream));
    list.pair("-c:s", "webvtt");
    list.pair("-f", "webvtt");
    list.0.push(raw.clone().into_os_string());
    let notes = run_ffmpeg(context, list, |_, _| {})?;
    let all = fs::read(&raw).map_err(|error| Failure::file(&raw, &error))?;
    fs::remove_file(&raw).map_err(|error| Failure::file(&raw, &error))?;
    let cues = moved(&String::from_utf8_lossy(&all), plan);
    Ok(Output {
        tracks: vec![
            in_mp4(plan, text, &cues, context.scratch)?,
            in_vtt(plan, text, &cues, context.scratch)?,
        ],
        notes,
        damaged: 0,
    })
}

/// Reads cues and moves them to the origin.
fn moved(text: &str, plan: &Plan) -> Vec<Cue> {
    let origin = plan.origin.ms(Round::Nearest);
    let mut cues = cues::parse(text);
    for cue in &mut cues {
        cue.start = cue.start.saturating_sub(origin).max(0);
        cue.end = cue.end.saturating_sub(origin);
    }
    cues.retain(|cue| cue.end > cue.start);
    cues
}

/// Where a segment lies, in milliseconds.
fn span(plan: &Plan, segment: &Segment) -> (i64, i64) {
    let ms = |ticks: u64| {
        Timescale::new(plan.grid.timescale)
            .map_or(0, |scale| Time::new(ticks as i64, scale).ms(Round::Nearest))
    };
    (ms(segment.tfdt), ms(segment.tfdt + segment.duration))
}

/// Returns the cues that show between two times.
fn shown(cues: &[Cue], from: i64, to: i64) -> Vec<Cue> {
    let shows = |cue: &&Cue| cue.start < to && cue.end > from;
    cues.iter().filter(shows).cloned().collect()
}

fn segments(plan: &Plan) -> impl Iterator<Item = Segment> {
    (1..=plan.grid.segments()).filter_map(|number| plan.grid.segment(number))
}

/// Makes the folder of a track.
fn folder(scratch: &Path, id: &str) -> Result<std::path::PathBuf, Failure> {
    let folder = scratch.join(id);
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    Ok(folder)
}

fn facts(segment: &Segment, cues: usize, bytes: usize) -> SegmentFacts {
    SegmentFacts {
        number: segment.number,
        start: segment.tfdt,
        duration: segment.duration,
        frames: cues as u64,
        bytes: bytes as u64,
        keys: Vec::new(),
    }
}

/// Writes a document for each segment, as the only sample of a fragment.
fn in_mp4(plan: &Plan, text: &Text, cues: &[Cue], scratch: &Path) -> Result<TrackOutput, Failure> {
    let folder = folder(scratch, &text.id)?;
    let scale = Timescale::new(plan.grid.timescale)
        .ok_or_else(|| Failure::new(Class::Permanent, "the plan has no timescale"))?;
    let init = folder.join("init.mp4");
    write_file(
        &init,
        &subtitles::ttml_init(scale, text.language.as_deref()),
    )?;
    let styp = build::styp(BRANDS[0], &BRANDS);
    let mut made = Vec::new();
    for segment in segments(plan) {
        let (from, to) = span(plan, &segment);
        let cues = shown(cues, from, to);
        let document = ttml::document(&cues, text.language.as_deref(), from, to);
        let entry = SampleEntry {
            duration: segment.duration as u32,
            size: document.len() as u32,
            flags: SYNC,
            composition_offset: 0,
        };
        let mut bytes = build::fragment(&Fragment {
            track_id: 1,
            sequence_number: segment.number as u32,
            decode_time: segment.tfdt,
            styp: Some(&styp),
            samples: &[entry],
        });
        bytes.extend_from_slice(document.as_bytes());
        let path = folder.join(format!("{}.m4s", segment.number));
        write_file(&path, &bytes)?;
        made.push(SegmentOutput {
            path,
            facts: facts(&segment, cues.len(), bytes.len()),
        });
    }
    Ok(TrackOutput {
        id: text.id.clone(),
        init: Some(init),
        segments: made,
    })
}

/// Sample flags of a sync sample that depends on no other.
const SYNC: u32 = 0x0200_0000;

/// Writes WebVTT segments (RFC 8216bis, 3.1.4): each a file of its own, times on the media time line.
fn in_vtt(plan: &Plan, text: &Text, cues: &[Cue], scratch: &Path) -> Result<TrackOutput, Failure> {
    let id = vtt_id(&text.id);
    let folder = folder(scratch, &id)?;
    let mut made = Vec::new();
    for segment in segments(plan) {
        let (from, to) = span(plan, &segment);
        let cues = shown(cues, from, to);
        let content = vtt(&cues);
        let path = folder.join(format!("{}.vtt", segment.number));
        write_file(&path, content.as_bytes())?;
        made.push(SegmentOutput {
            path,
            facts: facts(&segment, cues.len(), content.len()),
        });
    }
    Ok(TrackOutput {
        id,
        init: None,
        segments: made,
    })
}

fn vtt(cues: &[Cue]) -> String {
    let mut out = String::from("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n");
    for cue in cues {
        out.push_str(&format!("\n{} --> {}", clock(cue.start), clock(cue.end)));
        if !cue.settings.is_empty() {
            out.push(' ');
            out.push_str(&cue.settings);
        }
        out.push_str(&format!("\n{}\n", cue.text));
    }
    out
}
