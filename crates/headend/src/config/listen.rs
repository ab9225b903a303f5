//! A listening address: host and port.

use std::{borrow::Cow, fmt, net::Ipv6Addr, num::NonZeroU16, str::FromStr};

use serde::{Deserialize, Serialize};

/// A port from 1 to 65535, as a number or in digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PortForm")]
pub(crate) struct Port(pub(crate) NonZeroU16);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a port from 1 to 65535")]
enum PortForm {
    Number(i64),
    Text(String),
}

impl TryFrom<PortForm> for Port {
    type Error = String;

    fn try_from(form: PortForm) -> Result<Self, String> {
        let text = match form {
            PortForm::Number(number) => number.to_string(),
            PortForm::Text(text) => text,
        };
        let port = text.parse();
        port.map(Self)
            .map_err(|_| format!("`{text}` is no port from 1 to 65535"))
    }
}

impl schemars::JsonSchema for Port {
    fn schema_name() -> Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": 65535 },
                { "type": "string", "pattern": "^[0-9]{1,5}$" }
            ]
        })
    }
}

/// Where to listen. The host may be a name; it is resolved when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Listen {
    /// Address or name, an IPv6 address without brackets.
    pub(crate) host: String,
    /// Port; 0 lets the system choose a free one.
    pub(crate) port: u16,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            Err(format!(
                "`{text}` {what}; write ADDRESS:PORT, such as 127.0.0.1:8080"
            ))
        };
        let Some((host, port)) = text.rsplit_once(':') else {
            return wrong("has no port");
        };
        let Ok(port) = port.parse() else {
            return wrong("does not end in a port from 0 to 65535");
        };
        let host = if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            if inner.parse::<Ipv6Addr>().is_err() {
                return wrong("has no IPv6 address in its brackets");
            }
            inner
        } else {
            host
        };
        if host.is_empty() {
            return wrong("has no address before the port");
        }
        if host.contains(':') && host.parse::<Ipv6Addr>().is_err() {
            return wrong("has more than one port");
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl schemars::JsonSchema for Listen {
    fn schema_name() -> Cow<'static, str> {
        "Listen".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^.+:[0-9]{1,5}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_read_and_written() {
        for (text, host, port, written) in [
            ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"),
            ("localhost:0", "localhost", 0, "localhost:0"),
            ("[::1]:80", "::1", 80, "[::1]:80"),
            ("0.0.0.0:65535", "0.0.0.0", 65535, "0.0.0.0:65535"),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen.host.as_str(), listen.port), (host, port));
            assert_eq!(listen.to_string(), written);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("8080", "has no port"),
            (":8080", "has no address"),
            ("a:99999", "from 0 to 65535"),
            ("a:b:1", "more than one port"),
            ("[x]:1", "IPv6"),
        ] {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
