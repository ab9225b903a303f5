//! Decimal numbers read exactly.

/// Splits a text into its number and what follows, spaces between them dropped. Fails when it does
/// not begin with a number.
pub(super) fn split(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    if end == 0 {
        return Err(format!("`{text}` does not begin with a number"));
    }
    let (number, unit) = text.split_at(end);
    Ok((number, unit.trim()))
}

/// Reads a decimal times `unit` as a whole number; fails when it is none or too great.
pub(super) fn times(number: &str, unit: u64) -> Result<u64, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(format!("`{number}` is not a decimal number"));
    }
    let fraction = fraction.trim_end_matches('0');
    let too_great = || format!("`{number}` is too great");
    let too_fine = || format!("`{number}` has more decimal places than its unit can hold");
    let joined: u128 = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| too_great())?;
    let places = u32::try_from(fraction.len()).map_err(|_| too_fine())?;
    let scale = 10_u128.checked_pow(places).ok_or_else(too_fine)?;
    let product = joined.checked_mul(u128::from(unit)).ok_or_else(too_great)?;
    if product % scale != 0 {
        return Err(too_fine());
    }
    u64::try_from(product / scale).map_err(|_| too_great())
}

/// Writes `value / unit` as a decimal; `unit` is a power of ten.
pub(super) fn write(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    let fraction = format!("{rest:0places$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}
