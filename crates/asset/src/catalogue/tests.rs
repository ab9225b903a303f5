//! Folders that change under a catalogue. Times of files are set where a change must show at once.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use super::*;
use crate::{
    importer::{ImportError, Watcher},
    model::Kind,
    testing::{put, video, write_asset},
};

struct Place {
    folder: tempfile::TempDir,
    importer: Option<Arc<dyn Importer>>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("temporary folder"),
            importer: None,
        }
    }

    fn root(&self) -> PathBuf {
        let root = self.folder.path().join("root");
        fs::create_dir_all(&root).expect("root");
        root
    }

    fn open(&self) -> Catalogue {
        Catalogue::open(Options {
            roots: vec![self.root()],
            cache_dir: Some(self.folder.path().join("cache")),
            importer: self.importer.clone(),
        })
        .expect("opens")
    }
}

fn names(catalogue: &Catalogue) -> Vec<String> {
    let all = catalogue.all();
    all.iter().map(|asset| asset.name.clone()).collect()
}

#[test]
fn the_longest_name_wins() {
    let place = Place::new();
    for name in ["a", "a/b", "a/b/c", "ab"] {
        write_asset(&place.root().join(name), 2);
    }
    let catalogue = place.open();
    for (path, name, rest) in [
        ("a/V/1.m4s", "a", "V/1.m4s"),
        ("a/b/V/1.m4s", "a/b", "V/1.m4s"),
        ("a/b/c/manifest.mpd", "a/b/c", "manifest.mpd"),
        ("a/b/cc/x", "a/b", "cc/x"),
        ("ab/x", "ab", "x"),
        ("a", "a", ""),
        ("a/", "a", ""),
    ] {
        let (asset, left) = catalogue.find_longest(path).expect(path);
        assert_eq!((asset.name.as_str(), left), (name, rest), "{path}");
    }
    for path in ["", "/", "abc/x", "b/c"] {
        assert!(catalogue.find_longest(path).is_none(), "{path}");
    }
}

#[test]
fn bad_content_is_named_and_the_rest_loads() {
    let place = Place::new();
    write_asset(&place.root().join("good"), 2);
    write_asset(&place.root().join("bad"), 2);
    put(&place.root().join("bad/V/2.m4s"), "no boxes");
    let catalogue = place.open();
    assert_eq!(names(&catalogue), ["good"]);
    let problems = catalogue.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].name, "bad");
    assert!(problems[0].file.ends_with("bad/V/2.m4s"));
    assert!(problems[0].incomplete);
    assert!(
        Catalogue::open(Options {
            roots: vec![place.root().join("nothing")],
            ..Options::default()
        })
        .is_err()
    );
}

#[test]
fn content_comes_changes_and_goes() {
    let place = Place::new();
    write_asset(&place.root().join("one"), 2);
    let catalogue = place.open();
    let generation = catalogue.generation();
    assert!(catalogue.looks_current());
    assert!(catalogue.rescan().expect("scans").is_empty());
    assert_eq!(catalogue.generation(), generation);

    write_asset(&place.root().join("two"), 2);
    assert!(!catalogue.looks_current());
    let diff = catalogue.rescan().expect("scans");
    assert_eq!(diff.added, ["two"]);
    assert!(catalogue.generation() > generation);

    let before = catalogue.get("one").expect("is there");
    write_asset(&place.root().join("one"), 3);
    assert!(!catalogue.looks_current());
    let diff = catalogue.rescan().expect("scans");
    assert_eq!(diff.changed, ["one"]);
    let after = catalogue.get("one").expect("is there");
    assert_ne!(before.version, after.version);
    assert_eq!(after.duration, media::time::Time::from_secs(6));

    fs::remove_dir_all(place.root().join("two")).expect("is removed");
    assert!(!catalogue.looks_current());
    assert_eq!(catalogue.rescan().expect("scans").removed, ["two"]);
    assert_eq!(names(&catalogue), ["one"]);
}

#[test]
fn a_segment_written_over_is_seen_by_a_scan() {
    let place = Place::new();
    write_asset(&place.root().join("one"), 2);
    let catalogue = place.open();
    let mut other = video(2).segments().remove(1);
    if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    let path = place.root().join("one/V/2.m4s");
    let length = fs::metadata(&path).expect("file").len();
    assert_eq!(length, other.len() as u64);
    put(&path, other);
    assert_eq!(catalogue.rescan().expect("scans").changed, ["one"]);
}

