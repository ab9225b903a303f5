//! A headless Chromium plays every kind of asset on demand and as live, over DASH and HLS, through
//! the product's own player page: time moves on across the wrap of the loop without a stall.

use std::{fmt::Write as _, io::Write as _, time::Duration};

use harness::{
    clips::{self, Clip, LOOP_SECONDS},
    launch,
    webdriver::Browser,
};
use serde_json::Value;

/// What counts as a stall once a video plays, milliseconds of media time lost in one go.
const STALL_MS: f64 = 1000.0;

/// Watches the video of the player page.
///
/// A sample is taken ten times a second. `lost` adds up the time by which the video fell behind the
/// clock without a sample of normal progress between, so that a late sample is not a stall; `jump`
/// is the greatest leap ahead of the clock.
const WATCH: &str = r"
    const video = document.getElementById('video');
    const seen = {source: video.dataset.src, first: null, time: 0, worst: 0, jump: 0, error: '',
                  ended: false, bytes: [0, 0]};
    let at = performance.now();
    let steady = 0;
    let lost = 0;
    setInterval(() => {
        const now = performance.now();
        const wall = now - at;
        const media = (video.currentTime - seen.time) * 1000;
        at = now;
        seen.time = video.currentTime;
        seen.ended = video.ended;
        seen.bytes = [video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount];
        seen.error = document.body.dataset.error || (video.error && video.error.message) || seen.error;
        if (seen.first === null) {
            steady = media > wall / 2 && media < wall * 2 ? steady + 1 : 0;
            if (steady === 5) seen.first = video.currentTime;
        } else if (!video.ended) {
            lost = media < wall / 2 ? lost + wall - media : 0;
            seen.worst = Math.max(seen.worst, lost);
            seen.jump = Math.max(seen.jump, media - wall);
        }
    }, 100);
    window.seen = seen;
    return true;
";

fn plays_everywhere(clip: Clip) {
    let server = launch::simulate(&clip.path());
    let name = clip.name();
    launch::wait_for("the asset", || {
        let answer = server.get(&format!("/vod/{name}/manifest.mpd"));
        (answer.status == 200).then_some(())
    });
    let browser = Browser::start();
    let mut windows = Vec::new();
    for place in ["vod", "livesim"] {
        for manifest in ["manifest.mpd", "master.m3u8"] {
            let page = format!("/play?src=/{place}/{name}/{manifest}");
            windows.push(browser.open_window(&server.url(&page)));
            browser.run(WATCH);
        }
    }
    let report = || -> Vec<Value> {
        let seen = |window: &String| {
            browser.switch(window);
            browser.run("return window.seen")
        };
        windows.iter().map(seen).collect()
    };
    launch::wait_within(Duration::from_mins(1), || {
        let all = report();
        let failed = all.iter().any(|one| one["error"] != "");
        (failed || all.iter().all(has_played)).then_some(())
    });
    let mut wrong = String::new();
    for one in report() {
        let stalled = one["worst"].as_f64().unwrap_or(f64::MAX) > STALL_MS;
        let jumped = one["jump"].as_f64().unwrap_or(f64::MAX) > STALL_MS;
        let silent = one["bytes"][0] == 0 || one["bytes"][1] == 0;
        let _ = writeln!(std::io::stderr(), "{one}");
        if one["error"] != "" || !has_played(&one) || stalled || jumped || silent {
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
