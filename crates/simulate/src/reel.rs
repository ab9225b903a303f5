//! An asset made ready for looping: what all channels over it share.

use std::sync::{Arc, OnceLock};

use asset::{Asset, model::TrackIndex};
use bytes::Bytes;
use media::{
    isobmff::{BoxError, init, segment::TrackDefaults},
    presentation::{Addressing, Content, Nominal, Shape, Track},
    supply::Manifest,
    time::{Round, Time, Timescale},
};

use crate::{
    cycle::{Cycle, Recut, Stored},
    text::TextError,
};

/// How far encrypted or frame-dependent audio may differ from the loop when the length of its
/// frames is not known, ms.
const UNKNOWN_FRAME_MS: i64 = 40;

/// An asset with everything that does not depend on options.
#[derive(Debug)]
pub(crate) struct Reel {
    pub(crate) asset: Arc<Asset>,
    /// By position in [`Asset::tracks`]; `None` for a track that cannot be looped.
    strips: Vec<Option<Strip>>,
    views: [OnceLock<View>; 3],
}

/// One track of a reel.
#[derive(Debug)]
pub(crate) struct Strip {
    pub(crate) index: Arc<TrackIndex>,
    pub(crate) cycle: Cycle,
    /// Stored decode time that is the start of the loop, in ticks.
    pub(crate) origin: i64,
    /// Ticks by which manifests show less than the decode time.
    pub(crate) edit: i64,
    pub(crate) defaults: TrackDefaults,
    /// The init segment for live; empty for images.
    pub(crate) init: Bytes,
}

/// The manifests of a reel under one addressing.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) manifests: Vec<Manifest>,
    /// For each manifest and each track of its shape, the position in [`Asset::tracks`].
    tracks: Vec<Vec<usize>>,
}

