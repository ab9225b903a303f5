//! Finds content below a root: DASH folders, HLS folders and plain media files, with their names.
//! A folder with a pointer (see [`crate::versions`]) is one asset: the version that it names.
//!
//! Nothing is opened but playlists (to tell HLS from lists of songs, and media playlists that a
//! multivariant playlist names from those that stand alone). Links are followed while their targets
//! stay below the root and do not lead back to a folder that is being walked; names with a leading
//! dot are skipped; the depth is bounded.

mod playlist;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{
    Error,
    catalogue::Problem,
    versions::{POINTER, Pointer},
};

/// Folders deeper than this below a root are not looked into.
const MAX_DEPTH: usize = 16;

/// What ffmpeg can turn into an asset, by extension.
const MEDIA_EXTENSIONS: &[&str] = &[
    "3gp", "aac", "ac3", "asf", "avi", "eac3", "flac", "flv", "m2ts", "m4a", "m4v", "mka", "mkv",
    "mov", "mp3", "mp4", "mpeg", "mpg", "mts", "mxf", "oga", "ogg", "ogv", "opus", "ts", "vob",
    "wav", "webm", "wma", "wmv",
];

/// Pieces of CMAF content: where these lie, an `.mp4` beside them is no film.
const PIECE_EXTENSIONS: &[&str] = &["m4s", "cmfv", "cmfa", "cmft", "cmfm"];

/// Content that may become an asset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Name of the asset.
    pub name: String,
    /// Folder out of which no file may be taken.
    pub root: PathBuf,
    /// Folder that relative names start from.
    pub folder: PathBuf,
    /// The last part of the folder when it is a version of the asset, see [`crate::versions`].
    pub release: Option<String>,
    /// What is there.
    pub source: Source,
}

/// The kinds of content. File names are relative to the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// MPDs by ascending name.
    Dash(Vec<String>),
    /// Multivariant playlists by ascending name, or else media playlists.
    Hls {
        /// The playlists.
        playlists: Vec<String>,
        /// Whether they are multivariant.
        multivariant: bool,
    },
    /// One file to import.
    Plain(String),
}

/// The result of a walk.
#[derive(Debug, Default)]
pub struct Scan {
    /// Content by ascending name, names unique.
    pub found: Vec<Found>,
    /// What cannot be named or read.
    pub problems: Vec<Problem>,
    /// Every folder that was read, with its modification time in nanoseconds, so that a later
    /// look can be cheap.
    pub folders: Vec<(PathBuf, i64)>,
}

/// Walks one root, a folder or a single file.
pub fn scan(root: &Path) -> Result<Scan, Error> {
    let path = fs::canonicalize(root).map_err(Error::io(root))?;
    let metadata = fs::metadata(&path).map_err(Error::io(root))?;
    if metadata.is_file() {
        return single(&path);
    }
    fs::read_dir(&path).map_err(Error::io(root))?;
    let mut walk = Walk {
        root: path.clone(),
        scan: Scan::default(),
        named_by_masters: BTreeSet::new(),
        chain: Vec::new(),
    };
    walk.folder(&path, &metadata, &[], false);
    let Walk {
        mut scan,
        named_by_masters,
        ..
    } = walk;
    scan.found
        .retain_mut(|found| keep(found, &named_by_masters));
    Ok(scan.settled())
}

/// Drops media playlists that a multivariant playlist names; false when nothing is left.
fn keep(found: &mut Found, named: &BTreeSet<PathBuf>) -> bool {
    let Source::Hls {
        playlists,
        multivariant: false,
    } = &mut found.source
    else {
        return true;
    };
    playlists.retain(|name| !named.contains(&found.folder.join(name)));
    !playlists.is_empty()
}

impl Scan {
    /// Joins the scans of several roots.
    pub fn join(scans: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for scan in scans {
            all.found.extend(scan.found);
            all.problems.extend(scan.problems);
            all.folders.extend(scan.folders);
        }
        all.settled()
    }

    /// Sorts by name; of several with one name the first stays, the others become problems.
    fn settled(mut self) -> Self {
        self.found.sort_by(|a, b| a.name.cmp(&b.name));
        let mut unique: Vec<Found> = Vec::with_capacity(self.found.len());
        for found in self.found {
            match unique.last() {
                Some(first) if first.name == found.name => self.problems.push(Problem {
                    file: found.main_file(),
                    reason: format!(
                        "the name `{}` is taken by {}",
                        found.name,
                        first.main_file().display()
                    ),
                    name: found.name,
                    incomplete: false,
                }),
                _ => unique.push(found),
            }
        }
        self.found = unique;
        self
    }
}

