//! The one call of the project that is `unsafe`.
#![expect(
    unsafe_code,
    reason = "mapping a file promises that nobody shrinks it, which no type can express"
)]

use std::{fs::File, io};

use memmap2::{Mmap, MmapOptions};

/// Maps the first `len` bytes of `file`, which is `len` bytes long and not empty.
pub(super) fn map(file: &File, len: usize) -> io::Result<Mmap> {
    // SAFETY: the mapping is private and read-only, so nothing in this process writes to it. What
    // is left is another process that writes to the file or shrinks it. Writing alters bytes behind
    // a shared slice; no code here relies on two reads of a slice being equal, and parsers bound
    // every access by the length of the slice. Shrinking is noticed by `Mapping::check` before each
    // use; the race that remains is described in the documentation of the parent module.
    unsafe { MmapOptions::new().len(len).map(file) }
}
