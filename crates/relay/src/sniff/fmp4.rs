//! Fragmented MP4, ISO/IEC 14496-12, 8.8.
//!
//! A fragment is `moof` and `mdat`, with the `styp`, `sidx`, `emsg` and `prft` before it. Sample data
//! that is placed by positions in the file (`base_data_offset`, which ffmpeg writes unless it is told
//! `default_base_moof`) is placed by the fragment instead: those who join late have other positions.
//! No length changes by that: the field makes room for a `free` box.

use bytes::{Bytes, BytesMut};
use media::{
    isobmff::{
        fields::{Tfhd, Trun},
        init,
        segment::SAMPLE_IS_NON_SYNC,
        walk::{BoxView, boxes},
    },
    presentation::Content,
};

use serve::ring::Leave;

use super::{
    MOST_HELD,
    machine::{Join, Step},
};

const BASE_DATA_OFFSET: u32 = 0x00_0001;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

#[derive(Debug, Default)]
pub(super) struct Fmp4 {
    /// Position in the file of the byte that is looked at.
    position: u64,
    before: BytesMut,
    header: Option<Bytes>,
    /// Track and default sample flags of the video tracks.
    video: Vec<(u32, u32)>,
    is_fragmented: bool,
}

/// Header of a box: its type and its length with the header; 0 for "to the end".
struct Head {
    kind: [u8; 4],
    len: u64,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, usize> {
        let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(8);
        };
        let [a, b, c, d, kind @ ..] = *head;
        let len = match u32::from_be_bytes([a, b, c, d]) {
            1 => u64::from_be_bytes(*rest.first_chunk().ok_or(16_usize)?),
            len => u64::from(len),
        };
        Ok(Self { kind, len })
    }

    fn is_plausible(&self) -> bool {
        self.len >= 8 && self.kind.iter().all(|it| (0x20..0x7f).contains(it))
    }
}

impl Fmp4 {
    pub(super) fn header(&self) -> Option<Bytes> {
        self.header.clone()
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        let step = self.look(bytes);
        match &step {
            Step::Pass { len, .. } => self.position = self.position.saturating_add(*len),
            Step::Swap { len, .. } => self.position += *len as u64,
            Step::Need(_) | Step::Is(_) | Step::Lost => {}
        }
        step
    }

    fn look(&mut self, bytes: &[u8]) -> Step {
        let head = match Head::read(bytes) {
            Ok(head) if head.is_plausible() => head,
            Ok(_) => return Step::Lost,
            Err(need) => return Step::Need(need),
        };
        match &head.kind {
            // It is another file's beginning when a header is there already.
            b"ftyp" | b"moov" => self.initial(bytes, &head),
            b"styp" | b"sidx" | b"emsg" | b"prft" | b"moof" if self.header.is_some() => {
                self.fragment(bytes)
            }
            b"mdat" if self.header.is_none() || !self.is_fragmented => Step::Lost,
            _ => Step::Pass {
                len: head.len,
                join: Join::No,
                leave: Leave::Well,
            },
        }
    }

    fn initial(&mut self, bytes: &[u8], head: &Head) -> Step {
        let len = usize::try_from(head.len).unwrap_or(usize::MAX);
        if bytes.len() < len {
            return Step::Need(len);
        }
        if head.kind == *b"ftyp" {
            self.before.clear();
        }
        self.before.extend_from_slice(&bytes[..len]);
        if head.kind == *b"moov" {
            // What cannot be read is relayed all the same: clients may know better.
            let read = init::read(&bytes[..len]);
            let tracks = read.as_ref().map(|it| &*it.tracks).unwrap_or_default();
            let video = tracks.iter().filter(|it| it.content == Content::Video);
            self.video = video.map(|it| (it.track_id, it.defaults.flags)).collect();
            self.is_fragmented = read.is_ok_and(|it| it.fragmented);
            self.header = Some(self.before.split().freeze());
        }
        Step::unit(len, Join::No)
    }

