//! Sources of which not all can be decoded.

use super::*;
use crate::verify;

/// Writes over `length` bytes at each of some places of a film, counted in thousandths of it.
fn spoil(bytes: &mut [u8], places: impl Iterator<Item = usize>, length: usize) {
    for place in places {
        let at = bytes.len() / 1000 * place;
        for (n, byte) in bytes[at..at + length].iter_mut().enumerate() {
            *byte = (n * 37 + place) as u8;
        }
    }
}

#[test]
fn a_bit_of_damage_is_concealed_and_counted() {
    let bench = Bench::new(3);
    // The index lies behind the media.
    let film = bench.film("film.mp4", "noise=alls=4:allf=t", "");
    let mut bytes = fs::read(&film).unwrap();
    spoil(&mut bytes, [200, 330, 460, 590, 720].into_iter(), 60);
    fs::write(&film, bytes).unwrap();
    let id = bench.submit(film.to_str().unwrap(), "film");
    let report = bench.wait(&id, |report| report.state.is_final());
    assert_eq!(report.state, JobState::Done, "{report:#?}");
    assert!((3..40).contains(&report.damaged), "{}", report.damaged);
    assert!(report.steps.iter().all(|step| step.attempts <= 1));
    let version = report.version.unwrap();
    let found = verify::folder(&bench.path(&format!("films/film/{version}")));
    assert!(found.is_right(), "{:#?}", found.findings);
    assert_eq!(found.tracks[0].frames, 750);
}

#[test]
fn a_source_of_which_much_is_lost_is_not_published() {
    let bench = Bench::new(3);
    let film = bench.film("film.mp4", "noise=alls=4:allf=t", "");
    let mut bytes = fs::read(&film).unwrap();
    spoil(&mut bytes, 300..600, 400);
    fs::write(&film, bytes).unwrap();
    let id = bench.submit(film.to_str().unwrap(), "film");
    let failed = |report: &JobReport| report.state == JobState::Failed;
    let report = bench.wait(&id, failed);
    let reason = report.reason.unwrap();
    assert!(reason.contains("the source is damaged"), "{reason}");
    assert_eq!(report.failure, Some(Fault::Input));
    assert!(!bench.path("films/film").try_exists().unwrap());
}
