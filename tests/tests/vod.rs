//! Assets on demand over HTTP: ranges, conditions, methods, content types and foreign origins.

use harness::{
    clips::{self, Clip},
    http::{self, Answer},
    launch::{self, Server},
    manifests,
};

fn server() -> Server {
    launch::simulate(&clips::root())
}

/// URL of a media segment of the numbered DASH clip, and the file it lies in.
fn segment(server: &Server) -> (String, Vec<u8>) {
    let name = "chunk-stream0-00002.m4s";
    let bytes = std::fs::read(Clip::DashNumber.path().join(name)).expect("segment on disk");
    (server.url(&format!("/vod/dash-number/{name}")), bytes)
}

#[test]
fn every_clip_has_both_manifests_and_all_they_name() {
    let server = server();
    for clip in Clip::FOLDERS {
        let path = format!("/vod/{}/manifest.mpd", clip.name());
        let mpd = manifests::mpd(&server, &path);
        assert_eq!(mpd.mpdtype.as_deref(), Some("static"), "{path}");
        let (_, playlists) =
            manifests::multivariant(&server, &format!("/vod/{}/master.m3u8", clip.name()));
        assert!(playlists.len() >= 2, "{}: {playlists:?}", clip.name());
        for url in playlists {
            let playlist = manifests::playlist(&url);
            assert!(playlist.ended, "{url} ends");
            assert!(
                http::get(&playlist.listed.init).send().status < 300,
                "{url}"
            );
            let total: f64 = playlist
                .listed
                .segments
                .iter()
                .filter_map(|segment| segment.seconds)
                .sum();
            assert!((total - 8.0).abs() < 0.1, "{url} lasts {total} s");
            for segment in &playlist.listed.segments {
                let answer = segment.get();
                assert!(
                    matches!(answer.status, 200 | 206),
                    "{}: {answer:?}",
                    segment.url
                );
                assert!(!answer.body.is_empty(), "{}", segment.url);
            }
        }
    }
}

#[test]
fn a_manifest_keeps_the_name_it_was_imported_with() {
    let server = server();
    server.get("/vod/dash-number/stream.mpd").expect(200);
    server.get("/vod/dash-number/manifest.mpd").expect(200);
    server.get("/livesim/dash-number/stream.mpd").expect(200);
}

#[test]
fn a_segment_is_the_file_as_it_is() {
    let server = server();
    let (url, bytes) = segment(&server);
    let answer = http::get(&url).send().expect(200);
    assert!(answer.body == bytes, "{url} differs from its file");
    let length = bytes.len().to_string();
    for (name, value) in [
        ("content-type", "video/mp4"),
        ("content-length", &*length),
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("etag").is_some() && answer.header("cache-control").is_some());
}

#[test]
fn ranges_are_what_rfc_9110_says() {
    let server = server();
    let (url, bytes) = segment(&server);
    let total = bytes.len();
    let get = |range: &str| http::get(&url).header("Range", range).send();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=100-", 100, total - 1),
        ("bytes=-5", total - 5, total - 1),
        ("bytes=0-99999999", 0, total - 1),
    ] {
        let answer = get(range).expect(206);
        assert_eq!(answer.body, bytes[first..=last], "{range}");
        let content_range = format!("bytes {first}-{last}/{total}");
        assert_eq!(
            answer.header("content-range"),
            Some(&*content_range),
            "{range}"
        );
    }
    let beyond = get(&format!("bytes={total}-")).expect(416);
    assert_eq!(
        beyond.header("content-range"),
        Some(&*format!("bytes */{total}"))
    );
    let nonsense = get("lines=1-2").expect(200);
    assert_eq!(nonsense.body.len(), total);
}

#[test]
fn several_ranges_come_as_parts() {
    let server = server();
    let (url, bytes) = segment(&server);
    let answer = http::get(&url)
        .header("Range", "bytes=0-3,8-15")
        .send()
        .expect(206);
    let kind = answer.header("content-type").expect("Content-Type");
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap_or_else(|| panic!("{kind}"));
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(
        text.matches(&format!("--{boundary}\r\n")).count(),
        2,
        "{text}"
    );
    for (first, last) in [(0, 3), (8, 15)] {
        let range = format!("bytes {first}-{last}/{}", bytes.len());
        assert!(text.contains(&range), "{text}");
        let part = &bytes[first..=last];
        assert!(answer.body.windows(part.len()).any(|window| window == part));
    }
}

