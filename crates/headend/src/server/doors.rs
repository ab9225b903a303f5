//! Where the server is reached: by clients, and by the commands that it runs itself.

use std::{
    net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context as _;
use serve::{Server, Tls};
use tokio::net::TcpListener;

use crate::{config::Settings, service};

/// What the server listens on.
pub(super) struct Doors {
    /// Where clients come, the first address of several.
    pub(super) address: SocketAddr,
    /// What they speak, when it is not plain HTTP.
    pub(super) tls: Option<Arc<Tls>>,
    /// Where programs of this machine reach us over plain HTTP. With TLS that is a port of its own, since
    /// the certificate is for the name that clients know, and commands would have to trust it.
    pub(super) inside: SocketAddr,
}

/// Sockets for clients, on which connections wait until they are accepted.
pub(super) struct Sockets {
    /// At least one.
    listeners: Vec<net::TcpListener>,
    /// Whether the service manager holds them.
    are_held: bool,
}

impl Sockets {
    /// Takes those that the service manager holds for us, else makes one where the settings say.
    pub(super) fn take(settings: &Settings) -> anyhow::Result<Self> {
        let held = service::take_listeners()?;
        let are_held = !held.is_empty();
        Ok(Self {
            listeners: if are_held {
                held
            } else {
                vec![serve::listen_early(&settings.listen.to_string())?]
            },
            are_held,
        })
    }
}

impl Doors {
    /// Accepts connections of clients from the sockets.
    pub(super) async fn open(
        server: &mut Server,
        sockets: Sockets,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let tls = match &settings.tls {
            Some(files) => Some(Arc::new(files.load()?)),
            None => None,
        };
        let mut first = None;
        for listener in sockets.listeners {
            let address = listener.local_addr()?;
            if sockets.are_held {
                tracing::info!(%address, "listening on a socket of the service manager; `listen` is not used");
            }
            server.listen(TcpListener::from_std(listener)?, tls.clone());
            first.get_or_insert(address);
        }
        let address = first.context("there is no socket to listen on")?;
        let inside = if tls.is_some() {
            let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            server.bind(&own.to_string(), None).await?
        } else {
            SocketAddr::new(reachable(address.ip()), address.port())
        };
        Ok(Self {
            address,
            tls,
            inside,
        })
    }

    /// Returns what the address of the server begins with, for people and players.
    pub(super) fn base(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

/// Returns the address under which this machine reaches itself where something listens on `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
