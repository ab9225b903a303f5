//! Readers of the manifests under test: `dash-mpd-core` for MPDs, a few lines for playlists.

use dash_mpd_core::{AdaptationSet, MPD, Representation};

use crate::{
    http::{self, Answer},
    launch::Server,
};

/// Returns the absolute URL of `reference` as found in the document at `base`.
pub fn resolve(base: &str, reference: &str) -> String {
    if reference.starts_with("http://") {
        return reference.to_owned();
    }
    let host_end = base["http://".len()..]
        .find('/')
        .map_or(base.len(), |at| at + "http://".len());
    let (host, path) = base.split_at(host_end);
    let path = path.split('?').next().unwrap_or(path);
    let mut parts: Vec<&str> = if reference.starts_with('/') {
        Vec::new()
    } else {
        let mut parts: Vec<&str> = path.split('/').skip(1).collect();
        parts.pop();
        parts
    };
    for part in reference.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("{host}/{}", parts.join("/"))
}

/// One track as a manifest lists it, with absolute URLs.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Representation id, or URL of the media playlist.
    pub id: String,
    /// `video`, `audio` or empty when the manifest does not say.
    pub content: String,
    /// URL of the init segment.
    pub init: String,
    /// Media segments in order.
    pub segments: Vec<Segment>,
}

/// One media segment as a manifest lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Where it is.
    pub url: String,
    /// Byte range, first and last, when it is a part of the resource.
    pub range: Option<(u64, u64)>,
    /// Start and duration in ticks, as an MPD timeline has them.
    pub ticks: Option<(u64, u64)>,
    /// `EXTINF` in seconds.
    pub seconds: Option<f64>,
}

impl Segment {
    /// Gets the segment.
    pub fn get(&self) -> Answer {
        let request = http::get(&self.url);
        match self.range {
            Some((first, last)) => request
                .header("Range", &format!("bytes={first}-{last}"))
                .send(),
            None => request.send(),
        }
    }
}