    /// Looks at what is before the sample data of a fragment.
    fn fragment(&self, bytes: &[u8]) -> Step {
        let mut at = 0;
        let moof = loop {
            let head = match Head::read(&bytes[at..]) {
                Ok(head) if head.is_plausible() => head,
                Ok(_) => return Step::Lost,
                Err(need) => return Step::Need(at + need),
            };
            let end = usize::try_from(head.len).map_or(usize::MAX, |len| at.saturating_add(len));
            match &head.kind {
                b"moof" | b"styp" | b"sidx" | b"emsg" | b"prft" if end > MOST_HELD => {
                    return Step::Lost;
                }
                b"moof" | b"styp" | b"sidx" | b"emsg" | b"prft" if end > bytes.len() => {
                    return Step::Need(end);
                }
                b"moof" => break at..end,
                b"styp" | b"sidx" | b"emsg" | b"prft" => at = end,
                // They belong to no fragment.
                _ => return Step::unit(at, Join::No),
            }
        };
        let header = self.header.clone().unwrap_or_default();
        let Some(looked) = self.moof(&bytes[moof.clone()], self.position + moof.start as u64)
        else {
            return Step::Lost;
        };
        let join = looked.begins_with_key.then_some(header);
        match looked.moved {
            None => Step::part(moof.end, join.map_or(Join::No, Join::Hard)),
            Some(moved) => Step::Swap {
                len: moof.end,
                bytes: [&bytes[..moof.start], &moved].concat().into(),
                join,
                leave: Leave::Never,
            },
        }
    }

    /// Reads a `moof` at a position of the file; `None` when it cannot be read.
    fn moof(&self, bytes: &[u8], position: u64) -> Option<Moof> {
        let moof = boxes(bytes).next()?.ok()?;
        let mut begins_with_key = self.video.is_empty();
        let mut moved: Option<Vec<u8>> = None;
        for traf in moof.children() {
            let traf = traf.ok()?;
            if traf.kind.0 != *b"traf" {
                continue;
            }
            let header = traf.required(b"tfhd").ok()?;
            let tfhd = header.parse(Tfhd::new).ok()?;
            if let Some((_, flags)) = self.video.iter().find(|(id, _)| *id == tfhd.track_id()) {
                let flags = tfhd.default_sample_flags().unwrap_or(*flags);
                let first = first_flags(&traf, flags)?;
                begins_with_key |= first & SAMPLE_IS_NON_SYNC == 0;
            }
            if let Some(base) = tfhd.base_data_offset() {
                let moved = moved.get_or_insert_with(|| bytes.to_vec());
                let shift = i64::try_from(i128::from(base) - i128::from(position)).ok()?;
                base_on_moof(moved, &traf, &header, shift)?;
            }
        }
        Some(Moof {
            begins_with_key,
            moved,
        })
    }
}

/// What a `moof` says.
struct Moof {
    begins_with_key: bool,
    /// The box with data offsets that count from its beginning, when they did not.
    moved: Option<Vec<u8>>,
}

/// Returns the flags of the first sample; `otherwise` unless its run says so.
fn first_flags(traf: &BoxView<'_>, otherwise: u32) -> Option<u32> {
    for run in traf.children() {
        let run = run.ok()?;
        if run.kind.0 == *b"trun" {
            let run = run.parse(Trun::new).ok()?;
            if run.sample_count() > 0 {
                return Some(run.sample(0).flags.unwrap_or(otherwise));
            }
        }
    }
    Some(otherwise)
}

/// Makes the data offsets of a `traf` count from its `moof`, in a copy of the box at the same places:
/// `shift` is what they counted from, less that. The field that goes leaves a `free` box.
fn base_on_moof(
    copy: &mut [u8],
    traf: &BoxView<'_>,
    header: &BoxView<'_>,
    shift: i64,
) -> Option<()> {
    let len = header.bytes.len();
    let body = header.body_range();
    let tfhd = header.parse(Tfhd::new).ok()?;
    let flags = tfhd.flags() & !BASE_DATA_OFFSET | DEFAULT_BASE_IS_MOOF;
    let short = u32::try_from(len - 8).ok()?;
    let place = copy.get_mut(header.offset..header.offset + len)?;
    place[..4].copy_from_slice(&short.to_be_bytes());
    // version, flags, track; then the field, and what is behind it.
    let at = body.start.checked_sub(header.offset)?;
    place
        .get_mut(at + 1..at + 4)?
        .copy_from_slice(&flags.to_be_bytes()[1..]);
    if place.len() < at + 16 {
        return None;
    }
    place.copy_within(at + 16.., at + 8);
    place[len - 8..].copy_from_slice(b"\0\0\0\x08free");
    for run in traf.children() {
        let run = run.ok()?;
        if run.kind.0 != *b"trun" {
            continue;
        }
        let offset = run.parse(Trun::new).ok()?.data_offset();
        let moved = i64::from(offset.unwrap_or(0)).checked_add(shift)?;
        let moved = i32::try_from(moved).ok()?;
        if offset.is_none() && moved != 0 {
            return None;
        }
        let mut view = Trun::new(copy.get_mut(run.body_range())?)?;
        view.set_data_offset(moved);
    }
    Some(())
}
