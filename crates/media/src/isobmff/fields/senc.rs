//! `moof/traf/senc`: sample encryption information, ISO/IEC 23001-7, 7.2.

use super::{FULL, be, flags, version};
use crate::isobmff::reader::Reader;

const USE_SUBSAMPLES: u32 = 2;
const SAMPLE_COUNT: usize = FULL;
const SAMPLES: usize = SAMPLE_COUNT + 4;
const SUBSAMPLE_LEN: usize = 6;

/// View of a `senc` body. The length of initialization vectors is not in the box: it is
/// `per_sample_iv_size` of the track's `tenc` or of a sample group.
#[derive(Clone, Copy, Debug)]
pub struct Senc<B>(B);

/// Encryption information of a sample.
#[derive(Clone, Copy, Debug)]
pub struct SencSample<'a> {
    /// Initialization vector; empty with a constant one.
    pub iv: &'a [u8],
    subsamples: &'a [u8],
}

/// A stretch of a sample: clear bytes, then protected bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsample {
    /// Bytes in the clear.
    pub clear: u16,
    /// Protected bytes after them.
    pub protected: u32,
}

impl<B: AsRef<[u8]>> Senc<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        version(body.as_ref())?;
        (body.as_ref().len() >= SAMPLES).then_some(Self(body))
    }

    /// Returns the number of samples.
    pub fn sample_count(&self) -> u32 {
        be::u32(self.0.as_ref(), SAMPLE_COUNT)
    }

    /// Tells whether samples have a subsample table.
    pub fn has_subsamples(&self) -> bool {
        flags(self.0.as_ref()) & USE_SUBSAMPLES != 0
    }

    /// Iterates over the samples; ends early when the body does.
    pub fn samples(&self, iv_size: u8) -> impl Iterator<Item = SencSample<'_>> {
        let mut reader = Reader::new(self.0.as_ref());
        reader.skip(SAMPLES);
        let with_subsamples = self.has_subsamples();
        // A sample without any bytes of its own would let the count run free.
        let empty = iv_size == 0 && !with_subsamples;
        let count = if empty { 0 } else { self.sample_count() };
        (0..count).map_while(move |_| {
            let iv = reader.take(usize::from(iv_size));
            let subsamples = if with_subsamples {
                let count = reader.u16();
                reader.take(usize::from(count) * SUBSAMPLE_LEN)
            } else {
                &[]
            };
            reader.ok()?;
            Some(SencSample { iv, subsamples })
        })
    }
}

impl<'a> SencSample<'a> {
    /// Iterates over the subsample table; empty when the whole sample is protected.
    pub fn subsamples(&self) -> impl Iterator<Item = Subsample> + 'a {
        self.subsamples
            .chunks_exact(SUBSAMPLE_LEN)
            .map(|entry| Subsample {
                clear: be::u16(entry, 0),
                protected: be::u32(entry, 2),
            })
    }
}
