//! Every rule over a manifest: right texts break none, and each fault breaks exactly what it should.

use media::hls::read::{any_media, multivariant};
use url::Url;

use crate::watch::{
    dash::manifest::Mpd,
    rules::{change, mpd, mpd_change, multivariant as variants, playlist},
};

/// A right low-latency playlist.
const LIST: &str = "#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,HOLD-BACK=6,CAN-SKIP-UNTIL=12
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI=\"a.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z
#EXTINF:2,
10.m4s
#EXTINF:2,
11.m4s
#EXTINF:2,
12.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"b.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:10.000Z
#EXT-X-PART:DURATION=0.5,URI=\"13.0.m4s\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI=\"13.1.m4s\"
#EXT-X-PART:DURATION=0.2,URI=\"13.2.m4s\"
#EXTINF:1.2,
13.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:11.200Z
#EXT-X-PART:DURATION=0.5,URI=\"14.0.m4s\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"14.1.m4s\"
";

fn of_list(text: &str) -> Vec<&'static str> {
    let list = any_media(text).unwrap();
    playlist::broken(&playlist::View {
        list: &list,
        tolerance: 50,
    })
}

/// Replaces what must be there.
fn with(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old}");
    text.replace(old, new)
}

#[test]
fn rules_over_one_playlist() {
    assert_eq!(of_list(LIST), [""; 0]);
    for (old, new, rules) in [
        (
            "#EXT-X-PART-INF:PART-TARGET=0.5\n",
            "",
            &["L1-part-inf"][..],
        ),
        (
            "DURATION=0.5,URI=\"13.1",
            "DURATION=0.501,URI=\"13.1",
            &["L2-longest"],
        ),
        (
            "DURATION=0.5,URI=\"13.1",
            "DURATION=0.4,URI=\"13.1",
            &["L2-shortest", "L5-sum"],
        ),
        (
            "#EXT-X-PART:DURATION=0.5,URI=\"13.1.m4s\"\n",
            "#EXT-X-KEY:METHOD=NONE\n#EXT-X-PART:DURATION=0.5,URI=\"13.1.m4s\"\n",
            &["L4-order"],
        ),
        ("#EXTINF:1.2,", "#EXTINF:1.3,", &["L14-steps", "L5-sum"]),
        ("#EXT-X-TARGETDURATION:2\n", "", &["L7-present"]),
        ("#EXTINF:2,\n11", "#EXTINF:2.5,\n11", &["L7-longest"]),
        ("CAN-BLOCK-RELOAD=YES,", "", &["L9-blocking"]),
        ("PART-HOLD-BACK=1.5,", "", &["L9-part-hold-back"]),
        (
            "PART-HOLD-BACK=1.5",
            "PART-HOLD-BACK=1.499",
            &["L9-part-hold-back"],
        ),
        ("HOLD-BACK=6", "HOLD-BACK=5.9", &["L9-hold-back"]),
        ("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=11.9", &["L9-skip"]),
        ("CAN-SKIP-UNTIL=12", "CAN-SKIP-DATERANGES=YES", &["L9-skip"]),
        (
            "URI=\"14.1.m4s\"\n",
            "URI=\"14.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"14.2.m4s\"\n",
            &["L10-hints"],
        ),
        (
            "URI=\"14.1.m4s\"\n",
            "URI=\"14.1.m4s\"\n#EXT-X-ENDLIST\n",
            &["L10-hints"],
        ),
        ("#EXT-X-DISCONTINUITY-SEQUENCE:1\n", "", &["L12-stated"]),
        (
            "#EXT-X-VERSION:6\n",
            "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n",
            &["L13-type"],
        ),
        (
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n",
            "",
            &["L14-present"],
        ),
        ("00:00:11.200Z", "00:00:11.300Z", &["L14-steps"]),
        (
            "#EXTINF:2,\n12",
            "#EXT-X-MAP:URI=\"c.mp4\"\n#EXTINF:2,\n12",
            &["L15-map"],
        ),
        ("#EXT-X-VERSION:6", "#EXT-X-VERSION:5", &["L17-version"]),
        (
            "#EXT-X-MEDIA-SEQUENCE:10\n",
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-MEDIA-SEQUENCE:10\n",
            &["L17-skip-order", "L17-version"],
        ),
    ] {
        let mut found = of_list(&with(LIST, old, new));
        found.sort_unstable();
        assert_eq!(found, rules, "{old} -> {new}");
    }
}

