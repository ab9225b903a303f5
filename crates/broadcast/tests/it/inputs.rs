//! Every kind of input for real: a second ffmpeg publishes on loopback, or plays the server.

use std::{
    net::{TcpListener, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use broadcast::{
    input::{Input, Source, parse_uri},
    ladder::{Profile, plan},
    probe,
};
use process::Child;

use crate::{
    bench::{Bench, spec},
    servers,
};

/// What is published: small pictures with sound, a key frame a second.
const MEDIA: &str = "-re -f lavfi -i testsrc2=size=320x240:rate=25 -re -f lavfi -i \
                     sine=sample_rate=48000 -c:v libx264 -preset ultrafast -tune zerolatency -g 25 \
                     -pix_fmt yuv420p -c:a aac -t 60";

/// A free TCP or UDP port. Another process could take it before it is used, which no test has met.
fn free_port() -> u16 {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    match UdpSocket::bind(("127.0.0.1", port)) {
        Ok(_) => port,
        Err(_) => free_port(),
    }
}

fn publish(bench: &Bench, output: &str) -> Child {
    let arguments = MEDIA.split_whitespace().chain(output.split_whitespace());
    let command = bench.ffmpeg.command().args(arguments);
    bench.ffmpeg.spawner().spawn(command).unwrap()
}

/// Publishes again and again until somebody listens.
struct Persistent {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Persistent {
    fn start(bench: &Bench, output: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let ffmpeg = bench.ffmpeg.clone();
        let output = output.to_owned();
        let thread = thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                let arguments = MEDIA.split_whitespace().chain(output.split_whitespace());
                let child = ffmpeg
                    .spawner()
                    .spawn(ffmpeg.command().args(arguments))
                    .unwrap();
                while child.wait_timeout(Duration::from_millis(100)).is_none() {
                    if flag.load(Ordering::Relaxed) {
                        child.kill();
                    }
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Persistent {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn expecting() -> Input {
    Input {
        expect: serde_json::from_str(r#"{"size": "320x240", "rate": 25}"#).unwrap(),
        ..Input::default()
    }
}

/// Runs the input for two seconds of media, as it is assumed to be.
fn comes_through(bench: &Bench, uri: &str) {
    let source = parse_uri(uri).unwrap();
    let summary = expecting().assumed(&source, 0);
    let plan = plan(&summary, &spec("240p")).unwrap();
    let tracks = bench.run(&plan, &[source], Profile::LowLatency);
    let video = &tracks["v240"];
    assert_eq!(video.size, Some((320, 240)), "{uri}");
    assert!(
        video.fragments.len() > 25,
        "{uri}: {} frames",
        video.fragments.len()
    );
    assert!(video.keys().len() > 1, "{uri}");
    assert!(tracks["a1"].fragments.len() > 50, "{uri}");
}

/// Probes the input and runs it as it was found.
fn is_found_and_comes_through(bench: &Bench, uri: &str) {
    let source = parse_uri(uri).unwrap();
    let inputs = [(Input::default(), source.clone())];
    let summary = probe::inspect(&bench.ffmpeg, &inputs, probe::LIMIT).unwrap();
    let video = summary.video.as_ref().unwrap();
    assert_eq!(video.size.to_string(), "320x240", "{uri}");
    assert_eq!(video.rate.to_string(), "25", "{uri}");
    assert_eq!(video.codec, "h264");
    assert_eq!(summary.audio[0].codec, "aac");
    comes_through(bench, uri);
    let still: Vec<&Source> = inputs.iter().map(|(_, source)| source).collect();
    assert!(still[0].can_be_probed());
}

#[test]
fn udp() {
    let bench = Bench::new();
    let port = free_port();
    let _publisher = publish(
        &bench,
        &format!("-f mpegts udp://127.0.0.1:{port}?pkt_size=1316"),
    );
    is_found_and_comes_through(&bench, &format!("udp://127.0.0.1:{port}"));
}

#[test]
fn rtp() {
    let bench = Bench::new();
    let port = free_port();
    let _publisher = publish(&bench, &format!("-f rtp_mpegts rtp://127.0.0.1:{port}"));
    is_found_and_comes_through(&bench, &format!("rtp://127.0.0.1:{port}"));
}

#[test]
fn srt_as_caller() {
    let bench = Bench::new();
    let port = free_port();
    let secret = "passphrase=correct-horse";
    let _publisher = Persistent::start(
        &bench,
        &format!("-f mpegts srt://127.0.0.1:{port}?mode=listener&{secret}"),
    );
    comes_through(
        &bench,
        &format!("srt://127.0.0.1:{port}?{secret}&connect_timeout=20s"),
    );
}

#[test]
fn srt_as_listener() {
    let bench = Bench::new();
    let port = free_port();
    let _publisher = Persistent::start(
        &bench,
        &format!("-f mpegts srt://127.0.0.1:{port}?mode=caller"),
    );
    comes_through(
        &bench,
        &format!("srt://127.0.0.1:{port}?mode=listener&latency=50"),
    );
}

#[test]
fn rtmp_pulled() {
    let bench = Bench::new();
    let port = free_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/key");
    let _publisher = publish(&bench, &format!("-f flv -listen 1 {url}"));
    servers::wait_for_listener(port);
    comes_through(&bench, &url);
}

#[test]
fn rtmp_published_to_us() {
    let bench = Bench::new();
    let port = free_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/key");
    let _publisher = Persistent::start(&bench, &format!("-f flv {url}"));
    comes_through(&bench, &format!("{url}#mode=listen"));
}

#[test]
fn rtsp() {
    let bench = Bench::new();
    let (port, feed) = servers::rtsp();
    let _publisher = publish(&bench, &format!("-f rtp_mpegts rtp://127.0.0.1:{feed}"));
    comes_through(&bench, &format!("rtsp://127.0.0.1:{port}/1"));
}

#[test]
fn hls() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("hls");
    std::fs::create_dir(&folder).unwrap();
    let output = format!(
        "-f hls -hls_time 1 -hls_list_size 6 -hls_flags delete_segments+temp_file {}/live.m3u8",
        folder.display()
    );
    let _publisher = publish(&bench, &output);
    let playlist = folder.join("live.m3u8");
    let waited = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(50));
        std::fs::read_to_string(&playlist).is_ok_and(|text| text.matches("#EXTINF").count() > 3)
    });
    assert!(waited, "no playlist came");
    let port = servers::files(folder);
    is_found_and_comes_through(&bench, &format!("http://127.0.0.1:{port}/live.m3u8"));
}

#[test]
fn a_looped_file() {
    let bench = Bench::new();
    let uri = bench.sample(
        "loop.mkv",
        "-f lavfi -i testsrc2=size=320x240:rate=25:duration=1 -f lavfi -i \
         sine=sample_rate=48000:duration=1 -c:v libx264 -preset ultrafast -g 25 -c:a aac",
    );
    let path = uri.trim_start_matches("file://").split('?').next().unwrap();
    is_found_and_comes_through(&bench, path);
}

/// R18: a publisher that never comes is no reason to look for ever.
#[test]
fn listeners_are_not_probed() {
    let bench = Bench::new();
    let port = free_port();
    let source = parse_uri(&format!("rtmp://0.0.0.0:{port}/live/key")).unwrap();
    let inputs = [(expecting(), source)];
    let summary = probe::inspect(&bench.ffmpeg, &inputs, probe::LIMIT).unwrap();
    assert!(summary.video.unwrap().assumed);
}
