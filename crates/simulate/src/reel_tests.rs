use super::*;
use crate::synthetic::{asset, track};

fn reel(tracks: Vec<TrackIndex>) -> Reel {
    Reel::new(Arc::new(asset("a", tracks)))
}

fn nominals(reel: &Reel) -> Vec<(u64, u32)> {
    let view = reel.view(Addressing::Number);
    view.manifests[0]
        .shape
        .tracks()
        .map(|(_, track)| (track.nominal.duration, track.nominal.timescale.get()))
        .collect()
}

#[test]
fn announced_durations_are_exact_means() {
    let video = track("V", 30_000, &[60_060; 4]);
    // Four segments of eight seconds in all, to be stretched over 8.008 s.
    let audio = track("A", 48_000, &[96_000; 4]);
    assert_eq!(
        nominals(&reel(vec![video, audio])),
        [(60_060, 30_000), (96_096, 48_000)]
    );
    // As declared by the source, where that is exact.
    let mut video = track("V", 90_000, &[180_000; 4]);
    video.track.nominal = Nominal {
        duration: 2,
        timescale: Timescale::SECONDS,
    };
    assert_eq!(nominals(&reel(vec![video])), [(2, 1)]);
    // A third of the loop is no whole number of ticks.
    let video = track("V", 10, &[3, 3, 4]);
    assert_eq!(nominals(&reel(vec![video])), [(1, 3)]);
}

#[test]
fn no_segment_lasts_longer_than_announced() {
    let announced = |declared, durations: &[u64]| {
        let mut asset = asset("a", vec![track("V", 1000, durations)]);
        let shape = Arc::make_mut(&mut asset.manifests[0].shape);
        shape.max_segment_duration = declared;
        let reel = Reel::new(Arc::new(asset));
        let view = reel.view(Addressing::Number);
        view.manifests[0].shape.max_segment_duration
    };
    let seconds = |seconds| Some(Time::from_secs(seconds));
    assert_eq!(announced(seconds(2), &[2000, 5000]), seconds(5));
    assert_eq!(announced(seconds(10), &[2000, 5000]), seconds(10));
    assert_eq!(announced(None, &[2000, 5000]), seconds(5));
}

#[test]
fn templates_follow_the_addressing() {
    let reel = reel(vec![
        track("V", 1000, &[2000; 4]),
        track("T", 1000, &[2000; 4]),
    ]);
    let names = |addressing| -> Vec<String> {
        let shape = &reel.view(addressing).manifests[0].shape;
        let tracks = shape.tracks().map(|(_, track)| track.media.as_str());
        tracks.map(str::to_owned).collect()
    };
    let number = "$RepresentationID$/$Number$.m4s";
    let time = "$RepresentationID$/$Time$.m4s";
    assert_eq!(names(Addressing::Number), [number, number]);
    assert_eq!(names(Addressing::TimelineNumber), [number, number]);
    assert_eq!(names(Addressing::TimelineTime), [time, number], "images");
}

#[test]
fn audio_that_cannot_be_cut_must_fit_the_loop() {
    let kept = |change: fn(&mut TrackIndex)| {
        let mut audio = track("A", 48_000, &[96_256, 96_256, 96_256, 97_280]);
        change(&mut audio);
        let reel = reel(vec![track("V", 90_000, &[180_000; 4]), audio]);
        let shape = &reel.view(Addressing::Number).manifests[0].shape;
        shape.tracks().count() == 2
    };
    // 8.042 s in a loop of 8 s.
    assert!(kept(|_| ()));
    assert!(!kept(|audio| audio.encrypted = true));
    assert!(!kept(
        |audio| audio.track.codecs = "ac-4.02.01.01".to_owned()
    ));
    assert!(!kept(|audio| audio.track.codecs = "mp4a.40.42".to_owned()));
    assert!(!kept(|audio| audio.sample_duration = None));
    // One frame too long is not heard.
    assert!(kept(|audio| {
        audio.encrypted = true;
        audio.segments[3].duration = 96_256;
    }));
}

#[test]
fn a_track_that_cannot_be_read_is_left_out_of_all_manifests() {
    let mut broken = track("W", 90_000, &[180_000; 4]);
    broken.init = Bytes::from_static(b"no boxes");
    let reel = reel(vec![
        track("V", 90_000, &[180_000; 4]),
        broken,
        track("A", 48_000, &[96_000; 4]),
    ]);
    let view = reel.view(Addressing::TimelineTime);
    let shape = &view.manifests[0].shape;
    let ids: Vec<&str> = shape.tracks().map(|(_, track)| track.id.as_str()).collect();
    assert_eq!((ids.as_slice(), shape.sets.len()), (&["V", "A"][..], 2));
    let (position, strip) = reel.strip(view, 0, 1).unwrap();
    assert_eq!((position, strip.index.id.as_str()), (2, "A"));
    assert!(reel.strip(view, 0, 2).is_none());
    assert!(reel.strip(view, 1, 0).is_none());
}

#[test]
fn tracks_keep_their_distance_to_the_reference() {
    let mut video = track("V", 90_000, &[180_000; 4]);
    let mut audio = track("A", 48_000, &[96_256; 4]);
    // The presentation begins a tenth of a second before the first picture.
    for segment in &mut video.segments {
        segment.start += 90_000;
    }
    video.origin = 81_000;
    audio.origin = 43_200;
    let reel = reel(vec![video, audio]);
    let view = reel.view(Addressing::Number);
    let origins: Vec<i64> = reel
        .strips(view, 0)
        .map(|(_, strip)| strip.origin)
        .collect();
    assert_eq!(origins, [90_000, 48_000]);
}
