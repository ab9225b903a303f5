//! The work of a channel: look into the source, plan, open the window, and then, run after run, make
//! pipes, start the encoder and tape what it delivers.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use process::supervise::{Class, Notice, Pulse, Reason, Run, Work};

use super::{
    blueprint::Blueprint,
    past,
    pipes::Pipes,
    reader::Reader,
    rules,
    shared::{Shared, Stage},
    tape::{Tape, Taping},
};
use crate::{
    encode::{Invocation, Layout, Request},
    events::What,
    job::{Planned, ProbeMode},
    ladder::Problem,
    packager::{Packager, Resume},
    probe::{self, Summary},
    window::{Keeper, State, Window},
};

/// Encoder times begin this long after the epoch at least, so that none is negative.
const LEAD_MS: i64 = 10_000;

/// Runs the encoders of a channel.
pub(super) struct Encoder {
    shared: Arc<Shared>,
    /// Made at the first start and kept: players cannot follow a ladder that changes.
    stage: Option<Arc<Stage>>,
    /// What keeps the window on disk.
    keeper: tokio::task::JoinSet<()>,
    taped: Option<(Reader, Pipes)>,
    began: tokio::time::Instant,
    connected: bool,
}

impl Encoder {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            stage: None,
            keeper: tokio::task::JoinSet::new(),
            taped: None,
            began: tokio::time::Instant::now(),
            connected: false,
        }
    }

    /// Waits until everything is on disk that goes there. The window must have ended or be
    /// suspended.
    pub(super) async fn kept(&mut self) {
        while self.keeper.join_next().await.is_some() {}
    }

    /// Looks into the source, plans, and opens window and packager.
    async fn open(&mut self) -> Result<Arc<Stage>, Reason> {
        if self.shared.past.load().is_none() {
            let shared = Arc::clone(&self.shared);
            let past = blocking(move || past::recall(&shared)).await?;
            self.shared.past.store(past.map(Arc::new));
        }
        let planned = self.plan().await?;
        for text in &planned.plan.notes {
            self.shared.announce(What::Note { text: text.clone() });
        }
        let shared = Arc::clone(&self.shared);
        let opened = blocking(move || open_window(&shared, &planned)).await??;
        let (stage, keeper) = opened;
        if let Some(keeper) = keeper {
            let shared = Arc::clone(&self.shared);
            self.keeper
                .spawn(async move { keeper.run(|what| shared.announce(what)).await });
        }
        let is_disk_low = self.shared.is_disk_low.load(Ordering::Relaxed);
        stage.tape.window.pause(is_disk_low);
        let stage = Arc::new(stage);
        self.shared.stage.store(Some(Arc::clone(&stage)));
        if let Some(past) = self.shared.past.swap(None) {
            past.window.retire();
        }
        self.stage = Some(Arc::clone(&stage));
        Ok(stage)
    }

    async fn plan(&self) -> Result<Planned, Reason> {
        let shared = Arc::clone(&self.shared);
        let summary = blocking(move || look(&shared)).await??;
        self.shared.job.plan(&summary).map_err(|problems| {
            let of_job = |problem: &&Problem| matches!(problem, Problem::Wish(_));
            let class = if problems.iter().any(|it| of_job(&it)) {
                Class::Config
            } else {
                Class::Input
            };
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Reason::new(class, texts.join("; ")).permanent()
        })
    }

    /// Makes pipes and their reader, and the commands that write to them.
    fn ready(&mut self, stage: &Stage) -> Result<Run, Reason> {
        let shared = &self.shared;
        let layout = Layout {
            folder: shared.pipes.clone(),
        };
        let since_epoch = shared.now_ms().saturating_sub(stage.epoch_ms).max(LEAD_MS);
        let request = Request {
            plan: &stage.planned.plan,
            sources: &shared.sources,
            wall_clock: &shared.job.wall_clock(),
            profile: shared.job.what.profile,
            threads: shared.job.runtime.threads,
            processors: shared.deps.processors,
            facilities: &shared.deps.facilities,
            layout: &layout,
            offset: Duration::from_millis(since_epoch.unsigned_abs()),
            limit: None,
        };
        let invocation = request.invocation(&shared.deps.ffmpeg);
        let pulse = Arc::new(Pulse::new(invocation.tracks.len()));
        let taping = Taping::new(stage.tape.clone(), Arc::clone(&pulse));
        let taped = tape(&shared.name, &invocation, taping)
            .map_err(|error| Reason::new(Class::Fail, format!("pipes of the encoder: {error}")))?;
        self.taped = Some(taped);
        *shared.pulse() = Some(Arc::clone(&pulse));

        let priority = rules::priority(&shared.job.runtime.resources);
        let feeds = invocation.feeder_commands();
        Ok(Run {
            main: invocation.command().priority(priority.clone()),
            feeds: feeds.map(|it| it.priority(priority.clone())).collect(),
            progress: true,
            tracks: rules::tracks(&stage.planned.plan),
            pulse,
            patience: rules::patience(&shared.job, &shared.sources),
        })
    }
}

impl Work for Encoder {
    async fn prepare(&mut self, _run: u32) -> Result<Run, Reason> {
        let stage = match &self.stage {
            Some(stage) => Arc::clone(stage),
            None => self.open().await?,
        };
        self.ready(&stage)
    }

