//! `moof/traf/trun`: a run of samples, ISO/IEC 14496-12, 8.8.8.

use super::{FULL, be, flags, version};

const SAMPLE_COUNT: usize = FULL;
const OPTIONAL: usize = SAMPLE_COUNT + 4;

const DATA_OFFSET_PRESENT: u32 = 0x0001;
const FIRST_SAMPLE_FLAGS_PRESENT: u32 = 0x0004;
const SAMPLE_DURATION_PRESENT: u32 = 0x0100;
const SAMPLE_SIZE_PRESENT: u32 = 0x0200;
const SAMPLE_FLAGS_PRESENT: u32 = 0x0400;
const SAMPLE_COMPOSITION_TIME_OFFSET_PRESENT: u32 = 0x0800;

/// View of a `trun` body.
#[derive(Clone, Copy, Debug)]
pub struct Trun<B> {
    body: B,
    flags: u32,
}

/// What a run says of one of its samples; what it leaves out comes from `tfhd` or `trex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrunSample {
    /// Duration in ticks.
    pub duration: Option<u32>,
    /// Length in bytes.
    pub size: Option<u32>,
    /// Flags; those of `first_sample_flags` are in here.
    pub flags: Option<u32>,
    /// Presentation time less decode time in ticks. Read as signed in version 0 too, where
    /// writers put negative values against the letter of the standard.
    pub composition_offset: i32,
}

impl<B: AsRef<[u8]>> Trun<B> {
    /// Makes a view of a body.
    pub fn new(body: B) -> Option<Self> {
        version(body.as_ref())?;
        let flags = flags(body.as_ref());
        let this = Self { body, flags };
        let records = u64::from(this.sample_count()) * this.record_len() as u64;
        let len = this.records() as u64 + records;
        (this.body.as_ref().len() as u64 >= len).then_some(this)
    }

    /// Returns the number of samples. Unless each has a record it is bound by nothing.
    pub fn sample_count(&self) -> u32 {
        be::u32(self.body.as_ref(), SAMPLE_COUNT)
    }

    /// Returns the offset of the first sample's data from the base, when it is given.
    pub fn data_offset(&self) -> Option<i32> {
        self.has(DATA_OFFSET_PRESENT)
            .then(|| be::u32(self.body.as_ref(), OPTIONAL) as i32)
    }

    /// Tells whether each sample has its own duration.
    pub fn has_durations(&self) -> bool {
        self.has(SAMPLE_DURATION_PRESENT)
    }

    /// Tells whether each sample has its own size.
    pub fn has_sizes(&self) -> bool {
        self.has(SAMPLE_SIZE_PRESENT)
    }

    /// Tells whether the samples have records of their own.
    pub fn has_records(&self) -> bool {
        self.record_len() != 0
    }

    /// Returns what is said of a sample; nothing at all beyond the last.
    pub fn sample(&self, index: u32) -> TrunSample {
        let mut at = self.records() + index as usize * self.record_len();
        let body = self.body.as_ref();
        let mut field = |flag| {
            self.has(flag).then(|| {
                let value = be::u32(body, at);
                at += 4;
                value
            })
        };
        let duration = field(SAMPLE_DURATION_PRESENT);
        let size = field(SAMPLE_SIZE_PRESENT);
        let own_flags = field(SAMPLE_FLAGS_PRESENT);
        let offset = field(SAMPLE_COMPOSITION_TIME_OFFSET_PRESENT);
        TrunSample {
            duration,
            size,
            flags: self
                .first_sample_flags()
                .filter(|_| index == 0)
                .or(own_flags),
            composition_offset: offset.unwrap_or_default() as i32,
        }
    }

    fn first_sample_flags(&self) -> Option<u32> {
        let at = OPTIONAL + if self.has(DATA_OFFSET_PRESENT) { 4 } else { 0 };
        self.has(FIRST_SAMPLE_FLAGS_PRESENT)
            .then(|| be::u32(self.body.as_ref(), at))
    }

    /// Position of the first sample's record.
    fn records(&self) -> usize {
        let optional = DATA_OFFSET_PRESENT | FIRST_SAMPLE_FLAGS_PRESENT;
        OPTIONAL + 4 * (self.flags & optional).count_ones() as usize
    }

    fn record_len(&self) -> usize {
        let per_sample = SAMPLE_DURATION_PRESENT
            | SAMPLE_SIZE_PRESENT
            | SAMPLE_FLAGS_PRESENT
            | SAMPLE_COMPOSITION_TIME_OFFSET_PRESENT;
        4 * (self.flags & per_sample).count_ones() as usize
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Trun<B> {
    /// Sets the offset of the first sample's data; does nothing when none is given.
    pub fn set_data_offset(&mut self, offset: i32) {
        if self.has(DATA_OFFSET_PRESENT) {
            be::put(self.body.as_mut(), OPTIONAL, &offset.to_be_bytes());
        }
    }
}
