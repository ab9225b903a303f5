//! What happens to channels and jobs as lines of JSON, one answer without end: `/api/v1/events`.
//!
//! An event that comes too fast for a client is lost for that client, never waited for; it is told how
//! many it has lost.

use std::{convert::Infallible, sync::Arc, time::Duration};

use broadcast::events::Subscription;
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use http::{HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;
use serve::{Body, Response, Shutdown, reply};
use tokio::sync::broadcast::{Receiver, error::RecvError};

const LINES: &str = "application/x-ndjson";

/// So often a line says that nothing has happened, so that proxies and clients know that the
/// connection is whole.
const QUIET: Duration = Duration::from_secs(15);

/// Answers with the events of channels and jobs from now on, until `shutdown`.
pub(super) fn answer(
    channels: Vec<(String, Subscription)>,
    jobs: Option<Receiver<Arc<str>>>,
    shutdown: Shutdown,
) -> Response {
    let names: Vec<&str> = channels.iter().map(|(name, _)| name.as_str()).collect();
    let first = line(&json!({ "event": "listening", "channels": names }));
    let mut sources: Vec<BoxStream<'static, String>> = channels
        .into_iter()
        .map(|(name, events)| events_of(name, events).boxed())
        .collect();
    sources.extend(jobs.map(|jobs| events_of_jobs(jobs).boxed()));
    sources.push(quiet().boxed());
    let lines = stream::once(async { first })
        .chain(stream::select_all(sources))
        .take_until(async move { shutdown.wait().await });
    let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(Bytes::from(line))));
    let mut response = reply::bytes(StatusCode::OK, LINES, Bytes::new());
    *response.body_mut() = Body::stream(StreamBody::new(frames));
    response.headers_mut().insert(
        header::HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn events_of(name: String, events: Subscription) -> impl futures_util::Stream<Item = String> {
    stream::unfold((name, events), |(name, mut events)| async move {
        let (event, lost) = events.next().await?;
        let mut text = String::new();
        if lost > 0 {
            text = line(&json!({ "event": "lost", "channel": name, "count": lost }));
        }
        text.push_str(&event.json_line());
        text.push('\n');
        Some((text, (name, events)))
    })
}

fn events_of_jobs(jobs: Receiver<Arc<str>>) -> impl futures_util::Stream<Item = String> {
    stream::unfold(jobs, |mut jobs| async move {
        let text = match jobs.recv().await {
            Ok(event) => format!("{event}\n"),
            Err(RecvError::Lagged(count)) => line(&json!({ "event": "lost", "count": count })),
            Err(RecvError::Closed) => return None,
        };
        Some((text, jobs))
    })
}

fn quiet() -> impl futures_util::Stream<Item = String> {
    stream::unfold((), |()| async {
        tokio::time::sleep(QUIET).await;
        Some((line(&json!({ "event": "quiet" })), ()))
    })
}

fn line(value: &serde_json::Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use broadcast::events::{Hub, What};
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn events_come_as_lines_until_the_server_stops() {
        let (news, sport) = (Hub::new("news"), Hub::new("sport"));
        let shutdown = Shutdown::new();
        let channels = vec![
            ("news".to_owned(), news.subscribe()),
            ("sport".to_owned(), sport.subscribe()),
        ];
        let mut body = answer(channels, None, shutdown.clone()).into_body();
        let mut next = async || {
            let frame = body.frame().await?.unwrap();
            let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
            assert!(text.ends_with('\n'), "{text}");
            Some(serde_json::from_str::<serde_json::Value>(&text).unwrap())
        };
        assert_eq!(next().await.unwrap()["channels"][1], "sport");
        sport.announce(7, What::Started { run: 1 });
        let event = next().await.unwrap();
        assert_eq!(event["channel"], "sport");
        assert_eq!(event["event"], "started");
        news.announce(8, What::Recovered);
        assert_eq!(next().await.unwrap()["at_ms"], 8);
        shutdown.trigger();
        assert!(next().await.is_none());
    }
}