    fn notice(&mut self, notice: Notice) {
        let ms = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let what = match notice {
            Notice::Started { run, .. } => {
                self.began = tokio::time::Instant::now();
                What::Started { run }
            }
            Notice::Flowing => {
                if !self.connected {
                    self.connected = true;
                    self.shared.verify.notify_one();
                }
                What::Connected {
                    after_ms: ms(self.began.elapsed()),
                }
            }
            Notice::Alarm(process::supervise::Alarm::Slow { permille }) => {
                What::SpeedLow { permille }
            }
            Notice::Alarm(alarm) => What::Stalled {
                text: alarm.to_string(),
            },
            Notice::Recovered => What::Recovered,
            Notice::Ended(reason) => {
                if reason.class == Class::Stall {
                    self.shared.announce(What::Stalled {
                        text: reason.text.clone(),
                    });
                }
                What::Exited {
                    class: reason.class.as_str(),
                    text: reason.text,
                }
            }
            Notice::Restarting { delay, failures } => What::Restarting {
                delay_ms: ms(delay),
                failures,
            },
            // Told when the window has been closed, too.
            Notice::Done(_) => return,
        };
        self.shared.announce(what);
    }

    async fn over(&mut self, _reason: &Reason) {
        *self.shared.pulse() = None;
        let Some((reader, pipes)) = self.taped.take() else {
            return;
        };
        let ended = blocking(move || {
            reader.finish();
            drop(pipes);
        });
        if let Err(reason) = ended.await {
            tracing::error!("{reason}");
        }
    }
}

/// Makes the pipes of a run and begins to read them.
fn tape(name: &str, invocation: &Invocation, taping: Taping) -> io::Result<(Reader, Pipes)> {
    let pipes = Pipes::of(&invocation.folder);
    for (feed, _) in &invocation.feeders {
        Pipes::between(feed)?;
    }
    let tracks = invocation.tracks.iter();
    let ends: io::Result<Vec<_>> = tracks.map(|(_, path)| Pipes::reading(path)).collect();
    Ok((Reader::start(name, ends?, taping)?, pipes))
}

/// Looks into the inputs, as far as the job wishes it and they allow it.
fn look(shared: &Shared) -> Result<Summary, Reason> {
    let inputs = &shared.inputs;
    let runtime = &shared.job.runtime;
    if runtime.probe == ProbeMode::Require
        && let Some((_, blind)) = inputs.iter().find(|(_, source)| !source.can_be_probed())
    {
        let text = format!(
            "{} cannot be looked into before it is started",
            blind.title()
        );
        return Err(Reason::new(Class::Config, text).permanent());
    }
    if runtime.probe == ProbeMode::Off {
        let mut summary = Summary::default();
        for (index, (input, source)) in inputs.iter().enumerate() {
            let assumed = input.assumed(source, index);
            summary.formats.extend(assumed.formats);
            summary.video = summary.video.or(assumed.video);
            summary.audio.extend(assumed.audio);
        }
        return Ok(summary);
    }
    let found = probe::inspect(&shared.deps.ffmpeg, inputs, runtime.probe_timeout.0);
    let summary = found.map_err(|errors| {
        let missing = errors.iter().find_map(|error| match error {
            probe::Error::Program(error) => Some(Reason::from(error)),
            _ => None,
        });
        missing.unwrap_or_else(|| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Reason::new(Class::Input, texts.join("; "))
        })
    })?;
    past::remember(shared, &summary);
    Ok(summary)
}

/// Opens the window and the packager of a channel, where they were left if it was there before.
fn open_window(shared: &Shared, planned: &Planned) -> Result<(Stage, Option<Keeper>), Reason> {
    let past = shared.past.load();
    let now = past
        .as_ref()
        .map_or_else(|| shared.now_ms(), |past| past.now_ms);
    let fail = |error: &dyn std::error::Error| Reason::new(Class::Fail, error.to_string());
    let folder = shared.lasting_folder().map(window_folder);
    let state = match (&*past, &folder) {
        (Some(past), _) => Some(past.state.clone()),
        (None, Some(folder)) => State::load(folder).map_err(|error| fail(&error))?,
        (None, None) => None,
    };
    // A clock that was set back would have the past come again.
    let fresh = now.div_euclid(1000) * 1000 - LEAD_MS;
    let epoch_ms = state.as_ref().map_or(fresh, |state| state.epoch_ms);
    let utc_timing = shared.deps.utc_timing.clone();
    let blueprint = Blueprint::new(
        &shared.job,
        planned,
        epoch_ms,
        utc_timing,
        shared.is_paced(),
    );
    let (window, keeper, resume) = match &folder {
        Some(folder) => {
            let opened = Window::open(blueprint.window, folder, state.as_ref(), now);
            let (window, keeper, resume) = opened.map_err(|error| fail(&error))?;
            (window, Some(keeper), resume)
        }
        None => (Window::new(blueprint.window), None, Resume::default()),
    };
    let packager = Packager::new(blueprint.packager, resume);
    let tape = Tape {
        packager: Arc::new(packager.into()),
        window,
        hub: shared.hub.clone(),
        clock: Arc::clone(&shared.deps.clock),
        late: Arc::default(),
    };
    let stage = Stage {
        epoch_ms,
        planned: planned.clone(),
        tape,
    };
    Ok((stage, keeper))
}

/// Returns where the window of a channel is kept.
pub(super) fn window_folder(folder: &Path) -> PathBuf {
    folder.join("window")
}

/// Does something on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Reason> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Reason::new(Class::Fail, format!("a task of the channel: {error}")))
}
