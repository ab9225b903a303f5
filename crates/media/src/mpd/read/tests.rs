use proptest::prelude::*;

use super::*;
use crate::{
    mpd::sample,
    presentation::{Content, FrameRate, Nominal},
};

/// Puts the inside of a Period into a static MPD of eight seconds.
fn period(inside: &str) -> String {
    format!(
        "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' mediaPresentationDuration='PT8S'>\n\
         <Period>\n{inside}\n</Period></MPD>"
    )
}

/// Reads one Representation with the given children of Period, AdaptationSet and Representation.
fn one(of_period: &str, of_set: &str, of_track: &str) -> Result<MpdSource, MpdError> {
    parse(&period(&format!(
        "{of_period}<AdaptationSet mimeType='video/mp4'>{of_set}<Representation id='v' bandwidth='1'>\
         {of_track}</Representation></AdaptationSet>"
    )))
}

fn addressing(of_period: &str, of_set: &str, of_track: &str) -> SourceAddressing {
    let mut source = one(of_period, of_set, of_track).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(source.tracks.len(), 1);
    source.tracks.remove(0).addressing
}

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn scale(value: u32) -> Timescale {
    Timescale::new(value).unwrap()
}

#[test]
fn a_rich_manifest_is_read() {
    use Content::{Audio, Image, Text, Video};

    let source = parse(sample::RICH).unwrap();
    let shape = &source.shape;
    assert_eq!((source.periods, source.is_dynamic), (1, false));
    assert_eq!(source.duration, Some(Time::from_secs(8)));
    assert_eq!(shape.profiles, "urn:mpeg:dash:profile:isoff-live:2011");
    assert_eq!(shape.min_buffer_time, Some(Time::from_ms(1500)));
    assert_eq!(shape.namespaces[0].0, "xmlns:cenc");
    let names = |elements: &[crate::xml::Element]| {
        elements.iter().map(|e| e.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&shape.elements), ["ProgramInformation"]);
    assert_eq!(names(&shape.period_elements), ["AssetIdentifier"]);
    let contents: Vec<Content> = shape.sets.iter().map(|set| set.content).collect();
    assert_eq!(contents, [Video, Audio, Audio, Audio, Text, Text, Image]);
    let video = &shape.sets[0];
    assert_eq!(video.attributes[0], ("par".to_owned(), "16:9".to_owned()));
    assert_eq!(video.elements.len(), 4);
    assert_eq!(video.elements[0].attributes[2].0, "cenc:default_KID");
    let track = &video.tracks[0];
    assert_eq!(
        track.init,
        Some(template("media/$RepresentationID$/init.mp4"))
    );
    assert_eq!(
        track.media,
        template("media/$RepresentationID$/$Number%05d$.m4s")
    );
    assert_eq!((track.size, track.sar), (Some((1280, 720)), Some((1, 1))));
    assert_eq!(track.frame_rate, Some(FrameRate { num: 25, den: 1 }));
    assert_eq!(
        track.attributes,
        [("scanType".to_owned(), "progressive".to_owned())]
    );
    let english = &shape.sets[1];
    assert_eq!(
        (english.label.as_deref(), english.lang.as_deref()),
        (Some("English"), Some("en"))
    );
    assert_eq!(english.roles, ["main"]);
    assert_eq!(english.tracks[1].sampling_rate, Some(48_000));
    assert_eq!(english.tracks[1].channels, Some(2));
    assert_eq!(shape.sets[3].tracks[0].channels, Some(6));
    assert_eq!(source.tracks.len(), shape.tracks().count());
    assert_eq!(
        source.tracks[0].addressing,
        SourceAddressing::Number {
            init: track.init.clone(),
            media: track.media.clone(),
            start_number: 1,
            end_number: None,
            duration: 25_600,
            timescale: scale(12_800),
        }
    );
}

