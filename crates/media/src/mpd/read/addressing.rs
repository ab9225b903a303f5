//! SegmentTemplate, SegmentList and SegmentBase with inheritance attribute by attribute
//! (ISO/IEC 23009-1, 5.3.9.1): what the Representation does not say is taken from the
//! AdaptationSet, then from the Period.

use std::ops::Range;

use super::{MpdError, SourceAddressing, TrackSource, UrlRange, place::Place, timeline};
use crate::{
    iso8601,
    presentation::{Nominal, Run},
    template::Template,
    time::{Round, Time, Timescale},
    url,
};

/// What the segment information of a Representation comes to.
pub(super) struct Found {
    pub(super) source: TrackSource,
    /// Template of the init segment, for the shape.
    pub(super) init: Option<Template>,
    /// Template of the media segments, for the shape.
    pub(super) media: Template,
    pub(super) nominal: Nominal,
}

/// The elements of one kind that apply to a Representation, the nearest first.
struct Information<'a> {
    kind: &'static str,
    levels: Vec<Place<'a>>,
}

impl<'a> Information<'a> {
    /// Collects the elements of the kind that the innermost level with any of them uses.
    fn collect(levels: &[&'a Place<'a>; 3]) -> Option<Self> {
        let kinds = ["SegmentTemplate", "SegmentList", "SegmentBase"];
        let kind = levels.iter().find_map(|place| {
            kinds
                .into_iter()
                .find(|kind| place.element.child(kind).is_some())
        })?;
        let levels = levels
            .iter()
            .filter_map(|place| place.child(kind))
            .collect();
        Some(Self { kind, levels })
    }

