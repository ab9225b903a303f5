//! What fetched media really is: an init segment, and a segment or part measured with it.

use std::hash::{DefaultHasher, Hash, Hasher};

use media::{
    isobmff::{
        BoxError, FourCc,
        fields::Prft,
        init::{self, InitTrack},
        segment,
        walk::boxes,
    },
    presentation::Content,
    time::Time,
};

use super::nanos::{Nanos, from_ms, nanos};

/// Less media than this says nothing about a mean bit rate.
const LEAST_FOR_MEAN: Nanos = from_ms(20_000);

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_OFFSET: i64 = 2_208_988_800;
/// `prft` flag: media time and wall clock keep their distance. Alone, the wall clock is any.
const PRFT_STEADY: u32 = 8;

/// An init segment as it was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    /// Its video track, else its first.
    pub(crate) track: InitTrack,
    /// Codec strings of all tracks.
    pub(crate) codecs: Vec<String>,
    /// Tells contents apart.
    pub(crate) hash: u64,
}

impl Init {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BoxError> {
        let read = init::read(bytes)?;
        let codecs = read
            .tracks
            .iter()
            .map(|track| track.codec.clone())
            .collect();
        let mut tracks = read.tracks;
        let video = tracks
            .iter()
            .position(|track| track.content == Content::Video);
        let index = video.unwrap_or(0);
        if index >= tracks.len() {
            return Err(BoxError {
                path: "moov".to_owned(),
                offset: 0,
                reason: "there is no track".into(),
            });
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(Self {
            track: tracks.swap_remove(index),
            codecs,
            hash: hasher.finish(),
        })
    }
}

/// A segment or part as it was fetched. Times are on the time line of the media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Decode time of the first sample.
    pub(crate) start: Nanos,
    /// Decode end of the last sample.
    pub(crate) end: Nanos,
    pub(crate) samples: u64,
    /// Whether decoding can begin with the first sample, or anywhere.
    pub(crate) starts_with_sync: bool,
    pub(crate) has_sync: bool,
    /// Number of fragments and duration of the longest.
    pub(crate) fragments: usize,
    pub(crate) longest_fragment: Nanos,
    pub(crate) bytes: u64,
    pub(crate) producer: Option<Producer>,
}

/// What the producer reference times (`prft`) of a segment or part say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    /// Wall clock less media time of the first.
    pub(crate) anchor: Nanos,
    /// How far off it those of the others are at most.
    pub(crate) spread: Nanos,
    /// The latest wall time.
    pub(crate) latest: Nanos,
    /// Whether all say that the distance of wall clock and media time is constant.
    pub(crate) is_steady: bool,
    /// Whether all say what the wall time is of.
    pub(crate) is_real: bool,
}

impl Producer {
    /// Reads those of a track.
    fn read(track: &InitTrack, bytes: &[u8]) -> Result<Option<Self>, BoxError> {
        let mut found: Option<Self> = None;
        for one in boxes(bytes) {
            let one = one?;
            if one.kind != FourCc(*b"prft") {
                continue;
            }
            let prft = one.parse(Prft::new)?;
            if prft.reference_track_id() != track.track_id {
                continue;
            }
            let ticks = i64::try_from(prft.media_time()).unwrap_or(i64::MAX);
            let media = nanos(Time::new(ticks, track.timescale));
            let wall = from_ntp(prft.ntp_timestamp());
            let anchor = wall.saturating_sub(media);
            let first = found.map_or(anchor, |found| found.anchor);
            let so_far = found.unwrap_or(Self {
                anchor,
                spread: 0,
                latest: wall,
                is_steady: true,
                is_real: true,
            });
            found = Some(Self {
                anchor: first,
                spread: so_far
                    .spread
                    .max(anchor.saturating_sub(first).saturating_abs()),
                latest: so_far.latest.max(wall),
                is_steady: so_far.is_steady && prft.flags() & PRFT_STEADY != 0,
                is_real: so_far.is_real && prft.flags() != PRFT_STEADY,
            });
        }
        Ok(found)
    }
}

/// Converts a time of NTP: seconds since 1900 in units of 2^-32 s.
fn from_ntp(ntp: u64) -> Nanos {
    let seconds = i64::try_from(ntp >> 32).unwrap_or(0) - NTP_OFFSET;
    let fraction = ((ntp & 0xffff_ffff) * 1_000_000_000) >> 32;
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add_unsigned(fraction)
}

impl Measured {
    pub(crate) fn read(init: &Init, bytes: &[u8]) -> Result<Self, BoxError> {
        let track = &init.track;
        let info = segment::read(bytes, &track.defaults)?;
        let samples = segment::samples(bytes, &track.defaults)?;
        let at = |ticks: u64| {
            let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
            nanos(Time::new(ticks, track.timescale))
        };
        let fragments = info.fragments.iter().map(|fragment| at(fragment.duration));
        Ok(Self {
            start: at(info.first_decode_time),
            end: at(info.first_decode_time.saturating_add(info.duration)),
            samples: samples.len() as u64,
            starts_with_sync: samples.first().is_some_and(segment::Sample::is_sync),
            has_sync: samples.iter().any(segment::Sample::is_sync),
            fragments: info.fragments.len(),
            longest_fragment: fragments.max().unwrap_or(0),
            bytes: bytes.len() as u64,
            producer: Producer::read(track, bytes)?,
        })
    }

    pub(crate) fn duration(&self) -> Nanos {
        self.end - self.start
    }
}

/// Bit rates of the segments fetched so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    bytes: u64,
    duration: Nanos,
    peak: u64,
}

impl Rates {
    /// Adds a segment. One of less than half the target duration does not count for the peak.
    pub(crate) fn add(&mut self, bytes: u64, duration: Nanos, target: Nanos) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.duration = self.duration.saturating_add(duration);
        if duration.saturating_mul(2) >= target {
            self.peak = self.peak.max(per_second(bytes, duration));
        }
    }

    /// Returns the mean bit rate, once there is enough to tell.
    pub(crate) fn average(&self) -> Option<u64> {
        (self.duration >= LEAST_FOR_MEAN).then(|| per_second(self.bytes, self.duration))
    }

    /// Returns the bit rate of the segment with the greatest.
    pub(crate) fn peak(&self) -> Option<u64> {
        (self.peak > 0).then_some(self.peak)
    }
}

fn per_second(bytes: u64, duration: Nanos) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000_000;
    let duration = u128::try_from(duration).unwrap_or(0).max(1);
    u64::try_from(bits / duration).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second() {
        let mut rates = Rates::default();
        assert_eq!((rates.average(), rates.peak()), (None, None));
        for bytes in [250_000, 500_000] {
            rates.add(bytes, from_ms(10_000), from_ms(10_000));
        }
        rates.add(900_000, from_ms(1000), from_ms(10_000));
        assert_eq!(rates.peak(), Some(400_000));
        assert_eq!(rates.average(), Some(628_571));
    }
}
