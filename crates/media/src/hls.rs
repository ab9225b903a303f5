//! HLS playlists, RFC 8216bis with fragmented MP4: [`read`] understands what packagers write,
//! [`write`](mod@write) is the one playlist writer. Neither knows about files or clocks.

pub mod read;
pub mod write;