/// Gets and parses an MPD.
///
/// # Panics
/// When it is not there or not an MPD.
pub fn mpd(server: &Server, path: &str) -> MPD {
    let answer = server.get(path).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/dash+xml"));
    dash_mpd_core::parse(answer.text()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lists the segments of an MPD with `SegmentTemplate` and `SegmentTimeline`, but for images, which have
/// none; `url` is its own.
///
/// # Panics
/// When something is missing.
pub fn timelines(mpd: &MPD, url: &str) -> Vec<Listed> {
    let mut listed = Vec::new();
    let sets = mpd.periods.iter().flat_map(|period| &period.adaptations);
    for set in sets.filter(|set| set.contentType.as_deref() != Some("image")) {
        for representation in &set.representations {
            listed.push(timeline(set, representation, url));
        }
    }
    listed
}

fn timeline(set: &AdaptationSet, representation: &Representation, url: &str) -> Listed {
    let template = representation
        .SegmentTemplate
        .as_ref()
        .or(set.SegmentTemplate.as_ref())
        .expect("SegmentTemplate");
    let id = representation.id.clone().expect("Representation@id");
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let absolute = |template: &str, number: u64, time: u64| {
        let mut text = template
            .replace("$RepresentationID$", &id)
            .replace("$Time$", &time.to_string())
            .replace("$Number$", &number.to_string());
        if let Some(at) = text.find("$Number%0") {
            let rest = &text[at + "$Number%0".len()..];
            let (width, after) = rest.split_once("d$").expect("width of $Number$");
            let width: usize = width.parse().expect("width of $Number$");
            text = format!("{}{number:0width$}{after}", &text[..at]);
        }
        let text = resolve(url, &text);
        if query.is_empty() || text.contains('?') {
            text
        } else {
            format!("{text}?{query}")
        }
    };
    let media = template.media.as_deref().expect("SegmentTemplate@media");
    let init = template.initialization.as_deref().expect("@initialization");
    let mut number = template.startNumber.unwrap_or(1);
    let mut time = 0;
    let mut segments = Vec::new();
    let runs = template.SegmentTimeline.as_ref().expect("SegmentTimeline");
    for run in &runs.segments {
        time = run.t.unwrap_or(time);
        for _ in 0..=run.r.unwrap_or(0) {
            segments.push(Segment {
                url: absolute(media, number, time),
                range: None,
                ticks: Some((time, run.d)),
                seconds: None,
            });
            number += 1;
            time += run.d;
        }
    }
    let content = set
        .contentType
        .clone()
        .or_else(|| {
            let mime = representation.mimeType.as_ref().or(set.mimeType.as_ref())?;
            Some(mime.split('/').next()?.to_owned())
        })
        .unwrap_or_default();
    Listed {
        init: absolute(init, 0, 0),
        id,
        content,
        segments,
    }
}

/// A media playlist.
#[derive(Clone, Debug)]
pub struct Playlist {
    /// The init segment and the media segments.
    pub listed: Listed,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// The first `EXT-X-PROGRAM-DATE-TIME`, as written.
    pub program_date_time: Option<String>,
    /// `EXT-X-TARGETDURATION`.
    pub target_duration: u64,
    /// How many segments are marked by `EXT-X-GAP`.
    pub gaps: usize,
    /// How many `EXT-X-DISCONTINUITY` are there.
    pub discontinuities: usize,
    /// Whether `EXT-X-ENDLIST` is there.
    pub ended: bool,
}

/// Gets the multivariant playlist at `path` and the URLs of all playlists that it names.
///
/// # Panics
/// When it is not there.
pub fn multivariant(server: &Server, path: &str) -> (String, Vec<String>) {
    let answer = server.get(path).expect(200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/vnd.apple.mpegurl")
    );
    let url = server.url(path);
    let mut playlists = Vec::new();
    for line in answer.text().lines() {
        let reference = if line.starts_with("#EXT-X-MEDIA:") {
            attribute(line, "URI")
        } else {
            (!line.is_empty() && !line.starts_with('#')).then_some(line)
        };
        if let Some(reference) = reference {
            let playlist = resolve(&url, reference);
            if !playlists.contains(&playlist) {
                playlists.push(playlist);
            }
        }
    }
    (answer.text().to_owned(), playlists)
}

/// Gets and reads a media playlist.
///
/// # Panics
/// When it is not there or not one.
pub fn playlist(url: &str) -> Playlist {
    let answer = http::get(url).send().expect(200);
    let mut found = Playlist {
        listed: Listed {
            id: url.to_owned(),
            content: String::new(),
            init: String::new(),
            segments: Vec::new(),
        },
        media_sequence: 0,
        program_date_time: None,
        target_duration: 0,
        gaps: 0,
        discontinuities: 0,
        ended: false,
    };
    let mut seconds = None;
    let mut range = None;
    for line in answer.text().lines() {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-MEDIA-SEQUENCE" => found.media_sequence = value.parse().expect("number"),
            "#EXT-X-TARGETDURATION" => found.target_duration = value.parse().expect("number"),
            "#EXT-X-PROGRAM-DATE-TIME" => {
                found.program_date_time.get_or_insert(value.to_owned());
            }
            "#EXT-X-GAP" => found.gaps += 1,
            "#EXT-X-DISCONTINUITY" => found.discontinuities += 1,
            "#EXT-X-ENDLIST" => found.ended = true,
            "#EXT-X-MAP" => {
                let uri = attribute(line, "URI").expect("URI of EXT-X-MAP");
                found.listed.init = resolve(url, uri);
            }
            "#EXTINF" => seconds = value.trim_end_matches(',').parse().ok(),
            "#EXT-X-BYTERANGE" => range = byte_range(value),
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => found.listed.segments.push(Segment {
                url: resolve(url, line),
                range: range.take(),
                ticks: None,
                seconds: seconds.take(),
            }),
        }
    }
    found
}

fn byte_range(value: &str) -> Option<(u64, u64)> {
    let (length, first) = value.split_once('@')?;
    let first: u64 = first.parse().ok()?;
    Some((first, first + length.parse::<u64>().ok()? - 1))
}

/// Returns a quoted attribute of a playlist tag.
pub(crate) fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.find(&format!("{name}=\""))? + name.len() + 2;
    line[start..].split('"').next()
}

/// Milliseconds since the epoch of an RFC 3339 date in UTC, as playlists write it.
///
/// # Panics
/// When it is none.
pub fn millis(date: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| -> i64 {
        date.get(range)
            .and_then(|digits| digits.parse().ok())
            .expect("RFC 3339")
    };
    assert!(date.ends_with('Z') && date.len() >= 20, "{date}");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days since the epoch, counting years from March so that leap days come last.
    let shifted = if month > 2 { year } else { year - 1 };
    let month_index = (month + 9) % 12;
    let days = shifted * 365 + shifted / 4 - shifted / 100
        + shifted / 400
        + (month_index * 306 + 5) / 10
        + day
        - 1
        - 719_468;
    let seconds = ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19);
    let fraction = date.get(20..date.len() - 1).unwrap_or("");
    let fraction: i64 = format!("{fraction:0<3}")[..3].parse().expect("RFC 3339");
    seconds * 1000 + fraction
}
