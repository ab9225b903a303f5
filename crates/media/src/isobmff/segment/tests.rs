use super::*;
use crate::isobmff::testing::{
    Base, TestFragment, TestSidx, boxed, emsg_box, full, sidx_box, styp_box,
};

const ANY: TrackDefaults = TrackDefaults {
    track_id: 0,
    duration: 0,
    size: 0,
    flags: 0,
};

#[test]
fn a_segment_of_fragments_adds_up() {
    let head = styp_box(&[b"msdh"]);
    let mut bytes = head.clone();
    for index in 0..3 {
        let fragment = TestFragment {
            sequence_number: 9 + index,
            decode_time: 1000 + 40 * u64::from(index),
            ..TestFragment::default()
        };
        let built = fragment.build(bytes.len());
        bytes.extend(built);
    }
    let info = read(&bytes, &ANY).expect("reads");
    assert_eq!((info.first_decode_time, info.duration), (1000, 120));
    assert_eq!(info.sample_count, 9);
    assert_eq!(info.uniform_sample_duration, None);
    assert_eq!(
        (info.min_presentation_time, info.max_presentation_end),
        (1005, 1120)
    );
    let first = info.fragments[0];
    assert_eq!(
        (first.offset, first.lead),
        (head.len() as u64, head.len() as u64)
    );
    assert_eq!(first.offset + first.len, info.fragments[1].offset);
    assert_eq!(info.fragments[2].sequence_number, 11);
    assert!(info.fragments.iter().all(|one| one.starts_with_sync));
}

#[test]
fn samples_lie_where_the_base_says() {
    for base in [Base::Moof, Base::Implied, Base::File(0), Base::File(777)] {
        let mut bytes = boxed(b"free", b"1234567");
        for _ in 0..2 {
            let fragment = TestFragment {
                base,
                ..TestFragment::default()
            };
            let built = fragment.build(bytes.len());
            bytes.extend(built);
        }
        let list = samples(&bytes, &ANY).expect("reads");
        assert_eq!(list.len(), 6);
        let sizes: Vec<usize> = list.iter().map(|one| one.data.len()).collect();
        assert_eq!(sizes, [3, 0, 4, 3, 0, 4]);
        // Payload bytes count up from the place of their fragment, modulo 256.
        let half = (bytes.len() - 15) / 2;
        for (index, at) in [(0, 15), (3, 15 + half)] {
            assert_eq!(bytes[list[index].data.start], at as u8, "{base:?}");
            assert_eq!(bytes[list[index + 2].data.start], (at + 3) as u8);
        }
        assert_eq!((list[1].composition_offset, list[1].decode_time), (-5, 10));
        assert!(list[0].is_sync() && !list[1].is_sync());
    }
}

/// A fragment with two runs and everything from defaults: four samples of six bytes.
fn by_defaults(tfhd_fields: &[u8], tfhd_flags: u32) -> Vec<u8> {
    let run = |offset: &[u8], flags| full(b"trun", 0, flags, &[&[0, 0, 0, 2], offset]);
    let build = |data_offset: u32| {
        let tfhd = full(
            b"tfhd",
            0,
            0x02_0000 | tfhd_flags,
            &[&[0, 0, 0, 3], tfhd_fields],
        );
        let first = run(&data_offset.to_be_bytes(), 1);
        boxed(
            b"moof",
            &boxed(b"traf", &[tfhd, first, run(&[], 0)].concat()),
        )
    };
    let len = build(0).len() as u32 + 8;
    [build(len), boxed(b"mdat", &[0; 24])].concat()
}

#[test]
fn defaults_come_from_the_fragment_and_then_from_the_track() {
    let defaults = TrackDefaults {
        track_id: 3,
        duration: 50,
        size: 6,
        flags: SAMPLE_IS_NON_SYNC,
    };
    let one = by_defaults(&[], 0);
    // The second fragment gives no decode time and goes on where the first ends.
    let bytes = [one.clone(), by_defaults(&[0, 0, 0, 7], 8)].concat();
    let list = samples(&bytes, &defaults).expect("reads");
    let times: Vec<u64> = list.iter().map(|sample| sample.decode_time).collect();
    assert_eq!(times, [0, 50, 100, 150, 200, 207, 214, 221]);
    assert_eq!(list[3].data, one.len() - 6..one.len());
    let info = read(&bytes, &defaults).expect("reads");
    assert_eq!(info.duration, 228);
    assert!(!info.fragments[0].starts_with_sync);
    let alike: Vec<_> = info
        .fragments
        .iter()
        .map(|one| one.sample_duration)
        .collect();
    assert_eq!(alike, [Some(50), Some(7)]);
    assert_eq!(info.uniform_sample_duration, None);
    let info = read(&one, &defaults).expect("reads");
    assert_eq!(info.uniform_sample_duration, Some(50));
}

