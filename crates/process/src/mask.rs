//! Secrets out of what is logged and shown: passwords in URLs, keys in queries and in arguments.
//!
//! `ps` still shows the arguments of a running process; a command that must hide a secret from
//! other users of the machine takes it from a file or from the environment.

use std::ffi::OsStr;

/// What stands in for a secret.
const MASK: &str = "***";

/// Query keys, `key=value` options and environment names whose value is secret, in lower case.
const SECRET_KEYS: &[&str] = &[
    "access_key",
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "authorization",
    "key",
    "pass",
    "passphrase",
    "password",
    "passwd",
    "pwd",
    "secret",
    "sig",
    "signature",
    "streamid",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
];

/// Arguments whose next argument is secret.
const SECRET_OPTIONS: &[&str] = &[
    "-cenc_decryption_key",
    "-cookies",
    "-cryptokey",
    "-decryption_key",
    "-encryption_key",
    "-headers",
    "-key",
    "-passphrase",
    "-password",
    "-pwd",
    "-srt_streamid",
    "-streamid",
    "-token",
];

/// Returns a program and its arguments as one line, quoted where needed, secrets masked.
pub fn command_line<'a>(program: &OsStr, arguments: impl IntoIterator<Item = &'a OsStr>) -> String {
    let mut line = quoted(&program.to_string_lossy());
    let mut hide_next = false;
    for argument in arguments {
        let argument = argument.to_string_lossy();
        line.push(' ');
        if hide_next {
            line.push_str(MASK);
        } else {
            line.push_str(&quoted(&text(&argument)));
        }
        hide_next = SECRET_OPTIONS.contains(&argument.to_ascii_lowercase().as_str());
    }
    line
}

/// Returns `text` with the user information of URLs and the values of secret keys masked.
pub fn text(text: &str) -> String {
    values(&user_info(text))
}

/// Masks what stands between `://` and `@`.
fn user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let authority = after
            .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'' | '|') || c.is_whitespace())
            .unwrap_or(after.len());
        rest = match after[..authority].rfind('@') {
            Some(sign) => {
                out.push_str(MASK);
                &after[sign..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

/// Masks the value of `key=value` where `key` is secret, up to the next separator.
fn values(text: &str) -> String {
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        rest = after;
        let key = before
            .trim_end_matches('=')
            .rsplit(|c| !is_key(c))
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if SECRET_KEYS.contains(&key.as_str()) {
            let end = after
                .find(|c: char| {
                    matches!(c, '&' | ';' | '#' | '"' | '\'' | '|') || c.is_whitespace()
                })
                .unwrap_or(after.len());
            if end > 0 {
                out.push_str(MASK);
            }
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Quotes an argument for reading, not for a shell to run.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,?&*~".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    let mut out = String::with_capacity(argument.len() + 2);
    out.push('\'');
    for c in argument.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_masked() {
        for (given, expected) in [
            ("rtsp://user:pa@ss@cam/1", "rtsp://***@cam/1"),
            (
                "http://h/x?a=1&token=abc&b=2",
                "http://h/x?a=1&token=***&b=2",
            ),
            (
                "srt://h:1?mode=caller&streamid=publish:x:y&passphrase=0123456789",
                "srt://h:1?mode=caller&streamid=***&passphrase=***",
            ),
            ("key=", "key="),
            ("monkey=1 KEY=2", "monkey=1 KEY=***"),
            (
                "[tcp @ 0x1] Opening 'http://a:b@h/' for reading",
                "[tcp @ 0x1] Opening 'http://***@h/' for reading",
            ),
            ("a@b.c and http://h", "a@b.c and http://h"),
            ("x=a=b", "x=a=b"),
        ] {
            assert_eq!(text(given), expected);
        }
    }

    #[test]
    fn a_command_line_hides_the_arguments_of_secret_options() {
        let arguments = [
            "-headers",
            "Authorization: Bearer x\r\n",
            "-i",
            "a b.mp4",
            "",
        ];
        assert_eq!(
            command_line(OsStr::new("ffmpeg"), arguments.map(OsStr::new)),
            "ffmpeg -headers *** -i 'a b.mp4' ''"
        );
    }

    proptest! {
        #[test]
        fn masking_never_panics_and_is_stable(given in ".{0,60}") {
            let once = text(&given);
            prop_assert_eq!(text(&once), once);
        }

        #[test]
        fn a_password_never_stays(secret in "[a-z0-9]{8,12}") {
            let url = format!("rtmp://u:{secret}@h/x?key={secret}&n=1");
            prop_assert!(!text(&url).contains(&secret));
        }
    }
}
