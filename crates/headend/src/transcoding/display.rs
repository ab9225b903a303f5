//! How far VoD jobs are: bars on a terminal, a line now and then elsewhere, or every event as a line
//! of JSON. Bars and lines go to stderr, JSON to stdout.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use transcode::{
    commit::Step,
    events::{Event, What},
    job::{JobReport, JobState, StepState},
    package::MASTER,
};

use crate::{term, text};

/// Shows jobs.
pub(crate) enum Display {
    /// Bars for each job.
    Bars(Bars),
    /// Lines.
    Lines(Lines),
    /// Every event as it is.
    Json,
}

/// A part of a job that has a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fetch,
    Video,
    Sound,
    Extras,
    Finish,
}

/// All stages, in order.
const STAGES: [Stage; 5] = [
    Stage::Fetch,
    Stage::Video,
    Stage::Sound,
    Stage::Extras,
    Stage::Finish,
];

impl Stage {
    fn of(step: Step) -> Self {
        match step {
            Step::Probe | Step::Fetch | Step::Plan => Self::Fetch,
            Step::Chunk(_) => Self::Video,
            Step::Audio(_) => Self::Sound,
            Step::Text(_) | Step::Thumbnails => Self::Extras,
            Step::Package | Step::Publish => Self::Finish,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Fetch => "source",
            Self::Video => "video",
            Self::Sound => "sound",
            Self::Extras => "extras",
            Self::Finish => "publish",
        }
    }
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct StageSum {
    done: usize,
    all: usize,
    running: usize,
    permille: u64,
    bytes: u64,
    speed_permille: u64,
}

impl StageSum {
    /// Sums up the steps of a stage; `None` if the job has none.
    fn of(report: &JobReport, stage: Stage) -> Option<Self> {
        let mut sum = Self::default();
        let mut thousandths = 0;
        let steps = report.steps.iter().filter(|it| Stage::of(it.step) == stage);
        for step in steps {
            sum.all += 1;
            sum.bytes += step.bytes.unwrap_or(0);
            match step.state {
                StepState::Done => {
                    sum.done += 1;
                    thousandths += 1000;
                }
                StepState::Running => {
                    sum.running += 1;
                    let Some(now) = step.progress else { continue };
                    sum.bytes += now.bytes;
                    sum.speed_permille += now.speed_permille.unwrap_or(0);
                    if let Some(total) = now.total {
                        thousandths += now.done.min(total) * 1000 / total.max(1);
                    }
                }
                StepState::Waiting | StepState::Ready | StepState::SetAside => {}
            }
        }
        sum.permille = thousandths / (sum.all as u64).max(1);
        (sum.all > 0).then_some(sum)
    }

    fn text(&self, stage: Stage) -> String {
        let mut parts = Vec::new();
        if self.done == self.all {
            parts.push("done".to_owned());
        } else if stage == Stage::Video {
            parts.push(format!("{} of {} chunks", self.done, self.all));
        } else if self.running > 0 {
            parts.push("running".to_owned());
        } else {
            parts.push("waiting".to_owned());
        }
        if self.bytes > 0 {
            parts.push(text::bytes(self.bytes));
        }
        if self.speed_permille > 0 {
            parts.push(speed(self.speed_permille));
        }
        parts.join("  ")
    }
}

impl Display {
    /// Chooses by what stderr is, or JSON if that is asked for.
    pub(crate) fn new(json: bool) -> Self {
        if json {
            Self::Json
        } else if io::stderr().is_terminal() {
            let draw = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            Self::Bars(Bars {
                draw,
                jobs: BTreeMap::new(),
            })
        } else {
            Self::Lines(Lines::default())
        }
    }

    /// Shows an event. Fails only if stdout cannot be written to.
    pub(crate) fn show(&mut self, event: &Event) -> anyhow::Result<()> {
        match self {
            Self::Json => {
                let mut line = serde_json::to_string(event)?;
                line.push('\n');
                term::print(&line)?;
            }
            Self::Bars(bars) => bars.show(event),
            Self::Lines(lines) => lines.show(event),
        }
        Ok(())
    }

    /// Takes bars off the screen.
    pub(crate) fn clear(&mut self) {
        if let Self::Bars(bars) = self {
            let _ = bars.draw.clear();
            bars.jobs.clear();
        }
    }
}

/// Bars on a terminal.
pub(crate) struct Bars {
    draw: MultiProgress,
    jobs: BTreeMap<String, JobBars>,
}

struct JobBars {
    title: ProgressBar,
    stages: Vec<(Stage, ProgressBar)>,
    whole: ProgressBar,
}

impl Bars {
    fn show(&mut self, event: &Event) {
        match &event.what {
            What::Progress { report } => {
                let bars = self
                    .jobs
                    .entry(event.job.clone())
                    .or_insert_with(|| JobBars::new(&self.draw));
                bars.update(&self.draw, report);
                if report.state.is_final()
                    && let Some(bars) = self.jobs.remove(&event.job)
                {
                    bars.clear();
                }
            }
            what => {
                if let Some(line) = remark(what) {
                    self.draw
                        .suspend(|| term::say(&format!("{}: {line}", event.job)));
                }
            }
        }
    }
}

impl JobBars {
    fn new(draw: &MultiProgress) -> Self {
        let title = draw.add(ProgressBar::new(0).with_style(style("{msg}")));
        let whole = draw.add(bar("all"));
        Self {
            title,
            stages: Vec::new(),
            whole,
        }
    }

