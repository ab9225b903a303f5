//! All media playlists of a channel at one time.

use std::collections::BTreeMap;

use media::hls::read::Media;

use super::{Entry, always, entry, run_table};
use crate::watch::{
    hls::{position::Position, timeline},
    media::Rates,
    nanos::{Nanos, from_ms, nanos, to_ms},
    snapshot::Kind,
};

/// A media playlist of the channel.
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    /// Its URL without query.
    pub(crate) url: &'a str,
    pub(crate) list: &'a Media,
    /// URLs of its rendition reports, resolved, without query.
    pub(crate) reports: &'a [String],
    /// Date less decode time of its media by discontinuity sequence number.
    pub(crate) anchors: &'a BTreeMap<u64, Nanos>,
    pub(crate) rates: Rates,
}

/// A variant stream: its playlist and those of its audio group, as places in [`View::members`].
pub(crate) struct Variant {
    pub(crate) video: usize,
    pub(crate) audio: Vec<usize>,
    pub(crate) bandwidth: u64,
    pub(crate) average_bandwidth: Option<u64>,
}

/// A claim of a rendition report.
pub(crate) struct Claim<'a> {
    /// Who said it.
    pub(crate) by: &'a str,
    pub(crate) about: &'a str,
    pub(crate) claimed: Position,
    /// Where the other was, by a list asked for after the claim was made.
    pub(crate) later: Option<Position>,
    /// Where the other was, by a list received before the claim was asked for.
    pub(crate) earlier: Option<Position>,
}

/// The channel; `news` has just been read.
pub(crate) struct View<'a> {
    pub(crate) members: &'a [Member<'a>],
    pub(crate) news: usize,
    pub(crate) claims: &'a [Claim<'a>],
    pub(crate) variants: &'a [Variant],
    /// Pairs that have been more than a segment apart for long, by name.
    pub(crate) apart: &'a [(String, String)],
    /// In ms.
    pub(crate) tolerance: i64,
}

impl<'a> View<'a> {
    fn fresh(&self) -> Option<&'a Member<'a>> {
        self.members.get(self.news)
    }

    /// Iterates over the others that play together with the fresh one.
    fn others(&self) -> impl Iterator<Item = &'a Member<'a>> {
        let fresh = self.news;
        let found = self.members.iter().enumerate();
        found
            .filter(move |(index, member)| *index != fresh && member.kind != Kind::IFrame)
            .map(|(_, member)| member)
    }

    /// The fresh one and each other, unless the fresh one has I-frames only.
    fn pairs(&self) -> impl Iterator<Item = (&'a Member<'a>, &'a Member<'a>)> {
        let fresh = self.fresh().filter(|fresh| fresh.kind != Kind::IFrame);
        fresh
            .into_iter()
            .flat_map(|fresh| self.others().map(move |other| (fresh, other)))
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 10] = [
    always(
        "C2-apart",
        "RFC 8216bis 6.2.4",
        "renditions are at most one segment apart",
        apart,
    ),
    entry(
        "L9-same",
        "RFC 8216bis 4.4.3.8",
        "EXT-X-SERVER-CONTROL and the part target are the same in all media playlists",
        same_control,
    ),
    entry(
        "L11-present",
        "RFC 8216bis B.1",
        "there is a rendition report for each other rendition",
        reports_present,
    ),
    entry(
        "L11-complete",
        "RFC 8216bis 4.4.5.4",
        "rendition reports have LAST-MSN, and LAST-PART when there are parts",
        reports_complete,
    ),
    entry(
        "L11-true",
        "RFC 8216bis 4.4.5.4",
        "rendition reports claim no more than is there, and are at most one segment behind",
        reports_true,
    ),
    entry(
        "L14-target",
        "RFC 8216bis 6.2.4",
        "the target duration is the same in all media playlists",
        same_target,
    ),
    entry(
        "L14-dates",
        "RFC 8216bis 6.2.4",
        "all renditions have their discontinuities at the same dates",
        same_dates,
    ),
    entry(
        "L14-mapping",
        "RFC 8216bis 6.2.4",
        "all renditions map decode times to the same dates",
        same_mapping,
    ),
    entry(
        "L18-average",
        "Apple authoring rules 9",
        "the measured mean bit rate is below 110 % of AVERAGE-BANDWIDTH",
        average,
    ),
    entry(
        "L18-peak",
        "Apple authoring rules 9",
        "the measured peak bit rate is below 125 % of BANDWIDTH",
        peak,
    ),
];

fn apart(view: &View<'_>) -> Vec<String> {
    view.apart
        .iter()
        .map(|(ahead, behind)| format!("{behind} is more than one segment behind {ahead}"))
        .collect()
}

fn same_control(view: &View<'_>) -> Vec<String> {
    view.pairs()
        .filter(|(fresh, other)| !fresh.list.ended && !other.list.ended)
        .filter(|(fresh, other)| {
            fresh.list.server_control != other.list.server_control
                || fresh.list.part_target != other.list.part_target
        })
        .map(|(fresh, other)| {
            let (first, second) = ordered(fresh.name, other.name);
            format!("{first} and {second} have different server control or part targets")
        })
        .collect()
}

fn ordered<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    if a <= b { (a, b) } else { (b, a) }
}

