//! Rules over what servers answer and what media is: for each a right view, and one that breaks it.

use std::{collections::BTreeMap, time::Duration};

use ::media::hls::read::{Media, any_media};

use super::made::{self, Half, Track};
use crate::watch::{
    Answer, Headers, Kind,
    hls::position::Position,
    media::{Init, Measured, Producer, Rates},
    nanos::{Nanos, from_ms},
    rules::{
        answer::{self, What},
        channel,
        directive::{self, Trial},
        media, served,
    },
};

const SECOND: Nanos = from_ms(1000);

fn answered(headers: &[(&str, &str)]) -> Answer {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Answer {
        status: 200,
        headers: Headers(headers.iter().map(pair).collect()),
        body: bytes::Bytes::new(),
        is_http: true,
    }
}

#[test]
fn headers() {
    let of = |what, held, kind: &str, control: &str| {
        let answer = answered(&[
            ("Content-Type", kind),
            ("Cache-Control", control),
            ("Access-Control-Allow-Origin", "*"),
        ]);
        answer::broken(&answer::View {
            answer: &answer,
            what,
            held,
            live: true,
            target: Some(2000),
        })
    };
    let hls = "application/vnd.apple.mpegurl; charset=utf-8";
    assert_eq!(of(What::Playlist, false, hls, "max-age=1"), [""; 0]);
    assert_eq!(of(What::Playlist, true, hls, "max-age=12"), [""; 0]);
    assert_eq!(
        of(What::Playlist, false, hls, "max-age=1, s-maxage=3"),
        ["H2-manifest"]
    );
    assert_eq!(of(What::Playlist, true, hls, "max-age=13"), ["H2-manifest"]);
    assert_eq!(of(What::Mpd, false, "text/xml", "no-cache"), ["H3-type"]);
    assert_eq!(of(What::Mp4, false, "video/mp4", "max-age=3600"), [""; 0]);
    assert_eq!(of(What::Mp4, false, "video/mp4", "max-age=6"), ["H2-media"]);
    assert_eq!(of(What::Mp4, false, "text/html", "no-store"), ["H3-type"]);
    assert_eq!(
        of(What::Image, false, "image/jpeg", "max-age=3600"),
        [""; 0]
    );
    assert_eq!(
        of(What::Image, false, "video/mp4", "max-age=3600"),
        ["H3-type"]
    );
    let bare = answered(&[("content-type", "video/mp2t")]);
    let found = answer::broken(&answer::View {
        answer: &bare,
        what: What::OtherMedia,
        held: false,
        live: true,
        target: None,
    });
    assert_eq!(found, ["H1-cors", "H2-stated"]);
}

fn list(from: u64, count: u64, more: &str) -> Media {
    let mut out = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12\n\
         #EXT-X-MEDIA-SEQUENCE:{from}\n{more}#EXT-X-MAP:URI=\"i.mp4\"\n"
    );
    for msn in from..from + count {
        out.push_str(&format!("#EXTINF:2,\n{msn}.m4s\n"));
    }
    any_media(&out).unwrap()
}

/// A delta update of [`list`].
fn delta(from: u64, skipped: u64, left: u64, map: &str) -> Media {
    let mut out = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{from}\n\
         #EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n{map}"
    );
    for msn in from + skipped..from + skipped + left {
        out.push_str(&format!("#EXTINF:2,\n{msn}.m4s\n"));
    }
    any_media(&out).unwrap()
}

