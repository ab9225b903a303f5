//! MPEG-TS in datagrams: UDP and RTP.

use std::{fs, net::IpAddr, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{address_faults, micros, timeout_faults};
use crate::{
    document::Fault,
    input::{
        argument::{Argument, plain},
        ports::{Claim, Transport, split_address},
    },
    units::{Bytes, Seconds},
};

/// Receive buffer of a socket: what 20 Mbit/s bring in three seconds.
const RECEIVE_BUFFER: Bytes = Bytes::mebi(8);

/// Options of MPEG-TS over UDP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Udp {
    /// `GROUP:PORT` of a multicast, or the local `ADDRESS:PORT` that is sent to.
    pub address: String,
    /// Address of the network interface that a multicast comes in by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localaddr: Option<String>,
    /// Receive buffer of the socket; the kernel may grant less (`net.core.rmem_max`).
    pub buffer_size: Bytes,
    /// Packets of 188 bytes that wait in memory.
    pub fifo_size: u32,
    /// Whether packets that find no room are dropped, rather than ending the stream.
    pub overrun_nonfatal: bool,
    /// Greatest silence.
    pub timeout: Seconds,
}

impl Default for Udp {
    fn default() -> Self {
        Self {
            address: String::new(),
            localaddr: None,
            buffer_size: RECEIVE_BUFFER,
            fifo_size: 50_000,
            overrun_nonfatal: true,
            timeout: Seconds::whole(5),
        }
    }
}

impl Udp {
    pub(in crate::input) fn check(&self) -> Vec<Fault> {
        let mut faults = address_faults(&self.address, true);
        faults.extend(timeout_faults(self.timeout));
        faults.extend(receive_faults(self.buffer_size, self.localaddr.as_ref()));
        if !(100..=10_000_000).contains(&self.fifo_size) {
            faults.push(Fault::new(
                "/fifo_size",
                "a number of packets is from 100 to 10000000",
            ));
        }
        faults
    }

    pub(in crate::input) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        vec![("/address".to_owned(), &mut self.address)]
    }

    pub(in crate::input) fn arguments(&self) -> Vec<Argument> {
        let url = format!(
            "udp://{}?buffer_size={}&fifo_size={}&overrun_nonfatal={}&timeout={}{}",
            self.address,
            self.buffer_size.0,
            self.fifo_size,
            u8::from(self.overrun_nonfatal),
            micros(self.timeout),
            local_address(self.localaddr.as_deref(), &self.address),
        );
        plain(["-f", "mpegts", "-i", &url])
    }

    pub(in crate::input) fn claim(&self) -> Option<Claim> {
        claim_unicast(&self.address)
    }
}

/// Tells when the kernel grants less than the receive buffer that is asked for. `root` is `/`
/// except in tests.
pub(in crate::input) fn buffer_warning(asked: Bytes, root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("proc/sys/net/core/rmem_max")).ok()?;
    let most = Bytes(text.trim().parse().ok()?);
    (most < asked).then(|| {
        format!(
            "the kernel grants a receive buffer of {most} instead of {asked}, so bursts may be lost; \
             sysctl -w net.core.rmem_max={} helps",
            asked.0
        )
    })
}

/// Options of MPEG-TS over RTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rtp {
    /// `GROUP:PORT` of a multicast, or the local `ADDRESS:PORT` that is sent to.
    pub address: String,
    /// Address of the network interface that a multicast comes in by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub localaddr: Option<String>,
    /// Receive buffer of the socket; the kernel may grant less (`net.core.rmem_max`).
    pub buffer_size: Bytes,
    /// Greatest silence.
    pub timeout: Seconds,
}

impl Default for Rtp {
    fn default() -> Self {
        Self {
            address: String::new(),
            localaddr: None,
            buffer_size: RECEIVE_BUFFER,
            timeout: Seconds::whole(5),
        }
    }
}

impl Rtp {
    pub(in crate::input) fn check(&self) -> Vec<Fault> {
        let mut faults = address_faults(&self.address, true);
        faults.extend(timeout_faults(self.timeout));
        faults.extend(receive_faults(self.buffer_size, self.localaddr.as_ref()));
        faults
    }

    pub(in crate::input) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        vec![("/address".to_owned(), &mut self.address)]
    }

    pub(in crate::input) fn arguments(&self) -> Vec<Argument> {
        let url = format!(
            "rtp://{}?buffer_size={}&timeout={}{}",
            self.address,
            self.buffer_size.0,
            micros(self.timeout),
            local_address(self.localaddr.as_deref(), &self.address),
        );
        plain(["-i", &url])
    }

    pub(in crate::input) fn claim(&self) -> Option<Claim> {
        claim_unicast(&self.address)
    }
}

fn receive_faults(buffer: Bytes, local: Option<&String>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !(4096..=1 << 30).contains(&buffer.0) {
        faults.push(Fault::new(
            "/buffer_size",
            "a receive buffer is from 4 KiB to 1 GiB",
        ));
    }
    if let Some(local) = local
        && local.parse::<IpAddr>().is_err()
    {
        faults.push(Fault::new(
            "/localaddr",
            format!("`{local}` is not an IP address"),
        ));
    }
    faults
}

fn is_multicast(host: &str) -> bool {
    host.parse::<IpAddr>()
        .is_ok_and(|address| address.is_multicast())
}

fn claim_unicast(address: &str) -> Option<Claim> {
    let claim = Claim::of(Transport::Udp, address);
    (!is_multicast(&claim.host)).then_some(claim)
}

/// Binds to the given address only: ffmpeg would listen on all.
fn local_address(given: Option<&str>, address: &str) -> String {
    let (host, _) = split_address(address);
    let plain = host.parse::<IpAddr>().ok();
    match (given, plain) {
        (Some(local), _) => format!("&localaddr={local}"),
        (None, Some(ip)) if !ip.is_multicast() && !ip.is_unspecified() => {
            format!("&localaddr={ip}")
        }
        _ => String::new(),
    }
}
