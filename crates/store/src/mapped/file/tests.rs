use std::{fs, sync::Barrier, thread};

use super::*;
use crate::mapped::modified_ns;

fn indexed(budget: &Arc<MapBudget>, path: &Path) -> MediaFile {
    let metadata = fs::metadata(path).unwrap();
    MediaFile::within(budget, path, metadata.len(), modified_ns(&metadata))
}

#[test]
fn a_file_costs_32_bytes_and_a_shared_stem() {
    assert_eq!(size_of::<MediaFile>(), 32);
}

#[test]
fn slices_are_cut_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seg-1.m4s");
    fs::write(&path, b"0123456789").unwrap();
    let budget = MapBudget::new(4);
    let file = indexed(&budget, &path);
    assert_eq!(budget.mapped(), 0, "nothing is opened before it is read");
    assert_eq!(file.slice(2, 3).unwrap(), "234");
    assert_eq!(file.slice(10, 0).unwrap(), "");
    assert_eq!(file.whole().unwrap(), "0123456789");
    assert_eq!(file.path(), path);
    for (offset, len) in [(10, 1), (0, 11), (11, 0), (u64::MAX, 2)] {
        let error = file.slice(offset, len).unwrap_err();
        assert!(matches!(error.fault, Fault::OutOfRange { size: 10, .. }));
    }
    drop(file);
    assert_eq!(budget.mapped(), 0, "the last user unmaps");
}

#[test]
fn an_empty_file_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    fs::write(&path, b"").unwrap();
    let file = indexed(&MapBudget::new(1), &path);
    assert_eq!(file.whole().unwrap(), "");
    assert!(file.slice(0, 1).is_err());
}

#[test]
fn memory_is_a_file_too() {
    let file = MediaFile::from_bytes(Bytes::from_static(b"abc"));
    assert_eq!(file.slice(1, 2).unwrap(), "bc");
    assert!(file.slice(1, 3).is_err());
    assert_eq!(file.path(), Path::new(""));
}

#[test]
fn a_truncated_file_is_an_error_and_not_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.m4s");
    fs::write(&path, vec![7; 100_000]).unwrap();
    let file = indexed(&MapBudget::new(1), &path);
    assert_eq!(file.slice(90_000, 10).unwrap().as_ref(), [7; 10]);

    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(10)
        .unwrap();
    let error = file.slice(90_000, 10).unwrap_err();
    assert!(matches!(error.fault, Fault::Changed { len: 10 }));
    assert!(error.to_string().contains("changed since it was indexed"));
}

#[test]
fn a_file_of_the_same_size_with_another_time_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.m4s");
    fs::write(&path, b"abc").unwrap();
    let metadata = fs::metadata(&path).unwrap();
    let file = MediaFile::new(&path, 3, modified_ns(&metadata) - 1);
    let error = file.slice(0, 1).unwrap_err();
    assert!(matches!(error.fault, Fault::Changed { len: 3 }));
}

#[test]
fn a_replaced_file_keeps_giving_what_was_indexed_while_it_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.m4s");
    fs::write(&path, b"old").unwrap();
    let file = indexed(&MapBudget::new(1), &path);
    assert_eq!(file.whole().unwrap(), "old");
    crate::atomic::write(&path, b"newer").unwrap();
    assert_eq!(file.whole().unwrap(), "old");
}

#[test]
fn what_is_not_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = MediaFile::new(&folder.path().join("none.mp4"), 1, 1);
    let error = missing.slice(0, 1).unwrap_err().to_string();
    assert!(error.contains("none.mp4: cannot be read"), "{error}");
    let error = MediaFile::new(folder.path(), 1, 1).whole().unwrap_err();
    assert!(error.to_string().contains("not a regular file"));
}

#[test]
fn the_least_used_file_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let budget = MapBudget::new(2);
    let files: Vec<MediaFile> = (0..3)
        .map(|i| {
            let path = folder.path().join(format!("{i}.m4s"));
            fs::write(&path, format!("file {i}")).unwrap();
            indexed(&budget, &path)
        })
        .collect();
    let held = files[1].whole().unwrap();
    for round in 0..5 {
        for (i, file) in files.iter().enumerate() {
            assert_eq!(file.whole().unwrap(), format!("file {i}"), "round {round}");
            assert!(budget.mapped() <= 2);
        }
    }
    assert_eq!(held, "file 1", "a slice outlives its mapping's place");
}

#[test]
fn threads_share_a_small_table() {
    let folder = tempfile::tempdir().unwrap();
    let budget = MapBudget::new(3);
    let files: Vec<MediaFile> = (0..8)
        .map(|i| {
            let path = folder.path().join(format!("{i}.m4s"));
            fs::write(&path, [i; 64]).unwrap();
            indexed(&budget, &path)
        })
        .collect();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for thread in 0..4_usize {
            let (files, start) = (&files, &start);
            scope.spawn(move || {
                start.wait();
                for i in 0..2000_usize {
                    let which = (i * (thread + 1)) % files.len();
                    let bytes = files[which].slice(8, 16).unwrap();
                    assert_eq!(bytes.as_ref(), [which as u8; 16]);
                }
            });
        }
    });
    assert!(budget.mapped() <= 3);
}