#[test]
fn directives() {
    let known = list(10, 12, "");
    let of = |trial, status, took: u64, list: Option<&Media>| {
        directive::broken(&directive::View {
            trial,
            status,
            took: Duration::from_millis(took),
            list,
            known: &known,
            slack: 500,
        })
    };
    let next = Trial::Next(Position {
        next_msn: 22,
        parts: 0,
    });
    let grown = list(10, 13, "");
    assert_eq!(of(next, 200, 1900, Some(&grown)), [""; 0]);
    assert_eq!(of(next, 200, 1900, Some(&known)), ["D1-held"]);
    assert_eq!(of(next, 200, 6600, Some(&grown)), ["D4-wait"]);
    for (trial, rule) in [
        (Trial::PartAlone, "D2-alone"),
        (Trial::NoNumber, "D2-number"),
        (Trial::FarSegment, "D3-segment"),
        (Trial::FarPart, "D3-part"),
    ] {
        assert_eq!(of(trial, 400, 5, None), [""; 0]);
        assert_eq!(of(trial, 200, 5, Some(&known)), [rule]);
    }
    assert_eq!(of(Trial::OldSegment, 200, 5, Some(&grown)), [""; 0]);
    let older = list(10, 11, "");
    assert_eq!(of(Trial::OldSegment, 200, 5, Some(&older)), ["D5-old"]);
    assert_eq!(of(Trial::OldSegment, 200, 800, Some(&grown)), ["D5-old"]);
    assert_eq!(of(Trial::Unknown, 200, 5, Some(&grown)), [""; 0]);
    assert_eq!(of(Trial::Unknown, 400, 5, None), ["D7-unknown"]);
    assert_eq!(of(Trial::NoName, 404, 5, None), [""; 0]);
    assert_eq!(of(Trial::NoName, 200, 5, None), ["L10-unknown"]);
    assert_eq!(of(Trial::NoName, 404, 900, None), ["L10-unknown"]);

    let map = "#EXT-X-MAP:URI=\"i.mp4\"\n";
    let right = delta(10, 6, 6, map);
    assert_eq!(of(Trial::Skip, 200, 5, Some(&right)), [""; 0]);
    assert_eq!(of(Trial::Skip, 200, 5, Some(&known)), ["D6-skip"]);
    assert_eq!(
        of(Trial::Skip, 200, 5, Some(&delta(10, 7, 5, map))),
        ["D6-skip"]
    );
    assert_eq!(of(Trial::Skip, 500, 5, None), ["D6-skip"]);
    assert_eq!(
        of(Trial::Skip, 200, 5, Some(&delta(10, 6, 6, ""))),
        ["D6-same"]
    );
    let shifted = delta(11, 6, 6, map);
    assert_eq!(of(Trial::Skip, 200, 5, Some(&shifted)), [""; 0]);
    let mut other = right.clone();
    other.segments[0].uri = "x".to_owned();
    assert_eq!(of(Trial::Skip, 200, 5, Some(&other)), ["D6-same"]);
}

fn measured(track: Track, at: u64, halves: u64) -> Measured {
    let init = Init::read(&made::init(track, 0)).unwrap();
    let bytes: Vec<u8> = (0..halves)
        .flat_map(|half| {
            made::fragment(Half {
                track,
                at: at + half * 500,
                starts_with_sync: half == 0,
                lost: 0,
                made: None,
            })
        })
        .collect();
    Measured::read(&init, &bytes).unwrap()
}

fn segment(measured: &Measured) -> media::View<'_> {
    media::View {
        what: "segment 7",
        is_part: false,
        kind: Kind::Video,
        measured,
        before: None,
        anchors: None,
        listed: Some(2 * SECOND),
        tolerance: from_ms(50),
        independent: false,
        part_target: Some(SECOND / 2),
        parts: None,
        producer: None,
        came: (0, 0),
        expected_start: None,
        early: None,
        chunked: false,
        slack: 500,
    }
}

#[test]
fn media_is_measured() {
    let found = measured(Track::Video, 10_000, 4);
    assert_eq!((found.start, found.end), (10 * SECOND, 12 * SECOND));
    assert_eq!((found.samples, found.fragments), (60, 4));
    assert!(found.starts_with_sync && found.has_sync);
    assert_eq!(found.longest_fragment, SECOND / 2);
    assert!(Init::read(b"").is_err());
    assert!(Measured::read(&Init::read(&made::init(Track::Audio, 0)).unwrap(), b"x").is_err());
}

