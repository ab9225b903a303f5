//! How long a client waits for the first packet that it can begin to decode with, when it comes in the
//! middle: each container that headend knows, beside Icecast with a burst of a megabyte.
//!
//! Every client keeps what it gets and when. ffprobe says afterwards where in that the first key frame
//! lies; the wait is from before the connection to the arrival of its last byte.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use harness::{clips, launch};
use serde_json::{Value, json};

use super::{
    servers::{Relay, Running},
    source::Source,
};
use crate::{
    Effort,
    report::{Report, quantile},
};

/// Milliseconds until the first packet with which one can begin.
const BOUND: f64 = 50.0;
/// For how long a feed runs before the first client comes, and a client is there: more than from one
/// key frame to the next.
const BEFORE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_millis(2500);
/// Time between two clients: they come at all distances from a key frame.
const APART: Duration = Duration::from_millis(230);

/// A container, and how it is made of a film.
struct Container {
    name: &'static str,
    film: &'static str,
    muxer: &'static str,
    mimetype: &'static str,
    /// What ffprobe has to be told that finds out the rest.
    demuxer: &'static str,
}

const fn container(
    name: &'static str,
    film: &'static str,
    muxer: &'static str,
    mimetype: &'static str,
    demuxer: &'static str,
) -> Container {
    Container {
        name,
        film,
        muxer,
        mimetype,
        demuxer,
    }
}

const CONTAINERS: [Container; 11] = [
    container("ts", "h264.mp4", "mpegts", "video/mp2t", "mpegts"),
    container(
        "fmp4",
        "h264.mp4",
        "mp4 -movflags frag_keyframe+empty_moov+default_base_moof",
        "video/mp4",
        "mp4",
    ),
    container("flv", "h264.mp4", "flv", "video/x-flv", "flv"),
    container(
        "mkv",
        "h264.mp4",
        "matroska",
        "video/x-matroska",
        "matroska",
    ),
    container("webm", "vp8.webm", "webm", "video/webm", "matroska"),
    container("ogg", "theora.ogg", "ogg", "application/ogg", "ogg"),
    container(
        "mpjpeg",
        "mjpeg.mkv",
        "mpjpeg -boundary_tag b",
        "multipart/x-mixed-replace;boundary=b",
        "mpjpeg",
    ),
    container("ogg-opus", "opus.ogg", "ogg", "application/ogg", "ogg"),
    container("adts", "aac.m4a", "adts", "audio/aac", "aac"),
    container("mp3", "mp3.mp3", "mp3", "audio/mpeg", "mp3"),
    container("wav", "pcm.wav", "wav", "audio/wav", "wav"),
];

/// What one client got, and when.
struct Capture {
    body: Vec<u8>,
    /// Length of the body at each time since the client began to come.
    arrivals: Vec<(usize, Duration)>,
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let folder = tempfile::tempdir().expect("temporary folder");
    make_films(folder.path());
    for container in &CONTAINERS {
        let feed = Source::Ffmpeg {
            input: format!(
                "-i {} -c copy",
                folder.path().join(container.film).display()
            ),
            muxer: container.muxer.to_owned(),
            mimetype: container.mimetype,
        };
        let mut waits: Vec<(&str, Vec<f64>)> = Vec::new();
        for relay in [Relay::Headend, Relay::Icecast] {
            let Some(server) = relay.start(&feed, report) else {
                continue;
            };
            thread::sleep(BEFORE);
            let captures = come(&server, effort.relay_joins);
            let file = folder.path().join("capture");
            let found = captures.iter().map(|capture| {
                fs::write(&file, &capture.body).expect("a capture");
                wait(capture, first_key(&file, container))
            });
            waits.push((relay.name(), found.collect()));
        }
        let detail: Value = waits
            .iter()
            .map(|(name, waits)| json!({"server": name, "milliseconds": waits}))
            .collect();
        for (name, waits) in &waits {
            report.note(&format!(
                "    {name:8} {:8}: p50 {:.1} ms, most {:.1}, of {}",
                container.name,
                quantile(waits, 0.5),
                quantile(waits, 1.0),
                waits.len()
            ));
        }
        if let Some((_, ours)) = waits.iter().find(|(name, _)| *name == "headend") {
            let name = format!(
                "relay join, {}: first key frame, ms, longest",
                container.name
            );
            report.bounded(&name, quantile(ours, 1.0), BOUND, detail);
        }
    }
}

