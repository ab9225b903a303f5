//! RTSP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{micros, timeout_faults, url_faults};
use crate::{
    document::Fault,
    input::argument::{Argument, plain},
    units::Seconds,
};

/// How RTSP carries media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RtspTransport {
    /// In the control connection: nothing is lost.
    #[default]
    Tcp,
    /// In datagrams.
    Udp,
    /// In multicast datagrams.
    UdpMulticast,
    /// Through HTTP.
    Http,
}

/// Options of RTSP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rtsp {
    /// `rtsp://…` or `rtsps://…`. May hold `${NAME}`.
    pub url: String,
    /// How media is carried.
    pub transport: RtspTransport,
    /// Greatest silence.
    pub timeout: Seconds,
}

impl Default for Rtsp {
    fn default() -> Self {
        Self {
            url: String::new(),
            transport: RtspTransport::Tcp,
            timeout: Seconds::whole(10),
        }
    }
}

impl Rtsp {
    pub(in crate::input) fn check(&self) -> Vec<Fault> {
        let mut faults = url_faults(&self.url, &["rtsp", "rtsps"]);
        faults.extend(timeout_faults(self.timeout));
        faults
    }

    pub(in crate::input) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        vec![("/url".to_owned(), &mut self.url)]
    }

    pub(in crate::input) fn arguments(&self) -> Vec<Argument> {
        let transport = match self.transport {
            RtspTransport::Tcp => "tcp",
            RtspTransport::Udp => "udp",
            RtspTransport::UdpMulticast => "udp_multicast",
            RtspTransport::Http => "http",
        };
        let limit = micros(self.timeout);
        plain([
            "-rtsp_transport",
            transport,
            "-timeout",
            &limit,
            "-i",
            &self.url,
        ])
    }
}
