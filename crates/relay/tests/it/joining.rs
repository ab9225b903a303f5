//! Joining each container in the middle, and skipping in it: what comes out must be decoded without a
//! complaint; and however the input is cut, the same can be joined at.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use bytes::Bytes;
use process::Ffmpeg;
use proptest::{collection::vec, test_runner::TestRunner};
use relay::sniff::{Format, Sniffer, picture};
use serve::ring::{Bounds, End, OnSlow, Piece, Reader, Ring, Start, Writer};

use crate::containers::{SAMPLES, Sample, decode, ffmpeg};

/// Sizes of reads: of pipes, of sockets, of what is unlucky.
const READS: [usize; 5] = [1316, 777, 4096, 188, 8192];

/// A feed with its ring.
struct Feed {
    sniffer: Sniffer,
    writer: Option<Writer>,
    ring: Ring,
    now: Instant,
}

impl Feed {
    fn new(bounds: Bounds) -> Self {
        let writer = Writer::new(bounds);
        Self {
            sniffer: Sniffer::new(None),
            ring: writer.ring(),
            writer: Some(writer),
            now: Instant::now(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let mut reads = READS.iter().cycle();
        let mut rest = Bytes::copy_from_slice(bytes);
        while !rest.is_empty() {
            let read = rest.split_to(reads.next().unwrap().min(&rest.len()).to_owned());
            let mut pieces = Vec::new();
            self.sniffer.push(&read, &mut pieces);
            self.hand(pieces);
        }
    }

    fn finish(&mut self) {
        let mut pieces = Vec::new();
        self.sniffer.finish(&mut pieces);
        self.hand(pieces);
        self.writer = None;
    }

    fn hand(&mut self, pieces: Vec<Piece>) {
        self.writer.as_mut().unwrap().push_all(pieces, self.now);
    }
}

fn everything(reader: &mut Reader) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(more) = reader.ready() {
        bytes.extend_from_slice(&more);
    }
    bytes
}

/// ffmpeg reads 4096 bytes of WAV at a time and calls less at the end corrupt.
fn even_out(feed: &Feed, bytes: &mut Vec<u8>) {
    if feed.sniffer.format() == Some(Format::Wav) {
        let header = feed.sniffer.header().expect("a header").len();
        bytes.truncate(bytes.len() - (bytes.len() - header) % 4096);
    }
}

/// Decodes and returns what is wrong with it; ffmpeg may say what it says of its own output.
fn wrong(
    ffmpeg: &Ffmpeg,
    (sample, own): (&Sample, &[String]),
    what: &str,
    bytes: Vec<u8>,
    frames: RangeInclusive<usize>,
) -> Option<String> {
    let decoded = decode(ffmpeg, sample, bytes);
    let said = |line: &String| line.rsplit("] ").next().map(str::to_owned);
    let own: Vec<_> = own.iter().map(said).collect();
    let is_fine = decoded.complaints.iter().all(|it| own.contains(&said(it)));
    let is_fine = is_fine && frames.contains(&decoded.frames);
    (!is_fine).then(|| format!("{}, {what}: {decoded:#?}", sample.name))
}

#[test]
fn every_container_can_be_joined_in_the_middle() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let mut found = Vec::new();
    for sample in &SAMPLES {
        let bytes = sample.make(&ffmpeg);
        let mut feed = Feed::new(Bounds::default());
        let mut first = feed.ring.join(Start::Newest, OnSlow::Skip);
        let half = bytes.len() / 2;
        feed.push(&bytes[..half]);
        assert_eq!(
            feed.sniffer.format(),
            Some(sample.format),
            "{}",
            sample.name
        );
        let mut late = feed.ring.join(Start::Newest, OnSlow::Skip);
        let mut next = feed.ring.join(Start::Live, OnSlow::Skip);
        let mut of_next = Vec::new();
        for part in bytes[half..].chunks(1000) {
            feed.push(part);
            of_next.extend(everything(&mut next));
        }
        feed.finish();
        of_next.extend(everything(&mut next));
        let all = everything(&mut first);
        assert_eq!(all.len(), bytes.len(), "{}", sample.name);
        // Positions in a fragmented MP4 are made relative.
        assert!(all == bytes || sample.name == "fmp4", "{}", sample.name);
        // A second has 25 pictures or 41 to 50 audio frames; there are eight.
        let rate = if sample.video { 25 } else { 44 };
        let mut of_late = everything(&mut late);
        for bytes in [&mut of_late, &mut of_next] {
            even_out(&feed, bytes);
        }
        let is_same = all == bytes;
        let own = decode(&ffmpeg, sample, bytes).complaints;
        let of = (sample, &*own);
        if !is_same {
            found.extend(wrong(&ffmpeg, of, "all", all, 7 * rate..=10 * rate));
        }
        found.extend(wrong(&ffmpeg, of, "late", of_late, 2 * rate..=7 * rate));
        found.extend(wrong(&ffmpeg, of, "next", of_next, rate..=6 * rate));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn slow_clients_skip_without_a_complaint() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let mut found = Vec::new();
    for sample in &SAMPLES {
        let bytes = sample.make(&ffmpeg);
        let mut feed = Feed::new(Bounds {
            window: Duration::from_secs(1),
            ..Bounds::default()
        });
        let mut slow = feed.ring.join(Start::Newest, OnSlow::Skip);
        let mut got = Vec::new();
        let part = bytes.len() / 40;
        let mut budget = 0;
        for (index, part) in bytes.chunks(part).enumerate() {
            let before = feed.ring.stats().pieces;
            feed.push(part);
            feed.now += Duration::from_millis(200);
            // In the middle half it takes two pieces while five come.
            if (14..34).contains(&index) {
                budget += 2 * (feed.ring.stats().pieces - before);
                while budget >= 5 {
                    budget -= 5;
                    got.extend(slow.ready().unwrap_or_default());
                }
            } else {
                got.extend(everything(&mut slow));
            }
        }
        feed.finish();
        got.extend(everything(&mut slow));
        assert!(feed.ring.stats().skips > 0, "{}", sample.name);
        assert_eq!(slow.end(), Some(End::Finished), "{}", sample.name);
        even_out(&feed, &mut got);
        let own = decode(&ffmpeg, sample, bytes).complaints;
        let of = (sample, &*own);
        found.extend(wrong(&ffmpeg, of, "with gaps", got, 80..=1000));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn another_program_goes_on_in_a_transport_stream() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let sample = &SAMPLES[0];
    let bytes = sample.make(&ffmpeg);
    let mut feed = Feed::new(Bounds::default());
    let mut reader = feed.ring.join(Start::Newest, OnSlow::Skip);
    // It dies in a packet, and comes back with counters that begin anew.
    feed.push(&bytes[..bytes.len() / 2 + 77]);
    feed.sniffer.interrupt();
    feed.push(&bytes);
    feed.finish();
    let decoded = decode(&ffmpeg, sample, everything(&mut reader));
    let is_gap = |line: &&String| line.contains("Continuity") || line.contains("Packet corrupt");
    let gaps: Vec<_> = decoded.complaints.iter().filter(is_gap).collect();
    assert!(gaps.is_empty(), "{gaps:#?}");
    assert!(decoded.frames > 290, "{}", decoded.frames);
}

#[test]
fn the_newest_picture_is_there_without_a_decoder() {
    let Some(ffmpeg) = ffmpeg() else { return };
    for format in [Format::Mjpeg, Format::Mpjpeg] {
        let sample = SAMPLES.iter().find(|it| it.format == format).unwrap();
        let bytes = sample.make(&ffmpeg);
        let mut feed = Feed::new(Bounds::default());
        assert_eq!(picture(&feed.ring), None);
        for part in bytes[..bytes.len() / 2].chunks(bytes.len() / 300) {
            feed.push(part);
            feed.now += Duration::from_millis(20);
        }
        let picture = picture(&feed.ring).expect("a picture");
        assert!(picture.starts_with(&[0xff, 0xd8]) && picture.ends_with(&[0xff, 0xd9]));
        let as_sample = SAMPLES
            .iter()
            .find(|it| it.format == Format::Mjpeg)
            .unwrap();
        let decoded = decode(&ffmpeg, as_sample, picture.to_vec());
        assert_eq!((decoded.frames, decoded.complaints.len()), (1, 0));
    }
}

/// What pieces come to, however they were cut: all bytes, and where and with what one can join.
fn sum(pieces: &[Piece]) -> (Vec<u8>, Vec<(usize, Bytes)>) {
    let mut bytes = Vec::new();
    let mut joins = Vec::new();
    for piece in pieces {
        if let Some(header) = &piece.join {
            joins.push((bytes.len(), header.clone()));
        }
        bytes.extend_from_slice(&piece.bytes);
    }
    (bytes, joins)
}

#[test]
fn however_the_input_is_cut_the_same_can_be_joined_at() {
    let Some(ffmpeg) = ffmpeg() else { return };
    for sample in &SAMPLES {
        let mut bytes = sample.make(&ffmpeg);
        bytes.truncate(400_000);
        let sniff = |sizes: &[usize]| {
            let mut sniffer = Sniffer::new(None);
            let mut pieces = Vec::new();
            let mut sizes = sizes.iter().cycle();
            let mut rest = Bytes::copy_from_slice(&bytes);
            while !rest.is_empty() {
                let read = rest.split_to(sizes.next().unwrap().min(&rest.len()).to_owned());
                sniffer.push(&read, &mut pieces);
            }
            sniffer.finish(&mut pieces);
            assert_eq!(sniffer.format(), Some(sample.format));
            sum(&pieces)
        };
        let (whole, joins) = sniff(&[usize::MAX]);
        // Where one can join without a cut depends on the reads; cuts do not.
        let cuts: Vec<_> = joins.iter().filter(|join| join.0 > 0).collect();
        let mut runner = TestRunner::new(proptest::test_runner::Config {
            cases: 12,
            failure_persistence: None,
            ..proptest::test_runner::Config::default()
        });
        runner
            .run(&vec(1_usize..5000, 1..8), |sizes| {
                let (bytes, joins) = sniff(&sizes);
                assert!(bytes == whole, "{}: other bytes", sample.name);
                let is_missing = |cut: &&&(usize, Bytes)| !joins.contains(cut);
                assert_eq!(cuts.iter().find(is_missing), None, "{}", sample.name);
                Ok(())
            })
            .unwrap();
    }
}
