//! Files of an asset's folder that no manifest names, such as a poster: answered as they are.

use std::{fs, io};

use media::{content_type, supply::Refusal};
use origin::{caching, refusal};
use serve::{ETag, Entity, Request, Response, cors};
use store::mapped::{MediaFile, modified_ns};

/// Answers with a file; `name` is its path as it was asked for, `cache_control` how long it may be
/// kept.
pub(super) fn answer(
    file: &MediaFile,
    request: &Request,
    name: &str,
    cache_control: &'static str,
) -> Response {
    finish(entity(file, name, cache_control), request)
}

/// Tells whether a file is a playlist to which more is added.
pub(super) fn grows(file: &MediaFile, name: &str) -> bool {
    const EVENT: &[u8] = b"#EXT-X-PLAYLIST-TYPE:EVENT";
    let is_playlist = name.rsplit_once('.').is_some_and(|(_, it)| it == "m3u8");
    is_playlist
        && file.whole().is_ok_and(|bytes| {
            let mut lines = bytes.split(|byte| *byte == b'\n');
            lines.any(|line| line.trim_ascii_end() == EVENT)
        })
}

/// Answers with the text of a manifest that was stored with its asset.
pub(super) fn manifest(text: io::Result<String>, request: &Request, name: &str) -> Response {
    let entity = text
        .map_err(|error| format!("`{name}`: {error}"))
        .map(|text| Entity {
            etag: Some(caching::manifest_tag(&text)),
            slices: vec![text.into()],
            content_type: content_type::of(name),
            cache_control: caching::SHORT,
            last_modified: None,
        });
    finish(entity, request)
}

fn finish(entity: Result<Entity, String>, request: &Request) -> Response {
    let mut response = match entity {
        Ok(entity) => entity.answer(request.method(), request.headers()),
        Err(reason) => refusal::response(&Refusal::Internal(reason)),
    };
    cors::allow_all(response.headers_mut());
    response
}

fn entity(file: &MediaFile, name: &str, cache_control: &'static str) -> Result<Entity, String> {
    let bytes = file.whole().map_err(|error| error.to_string())?;
    let metadata = fs::metadata(file.path()).map_err(|error| format!("`{name}`: {error}"))?;
    let modified_ns = modified_ns(&metadata);
    Ok(Entity {
        slices: vec![bytes],
        content_type: content_type::of(name),
        cache_control,
        etag: Some(ETag::new(
            0,
            metadata.len().rotate_left(40) ^ modified_ns as u64,
        )),
        last_modified: u64::try_from(modified_ns / 1_000_000_000).ok(),
    })
}
