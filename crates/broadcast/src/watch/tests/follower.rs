//! Followers with scripted answers: what they ask for, when they end, what they show.

use std::time::Duration;

use url::Url;

use super::{
    fake::{Fake, Fault},
    sim::{at_once, follow},
};
use crate::watch::{
    End, Event, FailAfter, Follower, Format, Kind, Options, Request,
    table::{self, Style},
};

const NOW: i64 = 1_790_000_000_000;

fn root() -> Url {
    Url::parse("http://h/live/master.m3u8?token=1").unwrap()
}

fn list(from: u64, count: u64, more: &str) -> String {
    let mut out = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{from}\n\
         #EXT-X-MAP:URI=\"i.mp4\"\n"
    );
    for msn in from..from + count {
        out.push_str(&format!("#EXTINF:4,\n{msn}.m4s\n"));
    }
    out + more
}

fn options() -> Options {
    Options::default()
}

#[test]
fn renditions_of_all_kinds_are_followed_by_relative_urls() {
    let mut asked: Vec<String> = Vec::new();
    let serve = |request: &Request, now: i64| {
        asked.push(request.url.to_string());
        match request.url.path() {
            "/live/master.m3u8" => at_once(
                now,
                200,
                "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"a/en/playlist.m3u8\"\n\
                 #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"en\",URI=\"/subs/en.m3u8\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,AUDIO=\"a\"\n../v/hi.m3u8\n\
                 #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9000,URI=\"//cdn/i.m3u8\"\n",
            ),
            path if path.contains(".m3u8") => at_once(now, 200, &list(7, 3, "")),
            _ => at_once(now, 200, ""),
        }
    };
    let (follower, _) = follow(Follower::new(root(), options()), serve, NOW, NOW + 500);
    let playlists: Vec<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|url| url.ends_with("m3u8"))
        .collect();
    assert_eq!(
        playlists,
        [
            "http://h/live/a/en/playlist.m3u8",
            "http://h/subs/en.m3u8",
            "http://h/v/hi.m3u8",
            "http://cdn/i.m3u8"
        ]
    );
    let snapshot = follower.snapshot(NOW + 500);
    assert_eq!(snapshot.format, Some(Format::Hls));
    let kinds: Vec<Kind> = snapshot.renditions.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [Kind::Audio, Kind::Text, Kind::Video, Kind::IFrame]);
    let video = &snapshot.renditions[2];
    assert_eq!((video.bandwidth, video.segments), (Some(2_000_000), 3));
    assert_eq!(video.newest.as_ref().unwrap().url, "http://h/v/9.m4s");
    assert_eq!(
        (video.status, video.target_duration),
        (Some(200), Some(4000))
    );
}

#[test]
fn a_server_that_can_is_asked_for_what_comes_next() {
    let low = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3\n\
               #EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-PART:DURATION=1,URI=\"10.0.m4s\"\n";
    let mut asked: Vec<Request> = Vec::new();
    let serve = |request: &Request, now: i64| {
        asked.push(request.clone());
        at_once(now, 200, &list(7, 3, low))
    };
    let (..) = follow(Follower::new(root(), options()), serve, NOW, NOW + 3000);
    let held: Vec<&Request> = asked.iter().filter(|request| request.waits).collect();
    assert_eq!(
        held[0].url.as_str(),
        "http://h/live/master.m3u8?token=1&_HLS_msn=10&_HLS_part=1"
    );
    assert_eq!(held[0].timeout, Duration::from_secs(22));
    // It answers at once with nothing new: it is not asked without pause.
    assert!(held.len() <= 4, "{}", held.len());
}

#[test]
fn a_playlist_that_stands_still_is_stale_and_fails_when_told_to() {
    let serve = |_: &Request, now: i64| at_once(now, 200, &list(7, 3, ""));
    let (follower, _) = follow(Follower::new(root(), options()), serve, NOW, NOW + 20_000);
    let row = &follower.snapshot(NOW + 20_000).renditions[0];
    assert_eq!(row.stale, 3);
    assert_eq!(follower.end(NOW + 20_000), None);

    let strict = Options {
        fail_after: FailAfter::TargetDurations(3),
        ..options()
    };
    let (follower, _) = follow(Follower::new(root(), strict), serve, NOW, NOW + 60_000);
    let end = follower.end(NOW + 60_000);
    assert!(matches!(end, Some(End::Failed { .. })), "{end:?}");
}

