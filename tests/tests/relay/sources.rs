//! Feeds without a command: other servers, and what this server makes and has.

use std::{
    fs,
    io::BufReader,
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use harness::{
    clips::Clip,
    http, launch,
    origin::{Manner, Origin},
};
use rustix::process::Signal;

use crate::{Relay, TS, free_port, read_some};

/// Starts a server whose stream `s` is a test source that runs, on a port of choice.
fn upstream(port: u16) -> Relay {
    let yaml = format!(
        "feeds: {{ f: {{ command: \"{TS}\", mode: autostart }} }}\n\
         streams: {{ s: {{ feed: f, auth: {{ users: {{ edge: secret }} }} }} }}\n"
    );
    let listen = format!("127.0.0.1:{port}");
    Relay::start_with(&yaml, &["--listen", &listen])
}

/// Reads a running transport stream for so long.
fn read_for(reader: &mut BufReader<TcpStream>, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        read_some(reader, 188);
    }
}

/// Returns how many frames ffmpeg decodes of a stream, in so many seconds of it, without a complaint.
fn frames(relay: &Relay, path: &str, seconds: &str) -> usize {
    let url = relay.server.url(path);
    let words = [
        "-nostdin",
        "-v",
        "warning",
        "-i",
        &url,
        "-t",
        seconds,
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-f",
        "framecrc",
        "pipe:1",
    ];
    let output = launch::run(launch::command("ffmpeg").args(words));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{said}\n{}",
        relay.server.said()
    );
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// A stream of another server is a feed of this one: begun with the first viewer, left with the last;
/// and when the other server goes, in order or not, viewers stay until it is back.
#[test]
fn a_stream_of_another_server_is_pulled() {
    let port = free_port();
    let mut origin = upstream(port);
    let edge = Relay::start(&format!(
        "feeds:\n  f: {{ source: 'http://edge:secret@127.0.0.1:{port}/stream/s' }}\n  \
         bad: {{ source: 'http://edge:wrong@127.0.0.1:{port}/stream/s' }}\n\
         streams: {{ s: {{ feed: f }}, bad: {{ feed: bad }} }}\n"
    ));
    origin.wait_state("f", "running");
    assert_eq!(origin.stream("s")["clients"], 0);
    let (status, mut viewer) = edge.open("/stream/s");
    assert_eq!(status, 200);
    read_for(&mut viewer, Duration::from_secs(1));
    assert_eq!(edge.stream("s")["content_type"], "video/mp2t");
    assert_eq!(origin.stream("s")["clients"], 1);
    assert_eq!(frames(&edge, "/stream/s", "2"), 20);
    assert_eq!(origin.stream("s")["clients"], 1, "one for all viewers");
    for signal in [Signal::TERM, Signal::KILL] {
        let runs = edge.feed("f")["runs"].as_u64();
        origin.server.guard.signal(signal);
        origin.server.guard.wait();
        edge.wait_state("f", "backing-off");
        origin = upstream(port);
        launch::wait_for("the feed to be back", || {
            let feed = edge.feed("f");
            (feed["state"] == "running" && feed["runs"].as_u64() > runs).then_some(())
        });
        // More than was on its way when the other server went.
        read_some(&mut viewer, 60_000);
    }
    assert_eq!(edge.stream("s")["arrivals"], 2);
    drop(viewer);
    edge.wait_state("f", "stopped");
    launch::wait_for("the other server to be left", || {
        (origin.stream("s")["clients"] == 0).then_some(())
    });
    // Secrets of addresses are shown nowhere.
    let answer = edge.get("/stream/bad").expect(502);
    assert!(answer.text().contains("401"), "{}", answer.text());
    for text in [edge.get("/stat.json").text(), &edge.server.said()] {
        assert!(
            !text.contains("secret") && !text.contains("wrong"),
            "{text}"
        );
    }
}

