//! Removes versions that nobody needs any more.

use serde::Serialize;

use super::{Error, Listed, SEAL, Shelf, State};

/// Versions shown less long ago than this stay whatever the rules: players that began with one
/// read its playlists, and servers look for a new pointer every few seconds.
const LEAST_KEPT_MS: i64 = 10 * 60 * 1000;

/// What stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// How long a version stays after another one took its place, in milliseconds; at least ten
    /// minutes whatever is asked for.
    pub past_ms: i64,
    /// How long a version that is not whole stays after its last file was written, in
    /// milliseconds: its writer may be at work. At least ten minutes too.
    pub incomplete_ms: i64,
    /// How many versions before the present one stay however old they are.
    pub at_least: usize,
}

impl Default for Keep {
    /// Keeps past and incomplete versions for a day.
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        Self {
            past_ms: DAY_MS,
            incomplete_ms: DAY_MS,
            at_least: 0,
        }
    }
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// The versions.
    pub removed: Vec<Removed>,
    /// Versions that stay, the present one too.
    pub kept: usize,
}

/// A version that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its folder.
    pub version: String,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Shelf {
    /// Removes versions that are past. The one that is shown always stays, also when the pointer
    /// is moved back to an old one at this moment. With `pretend`, nothing is removed.
    ///
    /// A pointer that cannot be read is an error: without it nothing says what is in use.
    pub fn collect(&self, keep: Keep, now_ms: i64, pretend: bool) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        let versions = self.versions()?;
        let published = versions.iter().any(|listed| listed.state == State::Current);
        let mut past = 0;
        for listed in &versions {
            let doomed = match listed.state {
                State::Current => false,
                State::Kept => {
                    past += 1;
                    // Without a pointer there was a first publication that did not come to its end.
                    let since = listed.until_ms.unwrap_or(listed.written_ms);
                    published && past > keep.at_least && is_over(since, keep.past_ms, now_ms)
                }
                State::Incomplete => is_over(listed.written_ms, keep.incomplete_ms, now_ms),
            };
            if doomed && (pretend || self.remove(listed)?) {
                collected.removed.push(Removed {
                    version: listed.version.clone(),
                    files: listed.files,
                    bytes: listed.bytes,
                });
            } else {
                collected.kept += 1;
            }
        }
        Ok(collected)
    }

    /// Removes a version unless it is shown. The seal goes first: from then on nobody can publish
    /// it, and whoever just has will be seen, see [`Shelf::flip`].
    fn remove(&self, listed: &Listed) -> Result<bool, Error> {
        let sealed = self.version(&listed.version)?;
        self.store.delete(&self.key(&listed.version, SEAL))?;
        let pointer = self.pointer()?;
        if pointer.is_some_and(|pointer| pointer.version == listed.version) {
            if let Some(sealed) = sealed {
                self.seal(&sealed)?;
            }
            return Ok(false);
        }
        self.store.delete_below(&self.prefix(&listed.version))?;
        Ok(true)
    }
}

fn is_over(since_ms: i64, kept_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(since_ms) > kept_ms.max(LEAST_KEPT_MS)
}