#[test]
fn producer_reference_times_are_read() {
    let init = Init::read(&made::init(Track::Video, 0)).unwrap();
    let fragment = |at: u64, made: i64| {
        made::fragment(Half {
            track: Track::Video,
            at,
            starts_with_sync: true,
            lost: 0,
            made: Some(made),
        })
    };
    let whole = [fragment(10_000, 1_210_000), fragment(10_500, 1_210_600)].concat();
    let found = Measured::read(&init, &whole).unwrap().producer.unwrap();
    // Units of 2^-32 s are cut off.
    assert!((found.anchor - 1200 * SECOND).abs() < 2, "{found:?}");
    assert!((found.spread - SECOND / 10).abs() < 2, "{found:?}");
    assert!((found.latest - 1_210_600 * (SECOND / 1000)).abs() < 2);
    assert!(found.is_steady && found.is_real);
    let mut arbitrary = fragment(10_000, 1_210_000);
    arbitrary[11] = 8;
    let found = Measured::read(&init, &arbitrary).unwrap().producer.unwrap();
    assert!(found.is_steady && !found.is_real);
    assert_eq!(measured(Track::Video, 0, 1).producer, None);
}

#[test]
fn media_against_what_is_said() {
    let whole = measured(Track::Video, 10_000, 4);
    let right = segment(&whole);
    assert_eq!(media::broken(&right), [""; 0]);
    let before = measured(Track::Video, 8000, 4);
    let gap = measured(Track::Video, 7000, 4);
    let no_sync = Measured {
        starts_with_sync: false,
        has_sync: false,
        ..whole.clone()
    };
    let half = measured(Track::Video, 10_000, 1);
    let produced = Measured {
        producer: Some(Producer {
            anchor: 1200 * SECOND,
            spread: 0,
            latest: 1211 * SECOND,
            is_steady: true,
            is_real: true,
        }),
        ..whole.clone()
    };
    let one_chunk = Measured {
        fragments: 1,
        longest_fragment: 2 * SECOND,
        ..whole.clone()
    };
    let part = || media::View {
        is_part: true,
        listed: Some(SECOND / 2),
        ..segment(&half)
    };
    let ms =
        |first: u64, total: u64| Some((Duration::from_millis(first), Duration::from_millis(total)));
    for (view, rules) in [
        (
            media::View {
                before: Some(&before),
                ..segment(&whole)
            },
            &[][..],
        ),
        (
            media::View {
                before: Some(&gap),
                ..segment(&whole)
            },
            &["L16-hole"],
        ),
        (
            media::View {
                listed: Some(SECOND),
                ..segment(&whole)
            },
            &["C3-duration"],
        ),
        (
            media::View {
                anchors: Some((0, SECOND)),
                ..segment(&whole)
            },
            &["L14-decode"],
        ),
        (
            media::View {
                producer: Some(1200 * SECOND),
                came: (1220 * SECOND, SECOND),
                ..segment(&produced)
            },
            &[],
        ),
        (
            media::View {
                producer: Some(1201 * SECOND),
                came: (1209 * SECOND, SECOND),
                ..segment(&produced)
            },
            &["M4-producer", "M4-future"],
        ),
        (
            media::View {
                parts: Some((60, 2 * SECOND)),
                ..segment(&whole)
            },
            &[],
        ),
        (
            media::View {
                parts: Some((59, 2 * SECOND)),
                ..segment(&whole)
            },
            &["L5-samples"],
        ),
        (
            media::View {
                kind: Kind::Audio,
                ..segment(&no_sync)
            },
            &[],
        ),
        (segment(&no_sync), &["L15-sync"]),
        (
            media::View {
                expected_start: Some((10 * SECOND, 1)),
                ..segment(&whole)
            },
            &[],
        ),
        (
            media::View {
                expected_start: Some((8 * SECOND, SECOND)),
                ..segment(&whole)
            },
            &["M2-start"],
        ),
        (
            media::View {
                chunked: true,
                ..segment(&whole)
            },
            &[],
        ),
        (
            media::View {
                chunked: true,
                ..segment(&one_chunk)
            },
            &["M5-chunk"],
        ),
        (
            media::View {
                chunked: true,
                early: ms(20, 1900),
                ..segment(&whole)
            },
            &[],
        ),
        (
            media::View {
                chunked: true,
                early: ms(900, 1900),
                ..segment(&whole)
            },
            &["M5-progress"],
        ),
        (part(), &[]),
        (
            media::View {
                part_target: Some(SECOND / 3),
                ..part()
            },
            &["L2-measured"],
        ),
        (
            media::View {
                early: ms(400, 450),
                ..part()
            },
            &[],
        ),
        (
            media::View {
                early: ms(10, 450),
                ..part()
            },
            &["L10-burst"],
        ),
        (
            media::View {
                is_part: true,
                independent: true,
                part_target: None,
                ..segment(&no_sync)
            },
            &["L3-independent"],
        ),
    ] {
        assert_eq!(media::broken(&view), rules);
    }
}

