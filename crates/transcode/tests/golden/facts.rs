//! What is found in real files.

use std::ops::ControlFlow;

use transcode::{
    plan::{Cadence, Deinterlace, Options, Seconds, SourceFacts, plan},
    source::{self, inspect},
};

use crate::gallery::{self, Kind, SECONDS};

fn facts(kind: Kind) -> Option<SourceFacts> {
    let ffmpeg = gallery::ffmpeg()?;
    let path = gallery::source(&ffmpeg, kind);
    let mut last = None;
    let found = inspect(&ffmpeg, &path, |progress| {
        assert!(last.is_none_or(|last| last < progress.read), "it goes on");
        last = Some(progress.read);
        ControlFlow::Continue(())
    });
    assert!(last.is_some(), "it reports");
    Some(found.expect("it is a source"))
}

#[test]
fn frames_are_counted_and_rates_found() {
    for (kind, rate, frames) in [
        (Kind::Closed, "25", 275),
        (Kind::OpenGop, "30000/1001", 330),
        (Kind::BPyramid, "24000/1001", 264),
        (Kind::Ts, "25", 275),
        (Kind::OpenTs, "30000/1001", 330),
        (Kind::MkvMs, "30000/1001", 330),
        (Kind::LongGop, "25", 275),
    ] {
        let Some(facts) = facts(kind) else { return };
        let video = facts.video.unwrap();
        assert_eq!(video.rate.to_string(), rate, "{kind:?}");
        assert_eq!((video.variable, video.frames), (false, frames), "{kind:?}");
        assert_eq!(
            (video.width, video.height, video.interlaced),
            (160, 90, false)
        );
        let audio = &facts.audios[0];
        assert_eq!((audio.channels, audio.sampling_rate), (2, 48_000));
        assert_eq!(
            audio.language.as_deref() == Some("swe"),
            audio.language.is_some()
        );
    }
}

#[test]
fn transport_streams_start_where_they_start() {
    let Some(facts) = facts(Kind::Ts) else { return };
    let video = facts.video.unwrap();
    assert!(video.first > Seconds::from_ms(1300) && video.first < Seconds::from_ms(1700));
    // Two B-frames: the first picture is shown after the container's start.
    assert!(
        video.first >= facts.start,
        "{} {}",
        video.first,
        facts.start
    );
    assert_eq!(video.end, video.first.plus(Seconds::whole(11)));
}

#[test]
fn edit_lists_hide_frames() {
    let Some(facts) = facts(Kind::EditList) else {
        return;
    };
    let video = facts.video.unwrap();
    // Of 275 frames 68 are before the cut at 2.72 s; those from the key frame on are in the file.
    assert_eq!((video.frames, video.variable), (275 - 68, false));
    assert_eq!(video.rate.to_string(), "25");
}

#[test]
fn dropped_frames_are_a_variable_rate() {
    let Some(facts) = facts(Kind::Variable) else {
        return;
    };
    let planned = plan(facts.clone(), &Options::default()).unwrap();
    let video = facts.video.unwrap();
    assert!(video.variable && video.frames < 300, "{video:?}");
    assert_eq!(video.rate.to_string(), "30000/1001");
    assert_eq!(planned.plan.picture.unwrap().cadence, Cadence::Resampled);
    assert!(
        (325..=330).contains(&planned.plan.grid.frames),
        "{:?}",
        planned.plan.grid
    );
}

#[test]
fn fields_become_frames() {
    let Some(facts) = facts(Kind::Interlaced) else {
        return;
    };
    let planned = plan(facts.clone(), &Options::default()).unwrap();
    let video = facts.video.unwrap();
    assert!(video.interlaced);
    assert_eq!((video.rate.to_string().as_str(), video.frames), ("25", 275));
    assert_eq!(planned.plan.grid.rate.to_string(), "50");
    assert_eq!(planned.plan.grid.frames, 550);
    assert_eq!(
        planned.plan.picture.unwrap().deinterlace,
        Deinterlace::Fields
    );
}

#[test]
fn phones_are_held_upright() {
    let Some(facts) = facts(Kind::Portrait) else {
        return;
    };
    let video = facts.video.as_ref().unwrap();
    assert_eq!((video.rotation, video.shown()), (90, (90, 160)));
    let planned = plan(facts, &Options::default()).unwrap();
    let video = &planned.plan.videos[0];
    assert_eq!((video.width, video.height), (90, 160));
}

#[test]
fn sound_is_what_it_is() {
    let Some(surround) = facts(Kind::Surround) else {
        return;
    };
    assert_eq!(
        (
            surround.audios[0].channels,
            surround.audios[0].language.as_deref()
        ),
        (6, Some("eng"))
    );
    let cd = facts(Kind::Cd).unwrap();
    assert_eq!(cd.audios[0].sampling_rate, 44_100);
    let silent = facts(Kind::Silent).unwrap();
    assert!(silent.audios.is_empty() && silent.video.is_some());
    let alone = facts(Kind::AudioOnly).unwrap();
    assert!(alone.video.is_none());
    let planned = plan(alone, &Options::default()).unwrap();
    let length = planned.plan.grid.duration();
    let expected = Seconds::whole(i64::from(SECONDS));
    assert!(
        length >= expected && length < expected.plus(Seconds::from_ms(100)),
        "{length}"
    );
}

#[test]
fn what_is_no_media_is_an_error() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let path = gallery::folder().join("text.mp4");
    std::fs::write(&path, "nothing of the kind").unwrap();
    let error = inspect(&ffmpeg, &path, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, source::Error::Probe { .. }));
    assert!(error.to_string().contains("text.mp4"), "{error}");
}

#[test]
fn looking_can_be_stopped() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let path = gallery::source(&ffmpeg, Kind::Closed);
    let stopped = inspect(&ffmpeg, &path, |_| ControlFlow::Break(()));
    let Err(source::Error::Probe { source, .. }) = stopped else {
        panic!("{stopped:?}");
    };
    assert!(
        matches!(source, process::Error::Stopped { .. }),
        "{source:?}"
    );
}

#[test]
fn parts_put_one_behind_the_other_are_refused() {
    let Some(ffmpeg) = gallery::ffmpeg() else {
        return;
    };
    let once = std::fs::read(gallery::source(&ffmpeg, Kind::Ts)).unwrap();
    let path = gallery::folder().join("twice.ts");
    std::fs::write(&path, [once.as_slice(), once.as_slice()].concat()).unwrap();
    let refused = inspect(&ffmpeg, &path, |_| ControlFlow::Continue(()));
    let Err(source::Error::Jumps { from, to, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(from.minus(to) > Seconds::whole(10), "{from} {to}");
}
