use super::*;
use crate::isobmff::{
    segment::SAMPLE_IS_NON_SYNC,
    testing::{TestFragment, TestSidx, emsg_box, prft_box, sidx_box, styp_box},
    walk::boxes,
};

const SCALE: Timescale = Timescale::literal(30);
const PLAN: Retime = Retime {
    sequence_number: 77,
    decode_shift: 900,
    track_timescale: SCALE,
};

fn defaults() -> TrackDefaults {
    TrackDefaults {
        track_id: 1,
        ..TrackDefaults::default()
    }
}

/// A fragment of one-tick samples, the first of which is a sync sample.
fn fragment(decode_time: u64, count: u32, encrypted: bool) -> TestFragment {
    TestFragment {
        decode_time,
        encrypted,
        samples: (0..count)
            .map(|i| {
                (
                    1,
                    3 + i % 2,
                    if i == 0 { 0 } else { SAMPLE_IS_NON_SYNC },
                    -1,
                )
            })
            .collect(),
        ..TestFragment::default()
    }
}

/// Puts boxes and fragments one behind the other.
fn segment(lead: &[Vec<u8>], fragments: &[TestFragment]) -> Bytes {
    let mut out = lead.concat();
    for fragment in fragments {
        out.extend(fragment.build(out.len()));
    }
    out.into()
}

fn read(segment: &Bytes, length: Time) -> Chunks<'_> {
    Chunks::read(segment, &defaults(), SCALE, length).unwrap()
}

fn all(chunks: &Chunks<'_>) -> Vec<Vec<Bytes>> {
    (0..chunks.spans().len())
        .map(|index| chunks.make(index, &PLAN).unwrap().unwrap())
        .collect()
}

/// The samples of some bytes: decode time, duration, flags, composition offset and data.
fn samples(bytes: &Bytes) -> Vec<(u64, u32, u32, i32, Bytes)> {
    let found = segment::samples(bytes, &defaults()).unwrap();
    found
        .into_iter()
        .map(|s| {
            let data = bytes.slice(s.data.clone());
            (
                s.decode_time,
                s.duration,
                s.flags,
                s.composition_offset,
                data,
            )
        })
        .collect()
}

fn kinds(bytes: &[u8]) -> Vec<String> {
    boxes(bytes)
        .map(|found| found.unwrap().kind.to_string())
        .collect()
}

#[test]
fn a_chunk_closes_with_the_sample_by_which_its_length_has_passed() {
    let sound = Timescale::literal(48_000);
    for (length, scale, duration, count, expected) in [
        (Time::from_ms(500), SCALE, 1, 60, vec![15, 15, 15, 15]),
        (Time::from_ms(500), sound, 1024, 94, vec![24, 23, 24, 23]),
        (
            Time::from_ms(200),
            Timescale::literal(24),
            1,
            24,
            vec![5, 5, 5, 5, 4],
        ),
        (Time::from_ms(1), SCALE, 1, 3, vec![1, 1, 1]),
        (Time::ZERO, SCALE, 1, 3, vec![1, 1, 1]),
        (Time::from_secs(-1), SCALE, 1, 2, vec![1, 1]),
        (Time::from_secs(9), SCALE, 1, 60, vec![60]),
    ] {
        let mut cutter = Cutter::new(length, scale);
        let mut found = vec![0];
        for _ in 0..count {
            *found.last_mut().unwrap() += 1;
            if cutter.closes_with(duration) {
                found.push(0);
            }
        }
        found.retain(|count| *count > 0);
        assert_eq!(found, expected, "{length:?} {scale}");
    }
}

#[test]
fn chunks_have_the_samples_of_the_segment() {
    for fragments in [
        vec![fragment(60, 60, false)],
        (0..4).map(|i| fragment(60 + i * 15, 15, false)).collect(),
        (0..60).map(|i| fragment(60 + i, 1, false)).collect(),
        vec![fragment(60, 7, false), fragment(67, 53, false)],
    ] {
        let bytes = segment(&[styp_box(&[b"msdh"])], &fragments);
        let chunks = read(&bytes, Time::from_ms(500));
        let spans: Vec<Span> = chunks.spans().collect();
        assert_eq!(spans.len(), 4);
        let starts: Vec<u64> = spans.iter().map(|span| span.start).collect();
        assert_eq!(starts, [0, 15, 30, 45]);
        assert!(spans.iter().all(|span| span.duration == 15));
        assert!(spans[0].independent);
        let made = all(&chunks);
        let joined: Bytes = made.concat().concat().into();
        let expected: Vec<_> = samples(&bytes)
            .into_iter()
            .map(|(time, a, b, c, d)| (time + 900, a, b, c, d))
            .collect();
        assert_eq!(samples(&joined), expected);
        let order = "styp moof mdat moof mdat moof mdat moof mdat";
        assert_eq!(kinds(&joined).join(" "), order);
        let index = segment::index(&joined, &defaults()).unwrap();
        assert!(index.iter().all(|fragment| fragment.sequence_number == 77));
    }
}

