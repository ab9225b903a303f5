//! Makes requests: over HTTP and HTTPS, and of files.

use std::{
    future::Future,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use store::http::{self, ClientError, describe};

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

/// Fetches over HTTP/1.1, HTTP/2, TLS, and from files.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: reqwest::Client,
}

impl HttpFetch {
    /// Makes a client that trusts the bundled roots, and the certificates of a PEM file when one is
    /// given (`SSL_CERT_FILE`).
    pub fn new(extra_roots: Option<PathBuf>) -> Result<Self, ClientError> {
        let client = http::client(extra_roots.as_deref())?;
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
