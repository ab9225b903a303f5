//! Short answers.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::Body;

/// An answer: status, header and a body of slices.
pub type Response = http::Response<Body>;

/// Content type of [`text`].
pub const TEXT: &str = "text/plain; charset=utf-8";

/// Makes an answer without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Makes an answer of some bytes.
///
/// # Panics
/// When `content_type` has characters that a header may not have; it is a constant of the program.
pub fn bytes(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(bytes.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Makes an answer of one sentence of plain text; a line end is added.
pub fn text(status: StatusCode, sentence: impl Into<String>) -> Response {
    let mut sentence = sentence.into();
    sentence.push('\n');
    bytes(status, TEXT, sentence)
}

/// Makes a redirect to `location`; a location that no header may carry becomes a 500.
pub fn redirect(status: StatusCode, location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut response = empty(status);
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(_) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The redirect has no valid target.",
        ),
    }
}
