//! RTMP, pulled from a server or published to us.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{host_and_port, host_of, micros, timeout_faults, url_faults};
use crate::{
    document::Fault,
    input::{
        argument::{Argument, plain},
        ports::{Claim, Transport, split_address},
    },
    units::Seconds,
};

/// Whether we fetch or are published to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RtmpMode {
    /// We connect to a server and play.
    Pull,
    /// We wait for a publisher.
    Listen,
}

/// Options of RTMP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rtmp {
    /// `rtmp://HOST[:PORT]/APPLICATION/KEY`, also `rtmps:`. May hold `${NAME}`.
    pub url: String,
    /// `listen` unless set when the host is `0.0.0.0` or `[::]`, else `pull`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<RtmpMode>,
    /// Greatest silence of a server that we pull from.
    pub timeout: Seconds,
}

impl Default for Rtmp {
    fn default() -> Self {
        Self {
            url: String::new(),
            mode: None,
            timeout: Seconds::whole(10),
        }
    }
}

impl Rtmp {
    /// Returns the mode, set or by the host.
    pub fn mode(&self) -> RtmpMode {
        self.mode.unwrap_or_else(|| {
            let any = host_of(&self.url)
                .and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok())
                .is_some_and(|address| address.is_unspecified());
            if any {
                RtmpMode::Listen
            } else {
                RtmpMode::Pull
            }
        })
    }

    pub(in crate::input) fn check(&self) -> Vec<Fault> {
        let mut faults = url_faults(&self.url, &["rtmp", "rtmps", "rtmpt"]);
        faults.extend(timeout_faults(self.timeout));
        if self.mode() == RtmpMode::Listen && !self.url.starts_with("rtmp:") {
            faults.push(Fault::new("/url", "only plain rtmp: can be listened on"));
        }
        faults
    }

    pub(in crate::input) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        vec![("/url".to_owned(), &mut self.url)]
    }

    pub(in crate::input) fn arguments(&self) -> Vec<Argument> {
        let mut arguments = match self.mode() {
            RtmpMode::Listen => plain(["-listen", "1"]),
            RtmpMode::Pull => plain(["-rw_timeout".to_owned(), micros(self.timeout)]),
        };
        // ffmpeg would not guess FLV from the name of a key.
        arguments.extend(plain(["-f", "flv"]));
        arguments.push("-i".into());
        arguments.push(Argument::secret(&self.url, self.shown()));
        arguments
    }

    /// The last part of the path is the stream key, by which anybody could publish.
    pub(in crate::input) fn shown(&self) -> String {
        let masked = process::mask::text(&self.url);
        let path = masked.split(['?', '#']).next().unwrap_or_default();
        match path.rsplit_once('/') {
            Some((before, key)) if before.matches('/').count() > 2 && !key.is_empty() => {
                format!("{before}/***")
            }
            _ => masked,
        }
    }

    pub(in crate::input) fn claim(&self) -> Option<Claim> {
        (self.mode() == RtmpMode::Listen).then(|| {
            let (host, port) = split_address(host_and_port(&self.url));
            Claim {
                transport: Transport::Tcp,
                host,
                port: Some(port.unwrap_or(1935)),
            }
        })
    }
}