#[test]
fn what_short_parts_may_be() {
    for (old, new) in [
        (
            "DURATION=0.5,URI=\"13.1.m4s\"",
            "DURATION=0.4,URI=\"13.1.m4s\",INDEPENDENT=YES",
        ),
        (
            "DURATION=0.5,URI=\"13.1.m4s\"",
            "DURATION=0.4,URI=\"13.1.m4s\",GAP=YES",
        ),
        (
            "DURATION=0.5,URI=\"14.0.m4s\",INDEPENDENT=YES",
            "DURATION=0.1,URI=\"14.0.m4s\"",
        ),
    ] {
        let found = of_list(&with(LIST, old, new));
        assert!(!found.contains(&"L2-shortest"), "{new}: {found:?}");
    }
}

fn of_change(before: &str, now: &str) -> Vec<&'static str> {
    let (before, now) = (any_media(before).unwrap(), any_media(now).unwrap());
    change::broken(&change::View {
        before: &before,
        now: &now,
    })
}

/// What follows [`LIST`]: a part, the end of a segment, one segment less.
fn next() -> String {
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"14.1.m4s\"\n";
    let grown = with(
        LIST,
        hint,
        "#EXT-X-PART:DURATION=0.5,URI=\"14.1.m4s\"\n#EXTINF:1,\n14.m4s\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.0.m4s\"\n",
    );
    let grown = with(&grown, "#EXTINF:2,\n10.m4s\n", "");
    let grown = with(&grown, "00:00:00.000Z", "00:00:02.000Z");
    with(&grown, "SEQUENCE:10", "SEQUENCE:11")
}

#[test]
fn rules_over_a_change() {
    assert_eq!(of_change(LIST, LIST), [""; 0]);
    assert_eq!(of_change(LIST, &next()), [""; 0]);
    for (old, new, rules) in [
        ("PART-TARGET=0.5", "PART-TARGET=0.6", &["L1-constant"][..]),
        ("13.1.m4s", "13.x.m4s", &["L5-stable"]),
        ("TARGETDURATION:2", "TARGETDURATION:1", &["L7-constant"]),
        (
            "#EXT-X-PART:DURATION=0.5,URI=\"13.0.m4s\",INDEPENDENT=YES\n\
             #EXT-X-PART:DURATION=0.5,URI=\"13.1.m4s\"\n#EXT-X-PART:DURATION=0.2,URI=\"13.2.m4s\"\n",
            "",
            &["L8-dropped"],
        ),
        ("14.1.m4s", "14.x.m4s", &["L10-kept"]),
        (
            "DISCONTINUITY-SEQUENCE:1",
            "DISCONTINUITY-SEQUENCE:2",
            &["L12-discontinuity"],
        ),
        ("11.m4s", "x.m4s", &["L12-stable"]),
        ("#EXTINF:2,\n12", "#EXTINF:2.0001,\n12", &["L12-stable"]),
        (
            "#EXT-X-VERSION:6\n",
            "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT\n",
            &["L13-sliding"],
        ),
        ("00:00:02.000Z", "00:00:02.020Z", &["L14-stable"]),
    ] {
        let found = of_change(LIST, &with(&next(), old, new));
        assert_eq!(found, rules, "{old} -> {new}");
    }
}