/// A file of another server comes to its end when it is whole, and is begun anew when it breaks off.
#[test]
fn a_file_of_another_server_is_pulled_to_its_end() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("film.ts");
    let made = launch::run(
        launch::command("ffmpeg")
            .args("-nostdin -loglevel error -f lavfi -i testsrc2=size=64x36:rate=10".split(' '))
            .args("-t 20 -c:v mpeg2video -g 10 -f mpegts".split(' '))
            .arg(&file),
    );
    assert!(made.status.success(), "{made:?}");
    let film = fs::read(&file).expect("film");
    let origin = Origin::start(film.clone(), Manner::default());
    let relay = Relay::start(&format!(
        "feeds: {{ f: {{ source: '{}' }} }}\nstreams: {{ s: {{ feed: f }} }}\n",
        origin.url("film.ts")
    ));
    assert!(relay.get("/stream/s").expect(200).body == film);
    origin.set(Manner {
        cut: Some(film.len() / 2 / 188 * 188),
        ..Manner::default()
    });
    let viewer = std::thread::scope(|scope| {
        let viewer = scope.spawn(|| relay.get("/stream/s"));
        launch::wait_for("the feed to break off", || {
            let reason = relay.feed("f")["reason"].to_string();
            (relay.feed("f")["state"] == "backing-off").then_some(reason)
        });
        origin.set(Manner::default());
        viewer.join().expect("viewer")
    });
    let body = viewer.expect(200).body;
    assert!(body.len() > film.len() * 3 / 2, "{}", body.len());
    assert!(
        body.ends_with(&film[film.len() / 4..]),
        "all of it, at last"
    );
    assert!(body.chunks(188).all(|packet| packet[0] == 0x47));
}

/// What this server broadcasts and has is a feed of streams, even under a name that URLs write
/// otherwise.
#[test]
fn channels_and_assets_of_this_server_are_feeds() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let assets = folder.path().join("assets");
    fs::create_dir(&assets).expect("folder");
    fs::copy(Clip::Plain.path(), assets.join("a {film} 50%.mkv")).expect("asset");
    let relay = Relay::start(&configuration(folder.path(), &assets));
    launch::wait_for("the channel", || {
        let answer = relay.get("/live/news/master.m3u8");
        (answer.status == 200).then_some(())
    });
    launch::wait_for("the asset", || {
        let answer = relay.get("/vod/a%20%7Bfilm%7D%2050%25/master.m3u8");
        (answer.status == 200).then_some(())
    });
    assert!(frames(&relay, "/stream/channel", "3") >= 70);
    let begun = Instant::now();
    assert!(frames(&relay, "/stream/asset", "3") >= 70);
    // At its pace, and not as fast as a file can be read.
    assert!(begun.elapsed() > Duration::from_secs(2));
    assert_eq!(relay.stream("asset")["content_type"], "video/mp2t");
    relay.wait_state("channel", "stopped");
    // Its end is the end of the answer.
    let answer = http::get(&relay.server.url("/stream/asset"))
        .send()
        .expect(200);
    assert_eq!(answer.body.len() % 188, 0);
    let none = relay.get("/stream/none").expect(502);
    assert!(none.text().contains("404"), "{}", none.text());
}

fn configuration(folder: &Path, assets: &Path) -> String {
    format!(
        "state_dir: {state}\ncache_dir: {cache}\nassets: ['{assets}']\n\
         channels:\n  news:\n    job:\n      inputs: testsrc\n      \
         ladder: [{{ name: small, height: 90, bitrate: 100k }}]\n\
         feeds:\n  channel: {{ source: 'channel:news' }}\n  asset: {{ source: 'asset:a {{film}} 50%' }}\n  \
         none: {{ source: 'asset:nothing' }}\n\
         streams: {{ channel: {{ feed: channel }}, asset: {{ feed: asset }}, none: {{ feed: none }} }}\n",
        state = folder.join("state").display(),
        cache = folder.join("cache").display(),
        assets = assets.display(),
    )
}
