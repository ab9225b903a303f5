//! What is told of VoD jobs on the page.

use transcode::job::{JobReport, JobState, StepReport, StepState};

use crate::{text, transcoding::display};

/// A job on the page.
pub(crate) struct JobCard<'a> {
    /// The job.
    pub(crate) job: &'a JobReport,
    /// Its steps with their states, as style sheets know them.
    pub(crate) steps: Vec<(String, &'static str)>,
}

impl<'a> JobCard<'a> {
    /// Makes the card of a job.
    pub(crate) fn of(job: &'a JobReport) -> Self {
        let named = |step: &StepReport| (step.step.to_string(), state_name(step.state));
        Self {
            steps: job.steps.iter().map(named).collect(),
            job,
        }
    }

    /// Names its state.
    pub(crate) fn state(&self) -> &'static str {
        display::state_text(self.job.state)
    }

    /// Says how far it is.
    pub(crate) fn progress(&self) -> String {
        display::one_line(self.job)
    }

    /// Returns how much is done, in percent.
    pub(crate) fn percent(&self) -> u16 {
        self.job.permille / 10
    }

    /// Returns the length of the output.
    pub(crate) fn length(&self) -> Option<String> {
        self.job.duration_ms.map(text::clock)
    }

    /// Returns the address of the asset, once it is there.
    pub(crate) fn play(&self) -> Option<String> {
        let path = format!("/vod/{}/master.m3u8", self.job.name);
        let src = crate::url::encode_value(&crate::url::encode_path(&path));
        (self.job.state == JobState::Done).then(|| format!("/play?src={src}"))
    }

    /// Lists the steps that went wrong, with why.
    pub(crate) fn setbacks(&self) -> Vec<(String, &str)> {
        let steps = self
            .job
            .steps
            .iter()
            .filter(|it| it.state != StepState::Done);
        steps
            .filter_map(|step| {
                Some((
                    step.step.to_string(),
                    step.setback.as_ref()?.reason.as_str(),
                ))
            })
            .collect()
    }
}

fn state_name(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "waiting",
        StepState::Ready => "ready",
        StepState::Running => "running",
        StepState::Done => "done",
        StepState::SetAside => "set_aside",
    }
}
