//! Edits that change sizes: the one place where bytes are put into or taken out of headers.
//!
//! Every size and offset of a file is a pair of positions, *from* and *to*. A splice knows where
//! each old position comes to lie, so each reference becomes `moved(to) - moved(from)`:
//!
//! | reference | from | to |
//! |---|---|---|
//! | box size | start of the box | its end |
//! | `trun.data_offset`, `saio` offset | base of the `traf` | what it points to |
//! | `tfhd.base_data_offset` | start of the file | what it points to |
//! | `sidx.first_offset`, `referenced_size` | end of the `sidx`, start of a reference | its other end |
//!
//! Payload boxes (`mdat`, `free`, `skip`) are not copied. References of `ssix`, `mfra` and of the
//! sample tables of a `moov` (`stco`, `co64`) are not followed: what they index is not edited here.

use std::ops::Range;

use bytes::Bytes;

use super::{
    BoxError, FourCc,
    fields::{Saio, Sidx, Tfhd, Trun},
    walk::{BoxView, boxes},
};

/// Longest insertion: the versioned part of a `sidx` of version 1.
const MAX_INSERT: usize = 28;

/// Replaces a range of the source by other bytes.
#[derive(Clone, Debug)]
struct Edit {
    range: Range<usize>,
    insert: [u8; MAX_INSERT],
    insert_len: usize,
    /// Bytes that this and all earlier edits add (negative: take away).
    growth: isize,
}

/// A stretch of the source: copied into the head from a position on, or left where it is.
#[derive(Clone, Debug)]
struct Piece {
    source: Range<usize>,
    head: Option<usize>,
}

/// Edits to be made to the headers of a segment or file.
#[derive(Clone, Debug)]
pub struct Splice<'a> {
    source: &'a [u8],
    edits: Vec<Edit>,
}

/// The headers after the edits, and the untouched payload between them.
#[derive(Clone, Debug)]
pub struct Spliced<'a> {
    source: &'a [u8],
    edits: Vec<Edit>,
    pieces: Vec<Piece>,
    head: Vec<u8>,
}

impl<'a> Splice<'a> {
    /// Starts without edits. `source` is a whole segment or a whole init segment.
    pub fn new(source: &'a [u8]) -> Self {
        Self {
            source,
            edits: Vec::new(),
        }
    }

    /// Plans that a range, not empty and inside one header box, becomes other bytes, at most 28.
    /// What is wrong with it is found by [`Self::apply`].
    pub fn replace(&mut self, range: Range<usize>, with: &[u8]) {
        let mut insert = [0; MAX_INSERT];
        for (place, byte) in insert.iter_mut().zip(with) {
            *place = *byte;
        }
        self.edits.push(Edit {
            range,
            insert,
            insert_len: with.len(),
            growth: 0,
        });
    }

    /// Copies the headers with the edits made and all sizes and offsets right. Allocates the
    /// headers and a few words for every `mdat` and edit.
    pub fn apply(mut self) -> Result<Spliced<'a>, BoxError> {
        self.edits.sort_unstable_by_key(|edit| edit.range.start);
        let mut growth = 0;
        let mut end = 0;
        for edit in &mut self.edits {
            let bad = edit.range.is_empty()
                || edit.range.start < end
                || edit.range.end > self.source.len()
                || edit.insert_len > MAX_INSERT;
            if bad {
                return Err(edit_error(edit));
            }
            growth += edit.insert_len as isize - edit.range.len() as isize;
            edit.growth = growth;
            end = edit.range.end;
        }
        let mut spliced = Spliced {
            source: self.source,
            edits: self.edits,
            pieces: Vec::new(),
            head: Vec::new(),
        };
        spliced.copy()?;
        if !spliced.edits.is_empty() {
            spliced.repair()?;
        }
        Ok(spliced)
    }
}

/// Tells whether a top-level box is left where it is.
fn is_payload(kind: FourCc) -> bool {
    matches!(&kind.0, b"mdat" | b"free" | b"skip")
}

