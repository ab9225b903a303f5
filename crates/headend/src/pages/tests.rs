use transcode::{
    engine::{Failure, Setback},
    job::{JobState, Request, StepReport, StepState},
    plan::Options,
};

use super::*;
use crate::report::{
    AssetReport, ImportReport, ProblemReport, Rendition, Way,
    channel::{Encoder, Timing, TrackReport},
};

const EVIL: &str = "<script>alert(\"1\")</script>&'";

fn listing(name: &str) -> Listing {
    let url = crate::url::encode_path(&format!("/vod/{name}/manifest.mpd"));
    Listing {
        version: "1",
        ready: true,
        generation: 1,
        assets: vec![AssetReport {
            name: name.to_owned(),
            duration_ms: 8000,
            duration_text: "8.000 s".to_owned(),
            codecs: vec!["avc1.64001e".to_owned()],
            manifests: vec!["manifest.mpd".to_owned()],
            renditions: vec![Rendition {
                id: name.to_owned(),
                content: "video",
                codecs: "avc1.64001e".to_owned(),
                size: Some((640, 360)),
                format: "640×360, 25 fps".to_owned(),
                language: Some(name.to_owned()),
                average_bandwidth: 300_499,
                peak_bandwidth: 400_000,
                segments: 4,
                mean_segment_ms: 2002,
                encrypted: false,
            }],
            ways: vec![Way {
                live: false,
                protocol: "DASH",
                play: format!("/play?src={url}"),
                url,
            }],
            warnings: vec![name.to_owned()],
        }],
        problems: vec![ProblemReport {
            name: name.to_owned(),
            file: name.to_owned(),
            reason: name.to_owned(),
        }],
        imports: vec![ImportReport {
            name: name.to_owned(),
            source: name.into(),
            stage: name.to_owned(),
            percent: Some(12),
        }],
    }
}

fn channels(name: &str) -> Vec<ChannelReport> {
    vec![ChannelReport {
        name: name.to_owned(),
        state: "running".to_owned(),
        state_ms: 12_000,
        inputs: vec![name.to_owned()],
        restarts: 1,
        encoder: Encoder {
            speed_permille: Some(1002),
            ..Encoder::default()
        },
        timing: Timing {
            hold_back_ms: 1503,
            ..Timing::default()
        },
        tracks: vec![TrackReport {
            id: "v720".to_owned(),
            kind: "video".to_owned(),
            format: "1280x720, 30 fps".to_owned(),
            codecs: "avc1.64001f".to_owned(),
            bandwidth: 2_450_000,
            segment: 7,
            parts: 2,
            segments: 150,
            packaged: 900,
            gaps: 0,
            lag_ms: Some(40),
        }],
        ways: ChannelReport::ways_of(name),
        log: vec![name.to_owned()],
        ..ChannelReport::default()
    }]
}

fn jobs(name: &str) -> Vec<JobReport> {
    let step = |step: &str, state, setback: Option<Setback>| StepReport {
        step: step.parse().unwrap(),
        state,
        work_ms: 1,
        progress: None,
        attempts: 1,
        worker: None,
        bytes: None,
        setback,
    };
    let setback = Setback {
        failure: Failure::Transient,
        reason: name.to_owned(),
        stderr: vec![name.to_owned()],
    };
    vec![JobReport {
        id: name.to_owned(),
        request: Request {
            input: name.to_owned(),
            to: name.to_owned(),
            name: None,
            priority: 0,
            options: Options::default(),
            key_file: None,
            checksum: None,
            early_publish: None,
        },
        name: name.to_owned(),
        state: JobState::Encoding,
        submitted_ms: 0,
        permille: 437,
        speed_permille: Some(2310),
        left_ms: Some(753_000),
        duration_ms: Some(240_000),
        bytes: 312 << 20,
        damaged: 0,
        renditions: vec!["1280x720 H.264".to_owned()],
        steps: vec![
            step("chunk-00000", StepState::Done, None),
            step("chunk-00001", StepState::Ready, Some(setback)),
        ],
        version: None,
        reason: None,
        failure: None,
    }]
}

#[test]
fn the_home_page_is_as_agreed() {
    insta::assert_snapshot!(home(&listing("film"), &channels("news"), &jobs("film"), &[]).unwrap());
}

#[test]
fn names_cannot_become_markup() {
    let page = home(&listing(EVIL), &channels(EVIL), &jobs(EVIL), &[]).unwrap();
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(!page.contains("alert(\""), "{page}");
    assert!(page.contains("&#60;script&#62;"), "{page}");
    let (page, playable) = play(Some(&format!("/x\"{EVIL}"))).unwrap();
    assert!(playable);
    assert!(
        !page.contains("<script>alert") && !page.contains("/x\""),
        "{page}"
    );
}

#[test]
fn an_address_that_cannot_be_played_is_not_put_into_the_page() {
    let (page, playable) = play(Some("javascript:alert(1)")).unwrap();
    assert!(!playable);
    assert!(!page.contains("alert(1)"));
    assert!(page.contains("Only a path of this server"));
    assert!(play(None).unwrap().1);
}

#[test]
fn the_home_page_without_javascript_is_a_list_of_links() {
    let page = home(&listing("film"), &channels("news"), &jobs("film"), &[]).unwrap();
    assert!(page.contains(r#"<a class="url" href="/vod/film/manifest.mpd">"#));
    assert!(page.contains(r#"href="/play?src=/vod/film/manifest.mpd""#));
    assert!(page.contains(r#"href="/play?src=/live/news/master.m3u8""#));
    assert!(page.contains("running 0:12"), "{page}");
}
