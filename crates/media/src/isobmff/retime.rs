//! Moves a media segment on the time line: the one re-timer of the house.
//!
//! Header boxes are copied once into one buffer and patched there; `mdat` stays where it is and is
//! handed on as slices of the input. A segment of one fragment costs a handful of allocations,
//! whatever its size.
//!
//! | box | what happens |
//! |---|---|
//! | `moof/mfhd` | the given sequence number, in every fragment |
//! | `moof/traf/tfdt` | decode time moved; version 1 only when 32 bits do not hold it |
//! | `moof/traf/tfhd` | a file position as base becomes "counted from the `moof`" |
//! | `sidx` | earliest presentation time moved in its own timescale; version 1 when needed; sizes follow |
//! | `emsg` version 1, `prft` | times moved; `emsg` version 0 counts from the segment and stays |
//! | `styp` | the brand `lmsg` (last segment) goes |
//!
//! Everything else is kept byte for byte. All tracks of a segment are moved by the same number of
//! ticks, so a segment has one track, as in CMAF.

use bytes::Bytes;

use super::{
    BoxError, FourCc,
    fields::{Emsg, Mfhd, Prft, Sidx, Styp, Tfdt, Tfhd},
    splice::{Splice, Spliced},
    walk::{self, BoxView, boxes},
};
use crate::time::{Round, Time, Timescale};

/// Brand of the last segment of a presentation, ISO/IEC 23009-1, 7.3.1.
const LAST_SEGMENT: FourCc = FourCc(*b"lmsg");
/// Brand of a DASH media segment.
const MEDIA_SEGMENT: FourCc = FourCc(*b"msdh");

/// Where a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retime {
    /// `mfhd.sequence_number` of every fragment of the segment.
    pub sequence_number: u32,
    /// Added to every decode time, in ticks of the track; may be negative.
    pub decode_shift: i64,
    /// Ticks per second of the track.
    pub track_timescale: Timescale,
}

/// Moves a segment: returns its bytes as slices to be sent in order, header bytes patched in a new
/// buffer, media payload as slices of `segment`.
///
/// Errors: a box that cannot be read, a track fragment without `tfdt`, a time that would leave
/// 0…2^64.
pub fn retime(segment: &Bytes, plan: &Retime) -> Result<Vec<Bytes>, BoxError> {
    let mut splice = Splice::new(segment);
    for found in boxes(segment) {
        make_room(&found?, plan, &mut splice)?;
    }
    let mut spliced = splice.apply()?;
    for found in boxes(segment) {
        patch(&found?, plan, &mut spliced)?;
    }
    Ok(spliced.into_slices(segment))
}

/// Returns the `styp` box of a segment without the brand `lmsg`, for a segment that is built anew.
pub fn styp(segment: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
    let Some(found) = walk::find(segment, &[b"styp"])? else {
        return Ok(None);
    };
    let mut splice = Splice::new(found.bytes);
    let mut alone = None;
    for again in boxes(found.bytes) {
        let again = again?;
        make_room_in_styp(&again, &mut splice)?;
        alone = Some(again);
    }
    let mut spliced = splice.apply()?;
    if let Some(alone) = alone {
        patch_styp(&alone, &mut spliced)?;
    }
    Ok(Some(spliced.into_vec()))
}

