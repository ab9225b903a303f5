//! Scheme and host as the client sees them, for the few absolute URLs that manifests need.

use http::{HeaderMap, Uri, header, header::HeaderName};

use crate::request::Ends;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Returns `scheme://host[:port]`.
///
/// The scheme is the first token of `X-Forwarded-Proto` when that is `http` or `https`, else that
/// of the connection. The host is the first token of `X-Forwarded-Host`, else the target's authority
/// (HTTP/2, absolute form), else `Host`, else our own address; what does not look like a host is
/// passed over, so nothing a client sends can break out of a URL.
pub(crate) fn base_url(headers: &HeaderMap, uri: &Uri, ends: Ends) -> String {
    let forwarded = first_token(headers, &FORWARDED_PROTO);
    let is_forwarded = |scheme| forwarded.is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    let is_secure = is_forwarded("https") || ends.is_secure && !is_forwarded("http");
    let scheme = if is_secure { "https" } else { "http" };
    let host = first_token(headers, &FORWARDED_HOST)
        .filter(|host| is_host(host))
        .or_else(|| {
            uri.authority()
                .map(http::uri::Authority::as_str)
                .filter(|h| is_host(h))
        })
        .or_else(|| first_token(headers, &header::HOST).filter(|host| is_host(host)));
    match host {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{}", ends.local),
    }
}

fn first_token<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?;
    text.split(',').next().map(str::trim)
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    #[test]
    fn the_host_is_the_one_the_client_used() {
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let plain = Ends {
            peer: local,
            local,
            is_secure: false,
        };
        let secure = Ends {
            is_secure: true,
            ..plain
        };
        let cases: &[(Fields, &str, &str)] = &[
            (&[], "/", "http://127.0.0.1:8080"),
            (&[("host", "a.example:81")], "/", "http://a.example:81"),
            (&[("host", "a")], "http://b:1/", "http://b:1"),
            (&[("host", "[::1]:80")], "/", "http://[::1]:80"),
            (&[("host", "a\"><x")], "/", "http://127.0.0.1:8080"),
            (
                &[("host", "a"), ("x-forwarded-proto", "https, http")],
                "/",
                "https://a",
            ),
            (
                &[("host", "a"), ("x-forwarded-proto", "gopher")],
                "/",
                "http://a",
            ),
            (
                &[("host", "a"), ("x-forwarded-host", "cdn.example, b")],
                "/",
                "http://cdn.example",
            ),
            (
                &[("host", "a"), ("x-forwarded-host", "b/c")],
                "/",
                "http://a",
            ),
        ];
        for (headers, uri, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in *headers {
                map.insert(*name, http::HeaderValue::from_static(value));
            }
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(base_url(&map, &uri, plain), *expected, "{headers:?} {uri}");
        }
        let (mut map, uri) = (HeaderMap::new(), Uri::from_static("/"));
        assert_eq!(base_url(&map, &uri, secure), "https://127.0.0.1:8080");
        map.insert(&FORWARDED_PROTO, http::HeaderValue::from_static("http"));
        assert_eq!(base_url(&map, &uri, secure), "http://127.0.0.1:8080");
    }
}
