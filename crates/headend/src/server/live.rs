//! Live channels over HTTP: media below `/live/`, state and control below `/api/v1/channels`.

use std::sync::Arc;

use broadcast::channel::{Handle, StartError};
use http::{HeaderValue, Method, StatusCode, header};
use media::supply::Refusal;
use origin::refusal;
use serde_json::json;
use serve::{Request, Response, cors, reply};

use super::{App, access, control, cut, events, jobs, media::ask};
use crate::{
    channels::{self, Order, describe},
    report::channel::{ChannelReport, Channels},
    transcoding::Service,
};

/// Where a channel is below `/api/`.
const CHANNEL: &str = "v1/channels/";

/// Answers `/live/{rest}`: the name of a channel and something of its presentation.
pub(super) async fn media(app: &App, request: &Request, rest: &str, now_ms: i64) -> Response {
    let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let Some(channel) = app.channels.get(name) else {
        return unknown(name);
    };
    let Some(supplier) = channel.supplier() else {
        return starting(name);
    };
    let host = request.base_url();
    app.waiting
        .answer(&supplier, &ask(request, rest, &host, now_ms))
        .await
}

/// Describes all channels.
pub(super) fn reports(app: &App, now_ms: i64) -> Vec<ChannelReport> {
    let channels = app.channels.list();
    channels
        .iter()
        .map(|channel| describe(channel, now_ms))
        .collect()
}

/// Answers what is below `/api/`.
pub(super) async fn api(app: &Arc<App>, request: &Request, rest: &str, now_ms: i64) -> Response {
    match rest {
        "v1/events" => return event_lines(app),
        "v1/channels" => {
            let channels = reports(app, now_ms);
            return control::json_state(&Channels { channels });
        }
        _ => {}
    }
    let Some(rest) = rest.strip_prefix(CHANNEL) else {
        return control::api(app, rest);
    };
    let (name, what) = rest.split_once('/').unwrap_or((rest, ""));
    let Some(channel) = app.channels.get(name) else {
        return unknown(name);
    };
    let order = match what {
        "" => return control::json_state(&describe(&channel, now_ms)),
        "log" => return control::json_state(&json!({ "runs": channel.reports() })),
        "cut" => None,
        "start" => Some(Order::Start),
        "stop" => Some(Order::Stop),
        "restart" => Some(Order::Restart),
        _ => return control::nothing(),
    };
    if *request.method() != Method::POST {
        return control::post_only();
    }
    if let Some(refusal) = access::refuse(request, app.settings.api_token.as_ref()) {
        return refusal;
    }
    tracing::info!(channel = name, what, "asked for over HTTP");
    match order {
        Some(order) => obey(app, channel, order, now_ms),
        None => cut::answer(app, request, channel).await,
    }
}

/// Tells a channel what is wanted of it, and answers with how it is then.
fn obey(app: &App, channel: Handle, order: Order, now_ms: i64) -> Response {
    let name = channel.name().to_owned();
    match app.channels.order(channel, order) {
        Ok(()) => match app.channels.get(&name) {
            Some(channel) => control::json_state(&describe(&channel, now_ms)),
            None => unknown(&name),
        },
        Err(error) => {
            let status = match error {
                channels::Error::Port(_)
                | channels::Error::Start(StartError::InUse { .. } | StartError::Twice(_)) => {
                    StatusCode::CONFLICT
                }
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            reply::text(status, format!("That cannot be: {error}."))
        }
    }
}

/// Tells whether a path below `/api/` may be posted to.
pub(super) fn takes_orders(rest: &str) -> bool {
    rest.starts_with(CHANNEL) || jobs::is_meant(rest)
}

/// Answers with what happens to channels from now on.
fn event_lines(app: &App) -> Response {
    let channels = app.channels.list();
    let subscriptions = channels
        .iter()
        .map(|channel| (channel.name().to_owned(), channel.events()))
        .collect();
    let jobs = app.jobs.get().map(Service::events);
    control::state(events::answer(subscriptions, jobs, app.shutdown.clone()))
}

fn unknown(name: &str) -> Response {
    let sentence = format!("There is no channel `{name}`; `/` lists what there is.");
    refusal::response(&Refusal::NotFound(sentence))
}

fn starting(name: &str) -> Response {
    let sentence = format!("The channel `{name}` is still looking into its source.");
    let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, sentence);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    cors::allow_all(headers);
    response
}
