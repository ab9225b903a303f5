//! Results that are encrypted.

use std::path::Path;

use super::*;
use crate::{
    package::protect::Key,
    plan::{Encryption, Scheme},
    testing::{frames, serve},
    verify,
};

const KEY: [u8; 16] = *b"sixteen secrets!";
const KEY_ID: &str = "00112233445566778899aabbccddeeff";

fn protected(bench: &Bench, scheme: Scheme, key_uri: &str) -> Request {
    let film = bench.film("film.mp4", "null", "");
    let key = bench.path("film.key");
    fs::write(&key, KEY).unwrap();
    let mut request = request(film.to_str().unwrap(), "secret");
    request.options.encryption = Some(Encryption {
        scheme,
        key_id: KEY_ID.to_owned(),
        key_uri: key_uri.to_owned(),
    });
    request.key_file = Some(key);
    request
}

fn md5s(input: &str, folder: &Path) -> Vec<String> {
    let all = frames(input, folder, "");
    all.into_iter().map(|(_, md5)| md5).collect()
}

/// Fails if the key is in a file below a folder, as bytes or as digits.
fn assert_no_key(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_key(&path);
            continue;
        }
        let content = fs::read(&path).unwrap();
        let digits = format!("{:032x}", u128::from_be_bytes(KEY));
        for secret in [&KEY[..], digits.as_bytes()] {
            let is_there = content.windows(secret.len()).any(|part| part == secret);
            assert!(!is_there, "{}", path.display());
        }
    }
}

#[test]
fn whole_segments_are_decrypted_by_players_and_nothing_tells_the_key() {
    let bench = Bench::new(3);
    let url = serve(bench.folder.path());
    let request = protected(&bench, Scheme::Aes128, &format!("{url}/film.key"));
    let clear = Request {
        name: Some("clear".to_owned()),
        key_file: None,
        options: plan::Options {
            encryption: None,
            ..request.options.clone()
        },
        ..request.clone()
    };
    let folder = bench.publish(request.clone());
    let playlist = fs::read_to_string(folder.join("v90/playlist.m3u8"));
    let playlist = playlist.unwrap_or_else(|error| panic!("{error} {folder:?}"));
    let tag = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{url}/film.key\"\n");
    assert!(playlist.contains(&tag), "{playlist}");
    assert!(!folder.join("manifest.mpd").try_exists().unwrap());

    let below = folder.strip_prefix(bench.folder.path()).unwrap();
    let master = format!("{url}/{}/master.m3u8", below.display());
    let opened = md5s(&master, bench.folder.path());
    assert_eq!(opened.len(), 750);
    let clear = bench.publish(clear).join("master.m3u8");
    let expected = md5s(clear.to_str().unwrap(), bench.folder.path());
    assert!(opened == expected);

    assert_no_key(&bench.path("films"));
    assert_no_key(&bench.path("local"));
    let told = format!("{:?}", bench.events.lock().unwrap());
    assert!(!told.contains("sixteen secrets!"));

    let key = Key::read(&KEY).unwrap();
    let report = verify::folder_with_key(&folder, Some(&key));
    assert!(report.is_right(), "{:#?}", report.findings);
    assert!(
        !verify::folder(&folder).is_right(),
        "it was not looked into"
    );
    let other = Key::read(b"sixteen letters.").unwrap();
    assert!(!verify::folder_with_key(&folder, Some(&other)).is_right());
}

#[test]
fn another_key_encrypts_again_and_encodes_nothing() {
    let bench = Bench::new(3);
    let request = protected(&bench, Scheme::Cbcs, "https://keys.example/film");
    let first = bench.publish(request.clone());
    let mpd = fs::read_to_string(first.join("manifest.mpd")).unwrap();
    assert!(mpd.contains("urn:mpeg:dash:mp4protection:2011"), "{mpd}");
    assert!(
        mpd.contains("00112233-4455-6677-8899-aabbccddeeff"),
        "{mpd}"
    );
    let playlist = fs::read_to_string(first.join("v90/playlist.m3u8")).unwrap();
    assert!(
        playlist.contains("#EXT-X-KEY:METHOD=SAMPLE-AES"),
        "{playlist}"
    );
    assert!(verify::folder(&first).is_right());
    let id = request.id().unwrap();
    let made = bench.done(&id);

    fs::write(bench.path("film.key"), b"sixteen letters.").unwrap();
    let second = bench.publish(request);
    assert_ne!(first, second);
    let events = bench.events.lock().unwrap();
    let again = events.iter().filter_map(|event| match event.what {
        What::Done { step, found, .. } if !found => Some(step),
        _ => None,
    });
    let again: Vec<Step> = again.skip(made.len()).collect();
    assert_eq!(again, [Step::Package, Step::Publish]);
}

#[test]
fn what_cannot_be_protected_is_refused_at_once() {
    let bench = Bench::new(3);
    let right = protected(&bench, Scheme::Cbcs, "https://keys.example/film");
    let refused = |change: &dyn Fn(&mut Request)| {
        let mut request = right.clone();
        change(&mut request);
        bench.jobs.submit(request).unwrap_err().to_string()
    };
    let encryption = |request: &mut Request| request.options.encryption.clone().unwrap();
    for (error, part) in [
        (refused(&|it| it.key_file = None), "key file"),
        (refused(&|it| it.options.encryption = None), "of no use"),
        (
            refused(&|it| it.key_file = Some("/nowhere/key".into())),
            "/nowhere/key",
        ),
        (
            refused(&|it| it.key_file = it.key_file.as_ref().map(|_| bench.path("film.mp4"))),
            "neither 16 bytes",
        ),
        (
            refused(&|it| {
                it.options.encryption = Some(Encryption {
                    key_id: "12".to_owned(),
                    ..encryption(it)
                });
            }),
            "key id `12`",
        ),
        (
            refused(&|it| it.early_publish = std::num::NonZeroU32::new(2)),
            "shown early",
        ),
    ] {
        assert!(error.contains(part), "{error}");
    }
}
