//! A headless Chromium plays every kind of asset on demand and as live, over DASH and HLS, through
//! the product's own player page: time moves on across the wrap of the loop without a stall.

use harness::{
    clips::{self, Clip, LOOP_SECONDS},
    launch,
    playback::{Audience, Seen},
    webdriver::Browser,
};

fn plays_everywhere(clip: Clip) {
    let server = launch::simulate(&clip.path());
    let name = clip.name();
    launch::wait_for("the asset", || {
        let answer = server.get(&format!("/vod/{name}/manifest.mpd"));
        (answer.status == 200).then_some(())
    });
    let mut audience = Audience::start();
    for place in ["vod", "livesim"] {
        for manifest in ["manifest.mpd", "master.m3u8"] {
            let page = format!("/play?src=/{place}/{name}/{manifest}");
            audience.open(&server.url(&page));
        }
    }
    audience.expect(&server, has_played, |seen| {
        seen.has_pictures() && seen.has_sound()
    });
}

/// Tells whether a video ran to its end or, live, longer than a loop and so across a wrap.
fn has_played(seen: &Seen) -> bool {
    let Some(played) = seen.played() else {
        return false;
    };
    if seen.source().contains("livesim") {
        played > LOOP_SECONDS as f64 + 1.0
    } else {
        seen.has_ended() && seen.time() > LOOP_SECONDS as f64 - 0.5
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
