//! A reader of the few ISO-BMFF boxes that the scenarios judge (ISO/IEC 14496-12), written apart
//! from the product so that an error is not made twice.

/// What one media segment says of its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// `mfhd.sequence_number` of the first fragment.
    pub sequence: u32,
    /// `tfdt.baseMediaDecodeTime` of the first fragment.
    pub start: u64,
    /// Sum of the sample durations.
    pub duration: u64,
    /// Samples in all fragments.
    pub samples: u64,
}

/// Iterates over `(type, payload)` of the boxes in `bytes`.
///
/// # Panics
/// When a box does not fit.
pub fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (size, header) = match be32(rest, 0) {
            1 => (be64(rest, 8) as usize, 16),
            0 => (rest.len(), 8),
            size => (size as usize, 8),
        };
        assert!(
            header <= size && size <= rest.len(),
            "box of {size} bytes in {}",
            rest.len()
        );
        let (this, after) = rest.split_at(size);
        rest = after;
        Some((&this[4..8], &this[header..]))
    })
}

/// Returns the payload of the first box at a path such as `moov/trak/mdia/mdhd`.
pub fn find<'a>(bytes: &'a [u8], path: &str) -> Option<&'a [u8]> {
    path.split('/').try_fold(bytes, |inside, name| {
        boxes(inside)
            .find(|(kind, _)| *kind == name.as_bytes())
            .map(|(_, payload)| payload)
    })
}

/// Returns the timescale of the first track of an init segment.
///
/// # Panics
/// When it has none.
pub fn timescale(init: &[u8]) -> u64 {
    let mdhd = find(init, "moov/trak/mdia/mdhd").expect("init segment has mdhd");
    u64::from(be32(mdhd, if mdhd[0] == 1 { 20 } else { 12 }))
}

/// Reads the timing of a media segment with one track; `init` has the default durations.
///
/// # Panics
/// When a box is missing or its samples are not inside `mdat`.
pub fn timing(init: &[u8], segment: &[u8]) -> Timing {
    let trex = find(init, "moov/mvex/trex").expect("init segment has trex");
    let trex_duration = be32(trex, 12);
    let mut timing: Option<Timing> = None;
    for (_, moof) in boxes(segment).filter(|(kind, _)| *kind == b"moof") {
        let traf = find(moof, "traf").expect("moof has traf");
        let (start, default) = traf_head(traf, trex_duration);
        if let Some(so_far) = &timing {
            assert_eq!(
                start,
                so_far.start + so_far.duration,
                "fragments are contiguous"
            );
        }
        let timing = timing.get_or_insert(Timing {
            sequence: be32(find(moof, "mfhd").expect("moof has mfhd"), 4),
            start,
            duration: 0,
            samples: 0,
        });
        for (_, trun) in boxes(traf).filter(|(kind, _)| *kind == b"trun") {
            let (samples, duration) = run(trun, default);
            timing.samples += samples;
            timing.duration += duration;
        }
    }
    timing.expect("segment has a moof")
}

/// Reads `tfdt` and the default sample duration of `tfhd`.
fn traf_head(traf: &[u8], trex_duration: u32) -> (u64, u32) {
    let tfdt = find(traf, "tfdt").expect("traf has tfdt");
    let start = if tfdt[0] == 1 {
        be64(tfdt, 4)
    } else {
        u64::from(be32(tfdt, 4))
    };
    let tfhd = find(traf, "tfhd").expect("traf has tfhd");
    let flags = be32(tfhd, 0) & 0xff_ffff;
    let before = [(0x1, 8), (0x2, 4)]
        .iter()
        .map(|(flag, size)| if flags & flag == 0 { 0 } else { *size })
        .sum::<usize>();
    let duration = if flags & 0x8 == 0 {
        trex_duration
    } else {
        be32(tfhd, 8 + before)
    };
    (start, duration)
}

/// Returns how many samples a `trun` has and how long they last together.
fn run(trun: &[u8], default: u32) -> (u64, u64) {
    let flags = be32(trun, 0) & 0xff_ffff;
    let count = be32(trun, 4) as usize;
    if flags & 0x100 == 0 {
        return (count as u64, count as u64 * u64::from(default));
    }
    let first = 8 + 4 * (flags & 0x5).count_ones() as usize;
    let stride = 4 * (flags & 0xf00).count_ones() as usize;
    let duration = (0..count)
        .map(|sample| u64::from(be32(trun, first + sample * stride)))
        .sum();
    (count as u64, duration)
}

/// Reads 32 bits.
pub fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Reads 64 bits.
pub fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
