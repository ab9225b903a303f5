//! Web hooks: each event of a channel is posted to an address as one line of JSON.
//!
//! | header | what |
//! |---|---|
//! | `X-Headend-Event` | name of the event |
//! | `X-Headend-Signature` | `sha256=` and the HMAC-SHA-256 (RFC 2104) of the body in hex, when there is a key |
//!
//! Any status of 200 to 299 is a yes. What may be better another time is tried again after 1 s, 2 s, …,
//! give or take a fifth; then the event is given up and counted. The channel never waits: events
//! queue up ([`events::QUEUE`](crate::events::QUEUE)), the oldest give way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, header::CONTENT_TYPE};
use ring::hmac;
use store::backoff::Backoff;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::{
    events::{Event, Subscription, What},
    job,
    publish::{HttpError, PutError, backoff, http::judge},
};

/// How long one try may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Name of the header of a signature.
pub const SIGNATURE: &str = "x-headend-signature";

/// Name of the header of an event's name.
pub const EVENT: &str = "x-headend-event";

/// What became of the events of a web hook.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events that were told.
    pub told: AtomicU64,
    /// Events that were given up.
    pub failed: AtomicU64,
    /// Events that it was too slow for.
    pub lost: AtomicU64,
}

/// Tells one address.
pub struct Hook {
    client: Client,
    url: Url,
    key: Option<hmac::Key>,
    wanted: Vec<String>,
    tries: u32,
    counters: Arc<Counters>,
    backoff: Backoff,
    is_failing: bool,
}

impl Hook {
    /// Makes the hook of a job. Fails when its address is none.
    pub fn new(of: &job::Webhook, client: Client) -> Result<Self, HttpError> {
        let refused = || HttpError::Url(process::mask::text(&of.url));
        let url = Url::parse(&of.url).map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused());
        }
        let secret = of.secret.as_ref();
        let seed = of
            .url
            .bytes()
            .fold(7_u64, |seed, byte| seed.rotate_left(7) ^ u64::from(byte));
        Ok(Self {
            client,
            url,
            key: secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
            wanted: of.events.clone(),
            tries: of.tries,
            counters: Arc::default(),
            backoff: backoff(seed),
            is_failing: false,
        })
    }

    /// Returns its counters.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Tells events until the channel is over.
    pub async fn run(mut self, mut events: Subscription) {
        while let Some((event, lost)) = events.next().await {
            self.counters.lost.fetch_add(lost, Ordering::Relaxed);
            let name = event.what.name();
            if self.wanted.is_empty() || self.wanted.iter().any(|wanted| wanted == name) {
                self.tell(&event).await;
            }
            if matches!(event.what, What::Ended { .. }) {
                break;
            }
        }
    }

    async fn tell(&mut self, event: &Event) {
        let body = event.json_line();
        let mut attempt = 1;
        let error = loop {
            let sent = timeout(LIMIT, self.post(event, &body)).await;
            let late = || PutError {
                text: format!("no answer within {} s", LIMIT.as_secs()),
                is_passing: true,
            };
            let Err(error) = sent.unwrap_or_else(|_| Err(late())) else {
                self.counters.told.fetch_add(1, Ordering::Relaxed);
                self.is_failing = false;
                return;
            };
            if !error.is_passing || attempt >= self.tries {
                break error;
            }
            sleep(self.backoff.delay(attempt)).await;
            attempt += 1;
        };
        self.counters.failed.fetch_add(1, Ordering::Relaxed);
        if !std::mem::replace(&mut self.is_failing, true) {
            let hook = process::mask::text(self.url.as_str());
            tracing::warn!(channel = %event.channel, hook, "events are not told: {error}");
        }
    }

    async fn post(&self, event: &Event, body: &str) -> Result<(), PutError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(EVENT, event.what.name());
        if let Some(key) = &self.key {
            request = request.header(SIGNATURE, signature(key, body.as_bytes()));
        }
        judge(request.body(body.to_owned()).send().await)
    }
}

fn signature(key: &hmac::Key, body: &[u8]) -> String {
    let mut text = String::from("sha256=");
    for byte in hmac::sign(key, body).as_ref() {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_those_of_the_rfc() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        assert_eq!(
            signature(&key, b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
