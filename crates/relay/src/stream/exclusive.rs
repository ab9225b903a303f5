//! A process for one client: its output goes to that client alone, at the client's pace.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use process::{
    Child, Spawner,
    supervise::{Class, LogFile, Reason, over_memory},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    net::unix::pipe,
    task::JoinSet,
    time::timeout,
};

use super::Refusal;
use crate::feed::{Intake, Plan};

/// Bytes read at a time at most.
const READ: usize = 64 << 10;

/// How long after the end of its output a process may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Ends processes whose clients are gone, without letting anybody wait for it, and all at the end.
#[derive(Clone, Default)]
pub(crate) struct Undertaker(Arc<Mutex<Charge>>);

#[derive(Default)]
struct Charge {
    /// By the number of the process.
    living: BTreeMap<u32, Arc<Child>>,
    dying: JoinSet<()>,
}

impl Undertaker {
    /// Takes a process in charge that lives.
    fn register(&self, child: &Arc<Child>) {
        self.lock().living.insert(child.id(), Arc::clone(child));
    }

    /// Ends a process: `SIGTERM`, its grace, `SIGKILL`.
    fn take(&self, child: Arc<Child>, grace: Duration) {
        let mut charge = self.lock();
        charge.living.remove(&child.id());
        while charge.dying.try_join_next().is_some() {}
        charge.dying.spawn(async move {
            child.terminate();
            if timeout(grace, child.ended()).await.is_err() {
                child.kill();
                child.ended().await;
            }
        });
    }

    /// Tells all processes to end; their bodies end with them.
    pub(crate) fn end_all(&self) {
        self.lock()
            .living
            .values()
            .for_each(|child| child.terminate());
    }

    /// Kills all that live.
    pub(crate) fn kill_all(&self) {
        self.lock().living.values().for_each(|child| child.kill());
    }

    /// Waits until all have ended.
    pub(crate) async fn rest(&self) {
        let (living, mut dying) = {
            let mut charge = self.lock();
            let living: Vec<_> = charge.living.values().cloned().collect();
            (living, std::mem::take(&mut charge.dying))
        };
        for child in living {
            child.ended().await;
        }
        while dying.join_next().await.is_some() {}
    }

    fn lock(&self) -> MutexGuard<'_, Charge> {
        // Entries are put in and taken out as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often the memory of a process is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How processes are started, and what is kept of them.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) spawner: Spawner,
    pub(crate) undertaker: Undertaker,
    pub(crate) log: Option<LogFile>,
    /// Processes that run now, of one stream.
    pub(crate) instances: Arc<AtomicU64>,
}

/// A process that runs for somebody. Dropping it ends the process.
pub(crate) struct Instance {
    child: Arc<Child>,
    intake: Intake,
    grace: Duration,
    undertaker: Undertaker,
    /// Why it was killed, if it was.
    fault: Arc<OnceLock<Reason>>,
    /// Who looks at its memory.
    _watch: JoinSet<()>,
    _count: Count,
}

