//! Pages of other hosts, and the methods of a place.
//!
//! Players run on pages of any host, so everything a player fetches says so ([`allow_all`]).
//! [`Methods::screen`] answers `OPTIONS`, which is the preflight too, and refuses other methods.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{self, HeaderName},
};

use crate::{Response, reply};

const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");
const ANYONE: HeaderValue = HeaderValue::from_static("*");

/// Lets pages of any host read an answer, all its header fields and its timing.
pub fn allow_all(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANYONE);
    headers.insert(TIMING_ALLOW_ORIGIN, ANYONE);
}

/// Which methods a place knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// `GET` and `HEAD`.
    Read,
    /// `GET`, `HEAD` and `POST`.
    ReadAndPost,
    /// `PUT` and `POST`.
    Write,
}

impl Methods {
    /// Returns the value of `Allow`.
    pub const fn allow(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD, OPTIONS",
            Self::ReadAndPost => "GET, HEAD, OPTIONS, POST",
            Self::Write => "OPTIONS, POST, PUT",
        }
    }

    /// Tells whether a handler has to answer `method`.
    pub fn has(self, method: &Method) -> bool {
        match *method {
            Method::GET | Method::HEAD => self != Self::Write,
            Method::POST => self != Self::Read,
            Method::PUT => self == Self::Write,
            _ => false,
        }
    }

    /// Answers what the handler has not: `OPTIONS` with 204 and everything a preflight asks for,
    /// other methods with 405. `None` means that the handler goes on.
    pub fn screen(self, method: &Method) -> Option<Response> {
        if self.has(method) {
            return None;
        }
        let mut response = if *method == Method::OPTIONS {
            let mut response = reply::empty(StatusCode::NO_CONTENT);
            let fields = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, self.allow()),
                (
                    header::ACCESS_CONTROL_ALLOW_HEADERS,
                    "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, \
                     If-None-Match, If-Range, Range",
                ),
                (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            ];
            for (name, value) in fields {
                response
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
            }
            response
        } else {
            let sentence = format!("This place answers {} only.", self.allow());
            reply::text(StatusCode::METHOD_NOT_ALLOWED, sentence)
        };
        let headers = response.headers_mut();
        headers.insert(header::ALLOW, HeaderValue::from_static(self.allow()));
        allow_all(headers);
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_screened() {
        assert!(Methods::Read.screen(&Method::GET).is_none());
        assert!(Methods::Read.screen(&Method::HEAD).is_none());
        assert!(Methods::ReadAndPost.screen(&Method::POST).is_none());
        assert!(Methods::Write.screen(&Method::PUT).is_none());
        assert!(Methods::Write.screen(&Method::POST).is_none());
        let get = Methods::Write.screen(&Method::GET).unwrap();
        assert_eq!(get.headers()["allow"], "OPTIONS, POST, PUT");
        let options = Methods::Read.screen(&Method::OPTIONS).unwrap();
        assert_eq!(options.status(), 204);
        assert_eq!(options.headers()["allow"], "GET, HEAD, OPTIONS");
        assert_eq!(options.headers()["access-control-allow-origin"], "*");
        assert_eq!(options.headers()["access-control-max-age"], "86400");
        let post = Methods::Read.screen(&Method::POST).unwrap();
        assert_eq!(post.status(), 405);
        assert_eq!(post.headers()["allow"], "GET, HEAD, OPTIONS");
    }
}
