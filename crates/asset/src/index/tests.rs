use std::fs;

use super::*;
use crate::{
    load,
    testing::{put, video, write_asset},
};

struct Fixture {
    folder: tempfile::TempDir,
    found: Found,
    store: Store,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().expect("temporary folder");
    let content = folder.path().join("content");
    write_asset(&content, 3);
    let scan = crate::scan::scan(&content).expect("scan");
    let found = scan.found.into_iter().next().expect("an asset");
    let store = Store::new(folder.path().join("cache"));
    Fixture {
        folder,
        found,
        store,
    }
}

impl Fixture {
    fn write(&self) -> Loaded {
        let loaded = load::load(&self.found, Kind::Dash).expect("loads");
        self.store.write(&self.found, &loaded);
        loaded
    }

    fn read(&self) -> Option<Loaded> {
        self.store.read(&self.found, Kind::Dash)
    }

    fn file(&self) -> PathBuf {
        let cache = self.folder.path().join("cache");
        let mut entries = fs::read_dir(cache).expect("cache").flatten();
        entries.next().expect("an index").path()
    }
}

#[test]
fn what_is_kept_comes_back_the_same() {
    let fixture = fixture();
    let (kept, back) = (fixture.write(), fixture.read().expect("is valid"));
    assert_eq!(format!("{:?}", kept.asset), format!("{:?}", back.asset));
    assert_eq!(kept.sources, back.sources);
}

#[test]
fn any_change_of_content_voids_it() {
    let fixture = fixture();
    let base = &fixture.found.folder;
    let changes: [&dyn Fn(); 4] = [
        &|| {
            put(
                &base.join("V/2.m4s"),
                video(1).fragment(2, 25_600, 49, true),
            );
        },
        &|| {
            let text = fs::read_to_string(base.join("manifest.mpd")).expect("MPD");
            put(&base.join("manifest.mpd"), text + "\n");
        },
        // The segment after the last, which was found by counting.
        &|| put(&base.join("A/4.m4s"), b"more"),
        &|| fs::remove_file(base.join("A/init.mp4")).expect("init"),
    ];
    for change in changes {
        write_asset(base, 3);
        let _ = fs::remove_file(base.join("A/4.m4s"));
        fixture.write();
        assert!(fixture.read().is_some());
        change();
        assert!(fixture.read().is_none());
    }
}

#[test]
fn broken_indexes_are_void() {
    let fixture = fixture();
    fixture.write();
    let file = fixture.file();
    let good = fs::read(&file).expect("index");
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        put(&file, &bad);
        assert!(fixture.read().is_none(), "byte {at}");
        put(&file, &good[..at]);
        assert!(fixture.read().is_none(), "cut at {at}");
    }
    put(&file, &good);
    assert!(fixture.read().is_some());
    let mut other = fixture.found.clone();
    other.source = Source::Dash(vec!["other.mpd".to_owned()]);
    assert!(fixture.store.read(&other, Kind::Dash).is_none());
    fixture.store.remove(&fixture.found);
    assert!(fixture.read().is_none());
}

#[test]
fn any_body_with_a_right_sum_is_read_without_a_panic() {
    let fixture = fixture();
    fixture.write();
    let good = fs::read(fixture.file()).expect("index");
    let body = &good[16..];
    for at in 0..body.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bad = body.to_vec();
            bad[at] ^= bits;
            let mut digest = Digest::new();
            digest.bytes(&bad);
            let sum = digest.value().to_le_bytes();
            let bytes = [&MAGIC[..], &sum, &bad].concat();
            let _ = decode(&bytes, &fixture.found, Kind::Dash);
        }
    }
}
