//! MPEG transport streams, ISO/IEC 13818-1.
//!
//! A client joins at a packet that begins a key frame: one with `random_access_indicator`, or one in
//! which a sequence header, parameter set or intra picture begins. Before that it gets the newest PAT and
//! PMT, and for each PID a packet without payload that has `discontinuity_indicator` and the continuity
//! counter that comes before the next: so the gap is announced to those who come as to those who skip
//! (2.4.3.3 to 2.4.3.5).

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};

use serve::ring::Leave;

use super::machine::{Join, Step};

/// Bytes of a packet, and the first of them.
pub(super) const PACKET: usize = 188;
pub(super) const SYNC: u8 = 0x47;

/// Packets of a PAT or PMT, and programs, that are remembered.
const MOST_TABLE: usize = 8;
const MOST_PROGRAMS: usize = 16;
/// Elementary streams that are announced to who joins.
const MOST_STREAMS: usize = 64;
/// What no continuity counter is.
const UNKNOWN: u8 = 0xff;

#[derive(Debug)]
pub(super) struct Ts {
    /// Whether packets were where they should be.
    in_sync: bool,
    pat: Table,
    /// The PID of each PMT, and the PMT.
    pmts: Vec<(u16, Table)>,
    streams: Vec<Stream>,
    /// Where one joins: the first video stream, or else the first one.
    main: Option<usize>,
    /// Last continuity counter of each PID.
    counters: Box<[u8; 8192]>,
    /// PIDs that have gone on after a take-over; `None` when there was none.
    gone_on: Option<HashSet<u16>>,
}

/// The newest packets of a table.
#[derive(Clone, Debug, Default)]
struct Table {
    packets: Vec<[u8; PACKET]>,
    version: Option<u64>,
}

/// An elementary stream of a PMT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stream {
    pid: u16,
    codec: Codec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Mpeg2,
    H264,
    H265,
    OtherVideo,
    Other,
}

impl Codec {
    /// By `stream_type`, table 2-34.
    fn of(stream_type: u8) -> Self {
        match stream_type {
            0x01 | 0x02 => Self::Mpeg2,
            0x1b => Self::H264,
            0x24 => Self::H265,
            0x10 | 0x20 | 0x21 | 0x33 | 0x42 | 0xd1 | 0xea => Self::OtherVideo,
            _ => Self::Other,
        }
    }

    /// Tells whether a key frame begins in what follows a PES header.
    fn begins_key(self, payload: &[u8]) -> bool {
        let mut units = payload
            .windows(4)
            .filter(|it| it[..3] == [0, 0, 1])
            .map(|it| it[3]);
        match self {
            Self::Mpeg2 => units.any(|code| code == 0xb3),
            Self::H264 => units.any(|unit| matches!(unit & 0x1f, 5 | 7)),
            Self::H265 => units.any(|unit| matches!((unit >> 1) & 0x3f, 16..=21 | 32 | 33)),
            Self::OtherVideo | Self::Other => false,
        }
    }
}

/// A view of a packet.
#[derive(Clone, Copy)]
struct Packet<'a>(&'a [u8]);

impl<'a> Packet<'a> {
    fn pid(self) -> u16 {
        u16::from_be_bytes([self.0[1], self.0[2]]) & 0x1fff
    }

    /// `payload_unit_start_indicator`
    fn begins_unit(self) -> bool {
        self.0[1] & 0x40 != 0
    }

    fn has_payload(self) -> bool {
        self.0[3] & 0x10 != 0
    }

    fn counter(self) -> u8 {
        self.0[3] & 0x0f
    }

    /// Flags of the adaptation field, 0 without one.
    fn adaptation(self) -> u8 {
        let has_flags = self.0[3] & 0x20 != 0 && self.0[4] > 0;
        if has_flags { self.0[5] } else { 0 }
    }

    fn payload(self) -> &'a [u8] {
        let from = match self.0[3] >> 4 & 3 {
            1 => 4,
            3 => 5 + usize::from(self.0[4]),
            _ => PACKET,
        };
        self.0.get(from..PACKET).unwrap_or_default()
    }
}

