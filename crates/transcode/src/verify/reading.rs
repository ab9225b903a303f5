//! What is really there: playlists, and the samples of every segment that they list.

use bytes::Bytes;
use media::{
    hls::read::{self as hls, Media, Multivariant, RenditionKind},
    isobmff::{
        init::{self, InitTrack},
        segment::{self, Sample},
    },
    presentation::Content,
    time::{Round, Time, Timescale},
    url,
};

use super::{Findings, Read, TrackReport};
use crate::package::{
    MASTER,
    protect::{self, Key},
};

/// A result as a player finds it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) master: Option<Multivariant>,
    /// All tracks that could be read, each once.
    pub(super) tracks: Vec<Track>,
}

/// A media playlist with its segments.
#[derive(Debug)]
pub(super) struct Track {
    /// Path of the playlist below the result.
    pub(super) name: String,
    pub(super) playlist: Media,
    /// What the init segment says; `None` for WebVTT.
    pub(super) init: Option<InitTrack>,
    pub(super) segments: Vec<Segment>,
}

/// A segment with what counts of its samples.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its path below the result.
    pub(super) name: String,
    /// `EXTINF`.
    pub(super) stated: Time,
    pub(super) bytes: u64,
    pub(super) samples: Vec<Sample>,
}

impl Segment {
    /// Returns the decode time of the first sample.
    pub(super) fn start(&self) -> u64 {
        self.samples.first().map_or(0, |first| first.decode_time)
    }

    /// Returns the sum of the sample durations.
    pub(super) fn duration(&self) -> u64 {
        self.samples.iter().map(|one| u64::from(one.duration)).sum()
    }

    /// Returns when the first of its pictures is shown, in ticks.
    pub(super) fn shown(&self, edit: i64) -> i64 {
        let times = self
            .samples
            .iter()
            .map(|sample| sample.decode_time as i64 + i64::from(sample.composition_offset) - edit);
        times.min().unwrap_or(0)
    }
}

impl Track {
    pub(super) fn scale(&self) -> Timescale {
        let of = self.init.as_ref();
        of.map_or(Timescale::MS, |init| init.timescale)
    }

    pub(super) fn content(&self) -> Content {
        self.init
            .as_ref()
            .map_or(Content::Text, |init| init.content)
    }

    pub(super) fn edit(&self) -> i64 {
        self.init.as_ref().map_or(0, |init| init.edit_media_time)
    }

    /// Returns when the first sample is shown.
    pub(super) fn start(&self) -> Time {
        let first = self.segments.first();
        let ticks = first.map_or(0, |first| first.shown(self.edit()));
        Time::new(ticks, self.scale())
    }

    /// Returns when the last sample ends.
    pub(super) fn end(&self) -> Time {
        let ends = self.segments.iter().flat_map(|segment| &segment.samples);
        let ends = ends.map(|sample| {
            sample.decode_time as i64 + i64::from(sample.composition_offset) - self.edit()
                + i64::from(sample.duration)
        });
        Time::new(ends.max().unwrap_or(0), self.scale())
    }

    /// Returns bits a second of one segment.
    pub(super) fn rate(&self, bytes: u64, ticks: u64) -> u64 {
        let bits = i64::try_from(bytes.saturating_mul(8)).unwrap_or(i64::MAX);
        media::time::mul_div(
            bits,
            self.scale().get().into(),
            (ticks as i64).max(1),
            Round::Up,
        )
        .unsigned_abs()
    }

    /// Returns mean and greatest bit rate. A segment of less than half the longest does not count as
    /// a peak (RFC 8216bis, 4.4.6.2).
    pub(super) fn rates(&self) -> (u64, u64) {
        let bytes = self.segments.iter().map(|one| one.bytes).sum();
        let ticks = self.segments.iter().map(Segment::duration).sum();
        let longest = self.segments.iter().map(Segment::duration).max();
        let peak = self
            .segments
            .iter()
            .filter(|one| one.duration() * 2 >= longest.unwrap_or(0))
            .map(|one| self.rate(one.bytes, one.duration()))
            .max();
        (self.rate(bytes, ticks), peak.unwrap_or(0))
    }

    /// Returns the longest time from one key frame to the next or to the end.
    pub(super) fn longest_group(&self) -> Option<Time> {
        let samples = || self.segments.iter().flat_map(|segment| &segment.samples);
        let keys = samples().filter(|sample| sample.is_sync());
        let keys: Vec<u64> = keys.map(|sample| sample.decode_time).collect();
        let end = samples()
            .last()
            .map(|last| last.decode_time + u64::from(last.duration));
        let ends = keys.iter().skip(1).copied().chain(end);
        let longest = keys
            .iter()
            .zip(ends)
            .map(|(key, next)| next.saturating_sub(*key))
            .max()?;
        Some(Time::new(longest as i64, self.scale()))
    }

