//! Encryption of finished segments, on their way from the work place to the published folder.
//!
//! | scheme | what is encrypted | who plays it |
//! |---|---|---|
//! | `aes-128` | whole segments, AES-128-CBC with the segment's number as initialization vector | HLS (RFC 8216bis, 4.4.4.4) |
//! | `cbcs` | samples: slices of pictures by the pattern 1:9, whole frames of sound | HLS and DASH with an EME key system |
//!
//! Under `cbcs` the first bytes of every slice stay clear, more than a slice header has, so that it
//! need not be parsed. Each stretch begins with the one constant vector (ISO/IEC 23001-7, 10.4).
//! Subtitles and pictures are not encrypted under `cbcs`, as is usual.

use std::fmt;

use aes::Aes128;
use bytes::Bytes;
use cbc::{
    Decryptor, Encryptor,
    cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7},
};
use media::{
    isobmff::{
        BoxError, FourCc,
        build::{Fragment, SampleEntry},
        fields::Subsample,
        init::{self, InitTrack, Protection},
        protect,
        segment::{self, Sample},
        walk,
    },
    presentation::Content,
    xml::{Element, Node},
};

use store::digest::Digest;

use super::TrackParts;
use crate::{
    encode::{KeyFrame, SegmentFacts},
    plan::{Encryption, Scheme},
};

/// Bytes of a slice that stay clear: its NAL unit header, its slice header and more.
const CLEAR: usize = 64;
/// Length of a block of AES.
const BLOCK: usize = 16;
/// Key system of keys that are told in the clear, DASH-IF.
const CLEAR_KEY: &str = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e";
/// Of ten blocks one is encrypted.
const PATTERN: (u8, u8) = (1, 9);

/// Tells whether tracks of this kind are encrypted: pictures and sound, under any scheme.
pub fn applies_to(content: Content) -> bool {
    matches!(content, Content::Video | Content::Audio)
}

/// Returns the attributes of `EXT-X-KEY`.
pub(super) fn key_attributes(encryption: &Encryption) -> String {
    let uri: String = encryption
        .key_uri
        .chars()
        .filter(|c| *c != '"' && !c.is_control())
        .collect();
    match encryption.scheme {
        Scheme::Aes128 => format!("METHOD=AES-128,URI=\"{uri}\""),
        Scheme::Cbcs => {
            let format = if uri.starts_with("skd:") {
                "com.apple.streamingkeydelivery"
            } else {
                "identity"
            };
            format!(
                "METHOD=SAMPLE-AES,URI=\"{uri}\",KEYFORMAT=\"{format}\",KEYFORMATVERSIONS=\"1\""
            )
        }
    }
}

/// Returns what an MPD says of encrypted sets: the scheme with its key id, and where to get the key for
/// players that need no licence server (W3C Clear Key).
pub(super) fn descriptors(encryption: &Encryption) -> Vec<Element> {
    if encryption.scheme != Scheme::Cbcs {
        return Vec::new();
    }
    let id = key_id(&encryption.key_id).map_or_else(
        || encryption.key_id.clone(),
        |id| {
            let digits = format!("{:032x}", u128::from_be_bytes(id));
            let (a, b, c) = (&digits[..8], &digits[8..12], &digits[12..16]);
            format!("{a}-{b}-{c}-{}-{}", &digits[16..20], &digits[20..])
        },
    );
    let common = Element::new(
        "ContentProtection",
        &[
            ("schemeIdUri", "urn:mpeg:dash:mp4protection:2011"),
            ("value", "cbcs"),
            ("cenc:default_KID", &id),
        ],
    );
    let mut clear_key = Element::new(
        "ContentProtection",
        &[("schemeIdUri", CLEAR_KEY), ("value", "ClearKey1.0")],
    );
    let mut address = Element::new("dashif:Laurl", &[]);
    address
        .children
        .push(Node::Text(encryption.key_uri.clone()));
    clear_key.children.push(Node::Element(address));
    vec![common, clear_key]
}

