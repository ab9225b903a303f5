//! Real results: right ones, and ones with a planted fault.

use std::{fs, path::Path};

use super::{Report, Severity, folder, measure};
use crate::{
    package::tests::{made, parts, publish},
    package::{Extent, package},
    plan::Plan,
    testing::task_of,
};

fn published(place: &Path) -> Plan {
    let (plan, outputs) = made(place);
    let files = package(&plan, &parts(&outputs), Extent::Whole).unwrap();
    publish(&outputs, &files, &place.join("film"));
    plan
}

fn rules(report: &Report, severity: Severity) -> Vec<(&'static str, String)> {
    let of = report
        .findings
        .iter()
        .filter(|one| one.severity == severity);
    of.map(|one| (one.rule, one.place.clone())).collect()
}

#[test]
fn a_right_result_is_found_right() {
    let place = tempfile::tempdir().unwrap();
    let plan = published(place.path());
    let report = folder(&place.path().join("film"));
    assert_eq!(rules(&report, Severity::Error), [], "{report:?}");
    assert!(report.is_right());
    assert_eq!(report.skew_us, Some(0));
    let frames: Vec<u64> = report.tracks.iter().map(|track| track.frames).collect();
    assert_eq!(frames, [190, 190, plan.audios[0].frames(), 0]);
    let video = &report.tracks[0];
    assert_eq!(video.longest_group_ms, Some(667));
    assert_eq!((video.start_us, video.end_us), (0, 6_339_667));
    assert!(video.bucket.is_some());

    // Against the source: the same size, so nothing but the encoder makes a difference.
    let quality = task_of(&place.path().join("q"), |context| {
        let (source, result) = (place.path().join("in.mp4"), place.path().join("film"));
        measure(context, &plan, &source, &result, &plan.videos[0])
    })
    .unwrap();
    assert_eq!(quality.frames, 190);
    assert!(
        quality.psnr_mdb.is_none_or(|psnr| psnr > 28_000),
        "{quality:?}"
    );
    assert!(quality.ssim_millionths > 850_000, "{quality:?}");
}

#[test]
fn planted_faults_are_found() {
    let place = tempfile::tempdir().unwrap();
    published(place.path());
    let film = place.path().join("film");
    let edit = |name: &str, change: &dyn Fn(String) -> String| {
        let path = film.join(name);
        let before = fs::read_to_string(&path).unwrap();
        let after = change(before.clone());
        assert_ne!(before, after, "{name}");
        fs::write(&path, after).unwrap();
        before
    };
    let found = |rule: &str, name: &str| {
        let report = folder(&film);
        let errors = rules(&report, Severity::Error);
        assert!(
            errors.contains(&(
                errors.iter().find(|one| one.0 == rule).unwrap().0,
                name.to_owned()
            )),
            "{errors:?}"
        );
    };
    for (rule, name, from, to) in [
        ("end", "v0/playlist.m3u8", "#EXT-X-ENDLIST\n", ""),
        ("type", "v1/playlist.m3u8", "TYPE:VOD", "TYPE:EVENT"),
        ("rate", "master.m3u8", "BANDWIDTH=", "BANDWIDTH=9"),
        (
            "independent",
            "master.m3u8",
            "#EXT-X-INDEPENDENT-SEGMENTS\n",
            "",
        ),
        (
            "resolution",
            "master.m3u8",
            "RESOLUTION=160x90",
            "RESOLUTION=160x92",
        ),
    ] {
        let before = edit(name, &|text| text.replacen(from, to, 1));
        found(rule, name);
        fs::write(film.join(name), before).unwrap();
    }
    let before = edit("a0/playlist.m3u8", &|text| {
        text.replacen("#EXTINF:1.", "#EXTINF:0.", 1)
    });
    found("duration", "a0/1.m4s");
    fs::write(film.join("a0/playlist.m3u8"), before).unwrap();

    // A segment in the place of another, one cut off, one gone.
    let second = film.join("v0/2.m4s");
    let bytes = fs::read(&second).unwrap();
    fs::copy(film.join("v0/1.m4s"), &second).unwrap();
    found("continuity", "v0/2.m4s");
    fs::write(&second, &bytes[..bytes.len() / 2]).unwrap();
    found("boxes", "v0/2.m4s");
    fs::remove_file(&second).unwrap();
    found("missing", "v0/playlist.m3u8");
    found("planned", "v0/playlist.m3u8");
    fs::write(&second, bytes).unwrap();
    assert!(folder(&film).is_right());
}
