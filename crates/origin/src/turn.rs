//! One look at a request: answers what is there now, or says what it has to wait for. A pure
//! function, taken again whenever something may have changed.

use http::{HeaderValue, header};
use media::{
    hls, mpd,
    presentation::{Liveness, Presentation},
    supply::{Delivery, Edge, Payload, Refusal, Supplier, When},
    template::Key,
};
use serve::{Body, Entity, Response, cors};

use crate::{
    Ask, Resource, caching,
    directives::Directives,
    refusal,
    reload::{self, Reload},
    resolve,
};

const DASH: &str = "application/dash+xml";
const HLS: &str = "application/vnd.apple.mpegurl";
/// How long the answer to a playlist request that waited may be kept, in target durations
/// (RFC 8216bis, B.2).
const WAITED_KEPT: u64 = 6;
/// The same for its errors.
const WAITED_ERROR_KEPT: u64 = 4;
/// How long a request waits for a presentation that has just begun, in ms: below the ten seconds after
/// which players give up on a server that says nothing.
const BEGINNING_MS: i64 = 9000;

/// What one look at a request gives.
pub(crate) enum Turn {
    /// The answer.
    Done(Box<Response>),
    /// It is not there yet, and may be waited for.
    Wait(Wish),
    /// A segment that is sent part by part.
    Grow(Segment),
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) manifest: usize,
    pub(crate) track: usize,
    /// How far the track has to be.
    pub(crate) edge: Edge,
    /// For how long at most, in ms from its arrival.
    pub(crate) patience_ms: i64,
    /// What it is, for the refusal of those who may not wait.
    pub(crate) what: String,
    /// The answer when waiting did not help, other than 503.
    pub(crate) otherwise: Option<Refusal>,
}

impl Wish {
    /// Returns for how long to wait at least, ms, when the track is as far but it is too early still.
    pub(crate) fn least_ms(&self) -> u64 {
        match self.otherwise {
            Some(Refusal::TooEarly { wait_ms, .. }) => u64::try_from(wait_ms).unwrap_or(0),
            _ => 0,
        }
    }
}

/// A segment that is sent part by part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) manifest: usize,
    pub(crate) track: usize,
    pub(crate) key: Key,
    /// Its number.
    pub(crate) number: u64,
    pub(crate) content_type: &'static str,
}

/// Looks at a request, whose method is `GET` or `HEAD`, at an instant.
pub(crate) fn turn(supplier: &dyn Supplier, ask: &Ask<'_>, now: i64) -> Turn {
    look(supplier, ask, now).unwrap_or_else(|refused| Turn::done(refusal::response(&refused)))
}

fn look(supplier: &dyn Supplier, ask: &Ask<'_>, now: i64) -> Result<Turn, Refusal> {
    let found = match resolve(supplier.manifests(), ask.rest) {
        Ok(found) => found,
        // Init segments that are named by their content are known to the supplier only.
        Err(refused) => {
            let init = supplier.init_at(ask.rest, now).ok_or(refused)?;
            return Ok(Turn::done(entity_response(stored(init, ask), ask)));
        }
    };
    let entity = match found {
        Resource::Mpd { manifest } => {
            let presentation = match shown(supplier, manifest, now)? {
                Shown::As(presentation) => presentation,
                Shown::After(wish) => return Ok(Turn::Wait(wish)),
            };
            let text = mpd::write::write(&presentation, ask.host);
            generated(&presentation, text, DASH)
        }
        Resource::Multivariant { manifest } => {
            let presentation = match filled(supplier, manifest, now)? {
                Shown::As(presentation) => presentation,
                Shown::After(wish) => return Ok(Turn::Wait(wish)),
            };
            let text = hls::write::multivariant(&presentation, ask.test_query);
            generated(&presentation, text, HLS)
        }
        Resource::Playlist { manifest, track } => {
            let presentation = match filled(supplier, manifest, now)? {
                Shown::As(presentation) => presentation,
                Shown::After(wish) => return Ok(Turn::Wait(wish)),
            };
            let Some(part_target) = reload::part_target(&presentation) else {
                let text = hls::write::media(&presentation, track, ask.test_query);
                let entity = generated(&presentation, text, HLS);
                return Ok(Turn::done(entity_response(entity, ask)));
            };
            return Ok(playlist(ask, &presentation, manifest, track, part_target));
        }
        Resource::Init { manifest, track } => stored(supplier.init(manifest, track, now)?, ask),
        Resource::Media {
            manifest,
            track,
            key,
        } => return segment(supplier, ask, (manifest, track, key), now),
        Resource::Part {
            manifest,
            track,
            key,
            index,
        } => return part(supplier, ask, (manifest, track, key), index, now),
    };
    Ok(Turn::done(entity_response(entity, ask)))
}

