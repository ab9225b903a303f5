use std::os::unix::fs::symlink;

use super::*;

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/prog.m3u8\n";
const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n1.m4s\n";

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("temporary folder");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("folder");
        fs::write(path, text).expect("file");
    }
    root
}

fn names(scan: &Scan) -> Vec<(&str, char)> {
    scan.found
        .iter()
        .map(|found| {
            let kind = match found.source {
                Source::Dash(_) => 'd',
                Source::Hls { .. } => 'h',
                Source::Plain(_) => 'p',
            };
            (found.name.as_str(), kind)
        })
        .collect()
}

#[test]
fn content_is_named_by_its_path() {
    let root = tree(&[
        ("a/Manifest.mpd", ""),
        ("a/other.mpd", ""),
        ("a/V300/init.mp4", ""),
        ("a/inner/x.mpd", ""),
        ("h/master.m3u8", MASTER),
        ("h/v/prog.m3u8", MEDIA),
        ("alone/list.m3u8", MEDIA),
        ("songs/list.m3u8", "#EXTM3U\nsong.mp3\n"),
        ("songs/song.mp3", ""),
        ("films/one.mkv", ""),
        ("films/two.tar.MP4", ""),
        ("films/readme.txt", ""),
        ("copying/init.mp4", ""),
        ("copying/1.m4s", ""),
        (".hidden/x.mpd", ""),
    ]);
    let scan = scan(root.path()).expect("scan");
    assert_eq!(
        names(&scan),
        [
            ("a", 'd'),
            ("a/inner", 'd'),
            ("alone", 'h'),
            ("films/one", 'p'),
            ("films/two.tar", 'p'),
            ("h", 'h'),
            ("songs/song", 'p'),
        ]
    );
    assert_eq!(
        scan.found[0].source,
        Source::Dash(vec!["Manifest.mpd".to_owned(), "other.mpd".to_owned()])
    );
    assert!(scan.problems.is_empty());
}

#[test]
fn a_root_with_a_manifest_is_an_asset_itself() {
    let root = tree(&[("clip/m.mpd", ""), ("clip/sub/n.mpd", "")]);
    let scan = scan(&root.path().join("clip")).expect("scan");
    assert_eq!(names(&scan), [("clip", 'd'), ("sub", 'd')]);
}

#[test]
fn a_file_is_named_by_its_stem() {
    let root = tree(&[("movie.mkv", "")]);
    let scan = scan(&root.path().join("movie.mkv")).expect("scan");
    assert_eq!(names(&scan), [("movie", 'p')]);
    assert!(super::scan(&root.path().join("nothing")).is_err());
}

#[test]
fn two_files_of_one_name_are_told_apart() {
    let root = tree(&[("m.mkv", ""), ("m.mp4", "")]);
    let scan = scan(root.path()).expect("scan");
    assert_eq!(names(&scan), [("m", 'p')]);
    assert_eq!(scan.problems.len(), 1);
    assert!(scan.problems[0].file.ends_with("m.mp4"));
    assert!(scan.problems[0].reason.contains("m.mkv"));
}

#[test]
fn links_stay_inside_and_do_not_loop() {
    let outside = tree(&[("x/m.mpd", "")]);
    let root = tree(&[("a/m.mpd", "")]);
    symlink(outside.path().join("x"), root.path().join("out")).expect("link");
    symlink(root.path(), root.path().join("a/loop")).expect("link");
    symlink(root.path().join("a"), root.path().join("b")).expect("link");
    let scan = scan(root.path()).expect("scan");
    assert_eq!(names(&scan), [("a", 'd'), ("b", 'd')]);
}
