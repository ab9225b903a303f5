//! Moves the times of a TTML document (W3C TTML2, 12.3.1 time expressions).
//!
//! Moved are `begin` and `end` of every element that has no ancestor with a `begin` of its own,
//! since only those count from the document's time zero; durations and displayed text stay. All
//! other characters are kept as they are. A moved time is written as a clock time with at least
//! three decimals, rounded to the last one.
//!
//! Not followed: `timeContainer="seq"`, frame rates that change within a document, wall-clock times.

use std::{fmt::Write as _, ops::Range};

use media::time::Time;

const NANOS: i128 = 1_000_000_000;
/// Longest time expression that is read.
const EXPRESSION_MAX: usize = 40;

/// Returns the document with its times moved by `by`.
pub(super) fn moved(document: &str, by: Time) -> String {
    let mut out = String::with_capacity(document.len() + 256);
    let mut copied = 0;
    let mut rates: Option<Rates> = None;
    let mut timed: Vec<bool> = Vec::new();
    let mut at = 0;
    while let Some(tag) = next_tag(document, at) {
        at = tag.end;
        if tag.kind == Kind::Close {
            timed.pop();
            continue;
        }
        let attributes = attributes(document, tag.inside.clone());
        let rates = rates.get_or_insert_with(|| Rates::read(document, &attributes));
        let inherited = timed.last().copied().unwrap_or(false);
        let mut begins = false;
        for (name, value) in &attributes {
            let name = &document[name.clone()];
            begins |= name == "begin";
            if inherited || !matches!(name, "begin" | "end") {
                continue;
            }
            if let Some(text) = moved_expression(&document[value.clone()], rates, by) {
                out.push_str(&document[copied..value.start]);
                out.push_str(&text);
                copied = value.end;
            }
        }
        if tag.kind == Kind::Open {
            timed.push(inherited || begins);
        }
    }
    out.push_str(&document[copied..]);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Empty,
}

/// A start or end tag; `inside` is what follows its name.
struct Tag {
    kind: Kind,
    inside: Range<usize>,
    end: usize,
}

/// Finds the next element tag at or after `at`, passing comments and the like.
fn next_tag(document: &str, mut at: usize) -> Option<Tag> {
    loop {
        let open = at + document.get(at..)?.find('<')?;
        let rest = &document[open..];
        let skipped = [
            ("<!--", "-->"),
            ("<![CDATA[", "]]>"),
            ("<?", "?>"),
            ("<!", ">"),
        ]
        .into_iter()
        .find(|(start, _)| rest.starts_with(start));
        if let Some((start, stop)) = skipped {
            at = open + start.len() + rest[start.len()..].find(stop)? + stop.len();
            continue;
        }
        let length = tag_length(rest)?;
        let close = rest.starts_with("</");
        let empty = rest[..length].ends_with("/>");
        let name = rest.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
        let tail = length - if empty { 2 } else { 1 };
        return Some(Tag {
            kind: match (close, empty) {
                (true, _) => Kind::Close,
                (false, true) => Kind::Empty,
                (false, false) => Kind::Open,
            },
            inside: open + name.min(tail)..open + tail,
            end: open + length,
        });
    }
}

/// Returns the length of a tag up to the `>` that is not in quotes.
fn tag_length(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// Lists names and values of a tag's attributes.
fn attributes(document: &str, inside: Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = inside.start;
    while let Some(equals) = document.get(at..inside.end).and_then(|rest| rest.find('=')) {
        let before = &document[at..at + equals];
        let trimmed = before.trim_end();
        let start = trimmed
            .rfind(|c: char| c.is_ascii_whitespace())
            .map_or(0, |space| space + 1);
        let name = at + start..at + trimmed.len();
        let rest = &document[at + equals + 1..inside.end];
        let quoted = rest.trim_start();
        let open = at + equals + 1 + (rest.len() - quoted.len());
        let Some(quote) = quoted.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            break;
        };
        let Some(length) = quoted[1..].find(quote) else {
            break;
        };
        found.push((name, open + 1..open + 1 + length));
        at = open + length + 2;
    }
    found
}