#[test]
fn template_attributes_are_inherited_one_by_one() {
    let found = addressing(
        "<SegmentTemplate timescale='10' duration='20' startNumber='5' media='$Number$'/>",
        "<SegmentTemplate initialization='i' startNumber='7' presentationTimeOffset='3'/>",
        "<SegmentTemplate media='$Number%02d$.m4s' endNumber='9'/>",
    );
    assert_eq!(
        found,
        SourceAddressing::Number {
            init: Some(template("i")),
            media: template("$Number%02d$.m4s"),
            start_number: 7,
            end_number: Some(9),
            duration: 20,
            timescale: scale(10),
        }
    );
}

#[test]
fn timelines_resolve_every_repeat() {
    let run = |start, duration, count| Run {
        start,
        duration,
        count,
    };
    for (s, number, runs) in [
        ("<S t='0' d='20' r='3'/>", 1, vec![run(0, 20, 4)]),
        ("<S d='20'/><S d='20' r='2'/>", 1, vec![run(0, 20, 4)]),
        (
            "<S t='5' d='20'/><S t='30' d='20'/>",
            1,
            vec![run(5, 20, 1), run(30, 20, 1)],
        ),
        ("<S d='20' r='-1'/>", 1, vec![run(0, 20, 4)]),
        ("<S d='30' r='-1'/>", 1, vec![run(0, 30, 3)]),
        (
            "<S d='20' r='-1'/><S t='60' d='10' r='1'/>",
            1,
            vec![run(0, 20, 3), run(60, 10, 2)],
        ),
        (
            "<S t='0' n='4' d='20'/><S n='5' d='30'/>",
            4,
            vec![run(0, 20, 1), run(20, 30, 1)],
        ),
        ("<S t='0' d='20' k='1'/>", 1, vec![run(0, 20, 1)]),
    ] {
        let text = format!(
            "<SegmentTemplate timescale='10' media='$Time$'><SegmentTimeline>{s}</SegmentTimeline>\
             </SegmentTemplate>"
        );
        let SourceAddressing::Timeline {
            start_number,
            runs: found,
            ..
        } = addressing("", &text, "")
        else {
            panic!("no timeline for {s}");
        };
        assert_eq!((start_number, found), (number, runs), "{s}");
    }
}

#[test]
fn an_open_repeat_counts_from_the_presentation_time_offset() {
    let found = addressing(
        "",
        "<SegmentTemplate timescale='10' media='$Number$' presentationTimeOffset='1000' startNumber='3'>\
         <SegmentTimeline><S t='1000' d='20' r='-1'/></SegmentTimeline></SegmentTemplate>",
        "",
    );
    let SourceAddressing::Timeline {
        start_number, runs, ..
    } = found
    else {
        panic!("{found:?}");
    };
    assert_eq!((start_number, runs[0].count), (3, 4));
}

#[test]
fn lists_and_single_files() {
    let urls = |list: &[(&str, Option<Range<u64>>)]| -> Vec<UrlRange> {
        list.iter()
            .map(|(url, range)| UrlRange {
                url: (*url).to_owned(),
                range: range.clone(),
            })
            .collect()
    };
    let base = "<BaseURL>v.mp4</BaseURL><BaseURL>http://other.example/</BaseURL>";
    assert_eq!(
        addressing(
            "<BaseURL>x/</BaseURL>",
            "<SegmentList timescale='10' duration='20'/>",
            &format!(
                "{base}<SegmentList><Initialization range='0-9'/><SegmentURL mediaRange='10-19'/>\
                 <SegmentURL media='2.m4s'/></SegmentList>"
            ),
        ),
        SourceAddressing::List {
            init: urls(&[("x/v.mp4", Some(0..10))]).pop(),
            timescale: scale(10),
            duration: Some(20),
            runs: Vec::new(),
            urls: urls(&[("x/v.mp4", Some(10..20)), ("x/2.m4s", None)]),
        }
    );
    for (inside, init_range, index_range, timescale) in [
        ("", None, None, 1),
        ("<SegmentBase/>", None, None, 1),
        (
            "<SegmentBase timescale='90000' indexRange='900-999'><Initialization range='0-899'/></SegmentBase>",
            Some(0..900),
            Some(900..1000),
            90_000,
        ),
    ] {
        assert_eq!(
            addressing("", "", &format!("{base}{inside}")),
            SourceAddressing::Base {
                url: "v.mp4".to_owned(),
                init_range,
                index_range,
                timescale: scale(timescale),
            }
        );
    }
}

