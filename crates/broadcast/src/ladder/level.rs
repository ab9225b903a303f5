//! The H.264 level of a rung, and its codec string.

use std::fmt;

use super::options::H264Profile;
use crate::units::{BitRate, Rate, Size};

/// A level as `level_idc` has it: 31 is level 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub u8);

impl Level {
    /// Returns the least level that allows all of it, or the greatest there is.
    pub fn of(
        size: Size,
        rate: Rate,
        profile: H264Profile,
        maxrate: BitRate,
        bufsize: BitRate,
    ) -> Self {
        Self(media::picture::h264_level(
            (size.width, size.height),
            rate.frame_rate(),
            profile == H264Profile::High,
            maxrate.0,
            bufsize.0,
        ))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

/// Returns the codec string of RFC 6381 for what x264 writes.
pub(super) fn codecs(profile: H264Profile, level: Level) -> String {
    let (indication, constraints) = match profile {
        H264Profile::Baseline => (0x42, 0xc0),
        H264Profile::Main => (0x4d, 0x40),
        H264Profile::High => (0x64, 0x00),
    };
    format!("avc1.{indication:02x}{constraints:02x}{:02x}", level.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_strings_are_those_of_x264() {
        assert_eq!(codecs(H264Profile::High, Level(31)), "avc1.64001f");
        assert_eq!(codecs(H264Profile::Main, Level(30)), "avc1.4d401e");
        assert_eq!(codecs(H264Profile::Baseline, Level(12)), "avc1.42c00c");
    }
}
