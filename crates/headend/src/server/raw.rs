//! Files of an asset's folder that no manifest names, such as a poster: answered as they are.

use std::fs;

use media::{content_type, supply::Refusal};
use origin::{caching, refusal};
use serve::{ETag, Entity, Request, Response, cors};
use store::mapped::{MediaFile, modified_ns};

/// Answers with a file; `name` is its path as it was asked for.
pub(super) fn answer(file: &MediaFile, request: &Request, name: &str) -> Response {
    let mut response = match entity(file, name) {
        Ok(entity) => entity.answer(request.method(), request.headers()),
        Err(reason) => refusal::response(&Refusal::Internal(reason)),
    };
    cors::allow_all(response.headers_mut());
    response
}

fn entity(file: &MediaFile, name: &str) -> Result<Entity, String> {
    let bytes = file.whole().map_err(|error| error.to_string())?;
    let metadata = fs::metadata(file.path()).map_err(|error| format!("`{name}`: {error}"))?;
    let modified_ns = modified_ns(&metadata);
    Ok(Entity {
        slices: vec![bytes],
        content_type: content_type::of(name),
        cache_control: caching::MINUTE,
        etag: Some(ETag::new(
            0,
            metadata.len().rotate_left(40) ^ modified_ns as u64,
        )),
        last_modified: u64::try_from(modified_ns / 1_000_000_000).ok(),
    })
}