#[test]
fn single_files_are_announced_as_segments() {
    let text = period(
        "<AdaptationSet contentType='audio' subsegmentAlignment='true' subsegmentStartsWithSAP='1'>\
         <Representation id='a'><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet>",
    );
    let shape = parse(&text).unwrap().shape;
    let names: Vec<&str> = shape.sets[0]
        .attributes
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["segmentAlignment", "startWithSAP"]);
    let track = &shape.sets[0].tracks[0];
    assert_eq!(track.media, template("$RepresentationID$/$Number$.m4s"));
    assert_eq!(
        (track.bandwidth, track.mime_type.as_str()),
        (0, "audio/mp4")
    );
    let nominal = Nominal {
        duration: 0,
        timescale: Timescale::SECONDS,
    };
    assert_eq!(track.nominal, nominal);
}

#[test]
fn content_comes_from_content_type_then_mime_type_then_codecs() {
    for (attributes, expected) in [
        (
            "contentType='audio' mimeType='video/mp4'",
            Some(Content::Audio),
        ),
        ("mimeType='image/png'", Some(Content::Image)),
        ("mimeType='application/ttml+xml'", Some(Content::Text)),
        (
            "mimeType='application/mp4' codecs='stpp.ttml.im1t'",
            Some(Content::Text),
        ),
        ("codecs='hvc1.1.6.L63.90'", Some(Content::Video)),
        ("codecs='ac-4.02.01.01'", Some(Content::Audio)),
        ("contentType='application' codecs='evte'", None),
    ] {
        let media = "<SegmentTemplate duration='1' media='$Number$'/>";
        let set = |attributes: &str, id: &str| {
            format!(
                "<AdaptationSet {attributes}>{media}<Representation id='{id}'/></AdaptationSet>"
            )
        };
        let text = period(&(set(attributes, "a") + &set("contentType='video'", "b")));
        let source = parse(&text).unwrap();
        if let Some(content) = expected {
            assert_eq!(source.shape.sets[0].content, content, "{attributes}");
            continue;
        }
        assert_eq!((source.shape.sets.len(), source.tracks.len()), (1, 1));
        let place = "line 3, MPD/Period/AdaptationSet[1]: left out";
        assert!(source.ignored[0].starts_with(place), "{:?}", source.ignored);
    }
}

#[test]
fn what_stands_on_the_segment_template_is_found() {
    let text = period(
        "<AdaptationSet contentType='video' frameRate='29.97'><SegmentTemplate mimeType='video/webm' \
         duration='2.0' media='$Number$'/><Representation id='a' width='2' height='4' sar='x'/></AdaptationSet>",
    );
    let shape = parse(&text).unwrap().shape;
    let track = &shape.sets[0].tracks[0];
    assert_eq!(track.mime_type, "video/webm");
    assert_eq!(
        track.frame_rate,
        Some(FrameRate {
            num: 2997,
            den: 100
        })
    );
    assert_eq!(
        (track.nominal.duration, track.size, track.sar),
        (2, Some((2, 4)), None)
    );
}

