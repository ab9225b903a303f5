use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use media::{hls::read, time::Time};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, sleep},
};

use super::*;
use crate::window::testing::Channel;

/// A target that follows a script and checks that nothing is listed before it is there.
#[derive(Default)]
struct Script {
    objects: Mutex<BTreeMap<String, String>>,
    /// When it does not answer.
    down: Mutex<Vec<(Instant, Instant)>>,
    /// Paths that it always refuses, whether that may pass.
    hated: Mutex<Vec<(String, bool)>>,
    tries: Mutex<BTreeMap<String, u32>>,
}

impl Script {
    fn text(&self, path: &str) -> String {
        let objects = self.objects.lock().expect("objects");
        objects.get(path).cloned().unwrap_or_default()
    }

    fn has(&self, path: &str) -> bool {
        self.objects.lock().expect("objects").contains_key(path)
    }

    fn judge(&self, path: &str) -> Result<(), PutError> {
        let refuse = |is_passing| {
            Err(PutError {
                text: "no".to_owned(),
                is_passing,
            })
        };
        let now = Instant::now();
        let down = self.down.lock().expect("down");
        if down.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            return refuse(true);
        }
        let hated = self.hated.lock().expect("hated");
        match hated.iter().find(|(hated, _)| hated == path) {
            Some((_, is_passing)) => refuse(*is_passing),
            None => Ok(()),
        }
    }

    fn check(&self, path: &str, text: &str) {
        let (folder, _) = path.rsplit_once('/').expect("in a folder");
        let playlist = read::media(text).expect("reads");
        for segment in playlist.segments.iter().filter(|segment| !segment.gap) {
            let name = segment.uri.rsplit('/').next().expect("a name");
            let there = self.has(&format!("{folder}/{name}"));
            assert!(there, "{path} lists {name} before it is there");
        }
        assert!(!text.contains("#EXT-X-PART"), "{text}");
        for name in text.split('"').filter(|part| part.contains("/init-")) {
            let name = name.trim_start_matches("../");
            assert!(self.has(name), "{path} names {name} before it is there");
        }
    }
}

impl Target for Arc<Script> {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn put<'a>(&'a self, object: &'a Object) -> Answer<'a> {
        Box::pin(async move {
            sleep(Duration::from_millis(20)).await;
            *self
                .tries
                .lock()
                .expect("tries")
                .entry(object.path.clone())
                .or_default() += 1;
            self.judge(&object.path)?;
            let bytes = object.slices.concat();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if object.path.ends_with("/playlist.m3u8") {
                self.check(&object.path, &text);
            }
            let mut objects = self.objects.lock().expect("objects");
            objects.insert(object.path.clone(), text);
            Ok(())
        })
    }

    fn remove<'a>(&'a self, path: &'a str) -> Answer<'a> {
        Box::pin(async move {
            self.judge(path)?;
            self.objects.lock().expect("objects").remove(path);
            Ok(())
        })
    }
}

/// Runs a channel in the time of the test with one target; returns what happened to it.
async fn publish(
    script: &Arc<Script>,
    options: Options,
    depth: Time,
    seconds: i64,
) -> (Channel, Vec<Notice>, Arc<Counters>) {
    let mut channel = Channel::new(depth);
    let notices = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&notices);
    let publisher = Publisher::new(
        &channel.window,
        Arc::new(Arc::clone(script)),
        options,
        move |notice| sink.lock().expect("notices").push(notice),
    );
    let counters = publisher.counters();
    let feed = async {
        channel.start(10_000);
        for tenth in 1..=seconds * 10 {
            sleep(Duration::from_millis(100)).await;
            channel.run(tenth * 100);
        }
        channel.stop();
        channel.window.end();
    };
    tokio::join!(feed, publisher.run());
    let notices = std::mem::take(&mut *notices.lock().expect("notices"));
    (channel, notices, counters)
}

fn lost(notices: &[Notice]) -> usize {
    let is_lost = |notice: &&Notice| matches!(notice, Notice::Lost { .. });
    notices.iter().filter(is_lost).count()
}