/// Plans the edits that change sizes.
fn make_room(found: &BoxView<'_>, plan: &Retime, splice: &mut Splice<'_>) -> Result<(), BoxError> {
    match &found.kind.0 {
        b"styp" => make_room_in_styp(found, splice),
        b"sidx" => make_room_in_sidx(found, plan, splice),
        b"prft" => make_room_in_prft(found, plan, splice),
        b"moof" => {
            for traf in found.children() {
                let traf = traf?;
                if traf.kind.0 == *b"traf" {
                    make_room_in_traf(&traf, plan, splice)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn make_room_in_styp(found: &BoxView<'_>, splice: &mut Splice<'_>) -> Result<(), BoxError> {
    let styp = found.parse(Styp::new)?;
    for (at, brand) in styp.compatible_brands() {
        if brand == LAST_SEGMENT {
            let start = found.body_range().start + at;
            splice.replace(start..start + 4, &[]);
        }
    }
    Ok(())
}

fn make_room_in_sidx(
    found: &BoxView<'_>,
    plan: &Retime,
    splice: &mut Splice<'_>,
) -> Result<(), BoxError> {
    let sidx = found.parse(Sidx::new)?;
    let time = sidx_time(found, &sidx, plan)?;
    if sidx.version() == 0 && u32::try_from(time).is_err() {
        let mut wide = Vec::with_capacity(28);
        wide.extend_from_slice(&[1, 0, 0, 0]); // version 1, flags
        wide.extend_from_slice(&sidx.reference_id().to_be_bytes());
        wide.extend_from_slice(&sidx.timescale().to_be_bytes());
        wide.extend_from_slice(&time.to_be_bytes()); // earliest_presentation_time
        wide.extend_from_slice(&sidx.first_offset().to_be_bytes());
        let start = found.body_range().start;
        splice.replace(start..start + sidx.versioned_part().len(), &wide);
    }
    Ok(())
}

fn make_room_in_prft(
    found: &BoxView<'_>,
    plan: &Retime,
    splice: &mut Splice<'_>,
) -> Result<(), BoxError> {
    let prft = found.parse(Prft::new)?;
    let time = plan.moved(found, prft.media_time())?;
    if prft.version() == 0 && u32::try_from(time).is_err() {
        let old = prft.versioned_part();
        let mut wide = Vec::with_capacity(24);
        wide.push(1); // version
        let unchanged = old.get(1..old.len() - 4); // flags, reference_track_ID, ntp_timestamp
        wide.extend_from_slice(unchanged.unwrap_or_default());
        wide.extend_from_slice(&time.to_be_bytes()); // media_time
        let start = found.body_range().start;
        splice.replace(start..start + old.len(), &wide);
    }
    Ok(())
}

fn make_room_in_traf(
    traf: &BoxView<'_>,
    plan: &Retime,
    splice: &mut Splice<'_>,
) -> Result<(), BoxError> {
    for found in traf.children() {
        let found = found?;
        let start = found.body_range().start;
        match &found.kind.0 {
            b"tfdt" => {
                let tfdt = found.parse(Tfdt::new)?;
                let time = plan.moved(&found, tfdt.base_media_decode_time())?;
                if tfdt.version() == 0 && u32::try_from(time).is_err() {
                    let mut wide = [0; 12];
                    wide[0] = 1; // version, before flags and base_media_decode_time
                    splice.replace(start..start + 8, &wide);
                }
            }
            b"tfhd" => {
                let tfhd = found.parse(Tfhd::new)?;
                if let Some(place) = tfhd.base_data_offset_place() {
                    let [_, a, b, c] = tfhd.flags_based_on_moof().to_be_bytes();
                    splice.replace(start + 1..start + 4, &[a, b, c]);
                    splice.replace(start + place..start + place + 8, &[]);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes the new values, for which there is room now.
fn patch(found: &BoxView<'_>, plan: &Retime, to: &mut Spliced<'_>) -> Result<(), BoxError> {
    let no_room = || found.error("has no room for the new time");
    match &found.kind.0 {
        b"styp" => patch_styp(found, to)?,
        b"moof" => patch_moof(found, plan, to)?,
        b"sidx" => {
            let time = sidx_time(found, &found.parse(Sidx::new)?, plan)?;
            let mut sidx = Sidx::new(to.body_mut(found)).ok_or_else(no_room)?;
            sidx.set_earliest_presentation_time(time)
                .map_err(|_| no_room())?;
        }
        b"prft" => {
            let prft = found.parse(Prft::new)?;
            let time = plan.moved(found, prft.media_time())?;
            let wall = plan.moved_ntp(prft.ntp_timestamp());
            let mut prft = Prft::new(to.body_mut(found)).ok_or_else(no_room)?;
            prft.set_ntp_timestamp(wall);
            prft.set_media_time(time).map_err(|_| no_room())?;
        }
        b"emsg" => {
            // Unknown versions are somebody else's and pass unread.
            if let Some(emsg) = Emsg::new(found.body())
                && let Some(time) = emsg.presentation_time()
            {
                let time = plan.moved_in(found, time, emsg.timescale())?;
                if let Some(mut emsg) = Emsg::new(to.body_mut(found)) {
                    emsg.set_presentation_time(time);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn patch_styp(found: &BoxView<'_>, to: &mut Spliced<'_>) -> Result<(), BoxError> {
    let styp = found.parse(Styp::new)?;
    if styp.major_brand() != LAST_SEGMENT {
        return Ok(());
    }
    let other = styp
        .compatible_brands()
        .find(|(_, brand)| *brand != LAST_SEGMENT)
        .map_or(MEDIA_SEGMENT, |(_, brand)| brand);
    if let Some(mut styp) = Styp::new(to.body_mut(found)) {
        styp.set_major_brand(other);
    }
    Ok(())
}

fn patch_moof(moof: &BoxView<'_>, plan: &Retime, to: &mut Spliced<'_>) -> Result<(), BoxError> {
    for found in moof.children() {
        let found = found?;
        match &found.kind.0 {
            b"mfhd" => {
                found.parse(Mfhd::new)?;
                if let Some(mut mfhd) = Mfhd::new(to.body_mut(&found)) {
                    mfhd.set_sequence_number(plan.sequence_number);
                }
            }
            b"traf" => {
                let at = found.required(b"tfdt")?;
                let old = at.parse(Tfdt::new)?.base_media_decode_time();
                let time = plan.moved(&at, old)?;
                let no_room = || at.error("has no room for the new time");
                Tfdt::new(to.body_mut(&at))
                    .ok_or_else(no_room)?
                    .set_base_media_decode_time(time)
                    .map_err(|_| no_room())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn sidx_time(found: &BoxView<'_>, sidx: &Sidx<&[u8]>, plan: &Retime) -> Result<u64, BoxError> {
    plan.moved_in(found, sidx.earliest_presentation_time(), sidx.timescale())
}

impl Retime {
    /// Moves a time in ticks of the track.
    fn moved(&self, at: &BoxView<'_>, time: u64) -> Result<u64, BoxError> {
        shifted(at, time, self.decode_shift)
    }

    /// Moves a time in ticks of another timescale, rounded to the nearest tick.
    fn moved_in(&self, at: &BoxView<'_>, time: u64, timescale: u32) -> Result<u64, BoxError> {
        let timescale = Timescale::new(timescale).ok_or_else(|| at.error("has timescale 0"))?;
        let shift = Time::new(self.decode_shift, self.track_timescale);
        shifted(at, time, shift.ticks_in(timescale, Round::Nearest))
    }

    /// Moves a wall time in units of 2^-32 s as far as the media, so that a looped stream does not
    /// claim to have produced all of its loops at once.
    fn moved_ntp(&self, time: u64) -> u64 {
        let shift = i128::from(self.decode_shift) << 32;
        let shift = shift.div_euclid(i128::from(self.track_timescale.get()));
        // Era 1 begins in 2036: the field is modulo 2^64.
        (i128::from(time) + shift) as u64
    }
}

fn shifted(at: &BoxView<'_>, time: u64, shift: i64) -> Result<u64, BoxError> {
    time.checked_add_signed(shift).ok_or_else(|| {
        at.error(format!(
            "time {time} moved by {shift} leaves the range of 64 bits"
        ))
    })
}

#[cfg(test)]
mod tests;
