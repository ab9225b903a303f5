use std::{fs, time::Duration};

use hyper::Method;
use store::objects::{Content, Mode, Options, Problem, Put, selftest};

use crate::server::{Fault, Server};

fn create() -> Options<'static> {
    Options {
        mode: Mode::Create,
        ..Options::default()
    }
}

#[test]
fn objects_are_written_read_listed_copied_and_removed() {
    let server = Server::start();
    let store = server.store("vod/jobs");
    let options = Options {
        content_type: Some("video/mp4"),
        cache_control: Some("public, max-age=31536000, immutable"),
        ..Options::default()
    };
    store
        .put("a/1.m4s", Content::Bytes(b"01234"), options)
        .unwrap();
    let (_, _, headers) = server.asked().pop().unwrap();
    assert_eq!(headers["content-type"], "video/mp4");
    assert_eq!(
        headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(fs::read(server.file("vod/jobs/a/1.m4s")).unwrap(), b"01234");
    assert_eq!(store.get("a/1.m4s").unwrap(), b"01234");
    assert_eq!(store.get_range("a/1.m4s", 1..3).unwrap(), b"12");
    assert_eq!(store.get_range("a/1.m4s", 3..u64::MAX).unwrap(), b"34");
    assert_eq!(store.get_range("a/1.m4s", 9..u64::MAX).unwrap(), b"");
    store.copy("a/1.m4s", "b/2.m4s").unwrap();
    assert!(store.copy("none", "b/3.m4s").unwrap_err().is_missing());
    let listed = store.list("").unwrap();
    let keys: Vec<(&str, u64)> = listed.iter().map(|e| (e.key.as_str(), e.bytes)).collect();
    assert_eq!(keys, [("a/1.m4s", 5), ("b/2.m4s", 5)]);
    assert_eq!(store.folders("").unwrap(), ["a", "b"]);
    assert!(store.get("none").unwrap_err().is_missing());
    assert_eq!(store.head("none").unwrap(), None);
    assert_eq!(store.delete_below("b").unwrap(), 1);
    assert_eq!(store.list("b").unwrap(), []);
    assert!(server.store("x").list("").unwrap().is_empty());
}

#[test]
fn more_than_a_page_is_listed() {
    let server = Server::start();
    let folder = server.file("many");
    fs::create_dir(&folder).unwrap();
    for n in 0..2300 {
        fs::write(folder.join(format!("{n:05}")), b"x").unwrap();
    }
    let listed = server.store("many").list("").unwrap();
    assert_eq!(listed.len(), 2300);
    assert_eq!(listed[2299].key, "02299");
}

#[test]
fn big_files_go_in_parts_and_arrive_whole() {
    let server = Server::start();
    let store = server.store("");
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| (n >> 9) as u8).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &bytes).unwrap();
    store
        .put("big", Content::File(file.path()), Options::default())
        .unwrap();
    let parts = server
        .asked()
        .iter()
        .filter(|(_, path, _)| path.contains("partNumber"))
        .count();
    assert_eq!(parts, 3);
    assert!(store.get("big").unwrap() == bytes);

    // A part that fails for good fails the whole, and what was sent is dropped.
    for _ in 0..16 {
        server.plan(Method::PUT, Fault::Says(403, "AccessDenied"));
    }
    let error = store
        .put("no", Content::File(file.path()), Options::default())
        .unwrap_err();
    assert!(!error.may_pass(), "{error}");
    assert_eq!(store.head("no").unwrap(), None);
    assert!(
        server
            .asked()
            .iter()
            .any(|(method, path, _)| { *method == Method::DELETE && path.contains("uploadId") })
    );
}

#[test]
fn passing_faults_are_borne() {
    let server = Server::start();
    let store = server.store("");
    for fault in [
        Fault::Says(500, "InternalError"),
        Fault::Says(503, "SlowDown"),
        Fault::Cut,
        Fault::Lost,
        Fault::Slow(Duration::from_millis(200)),
    ] {
        server.plan(Method::PUT, fault.clone());
        store
            .put("k", Content::Bytes(b"content"), Options::default())
            .unwrap();
        server.plan(Method::GET, fault.clone());
        assert_eq!(store.get("k").unwrap(), b"content", "{fault:?}");
    }
    for _ in 0..8 {
        server.plan(Method::GET, Fault::Says(503, "SlowDown"));
    }
    let error = store.get("k").unwrap_err();
    assert!(error.may_pass(), "{error}");
}

#[test]
fn faults_for_good_are_told() {
    let server = Server::start();
    let store = server.store("");
    server.plan(Method::PUT, Fault::Says(403, "AccessDenied"));
    let error = store
        .put("k", Content::Bytes(b""), Options::default())
        .unwrap_err();
    assert!(
        !error.may_pass() && error.to_string().contains("denied"),
        "{error}"
    );
    server.plan(Method::GET, Fault::Says(404, "NoSuchBucket"));
    let error = store.get("k").unwrap_err();
    assert!(
        !error.is_missing() && error.to_string().contains("no such bucket"),
        "{error}"
    );
}

#[test]
fn conditions_are_kept_and_their_answers_read() {
    let server = Server::start();
    let store = server.store("");
    assert_ne!(
        store.put("r", Content::Bytes(b"one"), create()).unwrap(),
        Put::Refused
    );
    assert_eq!(
        store.put("r", Content::Bytes(b"two"), create()).unwrap(),
        Put::Refused
    );
    assert_eq!(store.get("r").unwrap(), b"one");
    let (_, _, headers) = server
        .asked()
        .into_iter()
        .rfind(|(method, ..)| *method == Method::PUT)
        .unwrap();
    assert_eq!(headers["if-none-match"], "*");

    // 412 and 409 of a create that lost; 409 of one that competes with one that fails.
    for status in [412, 409] {
        server.plan(Method::PUT, Fault::Says(status, "PreconditionFailed"));
        assert_eq!(
            store.put("r", Content::Bytes(b"x"), create()).unwrap(),
            Put::Refused
        );
    }
    server.plan(Method::PUT, Fault::Says(409, "ConditionalRequestConflict"));
    assert_ne!(
        store.put("new", Content::Bytes(b"x"), create()).unwrap(),
        Put::Refused
    );

    // The answer to the first create was lost: the second finds its own object.
    server.plan(Method::PUT, Fault::Lost);
    let lost = store.put("lost", Content::Bytes(b"x"), create());
    assert!(
        lost.as_ref()
            .map_or_else(store::objects::Error::may_pass, |_| true),
        "{lost:?}"
    );
    assert_eq!(store.get("lost").unwrap(), b"x");
}

#[test]
fn a_server_is_tried_before_it_is_relied_on() {
    let server = Server::start();
    let store = server.store("work");
    let found = selftest::run(store.as_ref(), "1").unwrap();
    assert!(found.create && found.update, "{found:?}");
    assert_eq!(store.list("").unwrap(), [], "nothing is left of it");
    server.overlook_conditions();
    let found = selftest::run(store.as_ref(), "2").unwrap();
    assert!(!found.create && !found.update, "{found:?}");

    // One that loses half of what it takes is not used at all.
    for _ in 0..8 {
        server.plan(Method::PUT, Fault::Truncates);
    }
    let error = selftest::run(store.as_ref(), "3").unwrap_err();
    assert!(matches!(error.problem, Problem::Unable(_)), "{error}");
}