#[test]
fn conditions_save_the_body() {
    let server = server();
    for path in [
        "/vod/dash-number/chunk-stream0-00002.m4s",
        "/vod/dash-number/manifest.mpd",
        "/vod/dash-number/master.m3u8",
    ] {
        let url = server.url(path);
        let first = http::get(&url).send().expect(200);
        let tag = first.header("etag").expect("ETag").to_owned();
        let with = |name: &str, value: &str| http::get(&url).header(name, value).send();
        for value in [&*tag, "*", &format!("\"other\", {tag}")] {
            let answer = with("If-None-Match", value).expect(304);
            assert_eq!(answer.header("etag"), Some(&*tag), "{path}");
            assert!(answer.body.is_empty());
        }
        with("If-None-Match", "\"other\"").expect(200);
        let range = |tag: &str| {
            http::get(&url)
                .header("Range", "bytes=0-3")
                .header("If-Range", tag)
                .send()
        };
        range("\"other\"").expect(200);
        if !tag.starts_with("W/") {
            range(&tag).expect(206);
        }
    }
}

#[test]
fn head_is_get_without_the_body() {
    let server = server();
    for path in [
        "/",
        "/healthz",
        "/vod/dash-number/manifest.mpd",
        "/vod/dash-number/master.m3u8",
        "/vod/dash-number/chunk-stream0-00002.m4s",
        "/livesim/dash-number/manifest.mpd?nowMS=100000",
    ] {
        let get = server.get(path).expect(200);
        let head = http::request("HEAD", &server.url(path)).send().expect(200);
        let fields = |answer: &Answer| {
            ["content-type", "content-length", "etag", "cache-control"]
                .map(|name| answer.header(name).map(str::to_owned))
        };
        assert_eq!(fields(&get), fields(&head), "{path}");
        assert_eq!(
            get.header("content-length"),
            Some(&*get.body.len().to_string()),
            "{path}"
        );
    }
}

#[test]
fn other_methods_are_refused_and_preflights_answered() {
    let server = server();
    let url = server.url("/vod/dash-number/manifest.mpd");
    let refused = http::request("POST", &url).send().expect(405);
    assert!(
        refused
            .header("allow")
            .is_some_and(|allow| allow.contains("GET")),
        "{refused:?}"
    );
    let preflight = http::request("OPTIONS", &url)
        .header("Origin", "https://player.example")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "range")
        .send()
        .expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    let headers = preflight
        .header("access-control-allow-headers")
        .expect("allowed headers");
    assert!(
        headers == "*" || headers.to_ascii_lowercase().contains("range"),
        "{headers}"
    );
    let exposed = http::get(&url)
        .header("Origin", "https://player.example")
        .send();
    assert!(
        exposed.header("access-control-expose-headers").is_some(),
        "{exposed:?}"
    );
}

#[test]
fn what_is_not_there_is_404_with_a_sentence() {
    let server = server();
    for path in [
        "/nowhere",
        "/vod/nowhere/manifest.mpd",
        "/vod/dash-number/none.m4s",
        "/vod/dash-number/../../etc/passwd",
        "/vod/dash-number/%2e%2e/%2e%2e/plain.mkv",
    ] {
        let answer = server.get(path);
        assert!(matches!(answer.status, 404 | 400), "{path}: {answer:?}");
        assert!(answer.text().trim().len() > 10, "{path}: {answer:?}");
    }
}

#[test]
fn state_is_shown() {
    let server = server();
    server.get("/healthz").expect(200);
    server.get("/readyz").expect(200);
    let time = server.get("/time").expect(200);
    assert!(
        time.text().starts_with("20") && time.text().contains('T'),
        "{time:?}"
    );
    server.get("/livesim/dash-number/manifest.mpd").expect(200);
    let metrics = server.get("/metrics").expect(200);
    assert!(metrics.text().contains("# TYPE"), "{metrics:?}");
}
