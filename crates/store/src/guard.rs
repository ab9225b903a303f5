//! Which hosts may be reached on behalf of somebody else.
//!
//! Whoever may name a URL to a server makes that server ask for it, from where the server stands:
//! inside the network, next to databases and the cloud's metadata service. A [`Guard`] lets through
//! what is on the public Internet, and what the configuration names. Names are judged by the
//! addresses that are then connected to, not by a look beforehand, and on each redirect anew.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _},
    str::FromStr,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What may be reached.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// None lets everything through.
    allowed: Option<Arc<[Allowed]>>,
}

/// A host or network that may be reached although it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A name, in lower case, with all of its addresses.
    Host(String),
    /// All addresses whose first `prefix` bits are those of `address`.
    Network {
        /// Any address of the network.
        address: IpAddr,
        /// How many bits count.
        prefix: u8,
    },
}

/// A host that may not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// All of its addresses are private.
    #[error("`{host}` is at {address}, which is not on the public Internet and not allowed")]
    Private {
        /// The host as asked for.
        host: String,
        /// One of its addresses.
        address: IpAddr,
    },
    /// It has no address.
    #[error("`{host}` cannot be found: {reason}")]
    Unknown {
        /// The host as asked for.
        host: String,
        /// What the resolver says.
        reason: String,
    },
}

impl Guard {
    /// Lets everything through: for what the user of this machine asks for himself.
    pub fn open() -> Self {
        Self::default()
    }

    /// Lets through public addresses, and what is allowed besides.
    pub fn public(allowed: impl IntoIterator<Item = Allowed>) -> Self {
        Self {
            allowed: Some(allowed.into_iter().collect()),
        }
    }

    /// Tells whether everything is let through.
    pub fn is_open(&self) -> bool {
        self.allowed.is_none()
    }

    /// Judges an address under which a host would be reached.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let Some(allowed) = &self.allowed else {
            return Ok(());
        };
        if is_public(address) || allowed.iter().any(|rule| rule.has(host, address)) {
            return Ok(());
        }
        Err(Refused::Private {
            host: host.to_owned(),
            address,
        })
    }

    /// Finds the addresses under which a host may be reached. Blocks.
    pub fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refused> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let unknown = |reason: String| Refused::Unknown {
            host: host.to_owned(),
            reason,
        };
        let found = (bare, port)
            .to_socket_addrs()
            .map_err(|error| unknown(error.to_string()))?;
        let mut refused = unknown("it has no address".to_owned());
        let mut open = Vec::new();
        for address in found {
            match self.check(bare, address.ip()) {
                Ok(()) => open.push(address),
                Err(error) => refused = error,
            }
        }
        if open.is_empty() {
            return Err(refused);
        }
        Ok(open)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::task::spawn_blocking(move || guard.resolve(&host, 0)).await??;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

impl Allowed {
    fn has(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Host(name) => host.eq_ignore_ascii_case(name),
            Self::Network {
                address: network,
                prefix,
            } => match (network, address) {
                (IpAddr::V4(network), IpAddr::V4(address)) => {
                    let bits = 32_u32.saturating_sub(u32::from(*prefix));
                    let mask = u32::MAX.checked_shl(bits).unwrap_or(0);
                    network.to_bits() & mask == address.to_bits() & mask
                }
                (IpAddr::V6(network), IpAddr::V6(address)) => {
                    let bits = 128_u32.saturating_sub(u32::from(*prefix));
                    let mask = u128::MAX.checked_shl(bits).unwrap_or(0);
                    network.to_bits() & mask == address.to_bits() & mask
                }
                _ => false,
            },
        }
    }
}

impl FromStr for Allowed {
    type Err = String;

    /// Reads a host name, an address, or a network such as `10.1.0.0/16`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let wrong = || format!("`{text}` is neither a host nor a network such as `10.1.0.0/16`");
        match (address.parse::<IpAddr>(), prefix) {
            (Ok(address), prefix) => {
                let most = if address.is_ipv4() { 32 } else { 128 };
                let prefix =
                    prefix.map_or(Ok(most), |prefix| prefix.parse().map_err(|_| wrong()))?;
                if prefix > most {
                    return Err(wrong());
                }
                Ok(Self::Network { address, prefix })
            }
            (Err(_), None) if is_host_name(text) => Ok(Self::Host(text.to_ascii_lowercase())),
            (Err(_), _) => Err(wrong()),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Network { address, prefix } => write!(f, "{address}/{prefix}"),
        }
    }
}

fn is_host_name(text: &str) -> bool {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(byte)
}

/// Tells whether an address is on the public Internet: none of the special-purpose blocks of IANA
/// (RFC 6890), and no form of IPv6 that stands for such a block of IPv4.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    /// First address and prefix of each special block.
    const SPECIAL: &[([u8; 4], u32)] = &[
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        // Multicast, reserved, broadcast.
        ([224, 0, 0, 0], 3),
    ];
    let bits = address.to_bits();
    SPECIAL.iter().all(|(first, prefix)| {
        let mask = u32::MAX << (32 - prefix);
        bits & mask != u32::from_be_bytes(*first)
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let embedded = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from_bits(
            (u32::from(high) << 16) | u32::from(low),
        ))
    };
    match s {
        // Translated by NAT64 (RFC 6052), and by 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and other protocol assignments; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is all that is left; this leaves out loopback, mapped, local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_in_all_their_forms() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
            "2002:808:808::",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_let_through() {
        let allow = |texts: &[&str]| Guard::public(texts.iter().map(|text| text.parse().unwrap()));
        let check = |guard: &Guard, host: &str, address: &str| {
            guard.check(host, address.parse().unwrap()).is_ok()
        };
        let none = allow(&[]);
        assert!(check(&none, "x", "8.8.8.8") && !check(&none, "x", "10.0.0.1"));
        assert!(check(&Guard::open(), "x", "127.0.0.1"));
        let some = allow(&["10.1.0.0/16", "fd00::/8", "192.168.0.7", "Store.internal"]);
        assert!(check(&some, "x", "10.1.255.1") && !check(&some, "x", "10.2.0.1"));
        assert!(check(&some, "x", "fd12::1") && !check(&some, "x", "fe80::1"));
        assert!(check(&some, "x", "192.168.0.7") && !check(&some, "x", "192.168.0.8"));
        assert!(check(&some, "store.INTERNAL", "127.0.0.1") && !check(&some, "s", "127.0.0.1"));
        assert!(check(&allow(&["0.0.0.0/0"]), "x", "127.0.0.1"));

        for wrong in ["", "a b", "10.0.0.0/33", "10.0.0.0/x", "host/8", "http://h"] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
        assert_eq!(
            "10.1.0.0/16".parse::<Allowed>().unwrap().to_string(),
            "10.1.0.0/16"
        );
    }

    #[test]
    fn names_are_judged_by_their_addresses() {
        let guard = Guard::public([]);
        for host in ["localhost", "127.0.0.1", "[::1]", "0"] {
            let refused = guard.resolve(host, 80).unwrap_err();
            assert!(
                matches!(refused, Refused::Private { .. }),
                "{host}: {refused}"
            );
        }
        assert!(!Guard::open().resolve("localhost", 80).unwrap().is_empty());
        let unknown = Guard::open()
            .resolve("no.such.host.invalid", 80)
            .unwrap_err();
        assert!(matches!(unknown, Refused::Unknown { .. }), "{unknown}");
    }
}
