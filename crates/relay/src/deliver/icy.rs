//! What plays among the bytes of it, as SHOUTcast and Icecast send it to players that ask.
//!
//! After every [`EVERY`] bytes comes a byte that says how long what is said is, in units of 16, and that,
//! filled up with zeros. A title is said once, the name of the stream while there is none; as long as
//! there is nothing new, the byte is 0.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Terms;

const EVERY: usize = 16_000;
/// What the length byte can say at most.
const MOST: usize = 255 * 16;
const NOTHING: &[u8] = &[0];
const BEFORE: &str = "StreamTitle='";
const BEHIND: &str = "';";

/// What plays now, as somebody says who knows. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Title(Arc<ArcSwapOption<String>>);

impl Title {
    /// Changes it; an empty text is none. Players are told as much as fits between the bytes.
    pub fn set(&self, text: &str) {
        let text: String = text.chars().filter(|it| !it.is_control()).collect();
        let text = text.trim().to_owned();
        self.0.store((!text.is_empty()).then(|| Arc::new(text)));
    }

    /// Returns it.
    pub fn get(&self) -> Option<Arc<String>> {
        self.0.load_full()
    }
}

#[derive(Debug)]
pub(super) struct Icy {
    name: String,
    title: Title,
    /// Bytes until something is said.
    left: usize,
    /// What was said last.
    said: Option<Bytes>,
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
            title: terms.title.clone(),
            left: EVERY,
            said: None,
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
            let title = self.title.get();
            let next = framed(title.as_deref().unwrap_or(&self.name));
            if self.said.as_ref() == Some(&next) {
                return Bytes::from_static(NOTHING);
            }
            self.said = Some(next.clone());
            next
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
fn framed(title: &str) -> Bytes {
    let title = title.replace('\'', "’");
    let most = title.floor_char_boundary(MOST - BEFORE.len() - BEHIND.len());
    let text = [BEFORE, &title[..most], BEHIND].concat();
    let units = text.len().div_ceil(16);
    let mut framed = BytesMut::with_capacity(1 + units * 16);
    framed.extend_from_slice(&[units as u8]);
    framed.extend_from_slice(text.as_bytes());
    framed.resize(1 + units * 16, 0);
    framed.freeze()
}
