//! The version of ffmpeg, as releases, distributions and builds from git write it.

use std::fmt;

/// A version as reported.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Version {
    /// All of it, such as `5.1.9-0+deb12u1`.
    pub text: String,
    /// Release number; `None` for a build between releases.
    pub release: Option<(u32, u32)>,
}

impl Version {
    /// Reads the output of `ffmpeg -version`.
    pub fn parse(output: &str) -> Option<Self> {
        let text = output
            .lines()
            .next()?
            .split_once(" version ")?
            .1
            .split_whitespace()
            .next()?;
        Some(Self {
            text: text.to_owned(),
            release: release(text),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn release(text: &str) -> Option<(u32, u32)> {
    let text = text.strip_prefix('n').unwrap_or(text);
    let number = text.split(['-', '+', '~']).next()?;
    let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
    let major = parts.next()??;
    Some((major, parts.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (line, text, release) in [
            (
                "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers",
                "5.1.9-0+deb12u1",
                Some((5, 1)),
            ),
            ("ffmpeg version n7.1 Copyright", "n7.1", Some((7, 1))),
            ("ffmpeg version 8 Copyright", "8", Some((8, 0))),
            (
                "ffmpeg version N-109542-g62a6 Copyright",
                "N-109542-g62a6",
                None,
            ),
            (
                "ffmpeg version git-2020-01-26-5e62100",
                "git-2020-01-26-5e62100",
                None,
            ),
        ] {
            let version = Version::parse(line).unwrap();
            assert_eq!(version.text, text);
            assert_eq!(version.release, release, "{line}");
        }
        assert_eq!(Version::parse("busybox"), None);
        assert_eq!(Version::parse(""), None);
    }
}
