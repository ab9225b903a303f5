//! Sizes and rates of pictures.

use std::{cmp::Ordering, fmt, str::FromStr};

use media::{presentation::FrameRate, time::Time, time::Timescale};

use super::{decimal, written};

/// Width and height in pixels, both at least 1 when read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels in a line.
    pub width: u32,
    /// Number of lines.
    pub height: u32,
}

/// Frames a second as a reduced fraction, both numbers positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    num: u32,
    den: u32,
}

impl Size {
    /// Makes a size.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Returns the number of pixels.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Returns it turned by a quarter.
    #[must_use]
    pub fn turned(self) -> Self {
        Self::new(self.height, self.width)
    }

    /// Returns width and height.
    pub fn pair(self) -> (u32, u32) {
        (self.width, self.height)
    }
}

impl From<(u32, u32)> for Size {
    fn from((width, height): (u32, u32)) -> Self {
        Self::new(width, height)
    }
}

impl Rate {
    /// Makes a reduced rate; `None` when a number is zero.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        let divisor = common_divisor(num, den);
        (num > 0 && den > 0).then(|| Self {
            num: num / divisor,
            den: den / divisor,
        })
    }

    /// Makes a whole rate, at least 1.
    pub const fn whole(frames: u32) -> Self {
        Self {
            num: if frames == 0 { 1 } else { frames },
            den: 1,
        }
    }

    /// Makes one of the rates of colour television: `nominal` * 1000/1001.
    pub const fn television(nominal: u32) -> Self {
        Self {
            num: nominal * 1000,
            den: 1001,
        }
    }

    /// Returns the numerator.
    pub fn num(self) -> u32 {
        self.num
    }

    /// Returns the denominator.
    pub fn den(self) -> u32 {
        self.den
    }

    /// Returns a fraction of it: a frame of every `step`.
    #[must_use]
    pub fn every(self, step: u32) -> Self {
        let den = self.den.checked_mul(step.max(1));
        den.and_then(|den| Self::new(self.num, den)).unwrap_or(self)
    }

    /// Returns how long `frames` frames take; exact.
    pub fn time_of(self, frames: u32) -> Time {
        let ticks = i64::from(frames) * i64::from(self.den);
        Timescale::new(self.num).map_or(Time::ZERO, |scale| Time::new(ticks, scale))
    }

    /// Returns how many frames are nearest to a span, at least 1.
    pub fn frames_in(self, span: Time) -> u32 {
        let frames = media::time::mul_div(
            span.ticks,
            i64::from(self.num),
            i64::from(self.den) * i64::from(span.scale.get()),
            media::time::Round::Nearest,
        );
        u32::try_from(frames).unwrap_or(1).max(1)
    }

    /// Returns it as manifests have it.
    pub fn frame_rate(self) -> FrameRate {
        FrameRate {
            num: self.num,
            den: self.den,
        }
    }
}

fn common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u64::from(self.num) * u64::from(other.den);
        left.cmp(&(u64::from(other.num) * u64::from(self.den)))
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not WIDTHxHEIGHT");
        let (width, height) = text.trim().split_once('x').ok_or_else(wrong)?;
        let side = |side: &str| match side.parse::<u32>() {
            Ok(pixels @ 1..=16_384) => Ok(pixels),
            Ok(_) => Err(format!("`{text}` is not between 1x1 and 16384x16384")),
            Err(_) => Err(wrong()),
        };
        Ok(Self::new(side(width)?, side(height)?))
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let television = match text {
            "23.976" | "23.98" => Some(24),
            "29.97" => Some(30),
            "47.95" | "47.952" => Some(48),
            "59.94" => Some(60),
            "119.88" => Some(120),
            _ => None,
        };
        if let Some(nominal) = television {
            return Ok(Self::television(nominal));
        }
        let wrong = || format!("`{text}` is not a frame rate");
        let rate = if let Some((num, den)) = text.split_once('/') {
            let number = |part: &str| part.parse().map_err(|_| wrong());
            Self::new(number(num)?, number(den)?)
        } else {
            let thousandths = decimal::times(text, 1000)?;
            Self::new(u32::try_from(thousandths).map_err(|_| wrong())?, 1000)
        };
        rate.filter(|rate| *rate >= Self { num: 1, den: 1 } && *rate <= Self::whole(240))
            .ok_or_else(|| format!("`{text}` is not between 1 and 240 frames a second"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

written!(
    Size,
    "a size in pixels, such as \"1280x720\"",
    "string",
    "^[0-9]+x[0-9]+$"
);
written!(
    Rate,
    "frames a second, such as 25, 29.97 or \"30000/1001\"",
    ["number", "string"],
    r"^[0-9]+(\.[0-9]+|/[0-9]+)?$"
);
