//! Media segments: the box walk, the segment and sample index, `sidx`, and the re-timer. Whatever the
//! bytes, none panics; what was re-timed reads back moved by just the shift.
//!
//! The first twelve bytes are the plan: the shift of the decode time and the sequence number.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::{
    isobmff::{
        retime::{self, Retime},
        segment::{self, TrackDefaults},
        sidx, walk,
    },
    time::Timescale,
};

fuzz_target!(|data: &[u8]| {
    let Some((plan, bytes)) = data.split_first_chunk::<12>() else {
        return;
    };
    let (shift, sequence) = plan.split_at(8);
    let plan = Retime {
        decode_shift: i64::from_be_bytes(shift.try_into().expect("eight bytes")),
        sequence_number: u32::from_be_bytes(sequence.try_into().expect("four bytes")),
        track_timescale: Timescale::literal(90_000),
    };
    for found in walk::boxes(bytes) {
        let Ok(found) = found else { break };
        for child in found.children() {
            if child.is_err() {
                break;
            }
        }
    }
    let defaults = TrackDefaults {
        duration: 1024,
        ..TrackDefaults::default()
    };
    let _ = sidx::read(bytes);
    if let Ok(samples) = segment::samples(bytes, &defaults) {
        for sample in samples {
            assert!(
                bytes.get(sample.data).is_some(),
                "a sample lies in the segment"
            );
        }
    }
    let before = segment::read(bytes, &defaults);
    let moved = retime::retime(&Bytes::copy_from_slice(bytes), &plan);
    if let (Ok(before), Ok(moved)) = (before, moved) {
        let after = match segment::read(&moved.concat(), &defaults) {
            // Times may be moved up to 2^64 and are read up to 2^63.
            Err(error) if error.reason.ends_with("range of 63 bits") => return,
            after => after.expect("what was re-timed is readable"),
        };
        assert_eq!(before.sample_count, after.sample_count);
        assert_eq!(before.duration, after.duration);
        assert_eq!(
            i128::from(before.first_decode_time) + i128::from(plan.decode_shift),
            i128::from(after.first_decode_time),
        );
    }
});
