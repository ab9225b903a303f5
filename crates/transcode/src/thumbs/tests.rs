//! Tiles of a real rendition: each picture is that of its time.

use std::path::PathBuf;

use super::{rendition, run};
use crate::{
    encode::{self, Damage},
    plan::{Rate, Thumbnails, VideoCodec},
    testing::{CAPPED, ffmpeg, make, plan, task, video},
};

#[test]
fn tiles_show_the_film_at_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Grey that grows lighter by the frame.
    make(
        folder,
        "-f lavfi -i color=black:size=64x36:rate=10:duration=12,geq=lum='16+N':cb=128:cr=128 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p in.mp4",
    );
    let videos = vec![
        video("v0", (64, 36), VideoCodec::H264, CAPPED),
        video("v1", (32, 18), VideoCodec::H264, CAPPED),
    ];
    let mut plan = plan(Rate { num: 10, den: 1 }, 120, 10, videos);
    plan.thumbnails = Some(Thumbnails {
        width: 16,
        height: 16,
        columns: 2,
        rows: 2,
        every: 20,
    });
    assert_eq!(rendition(&plan).unwrap().id, "v1");
    let mut init = PathBuf::new();
    let mut segments = Vec::new();
    for chunk in &plan.chunks {
        let output = task(&folder.join(format!("c{}", chunk.index)), |context| {
            encode::run(
                context,
                &plan,
                &folder.join("in.mp4"),
                chunk.index,
                Damage::Ends,
            )
        });
        let track = output.unwrap().tracks.swap_remove(1);
        init = track.init.unwrap();
        segments.extend(track.segments.into_iter().map(|one| one.path));
    }
    let output = task(&folder.join("t"), |context| {
        run(context, &plan, &init, &segments)
    })
    .unwrap();
    let tiles = &output.tracks[0].segments;
    let facts: Vec<(u64, u64, u64, u64)> = tiles
        .iter()
        .map(|one| {
            let facts = &one.facts;
            (facts.number, facts.start, facts.duration, facts.frames)
        })
        .collect();
    assert_eq!(facts, [(1, 0, 80, 4), (2, 80, 40, 2)]);

    // Mean grey of each picture of the tiles.
    let ffmpeg = ffmpeg();
    let mut means = Vec::new();
    for tile in tiles {
        let command = ffmpeg
            .command()
            .arg("-i")
            .arg(&tile.path)
            .args(["-vf", "scale=2:2:flags=area,format=gray"])
            .args(["-f", "rawvideo", "-"]);
        means.extend(ffmpeg.spawner().run(command).unwrap());
    }
    // Full range: (luma - 16) * 255 / 219 at frames 0, 20, 40, …; the last two places are black.
    for (mean, frame) in means.iter().zip([0_u32, 20, 40, 60, 80, 100]) {
        let expected = frame * 255 / 219;
        assert!(
            u32::from(*mean).abs_diff(expected) <= 4,
            "{mean} at frame {frame}: {means:?}"
        );
    }

    // Without all of the film there are no tiles.
    segments.truncate(2);
    let short = task(&folder.join("s"), |context| {
        run(context, &plan, &init, &segments)
    });
    assert_eq!(short.unwrap_err().reason, "thumbs: only 6 key frames");
}
