//! From a plan to what packager and window are told: the tracks and the durations of a channel.

use media::{
    presentation::{AvailabilityOffset, Content, LowLatency, UtcTiming},
    time::{Round, Time, Timescale},
};

use crate::{
    job::{Job, Planned},
    ladder::{Coding, VideoTrack, parts::Cadence},
    packager,
    units::Seconds,
    window,
};

/// How much media stays in memory when there is a folder for the rest.
const MEMORY: Time = Time::from_secs(60);

/// Most bytes of media in memory; some minutes of the highest bit rates.
const MEMORY_BYTES: u64 = 1 << 30;

/// What a channel consists of.
#[derive(Clone, Debug)]
pub(super) struct Blueprint {
    pub(super) packager: packager::Settings,
    pub(super) window: window::Settings,
}

impl Blueprint {
    /// Draws the channel that a plan makes of a job.
    pub(super) fn new(
        job: &Job,
        planned: &Planned,
        epoch_ms: i64,
        utc_timing: Vec<UtcTiming>,
        is_paced: bool,
    ) -> Self {
        let plan = &planned.plan;
        let timing = job.what.timing();
        let segment = plan.segment.unwrap_or_else(|| timing.segment.time());
        let gop = plan.gop.unwrap_or_else(|| timing.gop.time());
        let low_latency = planned.part.map(|part| low_latency(segment, part));
        let sets = sets(planned);
        let tracks = sets.iter().flat_map(|set| {
            set.tracks.iter().map(|track| packager::TrackSettings {
                id: track.id.clone(),
                content: set.content,
            })
        });
        Self {
            packager: packager::Settings {
                epoch_ms,
                segment,
                gop,
                // Without low latency nobody sees parts; a group of pictures is a good size.
                part_target: planned.part.map_or(gop, Seconds::time),
                is_paced,
                producer_time: low_latency.is_some(),
                tracks: tracks.collect(),
                limits: packager::Limits::default(),
            },
            window: window::Settings {
                epoch_ms,
                segment,
                depth: job.what.dvr.time(),
                memory: MEMORY,
                memory_bytes: MEMORY_BYTES,
                low_latency,
                longest: longest(segment, &plan.video, &plan.cadences()),
                presentation_delay: planned.part.map(|part| times(part, DELAY)),
                utc_timing,
                sets,
            },
        }
    }
}

/// `Latency@target` in parts: a part that is being made, and three for the player as in HLS.
const LATENCY: i64 = 4;

/// `MPD@suggestedPresentationDelay` in parts. It is for players that do not know `Latency`, and for
/// Shaka Player, which adds up both: it counts this from the end of the newest part that may be there,
/// and then keeps behind that by what `Latency@target` exceeds half a second by.
const DELAY: i64 = 1;

/// Returns so many parts.
fn times(part: Seconds, count: i64) -> Time {
    let part = part.time();
    Time::new(part.ticks.saturating_mul(count), part.scale)
}

/// Returns what no segment exceeds: a frame more than the nominal duration when all pictures are
/// encoded with key frames where they are wanted, else as much as rounds to the same whole second,
/// where the packager cuts at the latest.
fn longest(segment: Time, video: &[VideoTrack], cadences: &[Cadence]) -> Time {
    let encoded = video
        .iter()
        .all(|track| !matches!(track.coding, Coding::Copy { .. }));
    if encoded {
        let frame = cadences.iter().map(|cadence| cadence.frame()).max();
        let frame = frame.map_or(0, |frame| frame.ms(Round::Up));
        return Time::from_ms(segment.ms(Round::Up).saturating_add(frame));
    }
    let seconds = segment.ticks_in(Timescale::SECONDS, Round::Nearest).max(1);
    Time::from_ms(seconds.saturating_mul(1000).saturating_add(499))
}

fn low_latency(segment: Time, part: Seconds) -> LowLatency {
    let nanos = |time: Time| time.ticks_in(part.time().scale, Round::Down);
    let target = part.time();
    let ahead = nanos(segment).saturating_sub(target.ticks).max(0);
    LowLatency {
        part_target: Some(target),
        availability_offset: Some(AvailabilityOffset::Ahead(Time::new(ahead, target.scale))),
        incomplete: true,
        latency_target: Some(times(part, LATENCY)),
        // While nothing comes a player would seek away from its media into the hole, and dash.js 5.2
        // does not always find out of it.
        latency_max: None,
    }
}

/// All pictures in one set, every sound in its own: a player changes between rungs by itself, and
/// between languages when told to.
fn sets(planned: &Planned) -> Vec<window::SetSettings> {
    let plan = &planned.plan;
    let mut sets = Vec::new();
    if !plan.video.is_empty() {
        sets.push(window::SetSettings {
            content: Content::Video,
            lang: None,
            label: None,
            roles: vec!["main".to_owned()],
            tracks: plan
                .video
                .iter()
                .map(|track| window::TrackSettings {
                    id: track.id.clone(),
                    bandwidth: track.average_bandwidth.0,
                    peak_bandwidth: track.bandwidth.0,
                    frame_rate: Some(track.rate.frame_rate()),
                })
                .collect(),
        });
    }
    for (place, track) in plan.audio.iter().enumerate() {
        let role = if place == 0 { "main" } else { "alternate" };
        sets.push(window::SetSettings {
            content: Content::Audio,
            lang: track.language.clone(),
            label: track.title.clone(),
            roles: vec![role.to_owned()],
            tracks: vec![window::TrackSettings {
                id: track.id.clone(),
                bandwidth: track.bandwidth.0,
                peak_bandwidth: track.bandwidth.0,
                frame_rate: None,
            }],
        });
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channel::testing, job};

    #[test]
    fn tracks_keep_the_order_of_the_plan() {
        let job = testing::job("ladder: [144p, {name: x, height: 90, bitrate: 80k}]");
        let planned = testing::planned(&job);
        let blueprint = Blueprint::new(&job, &planned, 1000, Vec::new(), true);
        let ids: Vec<&str> = planned.plan.ids().collect();
        let made: Vec<&str> = blueprint
            .window
            .tracks()
            .map(|(_, it)| it.id.as_str())
            .collect();
        assert_eq!(made, ids);
        let made: Vec<&str> = blueprint
            .packager
            .tracks
            .iter()
            .map(|it| it.id.as_str())
            .collect();
        assert_eq!(made, ids);
    }

    #[test]
    fn latency_follows_the_preset() {
        for (preset, part, ahead, target) in [
            ("default", Some(360), Some(1640), Some(1440)),
            ("ultra", Some(214), Some(786), Some(856)),
            ("standard", None, None, None),
        ] {
            let job: job::Job = testing::job(&format!("latency: {preset}"));
            let planned = testing::planned(&job);
            let blueprint = Blueprint::new(&job, &planned, 1000, Vec::new(), true);
            let low = blueprint.window.low_latency;
            let ms = |time: Option<Time>| time.map(|it| it.ms(Round::Nearest));
            assert_eq!(ms(low.and_then(|low| low.part_target)), part, "{preset}");
            let offset = low.and_then(|low| match low.availability_offset? {
                AvailabilityOffset::Ahead(time) => Some(time),
                AvailabilityOffset::Infinite => None,
            });
            assert_eq!(ms(offset), ahead, "{preset}");
            assert_eq!(
                ms(low.and_then(|low| low.latency_target)),
                target,
                "{preset}"
            );
        }
    }
}
