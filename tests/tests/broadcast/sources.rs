//! Sources that go and come back: publishers of listening inputs, and a source that is not there yet when
//! headend is started again.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use harness::launch::{self, Guard};
use rustix::process::Signal;

use crate::channel::{self, Channel};

/// What is published: small pictures with sound, a key frame a second.
const MEDIA: &str = "-hide_banner -loglevel error -nostdin -re -f lavfi -i \
    testsrc2=size=320x180:rate=25 -re -f lavfi -i sine=sample_rate=48000 -c:v libx264 \
    -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -c:a aac";

/// Publishes until it is dropped, again whenever nobody listens.
struct Publisher {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Publisher {
    fn start(output: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, output) = (Arc::clone(&stop), output.to_owned());
        let thread = thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                let mut command = launch::command("ffmpeg");
                command.args(MEDIA.split_whitespace());
                command.args(output.split_whitespace());
                let mut child = Guard::spawn(&mut command);
                while child.ended().is_none() {
                    if flag.load(Ordering::Relaxed) {
                        // As one who ends the stream in order.
                        child.signal(Signal::INT);
                        child.wait();
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there is that of a test.
            let _ = thread.join();
        }
    }
}

/// Lets a publisher come, go and come back.
fn goes_and_comes_back(input: &str, output: &str) {
    let channel = Channel::of(input);
    let mut server = channel.launch().start_unready();
    let publisher = Publisher::start(output);
    let before = channel::wait_for_segments(&server, 2);
    let kept = before.listed.segments[0].clone();
    let media = kept.get().expect(200).body;

    drop(publisher);
    let report = channel::wait_for_report(&server, "the publisher to be missed", |report| {
        report["state"] == "backoff" || report["restarts"] != 0
    });
    assert_ne!(report["state"], "failed", "{report:#}");
    // Nobody publishes, and all that was there is.
    let left = channel::playlist(&server);
    assert!(!left.ended, "{left:?}");
    assert_eq!(kept.get().expect(200).body, media);

    let publisher = Publisher::start(output);
    channel::wait_for_more(&server, 2);
    let after = channel::playlist(&server);
    assert_eq!(after.media_sequence, before.media_sequence, "{after:?}");
    assert_eq!(after.discontinuities, 1, "{after:?}");
    for segment in &after.listed.segments {
        segment.get().expect(200);
    }
    assert_eq!(kept.get().expect(200).body, media);
    drop(publisher);
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}

#[test]
fn an_rtmp_publisher_leaves_and_returns() {
    let url = format!("rtmp://127.0.0.1:{}/live/key", launch::free_port());
    goes_and_comes_back(&format!("{url}#mode=listen"), &format!("-f flv {url}"));
}

#[test]
fn an_srt_publisher_leaves_and_returns() {
    let url = format!("srt://127.0.0.1:{}", launch::free_port());
    goes_and_comes_back(
        &format!("{url}?mode=listener&latency=50"),
        &format!("-f mpegts {url}?mode=caller"),
    );
}

/// What a file is called is never a command, sound goes with every rung, and left stays left.
#[test]
fn a_file_of_any_name_keeps_its_two_channels_of_sound() {
    let name = "film 'one' $(touch owned); \"two\" & `touch owned`.mkv";
    let channel = Channel::bare();
    let made = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -f lavfi -i \
        aevalsrc=0.5*sin(2*PI*440*t)|0:s=48000:d=4 -c:v libx264 -preset ultrafast -g 25 -c:a aac film.mkv";
    harness::clips::ffmpeg(channel.folder(), made);
    let file = channel.path(name);
    fs::rename(channel.path("film.mkv"), &file).expect("a file of that name");
    let file = file.to_str().expect("path").to_owned();
    let channel = channel.with(&["--input", &file, "--ladder", "144p", "--segment", "1s"]);
    let mut server = channel
        .launch()
        .current_dir(channel.folder())
        .start_unready();
    channel::wait_for_segments(&server, 2);
    let (master, playlists) = harness::manifests::multivariant(&server, "/live/live/master.m3u8");
    let rungs = master
        .lines()
        .filter(|line| line.starts_with("#EXT-X-STREAM-INF"));
    for rung in rungs {
        assert!(rung.contains("AUDIO=\""), "{rung}");
    }
    let sound = playlists.iter().find(|url| !url.contains("v144"));
    let sound = harness::manifests::playlist(sound.expect("a playlist of sound"));
    let mut bytes = harness::http::get(&sound.listed.init)
        .send()
        .expect(200)
        .body;
    for segment in &sound.listed.segments {
        bytes.extend(segment.get().expect(200).body);
    }
    fs::write(channel.path("sound.mp4"), bytes).expect("sound");
    let mut measure = launch::command("ffmpeg");
    measure.args("-hide_banner -nostdin -i sound.mp4 -af astats=measure_overall=none".split(' '));
    measure
        .args(["-f", "null", "-"])
        .current_dir(channel.folder());
    let said = launch::run(&mut measure).stderr;
    let said = String::from_utf8_lossy(&said);
    let peaks: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once("Peak level dB: ")?.1.trim().parse().ok())
        .collect();
    let [left, right] = peaks[..] else {
        panic!("two channels: {said}");
    };
    assert!(left > -12.0 && right < -50.0, "{peaks:?}");
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    assert!(
        fs::metadata(channel.path("owned")).is_err(),
        "a name was run"
    );
    channel.expect_nothing_left();
}

