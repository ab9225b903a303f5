//! An MPD as who follows it sees it: all Periods, the clock, and URLs of any host.
//!
//! `media::mpd::read` is for content that is to be presented anew: it reads one Period, refuses other
//! hosts and drops everything that is about time. So this is another reading of the same document,
//! over the same element tree and the same templates. Follows ISO/IEC 23009-1.

use media::{
    iso8601,
    template::Template,
    time::{Time, Timescale},
    xml::{self, Element},
};
use url::Url;

use crate::watch::{
    nanos::{Nanos, nanos},
    snapshot::Kind,
};

/// More listed segments are refused.
const MAX_SEGMENTS: usize = 1_000_000;

/// An MPD.
#[derive(Clone, Debug)]
pub(crate) struct Mpd {
    pub(crate) dynamic: bool,
    /// Unix ms.
    pub(crate) availability_start: Option<i64>,
    pub(crate) publish_time: Option<i64>,
    pub(crate) update_period: Option<Nanos>,
    pub(crate) depth: Option<Nanos>,
    pub(crate) delay: Option<Nanos>,
    pub(crate) max_segment: Option<Nanos>,
    pub(crate) profiles: String,
    /// Scheme and value of every UTCTiming.
    pub(crate) clocks: Vec<(String, String)>,
    /// `ServiceDescription/Latency@target` in ms.
    pub(crate) latency_target: Option<i64>,
    pub(crate) has_service_description: bool,
    pub(crate) periods: Vec<Period>,
}

/// A Period.
#[derive(Clone, Debug)]
pub(crate) struct Period {
    pub(crate) id: Option<String>,
    /// Since the availability start.
    pub(crate) start: Nanos,
    /// Declared, or up to the next one.
    pub(crate) end: Option<Nanos>,
    pub(crate) tracks: Vec<Track>,
}

/// A Representation.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) codecs: String,
    pub(crate) bandwidth: u64,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) base: Url,
    pub(crate) init: Option<Template>,
    pub(crate) media: Template,
    pub(crate) timescale: Timescale,
    /// `@presentationTimeOffset` in ticks.
    pub(crate) offset: u64,
    /// `@availabilityTimeOffset`.
    pub(crate) early: Nanos,
    /// `@availabilityTimeComplete="false"`.
    pub(crate) incomplete: bool,
    pub(crate) start_number: u64,
    pub(crate) segments: Segments,
}

/// How segments are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segments {
    /// Each of so many ticks.
    Equal(u64),
    /// Start and duration of each, in ticks.
    Listed(Vec<(u64, u64)>),
}

impl Mpd {
    /// Reads an MPD that was fetched from `url`. The error says where and what.
    pub(crate) fn read(text: &str, url: &Url) -> Result<Self, String> {
        let root = xml::parse(text).map_err(|error| error.to_string())?;
        if root.local_name() != "MPD" {
            return Err(fail(&root, "the root element is not MPD"));
        }
        let base = join(url, &root)?;
        let clocks = root
            .elements()
            .filter(|child| child.local_name() == "UTCTiming");
        let text =
            |element: &Element, name: &str| element.attribute(name).unwrap_or_default().to_owned();
        let service = root.child("ServiceDescription");
        let latency = service.and_then(|service| service.child("Latency"));
        let mut mpd = Self {
            dynamic: root.attribute("type") == Some("dynamic"),
            availability_start: instant(&root, "availabilityStartTime")?,
            publish_time: instant(&root, "publishTime")?,
            update_period: duration(&root, "minimumUpdatePeriod")?,
            depth: duration(&root, "timeShiftBufferDepth")?,
            delay: duration(&root, "suggestedPresentationDelay")?,
            max_segment: duration(&root, "maxSegmentDuration")?,
            profiles: text(&root, "profiles"),
            clocks: clocks
                .map(|clock| (text(clock, "schemeIdUri"), text(clock, "value")))
                .collect(),
            latency_target: latency
                .map(|latency| number(latency, "target"))
                .transpose()?
                .flatten(),
            has_service_description: service.is_some(),
            periods: Vec::new(),
        };
        for element in root
            .elements()
            .filter(|child| child.local_name() == "Period")
        {
            let period = period(element, &base, mpd.periods.last())?;
            if let Some(before) = mpd.periods.last_mut()
                && before.end.is_none()
            {
                before.end = Some(period.start);
            }
            mpd.periods.push(period);
        }
        if mpd.periods.is_empty() {
            return Err(fail(&root, "there is no Period"));
        }
        Ok(mpd)
    }

