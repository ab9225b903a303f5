//! Who may have a stream, or publish into a feed: HTTP basic authentication, or a token.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};

use crate::config::{AuthForm, Secret};

/// Tells whether a request shows one of the passwords, or the token: in `Authorization`, or as `token`
/// in the query.
pub fn allows(auth: &AuthForm, headers: &HeaderMap, token: Option<&str>) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '));
    let bearer = given
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let by_token = auth.token.as_ref().is_some_and(|known| {
        let shown = [token, bearer];
        shown.into_iter().flatten().any(|shown| is(known, shown))
    });
    let basic = given
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, text)| STANDARD.decode(text.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let by_password = basic.is_some_and(|text| {
        let (user, password) = text.split_once(':').unwrap_or((&text, ""));
        // All are looked at, so that the time does not tell which names there are.
        auth.users.iter().fold(false, |found, (name, known)| {
            found | ((name == user) & is(known, password))
        })
    });
    by_token || by_password
}

fn is(known: &Secret, shown: &str) -> bool {
    serve::same_secret(known.0.as_bytes(), shown.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth() -> AuthForm {
        AuthForm {
            users: [("cam".to_owned(), Secret("p:w".to_owned()))].into(),
            token: Some(Secret("t0ken".to_owned())),
        }
    }

    fn asks(authorization: Option<&str>, token: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        allows(&auth(), &headers, token)
    }

    #[test]
    fn a_password_or_the_token_lets_in() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(asks(Some(&basic("cam:p:w")), None));
        assert!(asks(Some("bearer t0ken"), None));
        assert!(asks(None, Some("t0ken")));
        for (authorization, token) in [
            (None, None),
            (None, Some("t0ke")),
            (None, Some("")),
            (Some(basic("cam:pw")), None),
            (Some(basic("cam")), None),
            (Some(basic("other:p:w")), None),
            (Some("Basic !!".to_owned()), None),
            (Some("Bearer p:w".to_owned()), None),
            (Some("Bearer".to_owned()), None),
        ] {
            assert!(!asks(authorization.as_deref(), token), "{authorization:?}");
        }
    }

    #[test]
    fn an_empty_list_lets_nobody_in() {
        let nobody = AuthForm::default();
        assert!(!allows(&nobody, &HeaderMap::new(), Some("")));
    }
}