    fn nearest(&self) -> Option<&Place<'a>> {
        self.levels.first()
    }

    fn attribute(&self, name: &str) -> Option<(&Place<'a>, &'a str)> {
        self.levels
            .iter()
            .find_map(|place| Some((place, place.attribute(name)?)))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, MpdError> {
        match self.attribute(name) {
            Some((place, _)) => place.parsed(name, "a whole number"),
            None => Ok(None),
        }
    }

    fn child(&'a self, name: &str) -> Option<Place<'a>> {
        self.levels.iter().find_map(|place| place.child(name))
    }

    fn timescale(&self) -> Result<Timescale, MpdError> {
        let Some((place, text)) = self.attribute("timescale") else {
            return Ok(Timescale::SECONDS);
        };
        text.trim()
            .parse()
            .ok()
            .and_then(Timescale::new)
            .ok_or_else(|| {
                let reason = format!("`{text}` is not a whole number from 1 to 4294967295");
                place.fail_at("timescale", reason)
            })
    }

    /// Reads `@duration`; decimals are allowed when they are zeros.
    fn duration(&self) -> Result<Option<u64>, MpdError> {
        let Some((place, text)) = self.attribute("duration") else {
            return Ok(None);
        };
        let whole = iso8601::parse_decimal(text.trim())
            .filter(|time| time.scale == Timescale::SECONDS)
            .and_then(|time| u64::try_from(time.ticks).ok())
            .filter(|ticks| *ticks > 0);
        whole.map(Some).ok_or_else(|| {
            let reason = format!("`{text}` is not a whole number of ticks above 0");
            place.fail_at("duration", reason)
        })
    }
}

/// Reads how the segments of a Representation are found. `levels` are the Representation, the
/// AdaptationSet and the Period; `base` is the resolved BaseURL.
pub(super) fn read(
    levels: &[&Place<'_>; 3],
    base: &str,
    period: Option<Time>,
) -> Result<Found, MpdError> {
    let [representation, ..] = levels;
    let Some(information) = Information::collect(levels) else {
        if names_a_file(base) {
            return Ok(single_file(base, None, None, Timescale::SECONDS, 0));
        }
        return Err(representation.fail(
            "no SegmentTemplate, SegmentList, SegmentBase or BaseURL of a file says where the \
             segments are",
        ));
    };
    let scope = Scope {
        information: &information,
        representation,
        base,
        period,
        timescale: information.timescale()?,
        offset: information.number("presentationTimeOffset")?.unwrap_or(0),
    };
    match information.kind {
        "SegmentTemplate" => scope.template(),
        "SegmentList" => scope.list(),
        _ => scope.base(),
    }
}

fn names_a_file(base: &str) -> bool {
    !base.is_empty() && !base.ends_with('/')
}

struct Scope<'a> {
    information: &'a Information<'a>,
    representation: &'a Place<'a>,
    base: &'a str,
    period: Option<Time>,
    timescale: Timescale,
    offset: u64,
}

impl Scope<'_> {
    fn template(&self) -> Result<Found, MpdError> {
        let information = self.information;
        let timescale = self.timescale;
        let Some((place, media)) = information.attribute("media") else {
            return Err(self.fail("SegmentTemplate has no media"));
        };
        let media = self.parse_template(place, "media", media)?;
        let init = match information.attribute("initialization") {
            Some((place, text)) => Some(self.parse_template(place, "initialization", text)?),
            None => self.init_element_template()?,
        };
        let start_number = information.number("startNumber")?.unwrap_or(1);
        if let Some(element) = information.child("SegmentTimeline") {
            if !media.has_number() && !media.has_time() {
                return Err(place.fail_at("media", "neither `$Number$` nor `$Time$` occurs"));
            }
            let resolved = timeline::read(&element, timescale, self.period_end())?;
            return Ok(Found {
                nominal: mean(&resolved.runs, timescale),
                init: init.clone(),
                media: media.clone(),
                source: self.source(SourceAddressing::Timeline {
                    init,
                    media,
                    timescale,
                    start_number: resolved.first_number.unwrap_or(start_number),
                    runs: resolved.runs,
                }),
            });
        }
        let Some(duration) = information.duration()? else {
            return Err(self.fail("SegmentTemplate has neither duration nor SegmentTimeline"));
        };
        if !media.has_number() || media.has_time() {
            let reason = "without SegmentTimeline, `$Number$` must occur and `$Time$` must not";
            return Err(place.fail_at("media", reason));
        }
        Ok(Found {
            nominal: Nominal {
                duration,
                timescale,
            },
            init: init.clone(),
            media: media.clone(),
            source: self.source(SourceAddressing::Number {
                init,
                media,
                start_number,
                end_number: information.number("endNumber")?,
                duration,
                timescale,
            }),
        })
    }

    fn list(&self) -> Result<Found, MpdError> {
        let information = self.information;
        let timescale = self.timescale;
        let urls = self.segment_urls()?;
        let duration = information.duration()?;
        let runs = match information.child("SegmentTimeline") {
            Some(element) => {
                let runs = timeline::read(&element, timescale, self.period_end())?.runs;
                let listed: u64 = runs.iter().map(|run| u64::from(run.count)).sum();
                if listed != urls.len() as u64 {
                    return Err(element.fail(format!(
                        "the timeline has {listed} segments, the SegmentList {}",
                        urls.len()
                    )));
                }
                runs
            }
            None => Vec::new(),
        };
        if duration.is_none() && runs.is_empty() && urls.len() > 1 {
            return Err(self.fail("SegmentList has neither duration nor SegmentTimeline"));
        }
        let nominal = match duration {
            Some(duration) => Nominal {
                duration,
                timescale,
            },
            None => mean(&runs, timescale),
        };
        let addressing = SourceAddressing::List {
            init: self.init_element()?,
            timescale,
            duration,
            runs,
            urls,
        };
        Ok(own_names(self.source(addressing), nominal))
    }

    fn base(&self) -> Result<Found, MpdError> {
        if !names_a_file(self.base) {
            return Err(self.fail("SegmentBase needs a BaseURL that names a file"));
        }
        let init = self.init_element()?;
        if let Some(init) = init.as_ref().filter(|init| init.url != self.base) {
            return Err(self.fail(format!(
                "the init segment `{}` is not in the same file as the media",
                init.url
            )));
        }
        let index = match self.information.attribute("indexRange") {
            Some((place, text)) => Some(range(place, "indexRange", text)?),
            None => None,
        };
        let init = init.and_then(|init| init.range);
        Ok(single_file(
            self.base,
            init,
            index,
            self.timescale,
            self.offset,
        ))
    }

    fn source(&self, addressing: SourceAddressing) -> TrackSource {
        TrackSource {
            timescale: self.timescale,
            presentation_time_offset: self.offset,
            addressing,
        }
    }

    fn fail(&self, reason: impl Into<String>) -> MpdError {
        self.information
            .nearest()
            .unwrap_or(self.representation)
            .fail(reason)
    }

    /// Returns where the Period ends on the timeline of the media.
    fn period_end(&self) -> Option<u64> {
        let ticks = self.period?.ticks_in(self.timescale, Round::Nearest);
        u64::try_from(ticks).ok()?.checked_add(self.offset)
    }

    /// Parses a template with the BaseURL joined in.
    fn parse_template(
        &self,
        place: &Place<'_>,
        attribute: &str,
        text: &str,
    ) -> Result<Template, MpdError> {
        let base = self.base.replace('$', "$$");
        let joined = url::join(&base, text.trim())
            .map_err(|error| place.fail_at(attribute, error.to_string()))?;
        Template::parse(&joined).map_err(|error| place.fail_at(attribute, error.to_string()))
    }

    /// Reads the Initialization element: a URL and perhaps a byte range.
    fn init_element(&self) -> Result<Option<UrlRange>, MpdError> {
        let Some(place) = self.information.child("Initialization") else {
            return Ok(None);
        };
        self.url_range(&place, "sourceURL", "range").map(Some)
    }

    fn init_element_template(&self) -> Result<Option<Template>, MpdError> {
        let Some(init) = self.init_element()? else {
            return Ok(None);
        };
        if init.range.is_some() {
            return Err(self.fail(
                "an Initialization with a byte range is not supported in a SegmentTemplate",
            ));
        }
        Template::parse(&init.url.replace('$', "$$"))
            .map(Some)
            .map_err(|error| self.fail(error.to_string()))
    }

    fn segment_urls(&self) -> Result<Vec<UrlRange>, MpdError> {
        let Some(list) = self
            .information
            .levels
            .iter()
            .find(|place| place.element.child("SegmentURL").is_some())
        else {
            return Err(self.fail("SegmentList has no SegmentURL"));
        };
        list.children("SegmentURL")
            .iter()
            .map(|place| self.url_range(place, "media", "mediaRange"))
            .collect()
    }

    fn url_range(
        &self,
        place: &Place<'_>,
        url_name: &str,
        range_name: &str,
    ) -> Result<UrlRange, MpdError> {
        let reference = place.attribute(url_name).unwrap_or_default().trim();
        let url = url::join(self.base, reference)
            .map_err(|error| place.fail_at(url_name, error.to_string()))?;
        if !names_a_file(&url) {
            return Err(place.fail_at(url_name, "neither it nor a BaseURL names a file"));
        }
        let range = match place.attribute(range_name) {
            Some(text) => Some(range(place, range_name, text)?),
            None => None,
        };
        Ok(UrlRange { url, range })
    }
}

