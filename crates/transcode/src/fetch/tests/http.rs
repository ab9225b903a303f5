use std::{
    fs,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use store::guard::Allowed;

use super::{
    super::*,
    Bench, content,
    web::{Manner, Web},
};

const MIB: usize = 1 << 20;

fn good(bytes: Vec<u8>) -> Manner {
    Manner {
        bytes,
        tag: Some("\"one\"".to_owned()),
        modified: Some("Fri, 20 Nov 2026 08:00:00 GMT".to_owned()),
        ranges: true,
        ..Manner::default()
    }
}

#[test]
fn a_download_reads_every_byte_once() {
    let bench = Bench::new();
    let bytes = content(20 * MIB + 7);
    let web = Web::start(good(bytes.clone()));
    let fetched = bench.whole(&web.url("/film.mp4"), &bytes);
    assert_eq!(fetched.transferred, bytes.len() as u64);
    assert_eq!(web.sent(), bytes.len() as u64);
    assert_eq!(web.asked().len(), 1);
    assert!(fetched.path.ends_with("source.mp4"));
    assert_eq!(bench.growth.available(), bytes.len() as u64);
    let last = bench.told.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (last.bytes, last.of_bytes),
        (fetched.bytes, Some(fetched.bytes))
    );

    // The second time only one byte is asked for, to see that nothing has changed.
    let again = bench.whole(&web.url("/film.mp4"), &bytes);
    assert_eq!(again.content_id, fetched.content_id);
    assert_eq!((again.transferred, web.sent()), (0, bytes.len() as u64 + 1));
    assert!(!again.unconfirmed);
    // A server that fails now is no reason to download again what is there.
    web.set(|manner| manner.statuses = [503].into());
    assert!(bench.whole(&web.url("/film.mp4"), &bytes).unconfirmed);
}

#[test]
fn a_connection_that_drops_every_8_mb_is_borne() {
    for (ranges, tag) in [(true, true), (true, false), (false, true), (false, false)] {
        let bench = Bench::new();
        let bytes = content(30 * MIB);
        let web = Web::start(Manner {
            cut: Some(8 * MIB),
            ranges,
            tag: tag.then(|| "\"one\"".to_owned()),
            bytes: bytes.clone(),
            ..Manner::default()
        });
        if !ranges {
            // Without ranges no more than the first 8 MiB ever come.
            let error = bench.fetch(&web.url("/film")).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("got 8388608 of 31457280 bytes"), "{text}");
            web.set(|manner| manner.cut = None);
        }
        let fetched = bench.whole(&web.url("/film"), &bytes);
        if ranges {
            let twice = fetched.transferred - bytes.len() as u64;
            assert!(twice <= 3 * 65_536, "{twice} bytes were read twice");
            let conditions = web
                .asked()
                .iter()
                .filter(|a| a.header("if-range").is_some())
                .count();
            assert_eq!(conditions, if tag { 3 } else { 0 });
        }
    }
}

#[test]
fn a_truncated_source_is_never_whole() {
    for ranges in [true, false] {
        let bench = Bench::new();
        let web = Web::start(Manner {
            lost_from: Some(3 * MIB),
            ranges,
            ..good(content(5 * MIB))
        });
        let error = bench.fetch(&web.url("/film")).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Truncated { .. }), "{text}");
        assert!(text.contains("got 3145728 of 5242880 bytes"), "{text}");
        assert!(bench.growth.is_ended() && bench.growth.available() == 3 * MIB as u64);
        // It is repaired, and what had come is not read again.
        web.set(|manner| manner.lost_from = None);
        let before = web.sent();
        bench.whole(&web.url("/film"), &content(5 * MIB));
        if ranges {
            assert_eq!(web.sent() - before, 2 * MIB as u64);
        }
    }
}

#[test]
fn a_body_without_length_is_read_to_its_end() {
    let bench = Bench::new();
    let bytes = content(3 * MIB);
    let web = Web::start(Manner {
        chunked: true,
        bytes: bytes.clone(),
        cut: Some(MIB),
        ..Manner::default()
    });
    // Its end is marked, so a cut is seen although no length is known.
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    web.set(|manner| manner.cut = None);
    let fetched = bench.whole(&web.url("/film"), &bytes);
    assert_eq!(
        Some(fetched.content_id),
        fetched.sha256,
        "nothing else is known of it"
    );
    assert_eq!(
        bench.growth.begun().unwrap().bytes,
        Some(bytes.len() as u64)
    );
}

#[test]
fn a_source_that_changes_while_it_is_read_is_read_anew() {
    for with_tags in [true, false] {
        let bench = Bench::new();
        let (old, mut new) = (content(4 * MIB), content(4 * MIB));
        for byte in &mut new {
            *byte ^= 0x55;
        }
        let tag = |name: &str| with_tags.then(|| format!("\"{name}\""));
        let then = Manner {
            bytes: new.clone(),
            tag: tag("new"),
            ranges: true,
            ..Manner::default()
        };
        let web = Web::start(Manner {
            bytes: old,
            tag: tag("old"),
            ranges: true,
            cut: Some(2 * MIB),
            then: Some(Box::new(then)),
            ..Manner::default()
        });
        bench.whole(&web.url("/film"), &new);
        assert_eq!(bench.growth.begun().unwrap().version, 1, "readers are told");
    }
}

