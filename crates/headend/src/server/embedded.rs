//! The files of `web/` that pages load, from inside the binary. A debug build reads them from disk.

use std::borrow::Cow;

use media::content_type;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/static/"]
struct Own;

#[derive(RustEmbed)]
#[folder = "../../web/vendor/"]
struct Vendored;

/// A file with what HTTP says of it.
pub(super) struct File {
    /// The bytes.
    pub(super) data: Cow<'static, [u8]>,
    /// `Content-Type`.
    pub(super) content_type: &'static str,
    /// Hash of the bytes.
    pub(super) hash: u64,
}

/// Finds the file of `/static/{path}`; those of other projects are below `vendor/`.
pub(super) fn find(path: &str) -> Option<File> {
    let EmbeddedFile { data, metadata } = match path.strip_prefix("vendor/") {
        Some(vendored) => Vendored::get(vendored),
        None => Own::get(path),
    }?;
    let hash = metadata.sha256_hash();
    let (first, _) = hash
        .split_first_chunk()
        .expect("a SHA-256 hash has 32 bytes");
    Some(File {
        data,
        content_type: content_type::of(path),
        hash: u64::from_be_bytes(*first),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_load_is_there() {
        for path in [
            "style.css",
            "home.js",
            "player.js",
            "favicon.svg",
            "stream.js",
            "vendor/shaka-player/shaka-player.js",
            "vendor/mpegts.js/mpegts.js",
        ] {
            let file = find(path).unwrap_or_else(|| panic!("{path} is missing"));
            assert!(!file.data.is_empty());
            assert_ne!(file.hash, 0);
        }
    }

    #[test]
    fn nothing_else_is() {
        for path in [
            "",
            "..",
            "../templates/home.html",
            "/etc/passwd",
            "vendor/../static/home.js",
            "x.css",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
