//! What plays in a stream, said as source clients of Icecast say it:
//! `/admin/metadata?mode=updinfo&mount=/stream/NAME&song=TITLE` (or `artist=` and `title=`), by `GET` or
//! `POST`.
//!
//! Whoever may push into a feed of the stream may say it; where nobody is named, whoever may control
//! the server. Since `GET` is enough, pages of other hosts are refused as such.

use http::{Method, StatusCode};
use relay::{
    Table,
    config::{AuthForm, Origin},
    stream::Stream,
};
use serve::{Request, Response, reply};

use super::{App, access, control, relay::unauthorized};
use crate::url;

/// Where it is said.
pub(super) const PATH: &str = "admin/metadata";

/// What Icecast answers, word for word: clients look for it.
const DONE: &str = "<?xml version=\"1.0\"?>\n<iceresponse><message>Metadata update successful</message>\
                    <return>1</return></iceresponse>\n";

/// Answers such a request.
pub(super) fn answer(app: &App, request: &Request) -> Response {
    let Some(relay) = app.relay.get() else {
        return control::nothing();
    };
    if *request.method() == Method::HEAD {
        return reply::empty(StatusCode::OK);
    }
    let query = request.query().unwrap_or_default();
    let value = |name| url::query_value(query, name);
    if value("mode").as_deref() != Some("updinfo") {
        return reply::text(StatusCode::BAD_REQUEST, "Only `mode=updinfo` is known.");
    }
    let said = match (value("song"), value("artist"), value("title")) {
        (Some(song), _, _) => song,
        (None, Some(artist), Some(title)) => format!("{artist} - {title}"),
        (None, _, Some(title)) => title,
        (None, _, None) => {
            return reply::text(StatusCode::BAD_REQUEST, "`song` says what plays.");
        }
    };
    let table = relay.table();
    let mount = value("mount").unwrap_or_default();
    let stream = table.by_path(mount.strip_prefix('/').unwrap_or(&mount));
    let Some((stream, title)) = stream.and_then(|stream| Some((stream, stream.title()?))) else {
        return reply::text(
            StatusCode::NOT_FOUND,
            "`mount` is the path of no stream that its clients share.",
        );
    };
    if let Some(refused) = refuse(app, request, &publishers(&table, stream)) {
        return refused;
    }
    title.set(&said);
    control::state(reply::bytes(StatusCode::OK, "text/xml", DONE))
}

/// Returns who may push into the feeds of a stream.
fn publishers<'a>(table: &'a Table, stream: &Stream) -> Vec<&'a AuthForm> {
    let parents = stream.config().parents().into_iter();
    let feeds = parents.filter_map(|name| table.config.feeds.get(name));
    feeds
        .filter_map(|feed| match &feed.origin {
            Origin::Push { auth, .. } => auth.as_ref(),
            _ => None,
        })
        .collect()
}

fn refuse(app: &App, request: &Request, publishers: &[&AuthForm]) -> Option<Response> {
    let headers = request.headers();
    let site = headers
        .get("sec-fetch-site")
        .map(http::HeaderValue::as_bytes);
    if site.is_some_and(|site| !matches!(site, b"same-origin" | b"none")) {
        let sentence = "Pages of other hosts may not do that.";
        return Some(reply::text(StatusCode::FORBIDDEN, sentence));
    }
    if publishers.is_empty() {
        return access::refuse(request, app.settings.api_token.as_ref());
    }
    let token = request
        .query()
        .and_then(|query| url::query_value(query, "token"));
    let mut forms = publishers.iter();
    let is_allowed = forms.any(|auth| relay::stream::allows(auth, headers, token.as_deref()));
    (!is_allowed).then(unauthorized)
}
