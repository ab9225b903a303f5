//! From settings to a catalogue: what has to be there, and who imports media files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use asset::{Catalogue, Options, import::FfmpegImporter, importer::Importer};
use process::{Ffmpeg, Spawner};

use crate::{
    config::{Root, Settings},
    exit::Unreadable,
    mirrors::{self, StoreRoot, StoreRoots},
};

/// What starts child processes: this very program, even when its file has been replaced since.
pub(crate) const OWN_BINARY: &str = "/proc/self/exe";

/// What is needed to look at content, checked before anything begins.
pub(crate) struct Tools {
    options: Options,
    stores: StoreRoots,
}

impl Tools {
    /// Checks that content can be read, and finds ffmpeg. Without ffmpeg, folders are looked at and
    /// single files are an error.
    pub(crate) fn prepare(settings: &Settings) -> anyhow::Result<Self> {
        let mut needs_import = false;
        let mut roots = Vec::new();
        let mut stores = StoreRoots::new();
        for root in &settings.assets {
            match root {
                Root::Path(path) => {
                    needs_import |= !is_folder(path)?;
                    roots.push(path.clone());
                }
                Root::Store(uri) => {
                    let store = StoreRoot::new(uri, &settings.cache_dir)?;
                    roots.push(store.folder());
                    stores.push(store);
                }
            }
        }
        let importer = match Spawner::with_shim(OWN_BINARY).and_then(Ffmpeg::locate) {
            Ok(ffmpeg) => Some(FfmpegImporter::new(
                ffmpeg,
                settings.cache_dir.join("import"),
            )),
            Err(error) if needs_import => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "plain media files are left out");
                None
            }
        };
        Ok(Self {
            options: Options {
                roots,
                cache_dir: Some(settings.cache_dir.join("index")),
                importer: importer.map(|importer| Arc::new(importer) as Arc<dyn Importer>),
            },
            stores,
        })
    }

    /// Returns the roots that lie in stores. They must be fetched before [`Tools::open`].
    pub(crate) fn stores(&self) -> StoreRoots {
        self.stores.clone()
    }

    /// Fetches what lies in stores, then scans; for a command that has no runtime. Blocks.
    pub(crate) fn fetch_and_open(self) -> anyhow::Result<Catalogue> {
        mirrors::fetch(&self.stores)?;
        Ok(self.open()?)
    }

    /// Scans the content. Blocks.
    pub(crate) fn open(self) -> Result<Catalogue, asset::Error> {
        Catalogue::open(self.options)
    }
}

/// Tells a folder from a file, and makes sure that it can be read.
fn is_folder(path: &Path) -> Result<bool, Unreadable> {
    let look = || -> io::Result<bool> {
        let folder = fs::metadata(path)?.is_dir();
        if folder {
            fs::read_dir(path)?;
        } else {
            fs::File::open(path)?;
        }
        Ok(folder)
    };
    look().map_err(|source| Unreadable {
        path: PathBuf::from(path),
        source,
    })
}
