//! Durations and instants as manifests write them: the ISO 8601 subset of XML Schema (`PT1M30.5S`,
//! `1970-01-01T00:01:38.098Z`). Durations are exact; instants are Unix milliseconds.

use std::fmt::Write as _;

use crate::time::{Time, Timescale};

const MS_PER_DAY: i64 = 86_400_000;
/// A second is divided into at most this many decimal places, so that scales fit 32 bits.
const PLACES: usize = 9;

/// Reads `xs:duration`. Years and months have no fixed length, so only zeros are allowed for them;
/// places beyond the ninth are cut off. The error says what is allowed.
pub fn parse_duration(text: &str) -> Result<Time, String> {
    duration(text).ok_or_else(|| {
        format!("`{text}` is not a duration such as PT8S, PT1M30.5S or P1DT2H (years and months must be 0)")
    })
}

fn duration(text: &str) -> Option<Time> {
    let text = text.trim();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('P')?;
    let (days, clock) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (rest, ""),
    };
    if days.is_empty() && clock.is_empty() {
        return None;
    }
    let mut seconds: i64 = 0;
    let rest = take_units(days, &[('Y', 0), ('M', 0), ('D', 86_400)], &mut seconds)?;
    if !rest.is_empty() {
        return None;
    }
    let rest = take_units(clock, &[('H', 3600), ('M', 60)], &mut seconds)?;
    with_seconds(seconds, rest, negative)
}

/// Adds what stands before each unit, in order, to `seconds` and returns what is left. A unit of
/// length 0 may only have the number 0.
fn take_units<'a>(text: &'a str, units: &[(char, i64)], seconds: &mut i64) -> Option<&'a str> {
    let mut rest = text;
    for &(unit, length) in units {
        let Some((number, behind)) = rest.split_once(unit) else {
            continue;
        };
        let number: i64 = digits(number)?.parse().ok()?;
        if length == 0 && number != 0 {
            return None;
        }
        *seconds = seconds.checked_add(number.checked_mul(length)?)?;
        rest = behind;
    }
    Some(rest)
}

/// Adds `12.5S` (or nothing) to whole seconds.
fn with_seconds(whole: i64, text: &str, negative: bool) -> Option<Time> {
    let mut total = Time::from_secs(whole);
    if !text.is_empty() {
        let part = parse_decimal(text.strip_suffix('S')?)?;
        let scale = i64::from(part.scale.get());
        let ticks = whole.checked_mul(scale)?.checked_add(part.ticks)?;
        total = Time::new(ticks, part.scale);
    }
    if negative {
        total.ticks = -total.ticks;
    }
    Some(total)
}

/// Reads decimal seconds (`6`, `6.006`, `6.`) exactly; places beyond the ninth are cut off.
pub fn parse_decimal(text: &str) -> Option<Time> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let places = places.trim_end_matches('0');
    if !places.is_empty() {
        digits(places)?;
    }
    let places = places.get(..places.len().min(PLACES))?;
    let scale = 10_i64.checked_pow(places.len() as u32)?;
    let whole: i64 = digits(whole)?.parse().ok()?;
    let fraction: i64 = if places.is_empty() {
        0
    } else {
        places.parse().ok()?
    };
    let ticks = whole.checked_mul(scale)?.checked_add(fraction)?;
    Some(Time::new(
        ticks,
        Timescale::new(u32::try_from(scale).ok()?)?,
    ))
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// Writes the shortest `xs:duration`, with hours as the largest unit: `PT0S`, `PT2.002S`, `PT1M`,
/// `PT48H`. Exact up to nine places, else rounded to nanoseconds.
pub fn push_duration(out: &mut String, time: Time) {
    const NANO: i128 = 1_000_000_000;
    let scale = i128::from(time.scale.get());
    let nanos = (i128::from(time.ticks.unsigned_abs()) * NANO + scale / 2) / scale;
    if time.ticks < 0 && nanos != 0 {
        out.push('-');
    }
    let (seconds, nanos) = (nanos / NANO, nanos % NANO);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    out.push_str("PT");
    if hours > 0 {
        let _ = write!(out, "{hours}H");
    }
    if minutes > 0 {
        let _ = write!(out, "{minutes}M");
    }
    if nanos > 0 {
        let _ = write!(out, "{rest}.{nanos:09}");
        let trimmed = out.trim_end_matches('0').len();
        out.truncate(trimmed);
        out.push('S');
    } else if rest > 0 || seconds == 0 {
        let _ = write!(out, "{rest}S");
    }
}

