//! The `subs` box, ISO/IEC 14496-12, 8.7.7: where a sample's parts begin.

use media::isobmff::{BoxError, fields::Trun, protect, walk};

/// A part of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subsample {
    /// Length in bytes.
    pub(super) size: u32,
    /// Priority, discardable flag and codec parameters, as stored.
    rest: [u8; 6],
}

/// Reads the parts of all samples of a segment; a sample without parts has an empty list.
pub(super) fn read(segment: &[u8], samples: usize) -> Result<Vec<Vec<Subsample>>, BoxError> {
    let mut all = Vec::new();
    for item in walk::boxes(segment) {
        let moof = item?;
        if moof.kind.0 != *b"moof" {
            continue;
        }
        let traf = moof.required(b"traf")?;
        let begin = all.len();
        if let Some(subs) = traf.child(b"subs")? {
            subs.parse(|body| read_box(body, samples, &mut all))?;
        }
        let count = traf
            .children()
            .filter_map(Result::ok)
            .filter(|child| child.kind.0 == *b"trun")
            .filter_map(|trun| Trun::new(trun.body()))
            .fold(0_usize, |sum, trun| {
                sum.saturating_add(trun.sample_count() as usize)
            });
        all.resize(begin.saturating_add(count).min(samples), Vec::new());
    }
    Ok(all)
}

/// Reads one box, whose sample numbers count from the end of `all`.
fn read_box(body: &[u8], samples: usize, all: &mut Vec<Vec<Subsample>>) -> Option<()> {
    let wide = *body.first()? != 0;
    let mut rest = body.get(4..)?;
    let entries = u32::from_be_bytes(take(&mut rest)?);
    let mut sample = all.len();
    // Sample numbers count from one: the first difference is taken from before the first sample.
    let mut first = true;
    for _ in 0..entries {
        let delta = u32::from_be_bytes(take(&mut rest)?) as usize;
        sample = sample.checked_add(delta)?;
        if first {
            sample = sample.checked_sub(1)?;
            first = false;
        }
        let count = u16::from_be_bytes(take(&mut rest)?);
        let mut parts = Vec::new();
        for _ in 0..count {
            let size = if wide {
                u32::from_be_bytes(take(&mut rest)?)
            } else {
                u32::from(u16::from_be_bytes(take(&mut rest)?))
            };
            let rest = take(&mut rest)?;
            parts.push(Subsample { size, rest });
        }
        if sample < samples {
            all.resize(all.len().max(sample + 1), Vec::new());
            all[sample] = parts;
        }
    }
    Some(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// Puts a `subs` box at the end of the `traf` of a fragment head that was built by
/// [`media::isobmff::build::fragment`].
pub(super) fn insert(head: Vec<u8>, parts: &[Vec<Subsample>]) -> Result<Vec<u8>, BoxError> {
    protect::with_boxes(head, &write_box(parts))
}

/// Writes version 1, whose sizes have 32 bits.
fn write_box(parts: &[Vec<Subsample>]) -> Vec<u8> {
    let mut entries = 0_u32;
    let mut table = Vec::new();
    let mut delta = 0_u32;
    for parts in parts {
        delta += 1;
        if parts.is_empty() {
            continue;
        }
        entries += 1;
        table.extend(delta.to_be_bytes());
        delta = 0;
        table.extend((parts.len() as u16).to_be_bytes());
        for part in parts {
            table.extend(part.size.to_be_bytes());
            table.extend(part.rest);
        }
    }
    let mut out = Vec::with_capacity(16 + table.len());
    out.extend((16 + table.len() as u32).to_be_bytes());
    out.extend(b"subs");
    out.extend([1, 0, 0, 0]); // version 1, no flags
    out.extend(entries.to_be_bytes());
    out.extend(table);
    out
}

/// Makes the parts of samples from their sizes.
#[cfg(test)]
pub(super) fn of_sizes(samples: &[&[u32]]) -> Vec<Vec<Subsample>> {
    let part = |size: &u32| Subsample {
        size: *size,
        rest: [0; 6],
    };
    let parts = |sizes: &&[u32]| sizes.iter().map(part).collect();
    samples.iter().map(parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(size: u32) -> Subsample {
        Subsample {
            size,
            rest: [7, 1, 0, 0, 0, 9],
        }
    }

    #[test]
    fn parts_are_written_as_they_are_read() {
        let parts = vec![vec![], vec![part(70_000), part(3)], vec![], vec![part(1)]];
        let written = write_box(&parts);
        let mut read = Vec::new();
        read_box(&written[8..], 4, &mut read).unwrap();
        assert_eq!(read, parts);
    }

    #[test]
    fn narrow_sizes_are_read() {
        let body = [
            0, 0, 0, 0, 0, 0, 0, 1, // version 0, one entry
            0, 0, 0, 1, 0, 2, // first sample, two parts
            1, 0, 1, 2, 3, 4, 5, 6, 0, 5, 1, 2, 3, 4, 5, 6,
        ];
        let mut read = Vec::new();
        read_box(&body, 1, &mut read).unwrap();
        assert_eq!(read[0][0].size, 256);
        assert_eq!(read[0][1].size, 5);
        for cut in 0..body.len() {
            assert_eq!(read_box(&body[..cut], 1, &mut Vec::new()), None);
        }
    }
}