    pub(super) fn report(&self) -> TrackReport {
        let us = const { Timescale::literal(1_000_000) };
        let (average, peak) = self.rates();
        let frames = self.segments.iter().map(|one| one.samples.len() as u64);
        TrackReport {
            playlist: self.name.clone(),
            content: self.content().as_str(),
            codecs: self
                .init
                .as_ref()
                .map_or_else(String::new, |init| init.codec.clone()),
            segments: self.segments.len() as u64,
            frames: frames.sum(),
            start_us: self.start().ticks_in(us, Round::Nearest),
            end_us: self.end().ticks_in(us, Round::Nearest),
            average,
            peak,
            longest_group_ms: self
                .longest_group()
                .filter(|_| self.content() == Content::Video)
                .map(|time| time.ms(Round::Nearest)),
            bucket: None,
        }
    }
}

impl Found {
    pub(super) fn of(&self, content: Content) -> impl Iterator<Item = &Track> {
        let of = move |track: &&Track| track.content() == content && track.init.is_some();
        self.tracks.iter().filter(of)
    }

    /// Returns how much later sound begins than pictures.
    pub(super) fn skew_us(&self) -> Option<i64> {
        let us = const { Timescale::literal(1_000_000) };
        let first = |content| {
            let track = self.of(content).next()?;
            Some(track.start().ticks_in(us, Round::Nearest))
        };
        Some(first(Content::Audio)? - first(Content::Video)?)
    }
}

/// Reads everything from the multivariant playlist on.
pub(super) fn result(read: Read<'_>, key: Option<&Key>, findings: &mut Findings) -> Found {
    let mut found = Found::default();
    let Some(text) = text(read, MASTER, findings) else {
        return found;
    };
    let master = match hls::multivariant(&text) {
        Ok(master) => master,
        Err(error) => {
            findings.error("syntax", MASTER, error.to_string());
            return found;
        }
    };
    let variants = master.variants.iter().map(|variant| variant.uri.clone());
    let renditions = master.renditions.iter().filter_map(|one| one.uri.clone());
    let mut names: Vec<String> = Vec::new();
    for uri in variants.chain(renditions) {
        if !names.contains(&uri) {
            names.push(uri);
        }
    }
    for name in names {
        found.tracks.extend(track(read, key, &name, findings));
    }
    found.master = Some(master);
    found
}

fn text(read: Read<'_>, name: &str, findings: &mut Findings) -> Option<String> {
    match read(name) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            findings.error("missing", name, error);
            None
        }
    }
}

fn track(read: Read<'_>, key: Option<&Key>, name: &str, findings: &mut Findings) -> Option<Track> {
    let text = text(read, name, findings)?;
    let playlist = match hls::any_media(&text) {
        Ok(playlist) => playlist,
        Err(error) => {
            findings.error("syntax", name, error.to_string());
            return None;
        }
    };
    let mut fetch = |uri: &str| -> Option<(String, Bytes)> {
        let fetched = url::join(name, uri)
            .map_err(|error| error.to_string())
            .and_then(|path| Ok((path.clone(), read(&path)?)));
        fetched
            .map_err(|error| findings.error("missing", name, error))
            .ok()
    };
    let is_closed = |segment: &hls::Segment| segment.key_method.as_deref() == Some("AES-128");
    let is_encrypted = playlist.segments.iter().any(is_closed);
    if key.is_none() && is_encrypted {
        let text = "its segments are encrypted and cannot be looked into without the key";
        findings.error("key", name, text);
        return None;
    }
    let head = playlist.maps.first().map(|map| map.url.clone());
    let head = head.map(|uri| fetch(&uri));
    let numbers = playlist.media_sequence..;
    let parts: Vec<_> = numbers
        .zip(&playlist.segments)
        .map(|(number, segment)| (segment.duration, number, fetch(&segment.uri)))
        .collect();
    let init = match head {
        None => None,
        Some(bytes) => Some(described(name, &bytes?.1, findings)?),
    };
    let mut segments = Vec::with_capacity(parts.len());
    for (stated, number, part) in parts {
        let Some((path, bytes)) = part else { continue };
        let clear = match key.filter(|_| is_encrypted) {
            Some(key) => protect::open(key, number, &bytes),
            None => Some(bytes.clone()),
        };
        let Some(clear) = clear else {
            findings.error("key", &path, "it is encrypted with another key");
            continue;
        };
        let samples = match &init {
            Some(init) => segment::samples(&clear, &init.defaults),
            None => Ok(Vec::new()),
        };
        match samples {
            Ok(samples) => segments.push(Segment {
                name: path,
                stated,
                bytes: bytes.len() as u64,
                samples,
            }),
            Err(error) => findings.error("boxes", &path, error.to_string()),
        }
    }
    Some(Track {
        name: name.to_owned(),
        playlist,
        init,
        segments,
    })
}

fn described(name: &str, bytes: &[u8], findings: &mut Findings) -> Option<InitTrack> {
    match init::read(bytes) {
        Ok(read) if read.tracks.len() == 1 => read.tracks.into_iter().next(),
        Ok(_) => {
            findings.error("init", name, "the init segment does not have one track");
            None
        }
        Err(error) => {
            findings.error("init", name, error.to_string());
            None
        }
    }
}

/// Tells whether a rendition is of this kind.
pub(super) fn is_audio(kind: RenditionKind) -> bool {
    kind == RenditionKind::Audio
}
