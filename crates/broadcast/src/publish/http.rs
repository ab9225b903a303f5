//! A server as a target: objects are sent by PUT, and removed by DELETE.

use bytes::Bytes;
use reqwest::{
    Client, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use super::{Answer, Object, PutError, Target};

/// A place or headers that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not an address to send to.
    #[error("`{0}` is not an http or https URL")]
    Url(String),
    /// Not a header.
    #[error("`{0}` is not a header of HTTP")]
    Header(String),
}

/// Sends objects below a URL.
#[derive(Clone)]
pub struct HttpPut {
    client: Client,
    base: Url,
    headers: HeaderMap,
}

impl HttpPut {
    /// Makes a target. `headers` go with every request; user and password in the URL are sent as
    /// HTTP does, and never shown.
    pub fn new<'h>(
        client: Client,
        base: &str,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Result<Self, HttpError> {
        let refused = || HttpError::Url(process::mask::text(base));
        let mut url = Url::parse(base).map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let mut made = HeaderMap::new();
        for (name, value) in headers {
            let header = HeaderName::from_bytes(name.as_bytes()).ok();
            let content = HeaderValue::from_str(value).ok();
            let (Some(header), Some(mut content)) = (header, content) else {
                return Err(HttpError::Header(name.to_owned()));
            };
            content.set_sensitive(true);
            made.insert(header, content);
        }
        Ok(Self {
            client,
            base: url,
            headers: made,
        })
    }

    /// Returns the URL of an object. Its path is joined piece by piece, so that nothing in it is
    /// taken for a scheme or a query.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }
}

impl Target for HttpPut {
    fn name(&self) -> String {
        process::mask::text(self.base.as_str())
    }

    fn put<'a>(&'a self, object: &'a Object) -> Answer<'a> {
        Box::pin(async move {
            let body = match object.slices.as_slice() {
                [one] => one.clone(),
                many => Bytes::from(many.concat()),
            };
            let kept = if object.changes {
                "max-age=1"
            } else {
                "public, max-age=31536000, immutable"
            };
            let request = self.client.put(self.url(&object.path));
            let sent = request
                .headers(self.headers.clone())
                .header(CONTENT_TYPE, object.content_type)
                .header(CACHE_CONTROL, kept)
                .body(body)
                .send();
            judge(sent.await)
        })
    }

    fn remove<'a>(&'a self, path: &'a str) -> Answer<'a> {
        Box::pin(async move {
            let request = self.client.delete(self.url(path));
            match request.headers(self.headers.clone()).send().await {
                Ok(response) if response.status() == StatusCode::NOT_FOUND => Ok(()),
                other => judge(other),
            }
        })
    }
}

/// Tells whether a request did what it should, and whether another would.
pub(crate) fn judge(sent: Result<Response, reqwest::Error>) -> Result<(), PutError> {
    let response = sent.map_err(|error| {
        // The innermost cause says what happened; the URL is known and may hold secrets.
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        PutError {
            text: cause.to_string(),
            is_passing: true,
        }
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    Err(PutError {
        text: format!("the server says {status}"),
        is_passing: status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
            ),
    })
}
