//! Manifests: types, caching and the test clock.

use http::Method;

use crate::fake::Fake;

const DASH: &str = "application/dash+xml";
const HLS: &str = "application/vnd.apple.mpegurl";

#[test]
fn manifests_have_their_types_and_times_in_caches() {
    let (live, on_demand) = (Fake::live(), Fake::on_demand());
    for (rest, content_type, marks) in [
        ("manifest.mpd", DASH, "<MPD"),
        ("master.m3u8", HLS, "#EXTM3U"),
        ("V300/playlist.m3u8", HLS, "#EXTM3U"),
    ] {
        for (fake, cache_control) in [(&live, "no-cache"), (&on_demand, "public, max-age=10")] {
            let answer = fake.get(rest, 100_000);
            assert_eq!(answer.status, 200, "{rest}");
            assert_eq!(answer.header("content-type"), content_type, "{rest}");
            assert_eq!(answer.header("cache-control"), cache_control, "{rest}");
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{rest}");
            assert!(answer.body.contains(marks), "{rest}: {}", answer.body);
        }
    }
}

#[test]
fn equal_manifests_have_equal_tags_and_are_not_sent_twice() {
    let fake = Fake::live();
    let first = fake.get("V300/playlist.m3u8", 100_000);
    let same = fake.get("V300/playlist.m3u8", 101_999);
    let next = fake.get("V300/playlist.m3u8", 102_000);
    let tag = first.header("etag");
    assert_eq!((tag, &first.body), (same.header("etag"), &same.body));
    assert_ne!(tag, next.header("etag"));

    let condition = [("if-none-match", tag)];
    let again = fake.ask(Method::GET, "V300/playlist.m3u8", 101_999, &condition);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("access-control-allow-origin"), "*");
    let later = fake.ask(Method::GET, "V300/playlist.m3u8", 102_000, &condition);
    assert_eq!((later.status, later.body), (200, next.body));
}

#[test]
fn the_test_clock_goes_on_to_what_playlists_list() {
    let fake = Fake::live();
    for rest in ["master.m3u8", "V300/playlist.m3u8"] {
        assert!(fake.get(rest, 100_000).body.contains("?nowMS=7"), "{rest}");
    }
}

#[test]
fn every_listed_segment_is_there() {
    let fake = Fake::live();
    let playlist = fake.get("V300/playlist.m3u8", 100_000).body;
    let lines = playlist
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let names: Vec<&str> = lines
        .map(|line| line.trim_start_matches("../").trim_end_matches("?nowMS=7"))
        .collect();
    assert_eq!(names.len(), 5);
    for name in names {
        assert_eq!(fake.get(name, 100_000).status, 200, "{name}");
    }
}
