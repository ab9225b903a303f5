//! Ports of inputs that listen: given out in order, and seen to be free before anything starts.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket},
};

use super::Source;

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// An address that an input listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What carries the bytes.
    pub transport: Transport,
    /// Host, an IPv6 address without brackets.
    pub host: String,
    /// Port; `None` when one is to be given out.
    pub port: Option<u16>,
}

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("port {port} of {host} cannot be listened on: {source}")]
pub struct PortTaken {
    /// Position of the input.
    pub input: usize,
    /// The address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the system says.
    pub source: io::Error,
}

impl Claim {
    pub(super) fn of(transport: Transport, address: &str) -> Self {
        let (host, port) = split_address(address);
        Self {
            transport,
            host,
            port,
        }
    }

    /// Binds for a moment; returns the port that was bound.
    fn try_bind(&self) -> io::Result<u16> {
        let port = self.port.unwrap_or(0);
        let address = (self.host.as_str(), port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::other("the host has no address"))?;
        match self.transport {
            Transport::Tcp => TcpListener::bind(address)?.local_addr(),
            Transport::Udp => UdpSocket::bind(address)?.local_addr(),
        }
        .map(|bound: SocketAddr| bound.port())
    }
}

/// Splits `HOST[:PORT]`; port 0 is none. An IPv6 address stands in brackets.
pub(super) fn split_address(address: &str) -> (String, Option<u16>) {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (address, None),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'))
        .unwrap_or(host);
    (host.to_owned(), port.filter(|port| *port > 0))
}

fn joined(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(IpAddr::V6(_)) => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

/// Gives ports to the listening inputs that have none: `base`, `base + 1`, … in order, or free ones
/// when `base` is `None` or 0. Returns which input got which port.
pub fn assign_ports(
    sources: &mut [Source],
    base: Option<u16>,
) -> Result<Vec<(usize, u16)>, PortTaken> {
    let mut given = Vec::new();
    let mut next = base.filter(|base| *base > 0);
    for (input, source) in sources.iter_mut().enumerate() {
        let Some(claim) = source.claim().filter(|claim| claim.port.is_none()) else {
            continue;
        };
        let port = match next {
            Some(port) => {
                next = port.checked_add(1);
                port
            }
            None => claim.try_bind().map_err(|source| PortTaken {
                input,
                host: claim.host.clone(),
                port: 0,
                source,
            })?,
        };
        let address = joined(&claim.host, port);
        match source {
            Source::Srt(srt) => srt.address = address,
            Source::Udp(udp) => udp.address = address,
            Source::Rtp(rtp) => rtp.address = address,
            // RTMP has a port of its own.
            _ => continue,
        }
        given.push((input, port));
    }
    Ok(given)
}

/// Tries every port that is going to be listened on.
pub fn check_ports(sources: &[Source]) -> Result<(), PortTaken> {
    for (input, source) in sources.iter().enumerate() {
        let Some(claim) = source.claim() else {
            continue;
        };
        if let Err(source) = claim.try_bind() {
            return Err(PortTaken {
                input,
                host: claim.host.clone(),
                port: claim.port.unwrap_or(0),
                source,
            });
        }
    }
    Ok(())
}
