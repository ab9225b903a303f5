//! The MPD writer: one pass over a [`Presentation`] into one `String`, static or live.
//!
//! Every AdaptationSet gets an id and every SegmentTemplate a timescale. A SegmentTemplate stands
//! on the AdaptationSet when all its tracks agree, else on each Representation. Only templates are
//! written, whatever addressing the source had. Elements follow the order of the schema.

mod low_latency;
mod segments;

use std::{borrow::Cow, fmt::Write as _};

use super::{CHANNEL_SCHEME, ROLE_SCHEME, SET_ATTRIBUTES, TRACK_ATTRIBUTES};
use crate::{
    iso8601::{Milliseconds, push_date_time, push_duration},
    presentation::{
        Content, Live, Liveness, Period, Presentation, Shape, SwitchingSet, Timeline, Track,
        UtcTiming,
    },
    time::Time,
    xml::{Element, push_attribute_value, push_element, push_text},
};

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";
/// What we follow when the source says nothing, or says a profile that templates do not follow.
const PROFILE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
/// `minBufferTime` is compulsory.
const DEFAULT_MIN_BUFFER_TIME: Time = Time::from_secs(2);

/// Kept children of the MPD that the schema wants behind the Periods.
const BEHIND_PERIODS: [&str; 3] = ["Metrics", "EssentialProperty", "SupplementalProperty"];
/// Kept children of a Period that the schema wants behind the AdaptationSets.
const BEHIND_SETS: [&str; 6] = [
    "Subset",
    "EssentialProperty",
    "SupplementalProperty",
    "EmptyAdaptationSet",
    "GroupLabel",
    "Preselection",
];
/// Children of an AdaptationSet that the schema wants behind Label.
const BEHIND_LABEL: [&str; 5] = [
    "Accessibility",
    "Role",
    "Rating",
    "Viewpoint",
    "ContentComponent",
];

/// Writes the MPD of a presentation. `host` is scheme and authority of the request
/// (`http://127.0.0.1:8080`); it is put before UTCTiming values that begin with `/`.
///
/// MPD-level attributes and elements are those of the first period's shape. Takes one allocation
/// for the text and few small ones.
pub fn write(presentation: &Presentation, host: &str) -> String {
    let mut out = String::with_capacity(capacity(presentation));
    let none = Shape::default();
    let first = presentation.periods.first();
    let shape = first.map_or(&none, |period| &period.shape);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    push_mpd_tag(&mut out, presentation, shape);
    let live = match &presentation.liveness {
        Liveness::Live(live) => Some(live),
        Liveness::Static { .. } => None,
    };
    let service = live.and_then(low_latency::Service::of);
    for element in &shape.elements {
        let replaced = service.is_some() && element.local_name() == low_latency::SERVICE;
        if !replaced && !BEHIND_PERIODS.contains(&element.local_name()) {
            push_element(&mut out, element, 1);
        }
    }
    if let Some(service) = &service {
        service.push(&mut out);
    }
    for period in &presentation.periods {
        push_period(&mut out, presentation, period, live, host);
    }
    push_elements(&mut out, &shape.elements, 1, &BEHIND_PERIODS, true);
    for timing in live.iter().flat_map(|live| &live.utc_timing) {
        push_clock(&mut out, timing, host, 1);
    }
    out.push_str("</MPD>\n");
    out
}

/// Estimates the length so that the text does not move while it grows.
fn capacity(presentation: &Presentation) -> usize {
    let periods = presentation.periods.iter().map(|period| {
        let runs: usize = period.timelines.iter().map(|t| t.runs.len()).sum();
        512 + period.timelines.len() * 1024 + runs * 40
    });
    1024 + periods.sum::<usize>()
}

fn push_mpd_tag(out: &mut String, presentation: &Presentation, shape: &Shape) {
    out.push_str("<MPD");
    attribute(out, "xmlns", NAMESPACE);
    for (name, value) in namespaces(presentation) {
        attribute(out, name, value);
    }
    if let Some(id) = &shape.id {
        attribute(out, "id", id);
    }
    let follows = !shape.profiles.is_empty() && !shape.profiles.contains("isoff-on-demand");
    let profiles = if follows { &shape.profiles } else { PROFILE };
    attribute(out, "profiles", profiles);
    match &presentation.liveness {
        Liveness::Static { duration } => {
            attribute(out, "type", "static");
            duration_attribute(out, "mediaPresentationDuration", Some(*duration));
        }
        Liveness::Live(live) => {
            attribute(out, "type", "dynamic");
            instant_attribute(out, "availabilityStartTime", live.availability_start);
            instant_attribute(out, "publishTime", live.publish_time);
            duration_attribute(out, "minimumUpdatePeriod", live.minimum_update_period);
            duration_attribute(out, "timeShiftBufferDepth", live.time_shift_buffer_depth);
            let delay = live.suggested_presentation_delay;
            duration_attribute(out, "suggestedPresentationDelay", delay);
        }
    }
    let min_buffer_time = shape.min_buffer_time.unwrap_or(DEFAULT_MIN_BUFFER_TIME);
    duration_attribute(out, "minBufferTime", Some(min_buffer_time));
    duration_attribute(out, "maxSegmentDuration", shape.max_segment_duration);
    out.push_str(">\n");
}

