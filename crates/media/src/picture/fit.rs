//! The size of a rung for a source: inside the rung's box, the source's aspect kept, even.

/// How a rung's box lies to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The picture shrinks, or stays as it is.
    Within((u32, u32)),
    /// The box is a little greater than the picture, which keeps its size.
    Kept((u32, u32)),
    /// The box is much greater.
    Enlarged((u32, u32)),
}

impl Fit {
    /// Returns the size that results.
    pub fn size(self) -> (u32, u32) {
        match self {
            Self::Within(size) | Self::Kept(size) | Self::Enlarged(size) => size,
        }
    }
}

/// Fits a source with square pixels into a box, which is turned for a portrait.
pub fn fit(source: (u32, u32), within: (u32, u32)) -> Fit {
    let is_portrait = |size: (u32, u32)| size.1 > size.0;
    let within = if is_portrait(source) == is_portrait(within) {
        within
    } else {
        (within.1, within.0)
    };
    let wide = u64::from(within.0) * u64::from(source.1);
    let high = u64::from(within.1) * u64::from(source.0);
    let (width, height) = if wide <= high {
        (within.0, scaled(source.1, within.0, source.0))
    } else {
        (scaled(source.0, within.1, source.1), within.1)
    };
    let much = |side: u32, source: u32| u64::from(side) * 8 > u64::from(source) * 9;
    if width <= source.0 && height <= source.1 {
        Fit::Within((even(width), even(height)))
    } else if much(width, source.0) && much(height, source.1) {
        Fit::Enlarged((even(width), even(height)))
    } else {
        Fit::Kept(floor_even(source))
    }
}

/// Returns the source's own size with even sides.
pub fn floor_even(size: (u32, u32)) -> (u32, u32) {
    (even(size.0), even(size.1))
}

/// Computes `side * mul / div`, in 16ths so that [`even`] still sees halves.
fn scaled(side: u32, mul: u32, div: u32) -> u32 {
    let product = u64::from(side) * u64::from(mul);
    // Rounds to the nearest even number at once: half of it is rounded, then doubled.
    let half = (product + u64::from(div)) / (2 * u64::from(div.max(1)));
    u32::try_from(half * 2).unwrap_or(u32::MAX)
}

/// Rounds to an even number, at least 2.
fn even(side: u32) -> u32 {
    (side & !1).max(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(text: &str) -> (u32, u32) {
        let (width, height) = text.split_once('x').unwrap();
        (width.parse().unwrap(), height.parse().unwrap())
    }

    #[test]
    fn pictures_shrink_into_the_box() {
        for (source, within, expected) in [
            ("1920x1080", "1280x720", "1280x720"),
            ("1920x1080", "854x480", "854x480"),
            ("1920x1080", "426x240", "426x240"),
            ("640x480", "854x480", "640x480"),
            ("1024x768", "854x480", "640x480"),
            ("1920x804", "1920x1080", "1920x804"),
            ("1920x804", "1280x720", "1280x536"),
            ("1080x1920", "1280x720", "720x1280"),
            ("1080x1920", "854x480", "480x854"),
            ("1000x1000", "1280x720", "720x720"),
            ("719x405", "426x240", "426x240"),
        ] {
            let found = fit(size(source), size(within));
            assert_eq!(found, Fit::Within(size(expected)), "{source} in {within}");
        }
    }

    #[test]
    fn a_slightly_smaller_source_keeps_its_size() {
        assert_eq!(
            fit(size("1917x1079"), size("1920x1080")),
            Fit::Kept(size("1916x1078"))
        );
        assert!(matches!(
            fit(size("1280x720"), size("1920x1080")),
            Fit::Enlarged(_)
        ));
    }

    proptest! {
        #[test]
        fn sizes_are_even_and_inside(
            (sw, sh) in (16_u32..8192, 16_u32..8192), (bw, bh) in (16_u32..4096, 16_u32..4096)
        ) {
            let (source, within) = ((sw, sh), (bw, bh));
            let (width, height) = fit(source, within).size();
            prop_assert!(width.is_multiple_of(2) && height.is_multiple_of(2));
            prop_assert!(width >= 2 && height >= 2);
            if let Fit::Within((width, height)) = fit(source, within) {
                let longer = bw.max(bh) + 1;
                prop_assert!(width <= longer && height <= longer);
            }
        }
    }
}
