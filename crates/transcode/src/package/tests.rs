//! Chunks and sound become an asset that the catalogue takes and that ffmpeg reads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use asset::check::{self, Verdict};

use super::{Error, Extent, File, TrackParts, package};
use crate::{
    audio,
    encode::{self, Damage, Output, TrackFacts, TrackOutput},
    plan::{Plan, Rate, Thumbnails, VideoCodec},
    testing::{self, CAPPED, frames, make, plan, task, video},
    text, thumbs,
};

const RATE: Rate = Rate {
    num: 30_000,
    den: 1001,
};

/// Gathers the parts of each track.
pub(crate) fn parts(outputs: &[Output]) -> Vec<TrackParts> {
    let mut found: Vec<TrackParts> = Vec::new();
    for track in outputs.iter().flat_map(|output| &output.tracks) {
        let init = track.init.iter().map(|path| fs::read(path).unwrap().into());
        match found.iter_mut().find(|parts| parts.id == track.id) {
            Some(parts) => {
                parts.inits.extend(init);
                parts.parts.push(track.facts());
            }
            None => found.push(TrackParts {
                id: track.id.clone(),
                inits: init.collect(),
                parts: vec![track.facts()],
            }),
        }
    }
    found
}

/// Writes a result as publishing does.
pub(crate) fn publish(outputs: &[Output], files: &[File], folder: &Path) {
    for file in files {
        let path = folder.join(&file.name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.content).unwrap();
    }
    for track in outputs.iter().flat_map(|output| &output.tracks) {
        for segment in &track.segments {
            let name = segment.path.file_name().unwrap();
            fs::copy(&segment.path, folder.join(&track.id).join(name)).unwrap();
        }
    }
}

/// A plan of two renditions with sound, subtitles and thumbnails, and all that its tasks made.
pub(crate) fn made(folder: &Path) -> (Plan, Vec<Output>) {
    fs::write(
        folder.join("in.srt"),
        "1\n00:00:01,000 --> 00:00:03,000\nHello\n",
    )
    .unwrap();
    make(
        folder,
        "-f lavfi -i testsrc2=size=160x90:rate=30000/1001:duration=6.5 \
         -f lavfi -i sine=frequency=440:sample_rate=48000:duration=6.5 -i in.srt \
         -map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -bf 2 -pix_fmt yuv420p -c:a aac \
         -c:s mov_text in.mp4",
    );
    let videos = vec![
        video("v0", (160, 90), VideoCodec::H264, CAPPED),
        video("v1", (96, 54), VideoCodec::H264, CAPPED),
    ];
    let mut plan = plan(RATE, 190, 20, videos);
    plan.audios = vec![testing::audio(&plan, 1, 48_000)];
    plan.texts = vec![testing::text(2)];
    plan.thumbnails = Some(Thumbnails {
        width: 32,
        height: 18,
        columns: 2,
        rows: 1,
        every: 60,
    });
    let source = folder.join("in.mp4");
    let mut outputs: Vec<Output> = plan
        .chunks
        .iter()
        .map(|chunk| {
            let scratch = folder.join(format!("c{}", chunk.index));
            task(&scratch, |context| {
                encode::run(context, &plan, &source, chunk.index, Damage::Ends)
            })
            .unwrap()
        })
        .collect();
    let sound = task(&folder.join("a"), |context| {
        audio::run(context, &plan, &source, 0, Damage::Ends)
    });
    outputs.push(sound.unwrap());
    let words = task(&folder.join("t"), |context| {
        text::run(context, &plan, &source, 0)
    });
    outputs.push(words.unwrap());
    let smallest: Vec<&TrackOutput> = outputs.iter().filter_map(|one| one.tracks.get(1)).collect();
    let init = smallest[0].init.clone().unwrap();
    let of = smallest.iter().filter(|track| track.id == "v1");
    let segments: Vec<PathBuf> = of
        .flat_map(|track| track.segments.iter().map(|one| one.path.clone()))
        .collect();
    let tiles = task(&folder.join("p"), |context| {
        thumbs::run(context, &plan, &init, &segments)
    });
    outputs.push(tiles.unwrap());
    (plan, outputs)
}

