//! Init segments, named by their content.

use bytes::Bytes;
use media::isobmff::{BoxError, init};

/// The init segment of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// The bytes, durations taken out.
    pub bytes: Bytes,
    /// What they say.
    pub track: init::InitTrack,
    /// File name that tells one content from another: `init-<64-bit hash in hex>.mp4`.
    pub name: String,
}

impl Init {
    /// Reads an init segment (`ftyp` and `moov`). Errors: it cannot be read, or has not exactly one
    /// video, audio or text track.
    pub fn read(bytes: &[u8]) -> Result<Self, BoxError> {
        let read = init::read(bytes)?;
        let count = read.tracks.len();
        let mut tracks = read.tracks.into_iter();
        let (Some(track), 1) = (tracks.next(), count) else {
            return Err(BoxError {
                path: "moov".to_owned(),
                offset: 0,
                reason: format!("has {count} tracks, not one").into(),
            });
        };
        let bytes = Bytes::from(init::live(bytes)?);
        Ok(Self {
            name: format!("init-{:016x}.mp4", fnv1a(&bytes)),
            bytes,
            track,
        })
    }
}

/// The 64-bit FNV-1a hash: the same on every machine and in every version, which names on disk
/// need. It tells apart the few init segments of a channel.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packager::testing;

    #[test]
    fn equal_content_has_an_equal_name() {
        let one = Init::read(testing::AVC_INIT).expect("reads");
        let two = Init::read(testing::AVC_INIT).expect("reads");
        assert_eq!(one, two);
        let other = Init::read(testing::AAC_INIT).expect("reads");
        assert_ne!(one.name, other.name);
        assert_eq!(one.name.len(), "init-0123456789abcdef.mp4".len());
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn what_has_no_track_is_refused() {
        let error = Init::read(b"\0\0\0\x08ftyp").expect_err("no moov");
        assert!(error.to_string().contains("moov"), "{error}");
    }
}
