//! What is known of one piece of content, and how it is found out.

use std::{path::PathBuf, sync::Arc};

use super::{Import, Problem};
use crate::{
    Error,
    importer::Importer,
    index::Store,
    load::{self, Loaded},
    model::{Asset, Kind},
    scan::{Found, Source},
    stamp::{self, Digest, Stamp},
    version,
};

/// The manifest that imports write.
const IMPORTED_MANIFEST: &str = "manifest.mpd";

/// One piece of content.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) found: Found,
    pub(super) state: State,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum State {
    /// It is served.
    Good {
        asset: Arc<Asset>,
        sources: Vec<PathBuf>,
        /// Digest of the stamps of the sources, for a cheap look.
        glance: u64,
        /// Stamp of the plain file that it was made from.
        plain: Option<Stamp>,
    },
    /// It is not, until its files change.
    Bad { problem: Problem, fingerprint: u64 },
    /// It is to be imported once its file has been the same for two scans (`settled`).
    Waiting { stamp: Stamp, settled: bool },
    /// It is being imported.
    Importing,
}

impl Entry {
    pub(super) fn asset(&self) -> Option<&Arc<Asset>> {
        match &self.state {
            State::Good { asset, .. } => Some(asset),
            State::Bad { .. } | State::Waiting { .. } | State::Importing => None,
        }
    }

    pub(super) fn problem(&self) -> Option<&Problem> {
        match &self.state {
            State::Bad { problem, .. } => Some(problem),
            State::Good { .. } | State::Waiting { .. } | State::Importing => None,
        }
    }

    pub(super) fn waiting(&self) -> Option<Import> {
        matches!(self.state, State::Waiting { .. }).then(|| Import {
            name: self.found.name.clone(),
            source: self.found.main_file(),
            progress: None,
        })
    }

    /// Makes an entry for content that cannot be served.
    pub(super) fn bad(found: Found, error: &Error, fingerprint: u64) -> Self {
        let problem = Problem {
            name: found.name.clone(),
            file: error.path().to_path_buf(),
            reason: error.reason(),
            incomplete: error.is_incomplete(),
        };
        Self {
            found,
            state: State::Bad {
                problem,
                fingerprint,
            },
        }
    }

    /// Tells whether it is as it was, asking for the stamps of all its files.
    pub(super) fn is_current(&self) -> bool {
        match &self.state {
            State::Good {
                asset,
                sources,
                plain,
                ..
            } => {
                plain.is_none_or(|plain| plain_stamp(&self.found) == Some(plain))
                    && version::of(asset, sources).is_ok_and(|now| now == asset.version)
            }
            State::Bad {
                fingerprint: was, ..
            } => fingerprint(&self.found) == *was,
            State::Waiting { stamp, settled } => {
                *settled && plain_stamp(&self.found) == Some(*stamp)
            }
            // Whether the file is still the same is asked when the import has ended.
            State::Importing => true,
        }
    }

    /// Tells whether it looks as it did, asking for few stamps: not those of segments.
    pub(super) fn looks_current(&self) -> bool {
        match &self.state {
            State::Good {
                sources,
                glance,
                plain,
                ..
            } => {
                plain.is_none_or(|plain| plain_stamp(&self.found) == Some(plain))
                    && self::glance(sources) == *glance
            }
            State::Bad { .. } | State::Waiting { .. } | State::Importing => self.is_current(),
        }
    }
}

/// Finds out about content. `before` is what was known of it; `opening` when there was no scan yet.
pub(super) fn look(
    found: Found,
    store: Option<&Store>,
    importer: Option<&dyn Importer>,
    before: Option<&Entry>,
    opening: bool,
) -> Option<Entry> {
    if !matches!(found.source, Source::Plain(_)) {
        let kind = match found.source {
            Source::Hls { .. } => Kind::Hls,
            Source::Dash(_) | Source::Plain(_) => Kind::Dash,
        };
        // Taken before reading: what changes meanwhile is seen by the next scan.
        let fingerprint = fingerprint(&found);
        return Some(match read(&found, kind, store) {
            Ok(loaded) => good(found, loaded, None),
            Err(error) => Entry::bad(found, &error, fingerprint),
        });
    }
    let importer = importer?;
    let stamp = plain_stamp(&found)?;
    if let Some(folder) = importer.imported(&found.main_file()) {
        match read(&imported(&found, folder), Kind::Plain, store) {
            Ok(loaded) => return Some(good(found, loaded, Some(stamp))),
            Err(error) => {
                tracing::debug!(asset = found.name, %error, "earlier import is void");
            }
        }
    }
    let same = before.is_some_and(
        |entry| matches!(&entry.state, State::Waiting { stamp: was, .. } if *was == stamp),
    );
    Some(Entry {
        found,
        state: State::Waiting {
            stamp,
            settled: opening || same,
        },
    })
}

/// Takes in the folder that an import made. Without one the entry becomes a problem.
pub(super) fn take_import(
    found: Found,
    stamp: Stamp,
    folder: Result<PathBuf, Error>,
    store: Option<&Store>,
) -> Entry {
    let loaded = folder.and_then(|folder| read(&imported(&found, folder), Kind::Plain, store));
    match loaded {
        Ok(loaded) => good(found, loaded, Some(stamp)),
        Err(error) => Entry::bad(found, &error, digest(stamp)),
    }
}

fn good(found: Found, loaded: Loaded, plain: Option<Stamp>) -> Entry {
    Entry {
        state: State::Good {
            glance: glance(&loaded.sources),
            asset: Arc::new(loaded.asset),
            sources: loaded.sources,
            plain,
        },
        found,
    }
}

/// The folder of an import as content.
pub(super) fn imported(found: &Found, folder: PathBuf) -> Found {
    Found {
        name: found.name.clone(),
        root: folder.clone(),
        folder,
        release: None,
        source: Source::Dash(vec![IMPORTED_MANIFEST.to_owned()]),
    }
}

fn read(found: &Found, kind: Kind, store: Option<&Store>) -> Result<Loaded, Error> {
    if let Some(loaded) = store.and_then(|store| store.read(found, kind)) {
        return Ok(loaded);
    }
    let loaded = load::load(found, kind)?;
    if let Some(store) = store {
        store.write(found, &loaded);
    }
    Ok(loaded)
}

fn plain_stamp(found: &Found) -> Option<Stamp> {
    match found.source {
        Source::Plain(_) => Stamp::find(&found.main_file()).ok().flatten(),
        Source::Dash(_) | Source::Hls { .. } => None,
    }
}

fn glance(sources: &[PathBuf]) -> u64 {
    version::stamps(sources).map_or(0, |stamps| {
        version::of_stamps(stamps.into_iter(), std::iter::empty())
    })
}

/// Changes when broken content is worth another try.
fn fingerprint(found: &Found) -> u64 {
    match found.source {
        Source::Plain(_) => plain_stamp(found).map_or(0, digest),
        Source::Dash(_) | Source::Hls { .. } => stamp::folder_digest(&found.folder),
    }
}

fn digest(stamp: Stamp) -> u64 {
    let mut digest = Digest::new();
    digest.stamp(stamp);
    digest.value()
}
