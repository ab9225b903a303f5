//! Assets that are published version by version: URLs of a version never change their meaning, the
//! pointer is followed, old versions are answered while they are kept, and only they are removed.

use std::{fs, path::Path};

use harness::{
    clips::{self, Clip},
    http,
    launch::{self, Server, wait_for},
};
use serde_json::{Value, json};

const ONE: &str = "v-00000000000a";
const TWO: &str = "v-00000000000b";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Puts a version into place: whole, but not shown.
fn write(root: &Path, version: &str, clip: Clip) {
    let folder = root.join("films/one").join(version);
    clips::copy(&clip.path(), &folder);
    let seal = json!({ "format": 1, "version": version, "job": "j", "made_ms": 0, "files": [] });
    fs::write(folder.join("version.json"), seal.to_string()).expect("seal");
}

/// Shows a version, as publishing does: by a rename.
fn show(root: &Path, version: &str, past: &[(&str, i64)]) {
    let past: Vec<_> = past
        .iter()
        .map(|(version, until_ms)| json!({ "version": version, "until_ms": until_ms }))
        .collect();
    let pointer = json!({ "format": 1, "version": version, "since_ms": 0, "past": past });
    let folder = root.join("films/one");
    fs::write(folder.join(".new"), pointer.to_string()).expect("pointer");
    fs::rename(folder.join(".new"), folder.join("current.json")).expect("pointer");
}

/// Runs `headend asset …` on a folder; returns what it prints.
fn asset(arguments: &[&str], root: &Path) -> Value {
    let root = root.to_str().expect("plain path");
    let output = launch::headend(["asset"].iter().chain(arguments).chain(&[root])).run();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn cache_control(server: &Server, path: &str) -> String {
    let answer = server.get(path).expect(200);
    answer
        .header("cache-control")
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_version_has_urls_of_its_own() {
    let root = tempfile::tempdir().expect("temporary folder");
    write(root.path(), ONE, Clip::DashNumber);
    write(root.path(), TWO, Clip::HlsFiles);
    fs::create_dir_all(root.path().join(".headend/jobs")).expect("working files");
    show(root.path(), ONE, &[]);
    let server = launch::simulate(root.path());

    // The manifest names what lies in the folder of the version, and may be kept for a short time.
    let mpd = server.get("/vod/films/one/stream.mpd").expect(200);
    assert!(
        mpd.text().contains(&format!("<BaseURL>{ONE}/</BaseURL>")),
        "{}",
        mpd.text()
    );
    assert_eq!(mpd.header("cache-control"), Some("public, max-age=10"));
    let name = "chunk-stream0-00002.m4s";
    let bytes = fs::read(Clip::DashNumber.path().join(name)).expect("segment");
    let old = format!("/vod/films/one/{ONE}/{name}");
    assert_eq!(server.get(&old).expect(200).body, bytes);
    for file in [name, "init-stream0.m4s", "stream.mpd"] {
        let path = format!("/vod/films/one/{ONE}/{file}");
        assert_eq!(cache_control(&server, &path), IMMUTABLE, "{path}");
    }
    let stored = server
        .get(&format!("/vod/films/one/{ONE}/stream.mpd"))
        .expect(200);
    assert_eq!(
        stored.body,
        fs::read(Clip::DashNumber.path().join("stream.mpd")).expect("MPD")
    );
    let part = http::get(&server.url(&old))
        .header("range", "bytes=10-19")
        .send()
        .expect(206);
    assert_eq!(part.body, bytes[10..20]);
    server
        .get("/livesim/films/one/manifest.mpd?nowMS=100000")
        .expect(200);
    for (nothing, status) in [
        ("v-00000000000c/x", 404),
        ("v-00000000000a/../current.json", 400),
        ("v-00000000000a/.begun", 404),
    ] {
        let path = format!("/vod/films/one/{nothing}");
        server.get(&path).expect(status);
    }

    // Another version is shown, and the old one is answered while it is kept.
    show(root.path(), TWO, &[(ONE, 0)]);
    let master = wait_for("the new version", || {
        let answer = server.get("/vod/films/one/master.m3u8");
        answer.text().contains(TWO).then_some(answer)
    });
    let playlist = master
        .text()
        .lines()
        .find(|line| line.starts_with(TWO))
        .expect("a variant in the folder of the version");
    let playlist = format!("/vod/films/one/{playlist}");
    assert_eq!(cache_control(&server, &playlist), IMMUTABLE);
    assert_eq!(server.get(&old).expect(200).body, bytes);
    let names: Vec<String> = asset(&["list", "--json"], root.path())["assets"]
        .as_array()
        .expect("assets")
        .iter()
        .map(|asset| asset["name"].to_string())
        .collect();
    assert_eq!(names, ["\"films/one\""]);
}

#[test]
fn versions_are_listed_and_the_old_ones_removed() {
    let root = tempfile::tempdir().expect("temporary folder");
    write(root.path(), ONE, Clip::DashNumber);
    write(root.path(), TWO, Clip::HlsFiles);
    show(root.path(), TWO, &[(ONE, 1_000)]);
    let asset = |arguments: &[&str]| asset(arguments, root.path());
    let listed = asset(&["versions", "--json", "--name", "films/one"]);
    let states: Vec<(String, String)> = listed["assets"][0]["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|v| (v["version"].to_string(), v["state"].to_string()))
        .collect();
    let state = |version: &str, state: &str| (format!("\"{version}\""), format!("\"{state}\""));
    assert_eq!(states, [state(TWO, "current"), state(ONE, "kept")]);

    let pretended = asset(&["gc", "--json", "--dry-run"]);
    assert_eq!(pretended["assets"][0]["removed"][0]["version"], ONE);
    assert!(root.path().join("films/one").join(ONE).is_dir());
    let kept = asset(&["gc", "--json", "--keep-last", "1"]);
    assert_eq!(kept["assets"][0]["removed"], json!([]));
    let removed = asset(&["gc", "--json"]);
    assert_eq!(removed["assets"][0]["removed"][0]["version"], ONE);
    assert!(!root.path().join("films/one").join(ONE).is_dir());
    assert!(root.path().join("films/one").join(TWO).is_dir());
}
