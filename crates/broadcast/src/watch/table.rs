//! Snapshots as text: the table of all renditions, and lines of the newest segments (`--tail`).

use super::{
    report::{Event, Violation},
    snapshot::{Format, Row, Snapshot},
};

/// How a table is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; lines are made to fit.
    pub width: usize,
    /// Whether escape codes for colours may be used.
    pub colour: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 160,
            colour: false,
        }
    }
}

/// A column: its head, how important it is (the least important goes first when space is short),
/// and its cell.
struct Column {
    head: &'static str,
    rank: u8,
    cell: fn(&Row) -> String,
    left: bool,
}

const COLUMNS: [Column; 14] = [
    Column {
        head: "RENDITION",
        rank: 0,
        cell: |row| row.name.clone(),
        left: true,
    },
    Column {
        head: "KIND",
        rank: 4,
        cell: |row| row.kind.as_str().to_owned(),
        left: true,
    },
    Column {
        head: "KBIT/S",
        rank: 5,
        cell: bandwidth,
        left: false,
    },
    Column {
        head: "NEWEST",
        rank: 1,
        cell: newest,
        left: false,
    },
    Column {
        head: "SEGS",
        rank: 6,
        cell: |row| row.segments.to_string(),
        left: false,
    },
    Column {
        head: "SEQ",
        rank: 8,
        cell: |row| option(row.media_sequence),
        left: false,
    },
    Column {
        head: "TD",
        rank: 7,
        cell: |row| seconds(row.target_duration),
        left: false,
    },
    Column {
        head: "AGE",
        rank: 3,
        cell: |row| seconds(row.age),
        left: false,
    },
    Column {
        head: "DISC",
        rank: 9,
        cell: discontinuities,
        left: false,
    },
    Column {
        head: "LOW LATENCY",
        rank: 12,
        cell: low_latency,
        left: true,
    },
    Column {
        head: "HTTP",
        rank: 10,
        cell: |row| option(row.status),
        left: false,
    },
    Column {
        head: "RTT",
        rank: 11,
        cell: round_trip,
        left: false,
    },
    Column {
        head: "LATENCY",
        rank: 2,
        cell: |row| seconds(row.latency),
        left: false,
    },
    Column {
        head: "STATE",
        rank: 1,
        cell: state,
        left: true,
    },
];

/// Draws snapshots: a line for each source and a table of its renditions.
pub fn render(sources: &[Snapshot], style: Style) -> String {
    let mut out = String::new();
    for (index, source) in sources.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let format = match source.format {
            Some(Format::Hls) => "HLS",
            Some(Format::Dash) => "DASH",
            None => "?",
        };
        let mut line = format!("{format}  {}", source.source);
        if source.violations > 0 {
            line.push_str(&format!("  {} violations", source.violations));
        }
        if let Some(error) = &source.error {
            line.push_str(&format!("  {error}"));
        }
        out.push_str(&cut(&line, style.width));
        out.push('\n');
        if !source.renditions.is_empty() {
            push_table(&mut out, &source.renditions, style);
        }
    }
    out
}

fn push_table(out: &mut String, rows: &[Row], style: Style) {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| COLUMNS.iter().map(|column| (column.cell)(row)).collect())
        .collect();
    let widths: Vec<usize> = COLUMNS
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let widest = cells
                .iter()
                .filter_map(|row| row.get(index))
                .map(|cell| length(cell));
            // A column that says nothing is left out.
            widest
                .max()
                .filter(|width| *width > 0)
                .map_or(0, |width| width.max(column.head.len()))
        })
        .collect();
    let mut shown: Vec<usize> = (0..COLUMNS.len())
        .filter(|index| widths.get(*index).is_some_and(|width| *width > 0))
        .collect();
    let needed = |shown: &[usize]| -> usize {
        shown
            .iter()
            .filter_map(|index| widths.get(*index))
            .map(|width| width + 2)
            .sum()
    };
    while needed(&shown) > style.width && shown.len() > 2 {
        let rank = |index: &usize| COLUMNS.get(*index).map_or(0, |column| column.rank);
        let least = shown.iter().copied().max_by_key(rank);
        shown.retain(|index| Some(*index) != least);
    }
    let head: Vec<String> = COLUMNS
        .iter()
        .map(|column| column.head.to_owned())
        .collect();
    push_line(out, &head, &shown, &widths, style, None);
    for (row, cells) in rows.iter().zip(&cells) {
        let alarm = (style.colour && (row.stale > 0 || row.error.is_some())).then_some("\x1b[31m");
        push_line(out, cells, &shown, &widths, style, alarm);
    }
}

