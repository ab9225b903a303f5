use std::sync::Arc;

use dash_mpd_core::MPD;

use super::*;
use crate::{
    mpd::{
        read::{self, SourceAddressing},
        sample,
    },
    presentation::{Addressing, FrameRate, Nominal, Run, StartNumber},
    template::Template,
    time::Timescale,
};

const HOST: &str = "http://127.0.0.1:8080";
const ALL: [Addressing; 3] = [
    Addressing::Number,
    Addressing::TimelineTime,
    Addressing::TimelineNumber,
];

fn presentations() -> Vec<(String, Presentation)> {
    let mut found = Vec::new();
    for (name, text) in [("rich", sample::RICH), ("ntsc", sample::NTSC)] {
        let shape = sample::shape(text);
        for addressing in ALL {
            let mut add = |kind: &str, presentation| {
                found.push((format!("{name} {kind} {addressing:?}"), presentation));
            };
            add("vod", sample::vod(&shape, addressing));
            add("live", sample::live(&shape, addressing, 40_000, 100_000));
            add("empty", sample::live(&shape, addressing, 0, 1999));
            add("periods", sample::two_periods(&shape, addressing));
        }
    }
    found
}

fn foreign(text: &str) -> MPD {
    dash_mpd_core::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn golden_static_by_number() {
    let shape = sample::shape(sample::RICH);
    insta::assert_snapshot!(write(&sample::vod(&shape, Addressing::Number), HOST));
}

#[test]
fn golden_live_by_number() {
    let shape = sample::shape(sample::RICH);
    let live = sample::live(&shape, Addressing::Number, 40_000, 100_000);
    insta::assert_snapshot!(write(&live, HOST));
}

#[test]
fn golden_live_by_time() {
    let shape = sample::shape(sample::RICH);
    let live = sample::live(&shape, Addressing::TimelineTime, 40_000, 100_000);
    insta::assert_snapshot!(write(&live, HOST));
}

#[test]
fn golden_static_ntsc() {
    let shape = sample::shape(sample::NTSC);
    insta::assert_snapshot!(write(
        &sample::vod(&shape, Addressing::TimelineNumber),
        HOST
    ));
}

#[test]
fn golden_two_periods() {
    let shape = sample::shape(sample::NTSC);
    let periods = sample::two_periods(&shape, Addressing::TimelineTime);
    insta::assert_snapshot!(write(&periods, HOST));
}

#[test]
fn an_empty_timeline_is_an_empty_element() {
    let shape = sample::shape(sample::NTSC);
    let text = write(
        &sample::live(&shape, Addressing::TimelineTime, 0, 1999),
        HOST,
    );
    assert_eq!(text.matches("<SegmentTimeline/>").count(), 2);
    assert!(!text.contains("<S "));
}

/// Lists the numbers and times of the segments that an MPD announces, as a foreign reader sees it.
fn foreign_segments(template: &dash_mpd_core::SegmentTemplate) -> Vec<(u64, u64)> {
    let mut listed = Vec::new();
    let mut next = 0;
    for s in &template.SegmentTimeline.as_ref().unwrap().segments {
        next = s.t.unwrap_or(next);
        for _ in 0..=s.r.unwrap_or(0) {
            listed.push((next, s.d));
            next += s.d;
        }
    }
    listed
}

#[test]
fn a_foreign_reader_reads_the_same_values() {
    for (name, presentation) in presentations() {
        let text = write(&presentation, HOST);
        let mpd = foreign(&text);
        assert_eq!(mpd.periods.len(), presentation.periods.len(), "{name}");
        let millis = |d: Option<std::time::Duration>| d.map(|d| d.as_millis() as i64);
        match &presentation.liveness {
            Liveness::Static { duration } => {
                assert_eq!(mpd.mpdtype.as_deref(), Some("static"));
                let ms = duration.ms(crate::time::Round::Nearest);
                assert_eq!(millis(mpd.mediaPresentationDuration), Some(ms));
                assert!(mpd.UTCTiming.is_empty());
            }
            Liveness::Live(live) => {
                assert_eq!(mpd.mpdtype.as_deref(), Some("dynamic"));
                assert_eq!(mpd.mediaPresentationDuration, None);
                let published = mpd.publishTime.map(|at| at.timestamp_millis());
                assert_eq!(published, Some(live.publish_time));
                assert_eq!(millis(mpd.minimumUpdatePeriod), Some(1984));
                assert_eq!(millis(mpd.timeShiftBufferDepth), Some(60_000));
                assert_eq!(millis(mpd.suggestedPresentationDelay), Some(6000));
                let clock = mpd
                    .UTCTiming
                    .first()
                    .and_then(|clock| clock.value.as_deref());
                assert_eq!(clock, Some("http://127.0.0.1:8080/time?iso&ms"));
            }
        }
        for (theirs, ours) in mpd.periods.iter().zip(&presentation.periods) {
            compare_period(&name, presentation.addressing, theirs, ours);
        }
    }
}

fn compare_period(name: &str, by: Addressing, theirs: &dash_mpd_core::Period, ours: &Period) {
    assert_eq!(theirs.id.as_deref(), Some(ours.id.as_str()), "{name}");
    let start = theirs.start.map(|start| start.as_millis() as i64);
    assert_eq!(
        start,
        Some(ours.start.ms(crate::time::Round::Nearest)),
        "{name}"
    );
    assert_eq!(theirs.adaptations.len(), ours.shape.sets.len(), "{name}");
    let mut timelines = ours.timelines.iter();
    let mut ids = std::collections::HashSet::new();
    for (theirs, ours_set) in theirs.adaptations.iter().zip(&ours.shape.sets) {
        assert!(
            ids.insert(theirs.id.clone().unwrap()),
            "{name}: ids are unique"
        );
        assert_eq!(
            theirs.contentType.as_deref(),
            Some(ours_set.content.as_str())
        );
        for (theirs_track, track) in theirs.representations.iter().zip(&ours_set.tracks) {
            let timeline = timelines.next().unwrap();
            assert_eq!(theirs_track.id.as_deref(), Some(track.id.as_str()));
            assert_eq!(theirs_track.bandwidth, Some(track.bandwidth));
            let own = theirs_track.SegmentTemplate.as_ref();
            let template = own.or(theirs.SegmentTemplate.as_ref()).unwrap();
            let by = match ours_set.content {
                Content::Image => Addressing::Number,
                _ => by,
            };
            if by == Addressing::Number {
                assert_eq!(
                    template.duration,
                    Some(track.nominal.duration as f64),
                    "{name}"
                );
                assert!(template.SegmentTimeline.is_none(), "{name}");
                continue;
            }
            let listed: Vec<(u64, u64)> = timeline
                .segments()
                .map(|(_, start, duration)| (start, duration))
                .collect();
            assert_eq!(foreign_segments(template), listed, "{name}");
            assert_eq!(template.timescale, Some(track.timescale.get().into()));
            let offset = template.presentationTimeOffset.unwrap_or(0);
            assert_eq!(offset, timeline.presentation_time_offset, "{name}");
            if by == Addressing::TimelineNumber {
                assert_eq!(template.startNumber, Some(timeline.first_number), "{name}");
            }
        }
    }
}

#[test]
fn our_own_reader_reads_the_same_values() {
    for (name, presentation) in presentations() {
        let is_empty = presentation
            .periods
            .iter()
            .flat_map(|p| &p.timelines)
            .all(Timeline::is_empty);
        if is_empty && presentation.addressing != Addressing::Number {
            continue;
        }
        let text = write(&presentation, HOST);
        let source = read::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"));
        let period = &presentation.periods[0];
        assert_eq!(source.periods, presentation.periods.len(), "{name}");
        assert_eq!(
            source.is_dynamic,
            matches!(presentation.liveness, Liveness::Live(_))
        );
        assert_eq!(source.shape.elements, period.shape.elements, "{name}");
        assert_eq!(
            source.shape.period_elements, period.shape.period_elements,
            "{name}"
        );
        assert_eq!(source.shape.min_buffer_time, period.shape.min_buffer_time);
        for (theirs, ours) in source.shape.sets.iter().zip(&period.shape.sets) {
            assert_eq!(theirs.attributes, ours.attributes, "{name}");
            assert_eq!(theirs.elements, ours.elements, "{name}");
            assert_eq!(
                (&theirs.lang, &theirs.label),
                (&ours.lang, &ours.label),
                "{name}"
            );
            assert_eq!(theirs.roles, ours.roles, "{name}");
        }
        let tracks = source.shape.tracks().zip(period.shape.tracks());
        for (((_, theirs), (set, ours)), (at, timeline)) in
            tracks.zip(source.tracks.iter().zip(&period.timelines))
        {
            assert_eq!(theirs.codecs, ours.codecs, "{name}");
            assert_eq!(theirs.size, ours.size, "{name}");
            assert_eq!(theirs.frame_rate, ours.frame_rate, "{name}");
            assert_eq!(theirs.attributes, ours.attributes, "{name}");
            assert_eq!(theirs.init, ours.init, "{name}");
            match &at.addressing {
                SourceAddressing::Timeline { runs, .. } => {
                    assert_eq!(*runs, timeline.runs, "{name}");
                    assert_eq!(
                        at.presentation_time_offset,
                        timeline.presentation_time_offset
                    );
                }
                SourceAddressing::Number {
                    duration,
                    timescale,
                    ..
                } => {
                    let by_number = presentation.addressing == Addressing::Number;
                    assert!(by_number || set.content == Content::Image, "{name}");
                    let written = Nominal {
                        duration: *duration,
                        timescale: *timescale,
                    };
                    assert_eq!(written, ours.nominal, "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

fn one_track_set(content: Content) -> SwitchingSet {
    let template = |text: &str| Template::parse(text).unwrap();
    SwitchingSet {
        id: None,
        content,
        lang: None,
        label: None,
        roles: Vec::new(),
        attributes: Vec::new(),
        elements: Vec::new(),
        tracks: vec![Track {
            id: "x".to_owned(),
            codecs: String::new(),
            mime_type: "audio/mp4".to_owned(),
            bandwidth: 1,
            peak_bandwidth: 0,
            average_bandwidth: 0,
            timescale: Timescale::literal(48_000),
            size: None,
            sar: None,
            frame_rate: Some(FrameRate { num: 60, den: 2 }),
            sampling_rate: None,
            channels: None,
            init: None,
            media: template("$Number%03d$.m4s"),
            nominal: Nominal {
                duration: 2,
                timescale: Timescale::SECONDS,
            },
            attributes: Vec::new(),
            elements: Vec::new(),
        }],
    }
}

fn written(sets: Vec<SwitchingSet>, addressing: Addressing, timeline: &Timeline) -> String {
    let tracks: usize = sets.iter().map(|set| set.tracks.len()).sum();
    let shape = Shape {
        sets,
        ..Shape::default()
    };
    let presentation = Presentation {
        liveness: Liveness::Static {
            duration: Time::from_secs(4),
        },
        addressing,
        periods: vec![Period {
            id: "0".to_owned(),
            start: Time::ZERO,
            duration: None,
            shape: Arc::new(shape),
            start_number: StartNumber::FirstListed,
            timelines: vec![timeline.clone(); tracks],
            discontinuity_sequence: 0,
        }],
    };
    let text = write(&presentation, HOST);
    foreign(&text);
    text
}

#[test]
fn ids_of_sets_are_made_where_there_is_none() {
    let mut sets = vec![one_track_set(Content::Audio); 4];
    for (index, (set, id)) in sets
        .iter_mut()
        .zip([None, Some("1"), None, Some("7")])
        .enumerate()
    {
        set.id = id.map(str::to_owned);
        set.tracks[0].id = format!("t{index}");
    }
    let text = written(sets, Addressing::Number, &Timeline::default());
    let ids: Vec<String> = foreign(&text).periods[0]
        .adaptations
        .iter()
        .map(|set| set.id.clone().unwrap())
        .collect();
    assert_eq!(ids, ["5", "1", "3", "7"]);
}

#[test]
fn nothing_is_written_twice_and_everything_is_escaped() {
    let mut set = one_track_set(Content::Audio);
    let pairs = |list: &[(&str, &str)]| {
        list.iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Vec<_>>()
    };
    set.attributes = pairs(&[("lang", "xx"), ("par", "a\"<&>"), ("par", "twice")]);
    set.label = Some("R&D <1>".to_owned());
    set.roles = vec!["main".to_owned()];
    set.elements = vec![Element::new(
        "Accessibility",
        &[("schemeIdUri", "u"), ("value", "\n")],
    )];
    set.tracks[0].id = "a&b".to_owned();
    set.tracks[0].channels = Some(8);
    set.tracks[0].attributes = pairs(&[("bandwidth", "9"), ("startWithSAP", "1")]);
    let text = written(vec![set], Addressing::Number, &Timeline::default());
    for part in [
        " par=\"a&quot;&lt;&amp;>\">\n      <Label>R&amp;D &lt;1&gt;</Label>\n      <Accessibility \
         schemeIdUri=\"u\" value=\"&#10;\"/>\n      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" \
         value=\"main\"/>\n",
        "<Representation id=\"a&amp;b\" bandwidth=\"1\" mimeType=\"audio/mp4\" frameRate=\"60/2\" \
         startWithSAP=\"1\">",
        "value=\"12\"/>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("lang="), "{text}");
}

#[test]
fn the_template_moves_to_the_tracks_when_they_differ() {
    let mut set = one_track_set(Content::Video);
    let mut other = set.tracks[0].clone();
    other.id = "y".to_owned();
    set.tracks.push(other);
    let timeline = Timeline::default();
    let shared = written(vec![set.clone()], Addressing::Number, &timeline);
    assert_eq!(shared.matches("<SegmentTemplate").count(), 1);
    for change in [
        |track: &mut Track| track.nominal.duration = 3,
        |track: &mut Track| track.timescale = Timescale::MS,
        |track: &mut Track| track.init = Some(track.media.clone()),
    ] {
        let mut set = set.clone();
        change(&mut set.tracks[1]);
        let text = written(vec![set], Addressing::Number, &timeline);
        assert_eq!(
            text.matches("        <SegmentTemplate").count(),
            2,
            "{text}"
        );
    }
}

#[test]
fn gaps_repeats_and_offsets_in_timelines() {
    let run = |start, duration, count| Run {
        start,
        duration,
        count,
    };
    let timeline = Timeline {
        presentation_time_offset: 90_000,
        first_number: 7,
        runs: vec![run(90_000, 10, 3), run(90_030, 20, 1), run(90_051, 20, 2)],
        ..Timeline::default()
    };
    let set = vec![one_track_set(Content::Audio)];
    let by_time = written(set.clone(), Addressing::TimelineTime, &timeline);
    assert!(
        by_time
            .contains("media=\"$Time$.m4s\" timescale=\"48000\" presentationTimeOffset=\"90000\">")
    );
    let listed: Vec<&str> = by_time
        .lines()
        .map(str::trim)
        .filter(|l| l.starts_with("<S "))
        .collect();
    assert_eq!(
        listed,
        [
            "<S t=\"90000\" d=\"10\" r=\"2\"/>",
            "<S d=\"20\"/>",
            "<S t=\"90051\" d=\"20\" r=\"1\"/>"
        ]
    );
    let by_number = written(set.clone(), Addressing::TimelineNumber, &timeline);
    assert!(by_number.contains("media=\"$Number%03d$.m4s\" timescale=\"48000\" startNumber=\"7\""));
    // 90000 ticks of 48000 are 1.875 s: no whole number of seconds, so the timescale is the track's.
    let plain = written(set, Addressing::Number, &timeline);
    let expected = "timescale=\"48000\" duration=\"96000\" startNumber=\"7\" presentationTimeOffset=\"90000\"/>";
    assert!(plain.contains(expected), "{plain}");
}

#[test]
fn start_numbers_are_fixed_listed_or_omitted() {
    let shape = sample::shape(sample::NTSC);
    for (start_number, expected) in [
        (StartNumber::FirstListed, Some(" startNumber=\"19\"")),
        (StartNumber::Fixed(5), Some(" startNumber=\"5\"")),
        (StartNumber::Omitted, None),
    ] {
        let mut live = sample::live(&shape, Addressing::Number, 40_000, 100_000);
        live.periods[0].start_number = start_number;
        let text = write(&live, HOST);
        match expected {
            Some(expected) => assert!(text.contains(expected), "{text}"),
            None => assert!(!text.contains("startNumber"), "{text}"),
        }
    }
}

#[test]
fn a_presentation_without_periods_is_still_xml() {
    let mut presentation = sample::vod(&sample::shape(sample::NTSC), Addressing::Number);
    presentation.periods.clear();
    foreign(&write(&presentation, HOST));
}
