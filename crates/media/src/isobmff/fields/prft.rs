//! `prft`: producer reference time, ISO/IEC 14496-12, 8.16.5.

use super::{FULL, TooWide, be, set_time, time, time_len, version};

const REFERENCE_TRACK_ID: usize = FULL;
const NTP_TIMESTAMP: usize = REFERENCE_TRACK_ID + 4;
const MEDIA_TIME: usize = NTP_TIMESTAMP + 8;

/// View of a `prft` body: version 0 has a 32-bit media time, version 1 a 64-bit one.
#[derive(Clone, Copy, Debug)]
pub struct Prft<B> {
    body: B,
    version: u8,
}

impl<B: AsRef<[u8]>> Prft<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        let version = version(body.as_ref())?;
        (body.as_ref().len() >= MEDIA_TIME + time_len(version)).then_some(Self { body, version })
    }

    /// Returns the version.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Returns the flags: what the wall time is of, and 8 when times of media and of wall clock keep
    /// their distance.
    pub fn flags(&self) -> u32 {
        be::u32(self.body.as_ref(), 0) & 0x00ff_ffff
    }

    /// Returns the track.
    pub fn reference_track_id(&self) -> u32 {
        be::u32(self.body.as_ref(), REFERENCE_TRACK_ID)
    }

    /// Returns the wall time: seconds since 1900 in units of 2^-32 s.
    pub fn ntp_timestamp(&self) -> u64 {
        be::u64(self.body.as_ref(), NTP_TIMESTAMP)
    }

    /// Returns the media time of that wall time, in ticks of the track.
    pub fn media_time(&self) -> u64 {
        time(self.body.as_ref(), MEDIA_TIME, self.version)
    }

    /// Returns the part of the body whose length the version fixes: up to the media time.
    pub fn versioned_part(&self) -> &[u8] {
        let end = MEDIA_TIME + time_len(self.version);
        self.body.as_ref().get(..end).unwrap_or_default()
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Prft<B> {
    /// Sets the wall time: seconds since 1900 in units of 2^-32 s.
    pub fn set_ntp_timestamp(&mut self, time: u64) {
        be::put(self.body.as_mut(), NTP_TIMESTAMP, &time.to_be_bytes());
    }

    /// Sets the media time, in ticks of the track.
    pub fn set_media_time(&mut self, ticks: u64) -> Result<(), TooWide> {
        let version = self.version;
        set_time(self.body.as_mut(), MEDIA_TIME, version, ticks)
    }
}
