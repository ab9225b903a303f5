//! What is asked for, and the file that keeps it beside the records of the job.

use std::{num::NonZeroU32, path::PathBuf};

use serde::{Deserialize, Serialize};
use store::{
    digest,
    objects::{Content, Objects, Options},
};

use super::{Error, Keeper};
use crate::{fetch::Input, plan};

/// Version of the file's format.
const FORMAT: u32 = 1;

/// The longest name of an asset that is part of an id, in bytes.
const LONGEST: usize = 40;

/// A VoD job as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Where the media comes from: a path, or an `http(s)`, `ftp` or `s3` URI.
    pub input: String,
    /// The folder or bucket that the asset is put into.
    pub to: String,
    /// Name of the asset; the stem of the input unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Class of the job: those of a higher one go first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// What is wanted.
    #[serde(default)]
    pub options: plan::Options,
    /// The file with the key that segments are encrypted with: its 16 bytes, or 32 hexadecimal
    /// digits, with `:` and those of an initialization vector behind them if there is one. It has to
    /// stay until the job is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// How many segments of all tracks have to be there for the asset to be shown while the rest of it
    /// is being made; unless it is given it is shown when it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_publish: Option<NonZeroU32>,
    /// SHA-256 that the input must have, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(value: &i32) -> bool {
    *value == 0
}

impl Request {
    /// Returns the name of the asset. Fails with a sentence if it cannot be one.
    pub fn asset_name(&self) -> Result<String, String> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => Input::parse(&self.input)
                .map_err(|error| error.to_string())?
                .stem()
                .ok_or_else(|| format!("`{}` has no name for the asset", self.masked().input))?,
        };
        let is_plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.len() <= 200
                && !part.contains(|c: char| c.is_control() || c == '\\')
        };
        if name.split('/').all(is_plain) {
            Ok(name)
        } else {
            Err(format!("`{name}` cannot be the name of an asset"))
        }
    }

    /// Returns the id of the job: the same for the same input, place and name, so that a job that
    /// is asked for again goes on where it was.
    pub fn id(&self) -> Result<String, String> {
        let name = self.asset_name()?;
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let mut slug: String = name.chars().map(plain).collect();
        slug.truncate(LONGEST);
        let text = [self.input.as_str(), self.to.as_str(), name.as_str()].join("\n");
        let hash = digest::of_bytes(text.as_bytes());
        Ok(format!("{}-{}", slug.trim_matches('-'), &hash[..8]))
    }

    /// Returns it as it may be shown: without what is secret in URIs.
    #[must_use]
    pub fn masked(&self) -> Self {
        Self {
            input: process::mask::text(&self.input),
            to: process::mask::text(&self.to),
            ..self.clone()
        }
    }
}

/// What is kept of a job beside its records: all that cannot be found out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JobFile {
    /// [`FORMAT`].
    format: u32,
    /// What was asked for.
    pub(super) request: Request,
    /// When it was submitted, Unix ms.
    pub(super) submitted_ms: i64,
    /// Who looks after the job.
    pub(super) keeper: Keeper,
    /// Whether it is held back.
    #[serde(default)]
    pub(super) paused: bool,
    /// Set when it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) done: Option<Done>,
}

/// When a job was done, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    /// When, Unix ms.
    pub(super) at_ms: i64,
    /// The version of the asset.
    pub(super) version: String,
}

impl JobFile {
    pub(super) fn new(request: Request, submitted_ms: i64, keeper: Keeper) -> Self {
        Self {
            format: FORMAT,
            request,
            submitted_ms,
            keeper,
            paused: false,
            done: None,
        }
    }

    /// Returns where the file of a job is whose prefix this is.
    pub(super) fn place(prefix: &str) -> String {
        format!("{prefix}/job.json")
    }

    /// Reads the file of a job; none if there is none that can be read.
    pub(super) fn read(store: &dyn Objects, prefix: &str) -> Result<Option<Self>, Error> {
        let bytes = match store.get(&Self::place(prefix)) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(file) if file.format == FORMAT => Ok(Some(file)),
            Ok(file) => {
                tracing::warn!(
                    prefix,
                    format = file.format,
                    "a job of another version is left alone"
                );
                Ok(None)
            }
            Err(error) => {
                tracing::warn!(prefix, %error, "the file of a job is damaged");
                Ok(None)
            }
        }
    }

    /// Writes it.
    pub(super) fn write(&self, store: &dyn Objects, prefix: &str) -> Result<(), Error> {
        // Structs, texts and integers: there is nothing in it that JSON has no form for.
        let text = serde_json::to_vec_pretty(self).expect("the file of a job is JSON");
        let options = Options {
            content_type: Some("application/json"),
            ..Options::default()
        };
        store.put(&Self::place(prefix), Content::Bytes(&text), options)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(input: &str) -> Request {
        Request {
            input: input.to_owned(),
            to: "/films".to_owned(),
            name: None,
            priority: 0,
            options: plan::Options::default(),
            key_file: None,
            checksum: None,
            early_publish: None,
        }
    }

    #[test]
    fn assets_are_named_by_their_input() {
        for (input, name) in [
            ("/media/Big Film.mp4", "Big Film"),
            ("https://h/a/film.mp4?token=x.y/z", "film"),
        ] {
            assert_eq!(request(input).asset_name().as_deref(), Ok(name), "{input}");
        }
        for input in ["", "/", "..", ".hidden/.x", "https://h"] {
            let name = request(input).asset_name();
            assert!(name.is_err(), "{input}: {name:?}");
        }
        for name in ["../x", "a//b", "/a", ".a", "a\nb", "a\\b"] {
            let mut request = request("x.mp4");
            request.name = Some(name.to_owned());
            assert!(request.asset_name().is_err(), "{name}");
        }
    }

    #[test]
    fn the_id_is_of_input_place_and_name() {
        let first = request("/media/Big Film.mp4").id().unwrap();
        assert!(first.starts_with("big-film-"), "{first}");
        let mut other = request("/media/Big Film.mp4");
        other.options.threads = 3;
        assert_eq!(other.id().unwrap(), first);
        other.to = "/elsewhere".to_owned();
        assert_ne!(other.id().unwrap(), first);
        let odd = request("/media/電影.mp4").id().unwrap();
        assert!(
            odd.bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-'),
            "{odd}"
        );
    }

    #[test]
    fn files_are_read_back_and_damaged_ones_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::objects::Folder::new(folder.path().to_path_buf());
        assert_eq!(JobFile::read(&store, "a").unwrap(), None);
        let mut file = JobFile::new(request("x.mp4"), 7, Keeper::Server);
        file.paused = true;
        file.write(&store, "a").unwrap();
        assert_eq!(JobFile::read(&store, "a").unwrap(), Some(file));
        let place = folder.path().join(JobFile::place("a"));
        std::fs::write(place, "{").unwrap();
        assert_eq!(JobFile::read(&store, "a").unwrap(), None);
    }
}
