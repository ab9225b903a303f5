//! Web hooks: who is told of the events of a channel.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    document::{Fault, TextOrMap, text_or_map},
    events,
};

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
pub struct Webhook {
    /// `http://` or `https://`; events are posted there. May hold `${NAME}`.
    pub url: String,
    /// Key of the signature that goes with each (HMAC-SHA-256). May hold `${NAME}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Names of the events that are told; all unless set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// How often an event is tried.
    pub tries: u32,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            url: String::new(),
            secret: None,
            events: Vec::new(),
            tries: 3,
        }
    }
}

impl TextOrMap for Webhook {
    const EXPECTED: &'static str = "the URL of a web hook, or a web hook as an object";

    fn of_text(text: &str) -> Self {
        Self {
            url: text.to_owned(),
            ..Self::default()
        }
    }

    fn of_map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Webhook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_map(deserializer)
    }
}

impl Serialize for Webhook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl Webhook {
    /// Lists what is wrong with it. Pointers begin at the web hook.
    pub(super) fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let expands = self.url.contains("${");
        let web = ["http://", "https://"];
        if !expands && !web.iter().any(|scheme| self.url.starts_with(scheme)) {
            faults.push(Fault::new("/url", "a web hook needs an http or https URL"));
        }
        for (index, name) in self.events.iter().enumerate() {
            if !events::NAMES.contains(&name.as_str()) {
                let text = format!("`{name}` is no event");
                let fault = Fault::new(format!("/events/{index}"), text);
                faults.push(fault.allowing(name, events::NAMES));
            }
        }
        if !(1..=10).contains(&self.tries) {
            faults.push(Fault::new("/tries", "an event is tried 1 to 10 times"));
        }
        faults
    }
}
