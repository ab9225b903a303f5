//! Reading of segment indexes, ISO/IEC 14496-12, 8.16.3, also nested ones.

use std::ops::Range;

use super::{
    BoxError, fields,
    walk::{self, BoxView},
};
use crate::time::Timescale;

/// Deepest nesting of indexes that is followed.
const MAX_DEPTH: usize = 8;

/// A segment index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidx {
    /// Ticks per second of the times below.
    pub timescale: Timescale,
    /// Presentation time of the first access unit of the first reference, in ticks.
    pub earliest_presentation_time: u64,
    /// Bytes from the end of the box to the first byte referred to.
    pub first_offset: u64,
    /// What is referred to, contiguous, in order.
    pub references: Vec<Reference>,
}

/// An entry of a segment index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Length in bytes.
    pub size: u32,
    /// Duration in ticks of the index.
    pub duration: u32,
    /// Whether it starts with a stream access point.
    pub starts_with_sap: bool,
    /// Whether it is another index rather than media.
    pub is_index: bool,
}

/// A subsegment found through an index or through nested ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subsegment {
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// Presentation time of its first access unit, in ticks of the index.
    pub start: u64,
    /// Duration in ticks of the index.
    pub duration: u32,
    /// Whether it starts with a stream access point.
    pub starts_with_sap: bool,
}

/// Reads the first `sidx` of `data`.
pub fn read(data: &[u8]) -> Result<Sidx, BoxError> {
    let found = walk::find(data, &[b"sidx"])?.ok_or_else(|| BoxError {
        path: "sidx".to_owned(),
        offset: 0,
        reason: "there is none".into(),
    })?;
    read_box(&found)
}

/// Lists the media that the first `sidx` of a file refers to, following references to further
/// indexes. `file` is the whole file. Times are those of the innermost index; all must have one
/// timescale.
pub fn subsegments(file: &[u8]) -> Result<(Timescale, Vec<Subsegment>), BoxError> {
    let found = walk::find(file, &[b"sidx"])?.ok_or_else(|| BoxError {
        path: "sidx".to_owned(),
        offset: 0,
        reason: "there is none".into(),
    })?;
    let timescale = read_box(&found)?.timescale;
    let mut list = Vec::new();
    // No more entries than bytes, whatever indexes that refer to each other claim.
    let mut budget = file.len();
    follow(file, &found, 0, &mut budget, &mut list)?;
    Ok((timescale, list))
}

fn read_box(found: &BoxView<'_>) -> Result<Sidx, BoxError> {
    let sidx = found.parse(fields::Sidx::new)?;
    let timescale =
        Timescale::new(sidx.timescale()).ok_or_else(|| found.error("has timescale 0"))?;
    Ok(Sidx {
        timescale,
        earliest_presentation_time: sidx.earliest_presentation_time(),
        first_offset: sidx.first_offset(),
        references: sidx
            .references()
            .map(|reference| Reference {
                size: reference.size,
                duration: reference.duration,
                starts_with_sap: reference.starts_with_sap,
                is_index: reference.is_index,
            })
            .collect(),
    })
}

fn follow(
    file: &[u8],
    found: &BoxView<'_>,
    depth: usize,
    budget: &mut usize,
    list: &mut Vec<Subsegment>,
) -> Result<(), BoxError> {
    let sidx = read_box(found)?;
    let overflow = || found.error("refers to times or bytes beyond 64 bits");
    let mut at = (found.end() as u64)
        .checked_add(sidx.first_offset)
        .ok_or_else(overflow)?;
    let mut start = sidx.earliest_presentation_time;
    for reference in sidx.references {
        *budget = budget
            .checked_sub(1)
            .ok_or_else(|| found.error("indexes refer to each other without end"))?;
        let end = at.checked_add(reference.size.into()).ok_or_else(overflow)?;
        if reference.is_index {
            if depth == MAX_DEPTH {
                return Err(found.error("indexes are nested too deep"));
            }
            let nested = usize::try_from(at)
                .ok()
                .and_then(|at| walk::boxes_from(file, at))
                .and_then(|mut boxes| boxes.next())
                .ok_or_else(|| found.error("refers to an index behind the end"))??;
            if nested.kind.0 != *b"sidx" {
                return Err(nested.error("an index refers here, but this is none"));
            }
            if nested.parse(fields::Sidx::new)?.timescale() != sidx.timescale.get() {
                return Err(nested.error("has another timescale than the index above it"));
            }
            follow(file, &nested, depth + 1, budget, list)?;
        } else {
            list.push(Subsegment {
                range: at..end,
                start,
                duration: reference.duration,
                starts_with_sap: reference.starts_with_sap,
            });
        }
        at = end;
        start = start
            .checked_add(reference.duration.into())
            .ok_or_else(overflow)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::testing::{TestSidx, sidx_box};

    #[test]
    fn both_versions_read_alike() {
        let mut test = TestSidx {
            timescale: 48_000,
            time: 77,
            references: vec![(100, 96_000, true, false), (50, 48_000, false, false)],
            ..TestSidx::default()
        };
        let narrow = read(&sidx_box(&test)).expect("reads");
        test.version = 1;
        let wide = read(&sidx_box(&test)).expect("reads");
        assert_eq!(narrow, wide);
        assert_eq!(wide.earliest_presentation_time, 77);
        assert_eq!(wide.references.len(), 2);
        assert!(wide.references[0].starts_with_sap && !wide.references[1].starts_with_sap);
    }

    #[test]
    fn nested_indexes_lead_to_the_media() {
        let leaf = |time| {
            sidx_box(&TestSidx {
                timescale: 1000,
                time,
                references: vec![(10, 500, true, false), (20, 500, true, false)],
                ..TestSidx::default()
            })
        };
        let (first, second) = (leaf(0), leaf(1000));
        let len = (first.len() + 30) as u32;
        let mut file = sidx_box(&TestSidx {
            timescale: 1000,
            references: vec![(len, 1000, true, true), (len, 1000, true, true)],
            ..TestSidx::default()
        });
        let root = file.len() as u64;
        for leaf in [first, second] {
            file.extend(leaf);
            file.extend(crate::isobmff::testing::boxed(b"mdat", &[0; 22]));
        }
        let (timescale, list) = subsegments(&file).expect("reads");
        assert_eq!(timescale.get(), 1000);
        let starts: Vec<u64> = list.iter().map(|entry| entry.start).collect();
        assert_eq!(starts, [0, 500, 1000, 1500]);
        let leaf_len = u64::from(len) - 30;
        assert_eq!(list[0].range, root + leaf_len..root + leaf_len + 10);
        assert_eq!(list[3].range.end, file.len() as u64);
    }

    #[test]
    fn an_index_that_refers_to_itself_is_refused() {
        let mut test = TestSidx {
            timescale: 1,
            references: vec![(0, 0, false, true), (0, 0, false, true)],
            ..TestSidx::default()
        };
        test.version = 1;
        let own = sidx_box(&test).len() as u64;
        test.first_offset = own.wrapping_neg();
        assert!(subsegments(&sidx_box(&test)).is_err());
    }
}
