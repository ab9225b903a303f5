//! A headless Chromium plays every kind of asset on demand and as live, over DASH and HLS, through
//! the product's own player page: time moves on across the wrap of the loop without a stall.

use std::{fmt::Write as _, time::Duration};

use harness::{
    clips::{self, Clip, LOOP_SECONDS},
    launch::{self, Server},
    webdriver::Browser,
};
use serde_json::Value;

/// What counts as a stall once a video plays, milliseconds of media time lost in one go.
const STALL_MS: f64 = 1000.0;

/// Puts a frame with the player page for each source into the page, and watches the videos.
///
/// A sample is taken ten times a second. `lost` adds up the time by which a video fell behind the
/// clock without a sample of normal progress between, so that a late sample is not a stall; `jump`
/// is the greatest leap ahead of the clock.
const WATCH: &str = r"
    document.body.replaceChildren();
    window.watched = SOURCES.map((source) => {
        const frame = document.createElement('iframe');
        frame.width = 600;
        frame.height = 360;
        frame.src = '/play?src=' + encodeURIComponent(source);
        document.body.append(frame);
        return {source, frame, first: null, at: 0, time: 0, steady: 0, lost: 0, worst: 0, jump: 0,
                error: '', ended: false, bytes: [0, 0]};
    });
    setInterval(() => {
        for (const one of window.watched) {
            const page = one.frame.contentDocument;
            const video = page && page.getElementById('video');
            if (!video) continue;
            const now = performance.now();
            const wall = now - one.at;
            const media = (video.currentTime - one.time) * 1000;
            one.at = now;
            one.time = video.currentTime;
            one.ended = video.ended;
            one.bytes = [video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount];
            one.error = page.body.dataset.error || (video.error && video.error.message) || one.error;
            if (one.first === null) {
                one.steady = media > wall / 2 && media < wall * 2 ? one.steady + 1 : 0;
                if (one.steady === 5) one.first = video.currentTime;
            } else if (!video.ended) {
                one.lost = media < wall / 2 ? one.lost + wall - media : 0;
                one.worst = Math.max(one.worst, one.lost);
                one.jump = Math.max(one.jump, media - wall);
            }
        }
    }, 100);
    return true;
";

const REPORT: &str =
    "return window.watched.map(({source, first, time, worst, jump, error, ended, bytes}) =>
    ({source, first, time, worst, jump, error, ended, bytes}));";

fn plays_everywhere(clip: Clip) {
    let server = launch::simulate(&clip.path());
    let name = name_in(&server, clip);
    let mut sources = Vec::new();
    for place in ["vod", "livesim"] {
        for manifest in ["manifest.mpd", "master.m3u8"] {
            sources.push(format!("/{place}/{name}{manifest}"));
        }
    }
    let browser = Browser::start();
    browser.open(&server.url("/play"));
    let sources = serde_json::to_string(&sources).expect("JSON");
    browser.run(&WATCH.replace("SOURCES", &sources));

    let limit = Duration::from_mins(1);
    launch::wait_within(limit, || {
        let report = browser.run(REPORT);
        let all = report.as_array().expect("a list");
        let failed = all.iter().any(|one| one["error"] != "");
        (failed || all.iter().all(has_played)).then_some(())
    });
    let report = browser.run(REPORT);
    let mut wrong = String::new();
    for one in report.as_array().expect("a list") {
        let stalled = one["worst"].as_f64().unwrap_or(f64::MAX) > STALL_MS;
        let jumped = one["jump"].as_f64().unwrap_or(f64::MAX) > STALL_MS;
        let silent = one["bytes"][0] == 0 || one["bytes"][1] == 0;
        if one["error"] != "" || !has_played(one) || stalled || jumped || silent {
            let _ = writeln!(wrong, "{one}");
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nconsole: {:#?}\nserver: {}",
        browser.console(),
        server.said()
    );
}

/// Tells whether a video ran to its end or, live, longer than a loop and so across a wrap.
fn has_played(one: &Value) -> bool {
    let time = one["time"].as_f64().unwrap_or(0.0);
    let Some(first) = one["first"].as_f64() else {
        return false;
    };
    let is_live = one["source"]
        .as_str()
        .is_some_and(|source| source.contains("livesim"));
    if is_live {
        time - first > LOOP_SECONDS as f64 + 1.0
    } else {
        one["ended"] == true && time > LOOP_SECONDS as f64 - 0.5
    }
}

/// Returns the path of the asset with a slash behind it; a folder served by itself has no name.
fn name_in(server: &Server, clip: Clip) -> String {
    let named = format!("{}/", clip.name());
    let found = server.get(&format!("/vod/{named}manifest.mpd")).status == 200;
    if found { named } else { String::new() }
}

#[test]
fn a_dash_folder_plays() {
    plays_everywhere(Clip::DashTimeline);
}

#[test]
fn an_hls_folder_plays() {
    plays_everywhere(Clip::HlsFiles);
}

#[test]
fn a_single_file_asset_plays() {
    plays_everywhere(Clip::DashBase);
}

#[test]
fn a_plain_media_file_plays() {
    plays_everywhere(Clip::Plain);
}

#[test]
fn the_home_page_lists_assets_and_works_without_javascript() {
    let server = launch::simulate(&clips::root());
    let page = server.get("/").expect(200);
    for clip in Clip::FOLDERS {
        let name = clip.name();
        for way in [
            format!("/vod/{name}/manifest.mpd"),
            format!("/vod/{name}/master.m3u8"),
            format!("/livesim/{name}/manifest.mpd"),
            format!("/livesim/{name}/master.m3u8"),
        ] {
            assert!(page.text().contains(&way), "no link to {way}");
        }
    }
    let browser = Browser::start();
    browser.open(&server.url("/"));
    let links = browser.run("return document.querySelectorAll('a[href*=\"/play?src=\"]').length");
    assert!(
        links.as_u64() >= Some(4 * Clip::FOLDERS.len() as u64),
        "{links} play links"
    );
    assert_eq!(browser.console(), Vec::<String>::new());
}
