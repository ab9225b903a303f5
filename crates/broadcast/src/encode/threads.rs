//! Threads of the encoders. The number follows what the control group grants, not the machine: an
//! encoder with more threads than processors only waits for itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Request;
use crate::ladder::{Coding, VideoTrack};

/// How an encoder's threads share the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThreadMode {
    /// `slice` for rungs without delay, else `frame`.
    #[default]
    Auto,
    /// Each takes a frame of its own: no loss, but a delay of as many frames.
    Frame,
    /// Each takes a slice of the frame: no delay, slightly more bits.
    Slice,
}

/// Threads of the encoders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Threads {
    /// How they share the work.
    pub mode: ThreadMode,
    /// How many each encoder gets; by its share of the pixels unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Threads of one encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) count: u32,
    pub(super) sliced: bool,
}

/// More slices than this cost more bits than they save time.
const MOST_SLICES: u32 = 8;

/// x264 gains nothing from more.
const MOST_FRAMES: u32 = 16;

/// Shares out threads among the video tracks of the plan, in order.
pub(super) fn shares(request: &Request<'_>) -> Vec<Share> {
    let work = |track: &VideoTrack| match track.coding {
        Coding::H264(_) => {
            track.size.pixels() * u64::from(track.rate.num()) / u64::from(track.rate.den())
        }
        Coding::Copy { .. } => 0,
    };
    let total: u64 = request.plan.video.iter().map(work).sum();
    let share = |track: &VideoTrack| {
        let without_delay = match &track.coding {
            Coding::H264(settings) => settings.without_delay,
            Coding::Copy { .. } => false,
        };
        let sliced = match request.threads.mode {
            ThreadMode::Auto => without_delay,
            ThreadMode::Frame => false,
            ThreadMode::Slice => true,
        };
        let most = if sliced { MOST_SLICES } else { MOST_FRAMES };
        let fair = (u64::from(request.processors) * work(track) + total / 2) / total.max(1);
        let count = request
            .threads
            .count
            .unwrap_or(u32::try_from(fair).unwrap_or(1))
            .clamp(1, most);
        Share { count, sliced }
    };
    request.plan.video.iter().map(share).collect()
}
