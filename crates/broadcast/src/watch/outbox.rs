//! Requests on their way, and what each is for.

use std::{collections::HashMap, ops::Range, time::Duration};

use url::Url;

use super::{
    dash,
    exchange::{Method, Request},
    hls,
};

/// How long an answer may take that nobody holds back.
const PLAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// Whatever the source is.
    Root,
    Hls(hls::Purpose),
    Dash(dash::Purpose),
}

/// Collects requests and remembers what they are for.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    next: u64,
    requests: Vec<Request>,
    /// What each request is for, and whether its answer may be held back.
    pending: HashMap<u64, (Purpose, bool)>,
}

impl Outbox {
    /// Asks for a whole.
    pub(crate) fn get(&mut self, url: Url, purpose: Purpose) {
        self.push(url, Method::Get, None, purpose, None);
    }

    /// Asks for some bytes.
    pub(crate) fn get_range(&mut self, url: Url, range: Option<Range<u64>>, purpose: Purpose) {
        self.push(url, Method::Get, range, purpose, None);
    }

    /// Asks whether something is there.
    pub(crate) fn head(&mut self, url: Url, purpose: Purpose) {
        self.push(url, Method::Head, None, purpose, None);
    }

    /// Asks for what the server may hold back for so long.
    pub(crate) fn wait_for(&mut self, url: Url, purpose: Purpose, longest: Duration) {
        let timeout = longest.saturating_add(PLAIN_TIMEOUT);
        self.push(url, Method::Get, None, purpose, Some(timeout));
    }

    fn push(
        &mut self,
        url: Url,
        method: Method,
        range: Option<Range<u64>>,
        purpose: Purpose,
        waits: Option<Duration>,
    ) {
        let id = self.next;
        self.next += 1;
        self.pending.insert(id, (purpose, waits.is_some()));
        self.requests.push(Request {
            id,
            url,
            method,
            range,
            timeout: waits.unwrap_or(PLAIN_TIMEOUT),
            waits: waits.is_some(),
        });
    }

    /// Takes the requests to be made.
    pub(crate) fn take(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// Returns what a request was for, once.
    pub(crate) fn settle(&mut self, id: u64) -> Option<Purpose> {
        self.pending.remove(&id).map(|(purpose, _)| purpose)
    }

    /// Tells whether nothing is on the way, but for what may be held back.
    pub(crate) fn is_quiet(&self) -> bool {
        self.pending.values().all(|(_, waits)| *waits)
    }
}
