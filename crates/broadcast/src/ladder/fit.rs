//! The size of a rung for a source: inside the rung's box, the source's aspect kept, even.

use crate::units::Size;

/// How a rung's box lies to a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The picture shrinks, or stays as it is.
    Within(Size),
    /// The box is a little greater than the picture, which keeps its size.
    Kept(Size),
    /// The box is much greater.
    Enlarged(Size),
}

impl Fit {
    /// Returns the size that results.
    pub(super) fn size(self) -> Size {
        match self {
            Self::Within(size) | Self::Kept(size) | Self::Enlarged(size) => size,
        }
    }
}

/// Fits a source with square pixels into a box, which is turned for a portrait.
pub(super) fn fit(source: Size, within: Size) -> Fit {
    let within = if source.is_portrait() == within.is_portrait() {
        within
    } else {
        within.turned()
    };
    let wide = u64::from(within.width) * u64::from(source.height);
    let high = u64::from(within.height) * u64::from(source.width);
    let size = if wide <= high {
        Size::new(
            within.width,
            scaled(source.height, within.width, source.width),
        )
    } else {
        Size::new(
            scaled(source.width, within.height, source.height),
            within.height,
        )
    };
    let much = |side: u32, source: u32| u64::from(side) * 8 > u64::from(source) * 9;
    if size.width <= source.width && size.height <= source.height {
        Fit::Within(Size::new(even(size.width), even(size.height)))
    } else if much(size.width, source.width) && much(size.height, source.height) {
        Fit::Enlarged(Size::new(even(size.width), even(size.height)))
    } else {
        Fit::Kept(floor_even(source))
    }
}

/// Returns the source's own size with even sides.
pub(super) fn floor_even(size: Size) -> Size {
    Size::new((size.width & !1).max(2), (size.height & !1).max(2))
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

    fn size(text: &str) -> Size {
        text.parse().unwrap()
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
            let (source, within) = (Size::new(sw, sh), Size::new(bw, bh));
            let found = fit(source, within).size();
            prop_assert!(found.width.is_multiple_of(2) && found.height.is_multiple_of(2));
            prop_assert!(found.width >= 2 && found.height >= 2);
            if let Fit::Within(found) = fit(source, within) {
                let longer = bw.max(bh) + 1;
                prop_assert!(found.width <= longer && found.height <= longer);
            }
        }
    }
}