    /// Returns the longest segment duration that is announced.
    pub(crate) fn target(&self) -> Option<Nanos> {
        let tracks = self.periods.iter().flat_map(|period| &period.tracks);
        self.max_segment
            .or_else(|| tracks.filter_map(Track::longest).max())
    }
}

impl Track {
    /// Converts ticks.
    pub(crate) fn at(&self, ticks: u64) -> Nanos {
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
        nanos(Time::new(ticks, self.timescale))
    }

    /// Returns the longest segment duration.
    pub(crate) fn longest(&self) -> Option<Nanos> {
        match &self.segments {
            Segments::Equal(duration) => Some(self.at(*duration)),
            Segments::Listed(list) => list.iter().map(|(_, duration)| self.at(*duration)).max(),
        }
    }

    /// Tells whether segments are announced before they are whole.
    pub(crate) fn is_early(&self) -> bool {
        self.early > 0
    }
}

fn fail(element: &Element, reason: impl std::fmt::Display) -> String {
    let at = element.position;
    format!(
        "line {}, column {}, {}: {reason}",
        at.line, at.column, element.name
    )
}

fn instant(element: &Element, name: &str) -> Result<Option<i64>, String> {
    let read = |text: &str| iso8601::parse_date_time(text);
    let found = element.attribute(name).map(read).transpose();
    found.map_err(|reason| fail(element, format!("{name}: {reason}")))
}

fn duration(element: &Element, name: &str) -> Result<Option<Nanos>, String> {
    let read = |text: &str| iso8601::parse_duration(text).map(nanos);
    let found = element.attribute(name).map(read).transpose();
    found.map_err(|reason| fail(element, format!("{name}: {reason}")))
}

fn number<T: std::str::FromStr>(element: &Element, name: &str) -> Result<Option<T>, String> {
    let Some(text) = element.attribute(name) else {
        return Ok(None);
    };
    let found = text.trim().parse().ok();
    found.map(Some).ok_or_else(|| {
        fail(
            element,
            format!("{name}: `{text}` is not a number that is allowed"),
        )
    })
}

fn join(base: &Url, element: &Element) -> Result<Url, String> {
    match element.child("BaseURL") {
        None => Ok(base.clone()),
        Some(child) => base
            .join(child.text().trim())
            .map_err(|error| fail(child, error)),
    }
}

fn period(element: &Element, base: &Url, before: Option<&Period>) -> Result<Period, String> {
    let base = join(base, element)?;
    let follows = before.map_or(Some(0), |before| before.end);
    let start = duration(element, "start")?.or(follows);
    let Some(start) = start else {
        return Err(fail(
            element,
            "start is missing and the Period before has no duration",
        ));
    };
    let end = duration(element, "duration")?.map(|length| start.saturating_add(length));
    let mut tracks = Vec::new();
    for set in element
        .elements()
        .filter(|child| child.local_name() == "AdaptationSet")
    {
        let base = join(&base, set)?;
        let representations = set
            .elements()
            .filter(|child| child.local_name() == "Representation");
        for representation in representations {
            let levels = [representation, set, element];
            if let Some(track) = track(levels, &join(&base, representation)?)? {
                tracks.push(track);
            }
        }
    }
    Ok(Period {
        id: element.attribute("id").map(str::to_owned),
        start,
        end,
        tracks,
    })
}

