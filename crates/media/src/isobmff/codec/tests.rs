use super::*;
use crate::isobmff::{
    testing::{boxed, code, full},
    walk::boxes,
};

/// A visual sample entry of 640 by 360 around some boxes.
fn video_entry(kind: impl Into<FourCc>, inner: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0; 78];
    body[24..28].copy_from_slice(&[0x02, 0x80, 0x01, 0x68]);
    body.extend(inner.concat());
    boxed(kind, &body)
}

/// An audio sample entry of two channels at 48 kHz around some boxes.
fn audio_entry(kind: impl Into<FourCc>, inner: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0; 28];
    body[17] = 2;
    body[24..26].copy_from_slice(&48_000_u16.to_be_bytes());
    body.extend(inner.concat());
    boxed(kind, &body)
}

fn text_entry(kind: impl Into<FourCc>, fields: &[u8], inner: &[Vec<u8>]) -> Vec<u8> {
    boxed(kind, &[&[0; 8], fields, &inner.concat()].concat())
}

fn read_entry(bytes: &[u8], content: Content) -> SampleEntry {
    let entry = boxes(bytes).next().expect("is there").expect("reads");
    read(&entry, content, 0).expect("reads")
}

fn esds(object_type: u8, specific: &[u8]) -> Vec<u8> {
    let mut decoder = vec![object_type];
    decoder.extend([0; 12]);
    // A length in four bytes, as many writers have it.
    decoder.extend([5, 0x80, 0x80, 0x80, specific.len() as u8]);
    decoder.extend(specific);
    let mut stream = vec![0, 1, 0, 4, decoder.len() as u8];
    stream.extend(decoder);
    stream.extend([6, 1, 2]);
    full(b"esds", 0, 0, &[&[3, stream.len() as u8], &stream])
}

#[test]
fn video_codec_strings() {
    let avcc = boxed(b"avcC", &[1, 0x64, 0, 0x1f, 0xff]);
    let hvcc = |profile, compatibility: u32, constraints: [u8; 6], level| {
        let mut body = vec![1, profile];
        body.extend(compatibility.to_be_bytes());
        body.extend(constraints);
        body.push(level);
        boxed(b"hvcC", &body)
    };
    let nclx = |points: [u8; 3], range| {
        let [a, b, c] = points;
        boxed(b"colr", &[b"nclx", &[0, a, 0, b, 0, c, range][..]].concat())
    };
    let vpcc = |profile, chroma: u8, colour: [u8; 3]| {
        full(
            b"vpcC",
            1,
            0,
            &[&[profile, 31, 8 << 4 | chroma << 1], &colour, &[0, 0]],
        )
    };
    for (kind, inner, codec) in [
        (b"avc1", vec![avcc.clone()], "avc1.64001f"),
        (b"avc3", vec![avcc], "avc3.64001f"),
        (b"avc1", vec![], "avc1"),
        (
            b"hvc1",
            vec![hvcc(1, 0x6000_0000, [0x90, 0, 0, 0, 0, 0], 93)],
            "hvc1.1.6.L93.90",
        ),
        (
            b"hev1",
            vec![hvcc(0x22, 0x2000_0000, [0xb0, 0, 8, 0, 0, 0], 153)],
            "hev1.2.4.H153.B0.0.8",
        ),
        (b"hvc1", vec![hvcc(0x81, 0, [0; 6], 30)], "hvc1.B1.0.L30"),
        (
            b"dvh1",
            vec![boxed(b"dvcC", &[1, 0, 0x0a, 0x35, 0])],
            "dvh1.05.06",
        ),
        (
            b"av01",
            vec![boxed(b"av1C", &[0x81, 0x05, 0x0c, 0])],
            "av01.0.05M.08",
        ),
        (
            b"av01",
            vec![boxed(b"av1C", &[0x81, 0x0d, 0xcd, 0]), nclx([9, 16, 9], 0)],
            "av01.0.13H.10.0.111.09.16.09.0",
        ),
        (b"vp09", vec![vpcc(0, 1, [2, 2, 2])], "vp09.00.31.08"),
        (
            b"vp09",
            vec![vpcc(1, 3, [1, 1, 1])],
            "vp09.01.31.08.03.01.01.01.00",
        ),
        (b"vp08", vec![vpcc(0, 0, [2, 2, 2])], "vp08.00.31.08"),
        (b"mp4v", vec![esds(0x20, &[0, 0, 1, 0xb0, 9])], "mp4v.20.9"),
        (b"zzzz", vec![], "zzzz"),
    ] {
        let read = read_entry(&video_entry(kind, &inner), Content::Video);
        assert_eq!(read.codec, codec);
        assert_eq!(read.size, Some((640, 360)));
    }
}

