//! `multipart/byteranges`, RFC 9110, 14.6.

use std::ops::Range;

use bytes::Bytes;

use super::{content_range, cut};

/// The boundary is a constant, so equal requests get equal bytes; media that holds it is no
/// accident, and misleads only those who made it.
macro_rules! boundary {
    () => {
        "headend-8d1f4c2b7a9e4f60b3c5"
    };
}

/// `Content-Type` of an answer with several parts.
pub(super) const CONTENT_TYPE: &str = concat!("multipart/byteranges; boundary=", boundary!());
const LAST: &str = concat!("\r\n--", boundary!(), "--\r\n");

/// Makes the body: a short head before the slices of each range, which are shared.
pub(super) fn build(
    slices: &[Bytes],
    content_type: &str,
    ranges: &[Range<u64>],
    len: u64,
) -> Vec<Bytes> {
    let mut parts = Vec::with_capacity(ranges.len() * 3 + 1);
    for (index, range) in ranges.iter().enumerate() {
        let line_end = if index == 0 { "" } else { "\r\n" };
        let head = format!(
            "{line_end}--{}\r\nContent-Type: {content_type}\r\nContent-Range: {}\r\n\r\n",
            boundary!(),
            content_range(range, len),
        );
        parts.push(head.into());
        parts.extend(cut(slices, range));
    }
    parts.push(Bytes::from_static(LAST.as_bytes()));
    parts
}
