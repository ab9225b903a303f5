//! What a supervisor runs for a source, and what becomes of it.

use std::{collections::BTreeMap, os::fd::OwnedFd, sync::Arc, time::Duration};

use process::{
    Child,
    supervise::{Class, Notice, Patience, Pulse, Reason, Run, Track, Work},
};
use tokio::{
    net::unix::pipe,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    Intake, Plan,
    launch::NotLaunched,
    outlet::{Outlet, pump},
    source::Shared,
};

/// How long after the end of a command its last bytes are waited for: a process that left its group
/// may hold the pipe open.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// At most one line in this time tells of failures of one source.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Runs the command of a source.
pub(super) struct Runner {
    shared: Arc<Shared>,
    plan: Plan,
    intake: Intake,
    pulse: Arc<Pulse>,
    /// The way to the ring, between runs.
    outlet: Option<Outlet>,
    /// The reader of stdout, during a run; it has the way to the ring.
    reading: JoinSet<Outlet>,
    told: Option<Instant>,
    untold: u64,
}

impl Runner {
    pub(super) fn new(shared: Arc<Shared>, plan: Plan) -> Self {
        Self {
            shared,
            plan,
            intake: Intake::default(),
            pulse: Arc::default(),
            outlet: None,
            reading: JoinSet::new(),
            told: None,
            untold: 0,
        }
    }

    fn patience(&self) -> Patience {
        let rules = &self.shared.setup.rules;
        let stall = rules.stall_timeout;
        Patience {
            open: stall.map(|stall| stall.max(rules.start_timeout)),
            gather: Duration::MAX,
            stall,
            speed_floor_permille: 0,
            ..Patience::default()
        }
    }

    /// Logs a failure; of many in a row, some.
    fn tell(&mut self, reason: &Reason) {
        if self.told.is_some_and(|at| at.elapsed() < TELL_EVERY) {
            self.untold += 1;
            return;
        }
        self.told = Some(Instant::now());
        tracing::warn!(
            kind = self.shared.setup.role.as_str(),
            name = self.shared.setup.name,
            class = reason.class.as_str(),
            untold = std::mem::take(&mut self.untold),
            "{reason}"
        );
    }
}

impl Work for Runner {
    async fn prepare(&mut self, _run: u32) -> Result<Run, Reason> {
        let plan = self.plan.clone();
        // Credentials are files.
        let launched = tokio::task::spawn_blocking(move || plan.launch(&BTreeMap::new())).await;
        let launch = match launched {
            Ok(Ok(launch)) => launch,
            Ok(Err(NotLaunched::Missing(error))) => {
                return Err(Reason::new(Class::Config, error.to_string()));
            }
            Ok(Err(error)) => return Err(Reason::new(Class::Fail, error.to_string())),
            Err(error) => return Err(Reason::new(Class::Fail, error.to_string())),
        };
        // Only now are the feeds of the run before given up, so that they go on.
        self.intake = launch.intake;
        if self.outlet.is_none() {
            self.outlet = Some(Outlet::open(&self.shared));
        }
        self.pulse = Arc::new(Pulse::new(1));
        Ok(Run {
            main: launch.command,
            feeds: Vec::new(),
            progress: false,
            tracks: vec![Track {
                name: "output".to_owned(),
                required: true,
            }],
            pulse: Arc::clone(&self.pulse),
            patience: self.patience(),
        })
    }

    fn started(&mut self, main: &mut Child) {
        self.intake.connect(main);
        let stdout = main.take_stdout().map(OwnedFd::from);
        let stdout = stdout.map(pipe::Receiver::from_owned_fd);
        match (stdout, self.outlet.take()) {
            (Some(Ok(stdout)), Some(mut outlet)) => {
                let pulse = Arc::clone(&self.pulse);
                self.reading.spawn(async move {
                    pump(stdout, &mut outlet, &pulse).await;
                    outlet
                });
            }
            (Some(Err(error)), outlet) => {
                self.outlet = outlet;
                let text = format!("the output cannot be read: {error}");
                self.pulse.fail(Reason::new(Class::Fail, text));
            }
            (_, outlet) => self.outlet = outlet,
        }
    }

    fn notice(&mut self, notice: Notice) {
        let trouble = &self.shared.trouble;
        match notice {
            Notice::Started { run, .. } => {
                tracing::debug!(
                    kind = self.shared.setup.role.as_str(),
                    name = self.shared.setup.name,
                    run,
                    "started"
                );
                trouble.send_modify(|it| it.backing_off = false);
            }
            Notice::Ended(reason) => {
                if !matches!(reason.class, Class::Stop | Class::Again | Class::Eof) {
                    self.tell(&reason);
                }
            }
            Notice::Restarting { .. } => trouble.send_modify(|it| it.backing_off = true),
            Notice::Done(_) => {
                trouble.send_modify(|it| it.backing_off = false);
                if let Some(outlet) = self.outlet.take() {
                    outlet.finish();
                }
                self.intake = Intake::default();
            }
            Notice::Flowing | Notice::Alarm(_) | Notice::Recovered => {}
        }
    }

    async fn over(&mut self, reason: &Reason) {
        self.intake.cut();
        if !self.reading.is_empty() {
            let last = timeout(LAST_BYTES, self.reading.join_next()).await;
            self.outlet = last.ok().flatten().and_then(Result::ok);
            self.reading.shutdown().await;
        }
        let is_barren = self.outlet.as_ref().is_none_or(Outlet::is_barren);
        let is_wished = matches!(reason.class, Class::Stop | Class::Again);
        self.shared.trouble.send_modify(|trouble| {
            trouble.reason = Some(reason.clone());
            trouble.is_barren = is_barren && !is_wished;
            trouble.barren += u64::from(trouble.is_barren);
        });
        self.outlet = self.outlet.take().and_then(Outlet::again);
    }
}