/// What frames and ticks last, from the parameters of the root element.
struct Rates {
    /// Frames per second as a fraction.
    frames: (i128, i128),
    /// Ticks per second.
    ticks: i128,
}

impl Rates {
    fn read(document: &str, attributes: &[(Range<usize>, Range<usize>)]) -> Self {
        let parameter = |wanted: &str| {
            attributes.iter().find_map(|(name, value)| {
                let name = &document[name.clone()];
                let local = name.rsplit(':').next().unwrap_or(name);
                (local == wanted).then(|| &document[value.clone()])
            })
        };
        let positive = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0).map(i128::from);
        let declared = parameter("frameRate").and_then(positive);
        let (num, den) = parameter("frameRateMultiplier")
            .and_then(|text| text.split_once(' '))
            .and_then(|(num, den)| Some((positive(num)?, positive(den)?)))
            .unwrap_or((1, 1));
        let rate = declared.unwrap_or(30);
        Self {
            frames: (rate * num, den),
            ticks: parameter("tickRate")
                .and_then(positive)
                .or(declared)
                .unwrap_or(1),
        }
    }
}

/// A time expression as read: nanoseconds as a fraction, and how many decimals it had.
struct Expression {
    num: i128,
    den: i128,
    decimals: usize,
}

fn moved_expression(text: &str, rates: &Rates, by: Time) -> Option<String> {
    let expression = Expression::read(text.trim(), rates)?;
    let scale = i128::from(by.scale.get());
    let num = expression.num.checked_mul(scale)?.checked_add(
        i128::from(by.ticks)
            .checked_mul(NANOS)?
            .checked_mul(expression.den)?,
    )?;
    let decimals = expression.decimals.clamp(3, 9);
    let unit = 10_i128.pow(9 - decimals as u32);
    let den = expression.den.checked_mul(scale)?.checked_mul(unit)?;
    let units = (num.max(0) + den / 2) / den;
    let per_second = NANOS / unit;
    let (seconds, fraction) = (units / per_second, units % per_second);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let mut out = String::new();
    let _ = write!(
        out,
        "{hours:02}:{minutes:02}:{seconds:02}.{fraction:0decimals$}"
    );
    Some(out)
}

impl Expression {
    /// Reads a clock time (`01:02:03.4`, `01:02:03:12`) or an offset time (`12.5s`).
    fn read(text: &str, rates: &Rates) -> Option<Self> {
        if text.len() > EXPRESSION_MAX {
            return None;
        }
        if !text.contains(':') {
            return Self::offset(text, rates);
        }
        let mut parts = text.split(':');
        let hours = whole(parts.next()?)?;
        let minutes = whole(parts.next()?)?;
        let (seconds, decimals) = decimal(parts.next()?)?;
        let frames = parts.next().map(decimal);
        if parts.next().is_some() {
            return None;
        }
        let num = (hours * 3600 + minutes * 60) * NANOS + seconds;
        let Some(frames) = frames else {
            return Some(Self {
                num,
                den: 1,
                decimals,
            });
        };
        let (frames, _) = frames?;
        let (rate_num, rate_den) = rates.frames;
        Some(Self {
            num: num * rate_num + frames * rate_den,
            den: rate_num,
            decimals: 3,
        })
    }

    fn offset(text: &str, rates: &Rates) -> Option<Self> {
        let metric = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (count, decimals) = decimal(&text[..metric])?;
        let (num, den) = match &text[metric..] {
            "h" => (3600, 1),
            "m" => (60, 1),
            "s" => (1, 1),
            "ms" => (1, 1000),
            "f" => (rates.frames.1, rates.frames.0),
            "t" => (1, rates.ticks),
            _ => return None,
        };
        Some(Self {
            num: count * num,
            den,
            decimals,
        })
    }
}

