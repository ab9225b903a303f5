//! Makes requests: over HTTP and HTTPS, and of files.

use std::{
    future::Future,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::exchange::{Answer, Headers, Method, Request};

/// A longer body is cut off and counts as an error.
const MAX_BODY: usize = 256 << 20;
/// Pages of this origin are what we pretend to be, to see whether they may read answers.
const ORIGIN: &str = "https://watch.headend.invalid";

/// What came of a request, and when.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// From sending to the headers.
    pub first_byte: Duration,
    /// From sending to the end.
    pub total: Duration,
    /// The answer, or why there is none.
    pub result: Result<Answer, String>,
}

/// Makes requests. Clones share connections.
pub trait Fetch: Clone + Send + Sync + 'static {
    /// Makes one request; ends when its timeout is over.
    fn fetch(&self, request: Request) -> impl Future<Output = Fetched> + Send;
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
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

/// Fetches over HTTP/1.1, HTTP/2, TLS, and from files.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: reqwest::Client,
}

impl HttpFetch {
    /// Makes a client that trusts the bundled roots, and the certificates of a PEM file when one is
    /// given (`SSL_CERT_FILE`).
    pub fn new(extra_roots: Option<PathBuf>) -> Result<Self, FetchError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = extra_roots {
            let failed = |reason: String| FetchError::Certificates {
                path: path.clone(),
                reason,
            };
            let found = CertificateDer::pem_file_iter(&path).map_err(|e| failed(e.to_string()))?;
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
            .map_err(|error| FetchError::Client(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("headend/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| FetchError::Client(error.to_string()))?;
        Ok(Self { client })
    }

    /// Returns the client, for those who send.
    pub fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    async fn over_http(
        &self,
        request: &Request,
        began: Instant,
    ) -> (Duration, Result<Answer, String>) {
        let mut builder = match request.method {
            Method::Get => self.client.get(request.url.clone()),
            Method::Head => self.client.head(request.url.clone()),
        };
        builder = builder.timeout(request.timeout).header("origin", ORIGIN);
        if let Some(range) = &request.range {
            let last = range.end.saturating_sub(1);
            builder = builder.header("range", format!("bytes={}-{last}", range.start));
        }
        let sent = builder.send().await;
        let first_byte = began.elapsed();
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return (first_byte, Err(describe(&error))),
        };
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers = Headers(headers.collect());
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    return (
                        first_byte,
                        Err(format!("the body has more than {MAX_BODY} bytes")),
                    );
                }
                Ok(None) => break,
                Err(error) => return (first_byte, Err(describe(&error))),
            }
        }
        let answer = Answer {
            status,
            headers,
            body: body.freeze(),
            is_http: true,
        };
        (first_byte, Ok(answer))
    }
}

impl Fetch for HttpFetch {
    async fn fetch(&self, request: Request) -> Fetched {
        let began = Instant::now();
        let (first_byte, result) = if request.url.scheme() == "file" {
            let read = tokio::task::spawn_blocking(move || from_file(&request)).await;
            let result = read.unwrap_or_else(|error| Err(error.to_string()));
            (began.elapsed(), result)
        } else {
            self.over_http(&request, began).await
        };
        Fetched {
            first_byte,
            total: began.elapsed(),
            result,
        }
    }
}

/// Says why a request failed, the innermost cause last.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

fn from_file(request: &Request) -> Result<Answer, String> {
    let Ok(path) = request.url.to_file_path() else {
        return Err(format!("`{}` is not a path", request.url));
    };
    let status = |status| {
        Ok(Answer {
            status,
            ..Answer::default()
        })
    };
    let read = || match request.method {
        Method::Head => std::fs::metadata(&path).map(|_| Bytes::new()),
        Method::Get => read_file(&path, request.range.clone()),
    };
    match read() {
        Ok(body) => Ok(Answer {
            status: 200,
            body,
            ..Answer::default()
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => status(404),
        Err(error) => Err(error.to_string()),
    }
}

fn read_file(path: &std::path::Path, range: Option<Range<u64>>) -> io::Result<Bytes> {
    let mut file = std::fs::File::open(path)?;
    let range = range.unwrap_or(0..MAX_BODY as u64);
    file.seek(SeekFrom::Start(range.start))?;
    let mut body = Vec::new();
    file.take(range.end.saturating_sub(range.start))
        .read_to_end(&mut body)?;
    Ok(Bytes::from(body))
}
