//! Writing of common encryption (ISO/IEC 23001-7): protected init segments and fragments whose
//! samples have subsamples. Nothing is encrypted here.

use super::{
    BoxError, FourCc,
    build::{self, Fragment, close, grow, open},
    fields::{Subsample, Trun},
    init::Protection,
    walk,
};

/// Version 1.0 of a scheme.
const SCHEME_VERSION: u32 = 0x0001_0000;

/// Makes the init segment of a protected track from that of the clear one, which has one track: the
/// sample entry becomes `encv`, `enca` or `enct` and says what it was and how it is protected.
/// `per_sample_iv_size` has to be 0: the vector is a constant one.
pub fn init(clear: &[u8], protection: &Protection) -> Result<Vec<u8>, BoxError> {
    let missing = |path: &str| BoxError {
        path: path.to_owned(),
        offset: 0,
        reason: "there is none".into(),
    };
    let moov = walk::find(clear, &[b"moov"])?.ok_or_else(|| missing("moov"))?;
    let trak = moov.required(b"trak")?;
    let mdia = trak.required(b"mdia")?;
    let minf = mdia.required(b"minf")?;
    let stbl = minf.required(b"stbl")?;
    let stsd = stbl.required(b"stsd")?;
    let entry = stsd
        .children_after(8) // version, flags, entry_count
        .next()
        .ok_or_else(|| stsd.error("has no sample entry"))??;
    let handler = mdia
        .required(b"hdlr")?
        .parse(|body| body.get(8..)?.first_chunk::<4>())?;
    let kind = match handler {
        b"vide" => b"encv",
        b"soun" => b"enca",
        _ => b"enct",
    };
    let sinf = sinf(entry.kind, protection);
    let mut out = clear.to_vec();
    for found in [&moov, &trak, &mdia, &minf, &stbl, &stsd, &entry] {
        grow(&mut out, found, sinf.len());
    }
    super::be::put(&mut out, entry.offset + 4, kind);
    let end = entry.end();
    out.splice(end..end, sinf);
    Ok(out)
}

/// Writes `sinf` with `frma`, `schm` and `schi/tenc`.
fn sinf(format: FourCc, protection: &Protection) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    let sinf = open(&mut out, b"sinf");
    let frma = open(&mut out, b"frma");
    out.extend_from_slice(&format.0);
    close(&mut out, frma);
    let schm = open(&mut out, b"schm");
    out.extend_from_slice(&[0; 4]); // version, flags
    out.extend_from_slice(&protection.scheme.0);
    out.extend_from_slice(&SCHEME_VERSION.to_be_bytes());
    close(&mut out, schm);
    let schi = open(&mut out, b"schi");
    let tenc = open(&mut out, b"tenc");
    let (encrypted, clear) = protection.pattern;
    out.extend_from_slice(&[1, 0, 0, 0]); // version 1: with a pattern; flags
    out.extend_from_slice(&[0, encrypted << 4 | clear & 0xf]); // reserved, pattern
    out.extend_from_slice(&[1, 0]); // isProtected, Per_Sample_IV_Size
    out.extend_from_slice(&protection.default_kid);
    out.push(protection.constant_iv.len() as u8);
    out.extend_from_slice(&protection.constant_iv);
    close(&mut out, tenc);
    close(&mut out, schi);
    close(&mut out, sinf);
    out
}

/// Writes a fragment like [`build::fragment`] with `senc`, `saiz` and `saio`: for each sample its
/// subsamples, without initialization vectors. Errors: a fragment that cannot be read again.
pub fn fragment(
    fragment: &Fragment<'_>,
    subsamples: &[Vec<Subsample>],
) -> Result<Vec<u8>, BoxError> {
    let head = build::fragment(fragment);
    let traf_end = walk::find(&head, &[b"moof", b"traf"])?.map_or(0, |traf| traf.end());
    let moof = walk::find(&head, &[b"moof"])?.map_or(0, |moof| moof.offset);
    let mut boxes = Vec::with_capacity(64 + subsamples.len() * 9);
    let saiz = open(&mut boxes, b"saiz");
    boxes.extend_from_slice(&[0; 5]); // version, flags, default_sample_info_size
    boxes.extend_from_slice(&(subsamples.len() as u32).to_be_bytes());
    boxes.extend(subsamples.iter().map(|list| (2 + 6 * list.len()) as u8));
    close(&mut boxes, saiz);
    let saio = open(&mut boxes, b"saio");
    boxes.extend_from_slice(&[0; 4]); // version, flags
    boxes.extend_from_slice(&1_u32.to_be_bytes()); // entry_count
    let offset_at = boxes.len();
    boxes.extend_from_slice(&[0; 4]); // offset, set below
    close(&mut boxes, saio);
    let senc = open(&mut boxes, b"senc");
    boxes.extend_from_slice(&[0, 0, 0, 2]); // version, flags: subsamples
    boxes.extend_from_slice(&(subsamples.len() as u32).to_be_bytes());
    let offset = (traf_end + boxes.len()).saturating_sub(moof) as u32;
    for list in subsamples {
        boxes.extend_from_slice(&(list.len() as u16).to_be_bytes());
        for one in list {
            boxes.extend_from_slice(&one.clear.to_be_bytes());
            boxes.extend_from_slice(&one.protected.to_be_bytes());
        }
    }
    close(&mut boxes, senc);
    super::be::put(&mut boxes, offset_at, &offset.to_be_bytes());
    with_boxes(head, &boxes)
}