/// The window comes from the disk before the source does.
#[test]
fn what_was_there_is_served_while_the_source_is_away_behind_a_restart() {
    let port = launch::free_port();
    let channel = Channel::bare();
    let file = channel.path("job.yaml");
    let text = format!(
        "job: {{inputs: 'udp://127.0.0.1:{port}', ladder: 144p, segment: 1s}}\n\
         runtime: {{probe_timeout: 5s, restart: {{policy: always, delay: 500ms, max_delay: 1s}}}}\n"
    );
    fs::write(&file, text).expect("job");
    let channel = channel.with(&[file.to_str().expect("path")]);
    let output = format!("-f mpegts udp://127.0.0.1:{port}?pkt_size=1316");

    let publisher = Publisher::start(&output);
    let mut server = channel.launch().start_unready();
    let before = channel::wait_for_segments(&server, 4);
    let kept = before.listed.segments[0].url.clone();
    let path = kept.strip_prefix(&server.base).expect("our own").to_owned();
    let media = server.get(&path).expect(200).body;
    server.guard.signal(Signal::KILL);
    server.guard.wait();
    drop(publisher);
    channel.expect_nothing_left();

    let mut server = channel.launch().start_unready();
    let left = channel::wait_for_segments(&server, 4);
    let report = channel::report(&server);
    let waits = ["idle", "probing", "backoff"].map(serde_json::Value::from);
    assert!(waits.contains(&report["state"]), "{report:#}");
    assert_eq!(left.media_sequence, before.media_sequence, "{left:?}");
    assert!(!left.ended, "{left:?}");
    assert_eq!(server.get(&path).expect(200).body, media);
    server.get("/live/live/manifest.mpd").expect(200);

    let publisher = Publisher::start(&output);
    let after = channel::wait_for_segments(&server, left.listed.segments.len() + 2);
    assert_eq!(after.media_sequence, before.media_sequence, "{after:?}");
    assert_eq!(after.discontinuities, 1, "{after:?}");
    let names = |playlist: &harness::manifests::Playlist, base: &str| -> Vec<String> {
        let segments = playlist.listed.segments.iter();
        segments.map(|it| it.url.replace(base, "")).collect()
    };
    let (shown, goes_on) = (names(&left, &server.base), names(&after, &server.base));
    assert_eq!(
        goes_on[..shown.len()],
        shown,
        "what was listed stays listed"
    );
    assert_eq!(server.get(&path).expect(200).body, media);
    drop(publisher);
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    channel.expect_nothing_left();
}
