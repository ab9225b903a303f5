//! TLS: a certificate and its key from two PEM files, read again on wish.
//!
//! TLS 1.2 and 1.3 with the suites that rustls finds good; HTTP/2 and HTTP/1 are offered by ALPN.
//! Sessions are resumed by tickets, whose keys this process makes and changes by itself.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio_rustls::TlsAcceptor;

/// What a client may choose of, the best first. One that offers only others is turned away, so what
/// speaks HTTP/1.0 alone, and says so, is here too.
const PROTOCOLS: [&[u8]; 3] = [b"h2", b"http/1.1", b"http/1.0"];

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// The certificate, and those above it.
    Certificate,
    /// Its private key.
    Key,
}

impl fmt::Display for TlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Key => "private key",
        })
    }
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Read {
        /// Which of the two.
        file: TlsFile,
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not in PEM, or has something else in it. A key with a password counts as none.
    #[error("`{}` holds no {file} as PEM: {reason}", path.display())]
    Pem {
        /// Which of the two.
        file: TlsFile,
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The PEM is good, and what it holds is not.
    #[error("the {file} in `{}` cannot be used: {reason}", path.display())]
    Unusable {
        /// Which of the two.
        file: TlsFile,
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Each is good, and they are of different pairs.
    #[error(
        "the private key in `{}` is not that of the certificate in `{}`; the certificate of the \
         server has to come first in its file",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// Path of the certificate.
        certificate: PathBuf,
        /// Path of the key.
        key: PathBuf,
    },
}

impl TlsError {
    /// Returns which file has to be changed; the key, when they do not belong together.
    pub fn file(&self) -> TlsFile {
        match self {
            Self::Read { file, .. } | Self::Pem { file, .. } | Self::Unusable { file, .. } => *file,
            Self::Mismatch { .. } => TlsFile::Key,
        }
    }
}

/// What a server needs to speak TLS.
#[derive(Debug)]
pub struct Tls(ArcSwap<ServerConfig>);

impl Tls {
    /// Reads both files. Blocks.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = read(certificate, key)?;
        Ok(Self(ArcSwap::from_pointee(config)))
    }

    /// Reads both files again, or others, for the connections that come from now on; on failure
    /// nothing changes. Blocks.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), TlsError> {
        self.0.store(Arc::new(read(certificate, key)?));
        Ok(())
    }

    /// Returns what does the handshake of one connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let unusable = |file: TlsFile, path: &Path, error: rustls::Error| TlsError::Unusable {
        file,
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    let of_certificate = |error| unreadable(TlsFile::Certificate, certificate, error);
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(of_certificate)?;
    if chain.is_empty() {
        return Err(of_certificate(pem::Error::NoItemsFound));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(TlsFile::Key, key, error))?;
    let signer = provider
        .key_provider
        .load_private_key(private)
        .map_err(|error| unusable(TlsFile::Key, key, error))?;
    let pair = CertifiedKey::new(chain, signer);
    match pair.keys_match() {
        // Some kinds of keys do not tell; then the first client does.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(TlsError::Mismatch {
                certificate: certificate.to_path_buf(),
                key: key.to_path_buf(),
            });
        }
        Err(error) => return Err(unusable(TlsFile::Certificate, certificate, error)),
    }
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(TlsFile::Certificate, certificate, error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = PROTOCOLS.map(Vec::from).to_vec();
    config.ticketer = ring::Ticketer::new().map_err(|error| unusable(TlsFile::Key, key, error))?;
    Ok(config)
}

fn unreadable(file: TlsFile, path: &Path, error: pem::Error) -> TlsError {
    let path = path.to_path_buf();
    match error {
        pem::Error::Io(source) => TlsError::Read { file, path, source },
        pem::Error::NoItemsFound => TlsError::Pem {
            file,
            path,
            reason: "there is none".to_owned(),
        },
        error => TlsError::Pem {
            file,
            path,
            reason: error.to_string(),
        },
    }
}
