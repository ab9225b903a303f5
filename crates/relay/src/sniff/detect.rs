//! What a container is, by its first bytes.

use super::{Format, adts, mp3, mpjpeg, ts};

/// Longest ID3 tag that is looked behind, bytes.
const MOST_TAG: usize = 1 << 20;

/// Names the container, or says how many bytes are needed for that. What matches nothing is raw with
/// its first byte, so that nobody waits for it.
pub(super) fn detect(bytes: &[u8]) -> Result<Format, usize> {
    let need = |len: usize| if bytes.len() < len { Err(len) } else { Ok(()) };
    match bytes {
        [ts::SYNC, ..] => {
            need(2 * ts::PACKET + 1)?;
            let is_ts = bytes[ts::PACKET] == ts::SYNC && bytes[2 * ts::PACKET] == ts::SYNC;
            return Ok(if is_ts { Format::MpegTs } else { Format::Raw });
        }
        [0xff, ..] => {
            need(3)?;
            if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
                return Ok(Format::Mjpeg);
            }
            return frames(bytes, 0);
        }
        [b'-' | b'\r' | b'\n', ..] => {
            return match mpjpeg::looks_like(bytes) {
                Ok(true) => Ok(Format::Mpjpeg),
                Ok(false) => Ok(Format::Raw),
                Err(need) => Err(need),
            };
        }
        // The length of a box below 16 MiB.
        [0, ..] => {
            need(8)?;
            let kind = &bytes[4..8];
            let is_mp4 = [b"ftyp", b"styp", b"moov"]
                .iter()
                .any(|known| kind == *known);
            return Ok(if is_mp4 { Format::Fmp4 } else { Format::Raw });
        }
        _ => {}
    }
    let magics: [(&[u8], usize, Format); 6] = [
        (&[0x1a, 0x45, 0xdf, 0xa3], 4, Format::Matroska),
        (b"OggS", 4, Format::Ogg),
        (b"FLV\x01", 4, Format::Flv),
        (b"RIFF", 12, Format::Wav),
        (b"RF64", 12, Format::Wav),
        (b"ID3", 10, Format::Mp3),
    ];
    for (magic, len, format) in magics {
        let shown = bytes.len().min(magic.len());
        if bytes[..shown] != magic[..shown] {
            continue;
        }
        need(len)?;
        return match format {
            Format::Wav if &bytes[8..12] != b"WAVE" => Ok(Format::Raw),
            Format::Mp3 => frames(bytes, mp3::tag_len(bytes)),
            format => Ok(format),
        };
    }
    Ok(Format::Raw)
}

/// Tells ADTS from MPEG audio by two frames in a row.
fn frames(bytes: &[u8], at: usize) -> Result<Format, usize> {
    if at > MOST_TAG {
        return Ok(Format::Raw);
    }
    let header = |at: usize| {
        bytes
            .get(at..)
            .filter(|header| header.len() >= adts::HEADER)
    };
    let first = header(at).ok_or(at + adts::HEADER)?;
    let len = |format, bytes| match format {
        Format::Adts => adts::frame_len(bytes),
        _ => mp3::frame_len(bytes),
    };
    for format in [Format::Adts, Format::Mp3] {
        if let Some(len_of_first) = len(format, first) {
            let next = at + len_of_first;
            let second = header(next).ok_or(next + adts::HEADER)?;
            return Ok(len(format, second).map_or(Format::Raw, |_| format));
        }
    }
    Ok(Format::Raw)
}
