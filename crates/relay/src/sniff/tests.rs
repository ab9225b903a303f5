//! What containers are taken for, and what any bytes do to a sniffer. Joining itself is tested with what
//! ffmpeg writes, in `tests/it/joining.rs`.

use bytes::Bytes;
use proptest::prelude::*;
use serve::ring::{Leave, Piece};

use super::{Format, MOST_HELD, Sniffer};

fn sniff(reads: &[&[u8]]) -> (Sniffer, Vec<Piece>) {
    let mut sniffer = Sniffer::new(None);
    let mut pieces = Vec::new();
    for read in reads {
        sniffer.push(&Bytes::copy_from_slice(read), &mut pieces);
    }
    (sniffer, pieces)
}

fn format(bytes: &[u8]) -> Option<Format> {
    sniff(&[bytes]).0.format()
}

#[test]
fn containers_are_known_by_their_first_bytes() {
    let packet = |second: u8| [&[0x47, second, 0x11, 0x10][..], &[0; 184]].concat();
    let ts = [packet(0x40), packet(0), packet(0)].concat();
    // ADTS: 48 kHz, stereo, 9 bytes; MP3: MPEG-1 layer III, 128 kbit/s at 48 kHz, 384 bytes.
    let adts = [0xff, 0xf1, 0x4c, 0x80, 0x01, 0x3f, 0xfc, 0, 0].repeat(2);
    let mp3 = [&[0xff, 0xfb, 0x94, 0x00][..], &[0; 380]]
        .concat()
        .repeat(2);
    let tagged = [&b"ID3\x04\0\0\0\0\0\x05....."[..], &mp3].concat();
    let mut off = ts.clone();
    off[188] = 0;
    for (bytes, expected) in [
        (&ts[..], Some(Format::MpegTs)),
        (&ts[..376], None),
        (&off[..], Some(Format::Raw)),
        (b"\0\0\0\x1cftypisom", Some(Format::Fmp4)),
        (b"\0\0\0\x1cfree....", Some(Format::Raw)),
        (b"FLV\x01\x05\0\0\0\x09", Some(Format::Flv)),
        (b"FLAC", Some(Format::Raw)),
        (b"\x1a\x45\xdf\xa3\x9f", Some(Format::Matroska)),
        (
            b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska",
            Some(Format::Matroska),
        ),
        (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm", Some(Format::Webm)),
        (b"OggS\0", Some(Format::Ogg)),
        (b"Ogg", None),
        (
            b"--tag\r\nContent-Type: image/jpeg\r\n\r\n",
            Some(Format::Mpjpeg),
        ),
        (b"--- a/file\n+++ b/file\n\n", Some(Format::Raw)),
        (b"\xff\xd8\xff\xe0", Some(Format::Mjpeg)),
        (&adts, Some(Format::Adts)),
        (&mp3, Some(Format::Mp3)),
        (&tagged, Some(Format::Mp3)),
        (b"RIFF\0\0\0\0WAVE", Some(Format::Wav)),
        (b"RIFF\0\0\0\0AVI ", Some(Format::Raw)),
        (b"hello\n", Some(Format::Raw)),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(Format::Raw)),
    ] {
        assert_eq!(
            format(bytes),
            expected,
            "{:?}",
            Bytes::copy_from_slice(bytes)
        );
    }
}

#[test]
fn names_are_read_back() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
    }
    assert_eq!(
        "avi".parse::<Format>().unwrap_err().to_string(),
        "`avi` is not the name of a container"
    );
}

#[test]
fn what_is_no_container_passes_at_once_as_it_is() {
    let (mut sniffer, mut pieces) = sniff(&[b"hello\n", b"more\n"]);
    assert_eq!(pieces.len(), 2);
    assert!(pieces.iter().all(|it| it.join.as_deref() == Some(&[])));
    sniffer.finish(&mut pieces);
    assert_eq!(pieces.len(), 2);
    let mut sniffer = Sniffer::new(Some(Format::Raw));
    let read = Bytes::from_static(b"OggS");
    sniffer.push(&read, &mut pieces);
    assert_eq!(pieces[2].bytes.as_ptr(), read.as_ptr(), "not copied");
}

#[test]
fn what_is_held_passes_at_the_end() {
    let (mut sniffer, mut pieces) = sniff(&[b"Og"]);
    assert_eq!((pieces.len(), sniffer.format()), (0, None));
    sniffer.finish(&mut pieces);
    assert_eq!(pieces[0].bytes, "Og");
    assert_eq!(pieces[0].join.as_deref(), Some(&[][..]));
}

