//! The name that was probably meant.

/// Returns the candidate with the fewest edits to `written`, if it is near enough to be a slip.
pub(crate) fn nearest<'a, T: AsRef<str>>(written: &str, candidates: &'a [T]) -> Option<&'a str> {
    let limit = written.chars().count().max(3) / 3 + 1;
    candidates
        .iter()
        .map(AsRef::as_ref)
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Counts insertions, deletions and replacements (Levenshtein), capitals ignored.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (place, b) in row.iter_mut().skip(1).zip(&other) {
            let up = *place;
            left = (diagonal + usize::from(a != *b)).min(up + 1).min(left + 1);
            diagonal = up;
            *place = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (one, other, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("ladr", "ladder", 2),
            ("kitten", "sitting", 3),
            ("Name", "name", 0),
        ] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }

    #[test]
    fn only_slips_are_guessed() {
        let names = ["name", "inputs", "ladder"];
        assert_eq!(nearest("laddr", &names), Some("ladder"));
        assert_eq!(nearest("input", &names), Some("inputs"));
        assert_eq!(nearest("encryption", &names), None);
    }
}
