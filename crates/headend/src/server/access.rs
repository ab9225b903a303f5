//! Who may control the server: start, stop and restart channels.
//!
//! | from | allowed |
//! |---|---|
//! | anywhere, with `Authorization: Bearer TOKEN` of `api_token` | yes |
//! | this machine, when no `api_token` is set | yes, unless a page of another host or a proxy is behind it |
//! | anywhere else | no |
//!
//! A browser sends what any page asks it to, also to this machine. Such requests name another
//! `Origin`; after a rebinding of names, their `Host` is not this machine.

use http::{HeaderMap, StatusCode, header};
use serve::{Request, Response, reply};

use crate::config::Secret;

/// Returns the refusal of a request that may not control the server.
pub(super) fn refuse(request: &Request, token: Option<&Secret>) -> Option<Response> {
    let headers = request.headers();
    let Some(token) = token else {
        let local = request.peer().ip().to_canonical().is_loopback();
        let sentence = if !local || is_forwarded(headers) {
            "Only this machine may do that; set `api_token` to allow others."
        } else if !is_own(request) {
            "Pages of other hosts may not do that."
        } else {
            return None;
        };
        return Some(reply::text(StatusCode::FORBIDDEN, sentence));
    };
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if given.is_some_and(|given| token.is(given.trim())) {
        return None;
    }
    let mut response = reply::text(
        StatusCode::UNAUTHORIZED,
        "That needs `Authorization: Bearer` with the token of this server.",
    );
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        http::HeaderValue::from_static("Bearer"),
    );
    Some(response)
}

/// Tells whether a proxy says that it speaks for somebody else.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// Tells whether a request is for a name of this machine, and of no page but ours.
fn is_own(request: &Request) -> bool {
    let base = request.base_url();
    let host = base.split_once("://").map_or("", |(_, host)| host);
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let named = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok();
    let origin = request.headers().get(header::ORIGIN);
    named && origin.is_none_or(|origin| origin.as_bytes() == base.as_bytes())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;

    use super::*;

    fn status(headers: &[(&'static str, &str)], token: Option<&str>) -> u16 {
        let mut request = Request::new(Method::POST, "/x", Bytes::new()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let token: Option<Secret> = token.map(|token| token.parse().unwrap());
        refuse(&request, token.as_ref()).map_or(200, |response| response.status().as_u16())
    }

    #[test]
    fn this_machine_may_unless_somebody_else_is_behind_it() {
        for (headers, expected) in [
            (vec![("host", "127.0.0.1:8080")], 200),
            (vec![("host", "localhost:8080")], 200),
            (vec![("host", "[::1]:8080")], 200),
            (
                vec![
                    ("host", "127.0.0.1:8080"),
                    ("origin", "http://127.0.0.1:8080"),
                ],
                200,
            ),
            (
                vec![
                    ("host", "127.0.0.1:8080"),
                    ("origin", "http://evil.example"),
                ],
                403,
            ),
            (vec![("host", "127.0.0.1:8080"), ("origin", "null")], 403),
            (vec![("host", "evil.example")], 403),
            (
                vec![("host", "127.0.0.1"), ("x-forwarded-for", "203.0.113.7")],
                403,
            ),
        ] {
            assert_eq!(status(&headers, None), expected, "{headers:?}");
        }
    }

    #[test]
    fn with_a_token_the_token_decides() {
        let token = Some("a-long-token");
        for (headers, expected) in [
            (vec![("host", "127.0.0.1")], 401),
            (vec![("authorization", "Bearer a-long-token")], 200),
            (
                vec![
                    ("authorization", "Bearer a-long-token"),
                    ("x-forwarded-for", "203.0.113.7"),
                ],
                200,
            ),
            (vec![("authorization", "Bearer a-long-toke")], 401),
            (vec![("authorization", "Basic a-long-token")], 401),
        ] {
            assert_eq!(status(&headers, token), expected, "{headers:?}");
        }
    }
}
