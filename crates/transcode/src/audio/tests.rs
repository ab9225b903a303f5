//! Audio of real sources against the samples of the source.

use std::path::Path;

use super::run;
use crate::{
    encode::{Damage, Output},
    plan::{AAC_FRAME, Plan, Rate, Seconds},
    testing::{audio, ffmpeg, join, make, plan, task},
};

/// Decodes to mono samples.
fn samples(input: &str, folder: &Path, filter: &str) -> Vec<i16> {
    let ffmpeg = ffmpeg();
    let command = ffmpeg
        .command()
        .args(["-i", input, "-map", "0:a:0", "-af", filter])
        .args(["-ac", "1", "-ar", "48000", "-f", "s16le", "-"])
        .folder(folder);
    let bytes = ffmpeg.spawner().run(command).unwrap();
    let pairs = bytes.chunks_exact(2);
    pairs.map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// Returns when the sound of a file begins.
fn start(input: &str, folder: &Path) -> Seconds {
    let found = process::probe::probe(&ffmpeg(), folder.join(input).as_os_str()).unwrap();
    let stream = &found.streams[0];
    let tick = stream.time_base.unwrap();
    Seconds::new(stream.start_pts.unwrap_or(0) * tick.num, tick.den).unwrap()
}

/// Finds by how many samples `got` lags behind `expected` around `at`.
fn lag(got: &[i16], expected: &[i16], at: usize) -> isize {
    let window = 4096;
    let product = |shift: isize| -> i64 {
        let from = at.checked_add_signed(shift).unwrap();
        let pairs = got[from..from + window].iter().zip(&expected[at..]);
        pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum()
    };
    (-2100..2100).max_by_key(|shift| product(*shift)).unwrap()
}

fn encode(plan: &Plan, folder: &Path, source: &str) -> Output {
    let scratch = folder.join(format!("{source}.scratch"));
    task(&scratch, |context| {
        run(context, plan, &folder.join(source), 0, Damage::Ends)
    })
    .unwrap()
}

/// The plan of a test: pictures on a grid of 30000/1001 and their sound.
fn planned(frames: u64, origin: Seconds) -> Plan {
    let rate = Rate {
        num: 30_000,
        den: 1001,
    };
    let mut plan = plan(rate, frames, 20, Vec::new());
    plan.origin = origin;
    plan.audios = vec![audio(&plan, 0, 48_000)];
    plan
}

#[test]
fn sound_is_where_it_was_in_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(
        folder,
        "-f lavfi -i anoisesrc=color=pink:seed=7:duration=9 -c:a pcm_s16le noise.wav",
    );
    make(folder, "-i noise.wav -c:a aac -b:a 256k noise.mp4");
    make(folder, "-i noise.wav -c:a mp2 -b:a 256k noise.ts");
    // The origin is half a second into the sound; a transport stream begins at about 1.4 s.
    for source in ["noise.wav", "noise.mp4", "noise.ts"] {
        let expected = samples(source, folder, "anull");
        let origin = start(source, folder).plus(Seconds::from_ms(500));
        let plan = planned(240, origin);
        let output = encode(&plan, folder, source);
        let track = &output.tracks[0];
        let frames: u64 = track.segments.iter().map(|one| one.facts.frames).sum();
        assert_eq!(frames, plan.audios[0].frames());
        for (segment, next) in track.segments.iter().zip(&track.segments[1..]) {
            let end = segment.facts.start + segment.facts.duration;
            assert_eq!(end, next.facts.start);
            let cut = plan.grid.segment(next.facts.number).unwrap();
            let cut = cut.first_frame * 48_000 * 1001 / 30_000;
            assert!(next.facts.start <= cut && cut < next.facts.start + AAC_FRAME);
        }
        join(std::slice::from_ref(&output), 0, &folder.join("joined.mp4"));
        let got = samples("joined.mp4", folder, "anull");
        assert_eq!(got.len() as u64, frames * AAC_FRAME);
        let wanted = &expected[24_000..];
        for at in [4000, 100_000, 300_000] {
            let lag = lag(&got, wanted, at);
            // The clock of transport streams has no whole ticks for a sample.
            assert!(lag.abs() <= 1, "{source}: {lag} samples at {at}");
        }
    }
}

#[test]
fn what_the_source_lacks_is_silence() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A hole of 0.4 s after two seconds, and an end two seconds early.
    make(
        folder,
        "-f lavfi -i anoisesrc=color=pink:seed=7:duration=6 \
         -af aselect='not(between(t,2,2.4))' -c:a pcm_s16le -f nut hole.nut",
    );
    let plan = planned(240, Seconds::ZERO);
    let output = encode(&plan, folder, "hole.nut");
    join(std::slice::from_ref(&output), 0, &folder.join("joined.mp4"));
    let got = samples("joined.mp4", folder, "anull");
    let power = |from: f64, to: f64| -> i64 {
        let (from, to) = ((from * 48_000.0) as usize, (to * 48_000.0) as usize);
        got[from..to]
            .iter()
            .map(|s| i64::from(*s).abs())
            .sum::<i64>()
            / (to - from) as i64
    };
    assert!(power(0.5, 1.9) > 100);
    assert!(power(2.05, 2.35) < 5, "{}", power(2.05, 2.35));
    assert!(power(2.5, 5.9) > 100);
    assert!(power(6.1, 8.0) < 5);
    assert_eq!(got.len() as u64, plan.audios[0].frames() * AAC_FRAME);
}
