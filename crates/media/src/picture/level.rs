//! The least H.264 level for a picture size, a frame rate and a bit rate (ISO/IEC 14496-10, A.3).

use crate::presentation::FrameRate;

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

/// Returns the least `level_idc` (31 is level 3.1) that allows all of it, or the greatest there is.
/// `high` is for the profile High; rates are in bits a second, `bufsize` is in bits.
pub fn h264_level(size: (u32, u32), rate: FrameRate, high: bool, maxrate: u64, bufsize: u64) -> u8 {
    let wide = u64::from(size.0.div_ceil(16));
    let tall = u64::from(size.1.div_ceil(16));
    let frame = wide * tall;
    let per_second = (frame * u64::from(rate.num)).div_ceil(u64::from(rate.den.max(1)));
    // cpbBrVclFactor: 1250 for High, 1000 for the others.
    let factor = if high { 1_250 } else { 1_000 };
    let fits = |&&(_, mbps, fs, br, cpb): &&(u8, u64, u64, u64, u64)| {
        per_second <= mbps
            && frame <= fs
            && wide * wide <= 8 * fs
            && tall * tall <= 8 * fs
            && maxrate <= br * factor
            && bufsize <= cpb * factor
    };
    let found = LEVELS.iter().find(fits).or(LEVELS.last());
    found.map_or(62, |(level, ..)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_fit_size_rate_and_bits() {
        for (width, height, fps, kilobits, expected) in [
            (256, 144, 30, 130, 12),
            (426, 240, 30, 290, 21),
            (640, 360, 30, 480, 30),
            (854, 480, 30, 1_200, 31),
            (1280, 720, 30, 2_400, 31),
            (1280, 720, 60, 3_600, 32),
            (1280, 720, 30, 24_000, 32),
            (1920, 1080, 30, 4_800, 40),
            (1920, 1080, 60, 6_000, 42),
            (3840, 2160, 30, 20_000, 51),
            (3840, 2160, 60, 30_000, 52),
            (1080, 1920, 30, 4_800, 40),
            (8192, 8192, 240, 1_000, 62),
        ] {
            let rate = FrameRate { num: fps, den: 1 };
            let bits = kilobits * 1000;
            let level = h264_level((width, height), rate, true, bits, bits);
            assert_eq!(level, expected, "{width}x{height}@{fps} {kilobits}k");
        }
    }
}
