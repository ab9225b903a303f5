//! The kinds of configuration that voyandz ships, with test sources in place of cameras: they load as
//! they are, and give the same paths, types and statuses.

use std::fs;

use harness::{http, launch};

use crate::{Relay, free_port};

const MPJPEG: &str = "multipart/x-mixed-replace;boundary=ffmpeg";
const TS: &str = "video/mp2t";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Starts a configuration on a free port in place of its own.
fn start(name: &str) -> Relay {
    let file = launch::repository().join("tests/voyandz").join(name);
    let port = free_port().to_string();
    let text = fs::read_to_string(file).expect("configuration");
    let listen = format!("127.0.0.1:{port}");
    Relay::start_with(&text.replace("8090", &port), &["--listen", &listen])
}

/// Asks for heads only, and for the beginning of each body, so that every process has to work.
fn expect(name: &str, answers: &[(&str, u16, &str)]) -> Relay {
    let relay = start(name);
    for (path, status, content_type) in answers {
        let mut reader = http::get(&relay.server.url(path))
            .open()
            .expect("connection");
        let (found, headers) = http::read_head(&mut reader).expect("head");
        let said = relay.server.said();
        assert_eq!(found, *status, "{name} {path}: {said}");
        let of = headers.iter().find(|(key, _)| key == "content-type");
        let of = of.map(|(_, value)| value.as_str());
        assert_eq!(of, Some(*content_type), "{name} {path}");
        crate::read_some(&mut reader, 5);
    }
    relay
}

#[test]
fn minimal() {
    expect(
        "minimal.yaml",
        &[
            ("/", 200, HTML),
            ("/stat", 200, HTML),
            ("/stream/x", 404, TEXT),
        ],
    );
}

#[test]
fn camera_to_mpjpeg_in_every_mode() {
    for mode in ["no_feed", "ondemand", "10", "continuous"] {
        let relay = expect(
            &format!("camera_to_mpjpeg_{mode}.yaml"),
            &[
                ("/", 200, HTML),
                ("/stat", 200, HTML),
                ("/config", 403, TEXT),
                ("/stream/cam-mpjpeg", 200, MPJPEG),
                ("/stream/nobody", 404, TEXT),
            ],
        );
        match mode {
            "ondemand" => relay.wait_state("cam", "stopped"),
            "10" | "continuous" => assert_eq!(relay.feed("cam")["state"], "running"),
            _ => {}
        }
    }
}

#[test]
fn zerolatency() {
    for kind in ["x264", "hardware"] {
        expect(
            &format!("zerolatency_{kind}.yaml"),
            &[
                ("/stream/cam-recording", 200, TS),
                ("/stream/cam-browser", 200, MPJPEG),
                ("/stream/cam-shot", 200, "image/png"),
            ],
        );
    }
}

#[test]
fn feed_chain_and_autostart() {
    let relay = expect("feed_chain.yaml", &[("/stream/cam-small", 200, MPJPEG)]);
    for feed in ["cam", "small", "smaller"] {
        relay.wait_state(feed, "stopped");
    }
    // Without a client.
    start("feed_autostart.yaml").wait_state("cam", "running");
    expect(
        "feed_autostart.yaml",
        &[("/stream/cam-mpjpeg", 200, MPJPEG)],
    );
}

#[test]
fn custom_url() {
    expect(
        "custom_url.yaml",
        &[
            ("/cameras/front%20door/picture.png", 200, "image/png"),
            ("/stream/picture", 200, "image/png"),
            ("/hello", 200, "text/plain"),
            ("/stream/text", 200, "text/plain"),
            ("/cameras/front", 404, TEXT),
        ],
    );
}

#[test]
fn full_stack() {
    let streams = [
        ("/stream/av-mpjpeg", 200, MPJPEG),
        ("/stream/av-png", 200, "image/png"),
        ("/stream/av-ts", 200, TS),
        ("/stream/av-wav", 200, "audio/wav"),
        ("/stream/av-mp3", 200, "audio/mpeg"),
    ];
    expect("full_stack.yaml", &streams);
    expect(
        "full_stack.yaml",
        &[
            ("/", 200, HTML),
            ("/stat", 200, HTML),
            ("/config", 200, "application/json"),
        ],
    );
    expect(
        "full_stack_no_pages.yaml",
        &[
            ("/", 403, TEXT),
            ("/stat", 403, TEXT),
            ("/config", 403, TEXT),
            streams[2],
        ],
    );
}

/// A stream that is made of other streams of the same server, over HTTP.
#[test]
fn matrix_of_sixteen() {
    expect(
        "4x4.yaml",
        &[
            ("/stream/row1", 200, TS),
            ("/stream/matrix", 200, MPJPEG),
            ("/matrix.mjpeg", 200, MPJPEG),
        ],
    );
    expect(
        "4x4_with_audio.yaml",
        &[
            ("/matrix.mjpeg", 200, MPJPEG),
            ("/stream/row4-wav", 200, "audio/wav"),
            ("/stream/row2-mp3", 200, "audio/mpeg"),
        ],
    );
}
