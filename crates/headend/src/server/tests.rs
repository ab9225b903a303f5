use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;

use super::*;

/// An instant: 2023-11-14T22:13:20.005Z.
const NOW_MS: i64 = 1_700_000_000_005;

fn unscanned() -> Arc<App> {
    let app = App::new(
        Settings::default(),
        Running::default(),
        Arc::default(),
        Shutdown::new(),
        Clock::new(|| NOW_MS),
    );
    Arc::new(app.unwrap())
}

fn app() -> Arc<App> {
    let app = unscanned();
    let catalogue = Arc::new(asset::Catalogue::of(Vec::new()));
    assert!(app.content.set(Content::new(catalogue)).is_ok());
    app
}

fn ask(app: &Arc<App>, method: Method, target: &str) -> Response {
    answer(app, Request::new(method, target, Bytes::new()).unwrap())
}

/// Answers a request that waits for nothing.
fn answer(app: &Arc<App>, request: Request) -> Response {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(app.answer(request)).poll(&mut context) {
        Poll::Ready(response) => response,
        Poll::Pending => panic!("the answer waits for something"),
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[test]
fn every_route_has_its_status_and_type() {
    let app = app();
    for (target, status, content_type) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/play", 200, "text/html; charset=utf-8"),
        (
            "/play?src=/vod/a/manifest.mpd",
            200,
            "text/html; charset=utf-8",
        ),
        ("/play?src=javascript:x", 400, "text/html; charset=utf-8"),
        ("/static/style.css", 200, "text/css; charset=utf-8"),
        ("/static/none.css", 404, "text/plain; charset=utf-8"),
        ("/favicon.ico", 200, "image/svg+xml"),
        ("/healthz", 200, "text/plain; charset=utf-8"),
        ("/readyz", 200, "text/plain; charset=utf-8"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("/time", 200, "text/plain; charset=utf-8"),
        ("/config", 200, "application/json"),
        ("/stat.json", 200, "application/json"),
        ("/api/v1/assets", 200, "application/json"),
        ("/api/v1/channels", 200, "application/json"),
        ("/api/v1/openapi.json", 200, "application/json"),
        ("/api/v1/events", 200, "application/x-ndjson"),
        ("/api/v1/channels/none", 404, "text/plain; charset=utf-8"),
        ("/api/v1/none", 404, "text/plain; charset=utf-8"),
        ("/live/none/manifest.mpd", 404, "text/plain; charset=utf-8"),
        ("/healthz/x", 404, "text/plain; charset=utf-8"),
        ("/nothing", 404, "text/plain; charset=utf-8"),
        ("/vod/none/manifest.mpd", 404, "text/plain; charset=utf-8"),
        (
            "/livesim/none/manifest.mpd",
            404,
            "text/plain; charset=utf-8",
        ),
        (
            "/livesim2/none/manifest.mpd",
            404,
            "text/plain; charset=utf-8",
        ),
    ] {
        let response = ask(&app, Method::GET, target);
        assert_eq!(response.status(), status, "{target}");
        assert_eq!(header(&response, "content-type"), content_type, "{target}");
    }
}

#[test]
fn other_methods_are_refused_everywhere() {
    let app = app();
    for target in ["/", "/healthz", "/vod/x", "/livesim/x", "/nothing"] {
        assert_eq!(ask(&app, Method::POST, target).status(), 405, "{target}");
        assert_eq!(ask(&app, Method::OPTIONS, target).status(), 204, "{target}");
    }
}

#[test]
fn before_the_first_scan_nothing_is_ready_but_the_page_is_there() {
    let app = unscanned();
    for (target, status) in [
        ("/healthz", 200),
        ("/readyz", 503),
        ("/vod/a/b.mpd", 503),
        ("/livesim/a/b.mpd", 503),
        ("/", 200),
        ("/api/v1/assets", 200),
    ] {
        assert_eq!(ask(&app, Method::GET, target).status(), status, "{target}");
    }
}

#[test]
fn pages_may_load_nothing_from_elsewhere() {
    let app = app();
    for target in ["/", "/play?src=/x.mpd"] {
        let response = ask(&app, Method::GET, target);
        let policy = header(&response, "content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{target}: {policy}");
        assert!(policy.contains("script-src 'self';"), "{target}: {policy}");
        assert!(!policy.contains("unsafe"), "{target}: {policy}");
    }
}

#[test]
fn the_old_chunked_prefix_leads_on() {
    let response = ask(
        &app(),
        Method::GET,
        "/livesim-chunked/a_1/b%20c/x.mpd?nowMS=5",
    );
    assert_eq!(response.status(), 302);
    assert_eq!(
        header(&response, "location"),
        "/livesim/a_1/b%20c/x.mpd?nowMS=5"
    );
}

#[test]
fn files_are_confirmed_by_their_tag() {
    let app = app();
    let tag = header(&ask(&app, Method::GET, "/static/player.js"), "etag").to_owned();
    let mut request = Request::new(Method::GET, "/static/player.js", Bytes::new()).unwrap();
    request
        .headers_mut()
        .insert("if-none-match", tag.parse().unwrap());
    assert_eq!(answer(&app, request).status(), 304);
}

#[test]
fn answers_are_counted_by_route() {
    let app = app();
    ask(&app, Method::GET, "/vod/none");
    ask(&app, Method::GET, "/none");
    let text = app.metrics.render();
    for line in [
        r#"headend_requests_total{route="vod",status="4xx"} 1"#,
        r#"headend_requests_total{route="unknown",status="4xx"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_time_has_milliseconds_and_is_never_kept() {
    let response = ask(&app(), Method::GET, "/time");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    // Without a line end: `Date.parse` of JavaScript, by which Shaka Player reads it, takes none.
    assert_eq!(body, "2023-11-14T22:13:20.005Z");
}

#[test]
fn the_description_of_the_api_is_true() {
    let app = app();
    let description: serde_json::Value =
        serde_json::from_str(include_str!("openapi.json")).unwrap();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 10);
    for (path, methods) in paths {
        for (method, described) in methods.as_object().unwrap() {
            let method = match method.as_str() {
                "parameters" => continue,
                name => Method::from_bytes(name.to_uppercase().as_bytes()).unwrap(),
            };
            let response = ask(&app, method.clone(), &path.replace("{name}", "none"));
            let status = response.status().as_str().to_owned();
            assert!(
                !described["responses"][&status].is_null(),
                "{method} {path} answers {status}, which is not described"
            );
        }
    }
}

#[test]
fn only_channels_take_orders() {
    let app = app();
    for (target, status) in [
        ("/api/v1/channels/none/stop", 404),
        ("/api/v1/channels", 405),
        ("/api/v1/assets", 405),
    ] {
        assert_eq!(ask(&app, Method::POST, target).status(), status, "{target}");
    }
}

#[tokio::test]
async fn the_settings_are_shown_without_secrets() {
    let text = "
channels:
  news:
    job:
      inputs: [{ srt: { address: 'h:9000', passphrase: hush-hush-1 } }, { uri: 'srt://h:1?passphrase=hush-hush-2', take: audio }]
    runtime: { targets: [{ uri: 'https://user:hush-hush-3@h/', headers: { x-key: hush-hush-4 } }] }
api_token: hush-hush-5
";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headend.yaml");
    std::fs::write(&file, text).unwrap();
    let settings = Settings::load(Some(&file), crate::config::Overlay::default()).unwrap();
    let app = App::new(
        settings,
        Running::default(),
        Arc::default(),
        Shutdown::new(),
        Clock::new(|| NOW_MS),
    );
    let response = ask(&Arc::new(app.unwrap()), Method::GET, "/config");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let shown = String::from_utf8_lossy(&body);
    assert!(
        shown.contains("news") && !shown.contains("hush-hush"),
        "{shown}"
    );
}
