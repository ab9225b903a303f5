//! Follows one source, whatever it is: the state machine between [`super::watch`] and the network.

use media::hls::read as hls;
use url::Url;

use super::{
    dash::Dash,
    exchange::{Reply, Request},
    hls::Hls,
    options::{Options, millis},
    outbox::{Outbox, Purpose},
    report::{Event, Report},
    snapshot::{Format, Snapshot},
};

/// How following one source ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything has been seen once, as asked for.
    Once,
    /// The presentation has ended, or never was live.
    Ended,
    /// Nothing changed for too long, or nothing could be read.
    Failed {
        /// Which source.
        source: String,
        /// Why, in one sentence.
        reason: String,
    },
}

/// Follows one source. Feed it the clock and replies; make the requests it wants.
#[derive(Debug)]
pub struct Follower {
    root: Url,
    options: Options,
    source: Source,
    outbox: Outbox,
    report: Report,
    /// When it began, Unix ms.
    began: Option<i64>,
}

#[derive(Debug)]
enum Source {
    /// Asked for again at this instant, Unix ms; absent while it is asked for.
    Unknown {
        due: Option<i64>,
        error: Option<String>,
    },
    Hls(Box<Hls>),
    Dash(Box<Dash>),
}

impl Follower {
    /// Begins to follow a multivariant playlist, a media playlist or an MPD.
    pub fn new(root: Url, options: Options) -> Self {
        let report = Report::new(options.strict);
        Self {
            root,
            options,
            source: Source::Unknown {
                due: Some(i64::MIN),
                error: None,
            },
            outbox: Outbox::default(),
            report,
            began: None,
        }
    }

    /// Returns the requests to be made now. `now` is Unix ms.
    pub fn poll(&mut self, now: i64) -> Vec<Request> {
        self.began.get_or_insert(now);
        match &mut self.source {
            Source::Unknown { due, .. } => {
                if due.is_some_and(|due| due <= now) {
                    *due = None;
                    self.outbox.get(self.root.clone(), Purpose::Root);
                }
            }
            Source::Hls(hls) => hls.poll(now, &mut self.outbox),
            Source::Dash(dash) => dash.poll(now, &mut self.outbox),
        }
        self.outbox.take()
    }

    /// Returns when to poll again, Unix ms, unless a reply comes first.
    pub fn wake(&self) -> Option<i64> {
        match &self.source {
            Source::Unknown { due, .. } => *due,
            Source::Hls(hls) => hls.wake(),
            Source::Dash(dash) => dash.wake(),
        }
    }

    /// Takes what came of a request.
    pub fn reply(&mut self, reply: &Reply) {
        let report = &mut self.report;
        match (self.outbox.settle(reply.id), &mut self.source) {
            (Some(Purpose::Root), _) => self.begin(reply),
            (Some(Purpose::Hls(purpose)), Source::Hls(hls)) => hls.reply(purpose, reply, report),
            (Some(Purpose::Dash(purpose)), Source::Dash(dash)) => {
                dash.reply(purpose, reply, report);
            }
            _ => {}
        }
    }

    fn begin(&mut self, reply: &Reply) {
        let at = reply.finished();
        let found = match &reply.result {
            Ok(answer) if answer.is_ok() => Ok(String::from_utf8_lossy(&answer.body)),
            Ok(answer) => Err(format!("HTTP {}", answer.status)),
            Err(reason) => Err(reason.clone()),
        };
        let what = match found {
            Ok(text) => {
                let start = text.trim_start_matches('\u{feff}').trim_start();
                if start.starts_with("#EXTM3U") {
                    let hls = Hls::new(&self.root, &self.options, reply, &mut self.report);
                    self.source = Source::Hls(Box::new(hls));
                    return;
                }
                if start.starts_with('<') {
                    let dash = Dash::new(&self.root, &self.options, reply, &mut self.report);
                    self.source = Source::Dash(Box::new(dash));
                    return;
                }
                "neither a playlist (#EXTM3U) nor an MPD".to_owned()
            }
            Err(what) => what,
        };
        let again = at.max(reply.started.saturating_add(millis(self.options.interval)));
        if let Source::Unknown { due, error } = &mut self.source {
            *due = Some(again);
            if error.as_ref() != Some(&what) {
                self.report.event(Event::Problem {
                    at,
                    url: self.root.to_string(),
                    what: what.clone(),
                });
            }
            *error = Some(what);
        }
    }

    /// Takes what has happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        self.report.take()
    }

    /// Returns how many violations there were.
    pub fn violations(&self) -> u64 {
        self.report.violations()
    }

    /// Returns what it follows when that could not be read at all.
    pub(crate) fn unread(&self) -> Option<String> {
        let unread = matches!(self.source, Source::Unknown { error: Some(_), .. });
        unread.then(|| self.root.to_string())
    }

    /// Returns the source as it is now.
    pub fn snapshot(&self, now: i64) -> Snapshot {
        let (format, error, renditions) = match &self.source {
            Source::Unknown { error, .. } => (None, error.clone(), Vec::new()),
            Source::Hls(hls) => (Some(Format::Hls), None, hls.rows(now)),
            Source::Dash(dash) => (Some(Format::Dash), None, dash.rows(now)),
        };
        Snapshot {
            source: self.root.to_string(),
            format,
            at: now,
            error,
            violations: self.report.violations(),
            renditions,
        }
    }

    /// Tells whether following is over at `now`.
    pub fn end(&self, now: i64) -> Option<End> {
        let (settled, ended, changed, target) = match &self.source {
            Source::Unknown { error, .. } => (error.is_some(), false, None, None),
            Source::Hls(hls) => (
                hls.is_settled(),
                hls.is_ended(),
                hls.last_change(),
                hls.target_ms(),
            ),
            Source::Dash(dash) => (
                dash.is_settled(),
                dash.is_ended(),
                dash.last_change(),
                dash.target_ms(),
            ),
        };
        let settled = settled && self.outbox.is_quiet();
        if self.options.once && settled {
            return Some(self.once_result(now));
        }
        if ended && settled {
            return Some(End::Ended);
        }
        let limit = self.options.fail_after.limit_ms(target)?;
        let since = changed.or(self.began)?;
        (!ended && now.saturating_sub(since) > limit).then(|| End::Failed {
            source: self.root.to_string(),
            reason: match &self.source {
                Source::Unknown {
                    error: Some(error), ..
                } => error.clone(),
                _ => format!("nothing new for {limit} ms"),
            },
        })
    }

    /// One look fails when something could not be read.
    fn once_result(&self, now: i64) -> End {
        let snapshot = self.snapshot(now);
        let of_row = |row: &super::snapshot::Row| {
            let error = row.error.as_ref()?;
            Some(format!("{}: {error}", row.name))
        };
        let found = snapshot
            .error
            .or_else(|| snapshot.renditions.iter().find_map(of_row));
        match found {
            None => End::Once,
            Some(reason) => End::Failed {
                source: snapshot.source,
                reason,
            },
        }
    }
}

/// Tells whether a text is something that can be followed: a playlist or an MPD. Of playlists,
/// `multivariant` says whether it names others.
pub(crate) fn is_source(text: &str) -> Option<bool> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with("#EXTM3U") {
        return Some(hls::is_multivariant(text));
    }
    (start.starts_with('<') && text.contains("<MPD")).then_some(true)
}
