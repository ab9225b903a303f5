use proptest::prelude::*;

use super::*;
use crate::isobmff::{
    segment::{self, TrackDefaults},
    sidx,
    testing::{Base, TestFragment, TestSidx, boxed, code, emsg_box, prft_box, sidx_box, styp_box},
};

const SCALE: Timescale = Timescale::literal(1000);
/// The first time that needs 64 bits.
const WIDE: i64 = 1 << 32;

fn plan(decode_shift: i64) -> Retime {
    Retime {
        sequence_number: 77,
        decode_shift,
        track_timescale: SCALE,
    }
}

fn moved(source: &[u8], shift: i64) -> Vec<u8> {
    let source = Bytes::copy_from_slice(source);
    retime(&source, &plan(shift)).expect("moves").concat()
}

/// A segment of some fragments with everything that may go before them.
fn segment_of(fragments: &[TestFragment], brands: &[&[u8; 4]]) -> Vec<u8> {
    let mut head = styp_box(brands);
    head.extend(prft_box(0, 9 << 32, 5000));
    head.extend(emsg_box(1, 6000));
    head.extend(emsg_box(0, 6000));
    let lens = fragments.iter().map(|fragment| fragment.build(0).len());
    let references = lens.map(|len| (len as u32, 40, true, false)).collect();
    head.extend(sidx_box(&TestSidx {
        timescale: 2000,
        time: 10_010,
        references,
        ..TestSidx::default()
    }));
    for fragment in fragments {
        let built = fragment.build(head.len());
        head.extend(built);
    }
    head
}

fn fragments() -> Vec<TestFragment> {
    (0..3)
        .map(|index| TestFragment {
            sequence_number: 4,
            decode_time: 5000 + 40 * index,
            encrypted: index == 1,
            ..TestFragment::default()
        })
        .collect()
}

#[test]
fn nothing_to_move_is_identity() {
    let mut same = fragments();
    for fragment in &mut same {
        fragment.sequence_number = 77;
    }
    let source = segment_of(&same, &[b"msdh", b"msix"]);
    assert_eq!(moved(&source, 0), source);
}

#[test]
fn payload_is_handed_on_without_a_copy() {
    let source = Bytes::from(segment_of(&fragments(), &[b"msdh"]));
    for shift in [0, WIDE] {
        let slices = retime(&source, &plan(shift)).expect("moves");
        assert_eq!(slices.len(), 6);
        for mdat in slices.iter().skip(1).step_by(2) {
            let at = source.as_ptr_range();
            assert!(at.contains(&mdat.as_ptr()));
            assert_eq!(mdat[4..8], *b"mdat");
        }
    }
}

#[test]
fn every_time_moves_and_every_reference_holds() {
    let source = segment_of(&fragments(), &[b"msdh"]);
    let defaults = TrackDefaults::default();
    let before = segment::samples(&source, &defaults).expect("reads");
    for shift in [-5000, 0, 1, WIDE - 5050, WIDE, 1 << 50] {
        let result = moved(&source, shift);
        let after = segment::samples(&result, &defaults).expect("reads");
        assert_eq!(after.len(), before.len());
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(new.decode_time, old.decode_time.wrapping_add_signed(shift));
            assert_eq!(result[new.data.clone()], source[old.data.clone()]);
        }
        let info = segment::read(&result, &defaults).expect("reads");
        assert!(info.fragments.iter().all(|one| one.sequence_number == 77));

        let index = sidx::read(&result).expect("reads");
        let time = 10_010_u64.wrapping_add_signed(shift * 2);
        assert_eq!(index.earliest_presentation_time, time);
        let (_, list) = sidx::subsegments(&result).expect("reads");
        for (entry, fragment) in list.iter().zip(&info.fragments) {
            assert_eq!(entry.range.start, fragment.offset);
            assert_eq!(entry.range.end, fragment.offset + fragment.len);
        }
    }
}

