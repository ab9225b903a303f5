//! Refusals as answers: the one table from kinds to statuses.

use http::{HeaderValue, StatusCode, header};
use media::supply::Refusal;
use serve::{Response, cors, reply};

use crate::caching;

/// Returns the status of a refusal.
pub fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::TooEarly { .. } => StatusCode::TOO_EARLY,
        Refusal::Gone { .. } => StatusCode::GONE,
        Refusal::NotFound(_) => StatusCode::NOT_FOUND,
        Refusal::Bad(_) => StatusCode::BAD_REQUEST,
        Refusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Makes the answer: the refusal's sentence as plain text, readable by pages of any host. What is
/// too early says in `Retry-After` when to come back, in whole seconds rounded up.
pub fn response(refusal: &Refusal) -> Response {
    let mut sentence = refusal.to_string();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    let mut response = reply::text(status(refusal), sentence);
    let headers = response.headers_mut();
    let cache_control = match refusal {
        Refusal::TooEarly { wait_ms, .. } => {
            let seconds = u64::try_from(*wait_ms).unwrap_or(0).div_ceil(1000).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            caching::NEVER
        }
        Refusal::Gone { .. } => caching::MINUTE,
        Refusal::NotFound(_) | Refusal::Bad(_) | Refusal::Internal(_) => caching::REVALIDATE,
    };
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(cache_control),
    );
    cors::allow_all(headers);
    response
}

/// Makes an answer for what cannot be had now but may be in a second: 503.
pub(crate) fn unavailable(sentence: String) -> Response {
    let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, sentence);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(caching::NEVER),
    );
    cors::allow_all(headers);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status_and_its_time_in_caches() {
        let early = |wait_ms| Refusal::TooEarly {
            what: "segment 3".into(),
            wait_ms,
            at_ms: 9,
        };
        let gone = Refusal::Gone {
            what: "segment 3".into(),
            since_ms: 1,
            ago_ms: 2,
        };
        for (refusal, status, cache_control, retry) in [
            (early(1), 425, "no-store", Some("1")),
            (early(1001), 425, "no-store", Some("2")),
            (early(-5), 425, "no-store", Some("1")),
            (gone, 410, "public, max-age=60", None),
            (Refusal::NotFound("No.".into()), 404, "no-cache", None),
            (Refusal::Bad("No.".into()), 400, "no-cache", None),
            (Refusal::Internal("No.".into()), 500, "no-cache", None),
        ] {
            let response = response(&refusal);
            assert_eq!(response.status(), status, "{refusal}");
            assert_eq!(
                response.headers()["cache-control"],
                cache_control,
                "{refusal}"
            );
            let found = response.headers().get("retry-after");
            assert_eq!(
                found.map(|value| value.to_str().unwrap()),
                retry,
                "{refusal}"
            );
            assert_eq!(response.headers()["access-control-allow-origin"], "*");
        }
    }
}
