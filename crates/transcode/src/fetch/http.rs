//! HTTP and HTTPS (RFC 9110): ranges, conditions on them, redirects.
//!
//! A broken download goes on by `Range` with `If-Range`, so a server whose content has changed sends
//! all of it. Where nothing tells versions apart, the request begins 64 KiB before the end of what
//! is stored, and the bytes must be the same. Redirects are followed here, one by one: each target
//! is judged by the policy, and headers of the user stay with the host they were given for.

use std::{
    future::Future,
    net::IpAddr,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Proxy, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap,
        HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE, RETRY_AFTER,
    },
    redirect,
};
use store::{
    guard::{Guard, Refused},
    http,
};
use tokio::runtime::{self, Runtime};
use url::{Host, Url};

use super::{
    Error, Identity, Options, Policy,
    remote::{Fault, Receiver, Remote},
};

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 10;
/// Bytes that are read again where nothing tells versions apart.
const OVERLAP: u64 = 64 << 10;
/// How often a stop is looked for while nothing arrives.
const TICK: Duration = Duration::from_millis(50);

/// A source at a URL.
pub(super) struct Http {
    /// With user and password, if there are any; the client makes a header of them.
    url: Url,
    headers: HeaderMap,
    client: Client,
    runtime: Runtime,
    policy: Policy,
    read_timeout: Duration,
    place: String,
}

impl Http {
    pub(super) fn new(url: &Url, options: &Options) -> Result<Self, Error> {
        let place = process::mask::text(url.as_str());
        let unusable = |reason: String| Error::Input {
            place: place.clone(),
            reason,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).ok();
            let content = HeaderValue::from_str(value).ok();
            let (Some(header), Some(mut content)) = (header, content) else {
                return Err(unusable(format!("`{name}` is not a header of HTTP")));
            };
            content.set_sensitive(true);
            headers.append(header, content);
        }
        let guard = options.policy.guard.clone();
        let mut builder = http::builder(options.extra_roots.as_deref())
            .map_err(|error| unusable(error.to_string()))?
            .redirect(redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .http1_only();
        if let Some(proxy) = &options.proxy {
            let proxy =
                Proxy::all(proxy).map_err(|_| unusable("the proxy is no URL".to_owned()))?;
            builder = builder.proxy(proxy);
        } else if !guard.is_open() {
            // A proxy would look up names itself.
            builder = builder.no_proxy();
        }
        let client = http::build(builder.dns_resolver(guard))
            .map_err(|error| unusable(error.to_string()))?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            url: url.clone(),
            headers,
            client,
            runtime,
            policy: options.policy.clone(),
            read_timeout: options.read_timeout,
            place,
        })
    }

    /// Sends a request, and again to where redirects lead.
    async fn send(&self, extra: &HeaderMap, into: &dyn Receiver) -> Result<Response, Fault> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.check_host(&url)?;
            let mut headers = extra.clone();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            if url.origin() == self.url.origin() {
                headers.extend(self.headers.clone());
            }
            let sending = self.client.get(url.clone()).headers(headers).send();
            let response = match self.watch(sending, into).await? {
                Ok(response) => response,
                Err(error) => return Err(self.unsent(&error)),
            };
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED
            {
                return Ok(response);
            }
            let mut target = text(response.headers(), &LOCATION)
                .and_then(|location| url.join(&location).ok())
                .ok_or_else(|| self.unreadable("it redirects to nowhere".to_owned()))?;
            if !self.policy.allows_scheme(target.scheme()) {
                let reason = format!("it redirects to `{}`", process::mask::text(target.as_str()));
                return Err(self.refused(reason));
            }
            if target.origin() == self.url.origin() && target.username().is_empty() {
                // Fails only for URLs that cannot have any.
                let _ = target.set_username(self.url.username());
                let _ = target.set_password(self.url.password());
            }
            url = target;
        }
        Err(self.unreadable("it redirects too often".to_owned()))
    }

    /// Judges a host that is written as an address; names are judged when they are looked up.
    fn check_host(&self, url: &Url) -> Result<(), Fault> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(self.unreadable("the host is missing".to_owned())),
        };
        let guard: &Guard = &self.policy.guard;
        guard
            .check(url.host_str().unwrap_or_default(), address)
            .map_err(|refused| self.refused(refused.to_string()))
    }

    /// Waits for something, as long as nothing may arrive and nobody stops it.
    async fn watch<T>(
        &self,
        work: impl Future<Output = T>,
        into: &dyn Receiver,
    ) -> Result<T, Fault> {
        let began = Instant::now();
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(TICK, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) if into.is_stopped() => return Err(Error::Stopped.into()),
                Err(_) if began.elapsed() > self.read_timeout => {
                    let seconds = self.read_timeout.as_secs();
                    return Err(Fault::passing(format!("nothing arrived for {seconds} s")));
                }
                Err(_) => {}
            }
        }
    }

    fn refused(&self, reason: String) -> Fault {
        Fault::Final(Error::Refused {
            place: self.place.clone(),
            reason,
        })
    }

    fn unreadable(&self, reason: String) -> Fault {
        Fault::Final(Error::Unreadable {
            place: self.place.clone(),
            reason,
        })
    }

    fn unsent(&self, error: &reqwest::Error) -> Fault {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(this) = cause {
            if let Some(Refused::Private { .. }) = this.downcast_ref::<Refused>() {
                return self.refused(this.to_string());
            }
            cause = this.source();
        }
        Fault::passing(http::describe(error))
    }

    /// Reads a status that is neither 200 nor 206.
    fn judge(&self, response: &Response) -> Fault {
        let status = response.status();
        let reason = format!("the server says {status}");
        let passing = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
            );
        if passing {
            let after_s = text(response.headers(), &RETRY_AFTER).and_then(|text| text.parse().ok());
            Fault::Passing { reason, after_s }
        } else {
            self.unreadable(reason)
        }
    }

    async fn receive(
        &self,
        from: u64,
        known: Option<&Identity>,
        into: &mut dyn Receiver,
    ) -> Result<(), Fault> {
        let validator = known.and_then(validator);
        let from = if validator.is_some() {
            from
        } else {
            from.saturating_sub(OVERLAP)
        };
        let mut headers = HeaderMap::new();
        if from > 0 {
            headers.insert(RANGE, header(&format!("bytes={from}-")));
            if let Some(validator) = validator {
                headers.insert(IF_RANGE, header(validator));
            }
        }
        let response = self.send(&headers, into).await?;
        let encoding = text(response.headers(), &CONTENT_ENCODING);
        if let Some(encoding) = encoding.filter(|encoding| encoding != "identity") {
            return Err(self.unreadable(format!("the server sends it encoded as `{encoding}`")));
        }
        let identity = identity(&response);
        match response.status() {
            StatusCode::OK => into.begin(identity, 0)?,
            StatusCode::PARTIAL_CONTENT => {
                let first = content_range(&response).and_then(|range| range.first);
                match first {
                    Some(first) if first <= from => into.begin(identity, first)?,
                    _ => return Err(Fault::passing("the server sends another range")),
                }
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                // There is nothing behind what is stored: it was all, or it is another one now.
                let whole = content_range(&response).and_then(|range| range.whole);
                return match whole {
                    Some(whole) if whole == from => into.begin(identity, from),
                    _ => Err(Fault::Changed),
                };
            }
            _ => return Err(self.judge(&response)),
        }
        self.pieces(response, into).await
    }

    async fn pieces(&self, mut response: Response, into: &mut dyn Receiver) -> Result<(), Fault> {
        loop {
            let next = self.watch(response.chunk(), into).await?;
            match next {
                Ok(Some(piece)) => into.piece(&piece)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Fault::passing(http::describe(&error))),
            }
        }
    }
}