fn single_file(
    url: &str,
    init_range: Option<Range<u64>>,
    index_range: Option<Range<u64>>,
    timescale: Timescale,
    presentation_time_offset: u64,
) -> Found {
    let nominal = Nominal {
        duration: 0,
        timescale,
    };
    let source = TrackSource {
        timescale,
        presentation_time_offset,
        addressing: SourceAddressing::Base {
            url: url.to_owned(),
            init_range,
            index_range,
            timescale,
        },
    };
    own_names(source, nominal)
}

/// Gives a track that has no templates those of our own.
fn own_names(source: TrackSource, nominal: Nominal) -> Found {
    let template = |text| Template::parse(text).expect("our own templates are well-formed");
    Found {
        source,
        init: Some(template("$RepresentationID$/init.mp4")),
        media: template("$RepresentationID$/$Number$.m4s"),
        nominal,
    }
}

/// Reads an inclusive byte range, `0-863`.
fn range(place: &Place<'_>, attribute: &str, text: &str) -> Result<Range<u64>, MpdError> {
    let parsed = text.trim().split_once('-').and_then(|(first, last)| {
        let first: u64 = first.parse().ok()?;
        let end = last.parse::<u64>().ok()?.checked_add(1)?;
        (first < end).then_some(first..end)
    });
    parsed.ok_or_else(|| {
        let reason = format!("`{text}` is not a byte range such as 0-863");
        place.fail_at(attribute, reason)
    })
}

/// Returns the mean duration of the segments, to the nearest tick.
fn mean(runs: &[Run], timescale: Timescale) -> Nominal {
    let (count, total) = runs.iter().fold((0_u128, 0_u128), |(count, total), run| {
        let n = u128::from(run.count);
        (count + n, total + n * u128::from(run.duration))
    });
    let duration = (total + count / 2).checked_div(count).unwrap_or(0);
    Nominal {
        duration: u64::try_from(duration).unwrap_or(u64::MAX),
        timescale,
    }
}