/// Reads a Representation; one without SegmentTemplate cannot be followed and is left out.
fn track(levels: [&Element; 3], base: &Url) -> Result<Option<Track>, String> {
    let [representation, ..] = levels;
    let templates: Vec<&Element> = levels
        .iter()
        .filter_map(|level| level.child("SegmentTemplate"))
        .collect();
    let Some(nearest) = templates.first() else {
        return Ok(None);
    };
    let said = |name: &str| levels.iter().find_map(|level| level.attribute(name));
    let of_template = |name: &str| templates.iter().find_map(|level| level.attribute(name));
    let holder = |name: &str| {
        let found = templates
            .iter()
            .find(|level| level.attribute(name).is_some());
        *found.unwrap_or(nearest)
    };
    let template = |name: &str| match of_template(name) {
        None => Ok(None),
        Some(text) => Template::parse(text.trim())
            .map(Some)
            .map_err(|error| fail(holder(name), error)),
    };
    let Some(media) = template("media")? else {
        return Err(fail(nearest, "media is missing"));
    };
    let timescale = number::<u32>(holder("timescale"), "timescale")?.unwrap_or(1);
    let Some(timescale) = Timescale::new(timescale) else {
        return Err(fail(nearest, "timescale is 0"));
    };
    let start_number = number(holder("startNumber"), "startNumber")?.unwrap_or(1);
    let timeline = templates
        .iter()
        .find_map(|level| level.child("SegmentTimeline"));
    let segments = match timeline {
        Some(timeline) => Segments::Listed(listed(timeline)?),
        None => match number(holder("duration"), "duration")? {
            Some(duration) if duration > 0 => Segments::Equal(duration),
            _ => return Err(fail(nearest, "neither duration nor SegmentTimeline")),
        },
    };
    let size = match (said("width"), said("height")) {
        (Some(width), Some(height)) => width.parse().ok().zip(height.parse().ok()),
        _ => None,
    };
    Ok(Some(Track {
        id: representation
            .attribute("id")
            .unwrap_or_default()
            .to_owned(),
        kind: kind(said("contentType"), said("mimeType"), said("codecs")),
        codecs: said("codecs").unwrap_or_default().to_owned(),
        bandwidth: number(representation, "bandwidth")?.unwrap_or(0),
        size,
        base: base.clone(),
        init: template("initialization")?,
        media,
        timescale,
        offset: number(holder("presentationTimeOffset"), "presentationTimeOffset")?.unwrap_or(0),
        early: of_template("availabilityTimeOffset")
            .and_then(iso8601::parse_decimal)
            .map_or(0, nanos),
        incomplete: of_template("availabilityTimeComplete") == Some("false"),
        start_number,
        segments,
    }))
}

fn kind(content: Option<&str>, mime: Option<&str>, codecs: Option<&str>) -> Kind {
    let mime = mime.unwrap_or_default();
    let top = content
        .or_else(|| mime.split('/').next())
        .unwrap_or_default();
    match top {
        "video" => Kind::Video,
        "audio" => Kind::Audio,
        "image" => Kind::Image,
        "text" => Kind::Text,
        _ if codecs
            .is_some_and(|codecs| codecs.starts_with("avc") || codecs.starts_with("hvc")) =>
        {
            Kind::Video
        }
        _ if codecs.is_some_and(|codecs| codecs.starts_with("mp4a")) => Kind::Audio,
        _ => Kind::Text,
    }
}

/// Reads a SegmentTimeline. A negative repeat count at the end counts once: what comes after is
/// not known to be there.
fn listed(timeline: &Element) -> Result<Vec<(u64, u64)>, String> {
    let entries: Vec<&Element> = timeline
        .elements()
        .filter(|child| child.local_name() == "S")
        .collect();
    let mut list: Vec<(u64, u64)> = Vec::new();
    let mut next = 0_u64;
    for (index, entry) in entries.iter().enumerate() {
        let start = number(entry, "t")?.unwrap_or(next);
        let duration: u64 = number(entry, "d")?.unwrap_or(0);
        if duration == 0 {
            return Err(fail(entry, "d is missing or 0"));
        }
        let repeat: i64 = number(entry, "r")?.unwrap_or(0);
        let count = match u64::try_from(repeat) {
            Ok(repeat) => repeat.saturating_add(1),
            Err(_) => match entries.get(index + 1) {
                Some(following) => number::<u64>(following, "t")?
                    .map_or(1, |t| t.saturating_sub(start).div_ceil(duration).max(1)),
                None => 1,
            },
        };
        if count > (MAX_SEGMENTS - list.len().min(MAX_SEGMENTS)) as u64 {
            return Err(fail(entry, format!("more than {MAX_SEGMENTS} segments")));
        }
        for place in 0..count {
            list.push((
                start.saturating_add(place.saturating_mul(duration)),
                duration,
            ));
        }
        next = start.saturating_add(count.saturating_mul(duration));
    }
    Ok(list)
}
