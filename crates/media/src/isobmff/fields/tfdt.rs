//! `moof/traf/tfdt`: decode time of a track fragment, ISO/IEC 14496-12, 8.8.12.

use super::{FULL, TooWide, set_time, time, time_len, version};

const BASE_MEDIA_DECODE_TIME: usize = FULL;

/// View of a `tfdt` body: version 0 has 32 bits, version 1 has 64.
#[derive(Clone, Copy, Debug)]
pub struct Tfdt<B> {
    body: B,
    version: u8,
}

impl<B: AsRef<[u8]>> Tfdt<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        let version = version(body.as_ref())?;
        (body.as_ref().len() >= BASE_MEDIA_DECODE_TIME + time_len(version))
            .then_some(Self { body, version })
    }

    /// Returns the version.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Returns the decode time of the first sample, in ticks of the track.
    pub fn base_media_decode_time(&self) -> u64 {
        time(self.body.as_ref(), BASE_MEDIA_DECODE_TIME, self.version)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Tfdt<B> {
    /// Sets the decode time of the first sample, in ticks of the track.
    pub fn set_base_media_decode_time(&mut self, ticks: u64) -> Result<(), TooWide> {
        let version = self.version;
        set_time(self.body.as_mut(), BASE_MEDIA_DECODE_TIME, version, ticks)
    }
}
