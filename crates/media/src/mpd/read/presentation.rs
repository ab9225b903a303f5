//! The MPD element and its first Period.

use super::{MpdError, MpdSource, place::Place, sets};
use crate::{
    presentation::Shape,
    time::{Round, Time},
    url,
    xml::Element,
};

/// Children of the MPD that are not kept: modelled, or true only of the source.
const DROPPED_FROM_MPD: [&str; 6] = [
    "Period",
    "BaseURL",
    "Location",
    "PatchLocation",
    "UTCTiming",
    "LeapSecondInformation",
];

/// Children of the Period that are not kept.
const DROPPED_FROM_PERIOD: [&str; 5] = [
    "AdaptationSet",
    "BaseURL",
    "SegmentBase",
    "SegmentList",
    "SegmentTemplate",
];

pub(super) fn read(mpd: &Place<'_>) -> Result<MpdSource, MpdError> {
    let periods = mpd.children("Period");
    let Some(period) = periods.first() else {
        return Err(mpd.fail("there is no Period"));
    };
    let declared = mpd.duration("mediaPresentationDuration")?;
    let period_duration = period_duration(&periods, declared)?;
    let mut source = MpdSource {
        shape: shape(mpd, period)?,
        duration: declared.or(period_duration.filter(|_| periods.len() == 1)),
        is_dynamic: mpd.attribute("type") == Some("dynamic"),
        periods: periods.len(),
        tracks: Vec::new(),
        ignored: Vec::new(),
    };
    let base = join_base(mpd, "")?;
    let base = join_base(period, &base)?;
    sets::read(period, &base, period_duration, &mut source)?;
    Ok(source)
}

fn shape(mpd: &Place<'_>, period: &Place<'_>) -> Result<Shape, MpdError> {
    let mut namespaces: Vec<(String, String)> = Vec::new();
    for (name, value) in [mpd, period]
        .into_iter()
        .flat_map(|place| &place.element.attributes)
    {
        if name.starts_with("xmlns:") && !namespaces.iter().any(|(known, _)| known == name) {
            namespaces.push((name.clone(), value.clone()));
        }
    }
    Ok(Shape {
        profiles: mpd.attribute("profiles").unwrap_or_default().to_owned(),
        namespaces,
        id: mpd.attribute("id").map(str::to_owned),
        min_buffer_time: mpd.duration("minBufferTime")?,
        max_segment_duration: mpd.duration("maxSegmentDuration")?,
        elements: kept_elements(mpd.element, &DROPPED_FROM_MPD),
        period_elements: kept_elements(period.element, &DROPPED_FROM_PERIOD),
        sets: Vec::new(),
    })
}

/// Returns the child elements whose local name is not in `dropped`.
pub(super) fn kept_elements(element: &Element, dropped: &[&str]) -> Vec<Element> {
    element
        .elements()
        .filter(|child| !dropped.contains(&child.local_name()))
        .cloned()
        .collect()
}

/// Returns the duration of the first Period: declared, else up to the next one or the end.
fn period_duration(
    periods: &[Place<'_>],
    presentation: Option<Time>,
) -> Result<Option<Time>, MpdError> {
    let Some(first) = periods.first() else {
        return Ok(None);
    };
    if let Some(duration) = first.duration("duration")? {
        return Ok(Some(duration));
    }
    let start = first.duration("start")?.unwrap_or(Time::ZERO);
    let end = match periods.get(1) {
        Some(next) => next.duration("start")?,
        None => presentation,
    };
    Ok(end
        .filter(|end| *end > start)
        .map(|end| difference(end, start)))
}

/// Subtracts in the finer of both scales.
fn difference(a: Time, b: Time) -> Time {
    let scale = a.scale.max(b.scale);
    let b = b.ticks_in(scale, Round::Nearest);
    Time::new(a.ticks_in(scale, Round::Nearest).saturating_sub(b), scale)
}

/// Resolves the first BaseURL of an element, if any, against the one of the element above.
pub(super) fn join_base(place: &Place<'_>, above: &str) -> Result<String, MpdError> {
    let Some(base) = place.child("BaseURL") else {
        return Ok(above.to_owned());
    };
    url::join(above, &base.element.text()).map_err(|error| base.fail(error.to_string()))
}
