//! Media routes: finds the supplier a path means and lets the origin answer.

use asset::vod::{Versioned, Vod};
use http::{HeaderValue, StatusCode, header};
use media::supply::{Refusal, Supplier as _};
use origin::{Ask, Resource, caching, refusal};
use serve::{Request, Response, reply};

use super::{App, raw};

/// Answers `/livesim/{rest}`: options, asset and file of a simulated live channel.
pub(super) async fn livesim(app: &App, request: &Request, rest: &str, now_ms: i64) -> Response {
    let Some(content) = app.content.get() else {
        return not_yet();
    };
    match content.simulator.resolve(rest, request.query()) {
        Ok(resolved) => {
            let host = request.base_url();
            let ask = Ask {
                test_query: &resolved.test_query,
                now_ms: resolved.now.unwrap_or(now_ms),
                ..ask(request, &resolved.rest, &host, now_ms)
            };
            app.waiting.answer(&resolved.supplier, &ask).await
        }
        Err(refused) => refusal::response(&refused),
    }
}

/// Answers `/vod/{rest}`: a file of an asset on demand.
pub(super) fn vod(app: &App, request: &Request, rest: &str, now_ms: i64) -> Response {
    let Some(content) = app.content.get() else {
        return not_yet();
    };
    let Some((vod, rest)) = content.on_demand(rest) else {
        let sentence = format!("There is no asset at `{rest}`; `/` lists what there is.");
        return refusal::response(&Refusal::NotFound(sentence));
    };
    if let Some(versioned) = vod.versioned(rest) {
        return of_version(&vod, request, versioned, now_ms);
    }
    if let Some(text) = vod.stored_manifest(rest) {
        return raw::manifest(text, request, rest);
    }
    let unnamed = origin::resolve(vod.manifests(), rest).is_err();
    match unnamed.then(|| vod.raw(rest)).flatten() {
        Some(file) => raw::answer(&file, request, rest, caching::MINUTE),
        None => origin::answer(&*vod, &ask(request, rest, &request.base_url(), now_ms)),
    }
}

/// Answers with something of a version of an asset, which never changes but for the playlists of one
/// that grows. Media of the version that is shown are mapped already, as far as they were there.
fn of_version(vod: &Vod, request: &Request, versioned: Versioned<'_>, now_ms: i64) -> Response {
    let Versioned { version, rest, .. } = versioned;
    let is_media = versioned.is_current
        && matches!(
            origin::resolve(vod.manifests(), rest),
            Ok(Resource::Init { .. } | Resource::Media { .. })
        );
    if is_media {
        let host = request.base_url();
        let ask = Ask {
            immutable: true,
            ..ask(request, rest, &host, now_ms)
        };
        let response = origin::answer(vod, &ask);
        if response.status() != StatusCode::NOT_FOUND {
            return response;
        }
    }
    match vod.raw_of(version, rest) {
        Some(file) if raw::grows(&file, rest) => raw::answer(&file, request, rest, caching::SHORT),
        Some(file) => raw::answer(&file, request, rest, caching::IMMUTABLE),
        None => refusal::response(&Refusal::NotFound(format!(
            "There is no `{rest}` in version `{version}` of this asset, or the version is no \
             longer kept."
        ))),
    }
}

/// Makes what the origin is asked for a path below a presentation.
pub(super) fn ask<'a>(request: &'a Request, rest: &'a str, host: &'a str, now_ms: i64) -> Ask<'a> {
    Ask {
        method: request.method(),
        headers: request.headers(),
        rest,
        query: request.query(),
        test_query: "",
        host,
        now_ms,
        immutable: false,
    }
}

/// Sends clients of the old chunked prefix to where everything is.
pub(super) fn redirect_chunked(request: &Request) -> Response {
    let target = request
        .uri()
        .path_and_query()
        .map_or("", |target| target.as_str());
    let rest = target.strip_prefix("/livesim-chunked").unwrap_or_default();
    let mut response = reply::redirect(StatusCode::FOUND, &format!("/livesim{rest}"));
    serve::cors::allow_all(response.headers_mut());
    response
}

fn not_yet() -> Response {
    let sentence = "The content is still being looked through.";
    let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, sentence);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    serve::cors::allow_all(headers);
    response
}
