//! Flags of encryption.

use std::path::{self, PathBuf};

use anyhow::Context as _;
use transcode::plan::{Encryption, Scheme};

use crate::transcoding::Error;

/// How segments are encrypted.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Protection")]
pub(super) struct Protection {
    /// Encrypt pictures and sound: `aes-128` whole segments, for HLS alone; `cbcs` samples, for HLS and
    /// DASH
    #[arg(long, env = "HEADEND_ENCRYPT", value_name = "SCHEME", requires_all = ["key_file", "key_uri"])]
    encrypt: Option<Encrypt>,
    /// File with the key: its 16 bytes, or 32 hexadecimal digits; `:` and 32 more are the
    /// initialization vector of `cbcs`
    #[arg(
        long,
        env = "HEADEND_KEY_FILE",
        value_name = "FILE",
        requires = "encrypt"
    )]
    key_file: Option<PathBuf>,
    /// Where players get the key
    #[arg(
        long,
        env = "HEADEND_KEY_URI",
        value_name = "URI",
        requires = "encrypt"
    )]
    key_uri: Option<String>,
    /// Id of the key for `cbcs`, 32 hexadecimal digits
    #[arg(long, env = "HEADEND_KEY_ID", value_name = "HEX", requires = "encrypt")]
    key_id: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Encrypt {
    /// Whole segments, AES-128-CBC.
    #[value(name = "aes-128")]
    Aes128,
    /// Samples by a pattern, common encryption.
    Cbcs,
}

impl Protection {
    /// Returns how the result is encrypted.
    pub(super) fn encryption(&self) -> Result<Option<Encryption>, Error> {
        let Some(encrypt) = self.encrypt else {
            return Ok(None);
        };
        let encryption = Encryption {
            scheme: match encrypt {
                Encrypt::Aes128 => Scheme::Aes128,
                Encrypt::Cbcs => Scheme::Cbcs,
            },
            key_id: self.key_id.clone().unwrap_or_default(),
            key_uri: self.key_uri.clone().unwrap_or_default(),
        };
        if encryption.scheme == Scheme::Cbcs && encryption.key_id.is_empty() {
            return Err(Error::Usage("`cbcs` needs `--key-id`".to_owned()));
        }
        encryption.check().map_err(Error::Usage)?;
        Ok(Some(encryption))
    }

    /// Returns the path of the key file, which means the same wherever the job goes on.
    pub(super) fn key_file(&self) -> anyhow::Result<Option<PathBuf>> {
        let absolute =
            |path: &PathBuf| path::absolute(path).with_context(|| format!("`{}`", path.display()));
        self.key_file.as_ref().map(absolute).transpose()
    }
}
