//! What a misspelt option may have meant.

use super::table::TABLE;

/// Returns the option whose key is nearest to `key`, when one is near enough to be meant.
pub fn nearest(key: &str) -> Option<&'static str> {
    let length = key.chars().count();
    if !(2..=32).contains(&length) {
        return None;
    }
    let allowed = if length <= 3 { 1 } else { 2 };
    TABLE
        .iter()
        .map(|row| (distance(key, row.key), row.key))
        .filter(|(distance, _)| (1..=allowed).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

/// Counts the edits from one text to the other: insertions, removals, changes, and swaps of
/// neighbours (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised() {
        for (slip, meant) in [
            ("tsdb", Some("tsbd")),
            ("tsb", Some("tsbd")),
            ("segtimelin", Some("segtimeline")),
            ("segtimelinnr", Some("segtimelinenr")),
            ("strat", Some("start")),
            ("testpic", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(slip), meant, "{slip}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (from, to, edits) in [
            ("", "", 0),
            ("ab", "", 2),
            ("abc", "acb", 1),
            ("mup", "map", 1),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }
}