#[test]
fn a_result_is_an_asset_and_plays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (plan, outputs) = made(folder);
    let files = package(&plan, &parts(&outputs), Extent::Whole).unwrap();
    let root = folder.join("root");
    publish(&outputs, &files, &root.join("film"));

    let catalogue = asset::Catalogue::open(asset::Options {
        roots: vec![root.clone()],
        cache_dir: Some(folder.join("cache")),
        importer: None,
    })
    .unwrap();
    let report = check::catalogue(&catalogue);
    assert_eq!(report.verdict, Verdict::Ok, "{report:?}");
    assert_eq!(report.assets[0].duration_ms, Some(6340));
    assert_eq!(report.assets[0].representations.len(), 5);

    for manifest in ["film/master.m3u8", "film/manifest.mpd"] {
        let manifest = root.join(manifest);
        let manifest = manifest.to_str().unwrap();
        let shown = frames(manifest, &root, "");
        assert_eq!(shown.len(), 190, "{manifest}");
        let sound = frames(manifest, &root, "-map 0:a:0");
        let samples = plan.audios[0].frames() as usize;
        assert_eq!(sound.len(), samples, "{manifest}");
    }
    let master = fs::read_to_string(root.join("film/master.m3u8")).unwrap();
    let tiles = fs::read_to_string(root.join("film/thumbs/playlist.m3u8")).unwrap();
    for part in [
        "#EXT-X-IMAGES-ONLY\n",
        "#EXTINF:4.004,\n#EXT-X-TILES:RESOLUTION=32x18,LAYOUT=2x1,DURATION=2.002\n../thumbs/1.jpg\n",
        "#EXTINF:2.335666667,\n",
    ] {
        assert!(tiles.contains(part), "{part} in {tiles}");
    }
    for part in [
        "RESOLUTION=160x90,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO=\"audio\",SUBTITLES=\"subs\"",
        "URI=\"t0-vtt/playlist.m3u8\"",
        "#EXT-X-I-FRAME-STREAM-INF:",
        "#EXT-X-IMAGE-STREAM-INF:",
        "AVERAGE-BANDWIDTH=",
        "LANGUAGE=\"en\"",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ] {
        assert!(master.contains(part), "{part} in {master}");
    }
}

#[test]
fn only_what_follows_and_agrees_is_joined() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, outputs) = made(folder.path());
    let whole = parts(&outputs);
    let reason = |tracks: &[TrackParts]| -> String {
        let Error { track, reason } = package(&plan, tracks, Extent::Whole).unwrap_err();
        format!("{track}: {reason}")
    };
    let mut swapped = whole.clone();
    swapped[0].parts.swap(0, 1);
    assert_eq!(
        reason(&swapped),
        "v0: segment 3 at tick 120120 follows where segment 1 at tick 0 belongs"
    );
    let mut short = whole.clone();
    short[1].parts.pop();
    assert_eq!(reason(&short), "v1: 120 frames in place of 190");
    let mut other = whole.clone();
    other[0].inits[1] = other[1].inits[1].clone();
    assert_eq!(
        reason(&other),
        "v0: the init segment of part 1 differs from the first one"
    );
    let mut none = whole.clone();
    none.remove(2);
    assert_eq!(reason(&none), "a0: nothing was made of it");

    // Early: the first chunk and some sound.
    let mut early: Vec<TrackParts> = whole.clone();
    for track in &mut early {
        track.parts.truncate(1);
    }
    let sound: &mut TrackFacts = &mut early[2].parts[0];
    sound.segments.truncate(1);
    let files = package(&plan, &early, Extent::Growing).unwrap();
    let text = |name: &str| {
        let file = files.iter().find(|file| file.name == name).unwrap();
        String::from_utf8(file.content.to_vec()).unwrap()
    };
    let playlist = text("v0/playlist.m3u8");
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT"));
    assert!(!playlist.contains("#EXT-X-ENDLIST"));
    assert_eq!(playlist.matches("#EXTINF:2.002,").count(), 2);
    assert_eq!(text("a0/playlist.m3u8").matches("#EXTINF").count(), 1);
    assert!(!files.iter().any(|file| file.name == super::MPD));
}
