//! HLS and other media over HTTP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{micros, timeout_faults, url_faults};
use crate::{
    document::Fault,
    input::argument::{Argument, plain},
    units::Seconds,
};

/// Options of HLS and other media over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// `http://…` or `https://…`. May hold `${NAME}`.
    pub url: String,
    /// Greatest silence.
    pub timeout: Seconds,
    /// Whether it is read at its own speed; for what is not live.
    pub realtime: bool,
    /// `User-Agent` of the requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Further headers of the requests. Values may hold `${NAME}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            url: String::new(),
            timeout: Seconds::whole(10),
            realtime: false,
            user_agent: None,
            headers: BTreeMap::new(),
        }
    }
}

impl Http {
    pub(in crate::input) fn check(&self) -> Vec<Fault> {
        let mut faults = url_faults(&self.url, &["http", "https"]);
        faults.extend(timeout_faults(self.timeout));
        for (name, value) in &self.headers {
            let token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) || value.contains(['\r', '\n']) {
                faults.push(Fault::new(
                    format!("/headers/{name}"),
                    "it cannot be sent as a header of HTTP",
                ));
            }
        }
        faults
    }

    pub(in crate::input) fn expandable(&mut self) -> Vec<(String, &mut String)> {
        let mut texts = vec![("/url".to_owned(), &mut self.url)];
        texts.extend(
            self.headers
                .iter_mut()
                .map(|(name, value)| (format!("/headers/{name}"), value)),
        );
        texts
    }

    pub(in crate::input) fn arguments(&self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        if self.realtime {
            arguments.push("-re".into());
        }
        arguments.extend(self.probe_arguments());
        arguments
    }

    pub(in crate::input) fn probe_arguments(&self) -> Vec<Argument> {
        let mut arguments = plain(["-rw_timeout".to_owned(), micros(self.timeout)]);
        if let Some(agent) = &self.user_agent {
            arguments.extend(plain(["-user_agent", agent]));
        }
        if !self.headers.is_empty() {
            let mut lines = String::new();
            for (name, value) in &self.headers {
                lines.push_str(&format!("{name}: {value}\r\n"));
            }
            arguments.push("-headers".into());
            arguments.push(Argument::secret(lines, "***"));
        }
        arguments.extend(plain(["-i", &self.url]));
        arguments
    }
}