/// Reads decimal digits; few enough for all later arithmetic.
fn whole(text: &str) -> Option<i128> {
    if text.is_empty() || text.len() > 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads `12` or `12.5` as billionths, with the number of decimals; more than nine are cut.
fn decimal(text: &str) -> Option<(i128, usize)> {
    let Some((before, after)) = text.split_once('.') else {
        return Some((whole(text)? * NANOS, 0));
    };
    let kept = after.get(..after.len().min(9))?;
    if !after.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = whole(kept)? * 10_i128.pow(9 - kept.len() as u32);
    Some((whole(before)? * NANOS + fraction, kept.len()))
}

#[cfg(test)]
mod tests {
    use media::time::Timescale;
    use proptest::prelude::*;

    use super::*;

    fn by_ms(ms: i64) -> Time {
        Time::from_ms(ms)
    }

    #[test]
    fn times_are_moved_and_nothing_else() {
        let document = r#"<?xml version="1.0"?>
<!-- begin="00:00:00.000" -->
<tt xmlns="http://www.w3.org/ns/ttml" ttp:frameRate="25" ttp:tickRate="1000">
  <body><div>
    <p xml:id='a' begin = '00:00:01.000' end="00:00:02.5" dur="1s" >00:00:01.000 &lt;</p>
    <p begin="1.5s" end="2500ms"/><p begin="00:00:01:05"><br/><span begin="1s">x</span></p>
    <p begin="500t" end="25f"/>
  </div></body></tt>"#;
        let expected = r#"<?xml version="1.0"?>
<!-- begin="00:00:00.000" -->
<tt xmlns="http://www.w3.org/ns/ttml" ttp:frameRate="25" ttp:tickRate="1000">
  <body><div>
    <p xml:id='a' begin = '01:00:09.000' end="01:00:10.500" dur="1s" >00:00:01.000 &lt;</p>
    <p begin="01:00:09.500" end="01:00:10.500"/><p begin="01:00:09.200"><br/><span begin="1s">x</span></p>
    <p begin="01:00:08.500" end="01:00:09.000"/>
  </div></body></tt>"#;
        assert_eq!(moved(document, by_ms(3_608_000)), expected);
    }

    #[test]
    fn wall_clock_magnitudes_are_exact() {
        let document = r#"<tt><p begin="00:00:00.000" end="00:00:01.9999"/></tt>"#;
        let by = Time::new(1_600_000_000_000, Timescale::MS);
        assert_eq!(
            moved(document, by),
            r#"<tt><p begin="444444:26:40.000" end="444444:26:41.9999"/></tt>"#
        );
        // A third of a second is rounded once, at the end.
        let third = Time::new(1, Timescale::literal(3));
        assert!(moved(document, third).contains(r#"begin="00:00:00.333""#));
    }

    #[test]
    fn times_below_a_timed_ancestor_are_relative_and_stay() {
        let document =
            r#"<tt><body begin="0s"><div><p begin="1s"/></div></body><p begin="2s"/></tt>"#;
        assert_eq!(
            moved(document, by_ms(8000)),
            r#"<tt><body begin="00:00:08.000"><div><p begin="1s"/></div></body><p begin="00:00:10.000"/></tt>"#
        );
    }

    #[test]
    fn what_is_no_time_is_kept() {
        for document in [
            "",
            "no markup",
            r#"<tt><p begin="" end="soon"/></tt>"#,
            r#"<tt><p begin="1:2:3:4:5"/></tt>"#,
            r#"<tt><p begin="99999999999999999999s"/></tt>"#,
            r#"<tt><p begin="00:00:01.000"#,
            r"<tt><p begin=1s/></tt>",
        ] {
            assert_eq!(moved(document, by_ms(1000)), document);
        }
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(document in "\\PC{0,80}", ms in 0_i64..i64::MAX) {
            moved(&document, by_ms(ms));
        }

        #[test]
        fn no_markup_makes_it_panic(document in "[<>/!?\\-\"'= a-e:.0-9\\[\\]nbgims]{0,80}") {
            moved(&document, by_ms(8000));
        }

        #[test]
        fn not_moving_keeps_clock_times(h in 0_u32..99, m in 0_u32..60, s in 0_u32..60, ms in 0_u32..1000) {
            let document = format!(r#"<tt><p begin="{h:02}:{m:02}:{s:02}.{ms:03}"/></tt>"#);
            prop_assert_eq!(moved(&document, Time::ZERO), document);
        }
    }
}