/// Whether an instant is written with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milliseconds {
    /// Always, as `EXT-X-PROGRAM-DATE-TIME` has it.
    Always,
    /// Only when it is not a whole second, and without zeros at the end.
    WhenNeeded,
}

/// Writes `xs:dateTime` in UTC from Unix milliseconds.
pub fn push_date_time(out: &mut String, unix_ms: i64, milliseconds: Milliseconds) {
    let (days, ms) = (
        unix_ms.div_euclid(MS_PER_DAY),
        unix_ms.rem_euclid(MS_PER_DAY),
    );
    let (year, month, day) = civil_from_days(days);
    let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}");
    if ms != 0 || milliseconds == Milliseconds::Always {
        let _ = write!(out, ".{ms:03}");
    }
    if ms != 0 && milliseconds == Milliseconds::WhenNeeded {
        out.truncate(out.trim_end_matches('0').len());
    }
    out.push('Z');
}

/// Reads `xs:dateTime` as Unix milliseconds, finer places cut off. Without a zone it is UTC, as
/// ISO/IEC 23009-1 has it. The error says what is allowed.
pub fn parse_date_time(text: &str) -> Result<i64, String> {
    date_time(text.trim())
        .ok_or_else(|| format!("`{text}` is not an instant such as 2026-01-31T23:59:59.5Z"))
}

fn date_time(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T')?;
    let mut parts = date.split('-');
    let year: i64 = digits(parts.next()?)?.parse().ok()?;
    let month = two_digits(parts.next()?, 1, 12)?;
    let day = two_digits(parts.next()?, 1, 31)?;
    if parts.next().is_some() || year > 9999 {
        return None;
    }
    let (clock, offset_minutes) = split_zone(clock)?;
    let mut parts = clock.split(':');
    let hour = two_digits(parts.next()?, 0, 24)?;
    let minute = two_digits(parts.next()?, 0, 59)?;
    let second = parse_decimal(parts.next()?)?;
    if parts.next().is_some() || second >= Time::from_secs(61) {
        return None;
    }
    let ms = second.ms(crate::time::Round::Down);
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some(minutes * 60_000 + ms)
}

fn two_digits(text: &str, least: i64, most: i64) -> Option<i64> {
    let value: i64 = digits(text).filter(|text| text.len() == 2)?.parse().ok()?;
    (least..=most).contains(&value).then_some(value)
}

/// Splits `12:00:00+02:00` (also `+0200`) into the clock and the offset in minutes.
fn split_zone(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.find(['+', '-']) else {
        return Some((text, 0));
    };
    let (clock, zone) = text.split_at(at);
    let hours = two_digits(zone.get(1..3)?, 0, 14)?;
    let minutes = zone.get(3..)?;
    let minutes = two_digits(minutes.strip_prefix(':').unwrap_or(minutes), 0, 59)?;
    let offset = hours * 60 + minutes;
    Some((
        clock,
        if zone.starts_with('-') {
            -offset
        } else {
            offset
        },
    ))
}