impl Remote for Http {
    fn identify(&mut self, into: &mut dyn Receiver) -> Result<Identity, Fault> {
        // Not HEAD: signed URLs are for one method, and some servers know but GET.
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        self.runtime.block_on(async {
            let response = self.send(&headers, into).await?;
            match response.status() {
                // Of an empty file no byte can be asked for (416).
                StatusCode::OK
                | StatusCode::PARTIAL_CONTENT
                | StatusCode::RANGE_NOT_SATISFIABLE => Ok(identity(&response)),
                _ => Err(self.judge(&response)),
            }
        })
    }

    fn read(
        &mut self,
        from: u64,
        known: Option<&Identity>,
        into: &mut dyn Receiver,
    ) -> Result<(), Fault> {
        self.runtime.block_on(self.receive(from, known, into))
    }
}

/// Returns what a condition on a range can be made of (RFC 9110, 13.1.5).
fn validator(identity: &Identity) -> Option<&str> {
    identity.tag.as_deref().or(identity.modified.as_deref())
}

fn identity(response: &Response) -> Identity {
    let headers = response.headers();
    let bytes = match response.status() {
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            content_range(response).and_then(|range| range.whole)
        }
        _ => text(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok()),
    };
    Identity {
        bytes,
        // A weak tag does not promise equal bytes (RFC 9110, 8.8.1).
        tag: text(headers, &ETAG).filter(|tag| tag.starts_with('"')),
        modified: text(headers, &LAST_MODIFIED),
    }
}

/// `Content-Range` (RFC 9110, 14.4).
struct ContentRange {
    first: Option<u64>,
    whole: Option<u64>,
}

fn content_range(response: &Response) -> Option<ContentRange> {
    let text = text(response.headers(), &CONTENT_RANGE)?;
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some(ContentRange {
        first: range
            .split_once('-')
            .and_then(|(first, _)| first.trim().parse().ok()),
        whole: whole.trim().parse().ok(),
    })
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim().to_owned())
}

/// Makes a header of what a server sent or of digits.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
