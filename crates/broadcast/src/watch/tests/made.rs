//! Made-up CMAF: real boxes around samples of nothing.

use media::isobmff::build::{self, SampleEntry};

const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;
/// Bytes of a sample.
const SAMPLE: u32 = 20;

/// A track of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    /// 30 frames a second.
    Video,
    /// Frames of 20 ms.
    Audio,
}

impl Track {
    pub(super) fn timescale(self) -> u32 {
        match self {
            Self::Video => 90_000,
            Self::Audio => 48_000,
        }
    }

    fn sample_duration(self) -> u32 {
        match self {
            Self::Video => 3000,
            Self::Audio => 960,
        }
    }

    /// Samples in half a second.
    pub(super) fn samples(self) -> u32 {
        self.timescale() / 2 / self.sample_duration()
    }

    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Video => "v",
            Self::Audio => "a",
        }
    }
}

fn boxed(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend_from_slice(&kind);
    out.extend_from_slice(&body);
    out
}

/// Writes an init segment; `mark` makes it another one.
pub(super) fn init(track: Track, mark: u8) -> Vec<u8> {
    let mut tkhd = vec![0; 84];
    tkhd[15] = 1;
    let mut mdhd = vec![0; 24];
    mdhd[12..16].copy_from_slice(&track.timescale().to_be_bytes());
    mdhd[20..22].copy_from_slice(&0x55c4_u16.to_be_bytes());
    let handler: &[u8; 4] = match track {
        Track::Video => b"vide",
        Track::Audio => b"soun",
    };
    let hdlr = [&[0; 8], &handler[..], &[0; 13]].concat();
    let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &sample_entry(track)].concat();
    let stbl = boxed(*b"stbl", &[&boxed(*b"stsd", &[&stsd])]);
    let minf = boxed(*b"minf", &[&stbl]);
    let mdia = [boxed(*b"mdhd", &[&mdhd]), boxed(*b"hdlr", &[&hdlr]), minf].concat();
    let trak = [boxed(*b"tkhd", &[&tkhd]), boxed(*b"mdia", &[&mdia])].concat();
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    let mut trex = vec![0; 24];
    trex[7] = 1;
    let mvex = boxed(*b"mvex", &[&boxed(*b"trex", &[&trex])]);
    let moov = [boxed(*b"mvhd", &[&mvhd]), boxed(*b"trak", &[&trak]), mvex].concat();
    let ftyp = boxed(*b"ftyp", &[b"iso6\0\0\0\0cmfc"]);
    [ftyp, boxed(*b"free", &[&[mark]]), boxed(*b"moov", &[&moov])].concat()
}

fn sample_entry(track: Track) -> Vec<u8> {
    match track {
        Track::Video => {
            let mut fields = vec![0; 78];
            fields[7] = 1;
            fields[24..26].copy_from_slice(&320_u16.to_be_bytes());
            fields[26..28].copy_from_slice(&180_u16.to_be_bytes());
            let config = boxed(*b"avcC", &[&[1, 0x42, 0xc0, 0x0d, 0xff, 0xe0, 0]]);
            boxed(*b"avc1", &[&fields, &config])
        }
        Track::Audio => {
            let mut fields = vec![0; 28];
            fields[7] = 1;
            fields[17] = 2;
            fields[24..28].copy_from_slice(&(48_000_u32 << 16).to_be_bytes());
            let config = boxed(*b"dOps", &[&[0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]]);
            boxed(*b"Opus", &[&fields, &config])
        }
    }
}

/// What a fragment of half a second is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half {
    pub(super) track: Track,
    /// Decode time in ms.
    pub(super) at: u64,
    pub(super) starts_with_sync: bool,
    /// Samples that are left out at the end.
    pub(super) lost: u32,
    /// Wall time of its producer reference time, Unix ms.
    pub(super) made: Option<i64>,
}

/// Writes a fragment of half a second.
pub(super) fn fragment(half: Half) -> Vec<u8> {
    let Half { track, at, .. } = half;
    let samples: Vec<SampleEntry> = (0..track.samples() - half.lost)
        .map(|index| SampleEntry {
            duration: track.sample_duration(),
            size: SAMPLE,
            flags: match track {
                Track::Audio => SYNC,
                Track::Video if index == 0 && half.starts_with_sync => SYNC,
                Track::Video => NOT_SYNC,
            },
            composition_offset: 0,
        })
        .collect();
    let decode_time = at * u64::from(track.timescale()) / 1000;
    let mut out = half.made.map_or_else(Vec::new, |made| {
        let seconds = (made / 1000 + 2_208_988_800) as u64;
        let fraction = ((made as u64 % 1000) << 32) / 1000;
        let ntp = (seconds << 32) + fraction;
        boxed(
            *b"prft",
            &[
                &[1, 0, 0, 24, 0, 0, 0, 1],
                &ntp.to_be_bytes(),
                &decode_time.to_be_bytes(),
            ],
        )
    });
    out.extend(build::fragment(&build::Fragment {
        track_id: 1,
        sequence_number: (at / 500) as u32,
        decode_time,
        styp: None,
        samples: &samples,
    }));
    out.resize(out.len() + samples.len() * SAMPLE as usize, 0);
    out
}
