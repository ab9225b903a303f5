//! The init segment of a track of TTML documents (IMSC1 text profile; ISO/IEC 14496-30 and CMAF,
//! ISO/IEC 23000-19, 11). Its samples are whole documents.

use super::{
    FourCc,
    build::{close, open},
};
use crate::time::Timescale;

/// Brands of the file: CMAF with the text profile of IMSC1.
const BRANDS: [FourCc; 3] = [FourCc(*b"iso6"), FourCc(*b"cmfc"), FourCc(*b"im1t")];
/// Namespace of TTML.
const NAMESPACE: &[u8] = b"http://www.w3.org/ns/ttml\0";
/// What `mime` says: RFC 6381 codecs of the documents.
const MIME: &[u8] = b"application/ttml+xml;codecs=im1t\0";
/// A matrix that changes nothing.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// Writes `ftyp` and `moov` of a track with id 1. `language` is a BCP 47 tag.
pub fn ttml_init(timescale: Timescale, language: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(768);
    let ftyp = open(&mut out, b"ftyp");
    out.extend_from_slice(&BRANDS[0].0);
    out.extend_from_slice(&[0; 4]); // minor_version
    for brand in BRANDS {
        out.extend_from_slice(&brand.0);
    }
    close(&mut out, ftyp);
    let moov = open(&mut out, b"moov");
    push_mvhd(&mut out, timescale);
    let trak = open(&mut out, b"trak");
    push_tkhd(&mut out);
    push_mdia(&mut out, timescale, language);
    close(&mut out, trak);
    let mvex = open(&mut out, b"mvex");
    let trex = open(&mut out, b"trex");
    // version and flags, track_ID, default description, duration, size, flags
    push_words(&mut out, &[0, 1, 1, 0, 0, 0]);
    close(&mut out, trex);
    close(&mut out, mvex);
    close(&mut out, moov);
    out
}

fn push_words(out: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

fn push_mvhd(out: &mut Vec<u8>, timescale: Timescale) {
    let mvhd = open(out, b"mvhd");
    // version and flags, creation_time, modification_time, timescale, duration
    push_words(out, &[0, 0, 0, timescale.get(), 0]);
    push_words(out, &[0x0001_0000, 0x0100_0000, 0, 0]); // rate, volume, reserved
    push_words(out, &MATRIX);
    push_words(out, &[0; 6]); // pre_defined
    push_words(out, &[2]); // next_track_ID
    close(out, mvhd);
}

fn push_tkhd(out: &mut Vec<u8>) {
    let tkhd = open(out, b"tkhd");
    push_words(out, &[3]); // version, flags: enabled, in movie
    // creation_time, modification_time, track_ID, reserved, duration, reserved, layer and group,
    // volume and reserved
    push_words(out, &[0, 0, 1, 0, 0, 0, 0, 0, 0]);
    push_words(out, &MATRIX);
    push_words(out, &[0, 0]); // width, height: those of the video
    close(out, tkhd);
}

fn push_mdia(out: &mut Vec<u8>, timescale: Timescale, language: Option<&str>) {
    let mdia = open(out, b"mdia");
    let mdhd = open(out, b"mdhd");
    // version and flags, creation_time, modification_time, timescale, duration
    push_words(out, &[0, 0, 0, timescale.get(), 0]);
    push_words(out, &[packed(language) << 16]); // language, pre_defined
    close(out, mdhd);
    let hdlr = open(out, b"hdlr");
    push_words(out, &[0, 0]); // version and flags, pre_defined
    out.extend_from_slice(b"subt");
    out.extend_from_slice(&[0; 13]); // reserved, an empty name
    close(out, hdlr);
    if let Some(tag) = language {
        let elng = open(out, b"elng");
        push_words(out, &[0]); // version, flags
        out.extend(tag.bytes().filter(|byte| *byte != 0));
        out.push(0);
        close(out, elng);
    }
    let minf = open(out, b"minf");
    let sthd = open(out, b"sthd");
    push_words(out, &[0]); // version, flags
    close(out, sthd);
    let dinf = open(out, b"dinf");
    let dref = open(out, b"dref");
    push_words(out, &[0, 1]); // version and flags, entry_count
    let url = open(out, b"url ");
    push_words(out, &[1]); // version, flags: media is in this file
    close(out, url);
    close(out, dref);
    close(out, dinf);
    push_stbl(out);
    close(out, minf);
    close(out, mdia);
}

fn push_stbl(out: &mut Vec<u8>) {
    let stbl = open(out, b"stbl");
    let stsd = open(out, b"stsd");
    push_words(out, &[0, 1]); // version and flags, entry_count
    let stpp = open(out, b"stpp");
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]); // reserved, data_reference_index
    out.extend_from_slice(NAMESPACE);
    out.extend_from_slice(&[0, 0]); // schema_location, auxiliary_mime_types
    let mime = open(out, b"mime");
    push_words(out, &[0]); // version, flags
    out.extend_from_slice(MIME);
    close(out, mime);
    close(out, stpp);
    close(out, stsd);
    for (kind, words) in [(b"stts", 2), (b"stsc", 2), (b"stsz", 3), (b"stco", 2)] {
        let empty = open(out, kind);
        push_words(out, &[0, 0, 0][..words]);
        close(out, empty);
    }
    close(out, stbl);
}

/// Packs three letters (ISO 639-2/T) as `mdhd` has them; `und` for a tag of another length, which
/// `elng` tells.
fn packed(language: Option<&str>) -> u32 {
    let letters = language.map_or(&b"und"[..], str::as_bytes);
    let plain = letters.len() == 3 && letters.iter().all(u8::is_ascii_lowercase);
    let letters = if plain { letters } else { b"und" };
    letters
        .iter()
        .fold(0, |all, letter| all << 5 | u32::from(letter - 0x60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{isobmff::init, presentation::Content};

    #[test]
    fn it_reads_back() {
        for language in [Some("eng"), Some("pt-BR"), None] {
            let bytes = ttml_init(Timescale::literal(30_000), language);
            let read = init::read(&bytes).unwrap();
            assert!(read.fragmented);
            let [track] = read.tracks.as_slice() else {
                panic!("one track");
            };
            assert_eq!(track.content, Content::Text);
            assert_eq!(track.timescale, Timescale::literal(30_000));
            assert_eq!(track.codec, "stpp.ttml.im1t");
            assert_eq!(track.language.as_deref(), language);
            assert_eq!(track.defaults.track_id, 1);
        }
    }
}
