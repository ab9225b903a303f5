//! Clients of HTTP: TLS with the roots that are in the binary, so that no bundle of the system is
//! needed, and none of the system's libraries.

use std::{
    error::Error as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file of certificates that cannot be read.
    #[error("certificates in `{}`: {reason}", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS or HTTP cannot be set up.
    #[error("HTTP client: {0}")]
    Client(String),
}

/// Begins to make a client that trusts the bundled roots, and the certificates of a PEM file when
/// one is given (`SSL_CERT_FILE`).
pub fn builder(extra_roots: Option<&Path>) -> Result<reqwest::ClientBuilder, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = extra_roots {
        let failed = |reason: String| ClientError::Certificates {
            path: path.to_path_buf(),
            reason,
        };
        let found = CertificateDer::pem_file_iter(path).map_err(|e| failed(e.to_string()))?;
        for certificate in found {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| failed(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("headend/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT))
}

/// As [`builder`], with nothing else to set.
pub fn client(extra_roots: Option<&Path>) -> Result<reqwest::Client, ClientError> {
    build(builder(extra_roots)?)
}

/// Makes the client.
pub fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, ClientError> {
    builder
        .build()
        .map_err(|error| ClientError::Client(error.to_string()))
}

/// Says why a request failed: its innermost cause, without the URL, which may hold secrets.
pub fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    if error.source().is_none() {
        return "the request cannot be made".to_owned();
    }
    innermost.to_string()
}
