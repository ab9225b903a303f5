//! The certificate of the server and its key.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serve::{Tls, TlsError, TlsFile};

use super::Issue;

/// Where certificate and key lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TlsFiles {
    /// The certificate, and those above it, as PEM.
    pub(crate) cert: PathBuf,
    /// Its private key as PEM.
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Reads both files. Blocks.
    pub(crate) fn load(&self) -> Result<Tls, TlsError> {
        Tls::load(&self.cert, &self.key)
    }
}

/// HTTPS in place of HTTP: a certificate and its key, given together. They are read again on SIGHUP.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsOverlay {
    /// Speak HTTPS with this certificate, a PEM file with those above it; read again on SIGHUP
    #[arg(
        id = "tls_cert",
        long = "tls-cert",
        env = "HEADEND_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file without a password
    #[arg(
        id = "tls_key",
        long = "tls-key",
        env = "HEADEND_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub(crate) key: Option<PathBuf>,
}

impl TlsOverlay {
    /// Returns both files, if they are set.
    pub(super) fn files(self) -> Option<TlsFiles> {
        Some(TlsFiles {
            cert: self.cert?,
            key: self.key?,
        })
    }

    /// Lets the relative paths start from `folder`.
    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        for path in [&mut self.cert, &mut self.key].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }

    /// Reads both files, whose paths start from `folder`, and says what is wrong with them.
    pub(super) fn issue(&self, folder: &Path) -> Option<Issue> {
        let lacks = |missing: &'static str| Issue {
            missing: Some(missing),
            ..Issue::at_key(
                "tls",
                format!("`{missing}` is missing: a certificate and its key are given together"),
            )
        };
        match (&self.cert, &self.key) {
            (None, None) => None,
            (None, Some(_)) => Some(lacks("cert")),
            (Some(_), None) => Some(lacks("key")),
            (Some(cert), Some(key)) => {
                let error = Tls::load(&folder.join(cert), &folder.join(key)).err()?;
                let key = match error.file() {
                    TlsFile::Certificate => "tls.cert",
                    TlsFile::Key => "tls.key",
                };
                Some(Issue::at_key(key, error.to_string()))
            }
        }
    }
}