#[test]
fn a_transport_stream_is_found_again_after_noise() {
    let packet = |counter: u8| [&[0x47, 0x01, 0x00, 0x10 | counter][..], &[9; 184]].concat();
    let clean: Vec<u8> = (0..4).flat_map(packet).collect();
    let noisy = [&clean, &b"\x47noise\x47noise"[..], &clean, &clean].concat();
    let (sniffer, pieces) = sniff(&[&noisy]);
    assert_eq!(sniffer.format(), Some(Format::MpegTs));
    let all: Vec<u8> = pieces.iter().flat_map(|it| it.bytes.to_vec()).collect();
    assert_eq!(all, noisy);
    assert_eq!(pieces.last().unwrap().leave, Leave::Well);
}

#[test]
fn what_is_too_long_to_be_seen_in_one_piece_is_lost() {
    let far = (MOST_HELD as u32 + 1).to_be_bytes();
    let bytes = [&b"\0\0\0\x08ftyp"[..], &far, b"moov", &[0; 100]].concat();
    let (sniffer, pieces) = sniff(&[&bytes]);
    assert_eq!(sniffer.format(), Some(Format::Raw));
    let len: usize = pieces.iter().map(|it| it.bytes.len()).sum();
    assert_eq!(len, bytes.len());
}

#[test]
fn content_types_tell_the_boundary_that_there_is() {
    let content_type = |boundary: &str| {
        let part = format!("--{boundary}\r\nContent-Type: image/jpeg\r\n\r\n");
        let (sniffer, _) = sniff(&[part.as_bytes()]);
        sniffer.content_type().map(std::borrow::Cow::into_owned)
    };
    let of = |boundary: &str| Some(format!("multipart/x-mixed-replace;boundary={boundary}"));
    assert_eq!(content_type("ffmpeg"), of("ffmpeg"));
    assert_eq!(content_type("a b:c"), of("\"a b:c\""));
    // What cannot be said in a header.
    assert_eq!(content_type("\"é"), of("ffmpeg"));
    assert_eq!(sniff(&[b"Ogg"]).0.content_type(), None);
    let known = sniff(&[b"OggS"]).0.content_type();
    assert_eq!(known.as_deref(), Some("application/ogg"));
}

#[test]
fn pictures_without_a_length_end_at_their_boundary() {
    let part = "Content-Type: image/jpeg\r\n\r\n\u{1}--ta\r\n--tag\r\n";
    let whole = format!("--tag\r\n{part}{part}");
    for cut in 1..whole.len() {
        let (head, tail) = whole.as_bytes().split_at(cut);
        let (mut sniffer, mut pieces) = sniff(&[head, tail]);
        sniffer.finish(&mut pieces);
        assert_eq!(sniffer.header().unwrap(), "--tag\r\n");
        let mut at = 0;
        let mut joins = Vec::new();
        for piece in &pieces {
            if piece.join.as_deref() == Some(b"--tag\r\n") {
                joins.push(at);
            }
            at += piece.bytes.len();
        }
        assert_eq!(joins, [7, 7 + part.len()], "cut at {cut}");
        assert_eq!(pieces.last().unwrap().leave, Leave::Well);
    }
}

proptest! {
    /// Whatever a container begins with: nothing panics, nothing is lost or made up, and no more is
    /// held than is said.
    #[test]
    fn any_bytes_pass(
        start in 0..12_usize,
        noise in proptest::collection::vec(any::<u8>(), 0..3000),
        read in 1..700_usize,
    ) {
        let starts: [&[u8]; 12] = [
            b"", b"FLV\x01\x05\0\0\0\x09\0\0\0\0", b"OggS\0\x02", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff",
            b"\0\0\0\x08ftyp\0\0\0\x08moov", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02\0\x10\0data\0\0\0\0",
            b"--t\r\nContent-Type: x\r\n\r\n", b"\xff\xd8\xff\xe0\0\x02", b"ID3\x04\0\0\0\0\0\0",
            b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x1f\x43\xb6\x75\xff",
            b"\0\0\0\x08ftyp\0\0\0\x08moov\0\0\0\x10moof\0\0\0\x08traf", b"\xff\xfb\x94\0",
        ];
        let bytes = [starts[start], &noise].concat();
        let mut sniffer = Sniffer::new(None);
        let mut pieces = Vec::new();
        for read in bytes.chunks(read) {
            sniffer.push(&Bytes::copy_from_slice(read), &mut pieces);
        }
        sniffer.finish(&mut pieces);
        let all: Vec<u8> = pieces.iter().flat_map(|it| it.bytes.to_vec()).collect();
        prop_assert_eq!(all.len(), bytes.len());
        prop_assert!(pieces.is_empty() || pieces[0].join.is_some());
    }
}