#[test]
fn vvc_strings_carry_constraints_sub_profiles_and_layers() {
    // ols_idx 0 and 1 sublayer, or ols_idx 1 and 3 sublayers with level 35 for the second.
    let plain = [0xff, 0, 0x14, 0x5f, 1, 1 << 1, 51, 0x80, 0];
    let rich = [
        0xff,
        0,
        0xb4,
        0x5f,
        2,
        1 << 1 | 1,
        83,
        0x80,
        0x01,
        0x80,
        35,
        1,
        0xab,
        0xcd,
        0,
        1,
    ];
    for (body, codec) in [
        (&plain[..], "vvc1.1.L51.CQA"),
        (&rich, "vvc1.1.H83.CQAAQ.SABCD0001.O1+2"),
        (&[0xfe], "vvc1"),
    ] {
        let entry = video_entry(b"vvc1", &[full(b"vvcC", 0, 0, &[body])]);
        assert_eq!(read_entry(&entry, Content::Video).codec, codec);
    }
}

#[test]
fn aac_in_all_its_kinds() {
    // (AudioSpecificConfig, codec, rate, channels, samples of a frame)
    for (specific, codec, rate, channels, samples) in [
        (&[0x11, 0x90][..], "mp4a.40.2", 48_000, 2, Some(1024)),
        // Low complexity of 960 samples, mono.
        (&[0x11, 0x8c], "mp4a.40.2", 48_000, 1, Some(960)),
        // SBR first: 24 kHz core, 48 kHz out.
        (
            &[0x2b, 0x11, 0x88, 0x00],
            "mp4a.40.5",
            48_000,
            2,
            Some(2048),
        ),
        // PS first: mono core, stereo out.
        (
            &[0xeb, 0x09, 0x88, 0x00],
            "mp4a.40.29",
            48_000,
            2,
            Some(2048),
        ),
        // SBR in a sync extension behind.
        (
            &[0x13, 0x10, 0x56, 0xe5, 0x98],
            "mp4a.40.5",
            48_000,
            2,
            Some(2048),
        ),
        // An escaped rate.
        (
            &[0x17, 0x80, 0x5d, 0xc0, 0x10],
            "mp4a.40.2",
            48_000,
            2,
            Some(1024),
        ),
        // xHE-AAC, escaped object type 42.
        (&[0xf9, 0x46, 0x40, 0x00], "mp4a.40.42", 48_000, 2, None),
    ] {
        let entry = audio_entry(b"mp4a", &[esds(0x40, specific)]);
        let read = read_entry(&entry, Content::Audio);
        assert_eq!(read.codec, codec, "{specific:02x?}");
        assert_eq!(read.sampling_rate, Some(rate), "{specific:02x?}");
        assert_eq!(read.channels, Some(channels), "{specific:02x?}");
        assert_eq!(read.samples_per_frame, samples, "{specific:02x?}");
    }
}

#[test]
fn other_audio_codec_strings() {
    for (kind, inner, codec, channels, samples) in [
        (b"mp4a", vec![esds(0x6b, &[])], "mp4a.6B", 2, Some(1152)),
        (b"mp4a", vec![esds(0x67, &[])], "mp4a.67", 2, Some(1024)),
        (b"mp4a", vec![], "mp4a", 2, None),
        (
            b"ac-3",
            vec![boxed(b"dac3", &[0x10, 0x3d, 0xe0])],
            "ac-3",
            6,
            Some(1536),
        ),
        (
            b"ec-3",
            // A dependent substream adds a pair of channels.
            vec![boxed(b"dec3", &[0x0c, 0, 0x20, 0x0f, 0x02, 0x02])],
            "ec-3",
            8,
            Some(1536),
        ),
        (
            b"mhm1",
            vec![boxed(b"mhaC", &[1, 0x0d, 19, 0, 0])],
            "mhm1.0x0D",
            12,
            Some(1024),
        ),
        (
            b"Opus",
            vec![boxed(b"dOps", &[0, 6, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 1])],
            "opus",
            6,
            None,
        ),
        (
            b"fLaC",
            vec![full(
                b"dfLa",
                0,
                0,
                &[&[
                    0x80, 0, 0, 34, 0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0b, 0xb8, 0x02, 0xf0, 0,
                    0, 0, 0,
                ]],
            )],
            "flac",
            2,
            Some(4096),
        ),
        (b"alac", vec![], "alac", 2, None),
    ] {
        let read = read_entry(&audio_entry(kind, &inner), Content::Audio);
        assert_eq!(read.codec, codec);
        assert_eq!(read.channels, Some(channels), "{codec}");
        assert_eq!(read.samples_per_frame, samples, "{codec}");
        assert_eq!(read.sampling_rate, Some(48_000), "{codec}");
    }
}

