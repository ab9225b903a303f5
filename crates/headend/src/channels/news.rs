//! Events of a channel as log lines.

use broadcast::events::{Severity, Subscription, What};
use serve::Shutdown;

use crate::text;

/// Logs what happens to a channel until it is over or `shutdown`.
pub(super) async fn log_events(name: String, mut events: Subscription, shutdown: Shutdown) {
    loop {
        let next = tokio::select! {
            next = events.next() => next,
            () = shutdown.wait() => return,
        };
        let Some((event, lost)) = next else {
            return;
        };
        if lost > 0 {
            tracing::warn!(channel = name, lost, "events were lost");
        }
        let event_name = event.what.name();
        let said = say(&event.what);
        match event.what.severity() {
            Severity::Info => tracing::info!(channel = name, event = event_name, "{said}"),
            Severity::Warning => tracing::warn!(channel = name, event = event_name, "{said}"),
            Severity::Error => tracing::error!(channel = name, event = event_name, "{said}"),
        }
        if matches!(event.what, What::Ended { .. }) {
            return;
        }
    }
}

/// Says an event in words.
fn say(what: &What) -> String {
    match what {
        What::Started { run } => format!("the encoder was started, run {run}"),
        What::Connected { after_ms } => {
            format!("the source delivers, after {}", text::span(*after_ms))
        }
        What::FirstPart { segment, after_ms } => format!(
            "the first part is there, of segment {segment}, after {}",
            text::span(*after_ms)
        ),
        What::Discontinuity { sequence, cause } => {
            format!("the timeline goes on behind discontinuity {sequence} ({cause})")
        }
        What::Stalled { text }
        | What::Note { text }
        | What::Exited { text, .. }
        | What::Ended { text, .. } => text.clone(),
        What::SpeedLow { permille } => format!(
            "encoding is slower than real time: {}×",
            text::permille(*permille)
        ),
        What::Recovered => "all is well again".to_owned(),
        What::Restarting { delay_ms, failures } => format!(
            "the encoder is started again in {}, failures in a row: {failures}",
            text::span(*delay_ms)
        ),
        What::Verified { faults } if faults.is_empty() => "the output is as planned".to_owned(),
        What::Verified { faults } => format!("the output is not as planned: {}", faults.join("; ")),
        What::UploadFailing { target, text } => format!("{target}: {text}"),
        What::UploadRecovered { target } => format!("{target} takes uploads again"),
        What::Recorded { folder, missed, .. } => {
            format!("{folder} is recorded, segments missed: {missed}")
        }
        What::DiskLow { path, free_bytes } => format!(
            "{path}: only {} left, nothing more is written",
            text::bytes(*free_bytes)
        ),
        What::WriteFailing { path, text } => {
            format!("{path}: cannot be written to: {text}; the channel goes on in memory")
        }
        What::WriteRecovered { path } => format!("{path}: is written to again"),
        What::DiskRecovered { path, free_bytes } => {
            format!("{path}: {} left, writing goes on", text::bytes(*free_bytes))
        }
    }
}
