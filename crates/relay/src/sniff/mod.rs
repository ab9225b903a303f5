//! Containers, as far as a relay must know them: where a packet, cluster or fragment ends, where a
//! client can join, and what it needs before that. Pure state machines over bytes; no clock, no I/O.
//!
//! | container | a client joins at | and gets before that | a unit is |
//! |---|---|---|---|
//! | MPEG-TS | a video packet with `random_access_indicator`, or one that begins a key frame | PAT, PMT, a discontinuity on each PID | a picture; a packet if need be |
//! | fragmented MP4 | a `moof` of which the video begins with a sync sample | `ftyp` to `moov` | `moof` and its `mdat` |
//! | FLV | a video tag with a key frame | header, `onMetaData`, sequence headers | a tag |
//! | Matroska, WebM | a cluster of which the video begins with a key frame | all before the first cluster | a cluster, or a block when its size is unknown |
//! | Ogg | a page that begins with a key frame, or with a packet when there is no video | the header pages | a page |
//! | MPJPEG | a part | its boundary | a part with the boundary behind it |
//! | JPEGs in a row | a picture | nothing | a picture |
//! | ADTS, MP3 | a frame | nothing | a frame |
//! | WAV | a sample | the header, with unknown lengths | a sample |
//! | anything else | anywhere | nothing | whatever was read at once |
//!
//! [`Sniffer`] drives them: a machine looks at the bytes from its place on and says what to do with them
//! (`Step`). Payload is passed on as slices of what was read. Only what a machine must see in one
//! piece is put together, never more than [`MOST_HELD`]; whoever asks for more, or meets what cannot be
//! in its container, has lost it, and what follows is passed on as it is.

mod adts;
mod detect;
mod flv;
mod fmp4;
mod machine;
mod matroska;
mod mjpeg;
mod mp3;
mod mpjpeg;
mod ogg;
mod picture;
mod ts;
mod wav;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, str::FromStr};

use bytes::{Bytes, BytesMut};
use serve::ring::{Leave, OnSlow, Piece};

pub use self::picture::picture;
use self::{
    machine::{Join, Machine, Step},
    ts::Ts,
};

/// Bytes that are put together at most, to be seen in one piece: the `moov` of a file with many tracks,
/// a Matroska header with its attachments.
pub const MOST_HELD: usize = 4 << 20;

/// What a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// MPEG-2 transport stream of packets of 188 bytes, ISO/IEC 13818-1.
    MpegTs,
    /// Fragmented MP4, ISO/IEC 14496-12.
    Fmp4,
    /// Flash video, with the extensions of Enhanced RTMP.
    Flv,
    /// Matroska, RFC 9559.
    Matroska,
    /// WebM: Matroska with what browsers know.
    Webm,
    /// Ogg, RFC 3533.
    Ogg,
    /// JPEGs as parts of `multipart/x-mixed-replace`.
    Mpjpeg,
    /// JPEGs in a row.
    Mjpeg,
    /// AAC in ADTS, ISO/IEC 14496-3.
    Adts,
    /// MPEG audio of any layer, ISO/IEC 11172-3 and 13818-3.
    Mp3,
    /// RIFF WAVE.
    Wav,
    /// Anything else.
    Raw,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::MpegTs,
        Self::Fmp4,
        Self::Flv,
        Self::Matroska,
        Self::Webm,
        Self::Ogg,
        Self::Mpjpeg,
        Self::Mjpeg,
        Self::Adts,
        Self::Mp3,
        Self::Wav,
        Self::Raw,
    ];

    /// Returns the name as configurations, pages and logs have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MpegTs => "mpegts",
            Self::Fmp4 => "fmp4",
            Self::Flv => "flv",
            Self::Matroska => "matroska",
            Self::Webm => "webm",
            Self::Ogg => "ogg",
            Self::Mpjpeg => "mpjpeg",
            Self::Mjpeg => "mjpeg",
            Self::Adts => "adts",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Raw => "raw",
        }
    }

    /// Returns the content type of a stream for which none is configured; see also
    /// [`Sniffer::content_type`].
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
            Self::Fmp4 => "video/mp4",
            Self::Flv => "video/x-flv",
            Self::Matroska => "video/x-matroska",
            Self::Webm => "video/webm",
            Self::Ogg => "application/ogg",
            // The tag that ffmpeg's muxer uses unless it is told another.
            Self::Mpjpeg => "multipart/x-mixed-replace;boundary=ffmpeg",
            Self::Mjpeg => "video/x-motion-jpeg",
            Self::Adts => "audio/aac",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::Raw => "application/octet-stream",
        }
    }

    /// Returns what becomes of slow clients unless the stream says otherwise: those of an unknown
    /// container would not find back after a gap.
    pub const fn default_on_slow(self) -> OnSlow {
        match self {
            Self::Raw => OnSlow::Drop,
            _ => OnSlow::Skip,
        }
    }

    /// Tells whether a client can go on when another program takes over: there is no header, or it is
    /// said again and again.
    pub const fn is_self_synchronising(self) -> bool {
        matches!(
            self,
            Self::MpegTs | Self::Mpjpeg | Self::Mjpeg | Self::Adts | Self::Mp3
        )
    }
}