#[test]
fn removed_segments_leave_three_target_durations() {
    let short = |first: u64, count: u64, more: &str| {
        let mut out = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for msn in first..first + count {
            out.push_str(&format!("#EXTINF:2,\n{msn}.ts\n"));
        }
        out + more
    };
    assert_eq!(of_change(&short(1, 3, ""), &short(2, 3, "")), [""; 0]);
    assert_eq!(
        of_change(&short(1, 3, ""), &short(2, 2, "")),
        ["L13-length"]
    );
    assert_eq!(of_change(&short(1, 2, ""), &short(1, 2, "")), [""; 0]);
    let ended = short(1, 3, "#EXT-X-ENDLIST\n");
    assert_eq!(of_change(&ended, &short(1, 4, "")), ["L13-ended"]);
    assert_eq!(
        of_change(&short(5, 4, ""), &short(3, 4, "")),
        ["L12-sequence"]
    );
}

#[test]
fn a_restart_of_the_encoder_is_no_fault() {
    // The open segment ends with what there was; the next one has a discontinuity and another name
    // than the hint.
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"14.1.m4s\"\n";
    let restarted = with(
        LIST,
        hint,
        "#EXTINF:0.5,\n14.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"c.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:15.000Z\n\
         #EXT-X-PART:DURATION=0.5,URI=\"15.0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"15.1.m4s\"\n",
    );
    assert_eq!(of_change(LIST, &restarted), [""; 0]);
    assert_eq!(of_list(&restarted), [""; 0]);
    // Without the discontinuity it is one.
    let hidden = with(
        &restarted,
        "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"c.mp4\"\n",
        "",
    );
    assert_eq!(of_list(&hidden), ["L14-steps"]);
    assert_eq!(of_change(LIST, &hidden), ["L10-kept"]);
}

const MULTIVARIANT: &str = "#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"en.m3u8\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",URI=\"de.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=900,AVERAGE-BANDWIDTH=800,CODECS=\"avc1.42c00d,opus\",RESOLUTION=2x2,FRAME-RATE=30,AUDIO=\"a\"
v.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=90,AVERAGE-BANDWIDTH=80,CODECS=\"opus\",AUDIO=\"a\"
en.m3u8
";

#[test]
fn rules_over_a_multivariant_playlist() {
    let of = |text: &str| {
        let list = multivariant(text).unwrap();
        variants::broken(&variants::View { list: &list })
    };
    assert_eq!(of(MULTIVARIANT), [""; 0]);
    for (old, new, rules) in [
        ("CODECS=\"opus\",", "", ["L18-codecs"]),
        ("RESOLUTION=2x2,", "", ["L18-size"]),
        (",FRAME-RATE=30", "", ["L18-size"]),
        ("AVERAGE-BANDWIDTH=80,", "", ["L18-average-stated"]),
        (
            "AVERAGE-BANDWIDTH=800",
            "AVERAGE-BANDWIDTH=901",
            ["L18-average-stated"],
        ),
        (
            "FRAME-RATE=30,AUDIO=\"a\"",
            "FRAME-RATE=30,AUDIO=\"b\"",
            ["L18-groups"],
        ),
        ("NAME=\"de\"", "NAME=\"en\"", ["L18-default"]),
        ("NAME=\"de\"", "NAME=\"de\",DEFAULT=YES", ["L18-default"]),
    ] {
        assert_eq!(of(&with(MULTIVARIANT, old, new)), rules, "{old} -> {new}");
    }
}

const MPD: &str = "<MPD profiles='urn:mpeg:dash:profile:isoff-live:2011' type='dynamic'
 availabilityStartTime='2026-01-01T00:00:00Z' publishTime='2026-01-01T01:00:00Z'
 minimumUpdatePeriod='PT2S' timeShiftBufferDepth='PT30S' suggestedPresentationDelay='PT3S'>
<ServiceDescription id='0'><Latency target='2000'/></ServiceDescription>
<Period id='1' start='PT0S'><AdaptationSet contentType='video'>
<SegmentTemplate timescale='10' duration='20' startNumber='1' availabilityTimeOffset='1.5'
 availabilityTimeComplete='false' media='$Number$.m4s'/><Representation id='v' bandwidth='1'/>
