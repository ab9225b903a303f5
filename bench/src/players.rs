//! How far behind live the players of the field are, each with the settings it comes with, in a headless
//! Chromium: 720p30 in three rungs, live from the test source and simulated, each with the latency
//! that is the default and with `ultra`.
//!
//! What counts is the wall clock less the time that the manifest gives the picture on the screen, the
//! median over some seconds. Beside it stands what the player itself says, and for live channels what
//! the clock says that the test source draws into the picture.

use std::{path::Path, time::Duration};

use harness::{
    clips,
    launch::{self, Server},
    players::{Pages, Player},
    webdriver::Browser,
};
use serde_json::{Value, json};

use crate::{Effort, report::Report};

/// Who plays what, below the folder of the channel.
const WAYS: [(&str, Player, &str); 4] = [
    ("hls.js", Player::HlsJs, "master.m3u8"),
    ("dash.js", Player::DashJs, "manifest.mpd"),
    ("Shaka HLS", Player::Shaka, "master.m3u8"),
    ("Shaka DASH", Player::Shaka, "manifest.mpd"),
];

/// A latency that a channel can be made for.
struct Class {
    name: &'static str,
    /// Seconds that players may be behind.
    bound: f64,
    /// `broadcast --latency`.
    preset: &'static str,
    /// Options of a simulated channel with segments of 2 s.
    options: &'static str,
}

const CLASSES: [Class; 2] = [
    Class {
        name: "defaults",
        bound: 2.0,
        preset: "default",
        options: "ato_1.667/chunkdur_0.333",
    },
    Class {
        name: "ultra",
        bound: 1.0,
        preset: "ultra",
        options: "ato_1.834/chunkdur_0.166",
    },
];

/// Name of the simulated asset.
const ASSET: &str = "clip";
/// A browser that has just been started is left alone for so long.
const SETTLE: Duration = Duration::from_secs(3);
/// Between two looks at a player.
const PERIOD: Duration = Duration::from_millis(200);

/// Measures the players on live channels.
pub(crate) fn live(effort: Effort, report: &mut Report) {
    for class in &CLASSES {
        let state = tempfile::tempdir().expect("temporary folder");
        let server = launch::headend([
            "broadcast".as_ref(),
            "--input".as_ref(),
            "testsrc".as_ref(),
            "--latency".as_ref(),
            class.preset.as_ref(),
            "--listen".as_ref(),
            "127.0.0.1:0".as_ref(),
            "--state-dir".as_ref(),
            state.path().as_os_str(),
        ])
        .start();
        watch(&server, "live", "/live/live", class, effort, report);
    }
}

/// Measures the players on simulated channels.
pub(crate) fn simulated(effort: Effort, report: &mut Report) {
    let root = tempfile::tempdir_in(launch::profile_folder()).expect("temporary folder");
    make_clip(&root.path().join(ASSET));
    let server = launch::simulate(root.path());
    for class in &CLASSES {
        let folder = format!("/livesim/{}/{ASSET}", class.options);
        watch(&server, "simulated", &folder, class, effort, report);
    }
}

/// Makes an asset of what the test source of a channel makes: 720p30 in three rungs, segments of two
/// seconds, key frames each second, and sound.
fn make_clip(folder: &Path) {
    std::fs::create_dir(folder).expect("folder of the clip");
    clips::ffmpeg(
        folder,
        "-f lavfi -i testsrc2=size=1280x720:rate=30:duration=16 \
         -f lavfi -i sine=frequency=440:beep_factor=2:sample_rate=48000:duration=16 \
         -map 0:v -map 0:v -map 0:v -map 1:a -c:v libx264 -preset superfast -pix_fmt yuv420p \
         -g 30 -keyint_min 30 -sc_threshold 0 -bf 0 -b:v:0 2M -b:v:1 1M -s:v:1 854x480 \
         -b:v:2 242k -s:v:2 426x240 -c:a aac -b:a 128k -ac 2 -f dash -seg_duration 2 \
         -use_timeline 0 -use_template 1 -adaptation_sets id=0,streams=v\\ id=1,streams=a \
         manifest.mpd",
    );
}

/// Lets all players watch a channel, one after the other.
fn watch(
    server: &Server,
    kind: &str,
    folder: &str,
    class: &Class,
    effort: Effort,
    report: &mut Report,
) {
    launch::wait_for("the channel", || {
        let answer = server.get(&format!("{folder}/master.m3u8"));
        (answer.status == 200).then_some(())
    });
    std::thread::sleep(Duration::from_secs(effort.channel_seconds));
    let pages = Pages::start();
    for (name, player, manifest) in WAYS {
        let browser = Browser::start();
        std::thread::sleep(SETTLE);
        browser.open(&pages.url(player, &server.url(&format!("{folder}/{manifest}"))));
        let seen = follow(&browser, kind == "live", effort);
        let name = format!("player latency: {name}, {kind}, {}", class.name);
        let value = seen["latency"].as_f64().unwrap_or(f64::INFINITY);
        let beside = format!(
            "    says {}, picture {}, from {} to {}, {} waits",
            seen["said"], seen["picture"], seen["least"], seen["most"], seen["waits"]
        );
        report.bounded(&name, value, class.bound, seen);
        report.note(&beside);
    }
}

/// Looks at a player while it starts, and then while it counts.
fn follow(browser: &Browser, has_clock: bool, effort: Effort) -> Value {
    let look = |seconds: u64, mut see: Box<dyn FnMut(&Value) + '_>| {
        let until = std::time::Instant::now() + Duration::from_secs(seconds);
        while std::time::Instant::now() < until {
            see(&browser.run("return state()"));
            std::thread::sleep(PERIOD);
        }
    };
    look(effort.player_start_seconds, Box::new(|_| {}));
    let (mut behind, mut said, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = Value::Null;
    look(
        effort.player_seconds,
        Box::new(|state| {
            if let (Some(now), Some(date)) = (state["now"].as_f64(), state["date"].as_f64()) {
                behind.push((now - date) / 1000.0);
            }
            said.extend(state["latency"].as_f64());
            // Reading the picture costs the player some of its time: not with every look.
            if has_clock && behind.len() % 10 == 1 {
                drawn.extend(picture(browser));
            }
            last = state.clone();
        }),
    );
    let waits = last["events"].as_array().map_or(0, |events| {
        let texts = events.iter().filter_map(Value::as_str);
        texts.filter(|text| text.contains(" waiting at ")).count()
    });
    // Sorts them, too.
    let latency = middle(&mut behind);
    json!({
        "latency": latency,
        "least": behind.first().copied().map(rounded),
        "most": behind.last().copied().map(rounded),
        "said": middle(&mut said),
        "picture": middle(&mut drawn),
        "waits": waits,
        "size": last["size"],
        "failures": last["failures"],
        "troubles": last["troubles"],
    })
}

/// Returns how far behind the wall clock the clock in the picture is, seconds.
fn picture(browser: &Browser) -> Option<f64> {
    let seen = browser.run("return picture()");
    Some((seen["now"].as_f64()? - seen["pictured"].as_f64()?) / 1000.0)
}

/// Sorts figures and returns the median.
fn middle(figures: &mut [f64]) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().map(rounded)
}

/// Rounds seconds to milliseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
