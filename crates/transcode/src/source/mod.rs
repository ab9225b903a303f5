//! What the input is: every stream with exact times, and of the video what decides how its frames
//! get onto the output's grid. Headers, one pass over all packets and the first decoded frames are
//! looked at; nothing is guessed that can be counted.
//!
//! The input is a local file, or the spool of one that is being fetched once all of it is there.

mod timing;
mod tracks;
mod video;

use std::{ffi::OsString, ops::ControlFlow, path::Path};

use process::{
    Ffmpeg,
    probe::{self, Kind, Packets, Rational, Stream},
};

use crate::plan::{Seconds, SourceFacts};

/// How many packets of the video are decoded to see what only frames tell.
const DECODED: u32 = 48;

/// Pictures that are stored later than they are shown, by less than this.
const REORDERED: Seconds = Seconds::whole(5);

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// ffprobe is missing, could not read the file, or was stopped.
    #[error("{path}: {source}")]
    Probe {
        /// The file.
        path: String,
        /// What happened.
        source: process::Error,
    },
    /// There is neither video nor audio in it.
    #[error("{path}: there is neither video nor sound in it")]
    Empty {
        /// The file.
        path: String,
    },
    /// Its pictures go back in time, as in files that were put one behind the other.
    #[error(
        "{path}: the time stamps of its video jump back from {from} s to {to} s; \
         join such parts with ffmpeg's concat first"
    )]
    Jumps {
        /// The file.
        path: String,
        /// Latest time before the jump.
        from: Seconds,
        /// Time after it.
        to: Seconds,
    },
    /// No frame of its video can be decoded.
    #[error("{path}: no frame of its video (stream {stream}, {codec}) can be decoded")]
    Undecodable {
        /// The file.
        path: String,
        /// Position of the stream.
        stream: u32,
        /// Codec by its ffmpeg name.
        codec: String,
    },
}

/// How far a look at a source has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Time of the packet that was read last, from the start of the container.
    pub read: Seconds,
    /// Length of the source as its header tells.
    pub duration: Option<Seconds>,
}

/// Looks into a local file. It takes as long as reading the file does; a `Break` of `on_progress`,
/// which is called about once a second of media, stops it.
pub fn inspect(
    ffmpeg: &Ffmpeg,
    path: &Path,
    mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<SourceFacts, Error> {
    let failed = |source| Error::Probe {
        path: path.display().to_string(),
        source,
    };
    let input = local(path);
    let found = probe::probe(ffmpeg, &input).map_err(failed)?;
    let start = found.start.map_or(Seconds::ZERO, seconds);
    let duration = found.duration.map(seconds);
    let picture = video::choose(&found.streams);
    if picture.is_none() && !found.streams.iter().any(|it| it.kind == Kind::Audio) {
        return Err(Error::Empty {
            path: path.display().to_string(),
        });
    }
    let clocks: Vec<Option<Rational>> = found.streams.iter().map(|it| it.time_base).collect();
    let mut reported = Seconds::ZERO;
    let mut latest: Option<Seconds> = None;
    let mut jump = None;
    let packets = probe::packets(ffmpeg, &input, |packet| {
        let clock = clocks.get(packet.stream as usize).copied().flatten();
        let Some((pts, clock)) = packet.pts.zip(clock) else {
            return ControlFlow::Continue(());
        };
        let time = at(pts, clock);
        if picture.is_some_and(|stream| stream.index == packet.stream) {
            if let Some(before) = latest.filter(|before| before.minus(time) > REORDERED) {
                jump = Some((before, time));
                return ControlFlow::Break(());
            }
            latest = latest.max(Some(time));
        }
        let read = time.minus(start);
        if read < reported {
            return ControlFlow::Continue(());
        }
        reported = read.plus(Seconds::from_ms(1000));
        on_progress(Progress { read, duration })
    });
    if let Some((from, to)) = jump {
        return Err(Error::Jumps {
            path: path.display().to_string(),
            from,
            to,
        });
    }
    let packets = packets.map_err(failed)?;
    let frames = match picture {
        Some(stream) => probe::frames(ffmpeg, &input, stream.index, DECODED).map_err(failed)?,
        None => Vec::new(),
    };
    let none = Packets::default();
    let of = |stream: &Stream| packets.get(&stream.index).unwrap_or(&none);
    let video = match picture {
        Some(stream) => {
            let facts = video::facts(stream, of(stream), &frames);
            Some(facts.ok_or_else(|| Error::Undecodable {
                path: path.display().to_string(),
                stream: stream.index,
                codec: stream.codec.clone(),
            })?)
        }
        None => None,
    };
    let mut facts = SourceFacts {
        format: found.format.clone(),
        bytes: found.size,
        start,
        duration,
        bitrate: found.bit_rate,
        audios: tracks::audios(&found, of),
        texts: tracks::texts(&found),
        video,
    };
    // Of a file that is on its way the same is to be known as when all of it is there; which packets are
    // key frames is read in the packets themselves, not in the index.
    if facts.has_index()
        && let Some(video) = &mut facts.video
    {
        video.key_distance = Seconds::ZERO;
    }
    Ok(facts)
}

/// Names a local file so that ffmpeg takes it for nothing else.
pub fn local(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

fn seconds(value: Rational) -> Seconds {
    Seconds::new(value.num, value.den).unwrap_or(Seconds::ZERO)
}

/// The time of a tick.
pub(crate) fn at(tick: i64, clock: Rational) -> Seconds {
    seconds(clock).times(tick)
}
