//! The catalogue follows what lies in its folder: content comes, goes and changes while the server
//! runs; what is broken is named and harms nothing else; what was indexed once is not read again.

use std::{fs, path::Path, time::Duration};

use harness::{
    clips::{self, Clip},
    launch::{self, Server},
};

/// How soon a change on disk must be seen. The product's aim is a few seconds.
const SOON: Duration = Duration::from_secs(30);

fn status(server: &Server, name: &str) -> u16 {
    server.get(&format!("/livesim/{name}/manifest.mpd")).status
}

fn wait_status(server: &Server, name: &str, wanted: u16) {
    let seen = launch::wait_within(SOON, || (status(server, name) == wanted).then_some(()));
    assert!(
        seen.is_some(),
        "{name} is {} and not {wanted} after {SOON:?}: {}",
        status(server, name),
        server.said()
    );
}

#[test]
fn content_comes_and_goes_while_the_server_runs() {
    let root = tempfile::tempdir().expect("temporary folder");
    clips::copy(&Clip::DashNumber.path(), &root.path().join("first"));
    let server = launch::simulate(root.path());
    assert_eq!(status(&server, "first"), 200);
    assert_eq!(status(&server, "later"), 404);

    clips::copy(&Clip::HlsFiles.path(), &root.path().join("later"));
    wait_status(&server, "later", 200);
    clips::copy(&Clip::DashBase.path(), &root.path().join("deep/below"));
    wait_status(&server, "deep/below", 200);

    fs::remove_dir_all(root.path().join("first")).expect("folder is removed");
    wait_status(&server, "first", 404);
    assert_eq!(status(&server, "later"), 200);
}

#[test]
fn changed_content_is_read_anew() {
    let root = tempfile::tempdir().expect("temporary folder");
    let folder = root.path().join("clip");
    clips::copy(&Clip::DashNumber.path(), &folder);
    let server = launch::simulate(root.path());
    let url = "/livesim/segtimeline_1/clip/manifest.mpd?nowMS=100000";
    let before = server.get(url).expect(200);

    // A loop of three segments instead of four.
    for track in 0..3 {
        for number in 4..6 {
            // Only audio has a fifth.
            let _ = fs::remove_file(folder.join(format!("chunk-stream{track}-{number:05}.m4s")));
        }
    }
    let mpd = fs::read_to_string(folder.join("stream.mpd")).expect("MPD");
    let shorter = mpd.replace("PT8.0S", "PT6.0S");
    assert_ne!(mpd, shorter);
    fs::write(folder.join("stream.mpd"), shorter).expect("MPD is written");

    let changed = launch::wait_within(SOON, || {
        let mpd = server.get("/vod/clip/manifest.mpd");
        (mpd.status == 200 && mpd.text().contains("PT6")).then_some(())
    });
    assert!(changed.is_some(), "{:?}\n{}", before, server.said());
    server.get(url).expect(200);
}

/// Breaks a copy of the numbered DASH clip in one way and returns the name of the broken file.
fn broken(root: &Path, name: &str, harm: impl FnOnce(&Path)) {
    let folder = root.join(name);
    clips::copy(&Clip::DashNumber.path(), &folder);
    harm(&folder);
}

#[test]
fn a_bad_asset_is_named_and_the_rest_loads() {
    let root = tempfile::tempdir().expect("temporary folder");
    clips::copy(&Clip::DashTimeline.path(), &root.path().join("good"));
    broken(root.path(), "cut", |folder| {
        let file = folder.join("chunk-stream0-00002.m4s");
        let bytes = fs::read(&file).expect("segment");
        fs::write(file, &bytes[..bytes.len() / 2]).expect("half a segment");
    });
    broken(root.path(), "empty", |folder| {
        fs::write(folder.join("stream.mpd"), "").expect("empty MPD");
    });
    broken(root.path(), "initless", |folder| {
        fs::remove_file(folder.join("init-stream1.m4s")).expect("init is removed");
    });
    let server = launch::simulate(root.path());
    assert_eq!(status(&server, "good"), 200);
    for (name, file) in [
        ("cut", "chunk-stream0-00002.m4s"),
        ("empty", "stream.mpd"),
        ("initless", "init-stream1.m4s"),
    ] {
        assert_eq!(status(&server, name), 404, "{name}");
        let said = server.said();
        assert!(
            said.lines()
                .any(|line| line.contains(name) && line.contains(file)),
            "no line names {name} and {file}: {said}"
        );
    }
}

#[test]
fn a_second_start_reads_the_index_and_not_the_media() {
    let root = tempfile::tempdir().expect("temporary folder");
    let home = tempfile::tempdir().expect("temporary folder");
    let folder = root.path().join("clip");
    clips::copy(&Clip::DashTimeline.path(), &folder);
    let start = || {
        launch::headend([
            "simulate".as_ref(),
            root.path().as_os_str(),
            "--listen".as_ref(),
            "127.0.0.1:0".as_ref(),
        ])
        .home(home.path())
        .start()
    };
    let url = "/livesim/segtimeline_1/clip/manifest.mpd?nowMS=100000";
    let mpd = |server: &Server| server.get(url).expect(200).text().replace(&server.base, "");
    let first = start();
    let before = mpd(&first);
    drop(first);

    // A segment is overwritten behind the index's back: same size, same time. Nobody would notice
    // unless it were read.
    let path = folder.join("chunk-stream0-00002.m4s");
    let metadata = fs::metadata(&path).expect("segment");
    fs::write(&path, vec![0; metadata.len() as usize]).expect("zeros");
    let modified = metadata.modified().expect("time");
    let file = fs::File::options()
        .write(true)
        .open(&path)
        .expect("segment");
    file.set_modified(modified).expect("time is set back");
    let second = start();
    assert_eq!(before, mpd(&second), "{}", second.said());
    drop(second);

    // With another time it is read, and found to be no segment.
    file.set_modified(modified + Duration::from_secs(5))
        .expect("time is set");
    let third = start();
    assert_eq!(status(&third, "clip"), 404, "{}", third.said());
    assert!(
        third.said().contains("chunk-stream0-00002.m4s"),
        "{}",
        third.said()
    );
}
