//! The packets of one stream: how many, where they start and end, which are key frames.

use std::{ffi::OsStr, ops::ControlFlow};

use super::Rational;
use crate::{Error, Ffmpeg};

/// What a pass over the packets of a stream finds, in ticks of its time base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// Number of packets.
    pub count: u64,
    /// Least presentation time.
    pub first_pts: Option<i64>,
    /// Greatest presentation time plus duration.
    pub end_pts: Option<i64>,
    /// Presentation times of key frames, in the order of the file.
    pub keys: Vec<i64>,
    /// Whether every packet has a presentation and a decoding time.
    pub timed: bool,
    /// Least and greatest distance of consecutive presentation times.
    pub steps: Option<(i64, i64)>,
}

impl Packets {
    /// Returns the greatest distance in ticks from a key frame to the next one or to the end.
    pub fn greatest_key_distance(&self) -> Option<i64> {
        let ends = self.keys.iter().skip(1).copied().chain(self.end_pts);
        self.keys
            .iter()
            .zip(ends)
            .map(|(key, next)| next.saturating_sub(*key))
            .max()
    }

    /// Returns the greatest key frame distance in milliseconds.
    pub fn greatest_key_distance_ms(&self, time_base: Rational) -> Option<i64> {
        let ms = Rational {
            num: time_base.num.checked_mul(1000)?,
            den: time_base.den,
        };
        Some(ms.times(self.greatest_key_distance()?))
    }
}

/// Reads all packets of a stream, without decoding. Takes as long as reading the file does.
pub fn packets(
    ffmpeg: &Ffmpeg,
    input: &OsStr,
    stream: u32,
    mut goes_on: impl FnMut() -> ControlFlow<()>,
) -> Result<Packets, Error> {
    let command = ffmpeg
        .probe_command()
        .arg("-select_streams")
        .arg(stream.to_string())
        .args(["-show_entries", "packet=pts,dts,duration,flags"])
        .args(["-of", "csv=print_section=0"])
        .arg("-i")
        .arg(input);
    let mut found = Collector::default();
    ffmpeg.spawner().run_lines(command, |line| {
        found.line(line);
        goes_on()
    })?;
    Ok(found.finish())
}

#[derive(Default)]
struct Collector {
    packets: Packets,
    untimed: bool,
    times: Vec<i64>,
}

impl Collector {
    /// Takes `pts,dts,duration,flags`, where `N/A` is unknown and further fields are side data.
    fn line(&mut self, line: &str) {
        let mut fields = line.split(',');
        let mut number = || fields.next().and_then(|text| text.parse::<i64>().ok());
        let (pts, dts, duration) = (number(), number(), number());
        let Some(flags) = fields.next() else {
            return;
        };
        let packets = &mut self.packets;
        packets.count += 1;
        self.untimed |= pts.is_none() || dts.is_none();
        let Some(pts) = pts else {
            return;
        };
        let end = pts.saturating_add(duration.unwrap_or(0));
        packets.first_pts = Some(packets.first_pts.map_or(pts, |first| first.min(pts)));
        packets.end_pts = Some(packets.end_pts.map_or(end, |last| last.max(end)));
        if flags.starts_with('K') {
            packets.keys.push(pts);
        }
        self.times.push(pts);
    }

    fn finish(mut self) -> Packets {
        self.packets.timed = !self.untimed && self.packets.count > 0;
        self.times.sort_unstable();
        let steps = || {
            self.times
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]))
        };
        self.packets.steps = steps().min().zip(steps().max());
        self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(text: &str) -> Packets {
        let mut found = Collector::default();
        text.lines().for_each(|line| found.line(line));
        found.finish()
    }

    #[test]
    fn key_frames_and_ends_are_found() {
        let found =
            collect("0,-2,1,K__\n4,-1,1,___\n2,0,1,___\n1,1,1,__D\n3,2,1,_\n5,3,1,K_,Skip\n");
        assert_eq!(found.count, 6);
        assert_eq!(found.keys, [0, 5]);
        assert_eq!((found.first_pts, found.end_pts), (Some(0), Some(6)));
        assert_eq!(found.greatest_key_distance(), Some(5));
        assert_eq!(found.steps, Some((1, 1)));
        assert!(found.timed);
        let tick = Rational::new(1, 25).unwrap();
        assert_eq!(found.greatest_key_distance_ms(tick), Some(200));
    }

    #[test]
    fn missing_times_are_told() {
        let found = collect("N/A,N/A,3,K__\n3,N/A,3,___\n\nnonsense\n");
        assert_eq!((found.count, found.timed), (2, false));
        assert_eq!(found.greatest_key_distance(), None);
        assert_eq!(collect(""), Packets::default());
    }
}