#[test]
fn half_copied_content_is_tried_again() {
    let place = Place::new();
    let done = place.folder.path().join("done");
    write_asset(&done, 3);
    let catalogue = place.open();
    let to = place.root().join("copy");
    let copy = |name: &str| {
        put(&to.join(name), fs::read(done.join(name)).expect("file"));
    };
    copy("manifest.mpd");
    catalogue.rescan().expect("scans");
    assert!(names(&catalogue).is_empty());
    assert!(catalogue.problems()[0].incomplete);
    assert!(catalogue.looks_current());

    for name in [
        "V/init.mp4",
        "A/init.mp4",
        "V/1.m4s",
        "A/1.m4s",
        "A/2.m4s",
        "V/2.m4s",
    ] {
        copy(name);
    }
    let third = fs::read(done.join("V/3.m4s")).expect("file");
    put(&to.join("V/3.m4s"), &third[..third.len() / 2]);
    assert!(!catalogue.looks_current());
    catalogue.rescan().expect("scans");
    assert!(catalogue.problems()[0].file.ends_with("V/3.m4s"));

    // The rest of the file comes without a change of the folder.
    copy("V/3.m4s");
    assert!(!catalogue.looks_current());
    copy("A/3.m4s");
    catalogue.rescan().expect("scans");
    assert_eq!(names(&catalogue), ["copy"]);
    assert!(catalogue.problems().is_empty());
}

#[test]
fn a_second_start_uses_the_index() {
    let place = Place::new();
    write_asset(&place.root().join("one"), 2);
    let first = place.open();
    let second = place.open();
    let of = |catalogue: &Catalogue| format!("{:?}", catalogue.get("one").expect("is there"));
    assert_eq!(of(&first), of(&second));
    let index = fs::read_dir(place.folder.path().join("cache")).expect("cache");
    let path = index.flatten().next().expect("an index").path();
    put(&path, "broken");
    assert_eq!(of(&first), of(&place.open()));
    fs::remove_dir_all(place.root().join("one")).expect("is removed");
    first.rescan().expect("scans");
    assert!(!path.try_exists().expect("can be asked"));
}

/// Turns any file into an asset of its length in segments, unless it is called `bad`.
struct FakeImporter {
    cache: PathBuf,
    runs: AtomicUsize,
}

impl FakeImporter {
    fn place() -> (Place, Arc<Self>) {
        let mut place = Place::new();
        let importer = Arc::new(Self {
            cache: place.folder.path().join("imports"),
            runs: AtomicUsize::new(0),
        });
        place.importer = Some(Arc::clone(&importer) as Arc<dyn Importer>);
        (place, importer)
    }

    fn folder(&self, source: &Path) -> PathBuf {
        let length = fs::metadata(source).map_or(0, |metadata| metadata.len());
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        self.cache.join(format!("{name}-{length}"))
    }
}

impl Importer for FakeImporter {
    fn imported(&self, source: &Path) -> Option<PathBuf> {
        let folder = self.folder(source);
        fs::metadata(folder.join("manifest.mpd"))
            .is_ok()
            .then_some(folder)
    }

    fn import(&self, source: &Path, watcher: &dyn Watcher) -> Result<PathBuf, ImportError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        watcher.progress(Progress {
            permille: Some(500),
            stage: "copying".to_owned(),
        });
        if source.ends_with("bad.mkv") {
            return Err(ImportError {
                reason: "no streams".to_owned(),
                stopped: watcher.stopped(),
            });
        }
        let folder = self.folder(source);
        let length = fs::metadata(source).expect("file").len();
        write_asset(&folder, length as usize);
        Ok(folder)
    }
}

#[test]
fn plain_files_are_imported_once() {
    let (place, importer) = FakeImporter::place();
    put(&place.root().join("films/a.mkv"), "xx");
    put(&place.root().join("films/bad.mkv"), "xx");
    let catalogue = place.open();
    let waiting: Vec<String> = catalogue
        .importing()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(waiting, ["films/a", "films/bad"]);
    assert!(names(&catalogue).is_empty());

    let stop = AtomicBool::new(false);
    assert_eq!(catalogue.import_waiting(&stop), 2);
    assert!(catalogue.importing().is_empty());
    assert_eq!(names(&catalogue), ["films/a"]);
    assert_eq!(
        catalogue.get("films/a").expect("is there").kind,
        Kind::Plain
    );
    let problems = catalogue.problems();
    assert_eq!(problems[0].name, "films/bad");
    assert!(problems[0].reason.contains("no streams"));

    // Neither a scan nor a start does it again.
    assert!(catalogue.rescan().expect("scans").is_empty());
    assert_eq!(catalogue.import_waiting(&stop), 0);
    let again = place.open();
    assert_eq!(names(&again), ["films/a"]);
    assert_eq!(importer.runs.load(Ordering::Relaxed), 2);
}

