//! Everything that is not media: pages, state, clock, metrics and the API.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use asset::Catalogue;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use relay::{
    Relay,
    config::{PagesForm, Switch},
};
use serde_json::{Value, json};
use serve::{ETag, Entity, Request, Response, cors, reply};
use transcode::job::JobReport;

use super::{App, embedded, jobs, live};
use crate::{
    channels::exposition,
    metrics::Route,
    pages,
    report::{ImportReport, Listing, is_ready},
    url,
};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// Description of the API, kept true by hand.
const OPENAPI: &str = include_str!("openapi.json");

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Parts of the names of settings whose values are secret.
const SECRETS: [&str; 4] = ["pass", "secret", "token", "streamid"];

/// The setting whose values are headers, of which any may be secret.
const HEADERS: &str = "headers";

/// For what is true only now.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Tells what a path beginning with `first` counts as.
pub(super) fn route(first: &str) -> Route {
    match first {
        "" | "play" | "static" | "favicon.ico" => Route::Page,
        "healthz" | "readyz" | "metrics" | "time" | "config" | "stat" | "stat.json" | "api" => {
            Route::Control
        }
        _ => Route::Unknown,
    }
}

/// Answers `GET` and `HEAD` of `/{first}/{rest}`.
pub(super) fn answer(
    app: &App,
    request: &Request,
    first: &str,
    rest: &str,
    now_ms: i64,
) -> Response {
    match (first, rest) {
        ("", _) => home(app, now_ms),
        ("play", "") => play(request),
        ("static", path) => file(request, path),
        ("favicon.ico", "") => file(request, "favicon.svg"),
        ("healthz", "") => healthy(app),
        ("readyz", "") => ready(app),
        ("metrics", "") => metrics(app),
        // Only the time: players parse the whole body.
        ("time", "") => state(reply::bytes(StatusCode::OK, reply::TEXT, iso8601(now_ms))),
        ("config", "") => config(app),
        ("stat", "") => stat_page(app, now_ms),
        ("stat.json", "") => stat(app, now_ms),
        _ => nothing(),
    }
}

pub(super) fn nothing() -> Response {
    reply::text(
        StatusCode::NOT_FOUND,
        "There is nothing here; `/` lists what there is.",
    )
}

/// Refuses what only `POST` may do.
pub(super) fn post_only() -> Response {
    let mut response = reply::text(
        StatusCode::METHOD_NOT_ALLOWED,
        "This place answers POST only.",
    );
    let allow = HeaderValue::from_static("POST");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// Counters of the server, and what is measured of channels.
fn metrics(app: &App) -> Response {
    app.metrics.waiting.set(app.waiting.waiting() as f64);
    let mut text = app.metrics.render();
    text.push_str(&exposition(&app.channels.samples()));
    if let Some(report) = relayed(app) {
        text.push_str(&super::relay::exposition(&report));
    }
    state(reply::bytes(StatusCode::OK, PROMETHEUS, text))
}

/// Answers what is below `/api/` and no channel's.
pub(super) fn api(app: &App, rest: &str) -> Response {
    match rest {
        "v1/assets" => json_state(&listing(app)),
        "v1/openapi.json" => state(reply::bytes(StatusCode::OK, JSON, OPENAPI)),
        _ => nothing(),
    }
}

fn listing(app: &App) -> Listing {
    app.content
        .get()
        .map_or_else(Listing::before_scan, |content| {
            Listing::of(&content.catalogue)
        })
}

/// Tells whether a page is there. `/config` shows commands, which may hold secrets that nobody knows
/// for such: with feeds or streams it has to be wished for.
fn is_on(page: Option<Switch>, otherwise: bool) -> bool {
    page.map_or(otherwise, |Switch(is_on)| is_on)
}

fn switched_off() -> Response {
    reply::text(
        StatusCode::FORBIDDEN,
        "This page is switched off; `pages` in the configuration says so.",
    )
}

/// Returns how feeds, streams and clients are.
fn relayed(app: &App) -> Option<relay::stat::Report> {
    let relay = app.relay.get()?;
    let clients = is_on(relay.table().config.pages.clients, false);
    Some(relay.report(tokio::time::Instant::now().into_std(), clients))
}

/// Returns which pages there are; those of the configuration that holds now.
fn pages_of(app: &App) -> PagesForm {
    match app.relay.get() {
        Some(relay) => relay.table().config.pages,
        None => app.settings.relay.pages,
    }
}

/// State for people, without scripts.
fn stat_page(app: &App, now_ms: i64) -> Response {
    if !is_on(pages_of(app).stat, true) {
        return switched_off();
    }
    let Some(report) = relayed(app) else {
        return nothing();
    };
    let up = Duration::from_millis(now_ms.saturating_sub(app.started_ms).max(0).unsigned_abs());
    let text = pages::stat(&report, &iso8601(app.started_ms), &iso8601(now_ms), up);
    page(StatusCode::OK, text, pages::HOME_POLICY)
}

fn home(app: &App, now_ms: i64) -> Response {
    if !is_on(pages_of(app).home, true) {
        return switched_off();
    }
    let streams = relayed(app)
        .map(|report| report.streams)
        .unwrap_or_default();
    page(
        StatusCode::OK,
        pages::home(
            &listing(app),
            &live::reports(app, now_ms),
            &jobs::reports(app),
            &streams,
        ),
        pages::HOME_POLICY,
    )
}

fn play(request: &Request) -> Response {
    let src = request
        .query()
        .and_then(|query| url::query_value(query, "src"));
    match pages::play(src.as_deref()) {
        Ok((text, true)) => page(StatusCode::OK, Ok(text), pages::PLAY_POLICY),
        Ok((text, false)) => page(StatusCode::BAD_REQUEST, Ok(text), pages::PLAY_POLICY),
        Err(error) => page(StatusCode::OK, Err(error), pages::PLAY_POLICY),
    }
}

/// Makes the answer of a rendered page, with all that keeps it from doing more than it should.
fn page(status: StatusCode, text: askama::Result<String>, policy: &'static str) -> Response {
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            return reply::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "This page cannot be rendered.",
            );
        }
    };
    let mut response = reply::bytes(status, HTML, text);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file(request: &Request, path: &str) -> Response {
    let Some(file) = embedded::find(path) else {
        return reply::text(StatusCode::NOT_FOUND, "There is no such file.");
    };
    let entity = Entity {
        slices: vec![match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        }],
        content_type: file.content_type,
        cache_control: "no-cache",
        etag: Some(ETag::new(1, file.hash)),
        last_modified: None,
    };
    let mut response = entity.answer(request.method(), request.headers());
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Tells whether the process does what it is for. A source that is away is no fault of the process.
fn healthy(app: &App) -> Response {
    if app.failed.load(Relaxed) {
        let sentence = "The channel has failed for good.";
        return state(reply::text(StatusCode::SERVICE_UNAVAILABLE, sentence));
    }
    state(reply::text(StatusCode::OK, "ok"))
}