/// Makes films of which the containers are made without encoding; a key frame every two seconds.
fn make_films(folder: &Path) {
    let picture = "-f lavfi -i testsrc2=size=640x360:rate=25,noise=alls=20:allf=t -t 20";
    let sound = "-f lavfi -i sine=frequency=440:sample_rate=48000 -t 20";
    for arguments in [
        &format!(
            "{picture} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -keyint_min 50 \
             -sc_threshold 0 -b:v 3600k -maxrate 3600k -bufsize 1800k h264.mp4"
        ),
        &format!(
            "{picture} -c:v libvpx -deadline realtime -cpu-used 8 -g 50 -b:v 2000k -minrate 2000k \
             -maxrate 2000k vp8.webm"
        ),
        &format!("{picture} -c:v libtheora -g 50 -b:v 2000k theora.ogg"),
        &format!("{picture} -c:v mjpeg -q:v 12 mjpeg.mkv"),
        &format!("{sound} -c:a libopus opus.ogg"),
        &format!("{sound} -c:a aac aac.m4a"),
        &format!("{sound} -c:a libmp3lame mp3.mp3"),
        &format!("{sound} -c:a pcm_s16le pcm.wav"),
    ] {
        clips::ffmpeg(folder, arguments);
    }
}

/// Lets clients come one after the other.
fn come(server: &Running, clients: u32) -> Vec<Capture> {
    let (address, path) = (server.address, server.path);
    let coming: Vec<_> = (0..clients)
        .map(|number| {
            thread::spawn(move || {
                thread::sleep(APART * number);
                capture(address, path)
            })
        })
        .collect();
    let captures = coming.into_iter().map(|it| it.join().expect("a client"));
    captures.collect()
}

fn capture(address: SocketAddr, path: &str) -> Capture {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time limit");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: relay\r\n\r\n").expect("a request");
    let mut bytes = Vec::new();
    let mut arrivals = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    // One that ends or gives nothing has no key frame.
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..len]);
        arrivals.push((bytes.len(), begun.elapsed()));
        if begun.elapsed() >= PATIENCE {
            break;
        }
    }
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
    let head = end.map_or(bytes.len(), |end| end + 4);
    Capture {
        body: bytes.split_off(head),
        arrivals: arrivals
            .into_iter()
            .map(|(len, at)| (len.saturating_sub(head), at))
            .collect(),
    }
}

/// Returns the milliseconds until so many bytes had come, all the patience there was when they never did.
fn wait(capture: &Capture, end: Option<usize>) -> f64 {
    let arrived = end.and_then(|end| capture.arrivals.iter().find(|(len, _)| *len >= end));
    let at = arrived.map_or(PATIENCE, |(_, at)| *at);
    at.as_secs_f64() * 1000.0
}

/// Asks ffprobe where the first packet ends that can be decoded by itself. What lies between its parts is
/// not counted: it came with them.
fn first_key(file: &Path, container: &Container) -> Option<usize> {
    let mut ffprobe = launch::command("ffprobe");
    ffprobe
        .args(["-v", "quiet", "-f", container.demuxer, "-of", "json"])
        .args(["-show_entries", "packet=pos,size,flags"])
        .arg(file);
    let output = launch::run(&mut ffprobe);
    let found: Value = serde_json::from_slice(&output.stdout).ok()?;
    let number = |packet: &Value, name: &str| packet[name].as_str()?.parse::<usize>().ok();
    let key = found["packets"].as_array()?.iter().find(|packet| {
        packet["flags"]
            .as_str()
            .is_some_and(|it| it.starts_with('K'))
    })?;
    Some(number(key, "pos").unwrap_or(0) + number(key, "size")?)
}
