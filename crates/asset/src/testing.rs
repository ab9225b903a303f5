//! Small made-up content for the tests of this room: real boxes, no real pictures or sound.

use std::{fs, path::Path};

use media::isobmff::build::{self, Fragment, SampleEntry};

/// Sample flags of a sync sample.
const SYNC: u32 = 0x0200_0000;
/// Sample flags of a sample that depends on others.
const NOT_SYNC: u32 = 0x0101_0000;

/// A made-up track.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) handler: [u8; 4],
    pub(crate) timescale: u32,
    pub(crate) sample_duration: u32,
    /// `media_time` of the edit list; none when zero.
    pub(crate) edit: u32,
    /// Samples of each segment.
    pub(crate) samples: Vec<u32>,
    /// Decode time of the first sample.
    pub(crate) start: u64,
}

/// Video of 25 frames a second in segments of two seconds.
pub(crate) fn video(segments: usize) -> Fake {
    Fake {
        handler: *b"vide",
        timescale: 12_800,
        sample_duration: 512,
        edit: 0,
        samples: vec![50; segments],
        start: 0,
    }
}

/// Sound at 48 kHz in segments of about two seconds, as long as the video at least.
pub(crate) fn audio(segments: usize) -> Fake {
    Fake {
        handler: *b"soun",
        timescale: 48_000,
        sample_duration: 1024,
        edit: 0,
        samples: vec![94; segments],
        start: 0,
    }
}

fn boxed(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend_from_slice(kind);
    out.extend_from_slice(&body);
    out
}

impl Fake {
    /// Writes its init segment.
    pub(crate) fn init(&self) -> Vec<u8> {
        let tracks = [self.trak(1)];
        movie(&tracks.concat(), &[1])
    }

    fn trak(&self, id: u32) -> Vec<u8> {
        let mut tkhd = vec![0; 84];
        tkhd[12..16].copy_from_slice(&id.to_be_bytes());
        let mut mdhd = vec![0; 24];
        mdhd[12..16].copy_from_slice(&self.timescale.to_be_bytes());
        mdhd[20..22].copy_from_slice(&0x55c4_u16.to_be_bytes());
        let hdlr = [&[0; 8], &self.handler[..], &[0; 13]].concat();
        let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &self.sample_entry()].concat();
        let stbl = boxed(
            b"stbl",
            &[
                &boxed(b"stsd", &[&stsd]),
                &boxed(b"stts", &[&[0; 8]]),
                &boxed(b"stsc", &[&[0; 8]]),
                &boxed(b"stsz", &[&[0; 12]]),
                &boxed(b"stco", &[&[0; 8]]),
            ],
        );
        let minf = boxed(b"minf", &[&stbl]);
        let mdia = boxed(
            b"mdia",
            &[&boxed(b"mdhd", &[&mdhd]), &boxed(b"hdlr", &[&hdlr]), &minf],
        );
        let mut elst = vec![0; 20];
        elst[7] = 1;
        elst[12..16].copy_from_slice(&self.edit.to_be_bytes());
        elst[17] = 1;
        let edts = match self.edit {
            0 => Vec::new(),
            _ => boxed(b"edts", &[&boxed(b"elst", &[&elst])]),
        };
        boxed(b"trak", &[&boxed(b"tkhd", &[&tkhd]), &edts, &mdia])
    }

    fn sample_entry(&self) -> Vec<u8> {
        if &self.handler == b"vide" {
            let mut fields = vec![0; 78];
            fields[7] = 1;
            fields[24..26].copy_from_slice(&320_u16.to_be_bytes());
            fields[26..28].copy_from_slice(&180_u16.to_be_bytes());
            let avcc = boxed(b"avcC", &[&[1, 0x42, 0xc0, 0x0d, 0xff, 0xe0, 0]]);
            return boxed(b"avc1", &[&fields, &avcc]);
        }
        let mut fields = vec![0; 28];
        fields[7] = 1;
        fields[17] = 2;
        fields[19] = 16;
        fields[24..28].copy_from_slice(&(48_000_u32 << 16).to_be_bytes());
        // ES descriptor with decoder configuration: AAC-LC, 48 kHz, stereo.
        let esds = [
            &[0, 0, 0, 0, 3, 25, 0, 1, 0, 4, 17, 0x40, 0x15][..],
            &[0; 11],
            &[5, 2, 0x11, 0x90, 6, 1, 2],
        ]
        .concat();
        boxed(b"mp4a", &[&fields, &boxed(b"esds", &[&esds])])
    }

    /// Writes its segments, each of one fragment.
    pub(crate) fn segments(&self) -> Vec<Vec<u8>> {
        let mut time = self.start;
        let mut out = Vec::new();
        for (number, count) in self.samples.iter().enumerate() {
            out.push(self.fragment(number as u32 + 1, time, *count, true));
            time += u64::from(*count) * u64::from(self.sample_duration);
        }
        out
    }

    /// Writes one fragment.
    pub(crate) fn fragment(&self, number: u32, time: u64, count: u32, sync: bool) -> Vec<u8> {
        let sound = &self.handler == b"soun";
        let samples: Vec<SampleEntry> = (0..count)
            .map(|i| SampleEntry {
                duration: self.sample_duration,
                size: 10,
                flags: if sound || (sync && i == 0) {
                    SYNC
                } else {
                    NOT_SYNC
                },
                composition_offset: 0,
            })
            .collect();
        let mut bytes = build::fragment(&Fragment {
            track_id: 1,
            sequence_number: number,
            decode_time: time,
            styp: None,
            samples: &samples,
        });
        bytes.extend(std::iter::repeat_n(number as u8, count as usize * 10));
        bytes
    }

    /// Writes `init.mp4` and `1.m4s` … to a folder.
    pub(crate) fn write(&self, folder: &Path) {
        put(&folder.join("init.mp4"), self.init());
        for (i, segment) in self.segments().iter().enumerate() {
            put(&folder.join(format!("{}.m4s", i + 1)), segment);
        }
    }

    /// Writes everything as one file.
    pub(crate) fn single(&self) -> Vec<u8> {
        let mut all = self.init();
        all.extend(self.segments().concat());
        all
    }
}

