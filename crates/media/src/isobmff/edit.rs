//! An edit list for a track whose frames are shown in another order than they are decoded.
//!
//! Decode times of a segment that begins at *t* cannot lie before *t*, so without an edit list pictures
//! that are decoded late need negative composition offsets, which some readers (libavformat among
//! them) show late by as much. With one of a single plain edit all offsets are positive.

use super::{
    BoxError,
    build::{close, grow, open},
    walk,
};

/// Puts `edts/elst` with one edit that begins at `media_time` (ticks of the track) into an init segment
/// of one track without edit list (ISO/IEC 14496-12, 8.6.6). Its duration is 0: all that follows.
pub fn with_edit_list(init: &[u8], media_time: u32) -> Result<Vec<u8>, BoxError> {
    let moov = walk::find(init, &[b"moov"])?.ok_or_else(|| BoxError {
        path: "moov".to_owned(),
        offset: 0,
        reason: "there is none".into(),
    })?;
    let trak = moov.required(b"trak")?;
    if trak.child(b"edts")?.is_some() {
        return Err(trak.error("has an edit list already"));
    }
    let tkhd_end = trak.required(b"tkhd")?.end();
    let mut edts = Vec::with_capacity(36);
    let outer = open(&mut edts, b"edts");
    let elst = open(&mut edts, b"elst");
    edts.extend_from_slice(&[0; 4]); // version, flags
    edts.extend_from_slice(&1_u32.to_be_bytes()); // entry_count
    edts.extend_from_slice(&[0; 4]); // segment_duration
    edts.extend_from_slice(&media_time.to_be_bytes());
    edts.extend_from_slice(&[0, 1, 0, 0]); // media_rate
    close(&mut edts, elst);
    close(&mut edts, outer);
    let mut out = init.to_vec();
    for found in [&moov, &trak] {
        grow(&mut out, found, edts.len());
    }
    out.splice(tkhd_end..tkhd_end, edts);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        isobmff::{init, subtitles},
        time::Timescale,
    };

    #[test]
    fn it_reads_back_and_stands_alone() {
        let plain = subtitles::ttml_init(Timescale::literal(25), None);
        let edited = with_edit_list(&plain, 2).unwrap();
        let read = init::read(&edited).unwrap();
        assert_eq!(read.tracks[0].edit_media_time, 2);
        assert_eq!(read.tracks[0].codec, "stpp.ttml.im1t");
        assert!(with_edit_list(&edited, 2).is_err());
        assert!(with_edit_list(&plain[..30], 2).is_err());
    }
}
