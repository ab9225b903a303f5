mod faults;

use std::{fs, path::Path, sync::Arc};

use proptest::prelude::*;
use serde_json::json;
use store::objects::Folder;

use super::*;

struct Bench {
    folder: tempfile::TempDir,
    ledger: Ledger,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Folder::new(folder.path().join("work")));
        Self {
            ledger: Ledger::open(store, "jobs/film").unwrap(),
            folder,
        }
    }

    fn path(&self, place: &str) -> std::path::PathBuf {
        self.folder.path().join("work").join(place)
    }

    /// Stages a result of two objects, one of them a file.
    fn stage(&self, step: Step, key: &Key, text: &str) -> Staging<'_> {
        let file = self.folder.path().join("scratch");
        fs::write(&file, text).unwrap();
        let mut staging = self.ledger.stage(step, key, 1);
        staging.put_bytes("v0/init.mp4", b"init").unwrap();
        staging.put_file("v0/1.m4s", &file).unwrap();
        staging
    }

    fn done(&self, step: Step, key: &Key, text: &str) -> Record {
        let committed = self.stage(step, key, text).commit(made()).unwrap();
        committed.into_record()
    }
}

fn made() -> Made {
    Made {
        frames: Some(300),
        first_pts: Some(0),
        last_pts: Some(299),
        facts: json!({"segments": [1, 2]}),
        tool: "ffmpeg 5.1".to_owned(),
        worker: "here".to_owned(),
        attempt: 1,
        fence: 7,
    }
}

