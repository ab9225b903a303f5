//! Playlists of tiles of pictures: an extension of HLS that Roku defined and others followed. The
//! tiles are those of DASH-IF (IOP 4.3, 6.2.6), told by the same descriptor.

use std::fmt::Write as _;

use super::{
    MediaOptions, VERSION,
    media::{key, push_type, time},
    push_media_uri, push_version,
};
use crate::{
    presentation::{Content, Period, Presentation, SwitchingSet, Track},
    time::{Round, Time, Timescale},
    url,
};

/// Scheme of the descriptor, whose value is `columns x rows`.
const TILE: &str = "http://dashif.org/guidelines/thumbnail_tile";

/// Size of one picture, and how many there are side by side and in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    size: (u32, u32),
    columns: u32,
    rows: u32,
}

impl Layout {
    fn of(set: &SwitchingSet, track: &Track) -> Option<Self> {
        if set.content != Content::Image {
            return None;
        }
        let mut elements = set.elements.iter().chain(&track.elements);
        let tile = elements.find(|one| one.attribute("schemeIdUri") == Some(TILE))?;
        let (columns, rows) = tile.attribute("value")?.split_once('x')?;
        let (columns, rows) = (columns.parse().ok()?, rows.parse().ok()?);
        let (width, height) = track.size?;
        Some(Self {
            size: (width.checked_div(columns)?, height.checked_div(rows)?),
            columns,
            rows,
        })
    }
}

/// Writes `EXT-X-IMAGE-STREAM-INF` for every track of tiles.
pub(super) fn push_variants(out: &mut String, period: &Period, query: &str) {
    for (set, track) in period.shape.tracks() {
        let Some(layout) = Layout::of(set, track) else {
            continue;
        };
        let (width, height) = layout.size;
        let codec = track.mime_type.strip_prefix("image/").unwrap_or("jpeg");
        let _ = write!(
            out,
            "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={},RESOLUTION={width}x{height},CODECS=\"{codec}\",\
             URI=\"",
            track.bandwidth.max(1)
        );
        push_media_uri(out, &track.id, query);
        out.push_str("\"\n");
    }
}

pub(super) fn write(
    presentation: &Presentation,
    track: usize,
    options: &MediaOptions<'_>,
) -> String {
    let mut out = String::new();
    let Some(period) = presentation.periods.last() else {
        return out;
    };
    let timeline = period.timelines.get(track);
    let (Some((set, track)), Some(timeline)) = (period.shape.tracks().nth(track), timeline) else {
        return out;
    };
    let Some(layout) = Layout::of(set, track) else {
        return out;
    };
    let nominal = time(track.nominal.duration, track.nominal.timescale);
    let target = nominal.ticks_in(Timescale::SECONDS, Round::Up).max(1);
    push_version(&mut out, VERSION);
    let _ = writeln!(out, "#EXT-X-TARGETDURATION:{target}");
    let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", timeline.first_number);
    push_type(&mut out, options);
    out.push_str("#EXT-X-IMAGES-ONLY\n");
    let count = i64::from(layout.columns.max(1)) * i64::from(layout.rows.max(1));
    let each = Time::new(nominal.ticks / count, nominal.scale);
    let (width, height) = layout.size;
    let climb = "../".repeat(track.id.split('/').count());
    for (number, start, duration) in timeline.segments() {
        let duration = time(duration, track.timescale);
        let _ = writeln!(
            out,
            "#EXTINF:{duration},\n#EXT-X-TILES:RESOLUTION={width}x{height},LAYOUT={}x{},\
             DURATION={each}",
            layout.columns, layout.rows
        );
        let line = out.len();
        out.push_str(&climb);
        let begin = out.len();
        let at = key(track, number, start);
        track
            .media
            .expand_to(&mut out, &track.id, track.bandwidth, Some(at));
        url::encode_from(&mut out, begin);
        url::push_query(&mut out, line, options.query);
        out.push('\n');
    }
    if !options.event {
        out.push_str("#EXT-X-ENDLIST\n");
    }
    out
}
