//! DASH manifests, ISO/IEC 23009-1: [`read`] understands what packagers write, [`write`](mod@write)
//! is the one MPD writer. Neither knows about files or clocks.

pub mod read;
#[cfg(test)]
pub(crate) mod sample;
pub mod write;

/// Attributes of an AdaptationSet that the model holds in fields of its own (of the set or of its
/// tracks): never in `attributes`, and written only from the fields.
const SET_ATTRIBUTES: [&str; 10] = [
    "id",
    "contentType",
    "lang",
    "mimeType",
    "codecs",
    "width",
    "height",
    "sar",
    "frameRate",
    "audioSamplingRate",
];

/// The same for a Representation.
const TRACK_ATTRIBUTES: [&str; 9] = [
    "id",
    "bandwidth",
    "mimeType",
    "codecs",
    "width",
    "height",
    "sar",
    "frameRate",
    "audioSamplingRate",
];

/// Scheme of the role values of ISO/IEC 23009-1, 5.8.5.5.
const ROLE_SCHEME: &str = "urn:mpeg:dash:role:2011";
/// Scheme of channel layouts, ISO/IEC 23091-3.
const CHANNEL_SCHEME: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
