//! Init and media segments: bytes, ranges, availability and caching.

use http::Method;

use crate::fake::Fake;

#[test]
fn segments_are_what_the_supplier_gives() {
    let fake = Fake::live();
    for (rest, content_type, body) in [
        ("V300/init.mp4", "video/mp4", "head of V300 init"),
        ("V300/3.m4s", "video/mp4", "head of V300 3"),
        ("audio/en/t6000.m4s", "audio/mp4", "head of audio/en 3"),
    ] {
        let answer = fake.get(rest, 10_000);
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("cache-control"), "public, max-age=60");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("timing-allow-origin"), "*");
        assert!(
            answer.header("etag").starts_with("\"1-"),
            "the format's version comes first"
        );
    }
}

#[test]
fn ranges_and_conditions_work_on_segments() {
    let fake = Fake::live();
    let answer = fake.ask(Method::GET, "V300/3.m4s", 10_000, &[("range", "bytes=5-9")]);
    assert_eq!((answer.status, answer.body.as_str()), (206, "of V3"));
    let tag = fake.get("V300/3.m4s", 10_000).header("etag").to_owned();
    let answer = fake.ask(
        Method::GET,
        "V300/3.m4s",
        10_000,
        &[("if-none-match", &tag)],
    );
    assert_eq!(answer.status, 304);
}

#[test]
fn availability_is_a_status_and_a_sentence() {
    let fake = Fake::live();
    for (now, status, part) in [
        (7_999, 425, "segment 3 is too early by 1 ms"),
        (8_000, 200, "head"),
        (18_000, 200, "head"),
        (18_001, 410, "segment 3 is gone"),
    ] {
        let answer = fake.get("V300/3.m4s", now);
        assert_eq!(answer.status, status, "{now}");
        assert!(answer.body.contains(part), "{now}: {}", answer.body);
    }
    let early = fake.get("V300/3.m4s", 5_500);
    assert_eq!(early.header("retry-after"), "3");
    assert_eq!(early.header("cache-control"), "no-store");
    assert_eq!(fake.get("audio/en/t1.m4s", 8_000).status, 404);
}

#[test]
fn a_condition_does_not_hide_that_a_segment_is_not_there() {
    let fake = Fake::live();
    let answer = fake.ask(Method::GET, "V300/3.m4s", 0, &[("if-none-match", "*")]);
    assert_eq!(answer.status, 425);
}

#[test]
fn methods_other_than_reading_are_refused() {
    let fake = Fake::live();
    let answer = fake.ask(Method::OPTIONS, "V300/3.m4s", 0, &[]);
    assert_eq!(
        (answer.status, answer.header("allow")),
        (204, "GET, HEAD, OPTIONS")
    );
    assert_eq!(fake.ask(Method::POST, "manifest.mpd", 0, &[]).status, 405);
    assert_eq!(fake.ask(Method::HEAD, "V300/3.m4s", 8_000, &[]).status, 200);
}
