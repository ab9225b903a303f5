//! `moof/traf/saio`: offsets of sample auxiliary information, ISO/IEC 14496-12, 8.7.9.

use super::{FULL, TooWide, be, flags, set_time, time, time_len, version};

const AUX_INFO_TYPE_PRESENT: u32 = 1;

/// View of a `saio` body: version 0 has 32-bit offsets, version 1 has 64-bit ones.
#[derive(Clone, Copy, Debug)]
pub struct Saio<B> {
    body: B,
    version: u8,
}

impl<B: AsRef<[u8]>> Saio<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        let version = version(body.as_ref())?;
        let this = Self { body, version };
        let offsets = u64::from(this.entry_count()) * time_len(version) as u64;
        let len = this.offsets_at() as u64 + offsets;
        (this.body.as_ref().len() as u64 >= len).then_some(this)
    }

    /// Returns the number of offsets: one, or one a run.
    pub fn entry_count(&self) -> u32 {
        be::u32(self.body.as_ref(), self.offsets_at() - 4)
    }

    /// Returns an offset, counted from the base that data offsets of the `traf` count from.
    pub fn offset(&self, index: u32) -> u64 {
        time(self.body.as_ref(), self.offset_at(index), self.version)
    }

    fn offsets_at(&self) -> usize {
        let typed = flags(self.body.as_ref()) & AUX_INFO_TYPE_PRESENT != 0;
        FULL + if typed { 8 } else { 0 } + 4
    }

    fn offset_at(&self, index: u32) -> usize {
        self.offsets_at() + index as usize * time_len(self.version)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Saio<B> {
    /// Sets an offset.
    pub fn set_offset(&mut self, index: u32, offset: u64) -> Result<(), TooWide> {
        let (at, version) = (self.offset_at(index), self.version);
        set_time(self.body.as_mut(), at, version, offset)
    }
}
