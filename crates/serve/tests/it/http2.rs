//! HTTP/2 without TLS, by prior knowledge, on the same port.

use std::{pin::pin, time::Duration};

use crate::common::{PATIENCE, Running};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serve::{Body, Limits, Request, Response, Shutdown, reply};
use tokio::{net::TcpStream, task::JoinSet};

struct Client {
    requests: SendRequest<Empty<Bytes>>,
    connection: JoinSet<Result<(), hyper::Error>>,
}

impl Client {
    async fn connect(server: &Running) -> Self {
        let stream = TcpStream::connect(&server.address).await.unwrap();
        let executor = TokioExecutor::new();
        let (requests, connection) = handshake(executor, TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        Self {
            requests,
            connection: tasks,
        }
    }

    async fn ask(&mut self, method: &str, target: &str) -> (http::response::Parts, Bytes) {
        let uri = format!("http://test{target}");
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .body(Empty::new())
            .unwrap();
        let response = self.requests.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, body.collect().await.unwrap().to_bytes())
    }
}

async fn handler(request: Request) -> Response {
    assert!(request.path() != "/panic", "on purpose");
    reply::text(http::StatusCode::OK, request.base_url())
}

#[tokio::test]
async fn prior_knowledge_is_enough() {
    let server = Running::start(Limits::default(), handler).await;
    let mut client = Client::connect(&server).await;
    let (parts, body) = client.ask("GET", "/").await;
    assert_eq!(
        (parts.version, parts.status.as_u16()),
        (http::Version::HTTP_2, 200)
    );
    assert_eq!(body, "http://test\n");
    let (parts, body) = client.ask("HEAD", "/").await;
    assert_eq!(
        (parts.headers["content-length"].as_bytes(), body.len()),
        (&b"12"[..], 0)
    );
    let (parts, _) = client.ask("GET", "/panic").await;
    assert_eq!(parts.status, 500);
    let (parts, _) = client.ask("GET", "/").await;
    assert_eq!(parts.status, 200);
    assert_eq!(server.get("GET / HTTP/1.1").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn large_headers_are_431() {
    let limits = Limits {
        header_bytes: 4096,
        ..Limits::default()
    };
    let server = Running::start(limits, handler).await;
    let mut client = Client::connect(&server).await;
    let request = http::Request::builder()
        .uri("http://test/")
        .header("x-large", "x".repeat(6000))
        .body(Empty::new())
        .unwrap();
    match client.requests.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_grants_no_more_bytes_is_cut() {
    let limits = Limits {
        write_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let large = Bytes::from(vec![b'x'; 32 << 20]);
    let server = Running::start(limits, move |_| {
        let slices = vec![large.clone(), large.clone()];
        async move { Response::new(Body::slices(slices)) }
    })
    .await;
    let mut client = Client::connect(&server).await;
    let request = http::Request::new(Empty::new());
    let unread = client.requests.send_request(request).await.unwrap();
    let cut = async {
        while server.counters.read().timed_out == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cut)
        .await
        .expect("the client is cut");
    assert!(unread.into_body().collect().await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn shutdown_lets_a_stream_end_and_then_the_connection() {
    let go = Shutdown::new();
    let wait = go.clone();
    let server = Running::start(Limits::default(), move |_| {
        let wait = wait.clone();
        async move {
            wait.wait().await;
            reply::text(http::StatusCode::OK, "late")
        }
    })
    .await;
    let mut client = Client::connect(&server).await;
    let stop = server.shutdown.clone();
    let counters = std::sync::Arc::clone(&server.counters);
    {
        let mut asking = pin!(client.ask("GET", "/"));
        let begun = async {
            while counters.read().requests == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = &mut asking => panic!("the answer is not there yet"),
            () = begun => {}
        }
        stop.trigger();
        go.trigger();
        let (parts, body) = asking.await;
        assert_eq!((parts.status.as_u16(), &body[..]), (200, &b"late\n"[..]));
    }
    assert_eq!(server.ended().await.cut, 0);
    client
        .connection
        .join_next()
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