impl Found {
    /// Returns the file to name when something is wrong with the whole.
    pub fn main_file(&self) -> PathBuf {
        let name = match &self.source {
            Source::Dash(names)
            | Source::Hls {
                playlists: names, ..
            } => names.first(),
            Source::Plain(name) => Some(name),
        };
        name.map_or_else(|| self.folder.clone(), |name| self.folder.join(name))
    }
}

/// A single file given as a root: the asset is called by its stem.
fn single(path: &Path) -> Result<Scan, Error> {
    let unnamed = || Error::Unsupported {
        path: path.to_path_buf(),
        reason: "the file's name is not UTF-8".to_owned(),
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(name), Some(stem), Some(folder)) = (
        name,
        path.file_stem().and_then(|stem| stem.to_str()),
        path.parent(),
    ) else {
        return Err(unnamed());
    };
    let source = match extension(name).as_str() {
        "mpd" => Source::Dash(vec![name.to_owned()]),
        "m3u8" => Source::Hls {
            playlists: vec![name.to_owned()],
            multivariant: playlist::read(path).is_some_and(|list| list.multivariant),
        },
        _ => Source::Plain(name.to_owned()),
    };
    Ok(Scan {
        found: vec![Found {
            name: stem.to_owned(),
            root: folder.to_path_buf(),
            folder: folder.to_path_buf(),
            release: None,
            source,
        }],
        ..Scan::default()
    })
}

struct Walk {
    root: PathBuf,
    scan: Scan,
    /// Playlists that some multivariant playlist names.
    named_by_masters: BTreeSet<PathBuf>,
    /// Device and inode of the folders from the root to here.
    chain: Vec<(u64, u64)>,
}

/// What one folder holds, names sorted.
#[derive(Default)]
struct Listing {
    mpds: Vec<String>,
    masters: Vec<String>,
    media_playlists: Vec<String>,
    media: Vec<String>,
    folders: Vec<(String, fs::Metadata)>,
    has_pieces: bool,
    /// It is the place of an asset that is published version by version.
    has_pointer: bool,
}

impl Walk {
    fn folder(
        &mut self,
        path: &Path,
        metadata: &fs::Metadata,
        names: &[String],
        below_manifest: bool,
    ) {
        let identity = (metadata.dev(), metadata.ino());
        if names.len() > MAX_DEPTH || self.chain.contains(&identity) {
            return;
        }
        let Some(listing) = self.listing(path, names, metadata) else {
            return;
        };
        if listing.has_pointer && !names.is_empty() {
            self.released(path, names);
            return;
        }
        let is_manifest = self.content(path, names, &listing, None, below_manifest);
        self.chain.push(identity);
        for (name, metadata) in &listing.folders {
            let mut inner = names.to_vec();
            inner.push(name.clone());
            self.folder(
                &path.join(name),
                metadata,
                &inner,
                below_manifest || is_manifest,
            );
        }
        self.chain.pop();
    }

