//! The packets of all streams in one pass: how many, from when to when, which are key frames.

use std::{collections::BTreeMap, ffi::OsStr, ops::ControlFlow};

use super::Rational;
use crate::{Error, Ffmpeg};

/// What a pass over the packets of a stream finds, in ticks of its time base. Packets without a
/// presentation time count with their decoding time; those that are decoded and not shown, as
/// edit lists have it and encoders' priming, count in `count` only.
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
    /// Whether every packet has a presentation time.
    pub timed: bool,
    /// Whether some packets are to be decoded and not shown.
    pub discarded: bool,
    /// Least and greatest distance of consecutive presentation times.
    pub steps: Option<(i64, i64)>,
    /// Presentation times of all packets that are shown, ascending.
    pub times: Vec<i64>,
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

/// A packet as it passes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    /// Position of its stream.
    pub stream: u32,
    /// Its presentation time in ticks, else its decoding time.
    pub pts: Option<i64>,
    /// Where its bytes end in the file, where the container tells.
    pub end: Option<u64>,
}

/// Reads the packets of all streams without decoding and returns what was found by stream
/// position. Takes as long as reading the file does; a `Break` of `on_packet` stops it with
/// [`Error::Stopped`]. Memory: 8 bytes a packet, and 8 more a key frame.
pub fn packets(
    ffmpeg: &Ffmpeg,
    input: &OsStr,
    mut on_packet: impl FnMut(Passing) -> ControlFlow<()>,
) -> Result<BTreeMap<u32, Packets>, Error> {
    let command = ffmpeg
        .probe_command()
        .args([
            "-show_entries",
            "packet=stream_index,pts,dts,duration,size,pos,flags",
        ])
        .args(["-of", "csv=print_section=0"])
        .arg("-i")
        .arg(input);
    let mut streams: BTreeMap<u32, Collector> = BTreeMap::new();
    ffmpeg.spawner().run_lines(command, |line| {
        let Some(packet) = Line::parse(line) else {
            return ControlFlow::Continue(());
        };
        streams.entry(packet.stream).or_default().add(&packet);
        on_packet(Passing {
            stream: packet.stream,
            pts: packet.pts.or(packet.dts),
            end: packet.end,
        })
    })?;
    Ok(streams
        .into_iter()
        .map(|(stream, found)| (stream, found.finish()))
        .collect())
}

/// `stream_index,pts,dts,duration,size,pos,flags`, where `N/A` is unknown and further fields are side data.
struct Line {
    stream: u32,
    pts: Option<i64>,
    dts: Option<i64>,
    duration: Option<i64>,
    end: Option<u64>,
    key: bool,
    discarded: bool,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let stream = fields.next()?.parse().ok()?;
        let pts = fields.next()?.parse().ok();
        let dts = fields.next()?.parse().ok();
        let duration = fields.next()?.parse().ok();
        let size: Option<u64> = fields.next()?.parse().ok();
        let position: Option<u64> = fields.next()?.parse().ok();
        let flags = fields.next()?;
        Some(Self {
            stream,
            pts,
            dts,
            duration,
            end: position
                .zip(size)
                .map(|(position, size)| position.saturating_add(size)),
            key: flags.starts_with('K'),
            discarded: flags.contains('D'),
        })
    }
}

#[derive(Default)]
struct Collector {
    packets: Packets,
    untimed: bool,
    times: Vec<i64>,
}

impl Collector {
    fn add(&mut self, line: &Line) {
        let packets = &mut self.packets;
        packets.count += 1;
        packets.discarded |= line.discarded;
        self.untimed |= line.pts.is_none();
        let Some(pts) = line.pts.or(line.dts).filter(|_| !line.discarded) else {
            return;
        };
        let end = pts.saturating_add(line.duration.unwrap_or(0));
        packets.first_pts = Some(packets.first_pts.map_or(pts, |first| first.min(pts)));
        packets.end_pts = Some(packets.end_pts.map_or(end, |last| last.max(end)));
        if line.key {
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
        Packets {
            times: self.times,
            ..self.packets
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(text: &str) -> Packets {
        let mut found = Collector::default();
        text.lines()
            .filter_map(Line::parse)
            .for_each(|line| found.add(&line));
        found.finish()
    }

    #[test]
    fn key_frames_and_ends_are_found() {
        let found = collect(
            "0,0,-1,1,9,0,K__\n0,4,0,1,9,9,___\n0,2,1,1,9,N/A,___\n0,1,2,1,9,27,__\n\
             0,3,3,1,9,36,_\n0,5,4,1,9,45,K_,Skip\n",
        );
        assert_eq!(found.count, 6);
        assert_eq!(found.keys, [0, 5]);
        assert_eq!((found.first_pts, found.end_pts), (Some(0), Some(6)));
        assert_eq!(found.greatest_key_distance(), Some(5));
        assert_eq!(found.steps, Some((1, 1)));
        assert_eq!(found.times, [0, 1, 2, 3, 4, 5]);
        assert!(found.timed && !found.discarded);
        let tick = Rational::new(1, 25).unwrap();
        assert_eq!(found.greatest_key_distance_ms(tick), Some(200));
    }

    #[test]
    fn missing_times_and_edits_are_told() {
        let found = collect("1,N/A,7,3,9,0,K__\n1,3,N/A,N/A,9,9,_D_\n\nnonsense\n1,2\n");
        assert_eq!(
            (found.count, found.timed, found.discarded),
            (2, false, true)
        );
        assert_eq!((found.first_pts, found.end_pts), (Some(7), Some(10)));
        assert_eq!(found.greatest_key_distance(), Some(3));
        assert_eq!(collect(""), Packets::default());
    }
}