#[test]
fn servers_that_are_out_of_order_are_asked_again() {
    let bench = Bench::new();
    let bytes = content(1000);
    let web = Web::start(good(bytes.clone()));
    web.set(|manner| manner.statuses = [500, 503, 429].into());
    bench.whole(&web.url("/film"), &bytes);
    assert_eq!(web.asked().len(), 4);
    let waited = bench.told.lock().unwrap().iter().any(|now| {
        now.waiting
            .as_deref()
            .is_some_and(|reason| reason.contains("503"))
    });
    assert!(waited, "what is waited for is told");

    let bench = Bench::new();
    web.set(|manner| manner.statuses = [500; 4].into());
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(
        error.to_string().contains("500") && error.may_pass(),
        "{error}"
    );
    for status in [400, 401, 403, 404, 410] {
        let bench = Bench::new();
        let before = web.asked().len();
        web.set(|manner| manner.statuses = [status].into());
        let error = bench.fetch(&web.url("/film")).unwrap_err();
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(
            !error.may_pass() && web.asked().len() == before + 1,
            "{error}"
        );
    }
    let nobody = "http://127.0.0.1:1/film";
    let error = Bench::new().fetch(nobody).unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
}

#[test]
fn what_is_asked_for_has_headers_and_credentials() {
    let mut bench = Bench::new();
    let bytes = content(1000);
    bench.options.headers = vec![("X-Key".to_owned(), "secret".to_owned())];
    let web = Web::start(good(bytes.clone()));
    let far = Web::start(Manner {
        redirect: Some(web.url("/film")),
        ..Manner::default()
    });
    let url = far.url("/film").replace("http://", "http://user:pass@");
    bench.whole(&url, &bytes);
    let first = &far.asked()[0];
    assert_eq!(first.header("x-key"), Some("secret"));
    assert_eq!(first.header("authorization"), Some("Basic dXNlcjpwYXNz"));
    let second = &web.asked()[0];
    assert_eq!(second.path, "/film");
    assert!(
        second.header("x-key").is_none(),
        "another host sees nothing of it"
    );
    assert!(second.header("authorization").is_none());

    far.set(|manner| manner.statuses = [403].into());
    let error = Bench::new().fetch(&url).unwrap_err().to_string();
    assert!(!error.contains("pass@"), "{error}");
    bench.options.headers = vec![("Bad\r\nName".to_owned(), String::new())];
    assert!(matches!(bench.fetch(&url), Err(Error::Input { .. })));
}

#[test]
fn redirects_come_to_an_end() {
    let web = Web::start(Manner::default());
    for (location, part) in [
        (web.url("/again"), "too often"),
        ("ftp://127.0.0.1/x".to_owned(), "ftp://"),
        ("file:///etc/passwd".to_owned(), "file:///etc/passwd"),
        ("http://".to_owned(), "nowhere"),
    ] {
        web.set(|manner| manner.redirect = Some(location));
        let error = Bench::new().fetch(&web.url("/film")).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.may_pass(), "{error}");
    }
}

#[test]
fn others_reach_nothing_that_is_not_public() {
    let web = Web::start(good(content(10)));
    let port = web.address.port();
    let guarded = |allowed: &[&str]| {
        let mut bench = Bench::new();
        let allowed: Vec<Allowed> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        bench.options.policy = Policy::guarded([Protocol::Http], allowed, Vec::new());
        bench
    };
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:7f00:1]",
    ] {
        let error = guarded(&[])
            .fetch(&format!("http://{host}:{port}/film"))
            .unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{host}: {error}");
    }
    assert!(web.asked().is_empty(), "nothing was sent");
    guarded(&["localhost"]).whole(&format!("http://localhost:{port}/film"), &content(10));
    guarded(&["127.0.0.0/8"]).whole(&web.url("/film"), &content(10));

    // An allowed host does not lead to others.
    for target in [
        "http://[::1]:1/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/",
    ] {
        web.set(|manner| manner.redirect = Some(target.to_owned()));
        let error = guarded(&["127.0.0.1"])
            .fetch(&web.url("/film"))
            .unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{target}: {error}");
    }
    let error = guarded(&[]).fetch("https://127.0.0.1/film").unwrap_err();
    assert!(
        error.to_string().contains("`https` are not allowed"),
        "{error}"
    );
}