    fn listing(
        &mut self,
        path: &Path,
        names: &[String],
        metadata: &fs::Metadata,
    ) -> Option<Listing> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                self.problem(names, path, error.to_string());
                return None;
            }
        };
        self.scan
            .folders
            .push((path.to_path_buf(), store::mapped::modified_ns(metadata)));
        let mut listing = Listing::default();
        for entry in entries.flatten() {
            self.entry(path, names, &entry, &mut listing);
        }
        listing.sort();
        Some(listing)
    }

    /// Notes the version of an asset that its pointer names; no other is looked at.
    fn released(&mut self, path: &Path, names: &[String]) {
        let file = path.join(POINTER);
        let version = fs::read(&file)
            .map_err(|error| error.to_string())
            .and_then(|bytes| Pointer::parse(&bytes))
            .map(|pointer| pointer.version);
        let version = match version {
            Ok(version) => version,
            Err(reason) => return self.problem(names, &file, reason),
        };
        let folder = path.join(&version);
        let metadata = match fs::metadata(&folder) {
            Ok(metadata) => metadata,
            Err(error) => return self.problem(names, &folder, error.to_string()),
        };
        if let Some(listing) = self.listing(&folder, names, &metadata)
            && !self.content(&folder, names, &listing, Some(version), false)
        {
            self.problem(names, &folder, "it has no manifest".to_owned());
        }
    }

    fn entry(&mut self, path: &Path, names: &[String], entry: &fs::DirEntry, into: &mut Listing) {
        let raw = entry.file_name();
        let Some(name) = raw.to_str() else {
            self.problem(names, &entry.path(), "its name is not UTF-8".to_owned());
            return;
        };
        if name.starts_with('.') {
            return;
        }
        let full = path.join(name);
        let Ok(mut kind) = entry.file_type() else {
            return;
        };
        if kind.is_symlink() {
            let inside = fs::canonicalize(&full).is_ok_and(|to| to.starts_with(&self.root));
            match fs::metadata(&full) {
                Ok(metadata) if inside => kind = metadata.file_type(),
                _ => {
                    tracing::debug!(link = %full.display(), "link out of the root is not followed");
                    return;
                }
            }
        }
        if kind.is_dir() {
            if let Ok(metadata) = fs::metadata(&full) {
                into.folders.push((name.to_owned(), metadata));
            }
        } else if kind.is_file() {
            self.file(&full, name, into);
        }
    }

    fn file(&mut self, full: &Path, name: &str, into: &mut Listing) {
        if name == POINTER {
            into.has_pointer = true;
        }
        let extension = extension(name);
        match extension.as_str() {
            "mpd" => into.mpds.push(name.to_owned()),
            "m3u8" => {
                if let Some(list) = playlist::read(full) {
                    if list.multivariant {
                        into.masters.push(name.to_owned());
                        self.named_by_masters.extend(list.named);
                    } else {
                        into.media_playlists.push(name.to_owned());
                    }
                }
            }
            piece if PIECE_EXTENSIONS.contains(&piece) => into.has_pieces = true,
            media if MEDIA_EXTENSIONS.contains(&media) => into.media.push(name.to_owned()),
            _ => {}
        }
    }

    /// Notes what a folder is; tells whether it holds a manifest.
    fn content(
        &mut self,
        path: &Path,
        names: &[String],
        listing: &Listing,
        release: Option<String>,
        below_manifest: bool,
    ) -> bool {
        let source = if !listing.mpds.is_empty() {
            Source::Dash(listing.mpds.clone())
        } else if !listing.masters.is_empty() {
            Source::Hls {
                playlists: listing.masters.clone(),
                multivariant: true,
            }
        } else if !listing.media_playlists.is_empty() {
            Source::Hls {
                playlists: listing.media_playlists.clone(),
                multivariant: false,
            }
        } else {
            if !below_manifest && !listing.has_pieces && release.is_none() {
                for file in &listing.media {
                    let stem = file
                        .rsplit_once('.')
                        .map_or(file.as_str(), |(stem, _)| stem);
                    let mut name = names.to_vec();
                    name.push(stem.to_owned());
                    let source = Source::Plain(file.clone());
                    self.found(path, name.join("/"), None, source);
                }
            }
            return false;
        };
        let name = if names.is_empty() {
            self.root_name()
        } else {
            names.join("/")
        };
        self.found(path, name, release, source);
        true
    }

    fn found(&mut self, folder: &Path, name: String, release: Option<String>, source: Source) {
        self.scan.found.push(Found {
            name,
            root: self.root.clone(),
            folder: folder.to_path_buf(),
            release,
            source,
        });
    }

    fn problem(&mut self, names: &[String], file: &Path, reason: String) {
        let name = if names.is_empty() {
            self.root_name()
        } else {
            names.join("/")
        };
        self.scan.problems.push(Problem {
            name,
            file: file.to_path_buf(),
            reason,
            incomplete: false,
        });
    }

    fn root_name(&self) -> String {
        self.root.file_name().map_or_else(
            || "root".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

impl Listing {
    fn sort(&mut self) {
        self.mpds.sort_by_key(|name| default_first(name));
        self.masters.sort_by_key(|name| default_first(name));
        self.media_playlists.sort();
        self.media.sort();
        self.folders.sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// Sort key that puts the manifest of the usual name before the others.
fn default_first(name: &str) -> (bool, String) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let usual = ["manifest", "master", "stream", "index"]
        .iter()
        .any(|usual| stem.eq_ignore_ascii_case(usual));
    (!usual, name.to_owned())
}

fn extension(name: &str) -> String {
    name.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default()
}