/// Returns the namespace declarations of all periods, each prefix once.
fn namespaces(presentation: &Presentation) -> Vec<(&str, &str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (name, value) in presentation
        .periods
        .iter()
        .flat_map(|p| &p.shape.namespaces)
    {
        if name != "xmlns" && !found.iter().any(|(known, _)| known == name) {
            found.push((name, value));
        }
    }
    found
}

fn push_clock(out: &mut String, timing: &UtcTiming, host: &str, indent: usize) {
    push_indent(out, indent);
    out.push_str("<UTCTiming");
    attribute(out, "schemeIdUri", &timing.scheme);
    out.push_str(" value=\"");
    if timing.value.starts_with('/') {
        push_attribute_value(out, host);
    }
    push_attribute_value(out, &timing.value);
    out.push_str("\"/>\n");
}

fn push_period(
    out: &mut String,
    presentation: &Presentation,
    period: &Period,
    live: Option<&Live>,
    host: &str,
) {
    let shape = &period.shape;
    out.push_str("  <Period");
    attribute(out, "id", &period.id);
    duration_attribute(out, "start", Some(period.start));
    // With the end of its last period a presentation ends, to players; a live one may go on.
    let is_last = presentation.periods.last().map(|last| &last.id) == Some(&period.id);
    if live.is_none() || !is_last {
        duration_attribute(out, "duration", period.duration);
    }
    out.push_str(">\n");
    push_elements(out, &shape.period_elements, 2, &BEHIND_SETS, false);
    let mut timelines = period.timelines.iter();
    for (index, set) in shape.sets.iter().enumerate() {
        let of_set: Vec<Cow<'_, Timeline>> = set
            .tracks
            .iter()
            .map(|_| timelines.next().map_or_else(Cow::default, Cow::Borrowed))
            .collect();
        if !set.tracks.is_empty() {
            let low_latency = live.and_then(|live| live.low_latency.as_ref());
            let plan = segments::Plan::new(
                presentation.addressing,
                period.start_number,
                set,
                low_latency,
            );
            let reference = live.and_then(|live| low_latency::Reference::of(live, period, host));
            push_set(out, set, &set_id(shape, index), &plan, &of_set, reference);
        }
    }
    push_elements(out, &shape.period_elements, 2, &BEHIND_SETS, true);
    out.push_str("  </Period>\n");
}

/// Returns the id of the set: its own, else its position from 1, moved on by the number of sets
/// while a set has that id already.
fn set_id(shape: &Shape, index: usize) -> Cow<'_, str> {
    if let Some(id) = shape.sets.get(index).and_then(|set| set.id.as_deref()) {
        return Cow::Borrowed(id);
    }
    let taken = |id: &str| shape.sets.iter().any(|set| set.id.as_deref() == Some(id));
    let mut number = index + 1;
    let mut id = number.to_string();
    while taken(&id) {
        number += shape.sets.len();
        id = number.to_string();
    }
    Cow::Owned(id)
}

