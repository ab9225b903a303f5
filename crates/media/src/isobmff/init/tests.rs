use proptest::prelude::*;

use super::*;
use crate::isobmff::testing::{boxed, code, full, sized};

/// What varies in a test init segment of one AVC track.
#[derive(Clone, Debug)]
struct TestInit {
    version: u8,
    language: u16,
    extended_language: Option<&'static [u8]>,
    edits: Vec<(u64, i64)>,
    with_mehd: bool,
}

impl Default for TestInit {
    fn default() -> Self {
        Self {
            version: 0,
            language: 0x55c4,
            extended_language: None,
            edits: Vec::new(),
            with_mehd: true,
        }
    }
}

impl TestInit {
    fn build(&self) -> Vec<u8> {
        let version = self.version;
        let time = |value| sized(version, value);
        let number = |value: u32| value.to_be_bytes();
        let (now, duration) = (time(99), time(4000));
        let mvhd = full(
            b"mvhd",
            version,
            0,
            &[&now, &now, &number(1000), &duration, &[7; 80]],
        );
        let tkhd = full(
            b"tkhd",
            version,
            3,
            &[&now, &now, &number(5), &[0; 4], &duration, &[7; 60]],
        );
        let mdhd = full(
            b"mdhd",
            version,
            0,
            &[
                &now,
                &now,
                &number(90_000),
                &duration,
                &self.language.to_be_bytes(),
                &[0; 2],
            ],
        );
        let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], b"vide", &[0; 13]]);
        let mut entry = vec![0; 78];
        entry[24..28].copy_from_slice(&[0x05, 0, 0x02, 0xd0]);
        entry.extend(boxed(b"avcC", &[1, 0x64, 0, 0x1f]));
        let stsd = full(b"stsd", 0, 0, &[&number(1), &boxed(b"avc1", &entry)]);
        let minf = boxed(b"minf", &boxed(b"stbl", &stsd));
        let elng = self
            .extended_language
            .map(|text| full(b"elng", 0, 0, &[text, b"\0"]));
        let mdia = [mdhd, hdlr, elng.unwrap_or_default(), minf].concat();
        let mut trak = tkhd;
        if !self.edits.is_empty() {
            let mut fields = number(self.edits.len() as u32).to_vec();
            for (duration, media_time) in &self.edits {
                fields.extend(time(*duration));
                fields.extend(sized(version, *media_time as u64));
                fields.extend(number(0x0001_0000));
            }
            trak.extend(boxed(b"edts", &full(b"elst", version, 0, &[&fields])));
        }
        trak.extend(boxed(b"mdia", &mdia));
        let mehd = full(b"mehd", version, 0, &[&duration]);
        let trex = full(
            b"trex",
            0,
            0,
            &[
                &number(5),
                &number(1),
                &number(3003),
                &number(8),
                &number(0x0001_0000),
            ],
        );
        let mvex = if self.with_mehd {
            [mehd, trex].concat()
        } else {
            trex
        };
        let moov = [mvhd, boxed(b"trak", &trak), boxed(b"mvex", &mvex)].concat();
        let ftyp = boxed(b"ftyp", b"cmfc\0\0\0\0isomcmfc");
        [ftyp, boxed(b"moov", &moov), boxed(b"free", b"tail")].concat()
    }

    fn track(&self) -> InitTrack {
        read(&self.build()).expect("reads").tracks.remove(0)
    }
}

