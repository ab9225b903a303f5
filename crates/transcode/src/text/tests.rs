//! Subtitles of a real file, segment by segment.

use std::fs;

use media::isobmff::{init, segment};

use super::{run, vtt_id};
use crate::{
    plan::{Rate, Seconds},
    testing::{make, plan, task, text},
};

const SUBRIP: &str = "1\n00:00:01,000 --> 00:00:02,500\n<i>Over</i> the cut\n\n\
                      2\n00:00:04,000 --> 00:00:05,000\nOne & two\nlines\n\n\
                      3\n00:00:00,100 --> 00:00:00,400\nbefore the origin\n\n";

#[test]
fn cues_lie_in_the_segments_that_show_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("in.srt"), SUBRIP).unwrap();
    make(
        folder,
        "-f lavfi -i testsrc2=size=64x64:rate=25:duration=7 -i in.srt -map 0 -map 1 \
         -c:v libx264 -preset ultrafast -c:s srt -metadata:s:s:0 language=eng in.mkv",
    );
    let mut plan = plan(Rate { num: 25, den: 1 }, 150, 17, Vec::new());
    plan.origin = Seconds::from_ms(500);
    plan.texts = vec![text(1)];
    let output = task(&folder.join("scratch"), |context| {
        run(context, &plan, &folder.join("in.mkv"), 0)
    })
    .unwrap();
    // Segments of 2.04 s; cues at 0.5 to 2 and 3.5 to 4.5 s.
    let [mp4, vtt] = output.tracks.as_slice() else {
        panic!("two tracks");
    };
    assert_eq!((mp4.id.as_str(), &vtt.id), ("t0", &vtt_id("t0")));
    let counts = |track: &crate::encode::TrackOutput| -> Vec<u64> {
        track.segments.iter().map(|one| one.facts.frames).collect()
    };
    assert_eq!(counts(mp4), [1, 1, 1]);
    let first = fs::read_to_string(&vtt.segments[0].path).unwrap();
    assert_eq!(
        first,
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n\
         00:00:00.500 --> 00:00:02.000\n<i>Over</i> the cut\n"
    );
    let head = fs::read(mp4.init.as_ref().unwrap()).unwrap();
    let head = init::read(&head).unwrap();
    let mut next = 0;
    for one in &mp4.segments {
        let bytes = fs::read(&one.path).unwrap();
        let read = segment::samples(&bytes, &head.tracks[0].defaults).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].decode_time, next);
        next += u64::from(read[0].duration);
        let document = std::str::from_utf8(&bytes[read[0].data.clone()]).unwrap();
        media::xml::parse(document).unwrap();
    }
    assert_eq!(next, 150);
    let second = fs::read(&mp4.segments[1].path).unwrap();
    let second = String::from_utf8_lossy(&second);
    assert!(
        second
            .contains("<p begin=\"00:00:03.500\" end=\"00:00:04.080\">One &amp; two<br/>lines</p>"),
        "{second}"
    );
}
