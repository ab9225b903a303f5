//! Sound: where it stands beside the pictures, and that nothing of it is missing.

use media::time::Round;
use transcode::plan::{AAC_FRAME, Audio};

use crate::{bench::Bench, gallery::Kind};

/// Samples that are compared at a time.
const WINDOW: usize = 2048;

/// A correlation below this is no match. Coding noise leaves far more.
const MATCH: f64 = 0.8;

/// Encodes the first track and compares it with the source all along.
fn in_step(kind: Kind) -> Option<Audio> {
    let bench = Bench::new(kind)?;
    let track = bench.chunked.audios[0].clone();
    let rate = track.sampling_rate;
    let found = bench.samples(&bench.sound(0), rate);
    let source = bench.samples(&bench.source, rate);
    // Every codec frame is there and decodes to what it should.
    assert_eq!(found.len() as u64, track.frames() * AAC_FRAME);
    let starts = bench.sound_starts().ticks(rate, Round::Nearest);
    let reach = i64::from(rate) / 50;
    let allowed = i64::from(rate) / 1000;
    let least = source.len().min(found.len()) - WINDOW - 2 * reach as usize;
    let begin = starts.max(0) as usize + 2048;
    for place in 0..12 {
        let at = begin + (least - begin) * place / 11;
        // Sample `at` of the output is sample `at - starts` of the source.
        let due = at as i64 - starts;
        let (lag, likeness) = lag(&found[at..at + WINDOW], &source, due, reach);
        assert!(
            likeness > MATCH,
            "{kind:?}: nothing alike at sample {at}: {likeness:.3}"
        );
        assert!(
            lag.abs() <= allowed,
            "{kind:?}: {lag} samples off at sample {at}"
        );
    }
    Some(track)
}

/// Finds by how many samples the source has to be shifted to be most alike, and how much it is then.
fn lag(window: &[f32], source: &[f32], due: i64, reach: i64) -> (i64, f64) {
    let power = |samples: &[f32]| samples.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
    let mine = power(window);
    let mut best = (0, f64::MIN);
    for lag in -reach..=reach {
        let Some(other) = usize::try_from(due + lag)
            .ok()
            .and_then(|from| source.get(from..from + window.len()))
        else {
            continue;
        };
        let product: f32 = window.iter().zip(other).map(|(a, b)| a * b).sum();
        let likeness = f64::from(product) / (mine * power(other)).sqrt().max(1e-9);
        if likeness > best.1 {
            best = (lag, likeness);
        }
    }
    best
}

#[test]
fn beside_plain_mp4() {
    in_step(Kind::Closed);
}

#[test]
fn beside_a_transport_stream_that_starts_late() {
    in_step(Kind::Ts);
}

#[test]
fn beside_an_open_group_in_a_transport_stream() {
    in_step(Kind::OpenTs);
}

#[test]
fn beside_matroska_in_milliseconds() {
    in_step(Kind::MkvMs);
}

#[test]
fn beside_an_edit_list() {
    in_step(Kind::EditList);
}

#[test]
fn beside_a_variable_rate() {
    in_step(Kind::Variable);
}

#[test]
fn beside_fields() {
    in_step(Kind::Interlaced);
}

#[test]
fn surround() {
    let Some(track) = in_step(Kind::Surround) else {
        return;
    };
    assert_eq!(track.channels, 6);
}

#[test]
fn rate_of_the_disc() {
    let Some(track) = in_step(Kind::Cd) else {
        return;
    };
    assert_eq!(track.sampling_rate, 44_100);
}

#[test]
fn by_itself() {
    in_step(Kind::AudioOnly);
}

#[test]
fn beside_pictures_seconds_apart() {
    in_step(Kind::Sparse);
}

#[test]
fn of_a_recording_that_begins_anywhere() {
    in_step(Kind::MidStream);
}

#[test]
fn of_webm() {
    in_step(Kind::Webm);
}

#[test]
fn of_avi() {
    in_step(Kind::Avi);
}

#[test]
fn that_begins_after_the_pictures() {
    in_step(Kind::Delayed);
}

#[test]
fn of_a_fragmented_file() {
    in_step(Kind::Fragmented);
}

#[test]
fn of_mpeg2() {
    in_step(Kind::Mpeg2);
}
