//! Talking to the service manager that started us, sd_notify(3): `READY=1` when requests are answered,
//! `STOPPING=1` when they soon will not be, and `WATCHDOG=1` while we are well.
//!
//! Nothing is said when nobody has asked: without `NOTIFY_SOCKET` all of this does nothing.

mod sockets;

use std::{env, io, os::unix::net::UnixDatagram, time::Duration};

pub(crate) use sockets::take_listeners;

/// A service manager, or none.
#[derive(Debug, Default)]
pub(crate) struct Manager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// Takes what the environment says. A socket that cannot be reached is a warning, no more.
    pub(crate) fn of_environment() -> Self {
        Self::of(|name| env::var(name).ok())
    }

    fn of(text: impl Fn(&str) -> Option<String>) -> Self {
        let socket = text("NOTIFY_SOCKET").filter(|path| !path.is_empty());
        let socket = socket.and_then(|path| match connect(&path) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(path, %error, "the service manager cannot be told anything");
                None
            }
        });
        let for_us = text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let limit = text("WATCHDOG_USEC").filter(|_| for_us);
        let limit = limit.and_then(|text| text.parse().ok());
        let limit = limit.filter(|&microseconds| microseconds > 0);
        Self {
            watchdog: limit
                .map(Duration::from_micros)
                .filter(|_| socket.is_some()),
            socket,
        }
    }

    /// Returns how often [`Manager::alive`] has to be said: twice within the time after which we
    /// are taken for dead (sd_watchdog_enabled(3)). `None` when nobody watches.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// Says that requests are answered, with a line for people.
    pub(crate) fn ready(&self, status: &str) {
        // A line feed would begin another word.
        let status = status.replace('\n', " ");
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// Says that the configuration is being read anew; [`Manager::ready`] says that it has been.
    pub(crate) fn reloading(&self) {
        self.say("RELOADING=1\nSTATUS=reading the configuration");
    }

    /// Says that the end has begun.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=stopping");
    }

    /// Says that we are well.
    pub(crate) fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    fn say(&self, words: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send(words.as_bytes()) {
            tracing::debug!(%error, words, "the service manager was not told");
        }
    }
}

/// Connects to the socket at a path, or with `@` before it to that of an abstract name.
fn connect(path: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read is not waited for.
    socket.set_nonblocking(true)?;
    match path.strip_prefix('@') {
        Some(name) => connect_abstract(&socket, name)?,
        None => socket.connect(path)?,
    }
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn connect_abstract(socket: &UnixDatagram, name: &str) -> io::Result<()> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
    socket.connect_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn connect_abstract(_socket: &UnixDatagram, _name: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hears(server: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let count = server.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    #[test]
    fn both_kinds_of_sockets_are_reached() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let server = UnixDatagram::bind(&path).unwrap();
        let manager = Manager {
            socket: Some(connect(path.to_str().unwrap()).unwrap()),
            watchdog: Some(Duration::from_secs(30)),
        };
        manager.ready("listening on\nhttp://[::1]:80");
        assert_eq!(
            hears(&server),
            "READY=1\nSTATUS=listening on http://[::1]:80"
        );
        assert_eq!(manager.heartbeat(), Some(Duration::from_secs(15)));
        manager.alive();
        assert_eq!(hears(&server), "WATCHDOG=1");

        #[cfg(target_os = "linux")]
        {
            use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
            let name = format!("headend-test-{}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).unwrap();
            let server = UnixDatagram::bind_addr(&address).unwrap();
            let manager = Manager {
                socket: Some(connect(&format!("@{name}")).unwrap()),
                watchdog: None,
            };
            manager.stopping();
            assert!(hears(&server).starts_with("STOPPING=1"));
        }
    }

    #[test]
    fn only_who_is_watched_has_a_heartbeat() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _server = UnixDatagram::bind(&path).unwrap();
        let own = std::process::id().to_string();
        for (limit, pid, every) in [
            ("4000000", None, Some(2)),
            ("4000000", Some(own.as_str()), Some(2)),
            ("4000000", Some("1"), None),
            ("0", None, None),
            ("soon", None, None),
        ] {
            let manager = Manager::of(|name| {
                let text = match name {
                    "NOTIFY_SOCKET" => path.to_str(),
                    "WATCHDOG_USEC" => Some(limit),
                    _ => pid,
                };
                text.map(str::to_owned)
            });
            let every = every.map(Duration::from_secs);
            assert_eq!(manager.heartbeat(), every, "{limit} {pid:?}");
        }
    }

    #[test]
    fn nobody_is_told_when_nobody_listens() {
        assert!(connect("/nowhere/notify").is_err());
        let manager = Manager::default();
        manager.ready("well");
        assert_eq!(manager.heartbeat(), None);
    }
}