/// Converts days since 1970-01-01 to year, month and day of the proleptic Gregorian calendar, by
/// counting in eras of 400 years that begin on a first of March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(time: Time) -> String {
        let mut out = String::new();
        push_duration(&mut out, time);
        out
    }

    fn instant(ms: i64, milliseconds: Milliseconds) -> String {
        let mut out = String::new();
        push_date_time(&mut out, ms, milliseconds);
        out
    }

    #[test]
    fn durations_are_read_exactly() {
        for (text, ticks, scale) in [
            ("PT0S", 0, 1),
            ("PT8S", 8, 1),
            ("PT0H0M8.000S", 8, 1),
            ("PT2.0028S", 20_028, 10_000),
            ("PT1M30.5S", 905, 10),
            ("P1DT2H", 93_600, 1),
            ("P0Y0M0DT0H3M30.000S", 210, 1),
            ("P2D", 172_800, 1),
            ("PT1H", 3600, 1),
            ("PT0.0333333333S", 33_333_333, 1_000_000_000),
            ("PT6.S", 6, 1),
            ("-PT1.5S", -15, 10),
            (" PT1S ", 1, 1),
        ] {
            let expected = Time::new(ticks, Timescale::literal(scale));
            assert_eq!(parse_duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "8",
            "PT8",
            "P8S",
            "PT8S8S",
            "PTS",
            "PT1.2.3S",
            "PT1H1H",
            "PT1S1M",
            "P1Y",
            "P1M",
            "PT-1S",
            "PT1,5S",
            "P1DT",
            "PT99999999999999999999S",
            "PT9223372036854775807H",
            "PT.5S",
            "PTé",
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("such as PT8S"), "{text}");
        }
    }

    #[test]
    fn durations_are_written_in_the_shortest_form() {
        for (time, text) in [
            (Time::ZERO, "PT0S"),
            (Time::from_secs(2), "PT2S"),
            (Time::from_secs(60), "PT1M"),
            (Time::from_ms(1984), "PT1.984S"),
            (Time::from_secs(5400), "PT1H30M"),
            (Time::from_secs(172_800), "PT48H"),
            (Time::from_secs(3601), "PT1H1S"),
            (Time::from_ms(60_010), "PT1M0.01S"),
            (Time::new(60_060, Timescale::literal(30_000)), "PT2.002S"),
            (Time::new(1, Timescale::literal(3)), "PT0.333333333S"),
            (
                Time::new(2_999_999_999, Timescale::literal(3_000_000_000)),
                "PT1S",
            ),
            (Time::from_ms(-1500), "-PT1.5S"),
        ] {
            assert_eq!(written(time), text);
        }
    }

    #[test]
    fn instants_are_written_and_read() {
        for (ms, short, long) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (
                98_098,
                "1970-01-01T00:01:38.098Z",
                "1970-01-01T00:01:38.098Z",
            ),
            (
                951_782_400_000,
                "2000-02-29T00:00:00Z",
                "2000-02-29T00:00:00.000Z",
            ),
            (
                1_700_000_001_234,
                "2023-11-14T22:13:21.234Z",
                "2023-11-14T22:13:21.234Z",
            ),
            (
                10_250,
                "1970-01-01T00:00:10.25Z",
                "1970-01-01T00:00:10.250Z",
            ),
            (10_500, "1970-01-01T00:00:10.5Z", "1970-01-01T00:00:10.500Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(instant(ms, Milliseconds::WhenNeeded), short);
            assert_eq!(instant(ms, Milliseconds::Always), long);
            assert_eq!(parse_date_time(short), Ok(ms));
        }
    }

    #[test]
    fn zones_and_fractions_of_instants() {
        for (text, ms) in [
            ("1970-01-01T02:00:01+02:00", 1000),
            ("1970-01-01T02:00:01+0200", 1000),
            ("1969-12-31T19:00:00.25-05:00", 250),
            ("1970-01-01T00:00:01.2399", 1239),
        ] {
            assert_eq!(parse_date_time(text), Ok(ms), "{text}");
        }
        for text in [
            "",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "1970-01-01T00:00Z",
            "x",
            "1970-01-01T00:00:00+é",
        ] {
            assert!(parse_date_time(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn durations_survive_a_round_trip(ticks in 0_i64..1 << 52, places in 0_u32..10) {
            let time = Time::new(ticks, Timescale::new(10_u32.pow(places)).unwrap());
            prop_assert_eq!(parse_duration(&written(time)), Ok(time));
        }

        #[test]
        fn instants_survive_a_round_trip(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            prop_assert_eq!(parse_date_time(&instant(ms, Milliseconds::WhenNeeded)), Ok(ms));
        }

        #[test]
        fn nothing_panics(text in "[-PYMDTHS0-9.:+Zé]{0,24}") {
            let _ = (parse_duration(&text), parse_date_time(&text), parse_decimal(&text));
        }
    }
}
