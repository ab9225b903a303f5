//! What feeds, streams and clients do, as plain values: pages, JSON and metrics only render them.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use process::supervise::{State, Status, Usage};
use serde::Serialize;

use crate::{
    Relay,
    config::{Origin, What},
    feed::Source,
    stream::{ClientStatus, Stream},
};

/// Everything that a relay does, at one instant.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Clients now.
    pub clients: usize,
    /// Bytes that were sent to clients of the streams that there are.
    pub sent: u64,
    /// Bytes that the sources have given.
    pub received: u64,
    /// Feeds by name.
    pub feeds: Vec<SourceReport>,
    /// Streams by name.
    pub streams: Vec<StreamReport>,
    /// The clients one by one, where that is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<Vec<ClientStatus>>,
}

/// A feed, or the command of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub mode: String,
    /// Where its bytes come from, secrets masked.
    pub origin: String,
    /// The feeds that it is made of.
    pub feeds: Vec<String>,
    /// `stopped`, `starting`, `running`, `stopping`, `backing-off` or `failed`.
    pub state: &'static str,
    /// For how long, in milliseconds.
    pub state_ms: u64,
    /// Who needs it now.
    pub users: u32,
    /// Bytes that it has given, over all runs.
    pub received: u64,
    /// Since its last byte, in milliseconds.
    pub silent_ms: Option<u64>,
    /// Its container, once that is known.
    pub format: Option<&'static str>,
    /// Runs so far.
    pub runs: u32,
    /// Runs begun after another.
    pub restarts: u64,
    /// Failures in a row.
    pub failures: u32,
    /// Until the next start, during a delay, in milliseconds.
    pub next_start_ms: Option<u64>,
    /// Why the last run ended.
    pub reason: Option<String>,
    /// What its processes take.
    pub usage: Option<Usage>,
    /// Last lines that it said, secrets masked.
    pub log: Vec<String>,
}

/// A stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamReport {
    /// Its name.
    pub name: String,
    /// `pass-through`, `shared`, `exclusive` or `shot`.
    pub kind: &'static str,
    /// Its paths besides `/stream/NAME`.
    pub urls: Vec<String>,
    /// Its content type, as far as it is known.
    pub content_type: String,
    /// What plays, if somebody has said so.
    pub title: Option<String>,
    /// The feeds that it is made of.
    pub feeds: Vec<String>,
    /// Clients now.
    pub clients: u32,
    /// Clients so far.
    pub arrivals: u64,
    /// Bytes sent to them.
    pub sent: u64,
    /// Processes of its own that run now, one for each client or picture.
    pub instances: u64,
    /// The command, if it has one, secrets masked.
    pub command: Option<String>,
    /// What the command does that its clients share.
    pub process: Option<SourceReport>,
}

impl Relay {
    /// Returns how everything is now; with `clients`, also who they are.
    pub fn report(&self, now: Instant, clients: bool) -> Report {
        let table = self.table();
        let feeds: Vec<SourceReport> = table
            .feeds
            .iter()
            .map(|(name, source)| {
                let feed = table.config.feeds.get(name);
                let (origin, parents) = match feed.map(|feed| &feed.origin) {
                    Some(Origin::Command(command)) => (
                        command.line.to_string(),
                        command.parents().map(str::to_owned).collect(),
                    ),
                    Some(Origin::Push { .. }) => ("push".to_owned(), Vec::new()),
                    Some(Origin::Pull(url)) => (url.clone(), Vec::new()),
                    None => (String::new(), Vec::new()),
                };
                source_report(source, &origin, parents, now)
            })
            .collect();
        let streams: Vec<StreamReport> = table
            .streams
            .values()
            .map(|stream| self.stream_report(stream, now))
            .collect();
        let of_streams = streams.iter().filter_map(|it| it.process.as_ref());
        Report {
            clients: self.admission.total(),
            sent: streams.iter().map(|it| it.sent).sum(),
            received: feeds.iter().chain(of_streams).map(|it| it.received).sum(),
            feeds,
            streams,
            connected: clients.then(|| self.admission.list(now)),
        }
    }

    fn stream_report(&self, stream: &Stream, now: Instant) -> StreamReport {
        let config = stream.config();
        let parents: Vec<String> = config.parents().into_iter().map(str::to_owned).collect();
        let (kind, command) = match &config.what {
            What::PassThrough(_) => ("pass-through", None),
            What::Newest(..) => ("shot", None),
            What::Shared(command) => ("shared", Some(command)),
            What::Exclusive(command) => ("exclusive", Some(command)),
            What::Shot(command, _) => ("shot", Some(command)),
        };
        let command = command.map(|it| process::mask::text(&it.line.to_string()));
        let own = stream.source().filter(|_| kind == "shared");
        StreamReport {
            name: config.name.clone(),
            kind,
            urls: config.urls.clone(),
            content_type: stream.content_type(),
            title: stream.title.get().map(|it| it.to_string()),
            clients: self.admission.of_stream(&config.name),
            arrivals: stream.arrivals(),
            sent: stream.sent(),
            instances: stream.instances.load(Relaxed),
            process: own.map(|source| {
                let origin = command.clone().unwrap_or_default();
                source_report(source, &origin, parents.clone(), now)
            }),
            feeds: parents,
            command,
        }
    }
}

fn source_report(source: &Source, origin: &str, feeds: Vec<String>, now: Instant) -> SourceReport {
    let silent = source.last_byte();
    let silent = silent.map(|at| now.saturating_duration_since(at).as_millis());
    let status = source.handle().map(|handle| handle.status(now));
    let pushed = if source.is_published() {
        "running"
    } else {
        "stopped"
    };
    let of = |read: fn(&Status) -> u64| status.as_ref().map_or(0, read);
    SourceReport {
        name: source.name().to_owned(),
        mode: source.mode().to_string(),
        origin: process::mask::text(origin),
        feeds,
        state: status.as_ref().map_or(pushed, |it| state(it.state)),
        state_ms: of(|it| it.state_ms),
        users: source.users(),
        received: source.bytes(),
        silent_ms: silent.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
        format: source.format().map(crate::sniff::Format::as_str),
        runs: status.as_ref().map_or(0, |it| it.run),
        restarts: of(|it| it.restarts),
        failures: status.as_ref().map_or(0, |it| it.failures),
        next_start_ms: status.as_ref().and_then(|it| it.next_start_ms),
        reason: status
            .as_ref()
            .and_then(|it| it.reason.as_ref())
            .map(|reason| reason.text.clone()),
        usage: status.as_ref().and_then(|it| it.usage),
        log: status.map(|it| it.log).unwrap_or_default(),
    }
}

/// Returns the name of a state, as pages of a relay have it.
fn state(state: State) -> &'static str {
    match state {
        State::Idle | State::Stopped => "stopped",
        State::Probing | State::Starting | State::Connecting => "starting",
        State::Running | State::Degraded => "running",
        State::Stopping => "stopping",
        State::Backoff => "backing-off",
        State::Failed => "failed",
    }
}
