//! The least H.264 level for a picture size, a frame rate and a bit rate (ISO/IEC 14496-10, A.3).

use std::fmt;

use super::options::H264Profile;
use crate::units::{BitRate, Rate, Size};

/// A level as `level_idc` has it: 31 is level 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub u8);

/// Table A-1: `level_idc`, macroblocks a second, macroblocks a frame, kbit/s, buffered kbit.
const LEVELS: [(u8, u64, u64, u64, u64); 19] = [
    (10, 1_485, 99, 64, 175),
    (11, 3_000, 396, 192, 500),
    (12, 6_000, 396, 384, 1_000),
    (13, 11_880, 396, 768, 2_000),
    (20, 11_880, 396, 2_000, 2_000),
    (21, 19_800, 792, 4_000, 4_000),
    (22, 20_250, 1_620, 4_000, 4_000),
    (30, 40_500, 1_620, 10_000, 10_000),
    (31, 108_000, 3_600, 14_000, 14_000),
    (32, 216_000, 5_120, 20_000, 20_000),
    (40, 245_760, 8_192, 20_000, 25_000),
    (41, 245_760, 8_192, 50_000, 62_500),
    (42, 522_240, 8_704, 50_000, 62_500),
    (50, 589_824, 22_080, 135_000, 135_000),
    (51, 983_040, 36_864, 240_000, 240_000),
    (52, 2_073_600, 36_864, 240_000, 240_000),
    (60, 4_177_920, 139_264, 240_000, 240_000),
    (61, 8_355_840, 139_264, 480_000, 480_000),
    (62, 16_711_680, 139_264, 800_000, 800_000),
];

impl Level {
    /// Returns the least level that allows all of it, or the greatest there is.
    pub fn of(
        size: Size,
        rate: Rate,
        profile: H264Profile,
        maxrate: BitRate,
        bufsize: BitRate,
    ) -> Self {
        let wide = u64::from(size.width.div_ceil(16));
        let high = u64::from(size.height.div_ceil(16));
        let frame = wide * high;
        let a_second = (frame * u64::from(rate.num())).div_ceil(u64::from(rate.den()));
        // cpbBrVclFactor: 1250 for High, 1000 for the others.
        let factor = if profile == H264Profile::High {
            1_250
        } else {
            1_000
        };
        let fits = |&&(_, mbps, fs, br, cpb): &&(u8, u64, u64, u64, u64)| {
            a_second <= mbps
                && frame <= fs
                && wide * wide <= 8 * fs
                && high * high <= 8 * fs
                && maxrate.0 <= br * factor
                && bufsize.0 <= cpb * factor
        };
        let found = LEVELS.iter().find(fits).or(LEVELS.last());
        Self(found.map_or(62, |(level, ..)| *level))
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
    fn levels_fit_size_rate_and_bits() {
        for (size, fps, kilobits, expected) in [
            ("256x144", 30, 130, "1.2"),
            ("426x240", 30, 290, "2.1"),
            ("640x360", 30, 480, "3.0"),
            ("854x480", 30, 1_200, "3.1"),
            ("1280x720", 30, 2_400, "3.1"),
            ("1280x720", 60, 3_600, "3.2"),
            ("1280x720", 30, 24_000, "3.2"),
            ("1920x1080", 30, 4_800, "4.0"),
            ("1920x1080", 60, 6_000, "4.2"),
            ("3840x2160", 30, 20_000, "5.1"),
            ("3840x2160", 60, 30_000, "5.2"),
            ("1080x1920", 30, 4_800, "4.0"),
            ("8192x8192", 240, 1_000, "6.2"),
        ] {
            let level = Level::of(
                size.parse().unwrap(),
                Rate::whole(fps),
                H264Profile::High,
                BitRate::kilo(kilobits),
                BitRate::kilo(kilobits),
            );
            assert_eq!(level.to_string(), expected, "{size}@{fps} {kilobits}k");
        }
    }

    #[test]
    fn codec_strings_are_those_of_x264() {
        assert_eq!(codecs(H264Profile::High, Level(31)), "avc1.64001f");
        assert_eq!(codecs(H264Profile::Main, Level(30)), "avc1.4d401e");
        assert_eq!(codecs(H264Profile::Baseline, Level(12)), "avc1.42c00c");
    }
}
