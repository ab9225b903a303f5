//! Media without I/O, without a clock and without async: exact time, ISO-BMFF and CMAF, the
//! presentation model with its suppliers, and the one MPD writer and the one HLS writer.
#![forbid(unsafe_code)]

pub mod content_type;
pub mod hls;
pub mod iso8601;
pub mod isobmff;
pub mod language;
pub mod mpd;
pub mod picture;
pub mod presentation;
pub mod supply;
pub mod template;
pub mod time;
pub mod url;
pub mod xml;
