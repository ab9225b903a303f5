//! What the player page may be asked to play.

/// Returns `src` when it is a path of this server or an `http` or `https` URL, else what is wrong.
pub(super) fn check(src: &str) -> Result<&str, &'static str> {
    let src = src.trim();
    if src.chars().any(char::is_control) {
        return Err("The address holds characters that no address has.");
    }
    // Browsers read `\` as `/`, and so `/\host` as `//host`.
    let own = src.starts_with('/') && !src[1..].starts_with(['/', '\\']);
    let scheme = src
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    if own || matches!(scheme.as_deref(), Some("http" | "https")) {
        Ok(src)
    } else {
        Err(
            "Only a path of this server, such as /vod/NAME/manifest.mpd, or an http or https URL can be played.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_http_urls_only() {
        for good in [
            "/vod/a/manifest.mpd",
            "/",
            "http://h/x.mpd",
            "HTTPS://h/x.m3u8",
            " /a ",
        ] {
            assert_eq!(check(good), Ok(good.trim()), "{good}");
        }
        for bad in [
            "",
            "x.mpd",
            "//h/x",
            "/\\h/x",
            "javascript:alert(1)",
            "data:text/html,x",
            "javascript://%0aalert(1)",
            "file:///etc/passwd",
            "/a\nb",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
