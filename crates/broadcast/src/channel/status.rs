//! A channel as others see it.

use process::supervise;

use super::shared::{Shared, Stage};
use crate::{input::Source, ladder::Plan, metrics::Distribution};

/// A channel at one instant.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The sources, secrets masked.
    pub inputs: Vec<String>,
    /// State, processes, counters.
    #[serde(flatten)]
    pub job: supervise::Status,
    /// Since when it is in that state, Unix ms.
    pub since_ms: i64,
    /// Epoch of its timeline, Unix ms; `None` before it is planned.
    pub epoch_ms: Option<i64>,
    /// What is made; `None` before it is planned.
    pub plan: Option<Plan>,
    /// Part target in ms; `None` without low latency.
    pub part_ms: Option<u64>,
    /// What came of each track and was made of it.
    pub media: Vec<MediaStatus>,
    /// What can be fetched.
    pub window: Option<WindowStatus>,
    /// What is wrong with the output; `None` before it was looked at.
    pub faults: Option<Vec<String>>,
    /// Bytes left on the disk of the channel's folder.
    pub disk_free: Option<u64>,
    /// What is wrong besides the state, each with what it is about, secrets masked.
    pub alarms: Vec<String>,
    /// Events that slow listeners lost.
    pub events_lost: u64,
    /// How late parts were: from the end of their last frame, by the timeline, to being there.
    pub part_late: Distribution,
}

/// Counters of a track, over all runs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MediaStatus {
    /// Its id.
    pub id: String,
    /// Bytes that came.
    pub bytes: u64,
    /// Frames that came.
    pub frames: u64,
    /// Frames in parts.
    pub packaged: u64,
    /// Parts made.
    pub parts: u64,
    /// Segments made.
    pub segments: u64,
    /// Parts and segments marked as lost.
    pub gaps: u64,
    /// Frames that had to be repaired or dropped.
    pub repaired: u64,
    /// Parts that break the rules of length.
    pub uneven_parts: u64,
}

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WindowStatus {
    /// Segments of all tracks.
    pub segments: u64,
    /// Of these on disk.
    pub on_disk: u64,
    /// Bytes in memory.
    pub memory_bytes: u64,
    /// Segments lost since neither memory nor disk had room.
    pub lost: u64,
    /// Media that can be gone back to, ms.
    pub dvr_ms: i64,
    /// Since the newest part came, ms.
    pub age_ms: Option<i64>,
    /// Discontinuities in the life of the channel since this start.
    pub discontinuities: u64,
}

pub(super) fn status(shared: &Shared, job: supervise::Status) -> Status {
    let now = shared.now_ms();
    let stage = shared.stage.load_full();
    let stay = i64::try_from(job.state_ms).unwrap_or(0);
    Status {
        name: shared.name.clone(),
        inputs: shared.sources.iter().map(Source::title).collect(),
        since_ms: now.saturating_sub(stay),
        epoch_ms: stage.as_ref().map(|it| it.epoch_ms),
        plan: stage.as_ref().map(|it| it.planned.plan.clone()),
        part_ms: stage
            .as_ref()
            .and_then(|it| u64::try_from(it.planned.part?.0.as_millis()).ok()),
        media: stage.as_deref().map(media).unwrap_or_default(),
        window: stage.as_deref().map(|it| window(it, now)),
        faults: shared.faults().clone(),
        disk_free: shared.disk_free(),
        alarms: shared.alarms().texts(),
        events_lost: shared.hub.lost(),
        part_late: stage.map(|it| it.tape.late.read()).unwrap_or_default(),
        job,
    }
}

fn media(stage: &Stage) -> Vec<MediaStatus> {
    let packager = stage.tape.packager();
    let tracks = stage.planned.plan.ids().zip(&packager.counters().tracks);
    tracks
        .map(|(id, of)| MediaStatus {
            id: id.to_owned(),
            bytes: of.bytes,
            frames: of.samples_in,
            packaged: of.samples_out,
            parts: of.parts,
            segments: of.segments,
            gaps: of.gap_parts + of.gap_segments,
            repaired: of.zero_durations
                + of.long_durations
                + of.repeated
                + of.overlaps
                + of.stretched,
            uneven_parts: of.uneven_parts,
        })
        .collect()
}

fn window(stage: &Stage, now: i64) -> WindowStatus {
    let gauge = stage.tape.window.gauge();
    WindowStatus {
        segments: gauge.segments,
        on_disk: gauge.on_disk,
        memory_bytes: gauge.memory_bytes,
        lost: gauge.lost,
        dvr_ms: gauge.listed_ms,
        age_ms: gauge.last_change.map(|at| now.saturating_sub(at)),
        discontinuities: stage.tape.packager().counters().stretches.saturating_sub(1),
    }
}