/// Puts boxes at the end of the `traf` of a fragment head that [`build::fragment`] wrote.
pub fn with_boxes(head: Vec<u8>, boxes: &[u8]) -> Result<Vec<u8>, BoxError> {
    let Some(moof) = walk::find(&head, &[b"moof"])? else {
        return Ok(head);
    };
    let traf = moof.required(b"traf")?;
    let trun = traf.required(b"trun")?.body_range();
    let end = traf.end();
    let mut out = head.clone();
    for found in [&moof, &traf] {
        grow(&mut out, found, boxes.len());
    }
    if let Some(mut trun) = out.get_mut(trun).and_then(Trun::new)
        && let Some(offset) = trun.data_offset()
    {
        trun.set_data_offset(offset.saturating_add_unsigned(boxes.len() as u32));
    }
    out.splice(end..end, boxes.iter().copied());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::{
        build::SampleEntry,
        fields::{Saio, Saiz, Senc},
        init,
        segment::{self, TrackDefaults},
        testing::{boxed, full},
    };

    /// A track of WebVTT, as far as readers ask for it.
    fn text_init() -> Vec<u8> {
        let entry = boxed(b"wvtt", &[0, 0, 0, 0, 0, 0, 0, 1]);
        let stsd = full(b"stsd", 0, 0, &[&[0, 0, 0, 1], &entry]);
        let minf = boxed(b"minf", &boxed(b"stbl", &stsd));
        let mdhd = full(b"mdhd", 0, 0, &[&[0; 8], &[0, 0, 3, 0xe8], &[0; 8]]);
        let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], b"text", &[0; 13]]);
        let mdia = boxed(b"mdia", &[mdhd, hdlr, minf].concat());
        let tkhd = full(b"tkhd", 0, 0, &[&[0; 8], &[0, 0, 0, 1], &[0; 68]]);
        let trak = boxed(b"trak", &[tkhd, mdia].concat());
        let mvhd = full(b"mvhd", 0, 0, &[&[0; 8], &[0, 0, 3, 0xe8], &[0; 84]]);
        boxed(b"moov", &[mvhd, trak].concat())
    }

    #[test]
    fn a_protected_track_tells_what_it_was() {
        let clear = text_init();
        let protection = Protection {
            scheme: FourCc(*b"cbcs"),
            default_kid: [7; 16],
            per_sample_iv_size: 0,
            constant_iv: vec![9; 16],
            pattern: (1, 9),
        };
        let read = init::read(&super::init(&clear, &protection).unwrap()).unwrap();
        let track = &read.tracks[0];
        assert_eq!(track.sample_entry, FourCc(*b"wvtt"));
        assert_eq!(track.protection.as_ref(), Some(&protection));
        assert!(super::init(&clear[..40], &protection).is_err());
    }

    #[test]
    fn samples_and_their_subsamples_read_back() {
        let samples = [SampleEntry {
            duration: 5,
            size: 100,
            flags: 0,
            composition_offset: 0,
        }; 2];
        let of = Fragment {
            track_id: 1,
            sequence_number: 1,
            decode_time: 10,
            styp: Some(&build::styp(FourCc(*b"cmfs"), &[])),
            samples: &samples,
        };
        let subsample = |clear, protected| Subsample { clear, protected };
        let parts = [
            vec![subsample(20, 80)],
            vec![subsample(5, 15), subsample(20, 60)],
        ];
        let mut bytes = fragment(&of, &parts).unwrap();
        let header = bytes.len();
        bytes.extend([0; 200]);
        let read = segment::samples(&bytes, &TrackDefaults::default()).unwrap();
        assert_eq!(read[0].data, header..header + 100);
        let traf = walk::find(&bytes, &[b"moof", b"traf"]).unwrap().unwrap();
        let body = |kind: &[u8; 4]| traf.required(kind).unwrap().body();
        let senc = Senc::new(body(b"senc")).unwrap();
        let again: Vec<Vec<Subsample>> = senc
            .samples(0)
            .map(|sample| sample.subsamples().collect())
            .collect();
        assert_eq!(again, parts);
        let saiz = Saiz::new(body(b"saiz")).unwrap();
        assert_eq!(saiz.sample_count(), 2);
        let moof = walk::find(&bytes, &[b"moof"]).unwrap().unwrap();
        let at = Saio::new(body(b"saio")).unwrap().offset(0) as usize;
        assert_eq!(bytes[moof.offset + at..][..4], [0, 1, 0, 20]);
    }
}