    fn update(&mut self, draw: &MultiProgress, report: &JobReport) {
        self.title.set_message(headline(report));
        for stage in STAGES {
            let Some(sum) = StageSum::of(report, stage) else {
                continue;
            };
            let known = self.stages.iter().find(|(it, _)| *it == stage);
            let shown = if let Some((_, shown)) = known {
                shown.clone()
            } else {
                let shown = draw.insert_before(&self.whole, bar(stage.name()));
                self.stages.push((stage, shown.clone()));
                shown
            };
            shown.set_position(sum.permille);
            shown.set_message(sum.text(stage));
        }
        self.whole.set_position(report.permille.into());
        self.whole.set_message(overall(report));
    }

    fn clear(&self) {
        self.title.finish_and_clear();
        for (_, bar) in &self.stages {
            bar.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }
}

fn bar(name: &str) -> ProgressBar {
    ProgressBar::new(1000)
        .with_style(style("  {prefix:8} {wide_bar} {percent:>3} %  {msg:38}").progress_chars("=> "))
        .with_prefix(name.to_owned())
}

fn style(template: &'static str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a constant template")
}

/// A line at each stage and at each tenth.
#[derive(Default)]
pub(crate) struct Lines {
    /// What was said last of each job.
    said: BTreeMap<String, (JobState, u16)>,
}

impl Lines {
    fn show(&mut self, event: &Event) {
        if let Some(line) = self.line(event) {
            term::say(&line);
        }
    }

    fn line(&mut self, event: &Event) -> Option<String> {
        let What::Progress { report } = &event.what else {
            return remark(&event.what).map(|line| format!("{}: {line}", event.job));
        };
        let now = (report.state, report.permille / 100);
        let before = self.said.insert(event.job.clone(), now);
        if before == Some(now) || report.state.is_final() {
            return None;
        }
        Some(format!("{}: {}", report.name, one_line(report)))
    }
}

/// Says in a line how far a job is: `encoding 43 %, 14 of 120 chunks, 2.31x, 312M, 12:33 left`.
pub(crate) fn one_line(report: &JobReport) -> String {
    let mut parts = vec![state_text(report.state).to_owned()];
    if report.state == JobState::Encoding {
        parts[0] = format!("encoding {} %", report.permille / 10);
        if let Some(video) = StageSum::of(report, Stage::Video) {
            parts.push(format!("{} of {} chunks", video.done, video.all));
        }
        parts.extend(report.speed_permille.map(speed));
        if report.bytes > 0 {
            parts.push(text::bytes(report.bytes));
        }
        parts.extend(report.left_ms.map(|ms| format!("{} left", text::clock(ms))));
    }
    parts.join(", ")
}

/// Names a job with what it makes.
fn headline(report: &JobReport) -> String {
    let mut line = report.name.clone();
    if let Some(ms) = report.duration_ms {
        line.push_str(&format!(", {}", text::clock(ms)));
    }
    if !report.renditions.is_empty() {
        line.push_str(&format!(": {}", report.renditions.join(", ")));
    }
    line
}

fn overall(report: &JobReport) -> String {
    let mut parts = vec![state_text(report.state).to_owned()];
    if report.bytes > 0 {
        parts.push(text::bytes(report.bytes));
    }
    parts.extend(report.speed_permille.map(speed));
    parts.extend(report.left_ms.map(|ms| format!("{} left", text::clock(ms))));
    parts.join("  ")
}

/// Names a state.
pub(crate) fn state_text(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "waiting",
        JobState::Fetching => "fetching",
        JobState::Planning => "planning",
        JobState::Encoding => "encoding",
        JobState::Packaging => "packaging",
        JobState::Publishing => "publishing",
        JobState::Paused => "paused",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

fn speed(permille: u64) -> String {
    format!("{}x", text::permille(permille))
}

/// Says what people have to know besides how far a job is.
fn remark(what: &What) -> Option<String> {
    match what {
        What::Playable { version } => Some(format!(
            "what there is can be played, and grows: {version}/{MASTER}"
        )),
        What::Again { step, reason, .. } => Some(format!("{step} is tried again: {reason}")),
        What::SetAside {
            step,
            reason,
            stderr,
        } => {
            let mut line = format!("{step} failed: {reason}");
            for last in stderr.iter().rev().take(5).rev() {
                line.push_str(&format!("\n  {last}"));
            }
            Some(line)
        }
        What::Damaged { step } => Some(format!("{step} is damaged and made again")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
