//! Byte ranges, RFC 9110, 14.

use std::ops::Range;

/// How many ranges a request may ask for before it gets everything instead.
pub const MAX_RANGES: usize = 16;

/// What a `Range` field comes to for an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Everything: the field is of another unit, malformed, or asks for too many ranges.
    Whole,
    /// These, none empty, none touching another, all within the entity.
    Some(Vec<Range<u64>>),
    /// Nothing of what is asked for exists: 416.
    Unsatisfiable,
}

/// Reads a `Range` field for an entity of `len` bytes.
///
/// Ranges stay in the order asked for, unless some touch or overlap: then they are merged and in
/// ascending order.
pub fn parse(text: &str, len: u64) -> Ranges {
    let Some(list) = byte_ranges(text) else {
        return Ranges::Whole;
    };
    let mut ranges = Vec::new();
    let mut count = 0;
    for spec in list
        .split(',')
        .map(str::trim)
        .filter(|spec| !spec.is_empty())
    {
        count += 1;
        if count > MAX_RANGES {
            return Ranges::Whole;
        }
        match one(spec, len) {
            Some(range) if range.is_empty() => {}
            Some(range) => ranges.push(range),
            None => return Ranges::Whole,
        }
    }
    match (count, ranges.len()) {
        (0, _) => Ranges::Whole,
        (_, 0) => Ranges::Unsatisfiable,
        (_, 1) => Ranges::Some(ranges),
        _ => Ranges::Some(merge(ranges)),
    }
}

fn byte_ranges(text: &str) -> Option<&str> {
    let (unit, list) = text.trim().split_once('=')?;
    unit.eq_ignore_ascii_case("bytes").then_some(list)
}

/// Reads `first-last`, `first-` or `-suffix`; an empty range is one that lies outside.
fn one(spec: &str, len: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    let (first, last) = (first.trim_end(), last.trim_start());
    if first.is_empty() {
        return Some(len.saturating_sub(number(last)?)..len);
    }
    let first = number(first)?;
    let end = if last.is_empty() {
        len
    } else {
        let last = number(last)?;
        if last < first {
            return None;
        }
        last.saturating_add(1).min(len)
    };
    Some(first.min(end)..end)
}

/// Reads digits; what is too big for 64 bits is as big as they get.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn merge(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = ranges.clone();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    if merged.len() == ranges.len() {
        ranges
    } else {
        merged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        reason = "a list of ranges is what is meant"
    )]
    fn fields_come_to_ranges() {
        let some = |ranges: &[Range<u64>]| Ranges::Some(ranges.to_vec());
        for (text, len, expected) in [
            ("bytes=0-0", 10, some(&[0..1])),
            ("bytes=0-9", 10, some(&[0..10])),
            ("bytes=0-", 10, some(&[0..10])),
            ("bytes=5-99", 10, some(&[5..10])),
            ("bytes=-3", 10, some(&[7..10])),
            ("bytes=-99", 10, some(&[0..10])),
            ("bytes=9-", 10, some(&[9..10])),
            ("Bytes=1-2", 10, some(&[1..3])),
            ("bytes= 1-2 , 4-5", 10, some(&[1..3, 4..6])),
            ("bytes=4-5,1-2", 10, some(&[4..6, 1..3])),
            ("bytes=1-2,3-5", 10, some(&[1..6])),
            ("bytes=6-7,0-3,2-4", 10, some(&[0..5, 6..8])),
            ("bytes=0-,0-,0-", 10, some(&[0..10])),
            ("bytes=1-2,50-60", 10, some(&[1..3])),
            ("bytes=,1-2,,", 10, some(&[1..3])),
            ("bytes=0-99999999999999999999999", 10, some(&[0..10])),
            ("bytes=-99999999999999999999999", 10, some(&[0..10])),
            ("bytes=10-", 10, Ranges::Unsatisfiable),
            ("bytes=10-20,30-", 10, Ranges::Unsatisfiable),
            ("bytes=-0", 10, Ranges::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Ranges::Unsatisfiable),
            ("bytes=0-", 0, Ranges::Unsatisfiable),
            ("bytes=-5", 0, Ranges::Unsatisfiable),
            ("bytes=2-1", 10, Ranges::Whole),
            ("bytes=1-2,2-1", 10, Ranges::Whole),
            ("bytes=", 10, Ranges::Whole),
            ("bytes=,", 10, Ranges::Whole),
            ("bytes=-", 10, Ranges::Whole),
            ("bytes=a-b", 10, Ranges::Whole),
            ("bytes=+1-2", 10, Ranges::Whole),
            ("bytes=1--2", 10, Ranges::Whole),
            ("bytes 0-1", 10, Ranges::Whole),
            ("seconds=0-1", 10, Ranges::Whole),
            ("", 10, Ranges::Whole),
        ] {
            assert_eq!(parse(text, len), expected, "{text} of {len}");
        }
    }

    #[test]
    fn too_many_ranges_get_everything() {
        let list = |count: usize| {
            let specs: Vec<String> = (0..count).map(|i| format!("{}-{}", i * 2, i * 2)).collect();
            format!("bytes={}", specs.join(","))
        };
        assert!(
            matches!(parse(&list(MAX_RANGES), 100), Ranges::Some(ranges) if ranges.len() == MAX_RANGES)
        );
        assert_eq!(parse(&list(MAX_RANGES + 1), 100), Ranges::Whole);
    }

    proptest! {
        #[test]
        fn ranges_lie_within_and_do_not_touch(text in "bytes=[-0-9, ]{0,60}", len in 0_u64..1000) {
            if let Ranges::Some(mut ranges) = parse(&text, len) {
                prop_assert!(!ranges.is_empty());
                ranges.sort_by_key(|range| range.start);
                prop_assert!(ranges.iter().all(|range| range.start < range.end && range.end <= len));
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }

        #[test]
        fn anything_is_read_without_panic(text in "\\PC*", len: u64) {
            parse(&text, len);
        }
    }
}
