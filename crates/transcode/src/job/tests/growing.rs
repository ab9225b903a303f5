//! Assets that can be played while they are made.

use std::{num::NonZeroU32, path::Path};

use asset::versions::{POINTER, Pointer};

use super::*;
use crate::{package::MASTER, testing::frames};

fn shown(bench: &Bench, name: &str) -> Option<String> {
    let bytes = fs::read(bench.path(&format!("films/{name}/{POINTER}"))).ok()?;
    Some(Pointer::parse(&bytes).unwrap().version)
}

fn segments(playlist: &str) -> usize {
    playlist
        .lines()
        .filter(|line| line.starts_with("#EXTINF"))
        .count()
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn the_part_that_there_is_can_be_played_and_the_whole_takes_its_place() {
    let bench = Bench::new(3);
    let film = bench.film("film.mp4", "null", "");
    // Looked at while the part that made it playable is not done yet, so nothing is complete.
    let seen: Arc<Mutex<Vec<(String, String, String)>>> = Arc::default();
    let films = bench.path("films/film");
    let into = Arc::clone(&seen);
    bench.hook(move |event| {
        if let What::Playable { version } = &event.what {
            let grown = films.join(version);
            let playlist = text(&grown, "v90/playlist.m3u8");
            into.lock()
                .unwrap()
                .push((version.clone(), playlist, text(&grown, MASTER)));
        }
    });
    let mut request = request(film.to_str().unwrap(), "film");
    request.early_publish = NonZeroU32::new(2);
    let whole = bench.publish(request);
    let seen = seen.lock().unwrap().clone();
    let [(version, playlist, master)] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert!(
        playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"),
        "{playlist}"
    );
    assert!(!playlist.contains("#EXT-X-ENDLIST"), "{playlist}");
    assert!(segments(playlist) >= 2, "{playlist}");
    assert!(master.contains("v90/playlist.m3u8"), "{master}");
    assert_ne!(whole.file_name().unwrap(), version.as_str());
    let now = whole.file_name().unwrap().to_str().unwrap();
    assert_eq!(shown(&bench, "film").as_deref(), Some(now));

    // Those who play the growing version come to the end of the same film.
    let grown = bench.path(&format!("films/film/{version}"));
    for name in ["v90/playlist.m3u8", "a1/playlist.m3u8"] {
        let playlist = text(&grown, name);
        assert_eq!(segments(&playlist), 15, "{playlist}");
        assert!(playlist.ends_with("#EXT-X-ENDLIST\n"), "{playlist}");
        assert_eq!(playlist, text(&whole, name));
    }
    let frames = |folder: &Path| frames(folder.join(MASTER).to_str().unwrap(), folder, "");
    assert_eq!(frames(&grown).len(), 750);
}

#[test]
fn a_version_that_is_whole_is_not_replaced_by_a_part() {
    let bench = Bench::new(3);
    let film = bench.film("film.mp4", "null", "");
    let mut request = request(film.to_str().unwrap(), "film");
    request.early_publish = Some(NonZeroU32::MIN);
    let first = bench.publish(request.clone());
    request.options.crf_tenths = Some(350);
    let second = bench.publish(request);
    assert_ne!(first, second);
    let events = bench.events.lock().unwrap();
    let playable = |event: &&Event| matches!(event.what, What::Playable { .. });
    assert_eq!(events.iter().filter(playable).count(), 1);
}
