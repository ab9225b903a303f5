//! Tables of text: columns as wide as their widest cell.

/// Puts rows into columns, two blanks apart. Columns marked `true` are aligned to the right; each
/// row has as many cells as there are columns.
pub(crate) fn render<const N: usize>(
    head: [&str; N],
    right: [bool; N],
    rows: &[[String; N]],
) -> String {
    let mut widths = head.map(width);
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let mut out = String::new();
    let mut push = |cells: [&str; N]| {
        let mut line = String::new();
        for ((cell, widest), right) in cells.iter().zip(widths).zip(right) {
            let fill = " ".repeat(widest - width(cell));
            let (before, after) = if right {
                (fill.as_str(), "")
            } else {
                ("", fill.as_str())
            };
            line.push_str(&format!("  {before}{cell}{after}"));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    };
    push(head);
    for row in rows {
        push(row.each_ref().map(String::as_str));
    }
    out
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".to_owned(), "1".to_owned()],
            ["long".to_owned(), "1234567".to_owned()],
        ];
        assert_eq!(
            render(["id", "bytes"], [false, true], &rows),
            "  id      bytes\n  a           1\n  long  1234567\n"
        );
    }
}
