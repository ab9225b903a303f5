//! Entities: bytes with an identity, answered as RFC 9110 has it.
//!
//! [`Entity::answer`] decides between 200, 206 (one range, or `multipart/byteranges`), 304, 412
//! and 416. Slices are sub-sliced, never copied. Policy for several ranges: touching and
//! overlapping ones are merged, more than [`range::MAX_RANGES`] make the whole entity the answer,
//! so an answer is never longer than the entity and the heads of sixteen parts.

mod condition;
mod etag;
mod multipart;
pub mod range;

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{Body, Response, reply};
use condition::Verdict;
pub use etag::ETag;
use range::Ranges;

const BYTES: HeaderValue = HeaderValue::from_static("bytes");

/// What is at a URL.
#[derive(Clone, Debug)]
pub struct Entity {
    /// The bytes, in order.
    pub slices: Vec<Bytes>,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
    /// Identity of the bytes.
    pub etag: Option<ETag>,
    /// `Last-Modified` in seconds since the Unix epoch.
    pub last_modified: Option<u64>,
}

impl Entity {
    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.slices.iter().map(|slice| slice.len() as u64).sum()
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers `GET` or `HEAD`; the answer to `HEAD` has the body too, which the server takes off.
    /// `Range` counts for `GET` only (RFC 9110, 14.2).
    ///
    /// # Panics
    /// When `content_type` or `cache_control` have characters that a header may not have.
    pub fn answer(self, method: &Method, headers: &HeaderMap) -> Response {
        let verdict = condition::judge(headers, self.etag.as_ref(), self.last_modified);
        match verdict {
            Verdict::Proceed => {}
            Verdict::NotModified => return self.head(StatusCode::NOT_MODIFIED),
            Verdict::Failed => {
                let mut response = reply::text(
                    StatusCode::PRECONDITION_FAILED,
                    "The condition of the request does not hold.",
                );
                self.validators(response.headers_mut());
                return response;
            }
        }
        let len = self.len();
        match self.wanted(method, headers, len) {
            Ranges::Whole => self.whole(),
            Ranges::Some(ranges) => match ranges.as_slice() {
                [range] => self.single(range.clone(), len),
                _ => self.several(&ranges, len),
            },
            Ranges::Unsatisfiable => unsatisfiable(len),
        }
    }

    fn wanted(&self, method: &Method, headers: &HeaderMap, len: u64) -> Ranges {
        let Some(range) = headers.get(header::RANGE) else {
            return Ranges::Whole;
        };
        if *method != Method::GET
            || !condition::if_range_holds(headers, self.etag.as_ref(), self.last_modified)
        {
            return Ranges::Whole;
        }
        range
            .to_str()
            .map_or(Ranges::Whole, |text| range::parse(text, len))
    }

    fn whole(self) -> Response {
        let mut response = self.head(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(header::ACCEPT_RANGES, BYTES);
        *response.body_mut() = Body::slices(self.slices);
        response
    }

    fn single(self, range: Range<u64>, len: u64) -> Response {
        let mut response = self.head(StatusCode::PARTIAL_CONTENT);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(header::ACCEPT_RANGES, BYTES);
        headers.insert(header::CONTENT_RANGE, ascii(&content_range(&range, len)));
        *response.body_mut() = Body::slices(cut(&self.slices, &range));
        response
    }

    fn several(self, ranges: &[Range<u64>], len: u64) -> Response {
        let mut response = self.head(StatusCode::PARTIAL_CONTENT);
        let parts = multipart::build(&self.slices, self.content_type, ranges, len);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(multipart::CONTENT_TYPE),
        );
        headers.insert(header::ACCEPT_RANGES, BYTES);
        *response.body_mut() = Body::slices(parts);
        response
    }

    /// Makes an answer with the fields that 200, 206 and 304 share (RFC 9110, 15.4.5).
    fn head(&self, status: StatusCode) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.reserve(12);
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(self.cache_control),
        );
        self.validators(headers);
        response
    }

    fn validators(&self, headers: &mut HeaderMap) {
        if let Some(etag) = &self.etag {
            headers.insert(header::ETAG, etag.value().clone());
        }
        if let Some(seconds) = self.last_modified {
            headers.insert(header::LAST_MODIFIED, ascii(&condition::http_date(seconds)));
        }
    }
}

fn unsatisfiable(len: u64) -> Response {
    let mut response = reply::text(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("No range of the request lies within the {len} bytes that there are."),
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_RANGE, ascii(&format!("bytes */{len}")));
    headers.insert(header::ACCEPT_RANGES, BYTES);
    response
}

/// Returns the slices of `range`, which lies within them, sharing their bytes.
fn cut(slices: &[Bytes], range: &Range<u64>) -> Vec<Bytes> {
    let mut parts = Vec::with_capacity(slices.len());
    let mut start = 0;
    for slice in slices {
        let end = start + slice.len() as u64;
        let from = range.start.clamp(start, end) - start;
        let to = range.end.clamp(start, end) - start;
        if from < to {
            parts.push(slice.slice(from as usize..to as usize));
        }
        start = end;
    }
    parts
}

fn content_range(range: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end - 1)
}

/// Makes a header value of digits, letters and ASCII punctuation.
fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("our own formats are printable ASCII")
}

#[cfg(test)]
mod tests;
