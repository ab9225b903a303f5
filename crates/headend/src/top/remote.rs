//! Asks a running server for its state.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context as _, bail};
use broadcast::watch::{Fetch as _, HttpFetch, Method, Request};
use serde::de::DeserializeOwned;
use url::Url;

use super::Sample;

/// An answer may take so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Address of a server: `http://HOST:PORT`, or `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        match full.parse::<Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Self(url)),
            _ => Err(format!("`{text}` is no address; write http://HOST:PORT")),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port_or_known_default() {
            Some(port) => write!(f, "{host}:{port}"),
            None => f.write_str(host),
        }
    }
}

/// A server that can be asked. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    address: Address,
    fetch: HttpFetch,
}

impl Remote {
    /// Makes ready to ask; nothing is sent yet.
    pub(crate) fn new(address: Address) -> anyhow::Result<Self> {
        let certificates = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        Ok(Self {
            address,
            fetch: HttpFetch::new(certificates)?,
        })
    }

    /// Returns the address.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Asks for all that `top` shows.
    pub(crate) async fn sample(&self) -> anyhow::Result<Sample> {
        Ok(Sample {
            server: self.get("/stat.json").await?,
            channels: self.get("/api/v1/channels").await?,
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let url = self.address.0.join(path)?;
        let asked = || format!("cannot read {url}");
        let request = Request {
            id: 0,
            url: url.clone(),
            method: Method::Get,
            range: None,
            timeout: PATIENCE,
            waits: false,
        };
        let fetched = self.fetch.fetch(request).await;
        let answer = fetched
            .result
            .map_err(anyhow::Error::msg)
            .with_context(asked)?;
        if !answer.is_ok() {
            bail!("{}: the answer is {}", asked(), answer.status);
        }
        serde_json::from_slice(&answer.body)
            .with_context(|| format!("{url} is not that of a headend"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, shown) in [
            ("127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("http://tv.example/", Some("tv.example:80")),
            ("https://tv.example", Some("tv.example:443")),
            ("http://[::1]:9000", Some("[::1]:9000")),
            ("localhost:1/x", Some("localhost:1")),
            ("unix:///run/x", None),
            ("", None),
            ("http://", None),
        ] {
            let address = text.parse::<Address>().ok();
            let found = address.map(|address| address.to_string());
            assert_eq!(found.as_deref(), shown, "{text}");
        }
    }
}