#[test]
fn one_track_of_several_is_read() {
    let one = TestFragment::default().build(0);
    let two = TestFragment {
        track_id: 2,
        ..TestFragment::default()
    };
    let two = two.build(one.len());
    let bytes = [one, two].concat();
    let all = index(&bytes, &ANY).expect("reads");
    assert_eq!(all.len(), 2);
    // A fragment with a single track is taken whatever its id.
    let named = TrackDefaults { track_id: 2, ..ANY };
    assert_eq!(index(&bytes, &named).expect("reads").len(), 2);

    let traf = |bytes: &[u8]| {
        let found = super::super::walk::find(bytes, &[b"moof", b"traf"]).expect("reads");
        found.expect("is there").bytes.to_vec()
    };
    let base = TestFragment {
        samples: vec![(9, 0, 0, 0)],
        ..TestFragment::default()
    };
    let other = TestFragment {
        track_id: 2,
        decode_time: 60,
        ..base.clone()
    };
    let both = boxed(
        b"moof",
        &[traf(&base.build(0)), traf(&other.build(0))].concat(),
    );
    assert_eq!(read(&both, &named).expect("reads").first_decode_time, 60);
    let missing = TrackDefaults { track_id: 5, ..ANY };
    let error = read(&both, &missing).expect_err("has no such track");
    assert_eq!(
        error.to_string(),
        "moof at byte 0: the segment has no fragment of the track"
    );
}

#[test]
fn a_whole_file_is_listed_with_what_leads_each_fragment() {
    let index_box = sidx_box(&TestSidx {
        timescale: 1,
        ..TestSidx::default()
    });
    let (styp, emsg) = (styp_box(&[b"msdh"]), emsg_box(1, 5));
    let mut file = [
        styp_box(&[b"isom"]),
        boxed(b"moov", b""),
        index_box,
        styp.clone(),
        emsg.clone(),
    ]
    .concat();
    let first = file.len();
    file.extend(TestFragment::default().build(first));
    file.extend(boxed(b"free", b"padding"));
    file.extend(&emsg);
    let second = file.len();
    file.extend(TestFragment::default().build(second));
    file.extend(boxed(b"mfra", b""));
    let list = index(&file, &ANY).expect("reads");
    let places: Vec<_> = list.iter().map(|one| (one.offset, one.lead)).collect();
    let lead = (styp.len() + emsg.len()) as u64;
    assert_eq!(
        places,
        [(first as u64, lead), (second as u64, emsg.len() as u64)]
    );
    assert_eq!(list[1].offset + list[1].len + 8, file.len() as u64);
}

#[test]
fn claims_beyond_the_bytes_are_refused() {
    let claim = |count: u32, flags: u32, fields: &[u8]| {
        let tfhd = full(b"tfhd", 0, 0x02_0000, &[&[0, 0, 0, 1]]);
        let trun = full(b"trun", 0, flags, &[&count.to_be_bytes(), fields]);
        boxed(b"moof", &boxed(b"traf", &[tfhd, trun].concat()))
    };
    let endless = claim(u32::MAX, 0, &[]);
    let error = samples(&endless, &ANY).expect_err("claims too many");
    assert_eq!(error.reason, "claims more samples than there are bytes");
    assert_eq!(error.path, "moof/traf/trun");
    let outside = claim(1, 0x201, &[0, 0, 0, 9, 0, 0, 0xff, 0xff]);
    let error = read(&outside, &ANY).expect_err("lies outside");
    assert_eq!(error.reason, "sample data lie outside of the bytes");
    let before = claim(1, 1, &[0xff, 0xff, 0xff, 0]);
    assert!(read(&before, &ANY).is_err());
    assert!(read(b"", &ANY).is_err());
}
