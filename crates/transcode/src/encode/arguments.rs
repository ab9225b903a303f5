//! The one run of ffmpeg of a chunk.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use media::time::Round;

use super::{codec, graph, task::List};
use crate::plan::{Chunk, Picture, Plan, Seconds};

/// Decoding begins this long before the first frame at the latest: for frames that are shown later
/// than they are stored, and for the neighbours that filters look at.
const PRE_ROLL_MS: i64 = 1000;

/// Where decoding begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// Shortly before the chunk.
    Near,
    /// At the start of the source.
    Start,
}

/// Returns the name of the raw file of a rendition.
pub(super) fn raw_path(scratch: &Path, id: &str) -> PathBuf {
    scratch.join(format!("{id}.raw.mp4"))
}

/// Returns a path so that ffmpeg takes it for nothing else.
pub(crate) fn as_input(source: &Path) -> OsString {
    let mut input = OsString::from("file:");
    input.push(source);
    input
}

/// Makes the arguments.
pub(super) fn arguments(
    plan: &Plan,
    picture: &Picture,
    chunk: &Chunk,
    source: &OsStr,
    scratch: &Path,
    from: From,
) -> List {
    let mut list = List::default();
    let threads = plan.videos.iter().map(|video| video.threads).max();
    let threads = threads.unwrap_or(1).max(1).to_string();
    list.pair("-filter_complex_threads", threads.clone());
    list.pair("-protocol_whitelist", "file,pipe");
    list.flag("-copyts");
    if let (From::Near, Some(seek)) = (from, seek(plan, chunk)) {
        // Without this frames are dropped up to the place asked for; the graph does that exactly.
        list.flag("-noaccurate_seek");
        list.pair("-ss", seek.decimal(Round::Down));
    }
    list.pair("-threads", threads);
    list.pair("-i", source);
    list.pair("-filter_complex", graph::graph(plan, picture, chunk));
    for (index, video) in plan.videos.iter().enumerate() {
        list.pair("-map", format!("[r{index}]"));
        list.pair("-frames:v", chunk.frames.to_string());
        list.pair("-fps_mode", "passthrough");
        codec::arguments(&mut list, video, picture, &plan.grid);
        list.pair("-video_track_timescale", plan.grid.timescale.to_string());
        super::finish_mp4(&mut list);
        list.0.push(raw_path(scratch, &video.id).into_os_string());
    }
    list
}

/// Returns where to seek to; nothing when that is the start.
fn seek(plan: &Plan, chunk: &Chunk) -> Option<Seconds> {
    if chunk.first_frame == 0 {
        return None;
    }
    // Where the sound goes on after the last picture, that one is held.
    let last = plan.source.video.as_ref().map(|video| video.end);
    let begin = plan.source_time(chunk.first_frame);
    let mut target = plan.seek(last.map_or(begin, |last| last.min(begin)));
    target = target.minus(Seconds::from_ms(PRE_ROLL_MS));
    if !plan.source.has_index() {
        // Seeking lands anywhere; decoding begins with the next key frame from there.
        let video = plan.source.video.as_ref();
        target = target.minus(video.map_or(Seconds::ZERO, |video| video.key_distance));
    }
    (target > Seconds::ZERO).then_some(target)
}
