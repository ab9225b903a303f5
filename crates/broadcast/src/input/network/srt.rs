//! MPEG-TS over SRT.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{address_faults, micros, timeout_faults};
use crate::{
    document::Fault,
    input::{
        argument::{Argument, plain},
        ports::{Claim, Transport},
    },
    units::{Millis, Seconds},
};

/// Who connects to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SrtMode {
    /// We connect.
    #[default]
    Caller,
    /// We wait.
    Listener,
}

impl SrtMode {
    /// Returns the name that ffmpeg has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Listener => "listener",
        }
    }
}

/// Options of SRT carrying MPEG-TS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Srt {
    /// `HOST:PORT`. A listener may leave out the port, or give 0, to get one.
    pub address: String,
    /// Who connects.
    pub mode: SrtMode,
    /// How long lost packets are waited for.
    pub latency: Millis,
    /// Time limit of connecting, for a caller.
    pub connect_timeout: Millis,
    /// Greatest silence of a peer that is connected.
    pub timeout: Seconds,
    /// Secret of 10 to 79 characters that encrypts the stream. May hold `${NAME}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
    /// Stream id that a caller names. May hold `${NAME}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streamid: Option<String>,
}

impl Default for Srt {
    fn default() -> Self {
        Self {
            address: String::new(),
            mode: SrtMode::Caller,
            latency: Millis(Duration::from_millis(120)),
            connect_timeout: Millis(Duration::from_secs(3)),
            timeout: Seconds::whole(10),
            passphrase: None,
            streamid: None,
        }
    }
}

impl Srt {
    pub(in crate::input) fn check(&self) -> Vec<Fault> {
        let listens = self.mode == SrtMode::Listener;
        let mut faults = address_faults(&self.address, listens);
        faults.extend(timeout_faults(self.timeout));
        if self.latency.0.as_secs() > 60 {
            faults.push(Fault::new(
                "/latency",
                "more than a minute is no live stream",
            ));
        }
        let length = self.passphrase.as_ref().map(String::len);
        let masked = self
            .passphrase
            .as_ref()
            .is_some_and(|text| text.contains("${"));
        if length.is_some_and(|length| !(10..=79).contains(&length)) && !masked {
            faults.push(Fault::new(
                "/passphrase",
                "a passphrase has 10 to 79 characters",
            ));
        }
        if listens && self.streamid.is_some() {
            faults.push(Fault::new(
                "/streamid",
                "a listener names no stream; the caller does",
            ));
        }
        faults
    }

    pub(in crate::input) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        let mut texts = vec![("/address".to_owned(), &mut self.address)];
        if let Some(text) = &mut self.passphrase {
            texts.push(("/passphrase".to_owned(), text));
        }
        if let Some(text) = &mut self.streamid {
            texts.push(("/streamid".to_owned(), text));
        }
        texts
    }

    pub(in crate::input) fn arguments(&self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        // As options rather than in the URL: they may hold any character.
        if let Some(passphrase) = &self.passphrase {
            arguments.push("-passphrase".into());
            arguments.push(Argument::secret(passphrase, "***"));
        }
        if let Some(streamid) = &self.streamid {
            arguments.push("-streamid".into());
            arguments.push(Argument::secret(streamid, "***"));
        }
        let mut url = format!(
            "srt://{}?mode={}&latency={}",
            self.address,
            self.mode.as_str(),
            self.latency.0.as_micros()
        );
        if self.mode == SrtMode::Caller {
            let limit = self.connect_timeout.0.as_millis();
            url.push_str(&format!(
                "&connect_timeout={limit}&timeout={}",
                micros(self.timeout)
            ));
        }
        arguments.extend(plain(["-f", "mpegts", "-i", &url]));
        arguments
    }

    pub(in crate::input) fn claim(&self) -> Option<Claim> {
        (self.mode == SrtMode::Listener).then(|| Claim::of(Transport::Udp, &self.address))
    }
}
