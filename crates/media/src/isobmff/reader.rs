//! Reading of fields one after another. Reading past the end gives zeros and is remembered, so
//! that a parser asks once, at its end, whether all was there ([`Reader::ok`]).

use super::be;

/// Reads bytes front to back.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    overrun: bool,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            overrun: false,
        }
    }

    /// Gives nothing when something was read that was not there.
    pub(super) fn ok(&self) -> Option<()> {
        (!self.overrun).then_some(())
    }

    /// Passes over `count` bytes and returns where they began.
    pub(super) fn skip(&mut self, count: usize) -> usize {
        let at = self.at;
        match at.checked_add(count) {
            Some(end) if end <= self.bytes.len() => self.at = end,
            _ => {
                self.at = self.bytes.len();
                self.overrun = true;
            }
        }
        at
    }

    /// Reads an 8-bit integer.
    pub(super) fn u8(&mut self) -> u8 {
        be::u8(self.bytes, self.skip(1))
    }

    /// Reads a 16-bit integer.
    pub(super) fn u16(&mut self) -> u16 {
        be::u16(self.bytes, self.skip(2))
    }

    /// Reads a 32-bit integer.
    pub(super) fn u32(&mut self) -> u32 {
        be::u32(self.bytes, self.skip(4))
    }

    /// Reads a 64-bit integer.
    pub(super) fn u64(&mut self) -> u64 {
        be::u64(self.bytes, self.skip(8))
    }

    /// Reads a 64-bit integer when `wide`, else a 32-bit one.
    pub(super) fn sized(&mut self, wide: bool) -> u64 {
        if wide { self.u64() } else { self.u32().into() }
    }

    /// Reads `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let at = self.skip(count);
        self.bytes.get(at..self.at).unwrap_or_default()
    }

    /// Reads text up to a zero byte or the end; what is not UTF-8 reads as empty.
    pub(super) fn text(&mut self) -> &'a str {
        let rest = self.rest();
        let len = rest.iter().position(|byte| *byte == 0);
        let text = self.take(len.unwrap_or(rest.len()));
        if len.is_some() {
            self.skip(1);
        }
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Returns what has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Returns how many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.at
    }
}

/// Reads bits, most significant first, with the same treatment of the end.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// Starts at the first bit.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Reads up to 32 bits.
    pub(super) fn get(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| value << 1 | u32::from(self.flag()))
    }

    /// Reads one bit.
    pub(super) fn flag(&mut self) -> bool {
        let byte = be::u8(self.bytes, self.at / 8);
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        bit == 1
    }

    /// Passes over bits.
    pub(super) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// Passes over the bits up to the next whole byte.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// Returns how many bits are left.
    pub(super) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    /// Gives nothing when something was read that was not there.
    pub(super) fn ok(&self) -> Option<()> {
        (self.at <= self.bytes.len() * 8).then_some(())
    }
}