/// Names that [`descriptors`] need.
pub(super) fn namespaces() -> Vec<(String, String)> {
    [
        ("xmlns:cenc", "urn:mpeg:cenc:2013"),
        ("xmlns:dashif", "https://dashif.org/CPS"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// A content key with what goes along. Its debug form is hidden.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub key: [u8; 16],
    /// The constant initialization vector of `cbcs`.
    pub iv: [u8; 16],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Encrypts a whole track, as [`package`](super::package) takes it. `read` gives the clear segments by
/// their names (`v0/12.m4s`), `write` takes the encrypted ones. Tracks that are not encrypted stay as
/// they are and are not read.
///
/// Errors: those of [`Protector`], and what `read` and `write` say.
pub fn track<E: From<ProtectError>>(
    encryption: &Encryption,
    key: &Key,
    clear: &TrackParts,
    mut read: impl FnMut(&str) -> Result<Bytes, E>,
    mut write: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<TrackParts, E> {
    let Some(init) = clear.inits.first() else {
        return Ok(clear.clone());
    };
    let protector = Protector::new(encryption, key, Some(init))?;
    if !protector
        .track
        .as_ref()
        .is_some_and(|track| applies_to(track.content))
    {
        return Ok(clear.clone());
    }
    let mut parts = clear.clone();
    for init in &mut parts.inits {
        *init = protector.init(init)?.into();
    }
    for segment in parts.parts.iter_mut().flat_map(|part| &mut part.segments) {
        let name = format!("{}/{}.m4s", clear.id, segment.number);
        let bytes = protector.segment(&read(&name)?, segment)?;
        write(&name, &bytes)?;
    }
    Ok(parts)
}

/// Decrypts a segment that was encrypted as a whole (`aes-128`) under its number; `None` when that was
/// done with another key.
pub fn open(key: &Key, number: u64, bytes: &[u8]) -> Option<Bytes> {
    let iv = u128::from(number).to_be_bytes();
    let clear = Decryptor::<Aes128>::new(&key.key.into(), &iv.into())
        .decrypt_padded_vec::<Pkcs7>(bytes)
        .ok()?;
    Some(clear.into())
}

/// Why something cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    /// A key id that is none.
    #[error("key id `{0}` is not 32 hexadecimal digits")]
    KeyId(String),
    /// Media that cannot be read.
    #[error(transparent)]
    Media(#[from] BoxError),
    /// A codec of which the samples cannot be taken apart.
    #[error("`{0}` cannot be encrypted by samples")]
    Codec(FourCc),
}

/// Encrypts the files of one track.
#[derive(Clone, Debug)]
pub struct Protector {
    scheme: Scheme,
    key_id: [u8; 16],
    key: Key,
    /// What the clear init segment says; absent for tracks without one.
    track: Option<InitTrack>,
}

impl Protector {
    /// Makes one for a track with this clear init segment, if it has one.
    pub fn new(
        encryption: &Encryption,
        key: &Key,
        clear_init: Option<&[u8]>,
    ) -> Result<Self, ProtectError> {
        let key_id = match encryption.scheme {
            Scheme::Aes128 => [0; 16],
            Scheme::Cbcs => encryption.key_id()?,
        };
        let track = match clear_init {
            Some(bytes) => init::read(bytes)?.tracks.into_iter().next(),
            None => None,
        };
        Ok(Self {
            scheme: encryption.scheme,
            key_id,
            key: key.clone(),
            track,
        })
    }

    /// Returns the init segment to publish. Under `aes-128` that is the clear one.
    pub fn init(&self, clear: &[u8]) -> Result<Vec<u8>, ProtectError> {
        if self.scheme == Scheme::Aes128 || self.samples().is_none() {
            return Ok(clear.to_vec());
        }
        Ok(protect::init(clear, &self.protection())?)
    }

    /// Encrypts a segment; the facts become those of the result.
    pub fn segment(&self, clear: &[u8], facts: &mut SegmentFacts) -> Result<Vec<u8>, ProtectError> {
        let out = match (self.scheme, self.samples()) {
            (Scheme::Aes128, _) => {
                // A part of the file cannot be decrypted by itself.
                facts.keys.clear();
                let iv = u128::from(facts.number).to_be_bytes();
                Encryptor::<Aes128>::new(&self.key.key.into(), &iv.into())
                    .encrypt_padded_vec::<Pkcs7>(clear)
            }
            (Scheme::Cbcs, Some(samples)) => self.by_samples(clear, samples, facts)?,
            (Scheme::Cbcs, None) => clear.to_vec(),
        };
        facts.bytes = out.len() as u64;
        Ok(out)
    }

    /// What kind of samples there are to encrypt; nothing for subtitles and tiles.
    fn samples(&self) -> Option<&InitTrack> {
        self.track
            .as_ref()
            .filter(|track| applies_to(track.content))
    }

    fn protection(&self) -> Protection {
        let is_video = self
            .track
            .as_ref()
            .is_some_and(|track| track.size.is_some());
        Protection {
            scheme: FourCc(*b"cbcs"),
            default_kid: self.key_id,
            per_sample_iv_size: 0,
            constant_iv: self.key.iv.to_vec(),
            pattern: if is_video { PATTERN } else { (0, 0) },
        }
    }

    /// Encrypts the samples of all fragments and writes the fragments anew.
    fn by_samples(
        &self,
        clear: &[u8],
        track: &InitTrack,
        facts: &mut SegmentFacts,
    ) -> Result<Vec<u8>, ProtectError> {
        let samples = segment::samples(clear, &track.defaults)?;
        let fragments = segment::index(clear, &track.defaults)?;
        let styp = walk::find(clear, &[b"styp"])?.map_or(0, |styp| styp.end());
        let mut out = clear.get(..styp).unwrap_or_default().to_vec();
        let mut rest = samples.as_slice();
        let keys = std::mem::take(&mut facts.keys);
        for (number, fragment) in fragments.iter().enumerate() {
            let count = (fragment.sample_count as usize).min(rest.len());
            let (these, others) = rest.split_at(count);
            rest = others;
            let mut data = Vec::with_capacity(fragment.len as usize);
            let mut subsamples = Vec::with_capacity(count);
            for sample in these {
                let from = data.len();
                data.extend_from_slice(clear.get(sample.data.clone()).unwrap_or_default());
                let bytes = data.get_mut(from..).unwrap_or_default();
                subsamples.push(self.sample(bytes, track)?);
            }
            let entries: Vec<SampleEntry> = these.iter().map(entry).collect();
            let of = Fragment {
                track_id: track.track_id,
                sequence_number: fragment.sequence_number,
                decode_time: fragment.decode_time,
                styp: None,
                samples: &entries,
            };
            let head = if track.content == Content::Video {
                protect::fragment(&of, &subsamples)?
            } else {
                // Whole samples under a constant vector need no table.
                media::isobmff::build::fragment(&of)
            };
            if let Some(key) = keys.get(number) {
                let first = entries.first().map_or(0, |one| u64::from(one.size));
                facts.keys.push(KeyFrame {
                    offset: out.len() as u64,
                    bytes: head.len() as u64 + first,
                    ..*key
                });
            }
            out.extend_from_slice(&head);
            out.extend_from_slice(&data);
        }
        Ok(out)
    }

    /// Encrypts a sample in place and tells what of it is clear.
    fn sample(&self, data: &mut [u8], track: &InitTrack) -> Result<Vec<Subsample>, ProtectError> {
        let is_slice: fn(u8) -> bool = match &track.sample_entry.0 {
            b"avc1" | b"avc3" => |header| matches!(header & 0x1f, 1..=5),
            b"hvc1" | b"hev1" => |header| header >> 1 & 0x3f < 32,
            _ if track.content == Content::Audio => {
                self.stretch(data, (1, 0));
                return Ok(Vec::new());
            }
            _ => return Err(ProtectError::Codec(track.sample_entry)),
        };
        let mut found = Vec::new();
        let mut clear = 0;
        let mut at = 0;
        while let Some(length) = data.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            let unit = at + 4;
            let end = unit
                .saturating_add(u32::from_be_bytes(*length) as usize)
                .min(data.len());
            let header = data.get(unit).copied().unwrap_or_default();
            let from = (unit + CLEAR).min(end);
            if is_slice(header) && end - from >= BLOCK {
                self.stretch(data.get_mut(from..end).unwrap_or_default(), {
                    let (encrypted, clear) = PATTERN;
                    (encrypted.into(), clear.into())
                });
                push_clear(&mut found, clear + from - at);
                if let Some(last) = found.last_mut() {
                    last.protected = (end - from) as u32;
                }
                clear = 0;
            } else {
                clear += end - at;
            }
            at = end;
        }
        if clear > 0 {
            push_clear(&mut found, clear);
        }
        Ok(found)
    }

    /// Encrypts one stretch by a pattern of blocks; what is no whole block stays clear.
    fn stretch(&self, data: &mut [u8], (encrypted, clear): (usize, usize)) {
        let mut cipher = Encryptor::<Aes128>::new(&self.key.key.into(), &self.key.iv.into());
        for run in data.chunks_mut((encrypted + clear) * BLOCK) {
            for place in run.chunks_exact_mut(BLOCK).take(encrypted) {
                let mut block = [0; BLOCK];
                block.copy_from_slice(place);
                let mut block = block.into();
                cipher.encrypt_block(&mut block);
                place.copy_from_slice(&block);
            }
        }
    }
}

fn entry(sample: &Sample) -> SampleEntry {
    SampleEntry {
        duration: sample.duration,
        size: sample.data.len() as u32,
        flags: sample.flags,
        composition_offset: sample.composition_offset,
    }
}

/// Adds a clear stretch, in pieces where 16 bits do not hold its length.
fn push_clear(list: &mut Vec<Subsample>, mut bytes: usize) {
    loop {
        let clear = bytes.min(usize::from(u16::MAX));
        list.push(Subsample {
            clear: clear as u16,
            protected: 0,
        });
        bytes -= clear;
        if bytes == 0 {
            return;
        }
    }
}

impl Key {
    /// Reads the content of a key file: the 16 bytes of the key, or text as [`Key::parse`] reads it.
    pub fn read(content: &[u8]) -> Option<Self> {
        if let Ok(key) = content.try_into() {
            return Some(Self { key, iv: [0; 16] });
        }
        Self::parse(std::str::from_utf8(content).ok()?.trim())
    }

    /// Returns what tells it from other keys, and from which it cannot be found out.
    pub fn fingerprint(&self) -> String {
        let mut digest = Digest::default();
        for part in [&self.key, &self.iv] {
            digest.field(&format!("headend key {:032x}", u128::from_be_bytes(*part)));
        }
        digest.hex()
    }

    /// Reads a key, and a vector if there is one, of 32 hexadecimal digits each: `KEY` or `KEY:IV`.
    /// Without a vector it is zero.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, iv) = text.split_once(':').unwrap_or((text, ""));
        let iv = if iv.is_empty() { [0; 16] } else { key_id(iv)? };
        Some(Self {
            key: key_id(key)?,
            iv,
        })
    }
}

impl Encryption {
    /// Returns the key id as bytes. Fails if it is none.
    fn key_id(&self) -> Result<[u8; 16], ProtectError> {
        key_id(&self.key_id).ok_or_else(|| ProtectError::KeyId(self.key_id.clone()))
    }

    /// Looks whether players can be told of it. Fails with a sentence.
    pub fn check(&self) -> Result<(), String> {
        let is_odd = |c: char| c == '"' || c.is_control() || c.is_whitespace();
        if self.key_uri.is_empty() || self.key_uri.contains(is_odd) {
            return Err("players need a URI to get the key from".to_owned());
        }
        match self.scheme {
            Scheme::Aes128 => Ok(()),
            Scheme::Cbcs => self.key_id().map(drop).map_err(|error| error.to_string()),
        }
    }
}

/// Reads 32 hexadecimal digits, with or without dashes.
fn key_id(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let plain = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = u128::from_str_radix(&digits, 16).ok().filter(|_| plain)?;
    Some(value.to_be_bytes())
}

#[cfg(test)]
mod tests;
