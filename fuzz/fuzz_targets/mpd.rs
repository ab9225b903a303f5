//! MPDs: what can be read can be written, and what was written can be read, with as many tracks.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use media::{
    mpd::{read, write},
    presentation::{Addressing, Liveness, Nominal, Period, Presentation, StartNumber, Timeline},
    time::{Time, Timescale},
};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(mut source) = read::parse(text) else {
        return;
    };
    // What the MPD leaves open about the length of segments, the index of the media tells.
    for track in source.shape.sets.iter_mut().flat_map(|set| &mut set.tracks) {
        if track.nominal.duration == 0 {
            track.nominal = Nominal {
                duration: 2,
                timescale: Timescale::SECONDS,
            };
        }
    }
    let tracks = source.shape.tracks().count();
    assert_eq!(tracks, source.tracks.len());
    let presentation = Presentation {
        liveness: Liveness::Static {
            duration: source.duration.unwrap_or(Time::from_secs(8)),
        },
        addressing: Addressing::Number,
        periods: vec![Period {
            id: "P0".to_owned(),
            start: Time::ZERO,
            duration: None,
            shape: Arc::new(source.shape),
            timelines: vec![Timeline::default(); tracks],
            start_number: StartNumber::Fixed(1),
            discontinuity_sequence: 0,
        }],
    };
    let written = write::write(&presentation, "http://host");
    match read::parse(&written) {
        Ok(again) => assert_eq!(tracks, again.tracks.len(), "{written}"),
        Err(error) => panic!("{error} in\n{written}"),
    }
});
