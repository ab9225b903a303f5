//! Chunks of real sources against the source itself.

use std::path::Path;

use super::{Class, Context, Damage, Output, StopFlag, run};
use crate::{
    plan::{Plan, Quality, Rate, Seconds, VideoCodec},
    testing::{CAPPED, ffmpeg, frames, join, make, plan, task, video},
};

const NTSC: Rate = Rate {
    num: 30_000,
    den: 1001,
};

/// Time stamps in ticks of the file.
const TICKS: &str = "-enc_time_base -1";

/// Encodes all chunks, out of order.
fn encode(plan: &Plan, folder: &Path, source: &str) -> Vec<Output> {
    let mut outputs: Vec<(u32, Output)> = plan
        .chunks
        .iter()
        .rev()
        .map(|chunk| {
            let scratch = folder.join(format!("chunk{}", chunk.index));
            let output = task(&scratch, |context| {
                run(
                    context,
                    plan,
                    &folder.join(source),
                    chunk.index,
                    Damage::Ends,
                )
            });
            (chunk.index, output.unwrap())
        })
        .collect();
    outputs.sort_by_key(|(index, _)| *index);
    outputs.into_iter().map(|(_, output)| output).collect()
}

fn md5s(frames: &[(i64, String)]) -> Vec<&str> {
    frames.iter().map(|(_, md5)| md5.as_str()).collect()
}

/// What must hold for any source: the frames of the source, each once, each at its time.
fn assert_exact(plan: &Plan, folder: &Path, source: &str) {
    let outputs = encode(plan, folder, source);
    join(&outputs, 0, &folder.join("joined.mp4"));
    let expected = frames(source, folder, TICKS);
    let got = frames("joined.mp4", folder, TICKS);
    assert_eq!(got.len() as u64, plan.grid.frames);
    assert!(md5s(&got) == md5s(&expected), "frames differ");
    for (index, (time, _)) in got.iter().enumerate() {
        assert_eq!(*time, plan.grid.tick(index as u64) as i64, "frame {index}");
    }
    let numbers = outputs.iter().flat_map(|output| &output.tracks[0].segments);
    for (segment, index) in numbers.zip(1..) {
        let planned = plan.grid.segment(index).unwrap();
        assert_eq!(segment.facts.number, index);
        assert_eq!(segment.facts.start, planned.tfdt);
        assert_eq!(segment.facts.duration, planned.duration);
        assert_eq!(segment.facts.frames, u64::from(planned.frames));
        let keys = planned.frames.div_ceil(plan.grid.gop);
        assert_eq!(segment.facts.keys.len(), keys as usize);
    }
}

#[test]
fn chunks_of_open_groups_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(
        folder,
        "-f lavfi -i testsrc2=size=160x90:rate=30000/1001:duration=8,noise=alls=4:allf=t -c:v libx264 \
         -preset ultrafast -g 77 -bf 3 -b_strategy 0 -x264-params open-gop=1:scenecut=0 \
         -pix_fmt yuv420p open.mp4",
    );
    let lossless = video("v0", (160, 90), VideoCodec::H264, Quality::Lossless);
    let mut plan = plan(NTSC, 240, 20, vec![lossless]);
    assert_eq!(plan.chunks.len(), 2);
    assert_exact(&plan, folder, "open.mp4");

    // The same as a transport stream: it starts at 1.4 s and has no index.
    make(folder, "-i open.mp4 -c copy open.ts");
    plan.source.format = "mpegts".to_owned();
    let first = frames("open.ts", folder, TICKS)[0].0;
    plan.origin = Seconds::new(first, 90_000).unwrap();
    plan.source.start = plan.origin;
    assert_exact(&plan, folder, "open.ts");
}

#[test]
fn every_codec_makes_closed_groups() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(
        folder,
        "-f lavfi -i testsrc2=size=160x90:rate=25:duration=5 -c:v libx264 -preset ultrafast \
         -pix_fmt yuv420p in.mp4",
    );
    let rate = Rate { num: 25, den: 1 };
    let codecs = [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1];
    let videos = codecs
        .into_iter()
        .map(|codec| video(&format!("{codec:?}"), (128, 72), codec, CAPPED));
    let plan = plan(rate, 125, 15, videos.collect());
    let outputs = encode(&plan, folder, "in.mp4");
    for (track, codec) in codecs.into_iter().enumerate() {
        join(&outputs, track, &folder.join("joined.mp4"));
        let got = frames("joined.mp4", folder, TICKS);
        let times: Vec<i64> = got.iter().map(|(time, _)| *time).collect();
        let expected: Vec<i64> = (0..125).collect();
        assert_eq!(times, expected, "{codec:?}");
    }
}

#[test]
fn a_source_that_ends_early_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=25:duration=2 -c:v libx264 -preset ultrafast \
         -pix_fmt yuv420p short.mp4",
    );
    let rate = Rate { num: 25, den: 1 };
    let videos = vec![video("v0", (64, 64), VideoCodec::H264, CAPPED)];
    let plan = plan(rate, 60, 10, videos);
    let failure = task(&folder.join("scratch"), |context| {
        run(context, &plan, &folder.join("short.mp4"), 0, Damage::Ends)
    })
    .unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert_eq!(
        failure.reason, "chunk 0 of v0: 50 frames in place of 60",
        "{failure:?}"
    );
    let missing = task(&folder.join("scratch"), |context| {
        run(context, &plan, &folder.join("short.mp4"), 9, Damage::Ends)
    });
    assert_eq!(missing.unwrap_err().class, Class::Permanent);
}

#[test]
fn a_wish_to_stop_ends_the_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(
        folder,
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -c:v libx264 -preset ultrafast \
         -pix_fmt yuv420p in.mp4",
    );
    let rate = Rate { num: 25, den: 1 };
    let mut slow = video("v0", (1280, 720), VideoCodec::H264, CAPPED);
    "placebo".clone_into(&mut slow.speed);
    let plan = plan(rate, 100, 25, vec![slow]);
    let stop = StopFlag::default();
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    let wish = stop.clone();
    let mut context = Context {
        ffmpeg: &ffmpeg(),
        scratch: &scratch,
        priority: process::supervise::Priority::default(),
        stop: &stop,
        stall: std::time::Duration::from_mins(2),
        progress: &mut |_| wish.stop(),
    };
    let failure = run(&mut context, &plan, &folder.join("in.mp4"), 0, Damage::Ends).unwrap_err();
    assert_eq!(failure.class, Class::Stopped);
}