#[test]
fn widths_grow_only_when_they_must() {
    let source = segment_of(&fragments(), &[b"msdh"]);
    // Times: tfdt 5000, 5040, 5080; prft 5000; sidx 10,010 in half ticks.
    for (shift, growth) in [
        (WIDE / 2 - 5006, 0),
        (WIDE / 2 - 5005, 8),         // the index
        (WIDE - 5081, 8),             // 2^32 - 1 still fits
        (WIDE - 5080, 8 + 4),         // the last fragment
        (WIDE - 5000, 8 + 4 * 3 + 4), // all of them, and prft
    ] {
        assert_eq!(
            moved(&source, shift).len(),
            source.len() + growth,
            "{shift}"
        );
    }
}

#[test]
fn event_and_producer_times_move() {
    let source = segment_of(&fragments(), &[b"msdh"]);
    let result = moved(&source, WIDE);
    let all: Vec<_> = boxes(&result).map(|found| found.expect("reads")).collect();
    let prft = Prft::new(all[1].body()).expect("reads");
    assert_eq!(prft.media_time(), 5000 + WIDE as u64);
    // 2^32 ms are 4,294,967.296 s.
    let wall = (9 << 32) + (1 << 32) * 4_294_967 + 1_271_310_319;
    assert_eq!(prft.ntp_timestamp(), wall);
    let absolute = Emsg::new(all[2].body()).expect("reads");
    assert_eq!(absolute.presentation_time(), Some(6000 + WIDE as u64));
    let relative = Emsg::new(all[3].body()).expect("reads");
    assert_eq!(relative.presentation_time_delta(), Some(6000));
}

#[test]
fn the_last_segment_brand_goes() {
    for (brands, left) in [
        (&[b"msdh", b"lmsg"][..], &[b"msdh", b"msdh"][..]),
        (
            &[b"lmsg", b"msdh", b"lmsg", b"msix"],
            &[b"msdh", b"msdh", b"msix"],
        ),
        (&[b"lmsg"], &[b"msdh"]),
        (&[b"msdh", b"msix"], &[b"msdh", b"msdh", b"msix"]),
    ] {
        let source = segment_of(&fragments(), brands);
        let result = moved(&source, 0);
        let styp = styp(&source).expect("reads").expect("is there");
        assert_eq!(result[..styp.len()], styp);
        let view = Styp::new(&styp[8..]).expect("reads");
        let compatible = view.compatible_brands().map(|(_, brand)| brand);
        let found: Vec<_> = [view.major_brand()].into_iter().chain(compatible).collect();
        let left: Vec<_> = left.iter().map(|brand| code(*brand)).collect();
        assert_eq!(found, left);
        let defaults = TrackDefaults::default();
        assert_eq!(
            segment::read(&result, &defaults)
                .expect("reads")
                .sample_count,
            9
        );
    }
    assert_eq!(styp(&boxed(b"free", b"")).expect("reads"), None);
}

#[test]
fn file_positions_become_positions_from_the_moof() {
    for shift in [0, WIDE] {
        let both: Vec<_> = [123_456, 123_456]
            .into_iter()
            .map(|start| TestFragment {
                base: Base::File(start),
                encrypted: true,
                ..TestFragment::default()
            })
            .collect();
        let mut source = Vec::new();
        let mut wanted = Vec::new();
        for fragment in &both {
            source.extend(fragment.build(source.len()));
            let plain = TestFragment {
                base: Base::Moof,
                sequence_number: 77,
                decode_time: shift as u64,
                tfdt_version: u8::from(shift > 0),
                ..fragment.clone()
            };
            wanted.extend(plain.build(wanted.len()));
        }
        let result = moved(&source, shift);
        assert_eq!(result.len(), wanted.len());
        let (first, _) = result.split_at(wanted.len() / 2 - 7);
        assert_eq!(first, &wanted[..first.len()]);
        let defaults = TrackDefaults::default();
        let after = segment::samples(&result, &defaults).expect("reads");
        let before = segment::samples(&source, &defaults).expect("reads");
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(result[new.data.clone()], source[old.data.clone()]);
        }
    }
}

