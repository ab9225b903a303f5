//! `moof/traf/saiz`: sizes of sample auxiliary information, ISO/IEC 14496-12, 8.7.8.

use super::{FULL, be, flags, version};

const AUX_INFO_TYPE_PRESENT: u32 = 1;

/// View of a `saiz` body.
#[derive(Clone, Copy, Debug)]
pub struct Saiz<B>(B);

impl<B: AsRef<[u8]>> Saiz<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        version(body.as_ref())?;
        let this = Self(body);
        let sizes = if this.default_sample_info_size() == 0 {
            u64::from(this.sample_count())
        } else {
            0
        };
        let len = this.sizes_at() as u64 + sizes;
        (this.0.as_ref().len() as u64 >= len).then_some(this)
    }

    /// Returns the size of every sample's information in bytes; 0 when they differ.
    pub fn default_sample_info_size(&self) -> u8 {
        be::u8(self.0.as_ref(), self.sizes_at() - 5)
    }

    /// Returns the number of samples.
    pub fn sample_count(&self) -> u32 {
        be::u32(self.0.as_ref(), self.sizes_at() - 4)
    }

    /// Returns the size of a sample's information in bytes; 0 beyond the last.
    pub fn sample_info_size(&self, index: u32) -> u8 {
        match self.default_sample_info_size() {
            _ if index >= self.sample_count() => 0,
            0 => be::u8(self.0.as_ref(), self.sizes_at() + index as usize),
            same => same,
        }
    }

    fn sizes_at(&self) -> usize {
        let typed = flags(self.0.as_ref()) & AUX_INFO_TYPE_PRESENT != 0;
        FULL + if typed { 8 } else { 0 } + 5
    }
}