/// A name that is not of a format.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of a container")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.as_str() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Cuts what a program writes into pieces for a ring.
#[derive(Debug)]
pub struct Sniffer {
    machine: Machine,
    /// What was asked for at the beginning.
    given: Option<Format>,
    /// The beginning of what a machine wants to see in one piece, and how long that is.
    held: BytesMut,
    need: usize,
    /// How much more of the input is passed on unseen, and whether one may leave behind it.
    passing: u64,
    leave: Leave,
    /// Nothing was passed on yet: whoever is there begins with the first byte.
    untouched: bool,
}

/// A piece that is being made of consecutive bytes of one block.
struct Open {
    from: usize,
    join: Option<Bytes>,
    /// Where in it a unit ended last, and what one needs to begin there, if one can.
    border: usize,
    soft: Option<Bytes>,
    leave: Leave,
}

impl Sniffer {
    /// Makes a sniffer for the output of a program; without a format it finds out. [`Format::Raw`]
    /// makes it look at nothing.
    pub fn new(format: Option<Format>) -> Self {
        Self {
            machine: Machine::new(format),
            given: format,
            held: BytesMut::new(),
            need: 0,
            passing: 0,
            leave: Leave::Well,
            untouched: true,
        }
    }

    /// Returns the container, once it is known.
    pub fn format(&self) -> Option<Format> {
        self.machine.format()
    }