</AdaptationSet></Period>
<Period id='2' start='PT60S'><AdaptationSet contentType='video'>
<SegmentTemplate timescale='10' presentationTimeOffset='600' startNumber='31' media='t$Time$.m4s'>
<SegmentTimeline><S t='600' d='20' r='2'/><S d='10'/></SegmentTimeline></SegmentTemplate>
<Representation id='v' bandwidth='1'/></AdaptationSet></Period>
<UTCTiming schemeIdUri='urn:mpeg:dash:utc:http-iso:2014' value='/time'/></MPD>";

fn read(text: &str) -> Mpd {
    Mpd::read(text, &Url::parse("http://h/live/x.mpd").unwrap()).unwrap()
}

#[test]
fn rules_over_an_mpd() {
    let of = |text: &str| mpd::broken(&mpd::View { mpd: &read(text) });
    assert_eq!(of(MPD), [""; 0]);
    for (old, new, rules) in [
        (
            "availabilityStartTime='2026-01-01T00:00:00Z'",
            "",
            ["M1-attributes"],
        ),
        ("publishTime='2026-01-01T01:00:00Z'", "", ["M1-attributes"]),
        ("minimumUpdatePeriod='PT2S'", "", ["M1-attributes"]),
        ("timeShiftBufferDepth='PT30S'", "", ["M1-attributes"]),
        ("availabilityTimeComplete='false'", "", ["M2-complete"]),
        (
            "availabilityTimeOffset='1.5'",
            "availabilityTimeOffset='2'",
            ["M2-offset"],
        ),
        ("UTCTiming", "Other", ["M3-clock"]),
        ("<Latency target='2000'/>", "", ["M4-latency"]),
        ("start='PT60S'", "start='PT0S'", ["M7-order"]),
        (
            "start='PT0S'",
            "start='PT0S' duration='PT61S'",
            ["M7-order"],
        ),
        ("<Period id='2'", "<Period id='1'", ["M7-order"]),
        ("<Period id='2'", "<Period", ["M7-order"]),
        ("isoff-live", "isoff-main", ["M8-profile"]),
    ] {
        assert_eq!(of(&with(MPD, old, new)), rules, "{old} -> {new}");
    }
    let without = with(MPD, "suggestedPresentationDelay='PT3S'", "");
    assert_eq!(of(&without), [""; 0]);
    let without = with(&without, "<Latency target='2000'/>", "");
    assert_eq!(of(&without), ["M1-delay", "M4-latency"]);
}

#[test]
fn rules_over_a_changed_mpd() {
    let of = |before: &str, now: &str| {
        mpd_change::broken(&mpd_change::View {
            before: &read(before),
            now: &read(now),
            same_text: before == now,
        })
    };
    let published = with(MPD, "T01:00:00Z", "T01:00:02Z");
    let grown = with(&published, "<S d='10'/>", "<S d='10'/><S d='20'/>");
    let slid = with(&grown, "<S t='600' d='20' r='2'/>", "<S t='640' d='20'/>");
    let slid = with(&slid, "startNumber='31'", "startNumber='33'");
    for now in [MPD, &published, &grown, &slid] {
        assert_eq!(of(MPD, now), [""; 0]);
    }
    for (old, new, rules) in [
        ("T00:00:00Z", "T00:00:01Z", ["M1-start"]),
        ("T01:00:02Z", "T00:59:59Z", ["M1-publish"]),
        ("T01:00:02Z", "T01:00:00Z", ["M1-publish"]),
        ("start='PT60S'", "start='PT61S'", ["M7-start"]),
        ("<Period id='2'", "<Period id='3'", ["M7-kept"]),
        (
            "presentationTimeOffset='600'",
            "presentationTimeOffset='601'",
            ["M7-track"],
        ),
        ("duration='20'", "duration='21'", ["M7-track"]),
        ("<S d='10'/>", "", ["M7-timeline"]),
        (
            "<S t='640' d='20'/>",
            "<S t='640' d='19'/>",
            ["M7-timeline"],
        ),
    ] {
        assert_eq!(of(MPD, &with(&slid, old, new)), rules, "{old} -> {new}");
    }
    let fixed = with(MPD, "type='dynamic'", "");
    assert_eq!(of(&fixed, MPD), ["M1-publish", "M7-type"]);
}