#[test]
fn payload_is_handed_on_without_a_copy() {
    let bytes = segment(&[], &[fragment(0, 60, false)]);
    let source = bytes.as_ptr_range();
    for slices in all(&read(&bytes, Time::from_ms(500))) {
        assert_eq!(slices.len(), 2);
        assert!(source.contains(&slices[1].as_ptr()));
        assert_eq!(
            slices[1].len(),
            15 * 7 / 2 + usize::from(slices[1].len() % 2 == 1)
        );
    }
}

#[test]
fn only_the_chunk_with_a_sync_sample_is_independent() {
    let mut one = fragment(0, 60, false);
    one.samples[20].2 = 0;
    let bytes = segment(&[], &[one]);
    let found: Vec<bool> = read(&bytes, Time::from_ms(500))
        .spans()
        .map(|span| span.independent)
        .collect();
    assert_eq!(found, [true, true, false, false]);
}

#[test]
fn boxes_before_a_fragment_go_before_its_chunk() {
    let sidx = TestSidx {
        timescale: 30,
        references: vec![(100, 60, true, false)],
        ..TestSidx::default()
    };
    let lead = [
        styp_box(&[b"msdh", b"lmsg"]),
        sidx_box(&sidx),
        emsg_box(1, 5000),
        prft_box(1, 0, 60),
    ];
    let mut out = segment(&lead, &[fragment(60, 15, false)]).to_vec();
    out.extend(styp_box(&[b"msdh"]));
    out.extend(prft_box(1, 0, 75));
    out.extend(fragment(75, 20, false).build(out.len()));
    let bytes: Bytes = out.into();
    let made = all(&read(&bytes, Time::from_ms(500)));
    let order: Vec<String> = made.iter().map(|c| kinds(&c.concat()).join(" ")).collect();
    assert_eq!(
        order,
        ["styp emsg prft moof mdat", "prft moof mdat", "moof mdat"]
    );
    let first: Bytes = made[0].concat().into();
    let prft = walk::find(&first, &[b"prft"]).unwrap().unwrap();
    let prft = crate::isobmff::fields::Prft::new(prft.body()).unwrap();
    assert_eq!(prft.media_time(), 960);
    assert!(!first.windows(4).any(|four| four == b"lmsg"));
}

#[test]
fn encrypted_fragments_stay_whole() {
    let styp = [styp_box(&[b"msdh"])];
    let one = segment(&styp, &[fragment(0, 60, true)]);
    let made = all(&read(&one, Time::from_ms(500)));
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].concat(), retime(&one, &PLAN).unwrap().concat());

    let fragments: Vec<TestFragment> = (0..10).map(|i| fragment(i * 6, 6, true)).collect();
    let ten = segment(&styp, &fragments);
    let chunks = read(&ten, Time::from_ms(500));
    let durations: Vec<u64> = chunks.spans().map(|span| span.duration).collect();
    assert_eq!(durations, [18, 12, 18, 12]);
    let joined = all(&chunks).concat().concat();
    assert_eq!(joined, retime(&ten, &PLAN).unwrap().concat());
}

#[test]
fn clear_and_encrypted_fragments_are_not_mixed() {
    let fragments = [
        fragment(0, 10, false),
        fragment(10, 10, true),
        fragment(20, 10, false),
    ];
    let bytes = segment(&[], &fragments);
    let chunks = read(&bytes, Time::from_secs(1));
    let durations: Vec<u64> = chunks.spans().map(|span| span.duration).collect();
    assert_eq!(durations, [10, 10, 10]);
}

#[test]
fn what_cannot_be_cut_is_named() {
    let refused = |bytes: &Bytes| {
        Chunks::read(bytes, &defaults(), SCALE, Time::from_ms(500))
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&Bytes::new()).contains("no samples"));
    let bytes = segment(&[], &[fragment(0, 4, false)]);
    assert!(refused(&bytes.slice(..bytes.len() - 1)).contains("outside"));
    let plan = Retime {
        decode_shift: -1,
        ..PLAN
    };
    let error = read(&bytes, Time::from_secs(1)).make(0, &plan).unwrap_err();
    assert!(error.to_string().contains("moved by -1"), "{error}");
    assert!(
        read(&bytes, Time::from_secs(1))
            .make(1, &PLAN)
            .unwrap()
            .is_none()
    );
}

proptest::proptest! {
    /// Damaged segments are refused or cut, never a panic.
    #[test]
    fn nothing_makes_it_panic(at in 0_usize..400, value: u8, length in 0_i64..3000) {
        let fragments = [fragment(0, 7, false), fragment(7, 5, true)];
        let mut bytes = segment(&[styp_box(&[b"msdh"]), prft_box(0, 0, 0)], &fragments).to_vec();
        let at = at % bytes.len();
        bytes[at] = value;
        let bytes: Bytes = bytes.into();
        if let Ok(chunks) = Chunks::read(&bytes, &defaults(), SCALE, Time::from_ms(length)) {
            for index in 0..chunks.spans().len() {
                let _ = chunks.make(index, &PLAN);
            }
        }
    }
}
