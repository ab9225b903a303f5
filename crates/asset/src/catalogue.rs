//! All assets below some roots, kept current.

use std::{path::PathBuf, sync::Arc};

use crate::{Error, importer::Importer, importer::Progress, model::Asset};

/// Where content is and how it is treated.
#[derive(Clone, Default)]
pub struct Options {
    /// Folders to scan, or single media files.
    pub roots: Vec<PathBuf>,
    /// Folder of the index cache; none for `$XDG_CACHE_HOME/headend/index` or
    /// `~/.cache/headend/index`.
    pub cache_dir: Option<PathBuf>,
    /// Brings plain media files to CMAF; none to leave them out.
    pub importer: Option<Arc<dyn Importer>>,
}

/// Content that is not served, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The name it would have.
    pub name: String,
    /// The file at fault.
    pub file: PathBuf,
    /// What is wrong.
    pub reason: String,
    /// Whether parts are missing or cut off, so that it may be on its way; it is tried again as
    /// soon as its files change.
    pub incomplete: bool,
}

/// A running or waiting import.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Import {
    /// The name that the asset will have.
    pub name: String,
    /// The media file.
    pub source: PathBuf,
    /// How far it is; none while it waits.
    pub progress: Option<Progress>,
}

/// What a scan changed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Diff {
    /// New assets.
    pub added: Vec<String>,
    /// Assets that are no longer there.
    pub removed: Vec<String>,
    /// Assets whose content is another.
    pub changed: Vec<String>,
}

/// The assets below the roots. Readers never wait: they see the last finished scan.
pub struct Catalogue {
    assets: Arc<[Arc<Asset>]>,
}

impl Catalogue {
    /// Scans the roots and loads all that needs no import. Fails only when a root cannot be read;
    /// bad content becomes a [`Problem`].
    pub fn open(_options: Options) -> Result<Self, Error> {
        Ok(Self::of(Vec::new()))
    }

    /// Makes a catalogue of these assets that never changes.
    pub fn of(mut assets: Vec<Asset>) -> Self {
        assets.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            assets: assets.into_iter().map(Arc::new).collect(),
        }
    }

    /// Returns the asset of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Asset>> {
        self.assets.iter().find(|asset| asset.name == name).cloned()
    }

    /// Returns the asset whose name is the longest run of leading components of `path`, and the
    /// rest of the path without a leading `/`.
    pub fn find_longest<'p>(&self, path: &'p str) -> Option<(Arc<Asset>, &'p str)> {
        let mut end = path.len();
        loop {
            if let Some(asset) = self.get(&path[..end]) {
                return Some((asset, path[end..].trim_start_matches('/')));
            }
            end = path[..end].rfind('/')?;
        }
    }

    /// Returns all assets by ascending name.
    pub fn all(&self) -> Arc<[Arc<Asset>]> {
        Arc::clone(&self.assets)
    }

    /// Returns a number that grows whenever the set of assets, problems or imports changes.
    pub fn generation(&self) -> u64 {
        0
    }

    /// Returns the content that is not served, by ascending name.
    pub fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// Returns the waiting and running imports.
    pub fn importing(&self) -> Vec<Import> {
        Vec::new()
    }
}
