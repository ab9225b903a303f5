//! Requests as handlers see them.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::{Response, host, path, reply};

/// A request: its path is decoded and safe to look up, its body not yet read.
#[derive(Debug)]
pub struct Request {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// The decoded path where it differs from the URI's.
    decoded: Option<String>,
    ends: Ends,
    body: Content,
}

/// The connection that a request came over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Whether it is TLS.
    pub(crate) is_secure: bool,
}

#[derive(Debug)]
enum Content {
    Incoming(Incoming),
    Full(Bytes),
}

/// Why the body of a request could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than the handler takes (413).
    #[error("the request body is longer than {0} bytes")]
    TooLong(usize),
    /// It did not arrive in time (408).
    #[error("the request body did not arrive within {0:?}")]
    TooSlow(Duration),
    /// The connection broke or the coding is wrong (400).
    #[error("the request body could not be read: {0}")]
    Broken(#[source] crate::BoxError),
}

impl Request {
    /// Makes a request from nothing but a method, a target (path and query) and a body, as tests
    /// and internal callers need. Both addresses are `127.0.0.1:80`.
    ///
    /// # Errors
    /// The answer for the client when the target cannot be accepted.
    pub fn new(method: Method, target: &str, body: Bytes) -> Result<Self, Box<Response>> {
        let uri = target
            .parse()
            .map_err(|_| bad("The target is not a URL."))?;
        let here = SocketAddr::from(([127, 0, 0, 1], 80));
        let ends = Ends {
            peer: here,
            local: here,
            is_secure: false,
        };
        Self::checked(method, uri, HeaderMap::new(), ends, Content::Full(body))
    }

    pub(crate) fn incoming(
        request: hyper::Request<Incoming>,
        ends: Ends,
    ) -> Result<Self, Box<Response>> {
        let (parts, body) = request.into_parts();
        Self::checked(
            parts.method,
            parts.uri,
            parts.headers,
            ends,
            Content::Incoming(body),
        )
    }

    fn checked(
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        ends: Ends,
        body: Content,
    ) -> Result<Self, Box<Response>> {
        if !uri.path().starts_with('/') && uri.path() != "*" {
            return Err(bad("The target has no path."));
        }
        let decoded = match path::decode(uri.path()) {
            Ok(path) => (path != uri.path()).then(|| path.into_owned()),
            Err(sentence) => return Err(bad(sentence)),
        };
        Ok(Self {
            method,
            uri,
            headers,
            decoded,
            ends,
            body,
        })
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the path, percent-decoded once, without NUL and without `.` or `..` components.
    /// It begins with `/`, or is `*`.
    pub fn path(&self) -> &str {
        self.decoded.as_deref().unwrap_or_else(|| self.uri.path())
    }

    /// Returns the query as sent, without the `?`.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    /// Returns the target as sent.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the header.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the header for changes, as tests and middleware need.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Returns the address of the other end of the connection.
    pub fn peer(&self) -> SocketAddr {
        self.ends.peer
    }

    /// Returns our address on the connection.
    pub fn local(&self) -> SocketAddr {
        self.ends.local
    }

    /// Returns `scheme://host[:port]` as the client sees us, from `X-Forwarded-Proto`,
    /// `X-Forwarded-Host`, the target and `Host`, and whether this connection is TLS.
    pub fn base_url(&self) -> String {
        host::base_url(&self.headers, &self.uri, self.ends)
    }

    /// Reads the whole body, of at most `limit` bytes within `timeout`. A second call gives an
    /// empty one.
    pub async fn read_body(&mut self, limit: usize, timeout: Duration) -> Result<Bytes, BodyError> {
        let read = match std::mem::replace(&mut self.body, Content::Full(Bytes::new())) {
            Content::Full(bytes) => Limited::new(Full::new(bytes), limit).collect().await,
            Content::Incoming(incoming) => {
                let collect = Limited::new(incoming, limit).collect();
                tokio::time::timeout(timeout, collect)
                    .await
                    .map_err(|_| BodyError::TooSlow(timeout))?
            }
        };
        match read {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong(limit)),
            Err(error) => Err(BodyError::Broken(error)),
        }
    }
}

impl Request {
    /// Waits for the next bytes of a body that is read as it comes; `None` at its end. Safe to cancel.
    ///
    /// # Errors
    /// When the connection breaks or the coding is wrong.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        let incoming = match &mut self.body {
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
            }
            Content::Incoming(incoming) => incoming,
        };
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| BodyError::Broken(error.into()))?;
            // Anything else is trailers.
            if let Ok(bytes) = frame.into_data()
                && !bytes.is_empty()
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn bad(sentence: &'static str) -> Box<Response> {
    Box::new(reply::text(http::StatusCode::BAD_REQUEST, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Request {
        Request::new(Method::GET, target, Bytes::new()).unwrap()
    }

    #[test]
    fn path_and_query_are_apart() {
        let request = get("/livesim/a%20b/x.mpd?nowMS=1&x=%20");
        assert_eq!(request.path(), "/livesim/a b/x.mpd");
        assert_eq!(request.query(), Some("nowMS=1&x=%20"));
        assert_eq!(get("/a").query(), None);
    }

    #[test]
    fn targets_without_a_safe_path_are_refused() {
        for target in ["/../x", "/%00", "a b"] {
            let refused = Request::new(Method::GET, target, Bytes::new()).unwrap_err();
            assert_eq!(refused.status(), 400, "{target}");
        }
    }

    #[tokio::test]
    async fn bodies_have_a_limit() {
        let body = Bytes::from_static(b"12345");
        let mut request = Request::new(Method::POST, "/", body.clone()).unwrap();
        let wait = Duration::from_mins(1);
        assert_eq!(request.read_body(5, wait).await.unwrap(), body);
        assert_eq!(request.read_body(5, wait).await.unwrap(), "");
        let mut request = Request::new(Method::POST, "/", body).unwrap();
        let error = request.read_body(4, wait).await.unwrap_err();
        assert!(matches!(error, BodyError::TooLong(4)), "{error}");
    }
}
