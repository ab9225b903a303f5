//! The newest picture of a feed of JPEGs, so that nobody has to make one.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serve::ring::{Leave, OnSlow, Ring, Start};

/// Longest picture, bytes.
const MOST: usize = 16 << 20;

/// Returns the newest whole JPEG of a ring of [`super::Format::Mjpeg`] or [`super::Format::Mpjpeg`];
/// `None` when there is none yet.
pub fn picture(ring: &Ring) -> Option<Bytes> {
    // The newest may be on its way still: then one that is older.
    let ages = [0, 50, 200, 1000, 5000, 60_000].map(Duration::from_millis);
    let mut starts = ages.into_iter().map(Start::Back);
    starts.find_map(|start| newest(ring, start))
}

fn newest(ring: &Ring, start: Start) -> Option<Bytes> {
    let mut reader = ring.join(start, OnSlow::Drop);
    let mut bytes = BytesMut::new();
    while let Some(more) = reader.ready() {
        bytes.extend_from_slice(&more);
        if let Some(picture) = first(&bytes) {
            return Some(picture);
        }
        if bytes.len() > MOST {
            return None;
        }
    }
    None
}

/// Returns the first JPEG in some bytes, if it is there as a whole.
fn first(bytes: &[u8]) -> Option<Bytes> {
    let from = bytes.windows(3).position(|it| it == [0xff, 0xd8, 0xff])?;
    let mut machine = super::mjpeg::Mjpeg::default();
    let mut at = from;
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let super::Step::Pass { len, leave, .. } = machine.step(rest) else {
            return None;
        };
        at = at.checked_add(usize::try_from(len).ok()?)?;
        if leave == Leave::Well {
            return bytes.get(from..at).map(Bytes::copy_from_slice);
        }
    }
}