fn reports_present(view: &View<'_>) -> Vec<String> {
    view.pairs()
        .filter(|(fresh, other)| {
            fresh.list.part_target.is_some() && !fresh.list.ended && other.url != fresh.url
        })
        .filter(|(fresh, other)| !fresh.reports.iter().any(|url| url == other.url))
        .map(|(_, other)| format!("there is no rendition report for {}", other.name))
        .collect()
}

fn reports_complete(view: &View<'_>) -> Vec<String> {
    let Some(fresh) = view.fresh() else {
        return Vec::new();
    };
    let has_parts = fresh.list.part_target.is_some();
    fresh
        .list
        .reports
        .iter()
        .filter(|report| report.last_msn.is_none() || (has_parts && report.last_part.is_none()))
        .map(|report| {
            format!(
                "the rendition report for `{}` lacks its last number",
                report.uri
            )
        })
        .collect()
}

fn reports_true(view: &View<'_>) -> Vec<String> {
    view.claims
        .iter()
        .filter_map(|claim| {
            let Claim {
                by, about, claimed, ..
            } = claim;
            if let Some(later) = claim.later.filter(|later| later < claimed) {
                return Some(format!(
                    "{by} reports {about} at {claimed}, it was at {later} later"
                ));
            }
            let behind = claim
                .earlier
                .filter(|earlier| claimed.next_msn + 1 < earlier.next_msn);
            behind.map(|earlier| {
                format!("{by} reports {about} at {claimed}, it was at {earlier} before")
            })
        })
        .collect()
}

fn same_target(view: &View<'_>) -> Vec<String> {
    view.pairs()
        .filter(|(fresh, other)| fresh.list.target_duration != other.list.target_duration)
        .map(|(fresh, other)| {
            let (first, second) = ordered(fresh.name, other.name);
            format!("{first} and {second} have different target durations")
        })
        .collect()
}

/// Returns the dates of the listed discontinuities by discontinuity sequence number.
fn borders(list: &Media) -> BTreeMap<u64, Nanos> {
    timeline::places(list)
        .into_iter()
        .filter(|place| place.discontinuity)
        .filter_map(|place| Some((place.dsn, place.start?)))
        .collect()
}

fn same_dates(view: &View<'_>) -> Vec<String> {
    view.pairs()
        .flat_map(|(fresh, other)| {
            let part = fresh.list.part_target.map_or(0, nanos);
            let limit = part.max(from_ms(500));
            let theirs = borders(other.list);
            borders(fresh.list)
                .into_iter()
                .filter_map(move |(dsn, at)| {
                    let off = at - theirs.get(&dsn)?;
                    let (first, second) = ordered(fresh.name, other.name);
                    (off.abs() > limit).then(|| {
                        let off = to_ms(off.abs());
                        format!("discontinuity {dsn} of {first} and {second} is {off} ms apart")
                    })
                })
        })
        .collect()
}

fn same_mapping(view: &View<'_>) -> Vec<String> {
    view.pairs()
        .flat_map(|(fresh, other)| {
            fresh.anchors.iter().filter_map(move |(dsn, anchor)| {
                let off = to_ms(anchor - other.anchors.get(dsn)?).abs();
                let (first, second) = ordered(fresh.name, other.name);
                (off > view.tolerance.saturating_mul(2)).then(|| {
                    format!(
                        "decode times of {first} and {second} map to dates {off} ms apart \
                         (discontinuity {dsn})"
                    )
                })
            })
        })
        .collect()
}

/// Adds the greatest rate of the audio group to that of the video.
fn rate(view: &View<'_>, variant: &Variant, pick: impl Fn(&Rates) -> Option<u64>) -> Option<u64> {
    let of = |index: &usize| {
        view.members
            .get(*index)
            .and_then(|member| pick(&member.rates))
    };
    let video = of(&variant.video)?;
    let audio = variant.audio.iter().filter_map(of).max().unwrap_or(0);
    Some(video.saturating_add(audio))
}

fn variants_of_news<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a Variant> {
    view.variants
        .iter()
        .filter(|variant| variant.video == view.news)
}

fn average(view: &View<'_>) -> Vec<String> {
    variants_of_news(view)
        .filter_map(|variant| {
            let stated = variant.average_bandwidth?;
            let measured = rate(view, variant, Rates::average)?;
            (measured.saturating_mul(10) >= stated.saturating_mul(11))
                .then(|| format!("the mean bit rate is 10 % above AVERAGE-BANDWIDTH={stated}"))
        })
        .collect()
}

fn peak(view: &View<'_>) -> Vec<String> {
    variants_of_news(view)
        .filter_map(|variant| {
            let stated = variant.bandwidth;
            let measured = rate(view, variant, Rates::peak)?;
            (measured.saturating_mul(4) >= stated.saturating_mul(5))
                .then(|| format!("the peak bit rate is 25 % above BANDWIDTH={stated}"))
        })
        .collect()
}
