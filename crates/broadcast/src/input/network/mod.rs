//! Sources that come over a network. All have a time limit on silence, since ffmpeg has none.

mod datagram;
mod http;
mod rtmp;
mod rtsp;
mod srt;

pub(super) use datagram::buffer_warning;
pub use datagram::{Rtp, Udp};
pub use http::Http;
pub use rtmp::{Rtmp, RtmpMode};
pub use rtsp::{Rtsp, RtspTransport};
pub use srt::{Srt, SrtMode};

use super::ports::split_address;
use crate::{document::Fault, units::Seconds};

/// ffmpeg takes time limits in microseconds.
fn micros(span: Seconds) -> String {
    span.0.as_micros().to_string()
}

fn timeout_faults(timeout: Seconds) -> Option<Fault> {
    let millis = timeout.0.as_millis();
    (!(100..=3_600_000).contains(&millis))
        .then(|| Fault::new("/timeout", "a time limit is from 0.1 to 3600 seconds"))
}

fn url_faults(url: &str, schemes: &[&str]) -> Vec<Fault> {
    let known = url
        .split_once("://")
        .is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty());
    if known || url.contains("${") {
        return Vec::new();
    }
    let scheme = schemes.first().copied().unwrap_or_default();
    let reason = if url.is_empty() {
        format!("it needs a url, {scheme}://…")
    } else {
        format!("`{}` is not a URL {scheme}://…", process::mask::text(url))
    };
    vec![Fault::new("/url", reason)]
}

fn address_faults(address: &str, port_optional: bool) -> Vec<Fault> {
    let (host, _) = split_address(address);
    let port = match address.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => Some(port),
        _ => None,
    };
    let wrong = |what: &str| vec![Fault::new("/address", format!("`{address}` {what}"))];
    let port_fits = match port.map(str::parse::<u16>) {
        Some(Ok(0)) | None => port_optional,
        Some(Ok(_)) => true,
        Some(Err(_)) => false,
    };
    if address.contains("${") {
        Vec::new()
    } else if host.is_empty() || host.contains(['/', '?', '&', '@', ' ']) {
        wrong("is not HOST:PORT")
    } else if port_fits {
        Vec::new()
    } else {
        wrong("does not end in a port from 1 to 65535")
    }
}

/// Returns what stands between `://` and the path.
fn host_and_port(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

fn host_of(url: &str) -> Option<String> {
    Some(split_address(host_and_port(url)).0).filter(|host| !host.is_empty())
}
