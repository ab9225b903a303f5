//! Walks the boxes of a byte slice (ISO/IEC 14496-12, 4.2): 32 and 64-bit sizes, size 0 to the
//! end. Knows no box contents; callers say where children begin.

use std::ops::Range;

use super::{BoxError, FourCc, be};

/// Deepest nesting that is followed: that of `tenc` in a protected sample entry is ten.
const MAX_DEPTH: usize = 12;

/// Types of the boxes around a box.
#[derive(Clone, Copy, Debug, Default)]
struct Trail {
    kinds: [FourCc; MAX_DEPTH],
    depth: usize,
}

impl Trail {
    fn text(&self, last: Option<FourCc>) -> String {
        let parents = self.kinds.iter().take(self.depth).copied();
        let names: Vec<String> = parents.chain(last).map(|kind| kind.to_string()).collect();
        names.join("/")
    }
}

/// A box in the bytes it was found in.
#[derive(Clone, Copy, Debug)]
pub struct BoxView<'a> {
    /// Its type.
    pub kind: FourCc,
    /// Offset of its first byte in the bytes that the walk began with.
    pub offset: usize,
    /// Length of its header: 8, or 16 with a 64-bit size.
    pub header_len: usize,
    /// The whole box with its header.
    pub bytes: &'a [u8],
    trail: Trail,
}

impl<'a> BoxView<'a> {
    /// Returns what follows the header.
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(self.header_len..).unwrap_or_default()
    }

    /// Returns where the body lies in the bytes that the walk began with.
    pub fn body_range(&self) -> Range<usize> {
        self.offset + self.header_len..self.end()
    }

    /// Returns the offset behind the last byte.
    pub fn end(&self) -> usize {
        self.offset + self.bytes.len()
    }

    /// Iterates over the boxes that fill the body.
    pub fn children(&self) -> Boxes<'a> {
        self.children_after(0)
    }

    /// Iterates over the boxes that follow `skip` bytes of fields.
    pub fn children_after(&self, skip: usize) -> Boxes<'a> {
        let body = self.body();
        let skip = skip.min(body.len());
        let mut trail = self.trail;
        let too_deep = trail.depth >= MAX_DEPTH;
        if let Some(place) = trail.kinds.get_mut(trail.depth) {
            *place = self.kind;
            trail.depth += 1;
        }
        Boxes {
            rest: body.get(skip..).unwrap_or_default(),
            offset: self.offset + self.header_len + skip,
            trail,
            too_deep,
        }
    }

    /// Finds the first child of a type.
    pub fn child(&self, kind: impl Into<FourCc>) -> Result<Option<BoxView<'a>>, BoxError> {
        first(self.children(), kind)
    }

    /// Finds the first child of a type; without one it is an error.
    pub fn required(&self, kind: impl Into<FourCc>) -> Result<BoxView<'a>, BoxError> {
        let kind = kind.into();
        self.child(kind)?
            .ok_or_else(|| self.error(format!("has no `{kind}`")))
    }

    /// Reads the body with a function that gives nothing when the body is too short.
    pub fn parse<T>(&self, read: impl FnOnce(&'a [u8]) -> Option<T>) -> Result<T, BoxError> {
        read(self.body()).ok_or_else(|| self.error("too short for its version, flags and counts"))
    }

    /// Makes an error that names this box.
    pub fn error(&self, reason: impl Into<std::borrow::Cow<'static, str>>) -> BoxError {
        BoxError {
            path: self.trail.text(Some(self.kind)),
            offset: self.offset as u64,
            reason: reason.into(),
        }
    }
}

/// Iterates over boxes; stops after the first error.
#[derive(Clone, Debug)]
pub struct Boxes<'a> {
    rest: &'a [u8],
    offset: usize,
    trail: Trail,
    too_deep: bool,
}

/// Iterates over the boxes of a file or segment.
pub fn boxes(data: &[u8]) -> Boxes<'_> {
    Boxes {
        rest: data,
        offset: 0,
        trail: Trail::default(),
        too_deep: false,
    }
}

/// Iterates over the boxes of a file or segment from a position on; nothing behind the end.
pub fn boxes_from(data: &[u8], offset: usize) -> Option<Boxes<'_>> {
    let rest = data.get(offset..)?;
    Some(Boxes {
        offset,
        ..boxes(rest)
    })
}

/// Finds the box at the end of a path of types, taking the first of each type. All boxes of the
/// path but the last must be plain containers.
pub fn find<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> Result<Option<BoxView<'a>>, BoxError> {
    let Some((top, below)) = path.split_first() else {
        return Ok(None);
    };
    let mut found = first(boxes(data), *top)?;
    for kind in below {
        let Some(parent) = found else { break };
        found = parent.child(*kind)?;
    }
    Ok(found)
}

