//! What a machine may say, and the one of each container.

use bytes::Bytes;
use serve::ring::Leave;

use super::{
    Format, adts::Adts, detect, flv::Flv, fmp4::Fmp4, matroska::Matroska, mjpeg::Mjpeg, mp3::Mp3,
    mpjpeg::Mpjpeg, ogg::Ogg, ts::Ts, wav::Wav,
};

/// What to do with the bytes from here on.
#[derive(Debug)]
pub(super) enum Step {
    /// Show at least so many from here on, more than now.
    Need(usize),
    /// Pass so many on, at least one; the machine is asked again after them.
    Pass { len: u64, join: Join, leave: Leave },
    /// Pass on other bytes in place of the next `len`, which may be none.
    Swap {
        len: usize,
        bytes: Bytes,
        join: Option<Bytes>,
        leave: Leave,
    },
    /// It is this machine that knows them.
    Is(Box<Machine>),
    /// The container is not what it was taken for.
    Lost,
}

impl Step {
    /// Passes a unit on.
    pub(super) fn unit(len: usize, join: Join) -> Self {
        Self::pass(len, join, Leave::Well)
    }

    /// Passes a part of a unit on that is not its last.
    pub(super) fn part(len: usize, join: Join) -> Self {
        Self::pass(len, join, Leave::Never)
    }

    pub(super) fn pass(len: usize, join: Join, leave: Leave) -> Self {
        Self::Pass {
            len: len as u64,
            join,
            leave,
        }
    }
}

/// Whether a client can begin here, and what it needs before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Join {
    No,
    /// It cannot, but a unit ended before.
    Border,
    /// It can, but that is no reason to cut.
    Soft(Bytes),
    /// It should be able to.
    Hard(Bytes),
}

#[derive(Debug)]
pub(super) enum Machine {
    Unknown,
    Ts(Ts),
    Fmp4(Fmp4),
    Flv(Flv),
    Matroska(Matroska),
    Ogg(Ogg),
    Mpjpeg(Mpjpeg),
    Mjpeg(Mjpeg),
    Adts(Adts),
    Mp3(Mp3),
    Wav(Wav),
    Raw,
}

impl Machine {
    /// Makes the machine of a format, or one that finds out.
    pub(super) fn new(format: Option<Format>) -> Self {
        match format {
            None => Self::Unknown,
            Some(Format::MpegTs) => Self::Ts(Ts::default()),
            Some(Format::Fmp4) => Self::Fmp4(Fmp4::default()),
            Some(Format::Flv) => Self::Flv(Flv::default()),
            Some(Format::Matroska | Format::Webm) => Self::Matroska(Matroska::default()),
            Some(Format::Ogg) => Self::Ogg(Ogg::default()),
            Some(Format::Mpjpeg) => Self::Mpjpeg(Mpjpeg::default()),
            Some(Format::Mjpeg) => Self::Mjpeg(Mjpeg::default()),
            Some(Format::Adts) => Self::Adts(Adts),
            Some(Format::Mp3) => Self::Mp3(Mp3),
            Some(Format::Wav) => Self::Wav(Wav::default()),
            Some(Format::Raw) => Self::Raw,
        }
    }

    pub(super) fn format(&self) -> Option<Format> {
        Some(match self {
            Self::Unknown => return None,
            Self::Ts(_) => Format::MpegTs,
            Self::Fmp4(_) => Format::Fmp4,
            Self::Flv(_) => Format::Flv,
            Self::Matroska(matroska) if matroska.is_webm() => Format::Webm,
            Self::Matroska(_) => Format::Matroska,
            Self::Ogg(_) => Format::Ogg,
            Self::Mpjpeg(_) => Format::Mpjpeg,
            Self::Mjpeg(_) => Format::Mjpeg,
            Self::Adts(_) => Format::Adts,
            Self::Mp3(_) => Format::Mp3,
            Self::Wav(_) => Format::Wav,
            Self::Raw => Format::Raw,
        })
    }

    pub(super) fn header(&self) -> Option<Bytes> {
        match self {
            Self::Unknown => None,
            Self::Ts(ts) => ts.header(),
            Self::Fmp4(fmp4) => fmp4.header(),
            Self::Flv(flv) => flv.header(),
            Self::Matroska(matroska) => matroska.header(),
            Self::Ogg(ogg) => ogg.header(),
            Self::Mpjpeg(mpjpeg) => mpjpeg.header(),
            Self::Wav(wav) => wav.header(),
            Self::Mjpeg(_) | Self::Adts(_) | Self::Mp3(_) | Self::Raw => Some(Bytes::new()),
        }
    }

    /// Looks at the bytes from here on, at least one.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match self {
            Self::Unknown => match detect::detect(bytes) {
                Ok(format) => Step::Is(Box::new(Self::new(Some(format)))),
                Err(need) => Step::Need(need),
            },
            Self::Ts(ts) => ts.step(bytes),
            Self::Fmp4(fmp4) => fmp4.step(bytes),
            Self::Flv(flv) => flv.step(bytes),
            Self::Matroska(matroska) => matroska.step(bytes),
            Self::Ogg(ogg) => ogg.step(bytes),
            Self::Mpjpeg(mpjpeg) => mpjpeg.step(bytes),
            Self::Mjpeg(mjpeg) => mjpeg.step(bytes),
            Self::Adts(adts) => adts.step(bytes),
            Self::Mp3(mp3) => mp3.step(bytes),
            Self::Wav(wav) => wav.step(bytes),
            Self::Raw => Step::unit(bytes.len(), Join::Soft(Bytes::new())),
        }
    }
}
