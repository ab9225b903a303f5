//! Numbers for people: bytes, bit rates, spans of time, shares. Integers in, short text out.

/// Writes bytes with three digits and a unit of powers of 1024: `12.3M`.
pub(crate) fn bytes(bytes: u64) -> String {
    scaled(bytes, 1024, &["B", "K", "M", "G", "T", "P"])
}

/// Reads bytes as people write them, with a unit of powers of 1024 or none: `500K`, `20G`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a number of bytes such as `500K` or `20G`");
    let (digits, shift) = match text.trim_end_matches(['b', 'B']).to_ascii_uppercase() {
        plain if plain.ends_with('K') => (plain, 10),
        plain if plain.ends_with('M') => (plain, 20),
        plain if plain.ends_with('G') => (plain, 30),
        plain if plain.ends_with('T') => (plain, 40),
        plain => (plain, 0),
    };
    let number = digits.trim_end_matches(['K', 'M', 'G', 'T']);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .filter(|it| *it > 0)
        .ok_or_else(wrong)
}

/// Writes bits a second: `850 kbit/s`, `4.5 Mbit/s`.
pub(crate) fn bit_rate(bits: u64) -> String {
    if bits >= 1_000_000 {
        format!("{} Mbit/s", tenths(bits, 1_000_000))
    } else {
        format!("{} kbit/s", (bits + 500) / 1000)
    }
}

/// Writes milliseconds as a clock: `0:05`, `12:34`, `1:02:03`, `2d 3:04:05`.
pub(crate) fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}d {hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Writes milliseconds as a length: `450 ms`, `2.00 s`, `5:00`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{:02} s", ms / 1000, ms % 1000 / 10),
        _ => clock(ms),
    }
}

/// Writes thousandths with two decimals: `1.00`.
pub(crate) fn permille(value: u64) -> String {
    format!("{}.{:02}", value / 1000, value % 1000 / 10)
}

fn scaled(value: u64, step: u64, units: &[&str]) -> String {
    let mut unit = 0;
    let mut divisor = 1;
    while unit + 1 < units.len() && value / divisor >= step {
        divisor *= step;
        unit += 1;
    }
    if unit == 0 || value / divisor >= 100 {
        format!("{}{}", value / divisor, units[unit])
    } else {
        format!("{}{}", tenths(value, divisor), units[unit])
    }
}

fn tenths(value: u64, divisor: u64) -> String {
    let tenths = u128::from(value) * 10 / u128::from(divisor);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (got, want) in [
            (bytes(0), "0B"),
            (bytes(1023), "1023B"),
            (bytes(1536), "1.5K"),
            (bytes(200 << 20), "200M"),
            (bytes(u64::MAX), "16383P"),
            (bit_rate(850_400), "850 kbit/s"),
            (bit_rate(4_550_000), "4.5 Mbit/s"),
            (clock(5_000), "0:05"),
            (clock(3_723_000), "1:02:03"),
            (clock(183_845_000), "2d 3:04:05"),
            (span(450), "450 ms"),
            (span(2_004), "2.00 s"),
            (span(300_000), "5:00"),
            (permille(1_004), "1.00"),
            (permille(95), "0.09"),
        ] {
            assert_eq!(got, want);
        }
    }
}
