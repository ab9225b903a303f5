//! A command line made ready to start: placeholders filled in, feeds leased, and what leads their
//! bytes to its stdin or to further pipes.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use process::{
    Child,
    supervise::{Priority, Reason},
};
use rustix::pipe::{PipeFlags, pipe_with};
use serve::ring::{OnSlow, Reader, Start};
use tokio::{io::AsyncWriteExt, net::unix::pipe, task::JoinSet};

use super::{Lease, Source};
use crate::{
    config::{Command, Surroundings},
    words::{Missing, Placeholder},
};

/// Files of commands are nobody's business but the group's.
const UMASK: u32 = 0o027;

/// What it takes to start a command.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) command: Arc<Command>,
    pub(crate) parents: BTreeMap<String, Source>,
    pub(crate) surroundings: Arc<Surroundings>,
}

/// Why a command cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotLaunched {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("a pipe for a feed: {0}")]
    Pipe(#[from] io::Error),
    #[error("the server stops")]
    Closing,
}

/// A command that is ready, and what keeps its feeds running.
pub(crate) struct Launch {
    pub(crate) command: process::Command,
    pub(crate) intake: Intake,
}

/// The feeds of a command. They run as long as this is held.
#[derive(Default)]
pub(crate) struct Intake {
    leases: Vec<Lease>,
    stdin: Option<(Source, Reader)>,
    pipes: Vec<(OwnedFd, (Source, Reader))>,
    tasks: JoinSet<()>,
}

impl Plan {
    /// Leases the feeds and fills in the command. `query` has the values of parameters.
    pub(crate) fn launch(&self, query: &BTreeMap<String, String>) -> Result<Launch, NotLaunched> {
        let mut intake = Intake::default();
        if let Some(name) = &self.command.stdin {
            intake.stdin = Some(self.lease(name, &mut intake.leases)?);
        }
        let mut inherited = Vec::new();
        let mut paths = BTreeMap::new();
        for name in &self.command.feeds {
            let reader = self.lease(name, &mut intake.leases)?;
            let (reading, writing) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
            paths.insert(name.clone(), format!("/dev/fd/{}", reading.as_raw_fd()));
            inherited.push(reading);
            intake.pipes.push((writing, reader));
        }
        let words = self.command.line.fill(&|place: &Placeholder| match place {
            Placeholder::Feed(name) => paths.get(name).cloned(),
            Placeholder::Query(name) => query.get(name).cloned(),
            place => self.surroundings.value(place),
        })?;
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_default();
        let treatment = &self.command.treatment;
        let mut command = process::Command::new(program)
            .args(words)
            .folder(&treatment.folder)
            .umask(UMASK)
            .stop_signal(treatment.stop_signal.signal())
            .grace(treatment.grace)
            .stdout(process::Stream::Piped)
            .priority(Priority {
                nice: treatment.nice,
                ..Priority::default()
            });
        for (resource, most) in treatment.resources() {
            command = command.rlimit(resource, most);
        }
        for (name, value) in &treatment.env {
            let filled = crate::words::Line::read(std::slice::from_ref(value), &BTreeMap::new())
                .fill(&|place: &Placeholder| self.surroundings.value(place))?;
            command = command.env(name, filled.concat());
        }
        if intake.stdin.is_some() {
            command = command.stdin(process::Stream::Piped);
        }
        for end in inherited {
            command = command.inherit(end);
        }
        Ok(Launch { command, intake })
    }

    fn lease(&self, name: &str, leases: &mut Vec<Lease>) -> Result<(Source, Reader), NotLaunched> {
        let source = self.parents.get(name).ok_or(NotLaunched::Closing)?;
        let (lease, reader) = source
            .lease(Start::Newest, OnSlow::Skip)
            .ok_or(NotLaunched::Closing)?;
        leases.push(lease);
        Ok((source.clone(), reader))
    }
}

impl Intake {
    /// Begins to lead the feeds into a child that was started.
    pub(crate) fn connect(&mut self, child: &mut Child) {
        if let (Some(reader), Some(stdin)) = (self.stdin.take(), child.take_stdin()) {
            self.lead(OwnedFd::from(stdin), reader);
        }
        for (writing, reader) in std::mem::take(&mut self.pipes) {
            self.lead(writing, reader);
        }
    }

    /// Waits until one of the feeds has failed before it gave anything, and returns why; for ever
    /// without feeds.
    pub(crate) async fn failed(&self) -> Reason {
        let waiting = self.leases.iter().map(Lease::failed);
        let mut waiting: FuturesUnordered<_> = waiting.collect();
        match waiting.next().await {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    /// Ends the way of the feeds into the child; they go on running.
    pub(crate) fn cut(&mut self) {
        self.tasks.abort_all();
    }

    fn lead(&mut self, end: OwnedFd, (source, reader): (Source, Reader)) {
        match pipe::Sender::from_owned_fd(end) {
            Ok(pipe) => {
                self.tasks.spawn(lead(source, reader, pipe));
            }
            // The command finds its input at an end and says so itself.
            Err(error) => tracing::warn!(%error, "a feed cannot be led into its command"),
        }
    }
}

/// Leads what a reader gives into a pipe, until either is at its end.
async fn lead(source: Source, mut reader: Reader, mut pipe: pipe::Sender) {
    let mut is_first = true;
    while let Some(mut bytes) = reader.next().await {
        // Known once there are bytes. A command that is too slow for a container which it could not
        // find back into gets an end, not a gap.
        if std::mem::take(&mut is_first)
            && let Some(format) = source.format()
        {
            reader.set_on_slow(format.default_on_slow());
        }
        if pipe.write_all_buf(&mut bytes).await.is_err() {
            return;
        }
    }
}