    /// Returns the content type, once the container is known: of MPJPEG with the boundary that there is.
    pub fn content_type(&self) -> Option<Cow<'static, str>> {
        let own = match &self.machine {
            Machine::Mpjpeg(mpjpeg) => mpjpeg.content_type().map(Cow::Owned),
            _ => None,
        };
        own.or_else(|| Some(self.format()?.content_type().into()))
    }

    /// Returns what a client needs before it joins now; `None` while that is not known. Of a transport
    /// stream it differs from join to join; of other containers only when the stream has changed.
    pub fn header(&self) -> Option<Bytes> {
        self.machine.header()
    }

    /// Takes what was read and adds the pieces that are complete to `out`.
    pub fn push(&mut self, bytes: &Bytes, out: &mut Vec<Piece>) {
        let mut bytes = bytes.clone();
        while !self.held.is_empty() {
            let wanted = self.need.saturating_sub(self.held.len()).min(bytes.len());
            self.held.extend_from_slice(&bytes.split_to(wanted));
            if self.held.len() < self.need {
                return;
            }
            let block = self.held.split().freeze();
            let done = self.run(&block, out);
            self.held.extend_from_slice(&block[done..]);
        }
        let done = self.run(&bytes, out);
        self.held.extend_from_slice(&bytes[done..]);
    }

    /// Passes on what is held: the program has ended.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        let rest = self.held.split().freeze();
        self.passing = 0;
        self.leave = Leave::Well;
        if !rest.is_empty() {
            let join = std::mem::take(&mut self.untouched).then(Bytes::new);
            out.push(Piece {
                bytes: rest,
                join,
                leave: Leave::Well,
            });
        }
    }

    /// Another program takes over for the same clients: half a unit is forgotten, and a transport
    /// stream begins with a discontinuity on each PID.
    pub fn interrupt(&mut self) {
        self.held.clear();
        self.need = 0;
        self.passing = 0;
        self.leave = Leave::Well;
        self.machine = match &self.machine {
            Machine::Ts(_) => Machine::Ts(Ts::taken_over()),
            _ => Machine::new(self.given),
        };
    }

    /// Goes through a block and returns how many bytes of it are done; the others are wanted again
    /// together with at least [`Self::need`] in all.
    fn run(&mut self, block: &Bytes, out: &mut Vec<Piece>) -> usize {
        let mut at = 0;
        let mut open = Open {
            from: 0,
            join: None,
            border: 0,
            soft: None,
            leave: Leave::Well,
        };
        self.need = 0;
        loop {
            let rest = block.len() - at;
            if self.passing > 0 {
                let here = usize::try_from(self.passing)
                    .unwrap_or(usize::MAX)
                    .min(rest);
                at += here;
                self.passing -= here as u64;
                if self.passing > 0 {
                    // Nobody knows what is in the rest but its machine.
                    open.leave = match self.leave {
                        Leave::IfNeedBe => Leave::IfNeedBe,
                        Leave::Well | Leave::Never => Leave::Never,
                    };
                    break;
                }
                open.leave = self.leave;
                continue;
            }
            if rest == 0 {
                break;
            }
            match self.machine.step(&block[at..]) {
                Step::Need(need) if need <= MOST_HELD => {
                    // A machine always asks for more than it was shown.
                    self.need = need.max(rest + 1);
                    break;
                }
                Step::Need(_) | Step::Lost => self.machine = Machine::Raw,
                Step::Is(machine) => self.machine = *machine,
                Step::Pass { len, join, leave } => {
                    if join != Join::No || open.leave == Leave::Well {
                        open.border = at;
                        open.soft = None;
                    }
                    match join {
                        Join::Hard(header) => {
                            self.close(&mut open, block, at, out);
                            open.join = Some(header);
                        }
                        Join::Soft(header) if open.from == at => open.join = Some(header),
                        Join::Soft(header) => open.soft = Some(header),
                        Join::Border | Join::No => {}
                    }
                    // Without progress the loop would not end.
                    self.passing = len.max(1);
                    self.leave = leave;
                }
                Step::Swap {
                    len,
                    bytes,
                    join,
                    leave,
                } => {
                    if join.is_some() || len == 0 || open.leave == Leave::Well {
                        open.border = at;
                        open.soft = None;
                    }
                    self.close(&mut open, block, at, out);
                    let join = join.or(self.untouched.then(Bytes::new));
                    self.untouched = false;
                    out.push(Piece { bytes, join, leave });
                    at += len.min(rest);
                    open.from = at;
                    open.leave = leave;
                }
            }
        }
        self.close(&mut open, block, at, out);
        at
    }

    /// Ends the open piece at a place of the block, if it has begun, and opens the next. It becomes two
    /// when a unit ended inside, so that one may leave there.
    fn close(&mut self, open: &mut Open, block: &Bytes, at: usize, out: &mut Vec<Piece>) {
        let mut cut = |from: usize, to: usize, join: Option<Bytes>, leave| {
            if to > from {
                out.push(Piece {
                    bytes: block.slice(from..to),
                    join: join.or(self.untouched.then(Bytes::new)),
                    leave,
                });
                self.untouched = false;
            }
        };
        let join = open.join.take();
        if open.leave == Leave::Well || open.border <= open.from {
            cut(open.from, at, join, open.leave);
        } else {
            cut(open.from, open.border, join, Leave::Well);
            cut(open.border, at, open.soft.take(), open.leave);
        }
        open.from = at;
        open.border = at;
        open.soft = None;
    }
}