#[test]
fn a_file_is_imported_when_it_stopped_growing() {
    let (place, _) = FakeImporter::place();
    let catalogue = place.open();
    let stop = AtomicBool::new(false);
    let file = place.root().join("a.mkv");
    for content in ["x", "xx", "xxx"] {
        put(&file, content);
        assert!(!catalogue.looks_current());
        catalogue.rescan().expect("scans");
        assert_eq!(catalogue.import_waiting(&stop), 0);
    }
    assert!(!catalogue.looks_current());
    catalogue.rescan().expect("scans");
    assert_eq!(catalogue.import_waiting(&stop), 1);
    assert_eq!(
        catalogue.get("a").expect("is there").tracks[0]
            .segments
            .len(),
        3
    );
    assert!(catalogue.looks_current());

    // Another file of the same name takes its place.
    put(&file, "xxxxx");
    assert!(!catalogue.looks_current());
    catalogue.rescan().expect("scans");
    catalogue.rescan().expect("scans");
    assert_eq!(catalogue.import_waiting(&stop), 1);
    assert_eq!(
        catalogue.get("a").expect("is there").tracks[0]
            .segments
            .len(),
        5
    );
}

#[test]
fn watching_follows_changes_and_imports() {
    let (place, importer) = FakeImporter::place();
    write_asset(&place.root().join("one"), 2);
    let catalogue = place.open();
    let deadline = 2000;
    let mut step = 0;
    let mut looks = 0;
    catalogue.watch(&mut |_| {
        looks += 1;
        std::thread::sleep(Duration::from_millis(10));
        match step {
            0 => {
                put(&place.root().join("film.mkv"), "xx");
                step = 1;
            }
            1 if catalogue.get("film").is_some() => {
                fs::remove_dir_all(place.root().join("one")).expect("is removed");
                step = 2;
            }
            2 if catalogue.get("one").is_none() => return false,
            _ => {}
        }
        looks < deadline
    });
    assert!(looks < deadline, "stuck in step {step}");
    assert_eq!(names(&catalogue), ["film"]);
    assert_eq!(importer.runs.load(Ordering::Relaxed), 1);
}

#[test]
fn a_pointer_says_which_version_is_served() {
    let place = Place::new();
    let film = place.root().join("films/one");
    let (one, two) = ("v-00000000000a", "v-00000000000b");
    let show = |version: &str| {
        let pointer = format!(r#"{{"format":1,"version":"{version}","since_ms":0}}"#);
        put(&film.join("current.json"), pointer);
    };
    write_asset(&film.join(one), 2);
    write_asset(&film.join(two), 3);
    show(one);
    let catalogue = place.open();
    assert_eq!(names(&catalogue), ["films/one"]);
    let asset = catalogue.get("films/one").expect("asset");
    assert_eq!(asset.release.as_deref(), Some(one));
    assert_eq!(asset.tracks[0].segments.len(), 2);

    show(two);
    assert_eq!(catalogue.rescan().expect("scan").changed, ["films/one"]);
    let asset = catalogue.get("films/one").expect("asset");
    assert_eq!(
        (asset.release.as_deref(), asset.tracks[0].segments.len()),
        (Some(two), 3)
    );
    let vod = crate::vod::Vod::new(asset);
    let versioned = vod.versioned("v-00000000000a/V/1.m4s").expect("a version");
    assert!(!versioned.is_current);
    assert!(
        vod.raw_of(versioned.version, versioned.rest).is_some(),
        "it is kept"
    );
    assert!(vod.raw_of("v-00000000000c", "V/1.m4s").is_none());
    assert!(vod.raw_of(one, "../current.json").is_none());
    let manifest = vod
        .stored_manifest("manifest.mpd")
        .expect("stored")
        .expect("read");
    assert!(
        manifest.contains("<BaseURL>v-00000000000b/</BaseURL>"),
        "{manifest}"
    );
    // A second start reads the index.
    let again = place.open();
    assert_eq!(
        again.get("films/one").expect("asset").release.as_deref(),
        Some(two)
    );

    show("v-00000000000c");
    catalogue.rescan().expect("scan");
    assert!(catalogue.all().is_empty());
    assert_eq!(catalogue.problems()[0].name, "films/one");
    put(&film.join("current.json"), "{");
    catalogue.rescan().expect("scan");
    assert!(catalogue.problems()[0].file.ends_with("current.json"));
}