/// A presentation, or what has to come first.
enum Shown {
    As(Box<Presentation>),
    After(Wish),
}

/// Returns the presentation; its very beginning may be waited for where nobody can tell when that is.
fn shown(supplier: &dyn Supplier, manifest: usize, now: i64) -> Result<Shown, Refusal> {
    let refused = match supplier.presentation(manifest, now) {
        Ok(presentation) => return Ok(Shown::As(Box::new(presentation))),
        Err(refused) => refused,
    };
    let track = 0;
    let (Refusal::TooEarly { what, .. }, Ok(edge)) =
        (&refused, supplier.edge(manifest, track, now))
    else {
        return Err(refused);
    };
    let edge = Edge {
        parts: edge.parts.saturating_add(1),
        ..edge
    };
    if let When::At(_) = supplier.when(manifest, track, edge, now) {
        return Err(refused);
    }
    Ok(Shown::After(Wish {
        manifest,
        track,
        edge,
        patience_ms: BEGINNING_MS,
        what: what.clone(),
        otherwise: None,
    }))
}

/// As [`shown`], and waits until there is enough for players of HLS.
fn filled(supplier: &dyn Supplier, manifest: usize, now: i64) -> Result<Shown, Refusal> {
    let presentation = match shown(supplier, manifest, now)? {
        Shown::As(presentation) => presentation,
        after @ Shown::After(_) => return Ok(after),
    };
    let Some((track, edge)) = reload::filling(&presentation) else {
        return Ok(Shown::As(presentation));
    };
    Ok(Shown::After(Wish {
        manifest,
        track,
        edge,
        patience_ms: BEGINNING_MS,
        what: "enough segments to begin with".to_owned(),
        otherwise: None,
    }))
}

impl Turn {
    fn done(response: Response) -> Self {
        Self::Done(Box::new(response))
    }
}

/// Answers a request for a media playlist that can be waited for.
fn playlist(
    ask: &Ask<'_>,
    presentation: &Presentation,
    manifest: usize,
    track: usize,
    part_target: media::time::Time,
) -> Turn {
    let target = hls::write::target_duration(presentation, track);
    let directives = match Directives::parse(ask.query) {
        Ok(directives) => directives,
        Err(refused) => {
            let mut response = refusal::response(&refused);
            keep(&mut response, target * WAITED_ERROR_KEPT);
            return Turn::done(response);
        }
    };
    let reload = match reload::decide(&directives, presentation, track, part_target) {
        Ok(reload) => reload,
        Err(refused) => return Turn::done(healing(&refused)),
    };
    if let Reload::After(edge) = reload {
        return Turn::Wait(Wish {
            manifest,
            track,
            edge,
            patience_ms: reload::patience_ms(target),
            what: match (directives.msn, directives.part) {
                (Some(msn), Some(part)) => format!("a playlist with part {part} of segment {msn}"),
                _ => format!("a playlist with segment {}", directives.msn.unwrap_or(0)),
            },
            otherwise: None,
        });
    }
    let options = hls::write::MediaOptions {
        query: ask.test_query,
        skip: directives.skip,
        ..hls::write::MediaOptions::default()
    };
    let text = hls::write::media_with(presentation, track, &options);
    let mut response = entity_response(generated(presentation, text, HLS), ask);
    let kept = match directives.msn {
        Some(_) => target * WAITED_KEPT,
        None => target / 2,
    };
    keep(&mut response, kept);
    Turn::done(response)
}

/// Answers a request for a media segment.
fn segment(
    supplier: &dyn Supplier,
    ask: &Ask<'_>,
    (manifest, track, key): (usize, usize, Key),
    now: i64,
) -> Result<Turn, Refusal> {
    let content_type = match supplier.delivery(manifest, track, key, now) {
        Ok(Delivery::Whole(payload)) => {
            return Ok(Turn::done(entity_response(stored(payload, ask), ask)));
        }
        Ok(Delivery::Growing { content_type }) => content_type,
        Err(refused) => return early(supplier, (manifest, track, key), now, refused),
    };
    // A range can be cut out of what is whole only.
    if ask.headers.contains_key(header::RANGE)
        && let Ok(payload) = supplier.segment(manifest, track, key, now)
    {
        return Ok(Turn::done(entity_response(stored(payload, ask), ask)));
    }
    Ok(Turn::Grow(Segment {
        manifest,
        track,
        key,
        number: supplier.number(manifest, track, key)?,
        content_type,
    }))
}

