//! `schi/tenc`: defaults of an encrypted track, ISO/IEC 23001-7, 8.2.

use super::{FULL, be, version};

const PATTERN: usize = FULL + 1;
const IS_PROTECTED: usize = PATTERN + 1;
const PER_SAMPLE_IV_SIZE: usize = IS_PROTECTED + 1;
const KID: usize = PER_SAMPLE_IV_SIZE + 1;
const CONSTANT_IV_SIZE: usize = KID + 16;

/// View of a `tenc` body: only version 1 and later have a pattern.
#[derive(Clone, Copy, Debug)]
pub struct Tenc<B> {
    body: B,
    version: u8,
}

impl<B: AsRef<[u8]>> Tenc<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        let version = version(body.as_ref())?;
        let this = Self { body, version };
        let mut len = CONSTANT_IV_SIZE;
        if this.has_constant_iv() {
            len += 1 + usize::from(be::u8(this.body.as_ref(), CONSTANT_IV_SIZE));
        }
        (this.body.as_ref().len() >= len).then_some(this)
    }

    /// Tells whether samples are protected unless a sample group says otherwise.
    pub fn is_protected(&self) -> bool {
        be::u8(self.body.as_ref(), IS_PROTECTED) != 0
    }

    /// Returns the encrypted and the clear 16-byte blocks of the pattern; zeros without one.
    pub fn pattern(&self) -> (u8, u8) {
        if self.version == 0 {
            return (0, 0);
        }
        let both = be::u8(self.body.as_ref(), PATTERN);
        (both >> 4, both & 0xf)
    }

    /// Returns the length of each sample's initialization vector; 0 with a constant one.
    pub fn per_sample_iv_size(&self) -> u8 {
        be::u8(self.body.as_ref(), PER_SAMPLE_IV_SIZE)
    }

    /// Returns the default key id.
    pub fn default_kid(&self) -> [u8; 16] {
        let body = self.body.as_ref();
        (u128::from(be::u64(body, KID)) << 64 | u128::from(be::u64(body, KID + 8))).to_be_bytes()
    }

    /// Returns the constant initialization vector; empty without one.
    pub fn constant_iv(&self) -> &[u8] {
        if !self.has_constant_iv() {
            return &[];
        }
        let len = usize::from(be::u8(self.body.as_ref(), CONSTANT_IV_SIZE));
        let after = self.body.as_ref().get(CONSTANT_IV_SIZE + 1..);
        after.and_then(|rest| rest.get(..len)).unwrap_or_default()
    }

    fn has_constant_iv(&self) -> bool {
        self.is_protected() && self.per_sample_iv_size() == 0
    }
}