#[test]
fn a_track_is_read_in_both_versions() {
    for version in [0, 1] {
        let init = TestInit {
            version,
            ..TestInit::default()
        };
        let read = read(&init.build()).expect("reads");
        assert!(read.fragmented);
        assert_eq!(read.movie_timescale.get(), 1000);
        let track = &read.tracks[0];
        assert_eq!((track.track_id, track.content), (5, Content::Video));
        assert_eq!(track.timescale.get(), 90_000);
        assert_eq!(
            (track.codec.as_str(), track.sample_entry),
            ("avc1.64001f", code(b"avc1"))
        );
        assert_eq!(track.size, Some((1280, 720)));
        assert_eq!(track.language, None);
        let defaults = TrackDefaults {
            track_id: 5,
            duration: 3003,
            size: 8,
            flags: 0x0001_0000,
        };
        assert_eq!(track.defaults, defaults);
        let rate = track.frame_rate_hint.expect("is implied");
        assert_eq!((rate.num, rate.den), (30_000, 1001));
    }
}

#[test]
fn languages_come_from_either_box() {
    for (language, extended, wanted) in [
        (0x15c7, None, Some("eng")),
        (0x55c4, None, None), // und
        (0x0000, None, None), // QuickTime's English
        (0x7fff, None, None), // QuickTime's unspecified
        (0x15c7, Some(&b"en-GB"[..]), Some("en-GB")),
        (0x15c7, Some(b""), Some("eng")),
    ] {
        let init = TestInit {
            language,
            extended_language: extended,
            ..TestInit::default()
        };
        assert_eq!(init.track().language.as_deref(), wanted);
    }
}

#[test]
fn edit_lists_shift_when_they_are_plain() {
    for (edits, wanted) in [
        (&[(0, 1024)][..], 1024),
        (&[(4000, 0)], 0),
        // Half a second of nothing, then the media from 1024 on.
        (&[(500, -1), (0, 1024)], 1024 - 45_000),
        (&[(500, -1)], 0),
        (&[(500, 0), (500, 9000)], 0),
        (&[(0, 1), (0, 2), (0, 3)], 0),
    ] {
        for version in [0, 1] {
            let init = TestInit {
                version,
                edits: edits.to_vec(),
                ..TestInit::default()
            };
            assert_eq!(init.track().edit_media_time, wanted, "{edits:?}");
        }
    }
}

#[test]
fn a_live_init_has_no_durations_and_is_otherwise_the_same() {
    for version in [0, 1] {
        let with = TestInit {
            version,
            edits: vec![(0, 1024)],
            ..TestInit::default()
        };
        let without = TestInit {
            with_mehd: false,
            ..with.clone()
        };
        let live = live(&with.build()).expect("is made");
        let source = without.build();
        assert_eq!(live.len(), source.len());
        let changed: Vec<_> = live
            .iter()
            .zip(&source)
            .filter(|(new, old)| new != old)
            .collect();
        // 4000 is two bytes, three times.
        assert_eq!(changed.len(), 6);
        assert!(changed.iter().all(|(new, _)| **new == 0));
        assert_eq!(super::live(&live).expect("is made"), live);
        let (new, old) = (read(&live).expect("reads"), read(&source).expect("reads"));
        assert_eq!(new, old);
    }
}

#[test]
fn what_is_missing_is_named() {
    let error = read(&boxed(b"ftyp", b"isom")).expect_err("has no moov");
    assert_eq!(error.to_string(), "moov at byte 0: there is none");
    let error = read(&boxed(b"moov", &[])).expect_err("has no mvhd");
    assert_eq!(error.to_string(), "moov at byte 0: has no `mvhd`");
    let mut zero = TestInit::default().build();
    let at = zero
        .windows(4)
        .position(|kind| kind == b"mdhd")
        .expect("is there");
    zero[at + 16..at + 20].fill(0);
    let error = read(&zero).expect_err("has no timescale");
    assert_eq!(
        (error.path.as_str(), &*error.reason),
        ("moov/trak/mdia/mdhd", "has timescale 0")
    );
}

proptest! {
    #[test]
    fn damaged_inits_never_panic(
        version in 0..2_u8,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let init = TestInit { version, edits: vec![(0, 7)], ..TestInit::default() };
        let mut bytes = init.build();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = read(&bytes);
        if let Ok(live) = live(&bytes) {
            prop_assert!(live.len() <= bytes.len());
        }
    }
}
