//! Assets made in memory, for tests.

use std::sync::Arc;

use asset::{
    Asset,
    model::{AssetManifest, Kind, Segment, TrackIndex},
};
use media::{
    isobmff::{
        FourCc,
        build::{self, Fragment, SampleEntry},
        segment::SAMPLE_IS_NON_SYNC,
    },
    presentation::{Addressing, Content, Nominal, Shape, SwitchingSet, Track},
    template::Template,
    time::{Time, Timescale},
};
use store::mapped::MediaFile;

/// Ticks of a frame of synthetic audio.
pub(crate) const FRAME: u64 = 1024;

/// Makes a track whose segments have these durations, from decode time zero. Its name says what it
/// carries: `A…` audio of 1024-tick frames, `T…` images, `S…` TTML, else video. There are no bytes behind
/// the segments, see [`with_media`].
pub(crate) fn track(id: &str, timescale: u32, durations: &[u64]) -> TrackIndex {
    let timescale = Timescale::new(timescale).unwrap();
    let content = match id.as_bytes()[0] {
        b'A' => Content::Audio,
        b'T' => Content::Image,
        b'S' => Content::Text,
        _ => Content::Video,
    };
    let (codecs, mime_type) = match content {
        Content::Audio => ("opus", "audio/mp4"),
        Content::Image => ("", "image/jpeg"),
        Content::Text => ("stpp", "application/mp4"),
        Content::Video => ("vp09.00.10.08", "video/mp4"),
    };
    let mut start = 0;
    let segments = durations
        .iter()
        .map(|duration| {
            let segment = Segment {
                start,
                offset: 0,
                duration: *duration,
                size: 0,
                file: 0,
            };
            start += duration;
            segment
        })
        .collect();
    TrackIndex {
        id: id.to_owned(),
        content,
        track: Track {
            id: id.to_owned(),
            codecs: codecs.to_owned(),
            mime_type: mime_type.to_owned(),
            bandwidth: 1000,
            peak_bandwidth: 1000,
            average_bandwidth: 1000,
            timescale,
            size: None,
            sar: None,
            frame_rate: None,
            sampling_rate: None,
            channels: None,
            init: Some(Template::parse("$RepresentationID$/init.mp4").unwrap()),
            media: Template::parse("$RepresentationID$/$Number$.m4s").unwrap(),
            nominal: Nominal {
                duration: start / durations.len().max(1) as u64,
                timescale,
            },
            attributes: Vec::new(),
            elements: Vec::new(),
        },
        timescale,
        init: init(content, timescale).into(),
        edit_media_time: 0,
        origin: 0,
        first_number: 0,
        sample_duration: (content == Content::Audio).then_some(FRAME as u32),
        encrypted: false,
        segments,
        files: Vec::new(),
    }
}

/// Makes an asset of these tracks, each in a set of its own; the first is the reference.
pub(crate) fn asset(name: &str, tracks: Vec<TrackIndex>) -> Asset {
    let sets = tracks
        .iter()
        .map(|index| SwitchingSet {
            id: None,
            content: index.content,
            lang: None,
            label: None,
            roles: Vec::new(),
            attributes: Vec::new(),
            elements: Vec::new(),
            tracks: vec![index.track.clone()],
        })
        .collect();
    let shape = Shape {
        sets,
        ..Shape::default()
    };
    Asset {
        name: name.to_owned(),
        kind: Kind::Dash,
        folder: std::path::PathBuf::new(),
        release: None,
        version: 1,
        manifests: vec![AssetManifest {
            name: "Manifest.mpd".to_owned(),
            shape: Arc::new(shape),
            addressing: Addressing::Number,
            tracks: (0..tracks.len()).collect(),
        }],
        warnings: Vec::new(),
        duration: tracks[0].duration(),
        reference: 0,
        shortest_mean_segment: Time::from_secs(2),
        tracks: tracks.into_iter().map(Arc::new).collect(),
    }
}

