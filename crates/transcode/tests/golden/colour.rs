//! High dynamic range: what the source says of its colours is said by the result.

use std::ops::ControlFlow;

use transcode::{
    plan::{Colour, Options, VideoCodec, plan},
    source::inspect,
};

use crate::{
    bench::{Bench, options},
    gallery::{self, run},
};

#[test]
fn colours_go_through() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let source = gallery::folder().join("hdr.mkv");
    let display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)";
    run(
        &ffmpeg,
        &format!(
            "-f lavfi -i testsrc2=s=160x90:r=25:d=5 -pix_fmt yuv420p10le -c:v libx265 \
             -preset ultrafast -g 25 -color_primaries bt2020 -color_trc smpte2084 \
             -colorspace bt2020nc -color_range tv \
             -x265-params log-level=error:hdr10=1:master-display={display}:max-cll=1000,400 {}",
            source.display()
        ),
    );
    let facts = inspect(&ffmpeg, &source, |_| ControlFlow::Continue(())).expect("a source");
    let expected = Colour {
        primaries: Some("bt2020".to_owned()),
        transfer: Some("smpte2084".to_owned()),
        matrix: Some("bt2020nc".to_owned()),
        range: Some("tv".to_owned()),
        mastering: Some(display.to_owned()),
        light: Some((1000, 400)),
    };
    let video = facts.video.as_ref().expect("pictures");
    assert_eq!(video.colour, expected);
    let wanted = Options {
        codec: Some(VideoCodec::H265),
        lossless: false,
        chunk_ms: Some(2000),
        ..options()
    };
    let plan = plan(facts, &wanted).expect("a plan").plan;
    let bench = Bench::of(ffmpeg, source, plan, "hdr");
    let result = bench.pictures(&bench.chunked, "result");
    let found = inspect(&bench.ffmpeg, &result, |_| ControlFlow::Continue(())).expect("a result");
    let video = found.video.expect("pictures");
    assert_eq!(video.colour, expected);
    assert_eq!(
        (video.pixel_format.as_str(), video.frames),
        ("yuv420p10le", 125)
    );
}
