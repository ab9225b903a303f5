//! `sidx`: segment index, ISO/IEC 14496-12, 8.16.3.

use super::{FULL, TooWide, be, set_time, time, time_len, version};

const REFERENCE_ID: usize = FULL;
const TIMESCALE: usize = REFERENCE_ID + 4;
const EARLIEST_PRESENTATION_TIME: usize = TIMESCALE + 4;
const REFERENCE_LEN: usize = 12;
const SIZE_BITS: u32 = 31;
const SIZE_MASK: u32 = u32::MAX >> 1;

/// View of a `sidx` body: version 0 has 32-bit times and offset, version 1 has 64-bit ones.
#[derive(Clone, Copy, Debug)]
pub struct Sidx<B> {
    body: B,
    version: u8,
}

/// An entry of a `sidx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidxReference {
    /// Whether it is another index rather than media.
    pub is_index: bool,
    /// Length in bytes, 31 bits.
    pub size: u32,
    /// Duration in ticks of the index.
    pub duration: u32,
    /// Whether it starts with a stream access point.
    pub starts_with_sap: bool,
}

impl<B: AsRef<[u8]>> Sidx<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        let version = version(body.as_ref())?;
        let this = Self { body, version };
        let len = this.references_at() + usize::from(this.reference_count()) * REFERENCE_LEN;
        (this.body.as_ref().len() >= len).then_some(this)
    }

    /// Returns the version.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Returns the stream (track) that is indexed.
    pub fn reference_id(&self) -> u32 {
        be::u32(self.body.as_ref(), REFERENCE_ID)
    }

    /// Returns the ticks per second.
    pub fn timescale(&self) -> u32 {
        be::u32(self.body.as_ref(), TIMESCALE)
    }

    /// Returns the presentation time of the first access unit, in ticks of the index.
    pub fn earliest_presentation_time(&self) -> u64 {
        time(self.body.as_ref(), EARLIEST_PRESENTATION_TIME, self.version)
    }

    /// Returns the distance from the end of the box to the first byte referred to.
    pub fn first_offset(&self) -> u64 {
        time(self.body.as_ref(), self.first_offset_at(), self.version)
    }

    /// Returns the number of entries.
    pub fn reference_count(&self) -> u16 {
        be::u16(self.body.as_ref(), self.references_at() - 2)
    }

    /// Returns an entry; all zeros beyond the last.
    pub fn reference(&self, index: u16) -> SidxReference {
        let at = self.reference_at(index);
        let first = be::u32(self.body.as_ref(), at);
        let sap = be::u32(self.body.as_ref(), at + 8);
        SidxReference {
            is_index: first & !SIZE_MASK != 0,
            size: first & SIZE_MASK,
            duration: be::u32(self.body.as_ref(), at + 4),
            starts_with_sap: sap >> 31 != 0,
        }
    }

    /// Iterates over the entries.
    pub fn references(&self) -> impl Iterator<Item = SidxReference> {
        (0..self.reference_count()).map(|index| self.reference(index))
    }

    /// Returns the part of the body whose length the version fixes: up to `first_offset`.
    pub fn versioned_part(&self) -> &[u8] {
        let end = self.first_offset_at() + time_len(self.version);
        self.body.as_ref().get(..end).unwrap_or_default()
    }

    fn first_offset_at(&self) -> usize {
        EARLIEST_PRESENTATION_TIME + time_len(self.version)
    }

    fn references_at(&self) -> usize {
        self.first_offset_at() + time_len(self.version) + 4
    }

    fn reference_at(&self, index: u16) -> usize {
        self.references_at() + usize::from(index) * REFERENCE_LEN
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Sidx<B> {
    /// Sets the presentation time of the first access unit, in ticks of the index.
    pub fn set_earliest_presentation_time(&mut self, ticks: u64) -> Result<(), TooWide> {
        let version = self.version;
        set_time(
            self.body.as_mut(),
            EARLIEST_PRESENTATION_TIME,
            version,
            ticks,
        )
    }

    /// Sets the distance from the end of the box to the first byte referred to.
    pub fn set_first_offset(&mut self, offset: u64) -> Result<(), TooWide> {
        let (at, version) = (self.first_offset_at(), self.version);
        set_time(self.body.as_mut(), at, version, offset)
    }

    /// Sets the length of an entry.
    pub fn set_reference_size(&mut self, index: u16, size: u64) -> Result<(), TooWide> {
        let at = self.reference_at(index);
        let kind = be::u32(self.body.as_ref(), at) & !SIZE_MASK;
        let narrow = u32::try_from(size).ok().filter(|size| *size <= SIZE_MASK);
        let narrow = narrow.ok_or(TooWide {
            value: size,
            bits: SIZE_BITS,
        })?;
        be::put(self.body.as_mut(), at, &(kind | narrow).to_be_bytes());
        Ok(())
    }
}
