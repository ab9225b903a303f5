//! Media routes: finds the supplier a path means and lets the origin answer.

use http::{HeaderValue, StatusCode, header};
use media::supply::{Refusal, Supplier};
use origin::{Ask, refusal};
use serve::{Request, Response, reply};

use super::{App, raw};

/// Answers `/livesim/{rest}`: options, asset and file of a simulated live channel.
pub(super) fn livesim(app: &App, request: &Request, rest: &str, now_ms: i64) -> Response {
    let Some(content) = app.content.get() else {
        return not_yet();
    };
    match content.simulator.resolve(rest, request.query()) {
        Ok(resolved) => {
            let now_ms = resolved.now.unwrap_or(now_ms);
            present(
                &*resolved.supplier,
                request,
                &resolved.rest,
                &resolved.test_query,
                now_ms,
            )
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
    let unnamed = origin::resolve(vod.manifests(), rest).is_err();
    match unnamed.then(|| vod.raw(rest)).flatten() {
        Some(file) => raw::answer(&file, request, rest),
        None => present(&*vod, request, rest, "", now_ms),
    }
}

fn present(
    supplier: &dyn Supplier,
    request: &Request,
    rest: &str,
    test_query: &str,
    now_ms: i64,
) -> Response {
    origin::answer(
        supplier,
        &Ask {
            method: request.method(),
            headers: request.headers(),
            rest,
            test_query,
            host: &request.base_url(),
            now_ms,
            immutable: false,
        },
    )
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