fn push_set(
    out: &mut String,
    set: &SwitchingSet,
    id: &str,
    plan: &segments::Plan,
    timelines: &[Cow<'_, Timeline>],
    reference: Option<low_latency::Reference<'_>>,
) {
    out.push_str("    <AdaptationSet");
    attribute(out, "id", id);
    attribute(out, "contentType", set.content.as_str());
    if let Some(lang) = &set.lang {
        attribute(out, "lang", lang);
    }
    kept_attributes(out, &set.attributes, &SET_ATTRIBUTES);
    out.push_str(">\n");
    let timed = matches!(set.content, Content::Video | Content::Audio);
    let presentation_time = match (set.tracks.first(), timelines.first()) {
        (Some(track), Some(timeline)) => plan.offset(track, timeline),
        _ => 0,
    };
    push_set_elements(out, set, |out| {
        if let Some(reference) = reference.as_ref().filter(|_| timed) {
            reference.push(out, presentation_time);
        }
    });
    let shared = plan.is_shared(&set.tracks, timelines);
    if shared && let (Some(track), Some(timeline)) = (set.tracks.first(), timelines.first()) {
        plan.push_template(out, track, timeline, 3);
    }
    for (track, timeline) in set.tracks.iter().zip(timelines) {
        push_track(out, set, track, (!shared).then_some((plan, timeline)));
    }
    out.push_str("    </AdaptationSet>\n");
}

/// Writes the kept children of a set, and Label and Role where they are known but not kept.
/// `behind_label` writes what the schema wants right behind Label.
fn push_set_elements(out: &mut String, set: &SwitchingSet, behind_label: impl FnOnce(&mut String)) {
    let has = |name: &str| set.elements.iter().any(|e| e.local_name() == name);
    let label = set.label.as_deref().filter(|_| !has("Label"));
    let mut inserted = Some((label, behind_label));
    let mut insert = |out: &mut String| {
        if let Some((label, behind_label)) = inserted.take() {
            push_label(out, label);
            behind_label(out);
        }
    };
    for element in &set.elements {
        if BEHIND_LABEL.contains(&element.local_name()) {
            insert(out);
        }
        push_element(out, element, 3);
    }
    insert(out);
    if has("Role") {
        return;
    }
    for role in &set.roles {
        push_descriptor(out, 3, "Role", ROLE_SCHEME, role);
    }
}

fn push_label(out: &mut String, label: Option<&str>) {
    if let Some(label) = label {
        out.push_str("      <Label>");
        push_text(out, label);
        out.push_str("</Label>\n");
    }
}

fn push_descriptor(out: &mut String, indent: usize, name: &str, scheme: &str, value: &str) {
    push_indent(out, indent);
    out.push('<');
    out.push_str(name);
    attribute(out, "schemeIdUri", scheme);
    attribute(out, "value", value);
    out.push_str("/>\n");
}

fn push_track(
    out: &mut String,
    set: &SwitchingSet,
    track: &Track,
    template: Option<(&segments::Plan, &Cow<'_, Timeline>)>,
) {
    out.push_str("      <Representation");
    attribute(out, "id", &track.id);
    number_attribute(out, "bandwidth", track.bandwidth);
    attribute(out, "mimeType", &track.mime_type);
    if !track.codecs.is_empty() {
        attribute(out, "codecs", &track.codecs);
    }
    if let Some((width, height)) = track.size {
        number_attribute(out, "width", width.into());
        number_attribute(out, "height", height.into());
    }
    if let Some((x, y)) = track.sar {
        let _ = write!(out, " sar=\"{x}:{y}\"");
    }
    if let Some(rate) = track.frame_rate {
        let _ = match rate.den {
            1 => write!(out, " frameRate=\"{}\"", rate.num),
            den => write!(out, " frameRate=\"{}/{den}\"", rate.num),
        };
    }
    if let Some(rate) = track.sampling_rate {
        number_attribute(out, "audioSamplingRate", rate.into());
    }
    kept_attributes(out, &track.attributes, &TRACK_ATTRIBUTES);
    let layout = channel_layout(set, track);
    if layout.is_none() && track.elements.is_empty() && template.is_none() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    if let Some(layout) = layout {
        let name = "AudioChannelConfiguration";
        push_descriptor(out, 4, name, CHANNEL_SCHEME, &layout.to_string());
    }
    for element in &track.elements {
        push_element(out, element, 4);
    }
    if let Some((plan, timeline)) = template {
        plan.push_template(out, track, timeline, 4);
    }
    out.push_str("      </Representation>\n");
}

/// Returns the channel layout (ISO/IEC 23091-3) to announce, when none is kept from the source and
/// the number of channels leaves no doubt.
fn channel_layout(set: &SwitchingSet, track: &Track) -> Option<u32> {
    if set.content != Content::Audio {
        return None;
    }
    let layout = match track.channels? {
        count @ 1..=6 => count,
        7 => 11,
        8 => 12,
        _ => return None,
    };
    let kept = set.elements.iter().chain(&track.elements);
    let announced = kept
        .into_iter()
        .any(|element| element.local_name() == "AudioChannelConfiguration");
    (!announced).then_some(layout)
}

/// Writes those kept elements that are (or are not) in `names`.
fn push_elements(out: &mut String, kept: &[Element], indent: usize, names: &[&str], listed: bool) {
    for element in kept {
        if names.contains(&element.local_name()) == listed {
            push_element(out, element, indent);
        }
    }
}

/// Writes kept attributes, but none that the writer writes itself, and none twice.
fn kept_attributes(out: &mut String, kept: &[(String, String)], own: &[&str]) {
    for (index, (name, value)) in kept.iter().enumerate() {
        let mut earlier = kept.iter().take(index);
        if !own.contains(&name.as_str()) && !earlier.any(|(known, _)| known == name) {
            attribute(out, name, value);
        }
    }
}

fn push_indent(out: &mut String, levels: usize) {
    for _ in 0..levels {
        out.push_str("  ");
    }
}

fn open_attribute(out: &mut String, name: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
}

fn attribute(out: &mut String, name: &str, value: &str) {
    open_attribute(out, name);
    push_attribute_value(out, value);
    out.push('"');
}

fn number_attribute(out: &mut String, name: &str, value: u64) {
    open_attribute(out, name);
    let _ = write!(out, "{value}\"");
}

fn duration_attribute(out: &mut String, name: &str, value: Option<Time>) {
    if let Some(value) = value {
        open_attribute(out, name);
        push_duration(out, value);
        out.push('"');
    }
}

fn instant_attribute(out: &mut String, name: &str, unix_ms: i64) {
    open_attribute(out, name);
    push_date_time(out, unix_ms, Milliseconds::WhenNeeded);
    out.push('"');
}

#[cfg(test)]
mod tests;
