//! Arguments of the encoders: closed groups of fixed length, rate by quality below a cap, and
//! everything fixed that would let two chunks differ in their parameter sets.

use super::{graph, task::List};
use crate::plan::{Colour, Grid, Picture, Quality, Video, VideoCodec};

/// Fill of the decoder's buffer at the start of a chunk. With the usual 0.9 each chunk would be
/// granted bits that the one before has not left over.
const VBV_INIT: &str = "0.5";

/// Adds the arguments of a rendition.
pub(super) fn arguments(list: &mut List, video: &Video, picture: &Picture, grid: &Grid) {
    match video.codec {
        VideoCodec::H264 => x264(list, video, grid),
        VideoCodec::H265 => x265(list, video, picture, grid),
        VideoCodec::Av1 => svt_av1(list, video, grid),
    }
    list.pair("-pix_fmt", video.pixel_format.as_str());
    if graph::keeps_colour(video, &picture.colour) {
        colour(list, &picture.colour);
    }
}

fn colour(list: &mut List, colour: &Colour) {
    for (name, value) in [
        ("-color_primaries", &colour.primaries),
        ("-color_trc", &colour.transfer),
        ("-colorspace", &colour.matrix),
        ("-color_range", &colour.range),
    ] {
        if let Some(value) = value {
            list.pair(name, value.as_str());
        }
    }
}

/// Adds what the caps of H.264 and H.265 have in common.
fn capped(list: &mut List, crf_tenths: u32, maxrate_bps: u64, bufsize_bits: u64) {
    list.pair("-crf", tenths(crf_tenths));
    if maxrate_bps > 0 {
        list.pair("-maxrate", maxrate_bps.to_string());
        list.pair("-bufsize", bufsize_bits.max(1).to_string());
    }
}

fn tenths(value: u32) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn groups(list: &mut List, grid: &Grid) {
    list.pair("-g", grid.gop.to_string());
    list.pair("-keyint_min", grid.gop.to_string());
    list.pair("-sc_threshold", "0");
    list.pair("-flags", "+cgop");
}

fn x264(list: &mut List, video: &Video, grid: &Grid) {
    list.pair("-c:v", "libx264");
    list.pair("-preset", video.speed.as_str());
    if let Some(profile) = &video.profile {
        list.pair("-profile:v", profile.as_str());
    }
    if let Some(level) = &video.level {
        list.pair("-level", level.as_str());
    }
    let mut extra = String::new();
    match video.quality {
        Quality::Capped {
            crf_tenths,
            maxrate_bps,
            bufsize_bits,
        } => {
            capped(list, crf_tenths, maxrate_bps, bufsize_bits);
            if maxrate_bps > 0 {
                extra = format!(":vbv-init={VBV_INIT}");
            }
        }
        Quality::Lossless => list.pair("-qp", "0"),
    }
    groups(list, grid);
    list.pair("-bf", video.b_frames.to_string());
    list.pair("-refs", video.refs.max(1).to_string());
    list.pair("-threads:v", video.threads.max(1).to_string());
    list.pair("-x264-params", format!("sliced-threads=0{extra}"));
}

fn x265(list: &mut List, video: &Video, picture: &Picture, grid: &Grid) {
    list.pair("-c:v", "libx265");
    list.pair("-tag:v", "hvc1");
    list.pair("-preset", video.speed.as_str());
    if let Some(profile) = &video.profile {
        list.pair("-profile:v", profile.as_str());
    }
    let threads = video.threads.max(1);
    let mut params = vec![
        format!("keyint={}", grid.gop),
        format!("min-keyint={}", grid.gop),
        "scenecut=0".to_owned(),
        "open-gop=0".to_owned(),
        format!("bframes={}", video.b_frames),
        format!("ref={}", video.refs.max(1)),
        "repeat-headers=0".to_owned(),
        "log-level=error".to_owned(),
        format!("pools={threads}"),
        format!("frame-threads={}", threads.min(16)),
    ];
    if let Some(level) = &video.level {
        params.push(format!("level-idc={level}"));
    }
    match video.quality {
        Quality::Capped {
            crf_tenths,
            maxrate_bps,
            bufsize_bits,
        } => {
            capped(list, crf_tenths, maxrate_bps, bufsize_bits);
            if maxrate_bps > 0 {
                params.push(format!("vbv-init={VBV_INIT}"));
            }
        }
        Quality::Lossless => params.push("lossless=1".to_owned()),
    }
    if graph::keeps_colour(video, &picture.colour) && picture.colour.is_hdr() {
        params.push("hdr10=1".to_owned());
        if let Some(mastering) = &picture.colour.mastering {
            params.push(format!("master-display={mastering}"));
        }
        if let Some((greatest, mean)) = picture.colour.light {
            params.push(format!("max-cll={greatest},{mean}"));
        }
    }
    list.pair("-x265-params", params.join(":"));
}

fn svt_av1(list: &mut List, video: &Video, grid: &Grid) {
    list.pair("-c:v", "libsvtav1");
    list.pair("-preset", video.speed.as_str());
    list.pair("-g", grid.gop.to_string());
    // Groups begin with key frames, not with forward ones; no others at cuts of the film.
    let mut params = format!("irefresh-type=2:scd=0:lp={}", video.threads.max(1));
    match video.quality {
        Quality::Capped {
            crf_tenths,
            maxrate_bps,
            ..
        } => {
            list.pair("-crf", (crf_tenths / 10).to_string());
            if maxrate_bps > 0 {
                params.push_str(&format!(":mbr={}", maxrate_bps.div_ceil(1000)));
            }
        }
        // The encoder has no lossless mode; this is its best.
        Quality::Lossless => list.pair("-crf", "1"),
    }
    list.pair("-svtav1-params", params);
}
