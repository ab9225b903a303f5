//! A publishing target that goes away and comes back: the live edge does not notice, the alarm is
//! raised and taken back, and what the target lists it has.

use std::{
    fs,
    time::{Duration, Instant},
};

use harness::{
    launch::{self, Server},
    put::Shelf,
};
use rustix::process::Signal;

use crate::channel::{self, Channel, Events};

/// Seconds that the target is away at least; a soak may set more.
const OUTAGE: &str = "OUTAGE_SECONDS";

/// A playlist that was put: its media sequence, and each segment's path, `None` for a gap.
struct Listed {
    sequence: u64,
    segments: Vec<(String, bool)>,
}

fn listed(shelf: &Shelf, path: &str) -> Option<Listed> {
    let text = shelf.text(path)?;
    let mut found = Listed {
        sequence: 0,
        segments: Vec::new(),
    };
    let mut gap = false;
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            found.sequence = number.parse().expect("a number");
        }
        gap |= line == "#EXT-X-GAP";
        if !line.is_empty() && !line.starts_with('#') {
            found.segments.push((line.to_owned(), gap));
            gap = false;
        }
    }
    Some(found)
}

/// Tells whether a path has an extension.
fn is(path: &str, extension: &str) -> bool {
    let end = path.rsplit_once('.');
    end.is_some_and(|(_, end)| end == extension)
}

/// Returns the paths of the media playlists that the target lists.
fn playlists(shelf: &Shelf) -> Vec<String> {
    let paths = shelf.paths();
    let media = paths
        .iter()
        .filter(|path| is(path, "m3u8") && *path != "master.m3u8");
    media.cloned().collect()
}

/// Checks that everything a playlist lists is there, and returns how many segments are gaps.
fn expect_whole(shelf: &Shelf) -> usize {
    let mut gaps = 0;
    for playlist in playlists(shelf) {
        let found = listed(shelf, &playlist).expect("a playlist");
        let base = format!("http://h/{playlist}");
        for (uri, gap) in found.segments {
            if gap {
                gaps += 1;
                continue;
            }
            let path = harness::manifests::resolve(&base, &uri);
            let path = path.trim_start_matches("http://h/");
            assert!(shelf.get(path).is_some(), "{playlist}: {path} is not there");
        }
    }
    gaps
}

/// Checks that no media segment was listed before it was there: whenever a playlist was put, all of
/// it had been put before.
fn expect_media_first(shelf: &Shelf) {
    let order = shelf.order();
    let first = order.iter().position(|path| is(path, "m3u8"));
    let before = &order[..first.expect("a playlist was put")];
    assert!(before.iter().any(|path| is(path, "mp4")), "{before:?}");
    assert!(before.iter().any(|path| is(path, "m4s")), "{before:?}");
}

fn sequence(shelf: &Shelf) -> Option<(u64, usize)> {
    let path = playlists(shelf)
        .into_iter()
        .find(|it| it.contains("v144"))?;
    let found = listed(shelf, &path)?;
    Some((found.sequence, found.segments.len()))
}

fn wait_published(shelf: &Shelf, server: &Server, count: u64) -> u64 {
    let found = launch::wait_within(launch::PATIENCE, || {
        let (sequence, segments) = sequence(shelf)?;
        let edge = sequence + segments as u64;
        (edge >= count && shelf.get("manifest.mpd").is_some()).then_some(edge)
    });
    found.unwrap_or_else(|| panic!("{:?}: {}", shelf.paths(), server.said()))
}

#[test]
fn a_target_that_is_away_costs_the_live_edge_nothing() {
    let shelf = Shelf::start();
    let channel = Channel::bare();
    let file = channel.path("job.yaml");
    // Two tries, so that a short outage costs segments, too.
    let text = format!(
        "job: {{inputs: '{}', ladder: 144p, segment: 1s}}\n\
         runtime: {{targets: [{{uri: '{}', tries: 2}}]}}\n",
        channel::INPUT,
        shelf.url()
    );
    fs::write(&file, text).expect("job");
    let channel = channel.with(&[file.to_str().expect("path")]);
    let mut server = channel.start();
    let events = Events::of(&server);
    let published = wait_published(&shelf, &server, 3);
    expect_media_first(&shelf);
    assert_eq!(expect_whole(&shelf), 0);

    shelf.leave();
    let began = Instant::now();
    let failing = events.wait("upload-failing");
    assert!(failing["target"].to_string().contains("/up/"), "{failing}");
    assert!(!failing["text"].to_string().is_empty(), "{failing}");
    let report = channel::wait_for_report(&server, "an alarm", |report| {
        report["alarms"].as_array().is_some_and(|it| it.len() == 1)
    });
    assert_eq!(report["state"], "running", "{report:#}");
    let seconds = std::env::var(OUTAGE).ok().and_then(|it| it.parse().ok());
    let outage = Duration::from_secs(seconds.unwrap_or(4));
    // The live edge is watched all the while: a segment a second, none late by more than a target
    // duration by the clock of the playlist itself, that is, by what it lists.
    let mut edge = channel::edge(&server);
    let first = edge;
    while began.elapsed() < outage || edge < first + 4 {
        channel::wait_for_more(&server, 1);
        edge = channel::edge(&server);
    }
    let report = channel::report(&server);
    assert_eq!(report["restarts"], 0, "{report:#}");
    assert!(channel::metric(&server, "headend_channel_alarms") >= 1.0);

    shelf.come_back();
    events.wait("upload-recovered");
    channel::wait_for_report(&server, "the end of the alarm", |report| {
        report["alarms"].as_array().is_some_and(Vec::is_empty)
    });
    let caught_up = wait_published(&shelf, &server, channel::edge(&server));
    assert!(caught_up > published + 4, "{published} {caught_up}");
    let gaps = expect_whole(&shelf);
    assert!(gaps > 0, "what was given up is a gap");
    assert_eq!(channel::playlist(&server).gaps, 0, "of the target only");

    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

/// A target that is away when the channel ends does not hold it.
#[test]
fn a_dead_target_does_not_hold_the_end() {
    let shelf = Shelf::start();
    let channel = Channel::new().with(&["--target", &shelf.url()]);
    let mut server = channel.start();
    wait_published(&shelf, &server, 2);
    let events = Events::of(&server);
    shelf.leave();
    events.wait("upload-failing");
    server.guard.signal(Signal::INT);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

/// A target that is no address is told before anything starts.
#[test]
fn a_target_that_cannot_be_is_2() {
    let ended = Channel::new().with(&["--target", "http://[half"]).run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.reason().contains("/runtime/targets"), "{ended:?}");
}
