//! The segments of one track, over all stretches.

use std::collections::VecDeque;

use bytes::Bytes;
use media::{isobmff::segment, time::Timescale};
use store::mapped::MediaFile;

use crate::packager;

/// A segment, or the one in progress.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// Decode time of its first sample in ticks since the epoch.
    pub(super) start: u64,
    /// Duration so far.
    pub(super) duration: u64,
    pub(super) whole: bool,
    /// Whether none of its media is there, or no longer.
    pub(super) gap: bool,
    /// Its parts; of a segment from before a restart they are not known.
    pub(super) parts: Vec<StoredPart>,
    /// Whether the bytes of the parts are in memory.
    pub(super) in_memory: bool,
    pub(super) file: Option<MediaFile>,
    /// Whether all parts so far are on their way to the disk.
    pub(super) on_its_way: bool,
    pub(super) bytes: u64,
}

/// A part of a segment.
#[derive(Debug)]
pub(super) struct StoredPart {
    pub(super) duration: u64,
    pub(super) independent: bool,
    pub(super) gap: bool,
    pub(super) len: u64,
    /// Empty when lost or only on disk.
    pub(super) bytes: Bytes,
}

/// Bit rates, bits per second; 0 while not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) peak: u64,
    pub(super) average: u64,
}

impl Rates {
    /// Returns what stands for a declared rate where none is.
    pub(super) fn declared(self) -> u64 {
        self.average
    }
}

/// Why bytes cannot be had.
#[derive(Debug)]
pub(super) enum Missing {
    Lost,
    /// The file cannot be read.
    Unreadable(String),
}

/// All segments of a track that can be asked for, and what was measured on it.
#[derive(Debug, Default)]
pub(super) struct Reel {
    /// Number of the first of `segments`.
    pub(super) first: u64,
    pub(super) segments: VecDeque<Stored>,
    pub(super) memory_bytes: u64,
    /// Sums over all segments with media.
    measured_bytes: u64,
    measured_ms: u64,
    peak: u64,
}

impl Reel {
    /// Returns the number behind the newest segment, in progress or not.
    pub(super) fn end(&self) -> u64 {
        self.first + self.segments.len() as u64
    }

