//! Ladders by title, from real samples.

use std::{fs, ops::ControlFlow, path::Path, time::Duration};

use process::{Ffmpeg, supervise::Priority};
use transcode::{
    encode::{Context, StopFlag},
    plan::{Options, Quality, plan},
    preset::Rung,
    source::inspect,
    title::{self, Refined},
};

use crate::{
    bench::options,
    gallery::{self, Kind, run},
};

/// Refines a ladder of two rungs for a source.
fn refined(ffmpeg: &Ffmpeg, source: &Path, name: &str) -> Refined {
    let facts = inspect(ffmpeg, source, |_| ControlFlow::Continue(())).expect("a source");
    let mut wanted = Options {
        lossless: false,
        ..options()
    };
    let great = wanted.preset.rungs[0].clone();
    wanted.preset.rungs.push(Rung {
        name: "small".to_owned(),
        width: 80,
        height: 48,
        ..great
    });
    let plan = plan(facts, &wanted).expect("a plan").plan;
    assert_eq!(plan.videos.len(), 2);
    let scratch = gallery::folder().join(name);
    fs::create_dir_all(&scratch).expect("a scratch folder");
    let refined = title::refine(
        &mut Context {
            ffmpeg,
            scratch: &scratch,
            priority: Priority::default(),
            stop: &StopFlag::default(),
            stall: Duration::from_mins(2),
            progress: &mut |_| {},
        },
        &plan,
        source,
    )
    .expect("samples can be encoded");
    assert_eq!(refined.notes.len(), refined.videos.len());
    let left = fs::read_dir(&scratch).expect("the folder is there").count();
    assert_eq!(left, 0, "nothing is left behind");
    refined
}

fn caps(refined: &Refined) -> Vec<u64> {
    let videos = refined.videos.iter();
    videos
        .filter_map(|video| match video.quality {
            Quality::Capped { maxrate_bps, .. } => Some(maxrate_bps),
            Quality::Lossless => None,
        })
        .collect()
}

#[test]
fn fine_detail_keeps_its_rungs_apart() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let source = gallery::source(&ffmpeg, Kind::Closed);
    let refined = refined(&ffmpeg, &source, "detail");
    let ids: Vec<&str> = refined.videos.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["v90", "v46"], "{:?}", refined.notes);
    let caps = caps(&refined);
    assert!(caps[0] * 2 >= caps[1] * 3, "{caps:?}");
}

#[test]
fn what_was_enlarged_is_not_worth_its_size() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let source = gallery::folder().join("enlarged.mp4");
    run(
        &ffmpeg,
        &format!(
            "-f lavfi -i testsrc2=s=80x44:r=25:d=5,gblur=sigma=2,scale=160:88:flags=bicubic \
             -c:v libx264 -preset ultrafast -qp 0 {}",
            source.display()
        ),
    );
    let refined = refined(&ffmpeg, &source, "enlarged");
    assert_eq!(refined.videos.len(), 1, "{:?}", refined.notes);
    assert_eq!(refined.videos[0].height, 44);
}
