use proptest::prelude::*;

use super::*;
use crate::time::Timescale;

const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:7\n#EXT-X-MEDIA-SEQUENCE:12\n\
    #EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXT-X-PLAYLIST-TYPE:VOD\n# a comment\n\n\
    #EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"800@0\"\n\
    #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:01.5+00:00\n\
    #EXTINF:6.006006006,title\n#EXT-X-BYTERANGE:100@800\nall.mp4\n\
    #EXTINF:6,\r\n#EXT-X-BYTERANGE:50\r\nall.mp4\r\n\
    #EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://1\"\n#EXT-X-MAP:URI=\"b.mp4\"\n\
    #EXTINF:0.5,\nb 1.m4s\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"800@0\"\n\
    #EXTINF:1\nall.mp4\n#EXT-X-ENDLIST\n";

const LOW_LATENCY: &str = "#EXTM3U\n#EXT-X-VERSION:10\n#EXT-X-TARGETDURATION:2\n\
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.503,HOLD-BACK=6,CAN-SKIP-UNTIL=12.0,CAN-SKIP-DATERANGES=YES\n\
    #EXT-X-PART-INF:PART-TARGET=0.501\n#EXT-X-MEDIA-SEQUENCE:100\n\
    #EXT-X-SKIP:SKIPPED-SEGMENTS=7,RECENTLY-REMOVED-DATERANGES=\"a\tb\"\n#EXT-X-BITRATE:5\n\
    #EXTINF:2,\n107.m4s\n#EXT-X-MAP:URI=\"init.mp4\"\n\
    #EXT-X-PART:DURATION=0.5,URI=\"108.0.m4s\",INDEPENDENT=YES\n#EXT-X-KEY:METHOD=NONE\n\
    #EXT-X-PART:DURATION=0.5,URI=\"108.1.m4s\",GAP=YES\n#EXTINF:1,\n108.m4s\n\
    #EXT-X-PART:DURATION=0.5,URI=\"109.m4s\",BYTERANGE=\"100@0\"\n\
    #EXT-X-PART:DURATION=0.5,URI=\"109.m4s\",BYTERANGE=\"50\"\n#EXT-X-GAP\n#EXTINF:1,\n109.m4s\n\
    #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:01Z\n\
    #EXT-X-PART:DURATION=0.5,URI=\"110.0.m4s\"\n\
    #EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"1970-01-01T00:00:01Z\",X-A=1.5\n\
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"110.1.m4s\",BYTERANGE-START=10\n\
    #EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"init2.mp4\",BYTERANGE-LENGTH=7\n\
    #EXT-X-RENDITION-REPORT:URI=\"../en/playlist.m3u8\",LAST-MSN=110,LAST-PART=0\n";

const MULTIVARIANT: &str = "\u{feff}#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"6/JOC\",URI=\"en.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"CC\",INSTREAM-ID=\"CC1\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS=\"avc1.64001f,ec-3\",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"a\",CLOSED-CAPTIONS=\"cc\"\n\
    v/720.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=300000\n../v/360.m3u8?a=1,2\n\
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,RESOLUTION=1280x720,URI=\"i.m3u8\"\n";

#[test]
fn a_media_playlist_is_read_exactly() {
    let found = media(MEDIA).unwrap();
    assert_eq!((found.target_duration, found.media_sequence), (7, 12));
    assert_eq!((found.discontinuity_sequence, found.ended), (3, true));
    let maps: Vec<(&str, Option<Range<u64>>)> = found
        .maps
        .iter()
        .map(|map| (map.url.as_str(), map.range.clone()))
        .collect();
    assert_eq!(maps, [("all.mp4", Some(0..800)), ("b.mp4", None)]);
    let nano = Timescale::literal(1_000_000_000);
    let expected = [
        ("all.mp4", Some(800..900), Time::new(6_006_006_006, nano), 0),
        ("all.mp4", Some(900..950), Time::from_secs(6), 0),
        ("b 1.m4s", None, Time::from_ms(500), 1),
        ("all.mp4", None, Time::from_secs(1), 0),
    ];
    assert_eq!(found.segments.len(), expected.len());
    for (segment, (uri, range, duration, map)) in found.segments.iter().zip(expected) {
        assert_eq!((segment.uri.as_str(), &segment.range), (uri, &range));
        assert_eq!((segment.duration, segment.map), (duration, Some(map)));
    }
    let dates: Vec<_> = found.segments.iter().map(|s| s.program_date_time).collect();
    assert_eq!(dates, [Some(1500), None, None, None]);
    let breaks: Vec<_> = found.segments.iter().map(|s| s.discontinuity).collect();
    assert_eq!(breaks, [false, false, true, false]);
    let keys: Vec<_> = found
        .segments
        .iter()
        .map(|s| s.key_method.as_deref())
        .collect();
    assert_eq!(keys, [None, None, Some("SAMPLE-AES"), None]);
    assert_eq!(found.segments[2].line, 21);
    assert_eq!(found.version, Some(7));
    assert_eq!(found.playlist_type, Some(PlaylistType::Vod));
    assert_eq!((found.first_listed(), found.next_sequence()), (12, 16));
    assert!(found.states_discontinuity_sequence && found.open.is_none());
}

