//! Listeners that the service manager made and holds, sd_listen_fds(3): with a socket unit
//! connections wait while headend is started again, none is refused.

use std::{io, net::TcpListener};

use anyhow::Context as _;
use listenfd::ListenFd;
use rustix::io::{FdFlags, fcntl_setfd};

/// Takes the TCP listeners that were handed to this process; none when it was started without.
///
/// May be called once: `LISTEN_FDS` is taken out of the environment, so that children do not see it.
pub(crate) fn take_listeners() -> anyhow::Result<Vec<TcpListener>> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::with_capacity(handed.len());
    for index in 0..handed.len() {
        let taken = handed.take_tcp_listener(index).and_then(|taken| {
            let listener = taken.ok_or_else(|| io::Error::other("it was taken before"))?;
            prepare(&listener)?;
            Ok(listener)
        });
        listeners.push(taken.with_context(|| {
            format!(
                "socket {index} of LISTEN_FDS cannot be listened on; only stream sockets of IPv4 and \
                 IPv6 are taken (`ListenStream=` with an address and port)"
            )
        })?);
    }
    Ok(listeners)
}

/// Makes a listener fit for us: children do not inherit it, and nothing blocks on it.
fn prepare(listener: &TcpListener) -> io::Result<()> {
    fcntl_setfd(listener, FdFlags::CLOEXEC)?;
    listener.set_nonblocking(true)
}
