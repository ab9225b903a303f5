//! `emsg`: event message, ISO/IEC 23009-1, 5.10.3.3.

use super::{FULL, be, version};
use crate::isobmff::reader::Reader;

/// View of an `emsg` body: version 0 counts from the segment, version 1 is on the time line.
#[derive(Clone, Copy, Debug)]
pub struct Emsg<B> {
    body: B,
    version: u8,
    /// Position of the scheme.
    scheme: usize,
    /// Position of the value.
    value: usize,
    /// Position behind the value.
    strings_end: usize,
}

impl<B: AsRef<[u8]>> Emsg<B> {
    /// Makes a view of a body; gives nothing for versions above 1.
    pub fn new(body: B) -> Option<Self> {
        let version = version(body.as_ref())?;
        let mut reader = Reader::new(body.as_ref());
        reader.skip(match version {
            0 => FULL,
            1 => FULL + 20,
            _ => return None,
        });
        let scheme = reader.position();
        reader.text();
        let value = reader.position();
        reader.text();
        let strings_end = reader.position();
        if version == 0 {
            reader.skip(16);
        }
        reader.ok()?;
        Some(Self {
            body,
            version,
            scheme,
            value,
            strings_end,
        })
    }

    /// Returns the version, 0 or 1.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Returns the scheme of the message; empty when it is not UTF-8.
    pub fn scheme_id_uri(&self) -> &str {
        self.text(self.scheme)
    }

    /// Returns the value in the scheme; empty when it is not UTF-8.
    pub fn value(&self) -> &str {
        self.text(self.value)
    }

    /// Returns the ticks per second.
    pub fn timescale(&self) -> u32 {
        be::u32(self.body.as_ref(), self.numbers())
    }

    /// Returns the presentation time in ticks of the message (version 1).
    pub fn presentation_time(&self) -> Option<u64> {
        (self.version == 1).then(|| be::u64(self.body.as_ref(), self.numbers() + 4))
    }

    /// Returns the ticks from the start of the segment to the event (version 0).
    pub fn presentation_time_delta(&self) -> Option<u32> {
        (self.version == 0).then(|| be::u32(self.body.as_ref(), self.numbers() + 4))
    }

    /// Returns the duration in ticks of the message; all ones when unknown.
    pub fn event_duration(&self) -> u32 {
        be::u32(self.body.as_ref(), self.duration_at())
    }

    /// Returns the id of the message.
    pub fn id(&self) -> u32 {
        be::u32(self.body.as_ref(), self.duration_at() + 4)
    }

    /// Returns the message.
    pub fn message_data(&self) -> &[u8] {
        let numbers = if self.version == 0 { 16 } else { 0 };
        let at = self.strings_end + numbers;
        self.body.as_ref().get(at..).unwrap_or_default()
    }

    /// Position of the timescale, which the other numbers follow.
    fn numbers(&self) -> usize {
        if self.version == 0 {
            self.strings_end
        } else {
            FULL
        }
    }

    fn duration_at(&self) -> usize {
        self.numbers() + if self.version == 0 { 8 } else { 12 }
    }

    fn text(&self, at: usize) -> &str {
        Reader::new(self.body.as_ref().get(at..).unwrap_or_default()).text()
    }
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Emsg<B> {
    /// Sets the presentation time in ticks of the message; does nothing in version 0.
    pub fn set_presentation_time(&mut self, ticks: u64) {
        if self.version == 1 {
            let at = self.numbers() + 4;
            be::put(self.body.as_mut(), at, &ticks.to_be_bytes());
        }
    }
}
