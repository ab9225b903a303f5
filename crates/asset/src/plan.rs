//! What a manifest says about where media lies, before any media is read. DASH and HLS come down
//! to this.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use media::{
    presentation::{Addressing, Content, Nominal, Run, Shape},
    time::{Time, Timescale},
};

use crate::{Error, stamp::Stamp};

/// A whole file, or some bytes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    /// The bytes meant, end excluded; everything when absent.
    pub(crate) range: Option<Range<u64>>,
}

/// Where the media of a track is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Media {
    /// One place a segment, in order.
    Pieces(Vec<Place>),
    /// One file for all segments, its own init segment too.
    Single {
        file: Place,
        init: Option<Range<u64>>,
        index: Option<Range<u64>>,
    },
}

/// The times that a manifest gives to segments, to be compared with the media.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) timescale: Timescale,
    pub(crate) runs: Vec<Run>,
}

/// What is known of a track before its media is read.
#[derive(Debug, Clone)]
pub(crate) struct TrackPlan {
    pub(crate) id: String,
    pub(crate) content: Content,
    /// Absent for images and for single files that begin with it.
    pub(crate) init: Option<Place>,
    pub(crate) media: Media,
    pub(crate) first_number: u64,
    /// The file after the last one that was found by counting: if it appears, there is more.
    pub(crate) next: Option<PathBuf>,
    /// The presentation time offset, when it is not zero.
    pub(crate) origin: Option<Time>,
    /// The constant duration of `$Number$` addressing.
    pub(crate) nominal: Option<Nominal>,
    pub(crate) declared: Option<Declared>,
    /// Segments that start at this time or later, counted from the first, do not belong.
    pub(crate) limit: Option<Time>,
}

/// What is known of a manifest before its media is read.
#[derive(Debug)]
pub(crate) struct ManifestPlan {
    /// File name, or `manifest.mpd` when there is no MPD.
    pub(crate) name: String,
    /// The file to name when something is wrong.
    pub(crate) file: PathBuf,
    pub(crate) shape: Shape,
    pub(crate) addressing: Addressing,
    /// The duration that it declares.
    pub(crate) duration: Option<Time>,
    /// In the order of [`Shape::tracks`].
    pub(crate) tracks: Vec<TrackPlan>,
    /// Manifests and playlists that were read, as they were before that.
    pub(crate) sources: Vec<(PathBuf, Stamp)>,
    pub(crate) warnings: Vec<String>,
}

impl TrackPlan {
    /// Tells whether both mean the same bytes.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.content == other.content && self.init == other.init && self.media == other.media
    }

    /// Returns the first file of the media.
    pub(crate) fn first_file(&self) -> &Path {
        match &self.media {
            Media::Single { file, .. } => &file.path,
            Media::Pieces(places) => places.first().map_or(Path::new(""), |place| &place.path),
        }
    }
}

impl Place {
    /// Returns the whole of a file, if it is there.
    pub(crate) fn whole(path: PathBuf) -> Result<Option<Self>, Error> {
        Ok(Stamp::find(&path)?.map(|stamp| Self {
            path,
            stamp,
            range: None,
        }))
    }
}

/// Names files on behalf of a manifest, and keeps them inside the root.
pub(crate) struct Locator<'a> {
    root: &'a Path,
    folder: &'a Path,
    /// The manifest, for errors.
    manifest: &'a Path,
    /// The last folder that was seen to be inside.
    inside: PathBuf,
}

impl<'a> Locator<'a> {
    pub(crate) fn new(root: &'a Path, folder: &'a Path, manifest: &'a Path) -> Self {
        Self {
            root,
            folder,
            manifest,
            inside: PathBuf::new(),
        }
    }

    /// Returns the path of a URL, without asking whether the file is there.
    pub(crate) fn path(&mut self, base: &str, url: &str) -> Result<PathBuf, Error> {
        let unsupported = |reason| Error::Unsupported {
            path: self.manifest.to_path_buf(),
            reason,
        };
        let path = crate::locate::resolve(self.folder, base, url).map_err(unsupported)?;
        let parent = path.parent().unwrap_or(Path::new("/"));
        if parent != self.inside {
            // A folder that is not there is reported with the file that should be in it.
            if let Ok(real) = parent.canonicalize()
                && !real.starts_with(self.root)
            {
                return Err(unsupported(format!(
                    "`{url}` lies outside the root {}",
                    self.root.display()
                )));
            }
            parent.clone_into(&mut self.inside);
        }
        Ok(path)
    }

    /// Returns the place of a URL, which must be there.
    pub(crate) fn place(
        &mut self,
        base: &str,
        url: &str,
        range: Option<Range<u64>>,
    ) -> Result<Place, Error> {
        let path = self.path(base, url)?;
        let manifest = self.manifest;
        let stamp = Stamp::of(&path, || format!("{} names it", manifest.display()))?;
        if let Some(range) = &range
            && range.end > stamp.len
        {
            return Err(Error::Missing {
                path,
                reason: format!(
                    "{} bytes long, but {} names bytes {} to {}",
                    stamp.len,
                    manifest.display(),
                    range.start,
                    range.end
                ),
            });
        }
        Ok(Place { path, stamp, range })
    }

    /// Returns the place of a URL if it is there.
    pub(crate) fn find(&mut self, url: &str) -> Result<Option<Place>, Error> {
        Place::whole(self.path("", url)?)
    }
}
