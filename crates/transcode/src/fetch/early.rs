//! What can be done with a source before all of it has come.
//!
//! Which bytes hold which time is told beforehand by the index of an MP4 or MOV only, if it lies
//! before the media. The spool of a source whose length is known has that length from the
//! beginning, with a hole where nothing has come yet, so ffprobe reads all packets of such a file
//! out of its index as soon as that is there; then [`Reach`] says how much must have come for a
//! stretch of it to be decoded. Which packets in the hole are key frames is not told: ffprobe looks for
//! that in the packets themselves.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::ControlFlow,
    path::Path,
};

use media::isobmff;
use process::{
    Ffmpeg,
    probe::{self, Kind},
};

use crate::{
    plan::Seconds,
    source::{at, local},
};

/// An index is not longer than this, in bytes: some twenty hours of video with sound.
const MAX_INDEX: u64 = 256 << 20;
/// Boxes that may stand before the index (ISO/IEC 14496-12, QuickTime).
const BEFORE: &[&[u8; 4]] = &[
    b"ftyp", b"free", b"skip", b"wide", b"pdin", b"uuid", b"pnot",
];
/// How far apart points of a reach are: less would only cost memory.
const STEP_MS: i64 = 500;
/// How much of each stream is looked at before anything is decided: so many packets of video, and so
/// many milliseconds of all streams.
const OPENING: (u32, i64) = (64, 3000);

/// Tells whether a file begins with an index of all its media, of which `available` bytes have
/// come; none as long as that is not clear.
pub fn is_indexed(path: &Path, available: u64) -> io::Result<Option<bool>> {
    let mut file = File::open(path)?;
    let mut offset = 0;
    loop {
        if offset + 16 > available {
            return Ok(None);
        }
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut head)?;
        let Some((kind, size)) = header(&head) else {
            return Ok(Some(false));
        };
        if kind == *b"moov" {
            if size > MAX_INDEX {
                return Ok(Some(false));
            }
            if offset + size > available {
                return Ok(None);
            }
            let mut index = vec![0; size as usize];
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut index)?;
            // With `mvex` the index goes on in fragments among the media (8.8.1).
            let fragmented = isobmff::walk::find(&index, &[b"moov", b"mvex"]);
            return Ok(Some(fragmented.is_ok_and(|found| found.is_none())));
        }
        if !BEFORE.contains(&&kind) {
            return Ok(Some(false));
        }
        offset += size;
    }
}

/// Reads the header of a box (4.2): its type and its size; none if that is no box.
fn header(head: &[u8; 16]) -> Option<([u8; 4], u64)> {
    let [a, b, c, d, kind @ .., _, _, _, _, _, _, _, _] = head;
    let size = match u32::from_be_bytes([*a, *b, *c, *d]) {
        1 => head
            .last_chunk::<8>()
            .map(|size| u64::from_be_bytes(*size))?,
        size => u64::from(size),
    };
    (size >= 8).then_some((*kind, size))
}

/// How much of a file must be there for what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Times, and how many bytes from the beginning on hold everything up to then.
    points: Vec<(Seconds, u64)>,
    opening: u64,
}