/// A stored segment that cannot be rewritten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RewriteError {
    /// The file is not as it was indexed.
    #[error(transparent)]
    File(#[from] store::mapped::MapError),
    /// Its boxes cannot be followed.
    #[error(transparent)]
    Boxes(#[from] BoxError),
    /// Its subtitles cannot be moved.
    #[error(transparent)]
    Text(#[from] TextError),
    /// There is nothing in it.
    #[error("no samples are stored")]
    Empty,
}

/// A track that cannot be looped.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("its init segment: {0}")]
    Init(#[from] BoxError),
    #[error("its init segment has no track")]
    NoTrack,
    #[error("it has no segments or its reference has none")]
    Empty,
    #[error("it lasts {own} s and the loop {length} s, and its frames cannot be cut anew")]
    Length { own: Time, length: Time },
}

impl Reel {
    /// Prepares an asset. Tracks that cannot be looped are left out and named in the log.
    pub(crate) fn new(asset: Arc<Asset>) -> Self {
        let strips = asset
            .tracks
            .iter()
            .enumerate()
            .map(|(position, index)| {
                Strip::new(&asset, position)
                    .inspect_err(|unfit| {
                        tracing::warn!(
                            asset = asset.name,
                            track = index.id,
                            "not shown as live: {unfit}"
                        );
                    })
                    .ok()
            })
            .collect();
        Self {
            asset,
            strips,
            views: Default::default(),
        }
    }

    /// Returns the manifests for one way of addressing.
    pub(crate) fn view(&self, addressing: Addressing) -> &View {
        let place = match addressing {
            Addressing::Number => 0,
            Addressing::TimelineTime => 1,
            Addressing::TimelineNumber => 2,
        };
        self.views[place].get_or_init(|| View::new(self, addressing))
    }

    /// Iterates over all strips by position in [`Asset::tracks`].
    pub(crate) fn all(&self) -> impl Iterator<Item = Option<&Strip>> {
        self.strips.iter().map(Option::as_ref)
    }

    /// Returns the strip of a track and its position in [`Asset::tracks`].
    pub(crate) fn strip(
        &self,
        view: &View,
        manifest: usize,
        track: usize,
    ) -> Option<(usize, &Strip)> {
        let position = *view.tracks.get(manifest)?.get(track)?;
        Some((position, self.strips.get(position)?.as_ref()?))
    }

    /// Iterates over the strips of a manifest in the order of its shape, each with its position in
    /// [`Asset::tracks`].
    pub(crate) fn strips<'a>(
        &'a self,
        view: &'a View,
        manifest: usize,
    ) -> impl Iterator<Item = (usize, &'a Strip)> {
        view.tracks
            .get(manifest)
            .into_iter()
            .flatten()
            .filter_map(|position| Some((*position, self.strips.get(*position)?.as_ref()?)))
    }
}

impl Strip {
    fn new(asset: &Asset, position: usize) -> Result<Self, Unfit> {
        let index = asset.tracks.get(position).ok_or(Unfit::Empty)?;
        let reference = asset.tracks.get(asset.reference).ok_or(Unfit::Empty)?;
        let first = reference.segments.first().ok_or(Unfit::Empty)?;
        // The loop begins with the first segment of the reference, which need not be where the
        // presentation on demand begins; the other tracks keep their distance to it.
        let lead = Time::new(first.start as i64 - reference.origin, reference.timescale);
        let lead = lead.ticks_in(index.timescale, Round::Nearest);
        let origin = index.origin.saturating_add(lead);
        let leading = || {
            Stored::new(Arc::clone(reference), first.start as i64, asset.duration)
                .ok_or(Unfit::Empty)
        };
        let cycle = if position == asset.reference {
            Cycle::Stored(leading()?)
        } else if let Some(frame) = cuttable_frame(index) {
            let recut = Recut::new(leading()?, index.timescale, frame).ok_or(Unfit::Empty)?;
            Cycle::Recut(recut)
        } else {
            if index.content == Content::Audio {
                check_length(index, asset.duration)?;
            }
            let stored = Stored::new(Arc::clone(index), origin, asset.duration);
            Cycle::Stored(stored.ok_or(Unfit::Empty)?)
        };
        let (init, defaults) = if index.content == Content::Image {
            (Bytes::new(), TrackDefaults::default())
        } else {
            let described = init::read(&index.init)?;
            let track = described.tracks.first().ok_or(Unfit::NoTrack)?;
            (init::live(&index.init)?.into(), track.defaults)
        };
        Ok(Self {
            index: Arc::clone(index),
            cycle,
            origin,
            edit: index.edit_media_time.max(0),
            defaults,
            init,
        })
    }

    /// Returns the slot that a manifest shows as starting at `time`.
    pub(crate) fn slot_at(&self, time: u64) -> Option<u64> {
        let tick = i64::try_from(time).ok()?.checked_add(self.edit)?;
        if time == 0 && self.cycle.boundary(0)? <= self.edit {
            return Some(0);
        }
        self.cycle.starting_at(tick)
    }
}

/// Returns the frame length of audio whose frames stand for themselves and may be grouped anew.
fn cuttable_frame(index: &TrackIndex) -> Option<u32> {
    if index.content != Content::Audio || index.encrypted {
        return None;
    }
    let codec = index.track.codecs.to_ascii_lowercase();
    // USAC (mp4a.40.42) predicts across frames; MPEG-H and AC-4 do too.
    let independent = codec != "mp4a.40.42"
        && ["mp4a", "ac-3", "ec-3", "opus", "flac"]
            .iter()
            .any(|start| codec.starts_with(start));
    index.sample_duration.filter(|_| independent)
}

/// Refuses audio that would leave a gap or overlap of more than a frame where the loop closes.
fn check_length(index: &TrackIndex, length: Time) -> Result<(), Unfit> {
    let own = index.duration();
    let tolerance = index
        .sample_duration
        .map_or(Time::from_ms(UNKNOWN_FRAME_MS), |frame| {
            Time::new(i64::from(frame), index.timescale)
        });
    let difference = own.ticks - length.ticks_in(index.timescale, Round::Nearest);
    if Time::new(difference.abs(), index.timescale) > tolerance {
        return Err(Unfit::Length { own, length });
    }
    Ok(())
}

impl View {
    fn new(reel: &Reel, addressing: Addressing) -> Self {
        let mut manifests = Vec::new();
        let mut tracks = Vec::new();
        for source in &reel.asset.manifests {
            let mut shape = Shape::clone(&source.shape);
            let mut positions = source.tracks.iter();
            let mut kept = Vec::new();
            let mut longest = shape.max_segment_duration.unwrap_or(Time::ZERO);
            for set in &mut shape.sets {
                set.tracks.retain_mut(|track| {
                    let Some(position) = positions.next() else {
                        return false;
                    };
                    let Some(strip) = reel.strips.get(*position).and_then(Option::as_ref) else {
                        return false;
                    };
                    address(track, strip, addressing);
                    if strip.index.content != Content::Image {
                        longest = longest.max(strip.cycle.longest());
                    }
                    kept.push(*position);
                    true
                });
            }
            shape.sets.retain(|set| !set.tracks.is_empty());
            // Declared by many sources as what was asked of the encoder, not what it made.
            shape.max_segment_duration = Some(longest);
            manifests.push(Manifest {
                name: source.name.clone(),
                shape: Arc::new(shape),
            });
            tracks.push(kept);
        }
        Self { manifests, tracks }
    }
}

/// Makes a track say how its live segments are addressed.
fn address(track: &mut Track, strip: &Strip, addressing: Addressing) {
    let by_time = addressing == Addressing::TimelineTime && strip.index.content != Content::Image;
    track.media = if by_time {
        track.media.by_time()
    } else {
        track.media.by_number()
    };
    track.nominal = nominal(track.nominal, strip);
}

/// Keeps the announced segment duration when it is the exact mean of the live slots: players
/// multiply it by numbers as great as the wall clock, so the slightest error would take them to
/// another segment. Else computes it, in ticks of the track if they can express it.
fn nominal(announced: Nominal, strip: &Strip) -> Nominal {
    let mean = strip.cycle.mean();
    let equal = |duration: u64, scale: Timescale| {
        u128::from(duration) * u128::from(mean.per_second)
            == u128::from(mean.ticks) * u128::from(scale.get())
    };
    if equal(announced.duration, announced.timescale) {
        return announced;
    }
    let scale = strip.index.timescale;
    let ticks =
        u128::from(mean.ticks) * u128::from(scale.get()) / u128::from(mean.per_second.max(1));
    let duration = u64::try_from(ticks).unwrap_or(u64::MAX);
    let exact_scale = u32::try_from(mean.per_second).ok().and_then(Timescale::new);
    match exact_scale {
        Some(timescale) if !equal(duration, scale) => Nominal {
            duration: mean.ticks,
            timescale,
        },
        _ => Nominal {
            duration,
            timescale: scale,
        },
    }
}

#[cfg(test)]
#[path = "reel_tests.rs"]
mod tests;