#[test]
fn periods_are_counted_and_the_first_is_read() {
    let text = "<MPD type='dynamic'><Period start='PT1S' xmlns:q='u'><AdaptationSet contentType='video'>\
        <SegmentTemplate timescale='10' media='$Time$'><SegmentTimeline><S d='20' r='-1'/></SegmentTimeline>\
        </SegmentTemplate><Representation id='v'/></AdaptationSet></Period><Period start='PT9S'/></MPD>";
    let source = parse(text).unwrap();
    assert_eq!(
        (source.periods, source.is_dynamic, source.duration),
        (2, true, None)
    );
    assert_eq!(source.shape.namespaces[0].0, "xmlns:q");
    assert!(matches!(&source.tracks[0].addressing,
        SourceAddressing::Timeline { runs, .. } if runs[0].count == 4));
}

#[test]
fn errors_name_the_place_and_what_is_allowed() {
    let timeline = |s: &str| {
        format!(
            "<SegmentTemplate media='$Time$'><SegmentTimeline>{s}</SegmentTimeline></SegmentTemplate>"
        )
    };
    let set = "MPD/Period/AdaptationSet";
    for (of_set, of_track, path, part) in [
        ("", "", "/Representation", "no SegmentTemplate"),
        (
            "<BaseURL>https://x.example/</BaseURL>",
            "",
            "/BaseURL",
            "absolute URL",
        ),
        (
            "",
            "<BaseURL>/v.mp4</BaseURL>",
            "/Representation/BaseURL",
            "root of the host",
        ),
        (
            "<SegmentTemplate duration='2'/>",
            "",
            "/SegmentTemplate",
            "no media",
        ),
        (
            "<SegmentTemplate media='$Number$'/>",
            "",
            "/SegmentTemplate",
            "neither duration nor",
        ),
        (
            "<SegmentTemplate duration='2' media='$Time$'/>",
            "",
            "/SegmentTemplate@media",
            "without SegmentTimeline",
        ),
        (
            "<SegmentTemplate duration='2' media='$Numb$'/>",
            "",
            "/SegmentTemplate@media",
            "not one of",
        ),
        (
            "<SegmentTemplate duration='0' media='$Number$'/>",
            "",
            "/SegmentTemplate@duration",
            "above 0",
        ),
        (
            "<SegmentTemplate duration='2.5' media='$Number$'/>",
            "",
            "/SegmentTemplate@duration",
            "whole number",
        ),
        (
            "<SegmentTemplate timescale='0' media='$Number$'/>",
            "",
            "/SegmentTemplate@timescale",
            "from 1",
        ),
        (
            "<SegmentTemplate startNumber='-1' duration='2' media='$Number$'/>",
            "",
            "/SegmentTemplate@startNumber",
            "`-1`",
        ),
        ("<SegmentBase/>", "", "/SegmentBase", "names a file"),
        (
            "<SegmentBase indexRange='9-1'/>",
            "<BaseURL>v</BaseURL>",
            "/SegmentBase@indexRange",
            "0-863",
        ),
        ("<SegmentList/>", "", "/SegmentList", "no SegmentURL"),
        (
            "<SegmentList><SegmentURL/></SegmentList>",
            "",
            "/SegmentList/SegmentURL@media",
            "names a file",
        ),
        (
            "<SegmentList><SegmentURL media='1'/><SegmentURL media='2'/></SegmentList>",
            "",
            "/SegmentList",
            "neither duration",
        ),
    ] {
        let error = one("", of_set, of_track).unwrap_err();
        assert_eq!(error.path, format!("{set}{path}"), "{error}");
        assert!(error.reason.contains(part), "{error}");
        assert_eq!(error.line, 3, "{error}");
    }
    for (s, path, part) in [
        ("", "", "no S"),
        ("<S t='0'/>", "/S@d", "above 0"),
        ("<S d='1' r='x'/>", "/S@r", "whole number"),
        ("<S d='1' t='9'/><S d='1' t='3'/>", "/S[2]@t", "before"),
        ("<S d='1' k='2'/>", "/S@k", "segment sequences"),
        (
            "<S n='3' d='1'/><S n='5' d='1'/>",
            "/S[2]@n",
            "does not continue",
        ),
        ("<S d='1' r='4000000'/>", "/S@r", "more than 4000000"),
        ("<S t='18446744073709551615' d='1'/>", "/S", "64 bits"),
        ("<S d='1' r='-1'/><S d='1'/>", "/S[1]@r", "needs the `t`"),
    ] {
        let error = one("", &timeline(s), "").unwrap_err();
        assert_eq!(
            error.path,
            format!("{set}/SegmentTemplate/SegmentTimeline{path}"),
            "{error}"
        );
        assert!(error.reason.contains(part), "{error}");
    }
    for (text, place, part) in [
        ("<Foo/>".to_owned(), (1, 1, "Foo"), "must be MPD"),
        ("<MPD/>".to_owned(), (1, 1, "MPD"), "no Period"),
        (
            "<MPD mediaPresentationDuration='8'><Period/></MPD>".to_owned(),
            (1, 1, "MPD@mediaPresentationDuration"),
            "PT8S",
        ),
        (period(""), (2, 1, "MPD/Period"), "no AdaptationSet"),
        (
            "<MPD><Period xlink:href='u'/></MPD>".to_owned(),
            (1, 6, "MPD/Period"),
            "remote",
        ),
        (
            period("<AdaptationSet/>"),
            (3, 1, "MPD/Period/AdaptationSet"),
            "no Representation",
        ),
        (
            period("  <AdaptationSet contentType='x'><Representation/></AdaptationSet>"),
            (2, 1, "MPD/Period"),
            "no AdaptationSet carries",
        ),
        (
            period("<AdaptationSet contentType='video'>\n<Representation/></AdaptationSet>"),
            (4, 1, "MPD/Period/AdaptationSet/Representation@id"),
            "needs an id",
        ),
        (
            period(
                "<AdaptationSet contentType='video'><BaseURL>v</BaseURL><Representation id='a'/>\n <Representation id='a'/></AdaptationSet>",
            ),
            (4, 2, "MPD/Period/AdaptationSet/Representation[2]@id"),
            "earlier",
        ),
        (
            "<MPD>\n<Period></MPD>".to_owned(),
            (2, 9, "MPD/Period"),
            "expected",
        ),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!(
            (error.line, error.column, error.path.as_str()),
            place,
            "{error}"
        );
        assert!(error.reason.contains(part), "{error}");
    }
}

