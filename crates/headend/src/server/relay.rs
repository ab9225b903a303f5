//! Relay streams over HTTP: `/stream/NAME` and the paths of the configuration, what is pushed to
//! `/ingest/NAME`, and playlists that name streams.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use relay::{
    Relay, Table,
    config::Origin,
    feed::{PushRefused, Source},
    stat::{Report, SourceReport, StreamReport},
    stream::Stream,
};
use serve::{Request, Response, cors, reply};

use super::{App, access, control};
use crate::url;

/// Content types of playlists.
const M3U: &str = "audio/x-mpegurl";
const XSPF: &str = "application/xspf+xml";

/// Says whether a path is of a stream, or of a playlist that names some.
pub(super) fn is_meant(app: &App, path: &str) -> bool {
    let Some(relay) = app.relay.get() else {
        return false;
    };
    let table = relay.table();
    table.by_path(path).is_some() || listed(&table, path).is_some()
}

/// Answers `GET` and `HEAD` of a stream or a playlist.
pub(super) async fn answer(app: &App, request: &Request, path: &str) -> Response {
    let Some(relay) = app.relay.get() else {
        return control::nothing();
    };
    let table = relay.table();
    if let Some(stream) = table.by_path(path) {
        let query = request.query().unwrap_or_default();
        return relay.answer(stream, request, url::query_pairs(query)).await;
    }
    match listed(&table, path) {
        Some((streams, content_type)) => playlist(request, &streams, content_type),
        None => control::nothing(),
    }
}

/// Finds the streams that a playlist names, and its type.
fn listed(table: &Table, path: &str) -> Option<(Vec<Arc<Stream>>, &'static str)> {
    let (place, content_type) = match path.rsplit_once('.')? {
        (place, "m3u") => (place, M3U),
        (place, "xspf") => (place, XSPF),
        _ => return None,
    };
    if place == "streams" {
        return Some((table.streams.values().cloned().collect(), content_type));
    }
    let stream = table.by_path(place)?;
    Some((vec![Arc::clone(stream)], content_type))
}