#[test]
fn every_low_latency_tag_is_read_exactly() {
    let found = any_media(LOW_LATENCY).unwrap();
    assert_eq!(found.part_target, Some(Time::from_ms(501)));
    let control = found.server_control.as_ref().unwrap();
    assert!(control.block_reload && control.skip_date_ranges);
    assert_eq!(control.part_hold_back, Some(Time::from_ms(1503)));
    assert_eq!(control.hold_back, Some(Time::from_secs(6)));
    assert_eq!(control.skip_until, Some(Time::from_secs(12)));
    let skip = found.skip.as_ref().unwrap();
    assert_eq!((skip.segments, skip.before_sequence), (7, false));
    let ids = ["a".to_owned(), "b".to_owned()];
    assert_eq!(skip.removed_date_ranges.as_deref(), Some(&ids[..]));
    assert_eq!((found.first_listed(), found.next_sequence()), (107, 110));

    let parts = |parts: &[Part]| -> Vec<(String, bool, bool)> {
        let plain = |part: &Part| (part.uri.clone(), part.independent, part.gap);
        parts.iter().map(plain).collect()
    };
    let segment = |index: usize| &found.segments[index];
    assert_eq!(
        parts(&segment(1).parts),
        [
            ("108.0.m4s".to_owned(), true, false),
            ("108.1.m4s".to_owned(), false, true)
        ]
    );
    assert_eq!(segment(1).parts[0].duration, Time::from_ms(500));
    assert!(segment(0).parts.is_empty() && segment(2).gap && !segment(1).gap);
    let ranges: Vec<_> = segment(2).parts.iter().map(|p| p.range.clone()).collect();
    assert_eq!(ranges, [Some(0..100), Some(100..150)]);
    assert_eq!((segment(0).map, segment(1).map), (None, Some(0)));

    let open = found.open.as_ref().unwrap();
    assert_eq!((open.parts.len(), open.discontinuity), (1, true));
    assert_eq!((open.map, open.program_date_time), (Some(0), Some(1000)));
    let hint = &found.hints[0];
    assert_eq!(
        (hint.kind, hint.uri.as_str()),
        (HintKind::Part, "110.1.m4s")
    );
    assert_eq!((hint.start, hint.length), (10, None));
    assert_eq!(found.hints[1].kind, HintKind::Map);
    let report = &found.reports[0];
    assert_eq!(
        (report.uri.as_str(), report.last_msn, report.last_part),
        ("../en/playlist.m3u8", Some(110), Some(0))
    );
    let range = &found.date_ranges[0];
    let x = ("X-A".to_owned(), "1.5".to_owned());
    assert!(range.id == "ad" && range.attributes.contains(&x));
    assert_eq!(found.misplaced.len(), 1);
    assert_eq!(found.misplaced[0].tag, "EXT-X-KEY");
    assert!(
        media(LOW_LATENCY)
            .unwrap_err()
            .reason
            .contains("delta update")
    );
}

#[test]
fn a_multivariant_playlist_is_read() {
    assert!(is_multivariant(MULTIVARIANT) && !is_multivariant(MEDIA));
    let found = multivariant(MULTIVARIANT).unwrap();
    let first = &found.variants[0];
    assert_eq!(first.uri, "v/720.m3u8");
    assert_eq!(
        (first.bandwidth, first.average_bandwidth),
        (2_000_000, Some(1_500_000))
    );
    assert_eq!(first.codecs, "avc1.64001f,ec-3");
    assert_eq!(first.resolution, Some((1280, 720)));
    assert_eq!(
        first.frame_rate,
        Some(FrameRate {
            num: 29_970,
            den: 1000
        })
    );
    assert_eq!(
        (first.audio.as_deref(), first.subtitles.as_deref()),
        (Some("a"), None)
    );
    assert_eq!(found.variants[1].uri, "../v/360.m3u8?a=1,2");
    let audio = &found.renditions[0];
    assert_eq!(
        (audio.kind, audio.group.as_str()),
        (RenditionKind::Audio, "a")
    );
    assert_eq!(
        (audio.channels, audio.language.as_deref()),
        (Some(6), Some("en"))
    );
    assert_eq!(
        (audio.default, audio.autoselect, audio.forced),
        (true, true, false)
    );
    assert_eq!(found.renditions[1].kind, RenditionKind::ClosedCaptions);
    assert_eq!(found.renditions[1].uri, None);
    assert!(found.independent_segments);
    let i_frames = &found.i_frames[0];
    assert_eq!((i_frames.uri.as_str(), i_frames.bandwidth), ("i.m3u8", 1));
    assert_eq!(i_frames.resolution, Some((1280, 720)));
}

