//! `styp` and `ftyp`: brands of a segment or file, ISO/IEC 14496-12, 4.3 and 8.16.2.

use super::be;
use crate::isobmff::FourCc;

const MAJOR_BRAND: usize = 0;
const MINOR_VERSION: usize = 4;
const COMPATIBLE_BRANDS: usize = 8;

/// View of a `styp` or `ftyp` body.
#[derive(Clone, Copy, Debug)]
pub struct Styp<B>(B);

impl<B: AsRef<[u8]>> Styp<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        (body.as_ref().len() >= COMPATIBLE_BRANDS).then_some(Self(body))
    }

    /// Returns the brand that suits best.
    pub fn major_brand(&self) -> FourCc {
        self.brand(MAJOR_BRAND)
    }

    /// Returns the version of the major brand.
    pub fn minor_version(&self) -> u32 {
        be::u32(self.0.as_ref(), MINOR_VERSION)
    }

    /// Iterates over the compatible brands with their positions in the body.
    pub fn compatible_brands(&self) -> impl Iterator<Item = (usize, FourCc)> {
        let end = self.0.as_ref().len() & !3;
        (COMPATIBLE_BRANDS..end)
            .step_by(4)
            .map(|at| (at, self.brand(at)))
    }

    fn brand(&self, at: usize) -> FourCc {
        FourCc(be::u32(self.0.as_ref(), at).to_be_bytes())
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Styp<B> {
    /// Sets the brand that suits best.
    pub fn set_major_brand(&mut self, brand: FourCc) {
        be::put(self.0.as_mut(), MAJOR_BRAND, &brand.0);
    }
}
