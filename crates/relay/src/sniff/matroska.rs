//! Matroska and WebM, RFC 9559, of EBML, RFC 8794.
//!
//! Those who join get the header, that is all before the first cluster, but what holds for a file only:
//! its length and the positions of things in it.

use bytes::{Bytes, BytesMut};

use serve::ring::Leave;

use super::{
    MOST_HELD,
    machine::{Join, Step},
};

mod id {
    pub(super) const EBML: u32 = 0x1a45_dfa3;
    pub(super) const DOC_TYPE: u32 = 0x4282;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
    pub(super) const INFO: u32 = 0x1549_a966;
    pub(super) const TRACKS: u32 = 0x1654_ae6b;
    pub(super) const TRACK_ENTRY: u32 = 0xae;
    pub(super) const TRACK_NUMBER: u32 = 0xd7;
    pub(super) const TRACK_TYPE: u32 = 0x83;
    pub(super) const CUES: u32 = 0x1c53_bb6b;
    pub(super) const CHAPTERS: u32 = 0x1043_a770;
    pub(super) const TAGS: u32 = 0x1254_c367;
    pub(super) const ATTACHMENTS: u32 = 0x1941_a469;
    pub(super) const CLUSTER: u32 = 0x1f43_b675;
    pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
    pub(super) const BLOCK_GROUP: u32 = 0xa0;
    pub(super) const BLOCK: u32 = 0xa1;
    pub(super) const REFERENCE_BLOCK: u32 = 0xfb;
    pub(super) const VOID: u32 = 0xec;
}

/// Longest id with length, bytes.
const MOST_HEAD: usize = 12;
/// How far into a cluster its first picture is looked for, bytes.
const MOST_LOOK: usize = 256 << 10;
const VIDEO: u64 = 1;
const KEY_FRAME: u8 = 0x80;

#[derive(Debug, Default)]
pub(super) struct Matroska {
    before: BytesMut,
    header: Option<Bytes>,
    /// Numbers of the video tracks.
    video: Vec<u64>,
    /// The cluster has no length: its blocks pass one by one.
    in_cluster: bool,
    is_webm: bool,
}

/// Id and length of an element.
#[derive(Clone, Copy, Debug)]
struct Head {
    id: u32,
    /// Bytes of id and length.
    len: usize,
    /// Bytes behind them; `None` when that is unknown.
    body: Option<u64>,
}

impl Head {
    /// Reads it, or says how many bytes that takes; `Ok(None)` when there can be none.
    fn read(bytes: &[u8]) -> Result<Option<Self>, usize> {
        let id_len = bytes.first().ok_or(1_usize)?.leading_zeros() as usize + 1;
        if id_len > 4 {
            return Ok(None);
        }
        let size = bytes.get(id_len).ok_or(id_len + 1)?;
        let size_len = size.leading_zeros() as usize + 1;
        if size_len > 8 {
            return Ok(None);
        }
        let len = id_len + size_len;
        let head = bytes.get(..len).ok_or(len)?;
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let most = (1_u64 << (7 * size_len)) - 1;
        let body = number(&head[id_len..]) & most;
        Ok(Some(Self {
            id: number(&head[..id_len]) as u32,
            len,
            body: (body != most).then_some(body),
        }))
    }

    /// Returns the length of the whole element.
    fn whole(&self) -> Option<usize> {
        let body = usize::try_from(self.body?).ok()?;
        body.checked_add(self.len)
    }
}

/// Iterates over the elements in a body that is there as a whole.
fn elements(mut bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let head = Head::read(bytes).ok()??;
        let whole = bytes.get(..head.whole()?)?;
        bytes = &bytes[whole.len()..];
        Some((head.id, &whole[head.len..]))
    })
}

impl Matroska {
    pub(super) fn header(&self) -> Option<Bytes> {
        self.header.clone()
    }

