//! ISO base media files (ISO/IEC 14496-12) and CMAF (ISO/IEC 23000-19) over plain byte slices:
//! reading of init segments, fragments, samples and indexes, editing of headers in place, and
//! writing of new fragments.
//!
//! Nothing here copies or looks at media payload. What is edited keeps every other byte as it
//! was; there is no decode-and-encode of whole boxes.
//!
//! | module | what |
//! |---|---|
//! | [`walk`] | iterates over boxes, finds them by path |
//! | [`fields`] | named fields of single boxes, read and written in place |
//! | [`splice`] | edits that change sizes, with every reference across them made right |
//! | [`retime`] | moves a media segment on the time line |
//! | [`chunk`] | cuts a media segment into chunks that can be sent one by one |
//! | [`init`], [`codec`] | what an init segment says, with codec strings; init segments for live |
//! | [`segment`], [`sidx`] | fragments, samples and segment indexes |
//! | [`build`], [`subtitles`] | new boxes and fragments; the init segment of TTML |
//! | [`edit`] | an edit list for frames that are reordered |
//! | [`protect`] | init segments and fragments of protected tracks |
//!
//! All functions may be given any bytes: they return a [`BoxError`] with box path and offset, never
//! panic, and allocate no more than a small multiple of the bytes given.

mod be;
pub mod build;
pub mod chunk;
pub mod codec;
pub mod edit;
mod error;
pub mod fields;
mod fourcc;
pub mod init;
pub mod protect;
mod reader;
pub mod retime;
pub mod segment;
pub mod sidx;
pub mod splice;
pub mod subtitles;
#[cfg(test)]
mod testing;
pub mod walk;

pub use error::BoxError;
pub use fourcc::FourCc;
