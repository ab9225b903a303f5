//! Asset roots in an S3 bucket: served like folders, followed while they change, and served on when
//! the bucket is out of reach.

use std::{fs, process::Output};

use harness::{
    clips::Clip,
    http,
    launch::{self, Launch, wait_for},
    s3,
};

fn simulate(uri: &str) -> Launch {
    launch::headend(["simulate", uri, "--listen", "127.0.0.1:0"])
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_bucket_is_served_and_followed() {
    let mut store = s3::Server::start();
    store.make_bucket("media");
    store.put_folder(&Clip::DashNumber.path(), "media/vod/clip");
    store.put_folder(&Clip::HlsFiles.path(), "media/vod/other");
    store.put("media/elsewhere/movie.mp4", b"not below the prefix");
    let home = tempfile::tempdir().expect("temporary folder");
    let launch = || store.known_to(simulate("s3://media/vod")).home(home.path());

    let server = launch().start();
    server
        .get("/livesim/clip/manifest.mpd?nowMS=100000")
        .expect(200);
    server
        .get("/livesim/other/master.m3u8?nowMS=100000")
        .expect(200);
    let name = "chunk-stream0-00002.m4s";
    let segment = fs::read(Clip::DashNumber.path().join(name)).expect("segment");
    let url = format!("/vod/clip/{name}");
    assert_eq!(server.get(&url).expect(200).body, segment);

    // Only the payload of the last sample is another: same length, same second perhaps.
    let mut replaced = segment.clone();
    *replaced.last_mut().expect("bytes") ^= 0xff;
    store.put(&format!("media/vod/clip/{name}"), &replaced);
    store.delete_folder("media/vod/other");
    store.put_folder(&Clip::DashBase.path(), "media/vod/deep/later");
    wait_for("the replaced segment", || {
        let answer = server.get(&url);
        (answer.status == 200 && answer.body == replaced).then_some(())
    });
    let status = |path: &str| server.get(path).status;
    wait_for("an asset to go", || {
        (status("/livesim/other/master.m3u8") == 404).then_some(())
    });
    wait_for("an asset to come", || {
        (status("/livesim/deep/later/manifest.mpd") == 200).then_some(())
    });

    store.stop();
    server.wait_said("cannot be reached");
    assert_eq!(server.get(&url).expect(200).body, replaced);
    drop(server);

    // What was fetched is there at the next start, store or no store.
    let server = store
        .known_to(simulate("s3://media/vod"))
        .home(home.path())
        .start();
    assert_eq!(server.get(&url).expect(200).body, replaced);
    assert!(
        server.said().contains("fetched before"),
        "{}",
        server.said()
    );
    store.resume();
    store.delete_folder("media/vod/clip");
    wait_for("the asset to go when the store is back", || {
        let manifest = format!("{}/livesim/clip/manifest.mpd", server.base);
        (http::get(&manifest).send().status == 404).then_some(())
    });
}

#[test]
fn a_file_in_a_bucket_is_imported_and_checked() {
    let store = s3::Server::start();
    store.make_bucket("media");
    let film = fs::read(Clip::Plain.path()).expect("clip");
    store.put("media/films/plain.mkv", &film);
    let check = launch::headend(["asset", "check", "s3://media/films/plain.mkv"]);
    let output = store.known_to(check).run();
    assert!(output.status.success(), "{}", stderr(&output));
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.starts_with("plain: ok"), "{table}");
}

#[test]
fn what_is_wrong_with_a_bucket_is_said() {
    let store = s3::Server::start();
    store.make_bucket("media");
    store.put("media/vod/manifest.mpd", b"<MPD/>");
    let explains = |uri: &str, launch: Launch, part: &str| {
        let output = launch.run();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{uri}: {text}");
        assert!(text.contains(uri) && text.contains(part), "{uri}: {text}");
    };
    for (uri, part) in [
        ("s3://nothing", "no such bucket"),
        ("s3://media/vod/manifest.mpd", "name the folder"),
    ] {
        explains(uri, store.known_to(simulate(uri)), part);
    }
    let uri = "s3://media/vod";
    for (variable, value, part) in [
        ("AWS_ACCESS_KEY_ID", "stranger", "check AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "SignatureDoesNotMatch"),
        (
            "AWS_ENDPOINT_URL",
            "http://127.0.0.1:1",
            "cannot be reached",
        ),
        ("AWS_ENDPOINT_URL", "not a URL", "AWS_"),
    ] {
        let launch = store.known_to(simulate(uri)).env(variable, value);
        explains(uri, launch, part);
    }

    // No credentials anywhere: the last resort is a machine's own service, which is not here.
    let launch = simulate(uri).env("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
    explains(uri, launch, "no credentials were found");
}

#[test]
fn other_places_are_no_asset_roots() {
    for uri in ["http://127.0.0.1:1/vod", "nats://127.0.0.1:1/vod"] {
        let output = simulate(uri).run();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("not supported as an asset root"), "{text}");

        let folder = tempfile::tempdir().expect("temporary folder");
        let config = format!("listen: 127.0.0.1:0\nassets: ['{uri}']\n");
        fs::write(folder.path().join("headend.yaml"), config).expect("configuration");
        let output = launch::headend(["serve"]).current_dir(folder.path()).run();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("headend.yaml:2"), "{text}");
    }
}