impl Default for Ts {
    fn default() -> Self {
        Self {
            in_sync: true,
            pat: Table::default(),
            pmts: Vec::new(),
            streams: Vec::new(),
            main: None,
            counters: Box::new([UNKNOWN; 8192]),
            gone_on: None,
        }
    }
}

impl Ts {
    /// Makes the machine of a stream that another program goes on with.
    pub(super) fn taken_over() -> Self {
        Self {
            gone_on: Some(HashSet::new()),
            ..Self::default()
        }
    }

    /// Returns what goes before a join now: the tables, and a discontinuity on each stream.
    pub(super) fn header(&self) -> Option<Bytes> {
        self.main?;
        let tables = [&self.pat]
            .into_iter()
            .chain(self.pmts.iter().map(|(_, pmt)| pmt));
        let packets = tables
            .clone()
            .map(|table| table.packets.len())
            .sum::<usize>();
        let mut header = BytesMut::with_capacity((packets + self.streams.len()) * PACKET);
        for packet in tables.flat_map(|table| &table.packets) {
            header.extend_from_slice(packet);
        }
        for stream in &self.streams {
            let counter = self.counters[usize::from(stream.pid)];
            if counter != UNKNOWN {
                header.extend_from_slice(&discontinuity(stream.pid, counter));
            }
        }
        Some(header.freeze())
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes[0] != SYNC {
            self.in_sync = false;
            let next = bytes.iter().position(|byte| *byte == SYNC);
            return Step::unit(next.unwrap_or(bytes.len()), Join::No);
        }
        // A byte that looks like the first of a packet is believed when another follows.
        let need = if self.in_sync { PACKET } else { PACKET + 1 };
        if bytes.len() < need {
            return Step::Need(need);
        }
        if !self.in_sync && bytes[PACKET] != SYNC {
            return Step::unit(1, Join::No);
        }
        self.in_sync = true;
        self.packet(Packet(&bytes[..PACKET]))
    }

    fn packet(&mut self, packet: Packet<'_>) -> Step {
        let pid = packet.pid();
        if let Some(gone_on) = &mut self.gone_on
            && pid != 0x1fff
            && gone_on.insert(pid)
        {
            let before = packet
                .counter()
                .wrapping_sub(u8::from(packet.has_payload()))
                & 0x0f;
            return Step::Swap {
                len: 0,
                bytes: Bytes::copy_from_slice(&discontinuity(pid, before)),
                join: None,
                leave: Leave::Well,
            };
        }
        let join = self.join(packet);
        if packet.has_payload() {
            self.counters[usize::from(pid)] = packet.counter();
        }
        if pid == 0 {
            self.pat.add(packet);
            self.read_pat();
        } else if let Some(found) = self.pmts.iter().position(|(of, _)| *of == pid) {
            self.pmts[found].1.add(packet);
            self.read_pmts();
        }
        // Who leaves inside of a picture leaves it torn.
        let leave = match self.main {
            Some(_) => Leave::IfNeedBe,
            None => Leave::Well,
        };
        Step::pass(PACKET, join, leave)
    }

    fn join(&self, packet: Packet<'_>) -> Join {
        let main = self.main.and_then(|main| self.streams.get(main));
        let Some(stream) = main.filter(|main| main.pid == packet.pid() && packet.begins_unit())
        else {
            return Join::No;
        };
        let is_key = match stream.codec {
            Codec::Other => true,
            codec => packet.adaptation() & 0x40 != 0 || codec.begins_key(packet.payload()),
        };
        let header = if is_key { self.header() } else { None };
        match header {
            Some(header) => Join::Hard(header),
            None => Join::Border,
        }
    }

