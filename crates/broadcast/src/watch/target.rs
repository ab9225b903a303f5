//! What can be followed: URLs, files, and folders in which masters are found.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use url::Url;

use super::follow::is_source;

/// Larger files are not manifests.
const MAX_BYTES: u64 = 16 << 20;
/// Folders deeper than this below the one given are not looked into.
const MAX_DEPTH: usize = 4;
/// More manifests in a folder are not followed.
const MAX_FOUND: usize = 64;

/// Why nothing can be followed.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A URL of another scheme.
    #[error("`{0}` is not an http, https or file URL, nor a file or folder")]
    Scheme(String),
    /// A folder without manifests.
    #[error("no multivariant playlist or MPD in `{}`", .0.display())]
    Empty(PathBuf),
    /// A file or folder that cannot be read.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Resolves what was given on the command line: a URL stays, a file becomes a URL, a folder (also
/// as a `file://` URL) becomes the multivariant playlists and MPDs in it, or the media playlists
/// when there are no others. Reads files; blocks.
pub fn resolve(given: &str) -> Result<Vec<Url>, TargetError> {
    let path = match Url::parse(given) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => return Ok(vec![url]),
        Ok(url) if url.scheme() == "file" => url
            .to_file_path()
            .map_err(|()| TargetError::Scheme(given.to_owned()))?,
        Ok(_) if given.contains("://") => return Err(TargetError::Scheme(given.to_owned())),
        Ok(_) | Err(_) => PathBuf::from(given),
    };
    let path = std::path::absolute(&path).map_err(|source| failed(&path, source))?;
    let kind = fs::metadata(&path).map_err(|source| failed(&path, source))?;
    if !kind.is_dir() {
        return Ok(file_url(&path).into_iter().collect());
    }
    let mut found = Found::default();
    walk(&path, 0, &mut found)?;
    let mut paths = if found.masters.is_empty() {
        found.others
    } else {
        found.masters
    };
    paths.sort();
    paths.truncate(MAX_FOUND);
    if paths.is_empty() {
        return Err(TargetError::Empty(path));
    }
    Ok(paths.iter().filter_map(|path| file_url(path)).collect())
}

#[derive(Default)]
struct Found {
    masters: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

fn failed(path: &Path, source: io::Error) -> TargetError {
    TargetError::Io {
        path: path.to_owned(),
        source,
    }
}

fn file_url(path: &Path) -> Option<Url> {
    Url::from_file_path(path).ok()
}

fn walk(folder: &Path, depth: usize, found: &mut Found) -> Result<(), TargetError> {
    let entries = fs::read_dir(folder).map_err(|source| failed(folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| failed(folder, source))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| failed(&path, source))?;
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, found)?;
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("m3u8" | "mpd")) {
            continue;
        }
        let mut text = String::new();
        let read =
            fs::File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        // What vanishes or is no text while a packager writes is not there.
        match read.ok().and_then(|_| is_source(&text)) {
            Some(true) => found.masters.push(path),
            Some(false) => found.others.push(path),
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_found_in_folders() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let given = root.path().to_str().unwrap();
        assert!(matches!(resolve(given), Err(TargetError::Empty(_))));
        write("v/media.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n");
        write("notes.txt", "#EXTM3U");
        assert_eq!(resolve(given).unwrap().len(), 1);
        write(
            "master.m3u8",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/media.m3u8\n",
        );
        write("b/manifest.mpd", "<?xml?><MPD></MPD>");
        let urls = resolve(&format!("file://{given}")).unwrap();
        let names: Vec<&str> = urls
            .iter()
            .filter_map(|url| url.path_segments()?.next_back())
            .collect();
        assert_eq!(names, ["manifest.mpd", "master.m3u8"]);
        assert_eq!(
            resolve("http://h/x?y=1").unwrap()[0].as_str(),
            "http://h/x?y=1"
        );
        assert!(matches!(resolve("rtmp://h/x"), Err(TargetError::Scheme(_))));
        assert!(matches!(resolve("/no/such"), Err(TargetError::Io { .. })));
    }
}
