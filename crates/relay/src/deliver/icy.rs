//! The name of a stream among its bytes, as SHOUTcast and Icecast send it to players that ask.
//!
//! After every [`EVERY`] bytes comes a byte that says how long what is said is, in units of 16, and that,
//! filled up with zeros. It is said once; later there is nothing new.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Terms;

const EVERY: usize = 16_000;
/// What the length byte can say at most.
const MOST: usize = 255 * 16;
const NOTHING: &[u8] = &[0];

#[derive(Debug)]
pub(super) struct Icy {
    name: String,
    /// Bytes until something is said.
    left: usize,
    /// What will be said next.
    next: Bytes,
}

impl Icy {
    /// Makes one for a player that asks, where players expect it.
    pub(super) fn offered(request: &HeaderMap, terms: &Terms) -> Option<Self> {
        let asked = request.get("icy-metadata")?.as_bytes().trim_ascii() == b"1";
        let content_type = terms.content_type.to_str().ok()?.split(';').next()?.trim();
        let is_known = ["audio/mpeg", "audio/aac", "audio/aacp"]
            .iter()
            .any(|known| content_type.eq_ignore_ascii_case(known));
        (asked && is_known).then(|| Self {
            name: terms.name.clone(),
            left: EVERY,
            next: said(&terms.name),
        })
    }

    pub(super) fn head(&self, headers: &mut HeaderMap) {
        let every = HeaderValue::from(EVERY);
        headers.insert(HeaderName::from_static("icy-metaint"), every);
        if let Ok(name) = HeaderValue::try_from(self.name.as_str()) {
            headers.insert(HeaderName::from_static("icy-name"), name);
        }
    }

    /// Returns what is to be said now.
    pub(super) fn due(&mut self) -> Option<Bytes> {
        (self.left == 0).then(|| {
            self.left = EVERY;
            std::mem::replace(&mut self.next, Bytes::from_static(NOTHING))
        })
    }

    /// Returns how many of `len` bytes pass before something is said.
    pub(super) fn pass(&mut self, len: usize) -> usize {
        let passed = len.min(self.left);
        self.left -= passed;
        passed
    }
}

/// Frames a title. An apostrophe would end it.
fn said(name: &str) -> Bytes {
    let mut text = format!("StreamTitle='{}';", name.replace('\'', "’")).into_bytes();
    text.truncate(MOST);
    let units = text.len().div_ceil(16);
    let mut framed = BytesMut::with_capacity(1 + units * 16);
    framed.extend_from_slice(&[units as u8]);
    framed.extend_from_slice(&text);
    framed.resize(1 + units * 16, 0);
    framed.freeze()
}