    fn read_pat(&mut self) {
        let Some(section) = self.pat.changed(0x00) else {
            return;
        };
        // Behind the header of 8 bytes: program number and PID; program 0 is the network.
        let programs = section[8..].chunks_exact(4);
        let pids = programs
            .filter(|program| program[..2] != [0, 0])
            .map(|program| u16::from_be_bytes([program[2], program[3]]) & 0x1fff)
            .take(MOST_PROGRAMS);
        let old = std::mem::take(&mut self.pmts);
        for pid in pids {
            let known = old.iter().find(|(of, _)| *of == pid);
            let table = known.map(|(_, table)| table.clone()).unwrap_or_default();
            if self.pmts.iter().all(|(of, _)| *of != pid) {
                self.pmts.push((pid, table));
            }
        }
        self.find_streams();
    }

    fn read_pmts(&mut self) {
        let mut is_new = false;
        for (_, pmt) in &mut self.pmts {
            is_new |= pmt.changed(0x02).is_some();
        }
        if is_new {
            self.find_streams();
        }
    }

    /// Lists the streams of all programs, and chooses the one by which clients join.
    fn find_streams(&mut self) {
        self.streams.clear();
        let sections = self.pmts.iter().filter_map(|(_, pmt)| pmt.section(0x02));
        for section in sections {
            // Behind 12 bytes and the descriptors of the program: type, PID, descriptors.
            let mut at = 12 + length(&section, 10);
            while let Some(&[stream_type, high, low, _, _]) = section.get(at..at + 5)
                && self.streams.len() < MOST_STREAMS
            {
                self.streams.push(Stream {
                    pid: u16::from_be_bytes([high, low]) & 0x1fff,
                    codec: Codec::of(stream_type),
                });
                at += 5 + length(&section, at + 3);
            }
        }
        let video = self.streams.iter().position(|it| it.codec != Codec::Other);
        self.main = video.or((!self.streams.is_empty()).then_some(0));
    }
}

/// Reads a length of 12 bits; 0 behind the end.
fn length(section: &[u8], at: usize) -> usize {
    section.get(at..at + 2).map_or(0, |bytes| {
        usize::from(u16::from_be_bytes([bytes[0], bytes[1]]) & 0x0fff)
    })
}

impl Table {
    fn add(&mut self, packet: Packet<'_>) {
        let Ok(bytes) = packet.0.try_into() else {
            return;
        };
        if packet.begins_unit() {
            self.packets.clear();
        } else if self.packets.is_empty() || self.packets.len() == MOST_TABLE {
            return;
        }
        self.packets.push(bytes);
    }

    /// Returns the section when it is complete and not the one that this was called for before.
    fn changed(&mut self, table_id: u8) -> Option<Vec<u8>> {
        let section = self.section(table_id)?;
        let mut hash = std::hash::DefaultHasher::new();
        std::hash::Hash::hash_slice(&section, &mut hash);
        let version = Some(std::hash::Hasher::finish(&hash));
        (std::mem::replace(&mut self.version, version) != version).then_some(section)
    }

    /// Returns the first section without its CRC, once it is complete, 2.4.4.
    fn section(&self, table_id: u8) -> Option<Vec<u8>> {
        let payloads = self.packets.iter().map(|packet| Packet(packet).payload());
        let all: Vec<u8> = payloads.flatten().copied().collect();
        let from = 1 + usize::from(*all.first()?);
        let section = all.get(from..)?;
        let end = 3 + length(section, 1);
        // The header of a section with a syntax is 8 bytes, its CRC 4.
        let whole = section.get(..end).filter(|it| it.len() >= 12)?;
        (whole[0] == table_id).then(|| whole[..end - 4].to_vec())
    }
}

/// Makes a packet without payload that announces a gap on a PID, 2.4.3.4.
fn discontinuity(pid: u16, counter: u8) -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    let [high, low] = pid.to_be_bytes();
    packet[..6].copy_from_slice(&[
        SYNC,
        high,
        low,
        0x20 | counter, // no payload: the counter stays
        183,            // adaptation_field_length: the rest
        0x80,           // discontinuity_indicator
    ]);
    packet
}