fn edit_error(edit: &Edit) -> BoxError {
    BoxError {
        path: String::new(),
        offset: edit.range.start as u64,
        reason: "an edit is empty, too long, overlaps another or is not inside a header box".into(),
    }
}

impl Spliced<'_> {
    /// Returns the new body of a box of the source, to be written to. Empty when it was removed.
    pub fn body_mut(&mut self, of: &BoxView<'_>) -> &mut [u8] {
        let start = self.in_head(of.offset) + of.header_len;
        let end = self.in_head(of.offset) + self.new_len(of);
        self.head.get_mut(start..end).unwrap_or_default()
    }

    /// Returns the result as slices in order: headers in one new buffer, payload as slices of
    /// `source`, which must be the bytes that the splice was made over.
    pub fn into_slices(self, source: &Bytes) -> Vec<Bytes> {
        let head_len = self.head.len();
        let head = Bytes::from(self.head);
        let mut heads = self.pieces.iter().filter_map(|piece| piece.head).skip(1);
        let slice = |piece: &Piece| match piece.head {
            Some(start) => head.slice(start..heads.next().unwrap_or(head_len)),
            None => source.slice(piece.source.clone()),
        };
        self.pieces.iter().map(slice).collect()
    }

    /// Returns the result as one piece.
    pub fn into_vec(self) -> Vec<u8> {
        let source = Bytes::copy_from_slice(self.source);
        self.into_slices(&source).concat()
    }

    /// Cuts the source into pieces and copies the headers, edits made.
    fn copy(&mut self) -> Result<(), BoxError> {
        for found in boxes(self.source) {
            let found = found?;
            let head = (!is_payload(found.kind)).then_some(0);
            match self.pieces.last_mut() {
                Some(last) if last.head == head => last.source.end = found.end(),
                _ => self.pieces.push(Piece {
                    source: found.offset..found.end(),
                    head,
                }),
            }
        }
        let growth = self.edits.last().map_or(0, |edit| edit.growth);
        let headers = self.pieces.iter().filter(|piece| piece.head.is_some());
        let len: usize = headers.map(|piece| piece.source.len()).sum();
        self.head.reserve_exact(len.saturating_add_signed(growth));
        let mut edits = self.edits.iter().peekable();
        for piece in &mut self.pieces {
            let Some(start) = &mut piece.head else {
                continue;
            };
            *start = self.head.len();
            let mut at = piece.source.start;
            while let Some(edit) = edits.next_if(|edit| edit.range.end <= piece.source.end) {
                let before = self.source.get(at..edit.range.start);
                let insert = edit.insert.get(..edit.insert_len);
                let (Some(before), Some(insert)) = (before, insert) else {
                    return Err(edit_error(edit));
                };
                self.head.extend_from_slice(before);
                self.head.extend_from_slice(insert);
                at = edit.range.end;
            }
            let rest = self.source.get(at..piece.source.end);
            self.head.extend_from_slice(rest.unwrap_or_default());
        }
        edits.next().map_or(Ok(()), |edit| Err(edit_error(edit)))
    }

    /// Where a position of the source comes to lie in the result. Never falls as positions rise:
    /// a position inside a replaced range comes to lie inside, or at the end of, what replaces it.
    fn moved(&self, position: usize) -> usize {
        let before = self
            .edits
            .partition_point(|edit| edit.range.end <= position);
        let growth = before
            .checked_sub(1)
            .and_then(|last| self.edits.get(last))
            .map_or(0, |edit| edit.growth);
        let position = match self.edits.get(before) {
            Some(around) if around.range.start < position => {
                position.min(around.range.start + around.insert_len)
            }
            _ => position,
        };
        position.saturating_add_signed(growth)
    }

    /// Where a header position of the source comes to lie in the head buffer.
    fn in_head(&self, position: usize) -> usize {
        let after = self
            .pieces
            .partition_point(|piece| piece.source.start <= position);
        let piece = after.checked_sub(1).and_then(|last| self.pieces.get(last));
        piece
            .and_then(|piece| {
                let inside = self.moved(position) - self.moved(piece.source.start);
                Some(piece.head? + inside)
            })
            .unwrap_or(usize::MAX / 2)
    }

    fn new_len(&self, of: &BoxView<'_>) -> usize {
        self.moved(of.end()) - self.moved(of.offset)
    }

    /// Makes every size and offset right.
    fn repair(&mut self) -> Result<(), BoxError> {
        let mut file_start = None;
        for found in boxes(self.source) {
            let found = found?;
            if is_payload(found.kind) {
                continue;
            }
            self.repair_size(&found)?;
            match &found.kind.0 {
                b"moof" => self.repair_moof(&found, &mut file_start)?,
                b"sidx" => self.repair_sidx(&found)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Sets the size of a box and of the boxes inside it.
    fn repair_size(&mut self, of: &BoxView<'_>) -> Result<(), BoxError> {
        let next = self
            .edits
            .partition_point(|edit| edit.range.end <= of.offset);
        let edit = self.edits.get(next).map(|edit| edit.range.clone());
        let Some(edit) = edit.filter(|edit| edit.start < of.end()) else {
            return Ok(());
        };
        let len = self.new_len(of);
        if len == 0 {
            return Ok(());
        }
        if edit.start < of.offset + of.header_len {
            return Err(of.error("its header is edited"));
        }
        let start = self.in_head(of.offset);
        let header = self.head.get_mut(start..start + of.header_len);
        match header {
            Some([size @ .., _, _, _, _]) if size.len() == 4 => {
                // A size of zero runs to the end and goes on doing so.
                if *size != [0; 4] {
                    let narrow = u32::try_from(len);
                    let narrow = narrow.map_err(|_| of.error("grows beyond a 32-bit size"))?;
                    size.copy_from_slice(&narrow.to_be_bytes());
                }
            }
            Some([_, _, _, _, _, _, _, _, size @ ..]) if size.len() == 8 => {
                size.copy_from_slice(&(len as u64).to_be_bytes());
            }
            _ => return Err(of.error("is not among the headers")),
        }
        if is_container(of.kind) {
            for child in of.children() {
                self.repair_size(&child?)?;
            }
        }
        Ok(())
    }

    fn repair_moof(
        &mut self,
        moof: &BoxView<'_>,
        file_start: &mut Option<u64>,
    ) -> Result<(), BoxError> {
        let mut first = true;
        for traf in moof.children() {
            let traf = traf?;
            if traf.kind.0 == *b"traf" {
                if let Some(base) = self.repair_tfhd(moof, &traf, first, file_start)? {
                    self.repair_offsets(&traf, base)?;
                }
                first = false;
            }
        }
        Ok(())
    }

    /// Finds what offsets of a `traf` count from: the old position and where it comes to lie.
    /// Gives nothing when they count from the data of the `traf` before, which move together.
    fn repair_tfhd(
        &mut self,
        moof: &BoxView<'_>,
        traf: &BoxView<'_>,
        first: bool,
        file_start: &mut Option<u64>,
    ) -> Result<Option<(usize, usize)>, BoxError> {
        let at = traf.required(b"tfhd")?;
        let tfhd = at.parse(Tfhd::new)?;
        let new_moof = self.moved(moof.offset);
        let (Some(position), Some(place)) =
            (tfhd.base_data_offset(), tfhd.base_data_offset_place())
        else {
            let moof_is_base = first || tfhd.default_base_is_moof();
            return Ok(moof_is_base.then_some((moof.offset, new_moof)));
        };
        let (start, old) = explicit_base(position, moof, file_start)
            .ok_or_else(|| at.error("base_data_offset is outside of the data"))?;
        let place = at.offset + at.header_len + place;
        if self.edits.iter().any(|edit| edit.range.contains(&place)) {
            return Ok(Some((old, new_moof)));
        }
        let new = self.moved(old);
        if let Some(mut tfhd) = Tfhd::new(self.body_mut(&at)) {
            tfhd.set_base_data_offset(start.saturating_add(new as u64));
        }
        Ok(Some((old, new)))
    }

    /// Makes the data offsets and auxiliary information offsets of a `traf` right.
    fn repair_offsets(
        &mut self,
        traf: &BoxView<'_>,
        (old, new): (usize, usize),
    ) -> Result<(), BoxError> {
        let mut first_run = true;
        for found in traf.children() {
            let found = found?;
            let outside = || found.error("points outside of the data");
            match &found.kind.0 {
                b"trun" => {
                    let trun = found.parse(Trun::new)?;
                    let Some(offset) = trun.data_offset() else {
                        if first_run && self.moved(old) != new {
                            return Err(found.error("has no data_offset to change"));
                        }
                        first_run = false;
                        continue;
                    };
                    first_run = false;
                    let target = old
                        .checked_add_signed(offset as isize)
                        .ok_or_else(outside)?;
                    let offset = self.moved(target) as i64 - new as i64;
                    let offset = i32::try_from(offset).map_err(|_| outside())?;
                    if let Some(mut trun) = Trun::new(self.body_mut(&found)) {
                        trun.set_data_offset(offset);
                    }
                }
                b"saio" => {
                    let saio = found.parse(Saio::new)?;
                    for index in 0..saio.entry_count() {
                        let target = usize::try_from(saio.offset(index))
                            .ok()
                            .and_then(|offset| old.checked_add(offset))
                            .ok_or_else(outside)?;
                        let offset = self.moved(target).checked_sub(new).ok_or_else(outside)?;
                        if let Some(mut saio) = Saio::new(self.body_mut(&found)) {
                            saio.set_offset(index, offset as u64)
                                .map_err(|error| found.error(error.to_string()))?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn repair_sidx(&mut self, found: &BoxView<'_>) -> Result<(), BoxError> {
        let sidx = found.parse(Sidx::new)?;
        let outside = || found.error("refers to more bytes than can be");
        let advance = |at: usize, by: u64| {
            usize::try_from(by)
                .ok()
                .and_then(|by| at.checked_add(by))
                .filter(|at| isize::try_from(*at).is_ok())
                .ok_or_else(outside)
        };
        let wide = |error: super::fields::TooWide| found.error(error.to_string());
        let mut at = advance(found.end(), sidx.first_offset())?;
        let first_offset = self.moved(at) - self.moved(found.end());
        let unreadable = || found.error("is not a segment index after the edit");
        Sidx::new(self.body_mut(found))
            .ok_or_else(unreadable)?
            .set_first_offset(first_offset as u64)
            .map_err(wide)?;
        for (index, reference) in (0..).zip(sidx.references()) {
            let end = advance(at, reference.size.into())?;
            let size = self.moved(end) - self.moved(at);
            if size as u64 != u64::from(reference.size) {
                Sidx::new(self.body_mut(found))
                    .ok_or_else(unreadable)?
                    .set_reference_size(index, size as u64)
                    .map_err(wide)?;
            }
            at = end;
        }
        Ok(())
    }
}

/// Where an explicit `base_data_offset` points in the bytes given: `(file position of their first
/// byte, position in them)`.
///
/// The bytes may be a slice out of a bigger file, and only the file knows where. The first such
/// base of a segment is taken to be its own `moof`, which is what writers of that (older) style
/// put there.
pub(super) fn explicit_base(
    position: u64,
    moof: &BoxView<'_>,
    file_start: &mut Option<u64>,
) -> Option<(u64, usize)> {
    let start = match *file_start {
        Some(start) => start,
        None => *file_start.insert(position.checked_sub(moof.offset as u64)?),
    };
    let at = usize::try_from(position.checked_sub(start)?).ok()?;
    isize::try_from(at).is_ok().then_some((start, at))
}

/// Tells whether a box holds nothing but boxes.
fn is_container(kind: FourCc) -> bool {
    matches!(
        &kind.0,
        b"moof"
            | b"traf"
            | b"moov"
            | b"trak"
            | b"mdia"
            | b"minf"
            | b"stbl"
            | b"dinf"
            | b"edts"
            | b"mvex"
            | b"sinf"
            | b"schi"
    )
}

#[cfg(test)]
mod tests;