impl Reach {
    /// Reads the packets of all streams; of a file that is on its way, out of its index. Ends early,
    /// with an error, as soon as `stop` says so.
    pub fn read(
        ffmpeg: &Ffmpeg,
        path: &Path,
        stop: &dyn Fn() -> bool,
    ) -> Result<Self, process::Error> {
        let input = local(path);
        let streams = probe::probe(ffmpeg, &input)?.streams;
        let mut points = Vec::new();
        let mut pictures = 0;
        let mut opening = 0;
        probe::packets(ffmpeg, &input, |packet| {
            let stream = streams.get(packet.stream as usize);
            let clock = stream.and_then(|stream| stream.time_base);
            if let (Some(clock), Some(pts), Some(end)) = (clock, packet.pts, packet.end) {
                points.push((at(pts, clock), end));
                if pictures < OPENING.0 && stream.is_some_and(|it| it.kind == Kind::Video) {
                    pictures += 1;
                    opening = end.max(opening);
                }
            }
            if stop() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let mut reach = Self::of(points);
        let begin = reach.points.first().map(|(time, _)| *time);
        let rest = begin.map_or(0, |it| {
            reach.bytes_until(it.plus(Seconds::from_ms(OPENING.1)))
        });
        reach.opening = opening.max(rest);
        Ok(reach)
    }

    fn of(mut points: Vec<(Seconds, u64)>) -> Self {
        points.sort_unstable();
        let step = Seconds::from_ms(STEP_MS);
        let mut thin: Vec<(Seconds, u64)> = Vec::new();
        let mut begun = None;
        for (time, end) in points {
            let most = thin.last().map_or(end, |(_, most)| end.max(*most));
            let is_near = begun.is_some_and(|begun: Seconds| time < begun.plus(step));
            match thin.last_mut() {
                Some(last) if is_near => *last = (time, most),
                _ => {
                    begun = Some(time);
                    thin.push((time, most));
                }
            }
        }
        Self {
            points: thin,
            opening: 0,
        }
    }

    /// Returns how many bytes from the beginning on are enough to tell what the source is.
    pub fn opening(&self) -> u64 {
        self.opening
    }

    /// Returns how many bytes from the beginning on hold all packets of all streams up to a time
    /// of the source. Ask for some seconds more than what is to be decoded: decoders look ahead.
    pub fn bytes_until(&self, time: Seconds) -> u64 {
        let points = &self.points;
        // The first point at or behind the time has seen everything before it.
        let behind = points.partition_point(|(point, _)| *point < time);
        let point = points.get(behind).or_else(|| points.last());
        point.map_or(0, |(_, bytes)| *bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(&kind);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn an_index_before_the_media_is_found_when_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        let look = |parts: &[Vec<u8>], available: u64| {
            let mut bytes = parts.concat();
            bytes.extend([0; 32]);
            std::fs::write(&path, bytes).unwrap();
            is_indexed(&path, available).unwrap()
        };
        let ftyp = boxed(*b"ftyp", b"isomisom");
        let moov = boxed(*b"moov", &boxed(*b"mvhd", &[0; 100]));
        let parts = [ftyp.clone(), boxed(*b"free", b""), moov.clone()];
        let whole = parts.concat().len() as u64;
        for (available, expected) in [
            (0, None),
            (20, None),
            (whole - 1, None),
            (whole, Some(true)),
        ] {
            assert_eq!(look(&parts, available), expected, "{available}");
        }
        let mdat = boxed(*b"mdat", &[0; 50]);
        assert_eq!(look(&[ftyp.clone(), mdat, moov], 60), Some(false));
        let fragmented = boxed(*b"moov", &boxed(*b"mvex", b""));
        assert_eq!(look(&[ftyp, fragmented], 100), Some(false));
        assert_eq!(
            look(&[vec![0x47; 376]], 100),
            Some(false),
            "not boxes at all"
        );
        assert_eq!(look(&[vec![0; 376]], 100), Some(false));
    }

    #[test]
    fn a_reach_is_all_that_lies_before() {
        let ms = Seconds::from_ms;
        // Two streams, of which one lies far behind the other in the file.
        let points = (0..100).flat_map(|n| {
            let time = ms(n * 40);
            [(time, n as u64 * 10 + 10), (time, n as u64 + 5000)]
        });
        let reach = Reach::of(points.collect());
        assert!(reach.points.len() < 12, "{reach:?}");
        assert_eq!(Reach::default().bytes_until(ms(0)), 0);
        for time in [0, 40, 500, 1999, 3960, 10_000] {
            let bytes = reach.bytes_until(ms(time));
            let needed = 5000 + (time / 40).min(99) as u64;
            let later = 5000 + ((time + 1000) / 40).min(99) as u64;
            assert!((needed..=later).contains(&bytes), "{time}: {bytes}");
        }
    }
}
