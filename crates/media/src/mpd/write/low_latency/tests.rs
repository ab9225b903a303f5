use crate::{
    mpd::{sample, write::write},
    presentation::{Addressing, AvailabilityOffset, Live, Liveness, LowLatency, Presentation, Run},
    time::Time,
    xml,
};

const HOST: &str = "http://127.0.0.1:8080";

fn low(addressing: Addressing, low_latency: LowLatency) -> Presentation {
    let shape = sample::shape(sample::RICH);
    let mut presentation = sample::live(&shape, addressing, 50_000, 60_000);
    live(&mut presentation).low_latency = Some(low_latency);
    presentation
}

fn live(presentation: &mut Presentation) -> &mut Live {
    match &mut presentation.liveness {
        Liveness::Live(live) => live,
        Liveness::Static { .. } => panic!("is static"),
    }
}

fn chunked() -> LowLatency {
    LowLatency {
        part_target: Some(Time::from_ms(500)),
        availability_offset: Some(AvailabilityOffset::Ahead(Time::from_ms(1500))),
        incomplete: true,
        latency_target: Some(Time::from_ms(2501)),
        latency_max: Some(Time::from_ms(5002)),
    }
}

/// Counts how often a text occurs.
fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn golden_low_latency() {
    let mut presentation = low(Addressing::Number, chunked());
    presentation.periods[0].start = Time::from_secs(20);
    for timeline in &mut presentation.periods[0].timelines {
        timeline.presentation_time_offset = 12_800;
    }
    insta::assert_snapshot!(write(&presentation, HOST));
}

#[test]
fn m2_segments_in_progress_are_announced_with_offset_and_flag() {
    let infinite = Some(AvailabilityOffset::Infinite);
    for (availability_offset, incomplete, offset, flags) in [
        (chunked().availability_offset, true, "\"1.5\"", 6),
        (chunked().availability_offset, false, "\"1.5\"", 0),
        (infinite, false, "\"INF\"", 0),
        (None, true, "", 6),
    ] {
        let text = write(
            &low(
                Addressing::Number,
                LowLatency {
                    availability_offset,
                    incomplete,
                    ..chunked()
                },
            ),
            HOST,
        );
        let sets = if offset.is_empty() { 0 } else { 7 };
        assert_eq!(count(&text, "availabilityTimeOffset="), sets);
        assert_eq!(
            count(&text, &format!("availabilityTimeOffset={offset}")),
            sets
        );
        // Pictures are always whole.
        assert_eq!(count(&text, "availabilityTimeComplete=\"false\""), flags);
    }
}

#[test]
fn m3_clocks_stand_at_the_end_and_in_the_reference() {
    let text = write(&low(Addressing::Number, chunked()), HOST);
    let clock = "value=\"http://127.0.0.1:8080/time?iso&amp;ms\"";
    // At the end, and in the set of video and the three of audio.
    assert_eq!(count(&text, clock), 1 + 4);
    let mut without = low(Addressing::Number, chunked());
    live(&mut without).utc_timing.clear();
    let text = write(&without, HOST);
    assert_eq!(count(&text, "UTCTiming"), 0);
    assert_eq!(count(&text, "presentationTime=\"0\"/>"), 4);
}

#[test]
fn m4_the_latency_has_its_limits() {
    let text = write(&low(Addressing::Number, chunked()), HOST);
    let latency = r#"<Latency referenceId="0" target="2501" max="5002" min="1875"/>"#;
    assert_eq!(count(&text, latency), 1, "{text}");
    assert_eq!(count(&text, r#"<PlaybackRate max="1.04" min="0.96"/>"#), 1);
    let without = LowLatency {
        latency_target: None,
        latency_max: None,
        ..chunked()
    };
    let text = write(&low(Addressing::Number, without), HOST);
    assert_eq!(count(&text, "ServiceDescription"), 0);
    assert_eq!(count(&text, "ProducerReferenceTime"), 0);
}

#[test]
fn m4_a_service_description_of_the_source_gives_way() {
    let mut presentation = low(Addressing::Number, chunked());
    let mut shape = crate::presentation::Shape::clone(&presentation.periods[0].shape);
    let kept = r#"<ServiceDescription id="0"><Latency target="9"/></ServiceDescription>"#;
    shape.elements.push(xml::parse(kept).unwrap());
    presentation.periods[0].shape = std::sync::Arc::new(shape);
    assert_eq!(count(&write(&presentation, HOST), "<Latency "), 1);
    live(&mut presentation).low_latency = None;
    assert_eq!(count(&write(&presentation, HOST), "target=\"9\""), 1);
}

#[test]
fn segments_ahead_are_in_the_timeline() {
    for addressing in [Addressing::TimelineTime, Addressing::TimelineNumber] {
        let mut presentation = low(addressing, chunked());
        let timeline = &mut presentation.periods[0].timelines[0];
        let (start, duration) = (timeline.next_start(), timeline.runs[0].duration);
        timeline.ahead = vec![Run {
            start,
            duration,
            count: 2,
        }];
        let text = write(&presentation, HOST);
        assert_eq!(count(&text, "d=\"25600\" r=\"6\""), 1, "{text}");
    }
}

#[test]
fn m7_lost_segments_are_left_out_where_times_tell() {
    for (addressing, repeats) in [
        (
            Addressing::TimelineTime,
            vec!["r=\"1\"", "t=\"716800\" d=\"25600\" r=\"1\""],
        ),
        (Addressing::TimelineNumber, vec!["r=\"4\""]),
    ] {
        let mut presentation = low(addressing, chunked());
        presentation.periods[0].timelines[0].gaps = vec![27];
        let text = write(&presentation, HOST);
        let video = &text[..text.find("contentType=\"audio\"").unwrap()];
        for repeat in repeats {
            assert!(video.contains(repeat), "{video}");
        }
    }
}

#[test]
fn parts_do_not_tear_a_shared_template_apart() {
    let mut presentation = low(Addressing::TimelineTime, chunked());
    presentation.periods[0].timelines[0].parts = vec![crate::presentation::Part {
        segment: 30,
        index: 0,
        duration: 6400,
        independent: true,
        gap: false,
    }];
    let text = write(&presentation, HOST);
    let shared = sample::live(
        &sample::shape(sample::RICH),
        Addressing::TimelineTime,
        50_000,
        60_000,
    );
    assert_eq!(
        count(&text, "<SegmentTemplate"),
        count(&write(&shared, HOST), "<SegmentTemplate")
    );
}
