//! What the packets of the first seconds say: distance of key frames, bit rates.

use std::collections::BTreeMap;

use media::time::{Time, Timescale};
use process::probe::Rational;
use serde::Deserialize;

use crate::units::BitRate;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    packets: Vec<Packet>,
}

#[derive(Deserialize)]
struct Packet {
    stream_index: u32,
    pts: Option<i64>,
    #[serde(default)]
    size: Option<String>,
    #[serde(default)]
    flags: String,
}

/// The packets that were seen, by stream.
#[derive(Debug, Default)]
pub(super) struct Seen {
    streams: BTreeMap<u32, Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    times: Vec<i64>,
    keys: Vec<i64>,
    bytes: u64,
}

impl Seen {
    /// Reads the `packets` of the JSON of ffprobe; what cannot be read was not seen.
    pub(super) fn read(json: &[u8]) -> Self {
        let mut seen = Self::default();
        let packets = serde_json::from_slice::<Document>(json)
            .map(|document| document.packets)
            .unwrap_or_default();
        for packet in packets {
            let stream = seen.streams.entry(packet.stream_index).or_default();
            let size = packet.size.and_then(|size| size.parse::<u64>().ok());
            stream.bytes = stream.bytes.saturating_add(size.unwrap_or(0));
            stream.times.extend(packet.pts);
            if packet.flags.starts_with('K') {
                stream.keys.extend(packet.pts);
            }
        }
        seen
    }

    /// Returns the greatest distance of two key frames; `None` when fewer than two came.
    pub(super) fn key_distance(&self, stream: u32, base: Rational) -> Option<Time> {
        let keys = &self.streams.get(&stream)?.keys;
        let steps = keys.windows(2).filter_map(|pair| match pair {
            [one, next] => next.checked_sub(*one),
            _ => None,
        });
        time(base, steps.max()?)
    }

    /// Returns the mean bit rate; `None` when less than half a second came.
    pub(super) fn bit_rate(&self, stream: u32, base: Rational) -> Option<BitRate> {
        let stream = self.streams.get(&stream)?;
        let (first, last) = (stream.times.iter().min()?, stream.times.iter().max()?);
        let ms = time(base, last.checked_sub(*first)?)?.ms(media::time::Round::Down);
        let ms = u64::try_from(ms).ok().filter(|ms| *ms >= 500)?;
        Some(BitRate(stream.bytes.checked_mul(8_000)? / ms))
    }
}

/// Makes a time of ticks of a time base.
pub(super) fn time(base: Rational, ticks: i64) -> Option<Time> {
    let scale = Timescale::new(u32::try_from(base.den).ok()?)?;
    Some(Time::new(ticks.checked_mul(base.num)?, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_rates_are_found() {
        let packet = |pts: i64, flags: &str| {
            format!(r#"{{"stream_index":0,"pts":{pts},"size":"1000","flags":"{flags}"}}"#)
        };
        let list: Vec<String> = (0..50)
            .map(|i| packet(i * 3_600, if i % 25 == 0 { "K__" } else { "___" }))
            .collect();
        let json = format!(r#"{{"packets":[{}]}}"#, list.join(","));
        let seen = Seen::read(json.as_bytes());
        let base = Rational::new(1, 90_000).unwrap();
        assert_eq!(seen.key_distance(0, base), Some(Time::from_secs(1)));
        assert_eq!(seen.bit_rate(0, base), Some(BitRate(204_081)));
        assert_eq!(seen.key_distance(1, base), None);
    }

    #[test]
    fn nothing_is_no_error() {
        for json in ["", "{}", "[]", r#"{"packets":[{"stream_index":0}]}"#] {
            let seen = Seen::read(json.as_bytes());
            let base = Rational::new(1, 90_000).unwrap();
            assert_eq!(seen.key_distance(0, base), None);
            assert_eq!(seen.bit_rate(0, base), None);
        }
    }
}
