//! What the HLS playlists of a live channel say over time: numbers only grow, what was listed once
//! stays what it was, and the history of discontinuities is the same in all of them.

use std::collections::BTreeMap;

use crate::{
    http,
    launch::Server,
    manifests::{self, resolve},
};

/// The playlists of a channel, read again and again.
#[derive(Debug)]
pub struct Ledger {
    tracks: Vec<Track>,
}

/// A media playlist as it was read last, with all that it ever listed.
#[derive(Debug)]
struct Track {
    url: String,
    first: u64,
    /// Discontinuities before the first segment, and up to the newest part.
    discontinuities: (u64, u64),
    segments: BTreeMap<u64, Segment>,
    /// URL of the newest part, and how many segments are before it.
    newest: (u64, String),
    /// Segments that were there and are lost now.
    lost: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    url: String,
    discontinuity: u64,
    gap: bool,
}

impl Ledger {
    /// Reads the playlists for the first time, as the multivariant playlist at `path` names them.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn open(server: &Server, path: &str) -> Self {
        let (_, urls) = manifests::multivariant(server, path);
        let mut ledger = Self {
            tracks: urls.into_iter().map(Track::new).collect(),
        };
        assert!(ledger.read(), "the playlists are there");
        ledger
    }

    /// Reads all playlists; tells whether there is a server that answers.
    ///
    /// # Panics
    /// When a playlist is not what it was or breaks a rule.
    pub fn read(&mut self) -> bool {
        self.tracks.iter_mut().all(Track::read)
    }

    /// Returns how many discontinuities there were so far in every playlist; nothing while one has
    /// fewer than another.
    pub fn discontinuities(&self) -> Option<u64> {
        let mut counts = self.tracks.iter().map(|track| track.discontinuities.1);
        let first = counts.next()?;
        counts.all(|count| count == first).then_some(first)
    }

    /// Returns the URLs of the newest parts.
    pub fn newest_parts(&self) -> impl Iterator<Item = &str> {
        self.tracks.iter().map(|track| track.newest.1.as_str())
    }

    /// Returns how many segments were listed with their media and then without it.
    pub fn lost(&self) -> u64 {
        self.tracks.iter().map(|track| track.lost).sum()
    }

    /// Gets every listed segment that is not a gap and returns how many there are.
    ///
    /// # Panics
    /// When one is not there.
    pub fn fetch_all(&self) -> usize {
        let mut count = 0;
        for track in &self.tracks {
            for segment in track.segments.range(track.first..).map(|(_, of)| of) {
                if !segment.gap {
                    let answer = http::get(&segment.url).send();
                    assert_eq!(answer.status, 200, "{}", segment.url);
                    count += 1;
                }
            }
        }
        count
    }
}

impl Track {
    fn new(url: String) -> Self {
        Self {
            url,
            first: 0,
            discontinuities: (0, 0),
            segments: BTreeMap::new(),
            newest: (0, String::new()),
            lost: 0,
        }
    }

    fn read(&mut self) -> bool {
        let Ok(answer) = http::get(&self.url).try_send() else {
            return false;
        };
        // A server that has just begun may have nothing to list yet.
        if answer.status == 503 {
            return false;
        }
        self.take(answer.expect(200).text());
        true
    }

    fn take(&mut self, text: &str) {
        let url = &self.url;
        let number = |tag: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(tag));
            value.map_or(0, |value| value.parse::<u64>().expect("a number"))
        };
        let first = number("#EXT-X-MEDIA-SEQUENCE:");
        let before = number("#EXT-X-DISCONTINUITY-SEQUENCE:");
        assert!(first >= self.first, "{url}: from {} to {first}", self.first);
        let (mut at, mut discontinuity, mut gap) = (first, before, false);
        let mut newest = String::new();
        for line in text.lines() {
            match line.split_once(':').unwrap_or((line, "")) {
                ("#EXT-X-DISCONTINUITY", "") => discontinuity += 1,
                ("#EXT-X-GAP", "") => gap = true,
                ("#EXT-X-PART", _) => {
                    let part = manifests::attribute(line, "URI").expect("URI of a part");
                    newest = resolve(url, part);
                }
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => {
                    let segment = Segment {
                        url: resolve(url, line),
                        discontinuity,
                        gap: std::mem::take(&mut gap),
                    };
                    if let Some(was) = self.segments.insert(at, segment.clone()) {
                        let is_lost = segment.gap && !was.gap;
                        self.lost += u64::from(is_lost);
                        let gap = was.gap || is_lost;
                        assert_eq!(segment, Segment { gap, ..was }, "{url}: segment {at}");
                    }
                    at += 1;
                }
            }
        }
        assert!(at >= self.newest.0, "{url}: from {} to {at}", self.newest.0);
        let (was_before, was_all) = self.discontinuities;
        assert!(before >= was_before && discontinuity >= was_all, "{text}");
        self.first = first;
        self.discontinuities = (before, discontinuity);
        self.newest = (at, newest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\n7.m4s\n#EXTINF:2,\n8.m4s\n";
    const AFTER: &str = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:8\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n\
        #EXTINF:2,\n8.m4s\n#EXT-X-GAP\n#EXTINF:2,\n9.m4s\n#EXT-X-DISCONTINUITY\n\
        #EXT-X-PART:DURATION=0.5,URI=\"10.part0.m4s\"\n";

    fn reads(texts: &[&str]) -> Track {
        let mut track = Track::new("http://h/v/playlist.m3u8".to_owned());
        for text in texts {
            track.take(text);
        }
        track
    }

    #[test]
    fn a_list_that_goes_on_is_fine() {
        let track = reads(&[BEFORE, AFTER]);
        assert_eq!(track.discontinuities, (0, 1));
        assert_eq!(track.newest, (10, "http://h/v/10.part0.m4s".to_owned()));
        assert!(track.segments[&9].gap && !track.segments[&8].gap);
    }

    #[test]
    #[should_panic(expected = "from 8 to 7")]
    fn a_list_that_goes_back_is_found() {
        reads(&[AFTER, BEFORE]);
    }

    #[test]
    #[should_panic(expected = "segment 8")]
    fn a_segment_that_changes_is_found() {
        reads(&[BEFORE, &AFTER.replace("8.m4s", "x.m4s")]);
    }
}
