//! The filter graph of a chunk: the frames of the source become frames of the grid, the chunk's own
//! are let through, each rendition takes a copy.
//!
//! Frame `n` of the grid shows the source at origin + `n` frame durations. `fps` puts source frames
//! on the grid by a pure function of their time, so that chunks agree on every frame whatever lies
//! before them; where the source has a frame for each place it changes nothing. `trim` counts in
//! places of the grid, not in seconds.

use crate::plan::{Cadence, Chunk, Colour, Deinterlace, Picture, Plan, Video};

/// Place of the grid that the first frame of a chunk is moved to: encoders put times before their
/// first frame, and fragments have no negative ones.
pub(super) const FIRST: u64 = 1000;

/// Makes the graph. Its outputs are `[r0]`, `[r1]`, … for the renditions, in order.
pub(super) fn graph(plan: &Plan, picture: &Picture, chunk: &Chunk) -> String {
    let (first, end) = (chunk.first_frame, chunk.end_frame());
    let mut out = on_grid(plan, picture, first, end);
    out.push_str(&format!(",setpts=PTS-{first}+{FIRST}"));
    if let [video] = plan.videos.as_slice() {
        out.push_str(&format!(",{}[r0]", rendition(video, &picture.colour)));
        return out;
    }
    out.push_str(&format!(",split={}", plan.videos.len()));
    for index in 0..plan.videos.len() {
        out.push_str(&format!("[s{index}]"));
    }
    for (index, video) in plan.videos.iter().enumerate() {
        out.push_str(&format!(
            ";[s{index}]{}[r{index}]",
            rendition(video, &picture.colour)
        ));
    }
    out
}

/// Makes the part of a graph that gives all frames of the output as one rendition gets them, a
/// millisecond apart.
pub(crate) fn reference_graph(plan: &Plan, picture: &Picture, video: &Video) -> String {
    format!(
        "{},{},settb=1/1000000,setpts=N*1000",
        on_grid(plan, picture, 0, plan.grid.frames),
        rendition(video, &picture.colour)
    )
}

/// Makes the part that lets through the frames from `first` to `end`, without the last.
fn on_grid(plan: &Plan, picture: &Picture, first: u64, end: u64) -> String {
    let mut out = format!("[0:{}]", picture.stream);
    match picture.deinterlace {
        Deinterlace::Off => {}
        Deinterlace::Frames => out.push_str("bwdif=mode=send_frame:deint=all,"),
        Deinterlace::Fields => out.push_str("bwdif=mode=send_field:deint=all,"),
    }
    let pictures_end = plan.source.video.as_ref().map(|video| video.end);
    let is_behind = pictures_end.is_some_and(|pictures| plan.source_time(end) >= pictures);
    let fills = picture.cadence == Cadence::Resampled && (end == plan.grid.frames || is_behind);
    if fills {
        // `fps` drops a last frame that does not say how long it lasts; another one says it.
        out.push_str("tpad=stop_mode=clone:stop=1,");
    }
    out.push_str(&format!(
        "setpts=PTS-round({}/({}*TB)),fps=fps={}:round=near,",
        plan.origin.num(),
        plan.origin.den(),
        plan.grid.rate,
    ));
    if fills {
        // The last frame stands until the end.
        out.push_str("tpad=stop_mode=clone:stop=-1,");
    }
    out.push_str(&format!("trim=start_pts={first}:end_pts={end}"));
    out
}

/// Brings frames to the size and format of a rendition. The turn that a player would have to make is
/// made by ffmpeg before the graph.
fn rendition(video: &Video, colour: &Colour) -> String {
    let (width, height) = (video.width, video.height);
    let mut out = format!("scale={width}:{height}:flags=bicubic,setsar=1");
    if colour.is_hdr() && !video.pixel_format.contains("10") {
        // Eight bits cannot show what the source does; see `tone_mapped`.
        out = format!("{},{out}", tone_mapped());
    }
    out.push_str(&format!(",format={}", video.pixel_format));
    out
}

/// Brings high dynamic range to the standard one.
fn tone_mapped() -> &'static str {
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
     tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
}

/// Tells whether a rendition keeps the colours of the source.
pub(super) fn keeps_colour(video: &Video, colour: &Colour) -> bool {
    !colour.is_hdr() || video.pixel_format.contains("10")
}
