//! Init segments: reading, and rewriting for live use. What was rewritten reads back as the same
//! tracks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::isobmff::init;

fuzz_target!(|data: &[u8]| {
    let read = init::read(data);
    let live = init::live(data);
    if let (Ok(read), Ok(live)) = (read, live) {
        let again = init::read(&live).expect("a rewritten init segment is readable");
        let tracks = |segment: &init::InitSegment| {
            segment
                .tracks
                .iter()
                .map(|track| (track.track_id, track.codec.clone(), track.timescale))
                .collect::<Vec<_>>()
        };
        assert_eq!(tracks(&read), tracks(&again));
    }
});
