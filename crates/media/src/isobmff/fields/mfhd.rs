//! `moof/mfhd`: movie fragment header, ISO/IEC 14496-12, 8.8.5.

use super::{FULL, be, version};

const SEQUENCE_NUMBER: usize = FULL;

/// View of a `mfhd` body.
#[derive(Clone, Copy, Debug)]
pub struct Mfhd<B>(B);

impl<B: AsRef<[u8]>> Mfhd<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        version(body.as_ref())?;
        (body.as_ref().len() >= SEQUENCE_NUMBER + 4).then_some(Self(body))
    }

    /// Returns the number of the fragment.
    pub fn sequence_number(&self) -> u32 {
        be::u32(self.0.as_ref(), SEQUENCE_NUMBER)
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Mfhd<B> {
    /// Sets the number of the fragment.
    pub fn set_sequence_number(&mut self, number: u32) {
        be::put(self.0.as_mut(), SEQUENCE_NUMBER, &number.to_be_bytes());
    }
}