/// Returns what is still waited for; nothing once the server is ready.
fn waited_for(app: &App) -> Option<&'static str> {
    let content = app.content.get();
    if !content.is_some_and(|content| is_ready(&content.catalogue)) {
        Some("The content is still being looked through.")
    } else if content.is_some_and(|it| it.catalogue.all().is_empty()) && jobs::are_under_way(app) {
        Some("The first job is not done yet.")
    } else if app.channels.is_ready() {
        None
    } else {
        Some("Not every channel has run yet.")
    }
}

fn ready(app: &App) -> Response {
    let Some(sentence) = waited_for(app) else {
        return state(reply::text(StatusCode::OK, "ready"));
    };
    let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, sentence);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    state(response)
}

/// A short summary, which the home page asks for every other second.
fn stat(app: &App, now_ms: i64) -> Response {
    if !is_on(pages_of(app).stat, true) {
        return switched_off();
    }
    let counts = app.counters.read();
    let catalogue = app.content.get().map(|content| &*content.catalogue);
    let imports: Vec<Value> = catalogue
        .map(ImportReport::all)
        .unwrap_or_default()
        .iter()
        .map(|import| json!({ "name": import.name, "text": import.text(), "percent": import.percent }))
        .collect();
    let channels: Vec<Value> = app
        .channels
        .list()
        .iter()
        .map(|channel| {
            let job = channel.status().job;
            json!({ "name": channel.name(), "state": job.state, "restarts": job.restarts })
        })
        .collect();
    json_state(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": iso8601(app.started_ms),
        "now": iso8601(now_ms),
        "uptime_ms": now_ms.saturating_sub(app.started_ms),
        "connections": {
            "open": counts.open,
            "accepted": counts.accepted,
            "refused": counts.refused,
        },
        "requests": counts.requests,
        "ready": waited_for(app).is_none(),
        "generation": catalogue.map_or(0, Catalogue::generation),
        "assets": catalogue.map_or(0, |catalogue| catalogue.all().len()),
        "problems": catalogue.map_or(0, |catalogue| catalogue.problems().len()),
        "imports": imports,
        "channels": channels,
        "jobs": jobs::reports(app).iter().map(summary).collect::<Vec<_>>(),
        "waiting": app.waiting.waiting(),
        "relay": relayed(app),
        "machine": &**app.machine.load(),
    }))
}

fn summary(job: &JobReport) -> Value {
    json!({ "id": job.id, "state": job.state, "permille": job.permille })
}

/// The settings, without what is secret in URLs.
fn config(app: &App) -> Response {
    let relayed = app.relay.get().map(Relay::table);
    let has_commands = relayed.as_ref().is_some_and(|it| !it.config.is_empty());
    if !is_on(pages_of(app).config, !has_commands) {
        return switched_off();
    }
    match serde_json::to_value(&app.settings) {
        Ok(mut settings) => {
            // That which holds since the last reload.
            if let (Some(table), Value::Object(keys)) = (&relayed, &mut settings)
                && let Value::Object(now) = table.config.resolved()
            {
                for key in ["logdir", "pages", "relay", "feeds", "streams"] {
                    keys.remove(key);
                }
                keys.extend(now);
            }
            mask(&mut settings);
            json_state(&settings)
        }
        Err(error) => {
            tracing::error!(%error, "settings cannot be written as JSON");
            reply::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The settings cannot be shown.",
            )
        }
    }
}

/// Masks what is secret: parts of URLs, and what stands under the name of a secret.
fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = process::mask::text(text),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => {
            for (name, value) in fields {
                let secret = SECRETS.iter().any(|part| name.contains(part));
                match value {
                    Value::String(text) if secret => "***".clone_into(text),
                    Value::Object(headers) if name == HEADERS => {
                        headers.values_mut().for_each(|value| *value = "***".into());
                    }
                    value => mask(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn json_state(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => state(reply::bytes(StatusCode::OK, JSON, text)),
        Err(error) => {
            tracing::error!(%error, "state cannot be written as JSON");
            reply::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The state cannot be written as JSON.",
            )
        }
    }
}

/// Marks an answer as true only now, and readable for pages of any host.
pub(super) fn state(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, NO_STORE);
    cors::allow_all(response.headers_mut());
    response
}

/// Writes Unix milliseconds as ISO 8601 in UTC with milliseconds, as DASH clocks want it.
fn iso8601(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |instant| format!("{instant:.3}"))
}
