//! What caches may keep, and the identity of what we make.
//!
//! | answer | `Cache-Control` | why |
//! |---|---|---|
//! | media, bytes never change | a year, `immutable` | only where the caller vouches ([`crate::Ask`]) |
//! | media, else | `max-age=60` | one fetch serves a crowd at the live edge; a replaced asset heals within a minute; a segment outlives its window by no more than that |
//! | manifest of a live presentation | `no-cache` | kept, but asked for again each time: 304 while unchanged |
//! | media playlist with parts, asked for without waiting | half a target duration, `no-cache` when that is no whole second | by then there is more |
//! | the same, waited for (`_HLS_msn`) | six target durations | that URL never has to say more |
//! | bad directives (400) | four target durations, `no-store` when time may heal them | |
//! | waited too long, too many waiting, stopping (503) | `no-store` | another try may do |
//! | manifest of a static presentation | `max-age=10` | an asset may be replaced |
//! | too early (425), part not announced yet (404) | `no-store` | the next moment it is there |
//! | gone (410) | `max-age=60` | it stays gone |
//! | other refusals | `no-cache` | content may appear |
//!
//! All media and manifests carry a strong `ETag`, so what has aged is confirmed by a 304; only
//! answers that grow with their segment have none. Sixty seconds of media are the six target
//! durations that RFC 8216bis, B.2 wants, for targets up to ten seconds.

use http::HeaderValue;
use serve::ETag;

/// The version of everything that is generated, part of every entity tag. It is raised with every
/// change that makes other bytes of the same content.
pub const FORMAT_VERSION: u32 = 1;

/// `Cache-Control` of media that the caller vouches for.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` of other media, and of 410.
pub const MINUTE: &str = "public, max-age=60";
/// `Cache-Control` of manifests of static presentations.
pub const SHORT: &str = "public, max-age=10";
/// `Cache-Control` of manifests of live presentations, and of most refusals.
pub const REVALIDATE: &str = "no-cache";
/// `Cache-Control` of 425, and of what another try may change.
pub const NEVER: &str = "no-store";

/// Returns the `Cache-Control` of what may be kept for `seconds`; without any, it is asked for again
/// each time.
pub fn for_seconds(seconds: u64) -> HeaderValue {
    match seconds {
        0 => HeaderValue::from_static(REVALIDATE),
        _ => HeaderValue::try_from(format!("public, max-age={seconds}"))
            .unwrap_or(HeaderValue::from_static(REVALIDATE)),
    }
}

/// Returns the tag of a segment by the supplier's identity of its bytes.
pub fn segment_tag(version: u64) -> ETag {
    ETag::new(FORMAT_VERSION, version)
}

/// Returns the tag of a manifest by its text.
pub fn manifest_tag(text: &str) -> ETag {
    ETag::new(FORMAT_VERSION, hash(text.as_bytes()))
}

/// Hashes bytes to 64 bits: words are folded in by 64x64 -> 128 bit multiplications, as wyhash does.
///
/// It is the same on every machine and in every build, so replicas agree on tags (std's hasher
/// promises neither), and takes eight bytes at a step where FNV takes one. It does not withstand
/// an adversary; those who write manifests are our own writers.
fn hash(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(FACTOR);
        (product as u64) ^ (product >> 64) as u64
    };
    let mut state = fold(SEED, bytes.len() as u64).wrapping_add(SEED);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state, u64::from_le_bytes(*word)).wrapping_add(SEED);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = fold(state, u64::from_le_bytes(last)).wrapping_add(SEED);
    fold(state, SEED)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash(b""), 0x127e_12d6_a3eb_bc97);
        assert_eq!(hash(b"#EXTM3U\n"), 0x6b9f_e376_d188_3b9c);
        assert_eq!(manifest_tag("<MPD/>").value(), "\"1-00427fed1f1531c7\"");
    }

    #[test]
    fn small_changes_give_other_hashes() {
        let text = b"<S t=\"3420000\" d=\"180000\" r=\"30\"/>".repeat(3);
        let mut seen = HashSet::from([hash(&text)]);
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                assert!(seen.insert(hash(&changed)), "byte {at}, bit {bit}");
            }
            assert!(seen.insert(hash(&text[..at])), "first {at} bytes");
        }
        assert!(seen.insert(hash(&[&text[..], b"\0"].concat())));
    }
}