#[test]
fn atmos_is_seen() {
    let dec3 = boxed(b"dec3", &[0x0c, 0, 0x20, 0x0f, 0x00, 0x01, 0x10]);
    let read = read_entry(&audio_entry(b"ec-3", &[dec3]), Content::Audio);
    assert_eq!((read.channels, read.joc_complexity), (Some(6), Some(16)));
}

#[test]
fn ac4_takes_its_string_from_the_first_presentation() {
    // Version 1, bitstream version 2, 48 kHz, one presentation, no program id; then the bit rate.
    let mut dac4 = vec![0x20, 0xa0, 0x01];
    dac4.extend([0; 9]);
    dac4.extend([0x01, 0x02, 0x0b, 0x00]);
    let read = read_entry(
        &audio_entry(b"ac-4", &[boxed(b"dac4", &dac4)]),
        Content::Audio,
    );
    assert_eq!(read.codec, "ac-4.02.01.03");
    assert_eq!(read.sampling_rate, Some(48_000));
}

#[test]
fn quicktime_audio_entries_are_longer() {
    let mut bytes = audio_entry(b"mp4a", &[]);
    bytes[8 + 9] = 1;
    bytes.extend([0; 16]);
    bytes.extend(boxed(b"wave", &esds(0x40, &[0x11, 0x90])));
    let size = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size.to_be_bytes());
    assert_eq!(read_entry(&bytes, Content::Audio).codec, "mp4a.40.2");
}

#[test]
fn text_codec_strings() {
    let ttml = b"http://www.w3.org/ns/ttml\0\0\0";
    let mime = |text: &[u8]| full(b"mime", 0, 0, &[text, b"\0"]);
    for (kind, fields, inner, codec) in [
        (b"stpp", &ttml[..], vec![], "stpp.ttml.im1t"),
        (
            b"stpp",
            b"http://www.w3.org/ns/ttml\0\0image/png\0",
            vec![],
            "stpp.ttml.im1i",
        ),
        (b"stpp", b"urn:other\0\0\0", vec![], "stpp"),
        (
            b"stpp",
            ttml,
            vec![mime(b"application/ttml+xml; codecs=\"im2t\"")],
            "stpp.ttml.im2t",
        ),
        (
            b"stpp",
            ttml,
            vec![mime(b"application/mp4;codecs=stpp.ttml.etd1;x=y")],
            "stpp.ttml.etd1",
        ),
        (b"wvtt", b"", vec![boxed(b"vttC", b"WEBVTT")], "wvtt"),
        (b"tx3g", &[0xff; 30], vec![], "tx3g"),
    ] {
        let read = read_entry(&text_entry(kind, fields, &inner), Content::Text);
        assert_eq!(read.codec, codec);
    }
}

#[test]
fn a_protected_entry_tells_what_is_inside() {
    let tenc = full(b"tenc", 1, 0, &[&[0, 0x19, 1, 0], &[9; 16], &[8], &[3; 8]]);
    let sinf = boxed(
        b"sinf",
        &[
            boxed(b"frma", b"avc1"),
            full(b"schm", 0, 0, &[b"cbcs", &[0, 1, 0, 0]]),
            boxed(b"schi", &tenc),
        ]
        .concat(),
    );
    let avcc = boxed(b"avcC", &[1, 0x42, 0xc0, 0x1e, 0xff]);
    let read = read_entry(&video_entry(b"encv", &[avcc, sinf]), Content::Video);
    assert_eq!(
        (read.format, read.codec.as_str()),
        (code(b"avc1"), "avc1.42c01e")
    );
    let protection = read.protection.expect("is protected");
    assert_eq!(protection.scheme, code(b"cbcs"));
    assert_eq!(protection.default_kid, [9; 16]);
    assert_eq!(protection.constant_iv, [3; 8]);
    assert_eq!(protection.pattern, (1, 9));
}

#[test]
fn shape_and_colour_are_read() {
    let inner = [
        boxed(b"pasp", &[0, 0, 0, 4, 0, 0, 0, 3]),
        boxed(b"colr", b"nclx\0\x09\0\x10\0\x09\x80"),
    ];
    let read = read_entry(&video_entry(b"hvc1", &inner), Content::Video);
    assert_eq!(read.sar, Some((4, 3)));
    let colour = read.colour.expect("is there");
    assert_eq!(
        (colour.primaries, colour.transfer, colour.matrix),
        (9, 16, 9)
    );
    assert!(colour.full_range);
}

#[test]
fn cut_configurations_are_errors_with_a_path() {
    let entry = video_entry(b"avc1", &[boxed(b"avcC", &[1, 0x64])]);
    let entry = boxes(&entry).next().expect("is there").expect("reads");
    let error = read(&entry, Content::Video, 0).expect_err("is cut");
    assert_eq!((error.path.as_str(), error.offset), ("avc1/avcC", 86));
}