fn minute() -> Time {
    Time::from_secs(60)
}

#[tokio::test(start_paused = true)]
async fn all_of_a_channel_is_there_in_the_end() {
    let script = Arc::new(Script::default());
    let (channel, notices, counters) = publish(&script, Options::default(), minute(), 21).await;
    assert_eq!(lost(&notices), 0);
    for (track, id) in ["v1", "v2", "a"].iter().enumerate() {
        let text = script.text(&format!("{id}/playlist.m3u8"));
        assert!(text.contains("#EXT-X-ENDLIST"), "{text}");
        let of = &channel.studio.packager.counters().tracks[track];
        assert_eq!(text.matches("#EXTINF").count() as u64, of.segments);
    }
    let master = script.text("master.m3u8");
    assert!(master.contains("v1/playlist.m3u8"), "{master}");
    assert!(script.text("manifest.mpd").contains("type=\"static\""));
    assert_eq!(
        counters.refused.load(std::sync::atomic::Ordering::Relaxed),
        0
    );
    let put = notices
        .iter()
        .filter(|n| matches!(n, Notice::Put { .. }))
        .count();
    assert!(put > 33 * 2, "{put}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_for_thirty_seconds_costs_itself_gaps_only() {
    let script = Arc::new(Script::default());
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    script.down.lock().expect("down").push((at(11), at(41)));
    let (channel, notices, counters) = publish(&script, Options::default(), minute(), 69).await;
    let lost = lost(&notices);
    assert!((1..=6).contains(&lost), "{lost}");
    let failing = |n: &&Notice| matches!(n, Notice::Failing { .. } | Notice::Recovered);
    let turns: Vec<&Notice> = notices.iter().filter(failing).collect();
    assert!(
        matches!(turns[..], [Notice::Failing { .. }, Notice::Recovered]),
        "{turns:?}"
    );
    // The live edge does not know.
    let of = &channel.studio.packager.counters().tracks;
    assert!(
        of.iter()
            .all(|track| track.segments == 35 && track.gap_segments == 0)
    );
    assert_eq!(
        counters.lost.load(std::sync::atomic::Ordering::Relaxed) as usize,
        lost
    );
    let gaps: usize = ["v1", "v2", "a"]
        .iter()
        .map(|id| {
            script
                .text(&format!("{id}/playlist.m3u8"))
                .matches("#EXT-X-GAP")
                .count()
        })
        .sum();
    assert_eq!(gaps, lost);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_tried_as_often_as_it_may_be() {
    let script = Arc::new(Script::default());
    script.hated.lock().expect("hated").extend([
        ("v1/2.m4s".to_owned(), true),
        ("v2/3.m4s".to_owned(), false),
    ]);
    let options = Options {
        tries: 3,
        ..Options::default()
    };
    let (_, notices, _) = publish(&script, options, minute(), 15).await;
    let tries = script.tries.lock().expect("tries");
    assert_eq!((tries["v1/2.m4s"], tries["v2/3.m4s"]), (3, 1));
    assert_eq!(lost(&notices), 2);
    let text = script.text("v1/playlist.m3u8");
    assert!(
        text.contains("#EXT-X-GAP\n#EXTINF:2,\n../v1/2.m4s"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_needs_is_removed() {
    let script = Arc::new(Script::default());
    publish(&script, Options::default(), Time::from_secs(10), 60).await;
    assert!(!script.has("v1/3.m4s") && script.has("v1/25.m4s"));
    let other = Arc::new(Script::default());
    let options = Options {
        removes: false,
        ..Options::default()
    };
    publish(&other, options, Time::from_secs(10), 60).await;
    assert!(other.has("v1/3.m4s"));
}

#[tokio::test(start_paused = true)]
async fn a_short_queue_gives_up_the_oldest() {
    let script = Arc::new(Script::default());
    let now = Instant::now();
    let up_again = now + Duration::from_secs(28);
    script.down.lock().expect("down").push((now, up_again));
    let options = Options {
        queue: 6,
        ..Options::default()
    };
    let (_, _, _) = publish(&script, options, minute(), 29).await;
    let text = script.text("v1/playlist.m3u8");
    assert!(!text.contains("../v1/9.m4s"), "{text}");
    assert!(text.contains("\n../v1/14.m4s\n#EXT-X-ENDLIST"), "{text}");
    assert!(script.has("v1/14.m4s"));
}

#[tokio::test]
async fn a_folder_gets_files_and_loses_them() {
    let folder = tempfile::tempdir().expect("folder");
    let target = Folder::new(folder.path().join("deep"));
    let object = Object {
        path: "v1/1.m4s".to_owned(),
        content_type: "video/mp4",
        changes: false,
        slices: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
    };
    target.put(&object).await.expect("puts");
    let path = folder.path().join("deep/v1/1.m4s");
    assert_eq!(std::fs::read(&path).expect("is there"), b"onetwo");
    target.remove("v1/1.m4s").await.expect("removes");
    target.remove("v1/1.m4s").await.expect("is gone already");
    assert!(std::fs::metadata(&path).is_err());
    let blocked = Folder::new(folder.path().join("file"));
    std::fs::write(folder.path().join("file"), b"").expect("writes");
    let error = blocked.put(&object).await.expect_err("is no folder");
    assert!(error.is_passing && error.text.contains("file"), "{error}");
}

/// Answers one request a connection with a status line, and tells what it was asked.
async fn answer_once(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = listener.accept().await.expect("accepts");
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&asked).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let len = lines.find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= len.map_or(0, |len| len.parse().expect("a number")) {
                break;
            }
        }
        let read = stream.read(&mut buffer).await.expect("reads");
        asked.extend_from_slice(&buffer[..read]);
    }
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.expect("writes");
    String::from_utf8_lossy(&asked).into_owned()
}

#[tokio::test]
async fn a_server_is_put_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("has one").port();
    let base = format!("http://user:secret@127.0.0.1:{port}/in/news");
    let client = crate::watch::HttpFetch::new(None).expect("client").client();
    let target = HttpPut::new(client, &base, [("x-key", "abc")]).expect("makes");
    assert!(!target.name().contains("secret"), "{}", target.name());
    let object = Object {
        path: "v 1/1.m4s".to_owned(),
        content_type: "video/mp4",
        changes: false,
        slices: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
    };
    for (status, passing) in [
        ("201 Created", None),
        ("503 Service Unavailable", Some(true)),
        ("429 Too Many Requests", Some(true)),
        ("403 Forbidden", Some(false)),
    ] {
        let (asked, answer) = tokio::join!(answer_once(&listener, status), target.put(&object));
        assert!(
            asked.starts_with("PUT /in/news/v%201/1.m4s HTTP/1.1\r\n"),
            "{asked}"
        );
        for part in [
            "x-key: abc",
            "content-type: video/mp4",
            "authorization: Basic",
            "onetwo",
        ] {
            assert!(asked.contains(part), "{part}: {asked}");
        }
        assert_eq!(
            answer.err().map(|error| error.is_passing),
            passing,
            "{status}"
        );
    }
    for (status, works) in [
        ("204 No Content", true),
        ("404 Not Found", true),
        ("405 No", false),
    ] {
        let (asked, answer) =
            tokio::join!(answer_once(&listener, status), target.remove("a/1.m4s"));
        assert!(asked.starts_with("DELETE /in/news/a/1.m4s"), "{asked}");
        assert_eq!(answer.is_ok(), works, "{status}");
    }
    drop(listener);
    let refused = target.put(&object).await.expect_err("nobody listens");
    assert!(
        refused.is_passing && !refused.text.contains("secret"),
        "{refused}"
    );
}

#[test]
fn places_that_are_none_are_refused_without_secrets() {
    let client = || crate::watch::HttpFetch::new(None).expect("client").client();
    for base in ["ftp://u:secret@h/", "not a url", "/path"] {
        let error = HttpPut::new(client(), base, []).err().expect("is refused");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let error = HttpPut::new(client(), "http://h/", [("bad header", "x")]).err();
    assert_eq!(error, Some(HttpError::Header("bad header".to_owned())));
}
