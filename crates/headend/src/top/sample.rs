//! One answer of a server, and rates since the one before.

use serde::Deserialize;

use crate::report::{
    channel::{ChannelReport, Channels},
    machine::MachineReport,
};

/// What a server says of itself at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// From `/stat.json`.
    pub(crate) server: Server,
    /// From `/api/v1/channels`.
    pub(crate) channels: Channels,
}

/// What of `/stat.json` is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Server {
    /// Version of headend.
    pub(crate) version: String,
    /// Since its start, milliseconds.
    pub(crate) uptime_ms: u64,
    /// Connections.
    pub(crate) connections: Connections,
    /// Requests so far.
    pub(crate) requests: u64,
    /// Assets that are served.
    pub(crate) assets: u64,
    /// The machine.
    #[serde(default)]
    pub(crate) machine: MachineReport,
}

/// Connections of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Connections {
    /// Open now.
    pub(crate) open: u64,
}

/// What a channel's processes read and wrote a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Bytes read a second; absent when it is not told or not known yet.
    pub(crate) read: Option<u64>,
    /// Bytes written a second.
    pub(crate) write: Option<u64>,
}

impl Sample {
    /// Returns requests a second since `before`.
    pub(crate) fn request_rate(&self, before: &Self) -> Option<u64> {
        let span = self.span(before)?;
        let grown = self.server.requests.checked_sub(before.server.requests)?;
        Some(grown.saturating_mul(1000) / span)
    }

    /// Returns what a channel reads and writes, by what it had read and written `before`.
    pub(crate) fn flow(&self, before: &Self, channel: &ChannelReport) -> Flow {
        let rate = || {
            let span = self.span(before)?;
            let earlier = &before.channels.channels;
            let earlier = earlier.iter().find(|other| other.name == channel.name)?;
            let (now, then) = (channel.usage.as_ref()?, earlier.usage.as_ref()?);
            let rate = |now: Option<u64>, then: Option<u64>| {
                Some(now?.checked_sub(then?)?.saturating_mul(1000) / span)
            };
            Some(Flow {
                read: rate(now.read_bytes, then.read_bytes),
                write: rate(now.write_bytes, then.write_bytes),
            })
        };
        rate().unwrap_or_default()
    }

    /// Returns the milliseconds since `before`, by the server's clock.
    fn span(&self, before: &Self) -> Option<u64> {
        let span = self.server.uptime_ms.checked_sub(before.server.uptime_ms)?;
        (span > 0).then_some(span)
    }
}
