//! What a media playlist lists by parts, with the time of each on the wall clock.

use harness::manifests;

/// A media playlist.
#[derive(Clone, Debug, Default)]
pub(super) struct Playlist {
    /// Part target in ms.
    pub(super) target: f64,
    /// The init segment that holds at the end.
    pub(super) init: String,
    pub(super) parts: Vec<Listed>,
    /// The segment in progress, and how many parts of it are listed.
    pub(super) edge: (u64, u64),
}

/// A part.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) segment: u64,
    pub(super) index: u64,
    pub(super) uri: String,
    /// When it begins, ms since 1970.
    pub(super) start: f64,
    /// Its length in ms.
    pub(super) ms: f64,
    /// Whether its media was lost.
    pub(super) is_gap: bool,
}

/// Reads one.
pub(super) fn read(text: &str) -> Playlist {
    let mut found = Playlist::default();
    let (mut segment, mut index) = (0, 0);
    // Start of the segment, and of what is next in it.
    let (mut start, mut at, mut length) = (0.0, 0.0, 0.0);
    for line in text.lines() {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-MEDIA-SEQUENCE" => segment = value.parse().expect("number"),
            "#EXT-X-PART-INF" => found.target = 1000.0 * number(line, "PART-TARGET="),
            "#EXT-X-MAP" => text_of(line, "URI=").clone_into(&mut found.init),
            "#EXT-X-PROGRAM-DATE-TIME" => {
                start = manifests::millis(value) as f64;
                at = start;
            }
            "#EXT-X-PART" => {
                let ms = 1000.0 * number(line, "DURATION=");
                found.parts.push(Listed {
                    segment,
                    index,
                    uri: text_of(line, "URI=").to_owned(),
                    start: at,
                    ms,
                    is_gap: line.contains("GAP=YES"),
                });
                at += ms;
                index += 1;
            }
            "#EXTINF" => {
                let seconds = value.trim_end_matches(',').parse::<f64>();
                length = 1000.0 * seconds.expect("seconds");
            }
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => {
                start += length;
                at = start;
                segment += 1;
                index = 0;
            }
        }
    }
    found.edge = (segment, index);
    found
}

fn number(line: &str, name: &str) -> f64 {
    let rest = after(line, name);
    let end = rest.find([',', ' ']).unwrap_or(rest.len());
    rest[..end].parse().expect("number")
}

fn text_of<'a>(line: &'a str, name: &str) -> &'a str {
    let rest = after(line, name).trim_start_matches('"');
    rest.split('"').next().unwrap_or_default()
}

fn after<'a>(line: &'a str, name: &str) -> &'a str {
    match line.split_once(name) {
        Some((_, rest)) => rest,
        None => panic!("no {name} in {line}"),
    }
}
