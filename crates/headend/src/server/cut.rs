//! Cutting a range out of a running channel: `POST /api/v1/channels/{name}/cut`.

use std::sync::Arc;

use broadcast::{channel::Handle, record::Recorded};
use http::StatusCode;
use media::time::Round;
use serde_json::json;
use serve::{Request, Response, reply};

use super::{App, control};
use crate::url::query_value;

/// What is to be cut out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    /// From and to, Unix ms.
    times: (i64, i64),
    /// Name of the asset.
    asset: String,
}

/// Cuts `from` to `to` of the query out as `asset`; answers when it is on disk.
pub(super) async fn answer(app: &Arc<App>, request: &Request, channel: Handle) -> Response {
    let range = match Range::of(request.query().unwrap_or_default()) {
        Ok(range) => range,
        Err(sentence) => return reply::text(StatusCode::BAD_REQUEST, sentence),
    };
    let cutter = Arc::clone(app);
    let cut = tokio::task::spawn_blocking(move || {
        cutter.channels.cut(&channel, range.times, &range.asset)
    });
    match cut.await {
        Ok(Some(Ok(assets))) if assets.is_empty() => {
            let sentence = "The channel has no whole segment in that range.";
            reply::text(StatusCode::NOT_FOUND, sentence)
        }
        Ok(Some(Ok(assets))) => {
            let assets: Vec<_> = assets.iter().map(described).collect();
            control::json_state(&json!({ "assets": assets }))
        }
        Ok(None) => {
            let sentence = "The channel has nothing yet.";
            reply::text(StatusCode::CONFLICT, sentence)
        }
        Ok(Some(Err(error))) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn described(asset: &Recorded) -> serde_json::Value {
    let frames: serde_json::Map<String, serde_json::Value> = asset
        .frames
        .iter()
        .map(|(id, count)| (id.clone(), (*count).into()))
        .collect();
    json!({
        "folder": asset.folder,
        "duration_ms": asset.duration.ms(Round::Nearest),
        "stretches": asset.stretches,
        "frames": frames,
    })
}

fn failed(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "cutting failed");
    let sentence = format!("It cannot be cut out: {error}.");
    reply::text(StatusCode::INTERNAL_SERVER_ERROR, sentence)
}

impl Range {
    /// Reads a query. Fails with a sentence.
    fn of(query: &str) -> Result<Self, String> {
        let time = |name: &str| {
            let text = query_value(query, name)
                .ok_or_else(|| format!("`{name}` is missing: RFC 3339, or Unix milliseconds."))?;
            instant(&text).ok_or_else(|| {
                format!("`{name}={text}` is neither RFC 3339 nor Unix milliseconds.")
            })
        };
        let times = (time("from")?, time("to")?);
        if times.0 >= times.1 {
            return Err("`from` is not before `to`.".to_owned());
        }
        let asset = query_value(query, "asset").ok_or("`asset` is missing: its name.")?;
        if !asset.split('/').all(is_component) {
            return Err(format!(
                "`{asset}` is not a name of letters, digits, `.`, `-` and `_`."
            ));
        }
        Ok(Self { times, asset })
    }
}

fn instant(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(instant.as_millisecond())
}

/// Tells whether a component is harmless as a file name: it begins with a letter or digit.
fn is_component(text: &str) -> bool {
    let starts = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    starts && text.len() <= 64 && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let good = Range::of("from=1000&to=1970-01-01T00:00:02.5Z&asset=news/goal-1").unwrap();
        assert_eq!(good.times, (1000, 2500));
        assert_eq!(good.asset, "news/goal-1");
        for (query, part) in [
            ("to=2&asset=a", "`from` is missing"),
            ("from=1&to=x&asset=a", "`to=x` is neither"),
            ("from=2&to=2&asset=a", "not before"),
            ("from=1&to=2", "`asset` is missing"),
            ("from=1&to=2&asset=../a", "is not a name"),
            ("from=1&to=2&asset=a//b", "is not a name"),
            ("from=1&to=2&asset=.a", "is not a name"),
        ] {
            let error = Range::of(query).unwrap_err();
            assert!(error.contains(part), "{query}: {error}");
        }
    }
}
