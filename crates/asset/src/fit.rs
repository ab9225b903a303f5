//! Checks that what was read fits together: with the manifest's times, with the declared duration,
//! and track with track.

use media::{
    presentation::Content,
    time::{Round, Time},
};

use crate::{
    Error, exact,
    plan::{ManifestPlan, Media, TrackPlan},
    segments::{ROUNDING, TrackRead},
};

/// How many segments are compared with the manifest's times.
const COMPARED: usize = 3;
/// Sound that differs more than this from the picture is worth a warning.
const NOTICEABLE: Time = Time::from_ms(500);

/// Returns the decode time of the first segment in ticks.
pub(crate) fn start(read: &TrackRead) -> i64 {
    let first = read.segments.first().map_or(0, |segment| segment.start);
    i64::try_from(first).unwrap_or(i64::MAX)
}

/// Returns the duration from the first segment's start to the last one's end.
pub(crate) fn duration(read: &TrackRead) -> Time {
    let ticks: u64 = read.segments.iter().map(|segment| segment.duration).sum();
    Time::new(i64::try_from(ticks).unwrap_or(i64::MAX), read.timescale)
}

/// Tells whether a time lies in the media, give or take a segment at the front.
pub(crate) fn covers(read: &TrackRead, time: Time) -> bool {
    let at = time.ticks_in(read.timescale, Round::Nearest);
    let first = read.segments.first();
    let slack = first.map_or(0, |segment| segment.duration as i64);
    let from = start(read).saturating_sub(slack);
    at >= from && at < start(read).saturating_add(duration(read).ticks)
}

fn difference(a: Time, b: Time) -> Time {
    let scale = if a.scale.get() > b.scale.get() {
        a.scale
    } else {
        b.scale
    };
    let ticks = a.ticks_in(scale, Round::Nearest) - b.ticks_in(scale, Round::Nearest);
    Time::new(ticks.abs(), scale)
}

/// Half of the mean segment duration.
fn half_segment(read: &TrackRead) -> Time {
    let count = read.segments.len() as u64;
    exact::time(exact::share(duration(read), count * 2, read.timescale))
}

/// Compares the reference with the duration that the manifest declares. Numbered files that end
/// early may still be on their way: the asset is loaded again when the next one appears.
pub(crate) fn check_declared_duration(
    manifest: &ManifestPlan,
    plan: &TrackPlan,
    read: &TrackRead,
    warnings: &mut Vec<String>,
) {
    let have = duration(read);
    if let Some(declared) = manifest.duration
        && difference(declared, have) > half_segment(read)
    {
        warnings.push(format!(
            "{} lasts {declared} s, but the segments of `{}` last {have} s",
            manifest.name, plan.id
        ));
    }
}

/// Compares the first segments with the times that the manifest gives them, counted from the first.
pub(crate) fn check_declared_times(
    plan: &TrackPlan,
    read: &TrackRead,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let (Some(declared), Media::Pieces(places)) = (&plan.declared, &plan.media) else {
        return Ok(());
    };
    if plan.content == Content::Image {
        return Ok(());
    }
    let times = declared.runs.iter().flat_map(|run| {
        (0..u64::from(run.count)).map(move |i| run.start.saturating_add(run.duration * i))
    });
    let half = half_segment(read);
    let mut first_declared = None;
    for (i, (time, segment)) in times.zip(&read.segments).take(COMPARED).enumerate() {
        let first = *first_declared.get_or_insert(time);
        let said = Time::new((time - first.min(time)) as i64, declared.timescale);
        let is = Time::new(segment.start as i64 - start(read), read.timescale);
        let off = difference(said, is);
        if off > half {
            let path = places.get(i).map_or_else(
                || plan.first_file().to_path_buf(),
                |place| place.path.clone(),
            );
            return Err(Error::Inconsistent {
                path,
                reason: format!(
                    "segment {} of `{}` begins {is} s after the first, the manifest says {said} s",
                    i + 1,
                    plan.id
                ),
            });
        }
        if off > NOTICEABLE {
            warnings.push(format!(
                "segment {} of `{}` begins {is} s after the first, the manifest says {said} s",
                i + 1,
                plan.id
            ));
            break;
        }
    }
    Ok(())
}

/// Compares a track with the reference. Pictures and text must last as long as it does, but for
/// rounding; up to a frame is worth a warning. Sound is cut anew, so it may differ; when it is
/// encrypted it cannot be and a difference is heard.
pub(crate) fn check_against_reference(
    plan: &TrackPlan,
    read: &TrackRead,
    reference: &TrackPlan,
    whole: Time,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let have = duration(read);
    let off = difference(have, whole);
    let text = || {
        format!(
            "`{}` lasts {have} s, but `{}` lasts {whole} s",
            plan.id, reference.id
        )
    };
    match plan.content {
        Content::Image => {}
        Content::Audio => {
            let encrypted = read
                .init_track
                .as_ref()
                .is_some_and(|init| init.protection.is_some());
            if encrypted && off > ROUNDING {
                warnings.push(format!(
                    "{}: it is encrypted and cannot be cut to fit, loops will show it",
                    text()
                ));
            } else if off > NOTICEABLE {
                warnings.push(text());
            }
            if !encrypted && read.sample_duration.is_none() {
                warnings.push(format!(
                    "the samples of `{}` differ in duration, so it cannot be cut to fit",
                    plan.id
                ));
            }
        }
        Content::Video | Content::Text => {
            let frame = exact::time(exact::share(have, read.samples, read.timescale));
            if off > frame.max(ROUNDING) {
                return Err(Error::Inconsistent {
                    path: plan.first_file().to_path_buf(),
                    reason: text(),
                });
            }
            if off > ROUNDING {
                warnings.push(text());
            }
        }
    }
    Ok(())
}