#[test]
fn errors_of_media_playlists_name_line_and_reason() {
    for (body, line, part) in [
        (
            "#EXTINF:2,\n1.ts\n",
            3,
            "looks like MPEG-TS; only fragmented MP4",
        ),
        ("#EXTINF:2,\n1.aac?x=.mp4\n", 3, "packed audio"),
        ("#EXTINF:2,\n1.vtt\n", 3, "WebVTT"),
        ("#EXTINF:2,\n1.m4s\n", 3, "no EXT-X-MAP"),
        ("#EXT-X-MAP:URI=\"i\"\n1.m4s\n", 3, "no EXTINF"),
        ("#EXTINF:x,\n1.m4s\n", 2, "`x` is not a duration"),
        ("#EXTINF:-1,\n1.m4s\n", 2, "is not a duration"),
        ("#EXT-X-MAP:URI=\"i\"\n#EXTINF:1,\n", 4, "no URI"),
        (
            "#EXT-X-MAP:URI=\"i\"\n#EXTINF:1,\n#EXT-X-BYTERANGE:5\n1\n",
            5,
            "no offset",
        ),
        (
            "#EXT-X-MAP:URI=\"i\"\n#EXTINF:1,\n#EXT-X-BYTERANGE:18446744073709551615@1\n1\n",
            5,
            "byte range",
        ),
        ("#EXT-X-MAP:BYTERANGE=\"1@2\"\n", 2, "URI"),
        ("#EXT-X-PROGRAM-DATE-TIME:yesterday\n", 2, "instant"),
        ("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n", 2, "variables"),
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n", 2, "multivariant"),
        ("#EXT-X-TARGETDURATION:long\n", 2, "TARGETDURATION"),
        (
            "#EXT-X-PART:URI=\"1\"\n",
            2,
            "EXT-X-PART: DURATION is required",
        ),
        (
            "#EXT-X-PART:DURATION=0.5\n",
            2,
            "EXT-X-PART: URI is required",
        ),
        (
            "#EXT-X-PART:DURATION=x,URI=\"1\"\n",
            2,
            "DURATION: `x` is not",
        ),
        (
            "#EXT-X-PART:DURATION=1,URI=\"1\",BYTERANGE=\"x\"\n",
            2,
            "a byte range",
        ),
        ("#EXT-X-PART-INF:PART-TARGET=0\n", 2, "PART-TARGET above 0"),
        (
            "#EXT-X-PRELOAD-HINT:TYPE=SOUP,URI=\"1\"\n",
            2,
            "`SOUP` is not PART or MAP",
        ),
        ("#EXT-X-SKIP:A=1\n", 2, "SKIPPED-SEGMENTS is required"),
        ("#EXT-X-SERVER-CONTROL:\n", 2, "EXT-X-SERVER-CONTROL"),
        ("#EXT-X-DATERANGE:START-DATE=\"x\"\n", 2, "ID is required"),
        ("#EXT-X-PLAYLIST-TYPE:LIVE\n", 2, "VOD or EVENT"),
    ] {
        let error = media(&format!("#EXTM3U\n{body}")).unwrap_err();
        assert_eq!(error.line, line, "{body}: {error}");
        assert!(error.reason.contains(part), "{body}: {error}");
    }
    assert!(media("").unwrap_err().reason.contains("#EXTM3U"));
}

#[test]
fn errors_of_multivariant_playlists_name_line_and_reason() {
    for (body, line, part) in [
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\n", 3, "no URI"),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx\n",
            3,
            "has no URI",
        ),
        ("#EXT-X-STREAM-INF:CODECS=\"a\"\nx\n", 2, "BANDWIDTH"),
        ("x.m3u8\n", 2, "without EXT-X-STREAM-INF"),
        (
            "#EXT-X-MEDIA:TYPE=SMELL,GROUP-ID=\"a\",NAME=\"b\"\n",
            2,
            "`SMELL`",
        ),
        ("#EXTINF:1,\n", 2, "media playlists"),
        ("\n", 3, "no EXT-X-STREAM-INF"),
    ] {
        let error = multivariant(&format!("#EXTM3U\n{body}")).unwrap_err();
        assert_eq!(error.line, line, "{body}: {error}");
        assert!(error.reason.contains(part), "{body}: {error}");
    }
}

/// Cuts or overwrites a stretch of a playlist.
fn mutated() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![MEDIA, LOW_LATENCY, MULTIVARIANT]);
    let junk = prop::sample::select(vec![
        "",
        "\n",
        "\r",
        "#",
        "#EXT",
        "#EXT:",
        "\"",
        ",",
        "=",
        "@",
        ":",
        "é",
        "-",
        "18446744073709551616",
        "0x",
        "#EXT-X-KEY:",
        "#EXTINF:",
        "1e9",
        "#EXT-X-MAP:URI=",
    ]);
    (text, any::<prop::sample::Index>(), 0_usize..40, junk).prop_map(|(text, at, length, junk)| {
        let boundary = |mut at: usize| {
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = boundary(at.index(text.len()));
        let end = boundary((start + length).min(text.len())).max(start);
        format!("{}{junk}{}", &text[..start], &text[end..])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn mutated_playlists_never_panic(text in mutated()) {
        let _ = (any_media(&text), multivariant(&text), is_multivariant(&text));
    }

    #[test]
    fn any_text_never_panics(text in "(#EXTM3U\n)?[#A-Z:=,\"@x0-9 \r\n.é-]{0,80}") {
        let _ = (any_media(&text), multivariant(&text));
    }
}