    /// Returns the number of the oldest segment with at most `ticks` of newer media listed behind
    /// it.
    pub(super) fn newest_within(&self, ticks: u64) -> u64 {
        let mut newer: u64 = 0;
        let mut number = self.end();
        for stored in self.segments.iter().rev() {
            if newer > ticks {
                break;
            }
            number -= 1;
            newer = newer.saturating_add(stored.duration);
        }
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<&Stored> {
        let at = number.checked_sub(self.first)?;
        self.segments.get(usize::try_from(at).ok()?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Stored> {
        let at = number.checked_sub(self.first)?;
        self.segments.get_mut(usize::try_from(at).ok()?)
    }

    /// Returns the number of the segment in progress and how many parts of it are there.
    pub(super) fn edge(&self) -> (u64, u32) {
        match self.segments.back() {
            Some(last) if !last.whole => (self.end() - 1, last.parts.len() as u32),
            _ => (self.end(), 0),
        }
    }

    /// Sees to it that the next segment has a number: what is between was never there.
    pub(super) fn skip_to(&mut self, number: u64) {
        if self.segments.is_empty() {
            self.first = self.first.max(number);
        }
        while self.end() < number {
            self.segments.push_back(Stored::lost(0, 0));
        }
    }

    /// Adds a part to the segment that it belongs to.
    pub(super) fn add(&mut self, part: packager::Part) {
        self.skip_to(part.segment);
        if self.end() == part.segment {
            self.segments.push_back(Stored {
                start: part.start,
                in_memory: true,
                ..Stored::default()
            });
        }
        let len = part.bytes.len() as u64;
        self.memory_bytes += len;
        if let Some(open) = self.segments.back_mut() {
            open.duration += part.duration;
            open.bytes += len;
            open.parts.push(StoredPart {
                duration: part.duration,
                independent: part.independent,
                gap: part.gap,
                len,
                bytes: part.bytes,
            });
        }
    }

    /// Marks a segment as whole and measures it.
    pub(super) fn close(&mut self, segment: &packager::Segment, scale: Timescale) {
        let Some(stored) = self.get_mut(segment.number) else {
            return;
        };
        stored.whole = true;
        stored.gap = segment.gap;
        stored.in_memory &= !segment.gap;
        stored.start = segment.start;
        stored.duration = segment.duration;
        let bytes = stored.bytes;
        if segment.gap || segment.duration == 0 {
            return;
        }
        let ms = segment.duration.saturating_mul(1000) / u64::from(scale.get());
        self.measured_bytes += bytes;
        self.measured_ms += ms;
        // A segment cut short says nothing about the rate.
        if !segment.short && ms > 0 {
            self.peak = self.peak.max(bytes.saturating_mul(8000) / ms);
        }
    }

    /// Returns what was measured.
    pub(super) fn rates(&self) -> Rates {
        match self.measured_ms {
            0 => Rates::default(),
            ms => Rates {
                peak: self.peak,
                average: self.measured_bytes.saturating_mul(8000) / ms,
            },
        }
    }

    /// Lets the bytes of a segment in memory go.
    pub(super) fn unload(&mut self, number: u64) {
        let Some(stored) = self.get_mut(number).filter(|stored| stored.in_memory) else {
            return;
        };
        stored.in_memory = false;
        for part in &mut stored.parts {
            part.bytes = Bytes::new();
        }
        let bytes = stored.bytes;
        self.memory_bytes = self.memory_bytes.saturating_sub(bytes);
    }

    /// Removes the oldest segment.
    pub(super) fn pop(&mut self) -> Option<Stored> {
        self.unload(self.first);
        let gone = self.segments.pop_front()?;
        self.first += 1;
        Some(gone)
    }
}

impl Stored {
    /// A segment whose media was lost.
    pub(super) fn lost(start: u64, duration: u64) -> Self {
        Self {
            start,
            duration,
            whole: true,
            gap: true,
            ..Self::default()
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.duration)
    }

    /// Returns the bytes of what is there of the segment.
    pub(super) fn slices(&self) -> Result<Vec<Bytes>, Missing> {
        if self.in_memory {
            let parts = self.parts.iter().filter(|part| !part.gap);
            return Ok(parts.map(|part| part.bytes.clone()).collect());
        }
        self.whole_file().map(|bytes| vec![bytes])
    }

    /// Returns the bytes of a part, which is there.
    pub(super) fn part(&self, index: u32) -> Result<Bytes, Missing> {
        let at = index as usize;
        let Some(part) = self.parts.get(at) else {
            return self.found_part(at);
        };
        if part.gap {
            return Err(Missing::Lost);
        }
        if self.in_memory {
            return Ok(part.bytes.clone());
        }
        let before: u64 = self.parts.iter().take(at).map(|part| part.len).sum();
        let all = self.whole_file()?;
        let (from, to) = (before as usize, before.saturating_add(part.len) as usize);
        if to > all.len() {
            return Err(Missing::Unreadable("its file is too short".to_owned()));
        }
        Ok(all.slice(from..to))
    }

    /// Finds a part of a segment from before a restart: each is one fragment.
    fn found_part(&self, at: usize) -> Result<Bytes, Missing> {
        let all = self.whole_file()?;
        let fragments = segment::index(&all, &segment::TrackDefaults::default())
            .map_err(|error| Missing::Unreadable(error.to_string()))?;
        let found = fragments.get(at).ok_or(Missing::Lost)?;
        let from = found.offset.saturating_sub(found.lead);
        let to = found.offset.saturating_add(found.len);
        if to > all.len() as u64 {
            return Err(Missing::Unreadable("its file is too short".to_owned()));
        }
        Ok(all.slice(from as usize..to as usize))
    }

    fn whole_file(&self) -> Result<Bytes, Missing> {
        let file = self.file.as_ref().ok_or(Missing::Lost)?;
        file.whole()
            .map_err(|error| Missing::Unreadable(error.to_string()))
    }
}