/// Lets a request that comes up to a segment too early wait, where segments are delivered while they
/// are made. Clocks of players are off, encoders are late at times, and Shaka Player fetches the
/// next segment as soon as it has the last one; refused, it would take its track for broken.
fn early(
    supplier: &dyn Supplier,
    (manifest, track, key): (usize, usize, Key),
    now: i64,
    refused: Refusal,
) -> Result<Turn, Refusal> {
    let Refusal::TooEarly { what, wait_ms, .. } = &refused else {
        return Err(refused);
    };
    let presentation = supplier.presentation(manifest, now)?;
    let is_made_meanwhile = match &presentation.liveness {
        Liveness::Live(live) => live.low_latency.is_some_and(|low| low.incomplete),
        Liveness::Static { .. } => false,
    };
    let target = hls::write::target_duration(&presentation, track);
    let patience_ms = i64::try_from(target.saturating_mul(1000)).unwrap_or(i64::MAX);
    if !is_made_meanwhile || *wait_ms > patience_ms {
        return Err(refused);
    }
    Ok(Turn::Wait(Wish {
        manifest,
        track,
        edge: Edge {
            segment: supplier.number(manifest, track, key)?,
            parts: 0,
        },
        patience_ms,
        what: what.clone(),
        otherwise: Some(refused),
    }))
}

/// Answers a request for a part: it may wait for the one that comes next, no other.
fn part(
    supplier: &dyn Supplier,
    ask: &Ask<'_>,
    (manifest, track, key): (usize, usize, Key),
    index: u32,
    now: i64,
) -> Result<Turn, Refusal> {
    let what = match supplier.part(manifest, track, key, index, now) {
        Ok(part) => return Ok(Turn::done(entity_response(stored(part.payload, ask), ask))),
        Err(Refusal::TooEarly { what, .. }) => what,
        Err(refused) => return Err(refused),
    };
    let number = supplier.number(manifest, track, key)?;
    let before = Edge {
        segment: number,
        parts: index,
    };
    if before > supplier.edge(manifest, track, now)? {
        let refused = Refusal::NotFound(format!("There is no {what} yet, nor is it the next one."));
        return Ok(Turn::done(healing(&refused)));
    }
    let presentation = supplier.presentation(manifest, now)?;
    let target = hls::write::target_duration(&presentation, track);
    Ok(Turn::Wait(Wish {
        manifest,
        track,
        edge: Edge {
            segment: number,
            parts: index.saturating_add(1),
        },
        patience_ms: reload::patience_ms(target),
        what,
        otherwise: None,
    }))
}

fn entity_response(entity: Entity, ask: &Ask<'_>) -> Response {
    let mut response = entity.answer(ask.method, ask.headers);
    cors::allow_all(response.headers_mut());
    response
}

/// Makes an answer that grows. Its body has no length, for `HEAD` neither.
pub(crate) fn growing(content_type: &'static str, ask: &Ask<'_>, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let cache_control = media_cache_control(ask);
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(cache_control),
    );
    cors::allow_all(headers);
    response
}

/// Makes the answer for what is wrong now and may be right in a moment.
fn healing(refused: &Refusal) -> Response {
    let mut response = refusal::response(refused);
    let never = HeaderValue::from_static(caching::NEVER);
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

/// Lets caches keep an answer for so many seconds.
fn keep(response: &mut Response, seconds: u64) {
    let kept = caching::for_seconds(seconds);
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
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

fn stored(payload: Payload, ask: &Ask<'_>) -> Entity {
    Entity {
        etag: Some(caching::segment_tag(payload.version)),
        slices: payload.slices,
        content_type: payload.content_type,
        cache_control: media_cache_control(ask),
        last_modified: None,
    }
}

fn media_cache_control(ask: &Ask<'_>) -> &'static str {
    if ask.immutable {
        caching::IMMUTABLE
    } else {
        caching::MINUTE
    }
}
