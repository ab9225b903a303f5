//! The `-progress` output of ffmpeg: blocks of `key=value` lines, each closed by `progress=`.

/// How far a running ffmpeg is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Media time written, in microseconds; `None` before the first packet.
    pub out_time_us: Option<i64>,
    /// Video frames written.
    pub frame: Option<u64>,
    /// Video frames written a second, in thousandths, as the mean of the run.
    pub fps_permille: Option<u64>,
    /// Frames repeated to keep the frame rate.
    pub duplicated: Option<u64>,
    /// Frames left out to keep the frame rate.
    pub dropped: Option<u64>,
    /// Quantiser of each video output in thousandths, in order; negative while unknown.
    pub quality_permille: Vec<i64>,
    /// Bytes written.
    pub total_size: Option<u64>,
    /// Speed in thousandths of real time.
    pub speed_permille: Option<u64>,
    /// Whether this is the last report.
    pub done: bool,
}

/// Quantisers kept of a report; more video outputs than this have none.
const MOST_QUALITIES: usize = 64;

/// Collects lines into reports.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    report: Progress,
}

impl Parser {
    /// Takes a line, and returns a report when the line closes one. Unknown lines are skipped.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "out_time_us" => self.report.out_time_us = value.parse().ok(),
            "frame" => self.report.frame = value.parse().ok(),
            "total_size" => self.report.total_size = value.parse().ok(),
            "fps" => self.report.fps_permille = decimal_permille(value),
            "dup_frames" => self.report.duplicated = value.parse().ok(),
            "drop_frames" => self.report.dropped = value.parse().ok(),
            "speed" => self.report.speed_permille = permille(value),
            key if key.starts_with("stream_") && key.ends_with("_q") => {
                let (negative, size) = match value.strip_prefix('-') {
                    Some(size) => (true, size),
                    None => (false, value),
                };
                let size = decimal_permille(size).and_then(|it| i64::try_from(it).ok());
                if let Some(size) = size
                    && self.report.quality_permille.len() < MOST_QUALITIES
                {
                    let quality = if negative { -size } else { size };
                    self.report.quality_permille.push(quality);
                }
            }
            "progress" => {
                let mut report = std::mem::take(&mut self.report);
                report.done = value == "end";
                return Some(report);
            }
            _ => {}
        }
        None
    }
}

/// Reads `12.3x`, also as `1.23e+03x`, which ffmpeg writes from a thousand on.
fn permille(text: &str) -> Option<u64> {
    decimal_permille(text.strip_suffix('x')?.trim())
}

/// Reads a decimal number, perhaps with an exponent, in thousandths.
fn decimal_permille(text: &str) -> Option<u64> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}").parse::<u64>().ok()?;
    let shift = exponent
        .checked_add(3)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_u64.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        digits.checked_mul(power)
    } else {
        digits.checked_div(power)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reports_are_collected() {
        let mut parser = Parser::default();
        let text = "frame=48\nfps=29.97\nstream_0_0_q=-1.0\nstream_1_0_q=28.5\nbitrate=N/A\ntotal_size=1024\n\
                    out_time_us=1920000\nout_time_ms=1920000\nout_time=00:00:01.920000\n\
                    dup_frames=0\ndrop_frames=2\nspeed=3.79x\nprogress=continue\n\
                    out_time_us=N/A\nspeed=   2x\nprogress=end\n";
        let reports: Vec<Progress> = text.lines().filter_map(|line| parser.line(line)).collect();
        let first = Progress {
            out_time_us: Some(1_920_000),
            frame: Some(48),
            fps_permille: Some(29_970),
            duplicated: Some(0),
            dropped: Some(2),
            quality_permille: vec![-1000, 28_500],
            total_size: Some(1024),
            speed_permille: Some(3790),
            done: false,
        };
        let last = Progress {
            speed_permille: Some(2000),
            done: true,
            ..Progress::default()
        };
        assert_eq!(reports, [first, last]);
    }

    #[test]
    fn speeds_are_read() {
        for (text, expected) in [
            ("0.998x", Some(998)),
            ("1.23e+03x", Some(1_230_000)),
            ("5e-05x", Some(0)),
            ("N/A", None),
            ("x", None),
            ("1e99x", None),
        ] {
            assert_eq!(permille(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_survived(line in "(speed|frame|out_time_us|progress)?=?[-0-9.eEx]{0,24}") {
            Parser::default().line(&line);
        }
    }
}