#[test]
fn what_cannot_be_moved_is_said() {
    let fragment = TestFragment {
        decode_time: 100,
        tfdt_version: 1,
        ..TestFragment::default()
    };
    let source = Bytes::from(fragment.build(0));
    let error = retime(&source, &plan(-101)).expect_err("is below zero");
    assert_eq!(error.path, "moof/traf/tfdt");
    assert_eq!(
        error.reason,
        "time 100 moved by -101 leaves the range of 64 bits"
    );
    let late = TestFragment {
        decode_time: u64::MAX - 5,
        ..fragment
    };
    assert!(retime(&Bytes::from(late.build(0)), &plan(6)).is_err());
    let no_time = boxed(b"moof", &boxed(b"traf", &[]));
    let error = retime(&Bytes::from(no_time), &plan(0)).expect_err("has no time");
    assert_eq!(error.to_string(), "moof/traf at byte 8: has no `tfdt`");
}

prop_compose! {
    fn any_fragment()(
        decode_time in 0..u64::from(u32::MAX),
        tfdt_version in 0..2_u8,
        saio_version in 0..2_u8,
        base in prop_oneof![Just(Base::Moof), Just(Base::Implied), Just(Base::File(0))],
        encrypted: bool,
        samples in prop::collection::vec((0..2000_u32, 0..40_u32, any::<u32>(), -99..99_i32), 0..6),
    ) -> TestFragment {
        TestFragment {
            tfdt_version, decode_time, base, samples, encrypted, saio_version,
            ..TestFragment::default()
        }
    }
}

proptest! {
    #[test]
    fn moving_keeps_samples_and_sizes(
        all in prop::collection::vec(any_fragment(), 1..4),
        shift in -1000..(1_i64 << 53),
    ) {
        let source = segment_of(&all, &[b"msdh", b"lmsg"]);
        let bytes = Bytes::from(source.clone());
        let lowest = all.iter().map(|one| one.decode_time).min().unwrap_or(0).min(5000);
        let result = retime(&bytes, &plan(shift));
        prop_assert_eq!(result.is_ok(), lowest.checked_add_signed(shift).is_some());
        let Ok(result) = result else { return Ok(()) };
        let result = result.concat();
        let defaults = TrackDefaults::default();
        let before = segment::samples(&source, &defaults).expect("reads");
        let after = segment::samples(&result, &defaults).expect("reads");
        prop_assert_eq!(before.len(), after.len());
        for (old, new) in before.iter().zip(&after) {
            prop_assert_eq!(new.decode_time, old.decode_time.wrapping_add_signed(shift));
            prop_assert_eq!(&result[new.data.clone()], &source[old.data.clone()]);
            prop_assert_eq!((new.flags, new.duration), (old.flags, old.duration));
        }
        // Moving back restores every time; only widths may have grown.
        let back = retime(&Bytes::from(result), &plan(-shift)).expect("moves").concat();
        let again = segment::samples(&back, &defaults).expect("reads");
        prop_assert!(again.iter().zip(&before).all(|(a, b)| a.decode_time == b.decode_time));
    }

    #[test]
    fn damaged_segments_never_panic(
        all in prop::collection::vec(any_fragment(), 1..3),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        shift: i64,
    ) {
        let mut source = segment_of(&all, &[b"msdh", b"lmsg"]);
        for (place, value) in damage {
            let place = place.index(source.len());
            source[place] = value;
        }
        if shift % 4 == 0 {
            source.truncate(cut.index(source.len()));
        }
        let defaults = TrackDefaults::default();
        let _ = segment::read(&source, &defaults);
        let _ = segment::samples(&source, &defaults);
        let _ = sidx::read(&source);
        let _ = sidx::subsegments(&source);
        let _ = styp(&source);
        if let Ok(result) = retime(&Bytes::from(source), &plan(shift)) {
            prop_assert!(boxes(&result.concat()).all(|found| found.is_ok()));
        }
    }
}
