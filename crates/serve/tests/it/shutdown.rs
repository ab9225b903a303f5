//! The end of a server.

use std::time::Duration;

use crate::common::{PATIENCE, Running};
use http::StatusCode;
use serve::{Limits, Server, Shutdown, reply};
use tokio::net::TcpStream;

/// A server of which `/slow` answers when told to.
async fn start(drain: Duration) -> (Running, Shutdown) {
    let go = Shutdown::new();
    let wait = go.clone();
    let server = Running::start(
        Limits {
            drain,
            ..Limits::default()
        },
        move |request: serve::Request| {
            let wait = wait.clone();
            async move {
                if request.path() == "/slow" {
                    wait.wait().await;
                }
                reply::text(StatusCode::OK, "done")
            }
        },
    )
    .await;
    (server, go)
}

#[tokio::test]
async fn running_answers_end_and_resting_connections_close() {
    let (server, go) = start(PATIENCE).await;
    let mut resting = server.connect().await;
    assert_eq!(resting.ask("GET / HTTP/1.1").await.status, 200);
    let mut untouched = server.connect().await;
    let mut busy = server.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    while server.counters.read().requests < 2 || server.counters.read().accepted < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.shutdown.trigger();
    assert_eq!(resting.closed().await, "");
    assert_eq!(untouched.closed().await, "");
    let address = server.address.clone();
    let closed = async {
        while TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed)
        .await
        .expect("the port is closed");
    go.trigger();
    let answer = busy.answer(true).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "done\n"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(busy.closed().await, "");
    let summary = server.ended().await;
    assert_eq!(
        (summary.cut, summary.counts.open, summary.counts.accepted),
        (0, 0, 3)
    );
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut() {
    let (server, _go) = start(Duration::from_millis(200)).await;
    let mut busy = server.connect().await;
    busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    while server.counters.read().requests < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let summary = server.stop().await;
    assert_eq!((summary.cut, summary.counts.open), (1, 0));
    assert_eq!(busy.closed().await, "");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (server, _go) = start(PATIENCE).await;
    let error = Server::new(Limits::default())
        .bind(&server.address, None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&server.address), "{error}");
    server.stop().await;
}
