//! Which keys there are: those that name a file and an object alike.

/// The longest key, in bytes (S3: "Object key naming guidelines").
const MAX_KEY: usize = 1024;
/// The longest name in a key, in bytes, as file systems have it.
const MAX_NAME: usize = 255;

/// Tells why a text is no key: empty, not relative, with empty or dotted parts (`.` and `..`), with
/// control characters, or too long.
pub fn check(key: &str) -> Result<(), &'static str> {
    if key.is_empty() {
        return Err("it is empty");
    }
    if key.len() > MAX_KEY {
        return Err("it is longer than 1024 bytes");
    }
    if key.chars().any(|c| c.is_control() || c == '\\') {
        return Err("it has control characters or backslashes");
    }
    for name in key.split('/') {
        match name {
            "" => return Err("it has an empty part"),
            "." | ".." => return Err("it has `.` or `..` as a part"),
            long if long.len() > MAX_NAME => return Err("it has a part longer than 255 bytes"),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_relative_and_plain() {
        for good in ["a", "a/b.m4s", ".headend/jobs/1", "ä b/c", "a..b"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = "x".repeat(256);
        for bad in [
            "", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\nb", "a\\b", &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
