//! What a follower asks for and what it is told: requests and replies as plain values, so that
//! followers need no network and no clock.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use url::Url;

/// How a URL is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The whole.
    Get,
    /// Only status and headers.
    Head,
}

/// A request that a follower wants made at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the [`Reply`]; unique in a follower.
    pub id: u64,
    /// `http`, `https` or `file`.
    pub url: Url,
    /// How.
    pub method: Method,
    /// The bytes wanted, end excluded; everything when absent.
    pub range: Option<Range<u64>>,
    /// How long the whole answer may take.
    pub timeout: Duration,
    /// Whether the server holds the answer back until there is news. Such a request must not keep
    /// others waiting.
    pub waits: bool,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request.
    pub id: u64,
    /// When it was sent, Unix ms.
    pub started: i64,
    /// From sending to the headers of the answer.
    pub first_byte: Duration,
    /// From sending to the end of the answer.
    pub total: Duration,
    /// The answer, whatever its status, or why there is none.
    pub result: Result<Answer, String>,
}

impl Reply {
    /// Returns when the answer ended, Unix ms.
    pub fn finished(&self) -> i64 {
        let total = i64::try_from(self.total.as_millis()).unwrap_or(i64::MAX);
        self.started.saturating_add(total)
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; 200 for files that can be read.
    pub status: u16,
    /// The headers; none for files.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// Whether it came over HTTP, so that headers can be expected.
    pub is_http: bool,
}

impl Answer {
    /// Tells whether the status is 200 or 206.
    pub fn is_ok(&self) -> bool {
        matches!(self.status, 200 | 206)
    }
}

/// Headers in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// Returns the first value of a header; case does not matter in its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
