//! The one door: a request for something of a presentation becomes an answer.

use http::{HeaderMap, Method};
use media::{
    hls, mpd,
    presentation::{Liveness, Presentation},
    supply::{Payload, Refusal, Supplier},
};
use serve::{
    Entity, Response,
    cors::{self, Methods},
};

use crate::{Resource, caching, refusal, resolve};

const DASH: &str = "application/dash+xml";
const HLS: &str = "application/vnd.apple.mpegurl";

/// A request for something of a presentation.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The method; `OPTIONS` and unknown ones are answered too.
    pub method: &'a Method,
    /// The header, for conditions and ranges.
    pub headers: &'a HeaderMap,
    /// The decoded path below the presentation, without a leading slash.
    pub rest: &'a str,
    /// Query that carries a test clock on to the URLs of HLS playlists: empty or `nowMS=…`.
    pub test_query: &'a str,
    /// `scheme://host[:port]` as the client sees it.
    pub host: &'a str,
    /// The time, Unix ms.
    pub now_ms: i64,
    /// Whether the caller vouches that media below this URL never changes its bytes, because the
    /// URL has a version of the content in it.
    pub immutable: bool,
}

/// Answers a request: 200, 206, 204, 304, 400, 404, 405, 410, 412, 416, 425 or 500.
pub fn answer(supplier: &dyn Supplier, ask: &Ask<'_>) -> Response {
    if let Some(screened) = Methods::Read.screen(ask.method) {
        return screened;
    }
    match entity(supplier, ask) {
        Ok(entity) => {
            let mut response = entity.answer(ask.method, ask.headers);
            cors::allow_all(response.headers_mut());
            response
        }
        Err(refused) => refusal::response(&refused),
    }
}

fn entity(supplier: &dyn Supplier, ask: &Ask<'_>) -> Result<Entity, Refusal> {
    let now = ask.now_ms;
    match resolve(supplier.manifests(), ask.rest)? {
        Resource::Mpd { manifest } => {
            let presentation = supplier.presentation(manifest, now)?;
            let text = mpd::write::write(&presentation, ask.host);
            Ok(generated(&presentation, text, DASH))
        }
        Resource::Multivariant { manifest } => {
            let presentation = supplier.presentation(manifest, now)?;
            let text = hls::write::multivariant(&presentation, ask.test_query);
            Ok(generated(&presentation, text, HLS))
        }
        Resource::Playlist { manifest, track } => {
            let presentation = supplier.presentation(manifest, now)?;
            let text = hls::write::media(&presentation, track, ask.test_query);
            Ok(generated(&presentation, text, HLS))
        }
        Resource::Init { manifest, track } => {
            Ok(stored(supplier.init(manifest, track, now)?, ask.immutable))
        }
        Resource::Media {
            manifest,
            track,
            key,
        } => Ok(stored(
            supplier.segment(manifest, track, key, now)?,
            ask.immutable,
        )),
    }
}

fn generated(presentation: &Presentation, text: String, content_type: &'static str) -> Entity {
    Entity {
        etag: Some(caching::manifest_tag(&text)),
        slices: vec![text.into()],
        content_type,
        cache_control: match presentation.liveness {
            Liveness::Static { .. } => caching::SHORT,
            Liveness::Live(_) => caching::REVALIDATE,
        },
        last_modified: None,
    }
}

fn stored(payload: Payload, immutable: bool) -> Entity {
    Entity {
        etag: Some(caching::segment_tag(payload.version)),
        slices: payload.slices,
        content_type: payload.content_type,
        cache_control: if immutable {
            caching::IMMUTABLE
        } else {
            caching::MINUTE
        },
        last_modified: None,
    }
}