fn push_line(
    out: &mut String,
    cells: &[String],
    shown: &[usize],
    widths: &[usize],
    style: Style,
    colour: Option<&str>,
) {
    let mut line = String::new();
    for index in shown {
        let (Some(cell), Some(width), Some(column)) =
            (cells.get(*index), widths.get(*index), COLUMNS.get(*index))
        else {
            continue;
        };
        let fill = " ".repeat(width.saturating_sub(length(cell)));
        line.push_str("  ");
        if column.left {
            line.push_str(cell);
            line.push_str(&fill);
        } else {
            line.push_str(&fill);
            line.push_str(cell);
        }
    }
    let line = cut(line.trim_end(), style.width);
    match colour {
        Some(code) => out.push_str(&format!("{code}{line}\x1b[0m\n")),
        None => out.push_str(&format!("{line}\n")),
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(line: &str, width: usize) -> String {
    if length(line) <= width {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn option(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Writes ms as seconds with one place.
fn seconds(ms: Option<i64>) -> String {
    let Some(ms) = ms else {
        return String::new();
    };
    let sign = if ms < 0 { "-" } else { "" };
    let tenths = ms.unsigned_abs().saturating_add(50) / 100;
    format!("{sign}{}.{} s", tenths / 10, tenths % 10)
}

fn bandwidth(row: &Row) -> String {
    let kilo = |bits: u64| (bits / 1000).to_string();
    match (row.bandwidth, row.average_bandwidth) {
        (Some(peak), Some(mean)) => format!("{}/{}", kilo(peak), kilo(mean)),
        (Some(peak), None) => kilo(peak),
        (None, _) => String::new(),
    }
}

fn newest(row: &Row) -> String {
    match &row.newest {
        None => String::new(),
        Some(newest) => match newest.part {
            Some(part) => format!("{}.{part}", newest.segment),
            None => newest.segment.to_string(),
        },
    }
}

fn discontinuities(row: &Row) -> String {
    match (row.discontinuities, row.discontinuity_sequence) {
        (0, 0) => String::new(),
        (listed, before) => format!("{before}+{listed}"),
    }
}

fn low_latency(row: &Row) -> String {
    let Some(low) = &row.low_latency else {
        return String::new();
    };
    let ms = |name: &str, value: Option<i64>| value.map(|value| format!("{name} {value} ms"));
    let parts = [
        ms(&format!("{} parts of", row.parts), low.part_target),
        ms("early", low.availability_offset),
        ms("hold back", low.hold_back),
        low.blocking.then(|| "blocking".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn round_trip(row: &Row) -> String {
    row.round_trip
        .map_or_else(String::new, |ms| format!("{ms} ms"))
}

fn state(row: &Row) -> String {
    if let Some(error) = &row.error {
        return error.clone();
    }
    match row.stale {
        0 if row.ended => "ended".to_owned(),
        0 => "ok".to_owned(),
        times => format!("STALE x{times}"),
    }
}

/// Writes a line about a rendition with something new (`--tail`): only its newest segment.
pub fn tail(row: &Row) -> String {
    let url = row.newest.as_ref().map_or("", |newest| newest.url.as_str());
    format!(
        "{}  {}  {}  {url}\n",
        row.name,
        newest(row),
        seconds(row.latency)
    )
}

/// Writes a line about a violation.
pub fn violation(found: &Violation) -> String {
    let whose = match found.rendition.as_str() {
        "" => String::new(),
        name => format!("{name}: "),
    };
    format!(
        "{}  {whose}{}  ({})\n",
        found.rule, found.what, found.clause
    )
}

/// Writes a line about an event that is worth one when there is no table: changes are not.
pub fn line(event: &Event) -> Option<String> {
    match event {
        Event::Violation(found) => Some(violation(found)),
        Event::Problem { url, what, .. } => Some(format!("{url}: {what}\n")),
        Event::Changed { .. } | Event::Status { .. } => None,
    }
}
