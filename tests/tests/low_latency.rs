//! The players of the field play low-latency streams as they come with, and say how far behind live
//! they are: a broadcast channel and a simulated one, over HLS and DASH. How far that is depends on the
//! machine and is measured by `make bench`.

use std::{fmt::Write as _, time::Duration};

use harness::{
    clips::{self, Clip},
    launch::{self, Server},
    players::{Pages, Player},
    webdriver::Browser,
};
use serde_json::Value;

/// Who plays what, below the folder of the channel.
const WAYS: [(Player, &str); 4] = [
    (Player::HlsJs, "master.m3u8"),
    (Player::DashJs, "manifest.mpd"),
    (Player::Shaka, "master.m3u8"),
    (Player::Shaka, "manifest.mpd"),
];
/// Seconds of media that are played before it counts.
const PLAYED: f64 = 3.0;
/// No wall clock time of a picture of ours lies before, Unix ms.
const YEAR_2020: f64 = 1_577_836_800_000.0;

/// What a page has to say once its video has moved on, and whether its player used low latency: a
/// playlist that it waited for, or a delay that the MPD's `Latency` asks for.
const SEEN: &str = r"
    const seen = {...state(), requests: performance.getEntriesByType('resource').map(({name}) => name)};
    window.began ??= seen.time > 0 && !seen.paused ? seen.time : undefined;
    seen.played = window.began === undefined ? 0 : seen.time - window.began;
    seen.delay = seen.player === 'dash.js' && player.isReady() ? player.getTargetLiveDelay() : null;
    return seen;
";

fn play(server: &Server, folder: &str, delay: f64) {
    let pages = Pages::start();
    for (player, manifest) in WAYS {
        // One at a time: four at once keep a small machine from playing at all.
        let browser = Browser::start();
        browser.open(&pages.url(player, &server.url(&format!("{folder}/{manifest}"))));
        let mut last = Value::Null;
        let played = launch::wait_within(launch::PATIENCE, || {
            last = browser.run(SEEN);
            std::thread::sleep(Duration::from_millis(100));
            let is_over = last["failures"] != Value::Array(Vec::new());
            (is_over || last["played"].as_f64() > Some(PLAYED)).then_some(())
        });
        let mut said = String::new();
        let _ = write!(
            said,
            "{player:?} {folder}/{manifest}: {last:#}\n{}",
            server.said()
        );
        assert!(played.is_some(), "{said}");
        assert_eq!(last["failures"], Value::Array(Vec::new()), "{said}");
        assert!(last["latency"].as_f64() > Some(0.0), "{said}");
        assert!(last["date"].as_f64() > Some(YEAR_2020), "{said}");
        let requests = last["requests"].as_array().expect("a list");
        let asked = |text: &str| {
            let mut urls = requests.iter().filter_map(Value::as_str);
            urls.any(|url| url.contains(text))
        };
        match (player, manifest) {
            (Player::DashJs, _) => assert_eq!(last["delay"].as_f64(), Some(delay), "{said}"),
            (_, "master.m3u8") => assert!(asked("_HLS_msn="), "{said}"),
            _ => {}
        }
    }
}

/// Starts a channel of the test source, of one rung such as `144p`, and waits until there is enough of
/// it for every player to begin with: of less, Shaka Player makes an error.
fn channel(input: &str, rung: &str) -> Server {
    let args = ["broadcast", "--input", input, "--ladder", rung];
    let server = launch::headend(args.into_iter().chain(["--listen", "127.0.0.1:0"])).start();
    let playlist = format!("/live/live/v{}/playlist.m3u8", rung.trim_end_matches('p'));
    launch::wait_for("some segments of the channel", || {
        let answer = server.get(&playlist);
        (answer.text().matches("#EXTINF").count() >= 4).then_some(())
    });
    server
}

#[test]
fn a_broadcast_channel_is_played_in_low_latency() {
    let server = channel("testsrc?size=320x180&rate=30", "144p");
    play(&server, "/live/live", 1.368);
}

#[test]
fn a_simulated_channel_is_played_in_low_latency() {
    let server = launch::simulate(&clips::root());
    let name = Clip::DashNumber.name();
    launch::wait_for("the asset", || {
        let answer = server.get(&format!("/vod/{name}/manifest.mpd"));
        (answer.status == 200).then_some(())
    });
    let folder = format!("/livesim/ato_1.6/chunkdur_0.4/{name}");
    play(&server, &folder, 1.4);
}

#[test]
fn what_players_say_of_their_latency_is_in_the_picture() {
    // The clock is read in the size that it has at 720p.
    let server = channel("testsrc", "360p");
    let pages = Pages::start();
    let browser = Browser::start();
    browser.open(&pages.url(Player::Shaka, &server.url("/live/live/master.m3u8")));
    let mut last = Value::Null;
    let agree = launch::wait_within(launch::PATIENCE, || {
        last = browser.run("return picture()");
        let off = last["date"].as_f64()? - last["pictured"].as_f64()?;
        // They differ by what it took to encode a frame, which is long on a busy machine.
        (off.abs() < 1000.0).then_some(())
    });
    assert!(agree.is_some(), "{last:#}\n{}", server.said());
}