/// Puts bytes behind the segments of a track. Audio gets one sample a frame, which is the number of
/// the frame in four bytes; everything else one sample a segment, made by `sample` from its number.
pub(crate) fn with_media(mut index: TrackIndex, sample: impl Fn(usize) -> Vec<u8>) -> TrackIndex {
    let mut frame = 0_u32;
    for (number, segment) in index.segments.iter_mut().enumerate() {
        let samples: Vec<(u32, Vec<u8>)> = if index.content == Content::Audio {
            let count = (segment.duration / FRAME) as u32;
            let first = frame;
            frame += count;
            (first..frame)
                .map(|frame| (FRAME as u32, frame.to_be_bytes().to_vec()))
                .collect()
        } else {
            vec![(segment.duration as u32, sample(number))]
        };
        let entries: Vec<SampleEntry> = samples
            .iter()
            .map(|(duration, data)| SampleEntry {
                duration: *duration,
                size: data.len() as u32,
                flags: 0x0200_0000,
                composition_offset: 0,
            })
            .collect();
        let mut bytes = build::fragment(&Fragment {
            track_id: 1,
            sequence_number: number as u32,
            decode_time: segment.start,
            styp: None,
            samples: &entries,
        });
        bytes.extend(samples.into_iter().flat_map(|(_, data)| data));
        segment.size = bytes.len() as u32;
        segment.file = index.files.len() as u32;
        index.files.push(MediaFile::from_bytes(bytes.into()));
    }
    index
}

/// Puts samples of `sample` ticks behind the segments of a video track, each four bytes with its
/// number in the track; every `gop`th is a sync sample.
pub(crate) fn with_samples(mut index: TrackIndex, sample: u32, gop: u32) -> TrackIndex {
    let mut next = 0_u32;
    for (number, segment) in index.segments.iter_mut().enumerate() {
        let count = segment.duration as u32 / sample;
        let entries: Vec<SampleEntry> = (next..next + count)
            .map(|picture| SampleEntry {
                duration: sample,
                size: 4,
                flags: if picture % gop == 0 {
                    0
                } else {
                    SAMPLE_IS_NON_SYNC
                },
                composition_offset: 0,
            })
            .collect();
        let mut bytes = build::fragment(&Fragment {
            track_id: 1,
            sequence_number: number as u32,
            decode_time: segment.start,
            styp: Some(&build::styp(FourCc(*b"msdh"), &[FourCc(*b"msdh")])),
            samples: &entries,
        });
        bytes.extend((next..next + count).flat_map(u32::to_be_bytes));
        next += count;
        segment.size = bytes.len() as u32;
        segment.file = index.files.len() as u32;
        index.files.push(MediaFile::from_bytes(bytes.into()));
    }
    index.sample_duration = Some(sample);
    index
}

/// Makes an init segment of one track; empty for images.
fn init(content: Content, timescale: Timescale) -> Vec<u8> {
    let scale = timescale.get().to_be_bytes();
    let zeros = |count| vec![0; count];
    let (handler, entry) = match content {
        Content::Image => return Vec::new(),
        Content::Video => {
            let config = full("vpcC", 1, &[vec![0, 10, 0x82, 2, 2, 2, 0, 0]]);
            let mut fields = zeros(78);
            fields[24..28].copy_from_slice(&[2, 128, 1, 104]); // 640 x 360
            ("vide", plain("vp09", &[fields, config]))
        }
        Content::Audio => {
            let mut fields = zeros(28);
            fields[17] = 2; // channels
            let config = plain("dOps", &[vec![0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]]);
            ("soun", plain("Opus", &[fields, config]))
        }
        Content::Text => {
            let names = b"http://www.w3.org/ns/ttml\0\0\0".to_vec();
            ("subt", plain("stpp", &[zeros(8), names]))
        }
    };
    let stsd = full("stsd", 0, &[vec![0, 0, 0, 1], entry]);
    let tables: Vec<Vec<u8>> = ["stts", "stsc", "stco"]
        .iter()
        .map(|kind| full(kind, 0, &[zeros(4)]))
        .collect();
    let stsz = full("stsz", 0, &[zeros(8)]);
    let stbl = plain("stbl", &[stsd, tables.concat(), stsz]);
    let mdhd = full(
        "mdhd",
        0,
        &[zeros(8), scale.to_vec(), zeros(4), vec![0x55, 0xc4, 0, 0]],
    );
    let hdlr = full("hdlr", 0, &[zeros(4), handler.into(), zeros(13)]);
    let mdia = plain("mdia", &[mdhd, hdlr, plain("minf", &[stbl])]);
    let tkhd = full("tkhd", 0, &[zeros(8), vec![0, 0, 0, 1], zeros(68)]);
    let mvhd = full(
        "mvhd",
        0,
        &[zeros(8), vec![0, 0, 3, 232], zeros(80), vec![0, 0, 0, 2]],
    );
    let trex = full("trex", 0, &[vec![0, 0, 0, 1, 0, 0, 0, 1], zeros(12)]);
    let trak = plain("trak", &[tkhd, mdia]);
    plain("moov", &[mvhd, trak, plain("mvex", &[trex])])
}

fn plain(kind: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind.bytes());
    out.extend(body);
    out
}

fn full(kind: &str, version: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    plain(kind, &[vec![version, 0, 0, 0], parts.concat()])
}
