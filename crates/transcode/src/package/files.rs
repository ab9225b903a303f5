//! The files of a result that are not media.

use bytes::Bytes;
use media::{hls::write as hls, mpd, presentation::Content};

use super::{
    Extent, File, MASTER, MPD,
    join::Joined,
    protect,
    shape::{self, For},
};
use crate::{
    plan::{Plan, Scheme},
    verify::PLAN,
};

/// Writes manifests and init segments. The multivariant playlist comes last: what it names is there
/// when it appears.
pub(super) fn write(plan: &Plan, joined: &[Joined], extent: Extent) -> Vec<File> {
    let inits = joined.iter().filter_map(|of| {
        let (bytes, _) = of.init.as_ref()?;
        Some(File {
            name: format!("{}/init.mp4", of.id),
            content: bytes.clone(),
        })
    });
    let mut files: Vec<File> = inits.collect();
    // Segments that are encrypted as a whole are known to HLS only.
    let whole_segments = plan
        .encryption
        .as_ref()
        .is_some_and(|encryption| encryption.scheme == Scheme::Aes128);
    if extent == Extent::Whole && !whole_segments {
        let presentation = shape::presentation(plan, joined, extent, For::Dash);
        files.push(text(MPD.to_owned(), mpd::write::write(&presentation, "")));
    }
    push_playlists(&mut files, plan, joined, extent);
    // The plan tells whoever checks the result what it was meant to be.
    let plan = serde_json::to_string_pretty(plan).unwrap_or_default();
    files.insert(0, text(PLAN.to_owned(), plan));
    files
}

fn push_playlists(files: &mut Vec<File>, plan: &Plan, joined: &[Joined], extent: Extent) {
    let presentation = shape::presentation(plan, joined, extent, For::Hls);
    let key = plan.encryption.as_ref().map(protect::key_attributes);
    let shape = presentation.periods.first().map(|period| &period.shape);
    let tracks = shape.into_iter().flat_map(|shape| shape.tracks());
    for (number, (set, track)) in tracks.enumerate() {
        let name = hls::media_name(&track.id);
        let options = hls::MediaOptions {
            event: extent == Extent::Growing,
            key: key.as_deref().filter(|_| protect::applies_to(set.content)),
            ..hls::MediaOptions::default()
        };
        if set.content == Content::Image {
            files.push(text(name, hls::images(&presentation, number, &options)));
            continue;
        }
        files.push(text(name, hls::media_with(&presentation, number, &options)));
        let keys = hls::iframes(&presentation, number, &options);
        if !keys.is_empty() {
            files.push(text(hls::iframes_name(&track.id), keys));
        }
    }
    let options = hls::MultivariantOptions {
        images: true,
        ..hls::MultivariantOptions::default()
    };
    files.push(text(
        MASTER.to_owned(),
        hls::multivariant_with(&presentation, &options),
    ));
}

fn text(name: String, content: String) -> File {
    File {
        name,
        content: Bytes::from(content),
    }
}
