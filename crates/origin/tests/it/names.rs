//! What URLs mean.

use media::{hls, supply::Refusal, supply::Supplier as _, template::Key};
use origin::{Resource, resolve};
use proptest::prelude::*;

use crate::fake::Fake;

#[test]
fn every_name_has_its_meaning() {
    let fake = Fake::live();
    for (rest, resource) in [
        ("Manifest.mpd", Resource::Mpd { manifest: 0 }),
        ("manifest.mpd", Resource::Mpd { manifest: 0 }),
        ("video only.mpd", Resource::Mpd { manifest: 1 }),
        ("master.m3u8", Resource::Multivariant { manifest: 0 }),
        ("Manifest.m3u8", Resource::Multivariant { manifest: 0 }),
        ("video only.m3u8", Resource::Multivariant { manifest: 1 }),
        (
            "V300/playlist.m3u8",
            Resource::Playlist {
                manifest: 0,
                track: 0,
            },
        ),
        (
            "audio/en/playlist.m3u8",
            Resource::Playlist {
                manifest: 0,
                track: 1,
            },
        ),
        (
            "V300/init.mp4",
            Resource::Init {
                manifest: 0,
                track: 0,
            },
        ),
        (
            "audio/en/init.mp4",
            Resource::Init {
                manifest: 0,
                track: 1,
            },
        ),
        (
            "V300/12.m4s",
            Resource::Media {
                manifest: 0,
                track: 0,
                key: Key::Number(12),
            },
        ),
        (
            "audio/en/t4000.m4s",
            Resource::Media {
                manifest: 0,
                track: 1,
                key: Key::Time(4000),
            },
        ),
    ] {
        assert_eq!(resolve(fake.manifests(), rest), Ok(resource), "{rest}");
    }
}

#[test]
fn playlists_are_where_the_writer_says_they_are() {
    let fake = Fake::live();
    for (track, id) in ["V300", "audio/en"].into_iter().enumerate() {
        let found = resolve(fake.manifests(), &hls::write::media_name(id));
        assert_eq!(found, Ok(Resource::Playlist { manifest: 0, track }));
    }
}

#[test]
fn unknown_names_are_told_what_there_is() {
    let fake = Fake::live();
    for rest in [
        "",
        "x.mpd",
        "MANIFEST.MPD",
        "Manifest",
        ".mpd",
        "playlist.m3u8",
        "/playlist.m3u8",
        "V301/playlist.m3u8",
        "V300/init.mp4/",
        "V300/012.m4s",
        "V300/-1.m4s",
        "V300/99999999999999999999999.m4s",
        "V300/t12.m4s",
        "V300/12.xyz",
        "audio/en/4000.m4s",
    ] {
        let refused = resolve(fake.manifests(), rest).unwrap_err();
        let Refusal::NotFound(sentence) = refused else {
            panic!("{rest}: {refused}")
        };
        assert!(
            sentence.contains("`Manifest.mpd`, `video only.mpd`"),
            "{rest}: {sentence}"
        );
    }
}

#[test]
fn a_presentation_without_manifests_has_nothing() {
    for rest in ["manifest.mpd", "master.m3u8", "a/1.m4s"] {
        assert!(resolve(&[], rest).is_err(), "{rest}");
    }
}

proptest! {
    #[test]
    fn anything_is_resolved_without_panic(rest in "\\PC{0,40}(\\.mpd|\\.m3u8|\\.m4s)?") {
        let fake = Fake::live();
        let first = resolve(fake.manifests(), &rest);
        prop_assert_eq!(first, resolve(fake.manifests(), &rest));
    }
}