/// Counts one of the processes of a stream.
struct Count(Arc<AtomicU64>);

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Workshop {
    /// Starts a command, unless `most` of them run (0 for no limit); returns it with its output.
    pub(crate) async fn start(
        &self,
        plan: &Plan,
        query: &BTreeMap<String, String>,
        most: u32,
    ) -> Result<(Instance, pipe::Receiver), Refusal> {
        let before = self.instances.fetch_add(1, Relaxed);
        let count = Count(Arc::clone(&self.instances));
        if most > 0 && before >= u64::from(most) {
            return Err(Refusal::Full("for processes of this stream"));
        }
        let max_rss = plan.command.treatment.max_rss;
        let (plan, query) = (plan.clone(), query.clone());
        let (spawner, log) = (self.spawner.clone(), self.log.clone());
        let started = tokio::task::spawn_blocking(move || {
            let grace = plan.command.treatment.grace;
            let launch = plan.launch(&query).map_err(|error| error.to_string());
            let launch = launch.map_err(|text| Reason::new(Class::Config, text))?;
            let mut command = launch.command;
            if let Some(log) = log {
                command = command.on_line(move |line| log.line(line));
            }
            let child = spawner
                .spawn(command)
                .map_err(|error| Reason::from(&error))?;
            Ok((child, launch.intake, grace))
        });
        let failed = |text: String| Refusal::Failed(Reason::new(Class::Fail, text));
        let started = started.await.map_err(|error| failed(error.to_string()))?;
        let (mut child, mut intake, grace) = started.map_err(Refusal::Failed)?;
        intake.connect(&mut child);
        let stdout = child.take_stdout().map(OwnedFd::from);
        let stdout = stdout.map(pipe::Receiver::from_owned_fd).transpose();
        let child = Arc::new(child);
        self.undertaker.register(&child);
        let fault = Arc::new(OnceLock::new());
        let mut watch = JoinSet::new();
        if let Some(most) = max_rss {
            let (child, fault) = (Arc::clone(&child), Arc::clone(&fault));
            watch.spawn(watch_memory(child, most, fault, self.log.clone()));
        }
        let instance = Instance {
            child,
            intake,
            grace,
            undertaker: self.undertaker.clone(),
            fault,
            _watch: watch,
            _count: count,
        };
        match stdout {
            Ok(Some(stdout)) => Ok((instance, stdout)),
            Ok(None) => Err(failed("there is no pipe to read from".to_owned())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

impl Instance {
    /// Waits until a feed of the process has failed, and returns why.
    pub(crate) async fn failed(&self) -> Reason {
        self.intake.failed().await
    }

    /// Waits for the end of the process, a moment only, and says why it ended and what it said.
    pub(crate) async fn end(&mut self) -> (Reason, Vec<String>) {
        self.intake.cut();
        let child = &self.child;
        let Ok(exit) = timeout(LAST_WORDS, child.ended()).await else {
            let text = format!("{} closed its output and goes on", child.name());
            return (Reason::new(Class::Fail, text), child.stderr());
        };
        let mut said = child.stderr();
        if let Some(fault) = self.fault.get() {
            said.push(fault.text.clone());
            return (fault.clone(), said);
        }
        let reason = Reason::of_exit(child.name(), exit, said.last().map(String::as_str));
        (reason, said)
    }
}

/// Kills a process that takes more memory than it may.
async fn watch_memory(
    child: Arc<Child>,
    most: u64,
    fault: Arc<OnceLock<Reason>>,
    log: Option<LogFile>,
) {
    let group = child.id();
    while child.exit().is_none() {
        let looked = tokio::task::spawn_blocking(move || over_memory(group, most)).await;
        if let Ok(Some(reason)) = looked
            && child.exit().is_none()
        {
            let program = child.name();
            tracing::warn!(program, %reason, "a process is killed");
            if let Some(log) = log {
                log.line(&format!("{program}: {reason}"));
            }
            // Nobody else sets it.
            let _ = fault.set(reason);
            child.kill();
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.undertaker.take(Arc::clone(&self.child), self.grace);
    }
}

/// Waits for the first bytes of a process.
pub(crate) async fn first_bytes(
    stdout: &mut pipe::Receiver,
    instance: &mut Instance,
    limit: Duration,
) -> Result<Bytes, Refusal> {
    let mut buffer = BytesMut::with_capacity(READ);
    let read = tokio::select! {
        biased;
        read = timeout(limit, stdout.read_buf(&mut buffer)) => read,
        reason = instance.failed() => return Err(Refusal::Failed(reason)),
    };
    match read {
        Err(_) => Err(Refusal::Late),
        Ok(Ok(count)) if count > 0 => Ok(buffer.freeze()),
        Ok(_) => Err(Refusal::Failed(instance.end().await.0)),
    }
}

/// The body of an answer that is the output of a process.
pub(crate) struct Output<G> {
    first: Bytes,
    stdout: pipe::Receiver,
    buffer: BytesMut,
    sent: Vec<Arc<AtomicU64>>,
    _instance: Instance,
    _guard: G,
}

impl<G> Output<G> {
    /// Makes a body that begins with `first` and counts what it hands over; `guard` is dropped with
    /// it.
    pub(crate) fn new(
        first: Bytes,
        stdout: pipe::Receiver,
        instance: Instance,
        sent: Vec<Arc<AtomicU64>>,
        guard: G,
    ) -> Self {
        Self {
            first,
            stdout,
            buffer: BytesMut::new(),
            sent,
            _instance: instance,
            _guard: guard,
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if !self.first.is_empty() {
            return Poll::Ready(Ok(std::mem::take(&mut self.first)));
        }
        self.buffer.resize(READ, 0);
        let mut read = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.stdout).poll_read(cx, &mut read))?;
        let count = read.filled().len();
        Poll::Ready(Ok(self.buffer.split_to(count).freeze()))
    }
}

impl<G: Unpin> http_body::Body for Output<G> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let bytes = match ready!(self.poll_bytes(cx)) {
            Ok(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Ok(bytes) => bytes,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        for sent in &self.sent {
            sent.fetch_add(bytes.len() as u64, Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