#[test]
fn what_an_mpd_promises() {
    let track = || "v".to_owned();
    let clock = |off| served::View::Clock {
        scheme: track(),
        off,
        uncertain: 10,
        tolerance: 100,
    };
    let late = |by| served::View::Late {
        track: track(),
        number: 7,
        by,
        limit: 600,
    };
    let status = |status| {
        (
            served::View::Future {
                track: track(),
                status,
            },
            served::View::Oldest {
                track: track(),
                status,
            },
        )
    };
    for (view, rules) in [
        (clock(-110), &[][..]),
        (clock(-111), &["M3-accurate"]),
        (
            served::View::NoClock {
                scheme: track(),
                why: "answered 404".to_owned(),
            },
            &["M3-readable"],
        ),
        (status(404).0, &[]),
        (status(200).0, &["M6-future"]),
        (status(200).1, &[]),
        (status(404).1, &["M6-oldest"]),
        (
            served::View::Missing {
                track: track(),
                number: 7,
            },
            &["M6-missing"],
        ),
        (late(600), &[]),
        (late(601), &["M6-late"]),
    ] {
        assert_eq!(served::broken(&view), rules);
    }
}

#[test]
fn playlists_of_a_channel() {
    let report = "#EXT-X-PART-INF:PART-TARGET=0.5\n\
                  #EXT-X-RENDITION-REPORT:URI=\"b\",LAST-MSN=20,LAST-PART=3\n";
    let right = list(10, 12, report);
    let mut rates = Rates::default();
    rates.add(2_500_000, 20 * SECOND, 20 * SECOND);
    let anchors = BTreeMap::from([(0, 5 * SECOND)]);
    let of = |other: &Media, reports: &[String], bandwidth: u64, mean: u64, anchor: Nanos| {
        let theirs = BTreeMap::from([(0, anchor)]);
        let member = |name, url, list, reports, anchors| channel::Member {
            name,
            kind: Kind::Video,
            url,
            list,
            reports,
            anchors,
            rates,
        };
        channel::broken(&channel::View {
            members: &[
                member("a", "a", &right, reports, &anchors),
                member("b", "b", other, &[], &theirs),
            ],
            news: 0,
            claims: &[],
            variants: &[channel::Variant {
                video: 0,
                audio: vec![1],
                bandwidth,
                average_bandwidth: Some(mean),
            }],
            apart: &[],
            tolerance: 50,
        })
    };
    let reports = ["b".to_owned()];
    let fine = 2_000_000;
    assert_eq!(of(&right, &reports, fine, fine, 5 * SECOND), [""; 0]);
    assert_eq!(of(&right, &[], fine, fine, 5 * SECOND), ["L11-present"]);
    assert_eq!(
        of(&right, &reports, 1_600_000, fine, 5 * SECOND),
        ["L18-peak"]
    );
    assert_eq!(
        of(&right, &reports, fine, 1_800_000, 5 * SECOND),
        ["L18-average"]
    );
    assert_eq!(
        of(&right, &reports, fine, fine, 6 * SECOND),
        ["L14-mapping"]
    );
    let mut other = right.clone();
    other.target_duration = 3;
    assert_eq!(of(&other, &reports, fine, fine, 5 * SECOND), ["L14-target"]);
    other = right.clone();
    other.server_control = None;
    assert_eq!(of(&other, &reports, fine, fine, 5 * SECOND), ["L9-same"]);
    let lacking = list(10, 12, &report.replace(",LAST-PART=3", ""));
    let found = channel::broken(&channel::View {
        members: &[channel::Member {
            name: "a",
            kind: Kind::Video,
            url: "a",
            list: &lacking,
            reports: &reports,
            anchors: &anchors,
            rates: Rates::default(),
        }],
        news: 0,
        claims: &[],
        variants: &[],
        apart: &[("a".to_owned(), "b".to_owned())],
        tolerance: 50,
    });
    assert_eq!(found, ["C2-apart", "L11-complete"]);
}