/// Writes an init segment around `trak` boxes.
fn movie(tracks: &[u8], ids: &[u32]) -> Vec<u8> {
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    let trex: Vec<u8> = ids
        .iter()
        .flat_map(|id| {
            let mut fields = vec![0; 24];
            fields[4..8].copy_from_slice(&id.to_be_bytes());
            fields[11] = 1;
            boxed(b"trex", &[&fields])
        })
        .collect();
    let moov = boxed(
        b"moov",
        &[&boxed(b"mvhd", &[&mvhd]), tracks, &boxed(b"mvex", &[&trex])],
    );
    [boxed(b"ftyp", &[b"iso6\0\0\0\0cmfc"]), moov].concat()
}

/// Writes an init segment of a video and an audio track.
pub(crate) fn multiplexed_init() -> Vec<u8> {
    let tracks = [video(1).trak(1), audio(1).trak(2)].concat();
    movie(&tracks, &[1, 2])
}

/// Writes a file and the folders it needs.
pub(crate) fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("has a folder")).expect("folder");
    fs::write(path, bytes).expect("file");
}

/// An MPD around adaptation sets.
pub(crate) fn mpd(duration: &str, sets: &str) -> String {
    format!(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"{duration}\" minBufferTime=\"PT2S\" \
         profiles=\"urn:mpeg:dash:profile:isoff-live:2011\">\n<Period>\n{sets}\n</Period>\n</MPD>\n"
    )
}

/// An adaptation set with one Representation.
pub(crate) fn set(kind: &str, id: &str, inside: &str) -> String {
    format!(
        "<AdaptationSet contentType=\"{kind}\" mimeType=\"{kind}/mp4\">\
         <Representation id=\"{id}\" bandwidth=\"100000\">{inside}</Representation></AdaptationSet>"
    )
}

/// A SegmentTemplate by number with two-second segments.
pub(crate) const BY_NUMBER: &str = "<SegmentTemplate media=\"$RepresentationID$/$Number$.m4s\" \
     initialization=\"$RepresentationID$/init.mp4\" duration=\"2\" startNumber=\"1\"/>";

/// Writes an asset of `segments` segments by number with video `V` and audio `A`.
pub(crate) fn write_asset(folder: &Path, segments: usize) {
    video(segments).write(&folder.join("V"));
    audio(segments).write(&folder.join("A"));
    let sets = set("video", "V", BY_NUMBER) + &set("audio", "A", BY_NUMBER);
    let duration = format!("PT{}S", segments * 2);
    put(&folder.join("manifest.mpd"), mpd(&duration, &sets));
}