fn key(step: Step) -> Key {
    Key::of(step).input("source").finish()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

#[test]
fn a_step_is_found_after_its_commit_and_not_before() {
    let bench = Bench::new();
    let (step, key) = (Step::Chunk(3), key(Step::Chunk(3)));
    let staging = bench.stage(step, &key, "media");
    assert_eq!(bench.ledger.find(step, &key).unwrap(), None);
    let Committed::First(record) = staging.commit(made()).unwrap() else {
        panic!("nobody was sooner");
    };
    assert_eq!(
        bench.ledger.find_deep(step, &key).unwrap(),
        Some(record.clone())
    );
    assert_eq!((record.bytes(), record.made), (9, made()));
    let segment = record.objects[1].clone();
    assert_eq!(segment.name, "v0/1.m4s");
    assert_eq!(bench.ledger.store().get(&segment.place).unwrap(), b"media");
    assert_eq!(bench.ledger.records().unwrap().len(), 1);

    // Nothing else has this step or this key.
    let other = Key::of(step).input("another source").finish();
    assert_eq!(bench.ledger.find(step, &other).unwrap(), None);
    assert_eq!(bench.ledger.find(Step::Chunk(4), &key).unwrap(), None);
}

#[test]
fn the_first_of_two_stays() {
    let bench = Bench::new();
    let (step, key) = (Step::Audio(0), key(Step::Audio(0)));
    let slow = bench.stage(step, &key, "slow");
    let first = bench.done(step, &key, "fast");
    assert_eq!(
        slow.commit(made()).unwrap(),
        Committed::Theirs(first.clone())
    );
    assert_eq!(bench.ledger.find_deep(step, &key).unwrap(), Some(first));
    assert_eq!(
        files(&bench.path("jobs/film/data")).len(),
        2,
        "the slow one's are dropped"
    );
}

#[test]
fn many_at_one_time_agree() {
    let bench = Bench::new();
    let (step, key) = (Step::Plan, key(Step::Plan));
    let records: Vec<Record> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let (bench, key) = (&bench, &key);
                scope.spawn(move || {
                    let mut staging = bench.ledger.stage(step, key, n);
                    staging.put_bytes("plan.json", &[n as u8; 4]).unwrap();
                    staging.commit(made()).unwrap().into_record()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(records.iter().all(|record| *record == records[0]));
    assert_eq!(
        bench.ledger.find_deep(step, &key).unwrap().as_ref(),
        Some(&records[0])
    );
    assert_eq!(files(&bench.path("jobs/film/data")).len(), 1);
}

#[test]
fn a_damaged_record_is_replaced() {
    let bench = Bench::new();
    let (step, key) = (Step::Chunk(0), key(Step::Chunk(0)));
    let record = bench.done(step, &key, "media");
    let place = bench.path(&format!("jobs/film/steps/{step}-{key}.json"));
    let whole = fs::read(&place).unwrap();
    let mut foreign = whole.clone();
    foreign.truncate(whole.len() / 2);
    for damaged in [b"".as_slice(), b"{}", b"null", &foreign] {
        fs::write(&place, damaged).unwrap();
        assert_eq!(bench.ledger.find(step, &key).unwrap(), None);
        let again = bench.stage(step, &key, "media").commit(made()).unwrap();
        assert!(matches!(again, Committed::First(_)));
        assert!(bench.ledger.find_deep(step, &key).unwrap().is_some());
    }
    // A record that is another one's is none.
    let other = Key::of(Step::Chunk(1)).finish();
    let stolen = bench.path(&format!("jobs/film/steps/{}-{other}.json", Step::Chunk(1)));
    fs::write(stolen, &whole).unwrap();
    assert_eq!(bench.ledger.find(Step::Chunk(1), &other).unwrap(), None);

    // So is one whose objects are gone.
    let record = bench.ledger.find(step, &key).unwrap().unwrap_or(record);
    fs::remove_file(bench.path(&record.objects[0].place)).unwrap();
    let again = bench.stage(step, &key, "media").commit(made()).unwrap();
    assert!(matches!(again, Committed::First(_)));
    assert!(bench.ledger.find(step, &key).unwrap().is_some());
}

#[test]
fn what_the_store_lost_is_not_committed() {
    let bench = Bench::new();
    let (step, key) = (Step::Chunk(0), key(Step::Chunk(0)));
    let staging = bench.stage(step, &key, "media");
    let segment = files(&bench.path("jobs/film/data")).remove(0);
    fs::write(&segment, b"m").unwrap();
    let error = staging.commit(made()).unwrap_err();
    assert!(error.to_string().contains("1 of 5 bytes"), "{error}");
    assert_eq!(bench.ledger.find(step, &key).unwrap(), None);
}

#[test]
fn sweeping_leaves_what_records_name_and_what_is_young() {
    let bench = Bench::new();
    let (step, key) = (Step::Chunk(0), key(Step::Chunk(0)));
    let _lost = bench.stage(step, &key, "lost");
    let record = bench.done(step, &key, "kept");
    assert_eq!(bench.ledger.sweep(0).unwrap(), Swept::default());
    let swept = bench.ledger.sweep(i64::MAX).unwrap();
    assert_eq!((swept.objects, swept.bytes), (2, 8));
    assert_eq!(bench.ledger.find_deep(step, &key).unwrap(), Some(record));

    bench.ledger.forget(step, &key).unwrap();
    assert_eq!(bench.ledger.find(step, &key).unwrap(), None);
    bench.done(step, &key, "again");
    assert_eq!(bench.ledger.purge().unwrap().objects, 3);
    assert!(files(&bench.path("")).is_empty());
}

/// What can happen to a stored object.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Delete,
    Truncate,
    Grow,
    Flip,
}

fn harm(path: &Path, harm: Harm, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    match harm {
        Harm::Delete => return fs::remove_file(path).unwrap(),
        Harm::Truncate => bytes.truncate(at),
        Harm::Grow => bytes.push(0),
        Harm::Flip => bytes[at] ^= 0x20,
    }
    fs::write(path, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is done to whichever object: that step is not found any more, and all others are.
    /// Only data damaged without a change of length take a deep look.
    #[test]
    fn harm_to_an_object_is_harm_to_its_step_alone(
        victim in 0_usize..18,
        at in any::<usize>(),
        how in prop_oneof![
            Just(Harm::Delete), Just(Harm::Truncate), Just(Harm::Grow), Just(Harm::Flip)
        ],
    ) {
        let bench = Bench::new();
        let steps: Vec<(Step, Key, Record)> = (0..6)
            .map(Step::Chunk)
            .map(|step| {
                let key = key(step);
                let record = bench.done(step, &key, &format!("media of {step}"));
                (step, key, record)
            })
            .collect();
        let all = files(&bench.path(""));
        prop_assert_eq!(all.len(), 18);
        let path = &all[victim];
        let before = fs::read(path).unwrap();
        harm(path, how, at);
        let is_data = !path.starts_with(bench.path("jobs/film/steps"));
        let unharmed = matches!(how, Harm::Truncate) && fs::read(path).unwrap() == before;
        for (step, key, record) in &steps {
            let text = path.to_string_lossy();
            let is_victim = text.contains(key.as_str());
            let found = bench.ledger.find(*step, key).unwrap();
            let deep = bench.ledger.find_deep(*step, key).unwrap();
            if !is_victim || unharmed {
                prop_assert_eq!(found.as_ref(), Some(record));
                prop_assert_eq!(deep.as_ref(), Some(record));
            } else if is_data {
                let same_length = matches!(how, Harm::Flip);
                prop_assert_eq!(found.is_some(), same_length);
                prop_assert_eq!(deep, None);
            } else if let Some(found) = found {
                // White space is all that may change in a record.
                prop_assert_eq!(&found, record);
            }
        }
    }
}
