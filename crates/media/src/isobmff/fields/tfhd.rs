//! `moof/traf/tfhd`: track fragment header, ISO/IEC 14496-12, 8.8.7.

use super::{FULL, be, flags, version};

const TRACK_ID: usize = FULL;
const OPTIONAL: usize = TRACK_ID + 4;

const BASE_DATA_OFFSET_PRESENT: u32 = 0x00_0001;
const SAMPLE_DESCRIPTION_INDEX_PRESENT: u32 = 0x00_0002;
const DEFAULT_SAMPLE_DURATION_PRESENT: u32 = 0x00_0008;
const DEFAULT_SAMPLE_SIZE_PRESENT: u32 = 0x00_0010;
const DEFAULT_SAMPLE_FLAGS_PRESENT: u32 = 0x00_0020;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

/// The optional fields in file order with the flag that announces each and its length.
const FIELDS: [(u32, usize); 5] = [
    (BASE_DATA_OFFSET_PRESENT, 8),
    (SAMPLE_DESCRIPTION_INDEX_PRESENT, 4),
    (DEFAULT_SAMPLE_DURATION_PRESENT, 4),
    (DEFAULT_SAMPLE_SIZE_PRESENT, 4),
    (DEFAULT_SAMPLE_FLAGS_PRESENT, 4),
];

/// View of a `tfhd` body.
#[derive(Clone, Copy, Debug)]
pub struct Tfhd<B>(B);

impl<B: AsRef<[u8]>> Tfhd<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        version(body.as_ref())?;
        let announced = flags(body.as_ref());
        let optional: usize = FIELDS
            .iter()
            .filter(|(flag, _)| announced & flag != 0)
            .map(|(_, len)| len)
            .sum();
        (body.as_ref().len() >= OPTIONAL + optional).then_some(Self(body))
    }

    /// Returns the flags.
    pub fn flags(&self) -> u32 {
        flags(self.0.as_ref())
    }

    /// Returns the flags of a header that counts from its `moof` and has no `base_data_offset`, made from
    /// those of one that has.
    pub fn flags_based_on_moof(&self) -> u32 {
        self.flags() & !BASE_DATA_OFFSET_PRESENT | DEFAULT_BASE_IS_MOOF
    }

    /// Returns the track.
    pub fn track_id(&self) -> u32 {
        be::u32(self.0.as_ref(), TRACK_ID)
    }

    /// Tells whether data offsets count from the `moof`.
    pub fn default_base_is_moof(&self) -> bool {
        self.flags() & DEFAULT_BASE_IS_MOOF != 0
    }

    /// Returns the file position that data offsets count from, when it is given.
    pub fn base_data_offset(&self) -> Option<u64> {
        let at = self.place(BASE_DATA_OFFSET_PRESENT)?;
        Some(be::u64(self.0.as_ref(), at))
    }

    /// Returns the position in the body of [`Self::base_data_offset`].
    pub fn base_data_offset_place(&self) -> Option<usize> {
        self.place(BASE_DATA_OFFSET_PRESENT)
    }

    /// Returns the default duration of samples in ticks, when it is given.
    pub fn default_sample_duration(&self) -> Option<u32> {
        self.optional(DEFAULT_SAMPLE_DURATION_PRESENT)
    }

    /// Returns the default length of samples in bytes, when it is given.
    pub fn default_sample_size(&self) -> Option<u32> {
        self.optional(DEFAULT_SAMPLE_SIZE_PRESENT)
    }

    /// Returns the default flags of samples, when they are given.
    pub fn default_sample_flags(&self) -> Option<u32> {
        self.optional(DEFAULT_SAMPLE_FLAGS_PRESENT)
    }

    fn optional(&self, flag: u32) -> Option<u32> {
        Some(be::u32(self.0.as_ref(), self.place(flag)?))
    }

    /// Position of an optional field, when it is there.
    fn place(&self, wanted: u32) -> Option<usize> {
        let announced = self.flags();
        let before = FIELDS
            .iter()
            .take_while(|(flag, _)| *flag != wanted)
            .filter(|(flag, _)| announced & flag != 0)
            .map(|(_, len)| len);
        (announced & wanted != 0).then(|| OPTIONAL + before.sum::<usize>())
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Tfhd<B> {
    /// Sets the file position that data offsets count from; does nothing when none is given.
    pub fn set_base_data_offset(&mut self, position: u64) {
        if let Some(at) = self.place(BASE_DATA_OFFSET_PRESENT) {
            be::put(self.0.as_mut(), at, &position.to_be_bytes());
        }
    }
}
