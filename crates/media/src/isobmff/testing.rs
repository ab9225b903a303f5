//! Small hand-built boxes for the tests of this room. Plain by intention: it shares no code with
//! what it tests.

use super::FourCc;

/// A box around a body.
pub(super) fn boxed(kind: impl Into<FourCc>, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind.into().0);
    out.extend(body);
    out
}

/// A full box around fields.
pub(super) fn full(kind: impl Into<FourCc>, version: u8, flags: u32, fields: &[&[u8]]) -> Vec<u8> {
    let mut body = (u32::from(version) << 24 | flags).to_be_bytes().to_vec();
    body.extend(fields.concat());
    boxed(kind, &body)
}

/// A time of 32 or 64 bits.
pub(super) fn sized(version: u8, value: u64) -> Vec<u8> {
    match version {
        0 => (value as u32).to_be_bytes().to_vec(),
        _ => value.to_be_bytes().to_vec(),
    }
}

/// How a fragment says where its data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// `default-base-is-moof`.
    Moof,
    /// Neither flag nor offset.
    Implied,
    /// `base_data_offset`: the file position given, plus that of the `moof`.
    File(u64),
}

/// A fragment to be built. Samples are `(duration, size, flags, composition offset)`.
#[derive(Clone, Debug)]
pub(super) struct TestFragment {
    pub(super) track_id: u32,
    pub(super) sequence_number: u32,
    pub(super) tfdt_version: u8,
    pub(super) decode_time: u64,
    pub(super) base: Base,
    pub(super) samples: Vec<(u32, u32, u32, i32)>,
    /// Adds `saiz`, `saio` and `senc` with 8-byte vectors.
    pub(super) encrypted: bool,
    pub(super) saio_version: u8,
}

impl Default for TestFragment {
    fn default() -> Self {
        Self {
            track_id: 1,
            sequence_number: 1,
            tfdt_version: 0,
            decode_time: 0,
            base: Base::Moof,
            samples: vec![
                (10, 3, 0, 5),
                (10, 0, 0x0001_0000, -5),
                (20, 4, 0x0001_0000, 0),
            ],
            encrypted: false,
            saio_version: 0,
        }
    }
}

impl TestFragment {
    /// Writes `moof` and `mdat` for a place `at` in the segment. The payload is made of the place
    /// of each byte, so that a slice shows where it came from.
    pub(super) fn build(&self, at: usize) -> Vec<u8> {
        let first = self.moof(at, 0, 0);
        // Only lengths matter in the first pass.
        let senc = first
            .windows(4)
            .position(|kind| kind == b"senc")
            .map_or(0, |kind| kind - 4);
        let moof = self.moof(at, first.len() + 8, senc + 16);
        let len: u32 = self.samples.iter().map(|sample| sample.1).sum();
        let payload: Vec<u8> = (0..len).map(|byte| (at as u32 + byte) as u8).collect();
        [moof, boxed(b"mdat", &payload)].concat()
    }

    fn moof(&self, at: usize, data_offset: usize, senc: usize) -> Vec<u8> {
        let (flags, base) = match self.base {
            Base::Moof => (0x02_0000, Vec::new()),
            Base::Implied => (0, Vec::new()),
            Base::File(start) => (1, (start + at as u64).to_be_bytes().to_vec()),
        };
        let track_id = self.track_id.to_be_bytes();
        let mut traf = full(b"tfhd", 0, flags, &[&track_id, &base]);
        traf.extend(full(
            b"tfdt",
            self.tfdt_version,
            0,
            &[&sized(self.tfdt_version, self.decode_time)],
        ));
        let mut records = Vec::new();
        for (duration, size, flags, offset) in &self.samples {
            for field in [*duration, *size, *flags, *offset as u32] {
                records.extend(field.to_be_bytes());
            }
        }
        let count = (self.samples.len() as u32).to_be_bytes();
        let offset = (data_offset as u32).to_be_bytes();
        traf.extend(full(b"trun", 1, 0x0f01, &[&count, &offset, &records]));
        if self.encrypted {
            traf.extend(full(b"saiz", 0, 0, &[&[8], &count]));
            let entry = sized(self.saio_version, senc as u64);
            traf.extend(full(
                b"saio",
                self.saio_version,
                0,
                &[&1_u32.to_be_bytes(), &entry],
            ));
            let vectors = vec![7; 8 * self.samples.len()];
            traf.extend(full(b"senc", 0, 0, &[&count, &vectors]));
        }
        let number = self.sequence_number.to_be_bytes();
        let mfhd = full(b"mfhd", 0, 0, &[&number]);
        boxed(b"moof", &[mfhd, boxed(b"traf", &traf)].concat())
    }
}

/// A `sidx` to be built. References are `(size, duration, starts with SAP, is an index)`.
#[derive(Clone, Debug, Default)]
pub(super) struct TestSidx {
    pub(super) version: u8,
    pub(super) timescale: u32,
    pub(super) time: u64,
    pub(super) first_offset: u64,
    pub(super) references: Vec<(u32, u32, bool, bool)>,
}

/// Writes a `sidx`.
pub(super) fn sidx_box(sidx: &TestSidx) -> Vec<u8> {
    let mut fields = 1_u32.to_be_bytes().to_vec();
    fields.extend(sidx.timescale.to_be_bytes());
    fields.extend(sized(sidx.version, sidx.time));
    fields.extend(sized(sidx.version, sidx.first_offset));
    fields.extend((sidx.references.len() as u32).to_be_bytes());
    for (size, duration, sap, index) in &sidx.references {
        fields.extend((size | u32::from(*index) << 31).to_be_bytes());
        fields.extend(duration.to_be_bytes());
        fields.extend((u32::from(*sap) << 31).to_be_bytes());
    }
    full(b"sidx", sidx.version, 0, &[&fields])
}

/// Writes a `styp`, the first brand being the major one.
pub(super) fn styp_box(brands: &[&[u8; 4]]) -> Vec<u8> {
    let mut body = brands[0].to_vec();
    body.extend([0; 4]);
    body.extend(brands.iter().flat_map(|brand| **brand));
    boxed(b"styp", &body)
}

/// Writes an `emsg` with timescale 1000.
pub(super) fn emsg_box(version: u8, time: u64) -> Vec<u8> {
    let strings = b"urn:scheme\0value\0";
    let (scale, rest) = (1000_u32.to_be_bytes(), [0, 0, 0, 9, 0, 0, 0, 4]);
    let time = sized(version, time);
    match version {
        0 => full(b"emsg", 0, 0, &[strings, &scale, &time, &rest, b"data"]),
        _ => full(b"emsg", 1, 0, &[&scale, &time, &rest, strings, b"data"]),
    }
}

/// Writes a `prft`.
pub(super) fn prft_box(version: u8, ntp: u64, time: u64) -> Vec<u8> {
    let track = 1_u32.to_be_bytes();
    let (ntp, time) = (ntp.to_be_bytes(), sized(version, time));
    full(b"prft", version, 0, &[&track, &ntp, &time])
}

/// The code of a type, for comparison.
pub(super) fn code(kind: impl Into<FourCc>) -> FourCc {
    kind.into()
}