#[test]
fn what_cannot_be_reached_is_polled_and_told_once() {
    let mut asked = 0;
    let serve = |_: &Request, now: i64| {
        asked += 1;
        at_once(now, 503, "")
    };
    let (follower, events) = follow(Follower::new(root(), options()), serve, NOW, NOW + 10_500);
    let problems: Vec<&Event> = events
        .iter()
        .filter(|event| matches!(event, Event::Problem { .. }))
        .collect();
    assert_eq!((problems.len(), asked), (1, 11));
    assert_eq!(follower.snapshot(NOW).error.as_deref(), Some("HTTP 503"));
    let limited = Options {
        fail_after: FailAfter::After(Duration::from_secs(3)),
        ..options()
    };
    let serve = |_: &Request, now: i64| at_once(now, 503, "");
    let (follower, _) = follow(Follower::new(root(), limited), serve, NOW, NOW + 60_000);
    let Some(End::Failed { reason, .. }) = follower.end(NOW + 60_000) else {
        panic!("it fails");
    };
    assert_eq!(reason, "HTTP 503");
}

#[test]
fn what_has_ended_ends_and_one_look_is_one_look() {
    let ended = |_: &Request, now: i64| at_once(now, 200, &list(7, 3, "#EXT-X-ENDLIST\n"));
    let (follower, _) = follow(Follower::new(root(), options()), ended, NOW, NOW + 9000);
    assert_eq!(follower.end(NOW + 9000), Some(End::Ended));

    let once = Options {
        once: true,
        ..options()
    };
    let live = |_: &Request, now: i64| at_once(now, 200, &list(7, 3, ""));
    let (follower, events) = follow(Follower::new(root(), once.clone()), live, NOW, NOW + 9000);
    assert_eq!(follower.end(NOW + 9000), Some(End::Once));
    let changes = events
        .iter()
        .filter(|event| matches!(event, Event::Changed { .. }));
    assert_eq!(changes.count(), 1);

    let nonsense = |_: &Request, now: i64| at_once(now, 200, "hello");
    let (follower, _) = follow(Follower::new(root(), once), nonsense, NOW, NOW + 9000);
    assert!(matches!(follower.end(NOW + 9000), Some(End::Failed { .. })));
}

#[test]
fn sequences_that_go_back_and_lost_segments_are_told_without_strict() {
    let mut looks = 0;
    let serve = |request: &Request, now: i64| {
        if request.url.path().contains(".m4s") {
            return at_once(now, 404, "");
        }
        looks += 1;
        at_once(now, 200, &list(if looks == 3 { 5 } else { 7 }, 3, ""))
    };
    let (follower, events) = follow(Follower::new(root(), options()), serve, NOW, NOW + 5000);
    let rules: Vec<&str> = super::sim::violations(events)
        .iter()
        .map(|v| v.rule)
        .collect();
    assert!(
        rules.contains(&"L12-sequence") && rules.contains(&"C1-media"),
        "{rules:?}"
    );
    assert_eq!(follower.violations(), rules.len() as u64);
}

#[test]
fn tables_fit_their_width() {
    let fake = Fake::new(NOW, None, Fault::None);
    let from = NOW + 40_000;
    let url = Url::parse("http://fake/master.m3u8").unwrap();
    let serve = |request: &Request, now: i64| fake.serve(request, now);
    let (follower, _) = follow(Follower::new(url, options()), serve, from, from + 2600);
    let snapshot = follower.snapshot(from + 2600);
    for (name, width) in [("wide", 160), ("narrow", 60)] {
        let style = Style {
            width,
            colour: false,
        };
        let text = table::render(std::slice::from_ref(&snapshot), style);
        assert!(
            text.lines().all(|line| line.chars().count() <= width),
            "{text}"
        );
        insta::assert_snapshot!(format!("table_{name}"), text);
    }
    insta::assert_snapshot!("tail", table::tail(&snapshot.renditions[0]));
    let json = serde_json::to_string_pretty(&snapshot.renditions[0]).unwrap();
    insta::assert_snapshot!("row_as_json", json);
}