/// Finds the first box of a type among siblings.
pub fn first(
    mut siblings: Boxes<'_>,
    kind: impl Into<FourCc>,
) -> Result<Option<BoxView<'_>>, BoxError> {
    let kind = kind.into();
    siblings
        .find(|item| item.as_ref().map_or(true, |found| found.kind == kind))
        .transpose()
}

impl<'a> Boxes<'a> {
    /// Splits the next box off the rest.
    fn take_box(&mut self) -> Result<BoxView<'a>, &'static str> {
        if self.too_deep {
            return Err("boxes are nested too deep");
        }
        let Some(kind) = self.next_kind() else {
            return Err("bytes left that are too few for a box header");
        };
        let (header_len, size) = match be::u32(self.rest, 0) {
            0 => (8, self.rest.len() as u64),
            1 if self.rest.len() >= 16 => (16, be::u64(self.rest, 8)),
            1 => return Err("box header is cut off"),
            size => (8, u64::from(size)),
        };
        if size < header_len as u64 {
            return Err("box size is smaller than its header");
        }
        let (bytes, rest) = usize::try_from(size)
            .ok()
            .and_then(|size| self.rest.split_at_checked(size))
            .ok_or("box ends behind the end of what holds it")?;
        let found = BoxView {
            kind,
            offset: self.offset,
            header_len,
            bytes,
            trail: self.trail,
        };
        self.offset += bytes.len();
        self.rest = rest;
        Ok(found)
    }

    /// Type of the next box, if its header is there.
    fn next_kind(&self) -> Option<FourCc> {
        self.rest
            .get(4..)
            .and_then(|rest| rest.first_chunk().copied())
            .map(FourCc)
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<BoxView<'a>, BoxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.take_box().map_err(|reason| BoxError {
            path: self.trail.text(self.next_kind()),
            offset: self.offset as u64,
            reason: reason.into(),
        });
        if taken.is_err() {
            self.rest = &[];
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(data: &[u8]) -> Vec<Result<(String, usize, usize), String>> {
        boxes(data)
            .map(|item| {
                item.map(|found| (found.kind.to_string(), found.offset, found.body().len()))
                    .map_err(|error| error.to_string())
            })
            .collect()
    }

    #[test]
    fn sizes_of_all_three_kinds_are_followed() {
        let data = b"\0\0\0\x0afreexy\0\0\0\x01wide\0\0\0\0\0\0\0\x11z\0\0\0\0mdatrest";
        assert_eq!(
            kinds(data),
            [
                Ok(("free".to_owned(), 0, 2)),
                Ok(("wide".to_owned(), 10, 1)),
                Ok(("mdat".to_owned(), 27, 4)),
            ]
        );
    }

    #[test]
    fn broken_sizes_are_named_with_their_place() {
        for (data, reason) in [
            (
                &b"\0\0\0\x08free\0\0\0\x07moof"[..],
                "moof at byte 8: box size is smaller than its header",
            ),
            (
                b"\0\0\0\x09moof",
                "moof at byte 0: box ends behind the end of what holds it",
            ),
            (b"\0\0\0\x01moof", "moof at byte 0: box header is cut off"),
            (
                b"\0\0\0",
                "top level at byte 0: bytes left that are too few for a box header",
            ),
            (
                b"\0\0\0\x01moof\xff\xff\xff\xff\xff\xff\xff\xff",
                "moof at byte 0: box ends behind the end of what holds it",
            ),
        ] {
            assert_eq!(kinds(data).last(), Some(&Err(reason.to_owned())));
        }
    }

    #[test]
    fn paths_lead_down_and_errors_tell_the_way() {
        let data = b"\0\0\0\x18moof\0\0\0\x10traf\0\0\0\x09tfdt";
        assert!(find(data, &[b"moof", b"traf"]).expect("reads").is_some());
        assert!(find(data, &[b"moov", b"trak"]).expect("reads").is_none());
        let error = find(data, &[b"moof", b"traf", b"tfdt"]).expect_err("is cut off");
        assert_eq!((error.path.as_str(), error.offset), ("moof/traf/tfdt", 16));
    }

    #[test]
    fn nesting_has_an_end() {
        let mut data = Vec::new();
        for _ in 0..100 {
            let size = data.len() as u32 + 8;
            data.splice(0..0, size.to_be_bytes().into_iter().chain(*b"moof"));
        }
        let path = vec![b"moof"; 100];
        let error = find(&data, &path).expect_err("is too deep");
        assert_eq!(error.reason, "boxes are nested too deep");
    }
}