    pub(super) fn is_webm(&self) -> bool {
        self.is_webm
    }

    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        let head = match Head::read(bytes) {
            Ok(Some(head)) => head,
            Ok(None) => return Step::Lost,
            Err(need) => return Step::Need(need),
        };
        match head.id {
            id::EBML => {
                self.header = None;
                self.in_cluster = false;
                self.video.clear();
                self.before.clear();
                self.keep(bytes, head)
            }
            id::SEGMENT => {
                // The same bytes, but with all bits of the length set: unknown.
                let id_len = 4;
                let size_len = head.len - id_len;
                self.before.extend_from_slice(&bytes[..id_len]);
                self.before.extend_from_slice(&[0xff >> (size_len - 1)]);
                self.before.extend_from_slice(&[0xff; 7][..size_len - 1]);
                Step::unit(head.len, Join::No)
            }
            id::CLUSTER => self.cluster(bytes, head),
            id::INFO | id::TRACKS | id::TAGS | id::ATTACHMENTS | id::CHAPTERS
                if self.header.is_none() =>
            {
                self.keep(bytes, head)
            }
            id::INFO
            | id::TRACKS
            | id::TAGS
            | id::ATTACHMENTS
            | id::CHAPTERS
            | id::CUES
            | id::SEEK_HEAD => {
                self.in_cluster = false;
                Self::pass(head)
            }
            _ if self.header.is_none() || self.in_cluster || head.id == id::VOID => {
                Self::pass(head)
            }
            // Above the blocks there are few elements; this one is of no such level.
            _ => Step::Lost,
        }
    }

    fn pass(head: Head) -> Step {
        match head.body {
            Some(body) => Step::Pass {
                len: (head.len as u64).saturating_add(body),
                join: Join::No,
                leave: Leave::Well,
            },
            None => Step::Lost,
        }
    }

    /// Passes an element of the header on and keeps it.
    fn keep(&mut self, bytes: &[u8], head: Head) -> Step {
        let Some(len) = head.whole() else {
            return Step::Lost;
        };
        if bytes.len() < len {
            return Step::Need(len);
        }
        if self.before.len().saturating_add(len) > MOST_HELD {
            return Step::Lost;
        }
        if head.id == id::EBML {
            let mut within = elements(&bytes[head.len..len]);
            // A text may have zeros behind it (RFC 8794, 7.4).
            self.is_webm = within.any(|(id, text)| {
                id == id::DOC_TYPE && text.split(|byte| *byte == 0).next() == Some(b"webm")
            });
        }
        if head.id == id::TRACKS {
            for (_, entry) in elements(&bytes[head.len..len]).filter(|it| it.0 == id::TRACK_ENTRY) {
                let value = |of| {
                    let (_, value) = elements(entry).find(|(id, _)| *id == of)?;
                    let short = value.len() <= 8;
                    short.then(|| {
                        value
                            .iter()
                            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
                    })
                };
                if value(id::TRACK_TYPE) == Some(VIDEO) {
                    self.video.extend(value(id::TRACK_NUMBER));
                }
            }
        }
        self.before.extend_from_slice(&bytes[..len]);
        Step::unit(len, Join::No)
    }

    fn cluster(&mut self, bytes: &[u8], head: Head) -> Step {
        if self.header.is_none() {
            self.header = Some(self.before.split().freeze());
        }
        let join = match self.begins_with_key(bytes, head) {
            Ok(true) => Join::Hard(self.header.clone().unwrap_or_default()),
            Ok(false) => Join::No,
            Err(need) => return Step::Need(need),
        };
        self.in_cluster = head.body.is_none();
        match head.body {
            Some(body) => Step::Pass {
                len: (head.len as u64).saturating_add(body),
                join,
                leave: Leave::Well,
            },
            None => Step::part(head.len, join),
        }
    }

    /// Tells whether the first picture of a cluster is a key frame, or how many bytes that takes.
    fn begins_with_key(&self, bytes: &[u8], cluster: Head) -> Result<bool, usize> {
        if self.video.is_empty() {
            return Ok(true);
        }
        let end = cluster.whole().unwrap_or(usize::MAX);
        let mut at = cluster.len;
        while at < end.min(MOST_LOOK) {
            let head = match Head::read(bytes.get(at..).unwrap_or_default()) {
                Ok(Some(head)) => head,
                Ok(None) => return Ok(false),
                Err(need) => return Err((at + need).max(bytes.len() + 1)),
            };
            let Some(len) = head.whole() else {
                return Ok(false);
            };
            let body = at + head.len;
            let found = match head.id {
                id::CLUSTER => return Ok(false),
                id::SIMPLE_BLOCK => {
                    let shown = bytes.get(body..body + MOST_HEAD.min(len - head.len));
                    let block = shown.ok_or(body + MOST_HEAD)?;
                    self.is_key_block(block).map(|flags| flags & KEY_FRAME != 0)
                }
                id::BLOCK_GROUP => {
                    if len > MOST_LOOK {
                        return Ok(false);
                    }
                    let group = bytes.get(body..at + len).ok_or(at + len)?;
                    let block = elements(group).find(|(id, _)| *id == id::BLOCK);
                    let is_video = block.is_some_and(|(_, it)| self.is_key_block(it).is_some());
                    let refers = elements(group).any(|(id, _)| id == id::REFERENCE_BLOCK);
                    is_video.then_some(!refers)
                }
                _ => None,
            };
            match found {
                Some(is_key) => return Ok(is_key),
                None => at = at.saturating_add(len),
            }
        }
        Ok(false)
    }

    /// Returns the flags of a block of video; track number, 2 bytes of time, flags.
    fn is_key_block(&self, block: &[u8]) -> Option<u8> {
        let len = block.first()?.leading_zeros() as usize + 1;
        if len > 8 {
            return None;
        }
        let number = block.get(..len)?;
        let number = number
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let track = number & ((1_u64 << (7 * len)) - 1);
        let flags = *block.get(len + 2)?;
        self.video.contains(&track).then_some(flags)
    }
}
