//! The filter graph: pictures are brought to one frame rate once, then each rung takes its frames
//! and scales them.
//!
//! The frame rate is made constant *before* the split and rungs with a lower one take every n-th
//! frame counted from the first, so that frame *k·n* of all rungs is the same instant and key frames
//! at fixed frame counts fall together.

use crate::ladder::{Coding, Picture, Plan, VideoTrack};

/// Returns the graph; `None` when nothing is encoded. Its outputs have the ids of the tracks.
pub(super) fn graph(plan: &Plan) -> Option<String> {
    let picture = plan.picture.as_ref()?;
    let encoded: Vec<&VideoTrack> = plan
        .video
        .iter()
        .filter(|track| matches!(track.coding, Coding::H264(_)))
        .collect();
    let mut graph = format!(
        "[{}:v:{}]{}",
        picture.source.input,
        picture.source.ordinal,
        prepared(picture)
    );
    if let [track] = encoded.as_slice() {
        graph.push_str(&format!(",{}[{}]", rung(picture, track), track.id));
        return Some(graph);
    }
    graph.push_str(&format!(",split={}", encoded.len()));
    for index in 0..encoded.len() {
        graph.push_str(&format!("[s{index}]"));
    }
    for (index, track) in encoded.iter().enumerate() {
        graph.push_str(&format!(
            ";[s{index}]{}[{}]",
            rung(picture, track),
            track.id
        ));
    }
    Some(graph)
}

fn prepared(picture: &Picture) -> String {
    let mut filters = Vec::new();
    if picture.deinterlace {
        filters.push("yadif=mode=send_frame:deint=interlaced".to_owned());
    }
    filters.push(format!("fps={}", picture.rate));
    filters.join(",")
}

fn rung(picture: &Picture, track: &VideoTrack) -> String {
    let mut filters = Vec::new();
    if track.step > 1 {
        filters.push(format!("framestep={}", track.step));
    }
    let (width, height) = (track.size.width, track.size.height);
    if picture.pad {
        // The aspect is that of the pixels as seen; what is left of the frame is black.
        filters.push(format!(
            "scale=w='trunc(min({width},{height}*dar)/2)*2':\
             h='trunc(min({height},{width}/dar)/2)*2',\
             setsar=1,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"
        ));
    } else {
        filters.push(format!("scale={width}:{height},setsar=1"));
    }
    filters.push("format=yuv420p".to_owned());
    filters.join(",")
}
