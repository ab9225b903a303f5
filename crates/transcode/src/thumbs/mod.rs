//! Pictures to seek by: tiles of small JPEG pictures, one for each stretch of the film
//! (DASH-IF IOP, thumbnail tracks).
//!
//! They are made from key frames of the smallest rendition, which lie at known times and are decoded
//! by themselves; the source is not touched again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use media::isobmff::{
    build::{self, Fragment, SampleEntry},
    init::{self, InitTrack},
    segment,
};

use crate::{
    encode::{
        Class, Context, Failure, List, Output, Progress, SegmentFacts, SegmentOutput, TrackOutput,
        as_input, run_ffmpeg, write_file,
    },
    plan::{Plan, Thumbnails, Video},
};

/// Id and folder of the track.
pub const ID: &str = "thumbs";

/// Returns the rendition that pictures are made from: the smallest one.
pub fn rendition(plan: &Plan) -> Option<&Video> {
    let area = |video: &&Video| u64::from(video.width) * u64::from(video.height);
    plan.videos.iter().min_by_key(area)
}

/// Returns how many pictures there are.
pub fn pictures(plan: &Plan, thumbnails: &Thumbnails) -> u64 {
    plan.grid
        .frames
        .div_ceil(u64::from(thumbnails.every.max(1)))
}

/// Makes the tiles from the init segment and all segments, in order, of [`rendition`].
pub fn run(
    context: &mut Context<'_>,
    plan: &Plan,
    init: &Path,
    segments: &[PathBuf],
) -> Result<Output, Failure> {
    let Some(thumbnails) = &plan.thumbnails else {
        return Err(Failure::new(Class::Permanent, "the plan has no thumbnails"));
    };
    let keys = context.scratch.join("keys.mp4");
    write_file(&keys, &key_frames(plan, thumbnails, init, segments)?)?;
    let folder = context.scratch.join(ID);
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let Thumbnails {
        width,
        height,
        columns,
        rows,
        ..
    } = *thumbnails;
    let mut list = List::default();
    list.pair("-protocol_whitelist", "file,pipe");
    list.pair("-i", as_input(&keys));
    list.pair(
        "-vf",
        format!(
            "scale={width}:{height}:out_range=pc,format=yuvj420p,tile={columns}x{rows},settb=1/1000,setpts=N"
        ),
    );
    // Tiles have no times of their own; the last one may hold few pictures.
    list.pair("-enc_time_base", "1:1000");
    list.pair("-fps_mode", "passthrough");
    list.pair("-q:v", "5");
    list.pair("-map_metadata", "-1");
    list.pair("-fflags", "+bitexact");
    list.pair("-flags:v", "+bitexact");
    list.pair("-f", "image2");
    list.0.push(folder.join("%d.jpg").into_os_string());
    let total = pictures(plan, thumbnails);
    let each = u64::from(columns.max(1)) * u64::from(rows.max(1));
    let notes = run_ffmpeg(context, list, |report, progress| {
        progress(Progress {
            done: (report.frame.unwrap_or(0) * each).min(total),
            total,
            speed_permille: None,
            bytes: report.total_size,
        });
    })?;
    fs::remove_file(&keys).map_err(|error| Failure::file(&keys, &error))?;
    Ok(Output {
        tracks: vec![tiles(plan, thumbnails, &folder)?],
        notes,
        damaged: 0,
    })
}

/// Joins the key frames that are wanted, each as a fragment, behind the init segment.
fn key_frames(
    plan: &Plan,
    thumbnails: &Thumbnails,
    init: &Path,
    segments: &[PathBuf],
) -> Result<Vec<u8>, Failure> {
    let mut out = fs::read(init).map_err(|error| Failure::file(init, &error))?;
    let wrong = |path: &Path, reason: &dyn std::fmt::Display| {
        Failure::wrong(&path.display().to_string(), reason)
    };
    let track = init::read(&out)
        .map_err(|error| wrong(init, &error))?
        .tracks
        .into_iter()
        .next()
        .ok_or_else(|| wrong(init, &"it has no track"))?;
    let (gop, every) = (
        u64::from(plan.grid.gop.max(1)),
        u64::from(thumbnails.every.max(1)),
    );
    let mut wanted = (0..pictures(plan, thumbnails))
        .map(|picture| picture * every / gop)
        .peekable();
    let mut key = 0;
    let mut picture = 0;
    for path in segments {
        let bytes = fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let samples = segment::samples(&bytes, &track.defaults);
        let samples = samples.map_err(|error| wrong(path, &error))?;
        for sample in samples.iter().filter(|sample| sample.is_sync()) {
            // Pictures that are closer than key frames show the same one.
            while wanted.next_if_eq(&key).is_some() {
                let data = bytes.get(sample.data.clone()).unwrap_or_default();
                push_picture(&mut out, &track, picture, plan.grid.gop, sample.flags, data);
                picture += 1;
            }
            key += 1;
        }
    }
    if wanted.peek().is_some() {
        return Err(Failure::wrong(ID, format!("only {key} key frames")));
    }
    Ok(out)
}

fn push_picture(
    out: &mut Vec<u8>,
    track: &InitTrack,
    number: u32,
    duration: u32,
    flags: u32,
    data: &[u8],
) {
    let entry = SampleEntry {
        duration,
        size: data.len() as u32,
        flags,
        composition_offset: 0,
    };
    out.extend(build::fragment(&Fragment {
        track_id: track.track_id,
        sequence_number: number + 1,
        decode_time: u64::from(number) * u64::from(duration),
        styp: None,
        samples: &[entry],
    }));
    out.extend_from_slice(data);
}

/// Lists the tiles and checks that they are all there.
fn tiles(plan: &Plan, thumbnails: &Thumbnails, folder: &Path) -> Result<TrackOutput, Failure> {
    let each = u64::from(thumbnails.columns.max(1)) * u64::from(thumbnails.rows.max(1));
    let every = u64::from(thumbnails.every.max(1));
    let total = pictures(plan, thumbnails);
    let mut segments = Vec::new();
    for number in 1..=total.div_ceil(each) {
        let path = folder.join(format!("{number}.jpg"));
        let metadata = fs::metadata(&path).map_err(|error| Failure::file(&path, &error))?;
        let first = (number - 1) * each;
        let start = plan.grid.tick(first * every);
        let end = plan
            .grid
            .tick(((first + each) * every).min(plan.grid.frames));
        segments.push(SegmentOutput {
            path,
            facts: SegmentFacts {
                number,
                start,
                duration: end - start,
                frames: each.min(total - first),
                bytes: metadata.len(),
                keys: Vec::new(),
            },
        });
    }
    Ok(TrackOutput {
        id: ID.to_owned(),
        init: None,
        segments,
    })
}

#[cfg(test)]
mod tests;
