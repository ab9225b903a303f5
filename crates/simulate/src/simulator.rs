//! Finds the channel that a URL means.
//!
//! The hot path is one look into an immutable map by the folder part of the URL; requests share no
//! lock. What a folder means depends on the catalogue, so the map is emptied when that changes.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use asset::{Asset, Catalogue};
use media::supply::{Refusal, Supplier};

use crate::{
    looped::Looped,
    options::{self, OptionError, Options, suggest},
    query,
    reel::Reel,
};

/// Most folders that are remembered. A full map is emptied: folders come back with their requests.
const FOLDERS_MAX: usize = 4096;

/// What a request below the live prefix means.
#[derive(Clone)]
pub struct Resolved {
    /// The channel.
    pub supplier: Arc<dyn Supplier>,
    /// What follows the asset in the path, such as `V300/12.m4s`.
    pub rest: String,
    /// The test clock of the request, Unix ms; `None` for the real one.
    pub now: Option<i64>,
    /// Query that carries the test clock on to other URLs of the channel; empty without one.
    pub test_query: String,
}

/// The simulated live channels over a catalogue: every asset under any options.
pub struct Simulator {
    catalogue: Arc<Catalogue>,
    known: ArcSwap<Known>,
}

/// What is remembered, valid for one generation of the catalogue.
#[derive(Default)]
struct Known {
    generation: u64,
    folders: HashMap<Arc<str>, Folder>,
    reels: HashMap<Arc<str>, Arc<Reel>>,
}

/// What the folder part of a path means.
#[derive(Clone)]
struct Folder {
    channel: Arc<Looped>,
    /// Where in the path the asset's own part begins.
    rest_at: usize,
}

impl Simulator {
    /// Makes the simulator of a catalogue's assets.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        let known = Known {
            generation: catalogue.generation(),
            ..Known::default()
        };
        Self {
            catalogue,
            known: ArcSwap::from_pointee(known),
        }
    }

    /// Reads options, asset and test clock out of a URL: `path` without the prefix and its slash,
    /// percent-decoded; `query` as it stands.
    ///
    /// Refuses what cannot be read, and assets that do not exist.
    pub fn resolve(&self, path: &str, query: Option<&str>) -> Result<Resolved, Refusal> {
        let now = query::now(query)?;
        let folder = self.folder(path)?;
        let rest = path.get(folder.rest_at..).unwrap_or_default().to_owned();
        if rest.is_empty() {
            return Err(no_file(&folder.channel));
        }
        Ok(Resolved {
            supplier: folder.channel,
            rest,
            now,
            test_query: now.map_or_else(String::new, |now| format!("nowMS={now}")),
        })
    }

    /// Lets go of what was remembered of an older state of the catalogue, so that files of assets
    /// that are gone can be closed without waiting for a request.
    pub fn tidy(&self) {
        let generation = self.catalogue.generation();
        if self.known.load().generation != generation {
            self.known.store(Arc::new(Known {
                generation,
                ..Known::default()
            }));
        }
    }

    fn folder(&self, path: &str) -> Result<Folder, Refusal> {
        let generation = self.catalogue.generation();
        let text = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        let known = self.known.load();
        if known.generation == generation
            && let Some(folder) = known.folders.get(text)
        {
            return Ok(folder.clone());
        }
        let found = find(&self.catalogue, path)?;
        let reel = known
            .reels
            .get(found.asset.name.as_str())
            .filter(|reel| known.generation == generation && Arc::ptr_eq(&reel.asset, &found.asset))
            .map_or_else(|| Arc::new(Reel::new(found.asset)), Arc::clone);
        let folder = Folder {
            channel: Arc::new(Looped::new(Arc::clone(&reel), found.options)),
            rest_at: found.rest_at,
        };
        if folder.rest_at <= text.len() {
            self.remember(generation, text, &folder, &reel);
        }
        Ok(folder)
    }

    fn remember(&self, generation: u64, text: &str, folder: &Folder, reel: &Arc<Reel>) {
        self.known.rcu(|known| {
            let mut next = Known {
                generation,
                ..Known::default()
            };
            if known.generation == generation {
                next.reels.clone_from(&known.reels);
                if known.folders.len() < FOLDERS_MAX {
                    next.folders.clone_from(&known.folders);
                }
            }
            next.reels
                .entry(reel.asset.name.as_str().into())
                .or_insert_with(|| Arc::clone(reel));
            next.folders.insert(text.into(), folder.clone());
            next
        });
    }
}

/// What a path was found to mean.
struct Found {
    options: Options,
    asset: Arc<Asset>,
    rest_at: usize,
}

/// Finds options and asset: the longest run of options that leaves an asset. A shorter run counts
/// when an asset's own name looks like an option.
fn find(catalogue: &Catalogue, path: &str) -> Result<Found, Refusal> {
    let offsets = options::asset_offsets(path);
    let mut bad: Option<OptionError> = None;
    for offset in offsets.iter().rev().copied() {
        let parsed = Options::parse(options::option_parts(path, offset));
        let asset = catalogue.find_longest(&path[offset..]);
        match (parsed, asset) {
            (Ok(options), Some((asset, rest))) => {
                return Ok(Found {
                    options,
                    asset,
                    rest_at: path.len() - rest.len(),
                });
            }
            (Err(error), _) => bad = bad.or(Some(error)),
            (Ok(_), None) => {}
        }
    }
    if let Some(error) = bad {
        return Err(Refusal::Bad(format!("Request refused: {error}.")));
    }
    let name = &path[offsets.last().copied().unwrap_or(0)..];
    Err(no_asset(name))
}

/// Says that there is no such asset, and which option may have been meant.
fn no_asset(path: &str) -> Refusal {
    if path.is_empty() {
        return Refusal::Bad("No asset follows the options in the path.".to_owned());
    }
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    let key = path
        .split('/')
        .next()
        .and_then(|part| part.split_once('_'))
        .map(|(key, _)| key);
    let hint = key
        .and_then(|key| Some((key, suggest::nearest(key)?)))
        .map_or_else(String::new, |(key, meant)| {
            format!("; `{key}_` is not an option, did you mean `{meant}_`?")
        });
    let end = if hint.is_empty() { "." } else { "" };
    Refusal::NotFound(format!("There is no asset `{folder}`{hint}{end}"))
}

/// Says which files an asset has when none is named.
fn no_file(channel: &Looped) -> Refusal {
    let mut names = vec!["`master.m3u8`".to_owned(), "`manifest.mpd`".to_owned()];
    for manifest in channel.manifests() {
        let name = format!("`{}`", manifest.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Refusal::NotFound(format!(
        "The path ends at the asset `{}`; ask for one of its manifests: {}.",
        channel.asset_name(),
        names.join(", ")
    ))
}

#[cfg(test)]
#[path = "simulator_tests.rs"]
mod tests;
