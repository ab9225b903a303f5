//! Answers to each kind of request.

use std::{
    pin::Pin,
    sync::{Arc, atomic::AtomicU64},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use serve::{
    Pace, Response,
    ring::{Bounds, OnSlow, Piece, Ring, Start, Writer},
};

use super::{Terms, Title, is_probe, response};

fn terms(content_type: &'static str) -> Terms {
    Terms {
        content_type: HeaderValue::from_static(content_type),
        write_timeout: Duration::from_secs(10),
        coalesce: Duration::ZERO,
        name: "Bob's radio".to_owned(),
        title: Title::default(),
        counters: vec![Arc::default()],
    }
}

fn asking(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
}

fn ring(pieces: &[&'static [u8]]) -> (Ring, Option<Writer>) {
    let mut writer = Writer::new(Bounds::default());
    for (index, bytes) in pieces.iter().enumerate() {
        let piece = Piece {
            join: (index == 0).then(|| Bytes::from_static(b"head")),
            ..Piece::whole(Bytes::from_static(bytes))
        };
        writer.push(piece, Instant::now());
    }
    (writer.ring(), Some(writer))
}

fn ask(ring: &Ring, terms: &Terms, request: &HeaderMap) -> Response {
    let mut reader = ring.join(Start::Newest, OnSlow::Skip);
    let first = reader.ready().unwrap();
    response(first, reader, ring, terms, request, ())
}

/// Everything that is there of a body.
fn read(response: &mut Response) -> Vec<u8> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = Vec::new();
    while let Poll::Ready(Some(frame)) = Pin::new(response.body_mut()).poll_frame(&mut cx) {
        bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    bytes
}

#[test]
fn a_client_gets_the_header_the_burst_and_what_follows() {
    let (ring, mut writer) = ring(&[b"one", b"two"]);
    let terms = terms("video/mp2t");
    let mut response = ask(&ring, &terms, &HeaderMap::new());
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "video/mp2t");
    assert_eq!(response.body().len(), None);
    assert_eq!(read(&mut response), b"headonetwo");
    let piece = Piece::whole(Bytes::from_static(b"three"));
    writer.as_mut().unwrap().push(piece, Instant::now());
    writer = None;
    assert_eq!(read(&mut response), b"three");
    assert!(writer.is_none());
    let sent = terms.counters[0].load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(sent, 15);
    let pace = response.extensions().get::<Pace>().unwrap();
    assert_eq!(pace.unsent, 128 << 10);
}

#[test]
fn short_beginnings_are_answered_as_such_and_nothing_else_is() {
    let (ring, _writer) = ring(&[b"one", b"two"]);
    let terms = terms("video/mp2t");
    for (range, expected) in [
        ("bytes=0-1", Some("he")),
        ("bytes=0-8", Some("headonetw")),
        ("bytes=0-", None),
        ("bytes=0-70000", None),
        ("bytes=5-9", None),
        ("bytes=0-1,4-5", None),
        ("lines=0-1", None),
        ("bytes=0-99", None),
    ] {
        let request = asking("range", range);
        let mut response = ask(&ring, &terms, &request);
        if let Some(expected) = expected {
            assert!(is_probe(&request));
            assert_eq!(response.status(), 206, "{range}");
            let said = format!("bytes 0-{}/*", expected.len() - 1);
            assert_eq!(response.headers()["content-range"], said.as_str());
            assert_eq!(response.body().len(), Some(expected.len() as u64));
            assert_eq!(read(&mut response), expected.as_bytes());
        } else {
            assert_eq!(response.status(), 200, "{range}");
            assert_eq!(read(&mut response), b"headonetwo", "{range}");
        }
    }
    assert_eq!(ring.stats().readers, 0);
}

#[test]
fn players_that_ask_are_told_the_name() {
    static LARGE: [u8; 40_000] = [7; 40_000];
    let (ring, _writer) = ring(&[&LARGE]);
    let request = asking("icy-metadata", "1");
    let mut response = ask(&ring, &terms("audio/mpeg"), &request);
    assert_eq!(response.headers()["icy-metaint"], "16000");
    assert_eq!(response.headers()["icy-name"], "Bob's radio");
    let bytes = read(&mut response);
    assert_eq!(bytes.len(), 40_004 + 1 + 32 + 1);
    assert_eq!(bytes[16_000], 2);
    let title = "StreamTitle='Bob’s radio';".as_bytes();
    assert_eq!(&bytes[16_001..16_001 + title.len()], title);
    assert!(
        bytes[16_001 + title.len()..16_033]
            .iter()
            .all(|it| *it == 0)
    );
    assert_eq!(bytes[32_033], 0);
    let rest: Vec<u8> = [&bytes[..16_000], &bytes[16_033..32_033], &bytes[32_034..]].concat();
    assert_eq!(rest, [&b"head"[..], &LARGE].concat());
    for (content_type, request) in [
        ("video/mp2t", request.clone()),
        ("audio/mpeg", HeaderMap::new()),
        ("audio/mpeg", asking("icy-metadata", "0")),
    ] {
        let mut response = ask(&ring, &terms(content_type), &request);
        assert!(!response.headers().contains_key("icy-metaint"));
        assert_eq!(read(&mut response).len(), 40_004);
    }
}

#[test]
fn players_are_told_when_something_else_plays() {
    static SOME: [u8; 16_000] = [7; 16_000];
    let (ring, mut writer) = ring(&[&SOME]);
    let terms = terms("audio/aac");
    let mut response = ask(&ring, &terms, &asking("icy-metadata", "1"));
    let mut said = Vec::new();
    // Four bytes of header are before the first piece.
    assert_eq!(read(&mut response).len(), 16_004 + 1 + 32);
    for title in [Some("A\n - B"), None, Some("A - B"), Some(""), Some("x")] {
        if let Some(title) = title {
            terms.title.set(title);
        }
        let piece = Piece::whole(Bytes::from_static(&SOME));
        writer.as_mut().unwrap().push(piece, Instant::now());
        // What is said stands behind what is left of the 16,000.
        let bytes = read(&mut response);
        let (len, rest) = bytes[SOME.len() - 4..].split_first().unwrap();
        let text = &rest[..usize::from(*len) * 16];
        let text = String::from_utf8(text.to_vec()).unwrap();
        said.push(text.trim_end_matches('\0').to_owned());
    }
    let expected = ["A - B", "", "", "Bob’s radio", "x"].map(|title| match title {
        "" => String::new(),
        title => format!("StreamTitle='{title}';"),
    });
    assert_eq!(said, expected);
    // The longest that can be said, with whole characters.
    terms.title.set(&"é".repeat(3000));
    let mut response = ask(&ring, &terms, &asking("icy-metadata", "1"));
    let bytes = read(&mut response);
    assert_eq!(bytes[16_000], 255);
    let text = std::str::from_utf8(&bytes[16_001..16_001 + 255 * 16]).unwrap();
    assert!(text.trim_end_matches('\0').ends_with("é';"));
}

#[test]
fn the_guard_goes_with_the_body() {
    let (ring, _writer) = ring(&[b"one"]);
    let guard = Arc::new(AtomicU64::new(0));
    let mut reader = ring.join(Start::Newest, OnSlow::Skip);
    let first = reader.ready().unwrap();
    let terms = terms("video/mp2t");
    let held = Arc::clone(&guard);
    let response = response(first, reader, &ring, &terms, &HeaderMap::new(), held);
    assert_eq!((Arc::strong_count(&guard), ring.stats().readers), (2, 1));
    drop(response);
    assert_eq!((Arc::strong_count(&guard), ring.stats().readers), (1, 0));
}

#[test]
fn what_is_cut_off_does_not_look_whole() {
    let mut writer = Writer::new(Bounds {
        bytes: 100,
        ..Bounds::default()
    });
    writer.push(Piece::whole(Bytes::from_static(b"first")), Instant::now());
    let ring = writer.ring();
    let [mut slow, mut whole] = [(); 2].map(|()| {
        let mut reader = ring.join(Start::Live, OnSlow::Drop);
        writer.push(
            Piece {
                join: Some(Bytes::new()),
                ..Piece::whole(Bytes::from_static(b"joined"))
            },
            Instant::now(),
        );
        let first = reader.ready().unwrap();
        let terms = terms("text/plain");
        response(first, reader, &ring, &terms, &HeaderMap::new(), ())
    });
    let mut cx = Context::from_waker(Waker::noop());
    let mut end = |response: &mut Response| {
        loop {
            match Pin::new(response.body_mut()).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(_))) => {}
                other => break other.map(|it| it.map(|frame| frame.is_err())),
            }
        }
    };
    assert_eq!(end(&mut whole), Poll::Pending);
    writer.push(Piece::whole(Bytes::from_static(&[1; 90])), Instant::now());
    assert_eq!(end(&mut whole), Poll::Pending);
    writer.push(Piece::whole(Bytes::from_static(&[2; 90])), Instant::now());
    drop(writer);
    assert_eq!(end(&mut whole), Poll::Ready(None));
    assert_eq!(end(&mut slow), Poll::Ready(Some(true)));
}