fn playlist(request: &Request, streams: &[Arc<Stream>], content_type: &'static str) -> Response {
    let host = request.base_url();
    let entries = streams.iter().map(|stream| {
        let name = &stream.config().name;
        (name, format!("{host}/stream/{}", url::encode_path(name)))
    });
    let text = if content_type == M3U {
        entries.fold("#EXTM3U\n".to_owned(), |text, (name, address)| {
            text + &format!("#EXTINF:-1,{name}\n{address}\n")
        })
    } else {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                    <playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">\n<trackList>\n";
        let tracks = entries.fold(head.to_owned(), |text, (name, address)| {
            let (name, address) = (escaped(name), escaped(&address));
            text + &format!("<track><location>{address}</location><title>{name}</title></track>\n")
        });
        tracks + "</trackList>\n</playlist>\n"
    };
    control::state(reply::bytes(StatusCode::OK, content_type, text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Answers `PUT` and `POST` to `/ingest/{name}`: the body is taken in as it comes.
pub(super) async fn ingest(app: &App, request: &mut Request, name: &str) -> Response {
    let Some(relay) = app.relay.get() else {
        return control::nothing();
    };
    let table = relay.table();
    let feed = table.config.feeds.get(name).zip(table.feeds.get(name));
    let Some((feed, source)) = feed else {
        return control::nothing();
    };
    let Origin::Push { replace, auth } = &feed.origin else {
        let sentence = "This feed is not pushed; set `source: push` for it.";
        return reply::text(StatusCode::FORBIDDEN, sentence);
    };
    let allowed = match auth {
        Some(auth) => {
            let query = request.query();
            let token = query.and_then(|query| url::query_value(query, "token"));
            let good = relay::stream::allows(auth, request.headers(), token.as_deref());
            if good { None } else { Some(unauthorized()) }
        }
        // Without credentials it is as with all that changes what the server does.
        None => access::refuse(request, app.settings.api_token.as_ref()),
    };
    if let Some(refused) = allowed {
        return refused;
    }
    let replace = *replace;
    let source = source.clone();
    drop(table);
    take_in(&source, request, replace).await
}

async fn take_in(source: &Source, request: &mut Request, replace: bool) -> Response {
    let mut publishing = match source.publish(replace) {
        Ok(publishing) => publishing,
        Err(refused @ PushRefused::Taken) => {
            return reply::text(StatusCode::CONFLICT, format!("No: {refused}."));
        }
        Err(refused @ PushRefused::Closing) => {
            return reply::text(StatusCode::SERVICE_UNAVAILABLE, format!("No: {refused}."));
        }
    };
    tracing::info!(feed = source.name(), peer = %request.peer(), "a publisher came");
    loop {
        let chunk = tokio::select! {
            chunk = request.next_chunk() => chunk,
            () = publishing.ousted() => {
                let sentence = "Another publisher took this place, or the server stops.";
                return reply::text(StatusCode::CONFLICT, sentence);
            }
        };
        match chunk {
            Ok(Some(bytes)) => publishing.take(&bytes),
            Ok(None) => {
                publishing.finish();
                return reply::empty(StatusCode::NO_CONTENT);
            }
            Err(error) => {
                // Viewers that can wait for the next publisher do.
                tracing::info!(feed = source.name(), %error, "a publisher was lost");
                return reply::text(StatusCode::BAD_REQUEST, error.to_string());
            }
        }
    }
}

pub(super) fn unauthorized() -> Response {
    let mut response = reply::text(
        StatusCode::UNAUTHORIZED,
        "Publishing needs a user and a password, or a token.",
    );
    let basic = HeaderValue::from_static("Basic realm=\"feed\", charset=\"UTF-8\"");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, basic);
    cors::allow_all(response.headers_mut());
    response
}

/// Writes what is measured of feeds and streams in the Prometheus text format.
pub(super) fn exposition(report: &Report) -> String {
    let streams = &report.streams;
    let feeds = &report.feeds;
    let of_streams = |read: fn(&StreamReport) -> u64| {
        let samples = streams.iter().map(|it| (it.name.as_str(), read(it)));
        ("stream", samples.collect::<Vec<_>>())
    };
    let of_feeds = |read: fn(&SourceReport) -> u64| {
        let samples = feeds.iter().map(|it| (it.name.as_str(), read(it)));
        ("feed", samples.collect::<Vec<_>>())
    };
    let metrics = [
        (
            "headend_relay_clients",
            "gauge",
            "Clients of a stream",
            of_streams(|it| it.clients.into()),
        ),
        (
            "headend_relay_sent_bytes_total",
            "counter",
            "Bytes handed to the clients of a stream",
            of_streams(|it| it.sent),
        ),
        (
            "headend_relay_received_bytes_total",
            "counter",
            "Bytes that a feed has given",
            of_feeds(|it| it.received),
        ),
        (
            "headend_relay_restarts_total",
            "counter",
            "Runs of a feed begun after another",
            of_feeds(|it| it.restarts),
        ),
        (
            "headend_relay_running",
            "gauge",
            "1 while a feed gives bytes",
            of_feeds(|it| (it.state == "running").into()),
        ),
    ];
    let mut text = String::new();
    for (name, kind, help, (label, samples)) in metrics {
        if samples.is_empty() {
            continue;
        }
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for (value_of, value) in samples {
            let value_of = value_of
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            text.push_str(&format!("{name}{{{label}=\"{value_of}\"}} {value}\n"));
        }
    }
    text
}

/// Changes feeds and streams to what the configuration says now.
pub(super) fn reload(relay: &Relay, config: relay::config::Config) {
    match relay.reload(config) {
        Ok(()) => tracing::info!("feeds and streams are as the configuration says now"),
        Err(error) => tracing::error!(%error, "the configuration is not used; all stays as it was"),
    }
}
