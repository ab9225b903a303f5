//! What a client may not do.

use std::time::Duration;

use crate::common::{PATIENCE, Running};
use bytes::Bytes;
use http::StatusCode;
use serve::{Limits, Request, Response, reply};

const SHORT: Duration = Duration::from_millis(200);

async fn hello(_: Request) -> Response {
    reply::text(StatusCode::OK, "hello")
}

#[tokio::test]
async fn large_headers_are_431() {
    let limits = Limits {
        header_bytes: 16 * 1024,
        ..Limits::default()
    };
    let server = Running::start(limits, hello).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n").await;
    for _ in 0..40 {
        client
            .send(&format!("X-Large: {}\r\n", "x".repeat(1000)))
            .await;
    }
    assert!(client.closed().await.starts_with("HTTP/1.1 431 "));
    let many = "X: y\n".repeat(101);
    assert_eq!(
        server.get(&format!("GET / HTTP/1.1\n{many}")).await.status,
        431
    );
    let enough = "X: y\n".repeat(90);
    assert_eq!(
        server
            .get(&format!("GET / HTTP/1.1\n{enough}"))
            .await
            .status,
        200
    );
    server.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let server = Running::start(limits, hello).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!(first.ask("GET / HTTP/1.1").await.status, 200);
    assert_eq!(second.ask("GET / HTTP/1.1").await.status, 200);

    let mut third = server.connect().await;
    let answer = third.ask("GET / HTTP/1.1").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.body, "Too many connections are open here.\n");
    assert_eq!(third.closed().await, "");

    assert_eq!(first.ask("GET / HTTP/1.1").await.status, 200);
    drop(second);
    let admitted = async {
        while server.get("GET / HTTP/1.1").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, admitted)
        .await
        .expect("a place becomes free");
    assert!(server.counters.read().refused >= 1);
    server.stop().await;
}

#[tokio::test]
async fn headers_that_never_end_do_not_hold_a_connection() {
    let limits = Limits {
        header_timeout: SHORT,
        ..Limits::default()
    };
    let server = Running::start(limits, hello).await;
    let mut silent_preface = server.connect().await;
    silent_preface.send("PRI * HT").await;
    let mut slow = server.connect().await;
    slow.send("GET / HTTP/1.1\r\nHost:").await;
    let mut later = server.connect().await;
    assert_eq!(later.ask("GET / HTTP/1.1").await.status, 200);
    later.send("GET / HT").await;
    for client in [&mut slow, &mut later, &mut silent_preface] {
        assert_eq!(client.closed().await, "");
    }
    server.stop().await;
}

#[tokio::test]
async fn resting_connections_are_closed() {
    let limits = Limits {
        idle_timeout: SHORT,
        ..Limits::default()
    };
    let server = Running::start(limits, hello).await;
    let mut never_used = server.connect().await;
    let mut used = server.connect().await;
    assert_eq!(used.ask("GET / HTTP/1.1").await.status, 200);
    assert_eq!(never_used.closed().await, "");
    assert_eq!(used.closed().await, "");
    let summary = server.stop().await;
    assert_eq!(summary.counts.timed_out, 2);
}

#[tokio::test]
async fn a_slow_handler_is_not_a_resting_connection() {
    let limits = Limits {
        idle_timeout: SHORT,
        header_timeout: SHORT,
        ..Limits::default()
    };
    let server = Running::start(limits, |_| async {
        tokio::time::sleep(SHORT * 4).await;
        reply::text(StatusCode::OK, "late")
    })
    .await;
    assert_eq!(server.get("GET / HTTP/1.1").await.body, "late\n");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = Limits {
        write_timeout: SHORT,
        ..Limits::default()
    };
    let large = Bytes::from(vec![b'x'; 64 << 20]);
    let server = Running::start(limits, move |_| {
        let large = large.clone();
        async move { reply::bytes(StatusCode::OK, reply::TEXT, large) }
    })
    .await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let cut = async {
        while server.counters.read().timed_out == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cut)
        .await
        .expect("the client is cut");
    assert!(client.closed().await.len() < 64 << 20);
    server.stop().await;
}
