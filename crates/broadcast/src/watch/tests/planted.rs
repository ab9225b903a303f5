//! A right channel breaks no rule, and each planted fault is found.

use super::{
    fake::{Fake, Fault},
    sim::{ids, strictly},
};

const START: i64 = 1_790_000_000_000;
/// The encoder is away, in ms of the channel.
const AWAY: Option<(i64, i64)> = Some((53_500, 57_500));

#[test]
fn ten_minutes_with_a_restart_of_the_encoder_break_no_rule() {
    for file in ["master.m3u8", "manifest.mpd"] {
        let found = strictly(&Fake::new(START, AWAY, Fault::None), file, 600);
        assert_eq!(found, [], "{file}");
    }
}

#[test]
fn no_restart_and_one_between_segments_break_no_rule() {
    for file in ["master.m3u8", "manifest.mpd", "v/playlist.m3u8"] {
        for away in [None, Some((60_000, 63_000)), Some((60_500, 61_500))] {
            let found = strictly(&Fake::new(START, away, Fault::None), file, 60);
            assert_eq!(found, [], "{file} {away:?}");
        }
    }
}

/// Follows the channel with a fault for a minute, in which the encoder is away once.
fn found(fault: Fault, file: &str) -> Vec<&'static str> {
    let mut fake = Fake::new(START, AWAY, fault);
    let from_the_beginning = [
        Fault::PartAloneAnswered,
        Fault::FarSegmentAnswered,
        Fault::OldSegmentHeld,
        Fault::UnknownRefused,
    ];
    if !from_the_beginning.contains(&fault) {
        fake.fault_at = 46_000;
    }
    ids(&strictly(&fake, file, 60)).into_iter().collect()
}

/// Checks that exactly these rules are broken by each fault.
fn check(file: &str, faults: &[(Fault, &[&str])]) {
    let mut wrong = String::new();
    for (fault, rules) in faults {
        let found = found(*fault, file);
        if found != *rules {
            wrong.push_str(&format!("{fault:?}: {found:?}, not {rules:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_fault_in_playlists_is_found() {
    check(
        "master.m3u8",
        &[
            (Fault::PartTooLong, &["C3-duration", "L2-longest", "L5-sum"]),
            (
                Fault::SegmentTooLong,
                &["C3-duration", "L14-steps", "L5-sum", "L7-longest"],
            ),
            (Fault::HoldBackShort, &["L9-part-hold-back"]),
            (Fault::HintWrong, &["L10-kept"]),
            (Fault::ReportWrong, &["L11-true"]),
            (Fault::ReportMissing, &["L11-present"]),
            (
                Fault::SequenceBack,
                &[
                    "D1-held",
                    "L10-kept",
                    "L11-true",
                    "L12-sequence",
                    "L12-stable",
                    "L14-stable",
                    "L5-stable",
                    "L6-part",
                ],
            ),
            (Fault::DiscontinuityUncounted, &["L12-discontinuity"]),
            (
                Fault::DateJumps,
                &["L14-dates", "L14-decode", "L14-mapping", "L14-steps"],
            ),
            (Fault::PartTargetMoves, &["L1-constant", "L9-same"]),
            (Fault::PartsDropped, &["L8-dropped"]),
            (Fault::SizeWrong, &["L18-init"]),
        ],
    );
}

#[test]
fn every_fault_of_delivery_is_found() {
    check(
        "master.m3u8",
        &[
            (Fault::HintRefused, &["L10-answered"]),
            (Fault::HintDribbled, &["L10-burst"]),
            (Fault::SegmentGone, &["C1-media", "L13-kept"]),
            (Fault::RemovedGone, &["L13-kept"]),
            (Fault::PartAloneAnswered, &["D2-alone"]),
            (Fault::FarSegmentAnswered, &["D3-part", "D3-segment"]),
            (Fault::OldSegmentHeld, &["D5-old"]),
            (Fault::SkipTooMuch, &["D6-skip"]),
            (Fault::UnknownRefused, &["D7-unknown"]),
            (Fault::TypeWrong, &["H3-type"]),
            (Fault::NoCors, &["H1-cors"]),
            (Fault::NoCaching, &["H2-stated"]),
            (Fault::Pause, &["L6-part", "L6-segment"]),
            (
                Fault::AudioBehind,
                &[
                    "C2-apart",
                    "D6-same",
                    "L11-true",
                    "L5-stable",
                    "L6-part",
                    "L6-segment",
                ],
            ),
        ],
    );
}

#[test]
fn every_fault_in_media_is_found() {
    check(
        "master.m3u8",
        &[
            (Fault::NotIndependent, &["L3-independent"]),
            (Fault::NoSync, &["L15-sync", "L3-independent"]),
            (
                Fault::DecodeHole,
                &["L14-decode", "L16-hole", "M4-producer"],
            ),
            (Fault::SampleLost, &["L16-hole", "L5-samples"]),
            (Fault::InitOverwritten, &["L15-init"]),
            (Fault::ProducerOff, &["M4-producer"]),
            (Fault::ProducerAhead, &["M4-future", "M4-producer"]),
        ],
    );
}

#[test]
fn every_fault_of_dash_is_found() {
    check(
        "manifest.mpd",
        &[
            (Fault::StartMoves, &["M1-start"]),
            (Fault::PublishStuck, &["M1-publish"]),
            (Fault::PeriodMoves, &["M7-start"]),
            (Fault::OffsetAlone, &["M2-complete"]),
            (Fault::NoClock, &["M3-clock"]),
            (Fault::ClockWrong, &["M3-accurate"]),
            (Fault::NoLatency, &["M1-delay", "M4-latency"]),
            (Fault::NumberGone, &["M6-missing"]),
            (Fault::HeldBack, &["M5-progress"]),
            (Fault::FutureAnswered, &["M6-future"]),
            (Fault::NoSync, &["L15-sync"]),
            (Fault::DecodeHole, &["L16-hole", "M4-producer"]),
            (Fault::InitOverwritten, &["L15-init"]),
            (Fault::ProducerOff, &["M4-producer"]),
            (Fault::ProducerAhead, &["M4-future", "M4-producer"]),
        ],
    );
}