#[test]
fn what_is_too_large_or_too_slow_is_given_up() {
    let web = Web::start(good(content(MIB)));
    let mut bench = Bench::new();
    bench.options.limits.bytes = Some(MIB as u64 - 1);
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    web.set(|manner| manner.chunked = true);
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { .. }),
        "without a length too: {error}"
    );

    let mut bench = Bench::new();
    bench.options.limits.free = u64::MAX;
    web.set(|manner| manner.chunked = false);
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(matches!(error, Error::NoRoom { .. }), "{error}");

    let mut bench = Bench::new();
    bench.options.limits.time = Some(Duration::from_millis(200));
    web.set(|manner| manner.slow = Some((1, Duration::from_millis(20))));
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(matches!(error, Error::TooSlow { .. }), "{error}");
    // A server that sends nothing at all is left.
    let mut bench = Bench::new();
    bench.options.read_timeout = Duration::from_millis(100);
    web.set(|manner| manner.slow = Some((MIB, Duration::from_hours(1))));
    let error = bench.fetch(&web.url("/film")).unwrap_err();
    assert!(error.to_string().contains("nothing arrived"), "{error}");
}

#[test]
fn a_rate_is_not_exceeded() {
    let mut bench = Bench::new();
    let bytes = content(MIB);
    bench.options.rate = Some(2 * MIB as u64);
    let web = Web::start(good(bytes.clone()));
    let began = Instant::now();
    bench.whole(&web.url("/film"), &bytes);
    // Half a second, less what may be read at once; a loaded machine only makes it longer.
    assert!(
        began.elapsed() >= Duration::from_millis(240),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_stop_is_heard_and_what_came_is_kept() {
    let bench = Bench::new();
    let bytes = content(3 * MIB);
    let web = Web::start(Manner {
        slow: Some((64 << 10, Duration::from_millis(10))),
        ..good(bytes.clone())
    });
    thread::scope(|scope| {
        let fetching = scope.spawn(|| bench.fetch(&web.url("/film")));
        let begun = bench.growth.wait_begun(Duration::from_mins(1)).unwrap();
        assert_eq!(begun.bytes, Some(3 * MIB as u64));
        let some = bench.growth.wait_for(MIB as u64, Duration::from_mins(1));
        assert!(some >= MIB as u64);
        // What has come can be read while the rest is on its way.
        let there = fs::read(&begun.path).unwrap();
        assert!(there[..MIB] == bytes[..MIB]);
        bench.stop.store(true, Ordering::Relaxed);
        assert!(matches!(fetching.join().unwrap(), Err(Error::Stopped)));
    });
    let kept = bench.growth.available();
    bench.stop.store(false, Ordering::Relaxed);
    web.set(|manner| manner.slow = None);
    let fetched = bench.whole(&web.url("/film"), &bytes);
    assert!(
        fetched.transferred <= bytes.len() as u64 - kept + 65_536 * 2,
        "{fetched:?}"
    );
}

#[test]
fn a_spool_that_was_damaged_is_found_out() {
    let bytes = content(20 * MIB);
    let web = Web::start(good(bytes.clone()));
    for complete in [true, false] {
        for damage in ["flip", "cut", "grow", "checkpoint", "gone"] {
            let bench = Bench::new();
            web.set(|manner| manner.lost_from = (!complete).then_some(17 * MIB));
            let first = bench.fetch(&web.url("/film"));
            assert_eq!(first.is_ok(), complete);
            let spool = bench.spool();
            let path = spool.join("source");
            let mut stored = fs::read(&path).unwrap();
            match damage {
                "flip" => stored[5 * MIB] ^= 1,
                "cut" => stored.truncate(9 * MIB),
                "grow" => stored.extend(b"more than there was"),
                "checkpoint" => fs::write(spool.join("checkpoint.json"), "{").unwrap(),
                _ => fs::remove_file(spool.join("checkpoint.json")).unwrap(),
            }
            fs::write(&path, stored).unwrap();
            web.set(|manner| manner.lost_from = None);
            let again = bench.whole(&web.url("/film"), &bytes);
            if let Ok(first) = first {
                assert_eq!(again.content_id, first.content_id, "{damage}");
            }
        }
    }
}

#[test]
fn equal_bytes_keep_their_id_whatever_the_server_calls_them() {
    let bench = Bench::new();
    let bytes = content(MIB);
    let web = Web::start(good(bytes.clone()));
    let first = bench.whole(&web.url("/film"), &bytes);
    // As with several servers behind one name, each with its own tags.
    web.set(|manner| manner.tag = Some("\"other\"".to_owned()));
    let again = bench.whole(&web.url("/film"), &bytes);
    assert_eq!(again.transferred, MIB as u64, "it had to be looked at");
    assert_eq!(again.content_id, first.content_id);
    web.set(|manner| {
        manner.bytes[5] ^= 1;
        manner.tag = Some("\"third\"".to_owned());
    });
    let mut changed = bytes;
    changed[5] ^= 1;
    assert_ne!(
        bench.whole(&web.url("/film"), &changed).content_id,
        first.content_id
    );
}

#[test]
fn an_encoded_body_is_refused() {
    let web = Web::start(Manner {
        headers: "content-encoding: gzip\r\n".to_owned(),
        ..good(content(100))
    });
    let error = Bench::new().fetch(&web.url("/film")).unwrap_err();
    assert!(error.to_string().contains("gzip"), "{error}");
    let asked = &web.asked()[0];
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}
