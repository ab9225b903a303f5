//! JPEGs in a row, ITU-T T.81, annex B: from `SOI` to `EOI`.

use bytes::Bytes;

use super::machine::{Join, Step};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

#[derive(Debug, Default)]
pub(super) struct Mjpeg {
    place: Place,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Between pictures.
    #[default]
    Outside,
    /// Where a marker should be.
    Marker,
    /// In entropy-coded data.
    Scan,
}

impl Mjpeg {
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match self.place {
            Place::Outside => {
                if bytes.len() < 2 {
                    return Step::Need(2);
                }
                if bytes[..2] == [0xff, SOI] {
                    self.place = Place::Marker;
                    return Step::part(2, Join::Hard(Bytes::new()));
                }
                let next = bytes.windows(2).position(|pair| pair == [0xff, SOI]);
                Step::unit(next.unwrap_or(bytes.len() - 1), Join::No)
            }
            Place::Marker => self.marker(bytes),
            Place::Scan => {
                // `FF 00` is a byte of data, and restart markers lie in it.
                let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
                match bytes.windows(2).position(is_end) {
                    Some(0) => {
                        self.place = Place::Marker;
                        self.marker(bytes)
                    }
                    Some(len) => Step::part(len, Join::No),
                    None if bytes.len() < 2 => Step::Need(2),
                    None => Step::part(bytes.len() - 1, Join::No),
                }
            }
        }
    }

    fn marker(&mut self, bytes: &[u8]) -> Step {
        let &[first, code, ..] = bytes else {
            return Step::Need(2);
        };
        match (first, code) {
            (0xff, EOI) => {
                self.place = Place::Outside;
                Step::unit(2, Join::No)
            }
            // Fill bytes.
            (0xff, 0xff) => Step::part(1, Join::No),
            (0xff, SOI) => {
                self.place = Place::Outside;
                self.step(bytes)
            }
            // Markers without a segment.
            (0xff, 0x01 | 0xd0..=0xd7) => Step::part(2, Join::No),
            (0xff, code) => {
                let &[_, _, high, low, ..] = bytes else {
                    return Step::Need(4);
                };
                if code == SOS {
                    self.place = Place::Scan;
                }
                let len = usize::from(u16::from_be_bytes([high, low]));
                Step::part(2 + len.max(2), Join::No)
            }
            _ => {
                self.place = Place::Outside;
                self.step(bytes)
            }
        }
    }
}
