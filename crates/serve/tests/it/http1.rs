//! HTTP/1.1 over a real socket.

use crate::common::Running;
use bytes::Bytes;
use http::{Method, StatusCode};
use serve::{ETag, Entity, Limits, Request, Response, cors::Methods, reply};

async fn handler(mut request: Request) -> Response {
    if let Some(screened) = Methods::ReadAndPost.screen(request.method()) {
        return screened;
    }
    match request.path() {
        "/media" => {
            let entity = Entity {
                slices: ["head", "payload"].map(Bytes::from).to_vec(),
                content_type: "video/mp4",
                cache_control: "no-cache",
                etag: Some(ETag::new(1, 7)),
                last_modified: None,
            };
            entity.answer(request.method(), request.headers())
        }
        "/echo" if *request.method() == Method::POST => {
            match request.read_body(8, crate::common::PATIENCE).await {
                Ok(body) => reply::bytes(StatusCode::OK, reply::TEXT, body),
                Err(error) => reply::text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            }
        }
        "/panic" => panic!("on purpose"),
        "/nothing" => reply::empty(StatusCode::NO_CONTENT),
        "/where" => reply::text(StatusCode::OK, request.base_url()),
        path => reply::text(StatusCode::NOT_FOUND, format!("There is no {path}.")),
    }
}

async fn start() -> Running {
    Running::start(Limits::default(), handler).await
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = start().await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        let answer = client.ask("GET /media HTTP/1.1").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "headpayload"));
        assert_eq!(answer.header("content-length"), Some("11"));
        assert!(answer.header("date").is_some());
        assert!(answer.header("server").unwrap().starts_with("headend/"));
    }
    client
        .send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(client.answer(true).await.unwrap().body, "There is no /a.\n");
    assert_eq!(client.answer(true).await.unwrap().body, "There is no /b.\n");
    let counts = server.stop().await.counts;
    assert_eq!((counts.accepted, counts.requests, counts.open), (1, 5, 0));
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let server = start().await;
    let mut client = server.connect().await;
    for (target, length) in [
        ("/media", Some("11")),
        ("/x", Some("16")),
        ("/nothing", None),
    ] {
        let answer = client.ask(&format!("HEAD {target} HTTP/1.1")).await;
        assert_eq!(answer.header("content-length"), length, "{target}");
    }
    let answer = client.ask("HEAD /media HTTP/1.1\nIf-None-Match: *").await;
    assert_eq!(answer.status, 304);
    // Had a body been sent, the next answer would not begin where it should.
    let answer = client.ask("GET /media HTTP/1.1").await;
    assert_eq!(answer.body, "headpayload");
    server.stop().await;
}

#[tokio::test]
async fn ranges_and_conditions_reach_the_entity() {
    let server = start().await;
    let mut client = server.connect().await;
    let answer = client.ask("GET /media HTTP/1.1\nRange: bytes=3-5").await;
    assert_eq!((answer.status, answer.body.as_str()), (206, "dpa"));
    assert_eq!(answer.header("content-range"), Some("bytes 3-5/11"));
    let answer = client.ask("GET /media HTTP/1.1\nRange: bytes=0-0,-1").await;
    assert_eq!(answer.status, 206);
    assert!(
        answer
            .body
            .contains("Content-Range: bytes 10-10/11\r\n\r\nd\r\n")
    );
    let answer = client.ask("GET /media HTTP/1.1\nRange: bytes=50-").await;
    assert_eq!(answer.status, 416);
    let answer = client
        .ask("GET /media HTTP/1.1\nIf-None-Match: \"1-0000000000000007\"")
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (304, ""));
    let answer = client.ask("GET /media HTTP/1.1\nIf-Match: \"x\"").await;
    assert_eq!(answer.status, 412);
    server.stop().await;
}

#[tokio::test]
async fn methods_are_screened() {
    let server = start().await;
    let answer = server
        .get("OPTIONS /media HTTP/1.1\nOrigin: http://page")
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    let answer = server.get("DELETE /media HTTP/1.1").await;
    assert_eq!(answer.status, 405);
    server.stop().await;
}

#[tokio::test]
async fn bodies_of_requests_are_read_up_to_a_limit() {
    let server = start().await;
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    assert_eq!(client.answer(true).await.unwrap().body, "abc");
    client
        .send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789")
        .await;
    assert_eq!(client.answer(true).await.unwrap().status, 413);
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_goes_on() {
    let server = start().await;
    let mut client = server.connect().await;
    let answer = client.ask("GET /panic HTTP/1.1").await;
    assert_eq!(answer.status, 500);
    assert_eq!(client.ask("GET /media HTTP/1.1").await.status, 200);
    assert_eq!(server.counters.read().panics, 1);
    server.stop().await;
}

#[tokio::test]
async fn targets_that_lead_out_never_reach_the_handler() {
    let server = start().await;
    for target in ["/../etc", "/%2e%2e/etc", "/a%00b", "/%zz"] {
        let answer = server.get(&format!("GET {target} HTTP/1.1")).await;
        assert_eq!(answer.status, 400, "{target}");
    }
    assert_eq!(
        server.get("GET /a%20b HTTP/1.1").await.body,
        "There is no /a b.\n"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_host_is_as_the_client_knows_it() {
    let server = start().await;
    let answer = server
        .get("GET /where HTTP/1.1\nX-Forwarded-Proto: https")
        .await;
    assert_eq!(answer.body, "https://test\n");
    server.stop().await;
}