#[test]
fn the_number_of_tracks_is_limited() {
    let set = "<AdaptationSet contentType='video'><Representation id='v'/></AdaptationSet>";
    let error = parse(&period(&set.repeat(2001))).unwrap_err();
    assert!(error.reason.contains("more than 2000"), "{error}");
}

#[test]
fn an_error_reads_as_one_line() {
    let error = parse("<MPD>\n <Period/></MPD>").unwrap_err().to_string();
    assert_eq!(
        error,
        "line 2, column 2, MPD/Period: there is no AdaptationSet"
    );
}

/// Cuts, doubles or overwrites a stretch of a manifest.
fn mutated() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![sample::RICH, sample::NTSC]);
    let junk = prop::sample::select(vec![
        "",
        "<",
        ">",
        "\"",
        "'",
        "&",
        "&#0;",
        "-1",
        "18446744073709551615",
        "$",
        "$Time$",
        "/",
        "é",
        "PT",
        "<S d=\"1\" r=\"-1\"/>",
        "timescale=\"0\"",
        "<BaseURL>../</BaseURL>",
        "<![CDATA[",
        "<!--",
    ]);
    (text, any::<prop::sample::Index>(), 0_usize..80, junk).prop_map(|(text, at, length, junk)| {
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
    fn mutated_manifests_never_panic(text in mutated()) {
        if let Ok(source) = parse(&text) {
            prop_assert_eq!(source.tracks.len(), source.shape.tracks().count());
        }
    }
}
