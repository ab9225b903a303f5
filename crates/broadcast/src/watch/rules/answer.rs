//! One HTTP answer.

use super::{Entry, entry, run_table, when};
use crate::watch::exchange::Answer;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A multivariant or media playlist.
    Playlist,
    /// An MPD.
    Mpd,
    /// An init segment, segment or part of MP4.
    Mp4,
    /// Pictures to seek by.
    Image,
    /// Media of another format.
    OtherMedia,
}

/// An answer of status 200 or 206.
pub(crate) struct View<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) what: What,
    /// Whether the answer was held back until there was news.
    pub(crate) held: bool,
    /// Whether the playlist or MPD changes with time.
    pub(crate) live: bool,
    /// Target duration or greatest segment duration in ms, when known.
    pub(crate) target: Option<i64>,
}

impl View<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name)
    }

    fn is_manifest(&self) -> bool {
        matches!(self.what, What::Playlist | What::Mpd)
    }

    /// Returns the seconds that a shared cache may keep it.
    fn max_age(&self) -> Option<i64> {
        let control = self.header("cache-control")?;
        let find = |name: &str| {
            control.split(',').find_map(|directive| {
                let (key, value) = directive.trim().split_once('=')?;
                (key.trim().eq_ignore_ascii_case(name)).then(|| value.trim().parse().ok())?
            })
        };
        find("s-maxage").or_else(|| find("max-age"))
    }
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 5] = [
    entry(
        "H1-cors",
        "RFC 8216bis 6.2.1, Fetch 3.2",
        "answers may be read by pages of other origins",
        cors,
    ),
    entry(
        "H2-stated",
        "RFC 8216bis 6.2.3, RFC 9111",
        "answers say how long they may be kept",
        caching,
    ),
    entry(
        "H2-manifest",
        "RFC 8216bis B.1",
        "a live playlist is kept half a target duration at most, one that was held back six",
        manifest_age,
    ),
    entry(
        "H2-media",
        "RFC 8216bis B.1",
        "media may be kept six target durations at least",
        media_age,
    ),
    entry(
        "H3-type",
        "RFC 8216bis 4, 10; RFC 6381; ISO/IEC 23009-1 C.1",
        "content types are right",
        content_type,
    ),
];

fn cors(view: &View<'_>) -> Vec<String> {
    let wrong = view.header("access-control-allow-origin").is_none();
    when(wrong, || {
        "there is no Access-Control-Allow-Origin".to_owned()
    })
}

fn caching(view: &View<'_>) -> Vec<String> {
    let stated = view.header("cache-control").is_some() || view.header("expires").is_some();
    when(!stated, || "there is no Cache-Control".to_owned())
}

fn manifest_age(view: &View<'_>) -> Vec<String> {
    let (Some(age), Some(target)) = (view.max_age(), view.target) else {
        return Vec::new();
    };
    if !view.is_manifest() || !view.live {
        return Vec::new();
    }
    let limit = if view.held {
        target.saturating_mul(6)
    } else {
        target
    };
    when(age.saturating_mul(1000) > limit, || {
        format!("a live manifest may be kept {age} s")
    })
}

fn media_age(view: &View<'_>) -> Vec<String> {
    let (Some(age), Some(target)) = (view.max_age(), view.target) else {
        return Vec::new();
    };
    let too_short = !view.is_manifest() && age > 0 && age.saturating_mul(1000) < target * 6;
    when(too_short, || format!("media may be kept {age} s only"))
}

fn content_type(view: &View<'_>) -> Vec<String> {
    let found = view.header("content-type").unwrap_or_default();
    let essence = found
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let right = match view.what {
        What::Playlist => matches!(
            essence.as_str(),
            "application/vnd.apple.mpegurl" | "audio/mpegurl" | "application/x-mpegurl"
        ),
        What::Mpd => essence == "application/dash+xml",
        What::Mp4 => matches!(
            essence.as_str(),
            "video/mp4"
                | "audio/mp4"
                | "application/mp4"
                | "video/iso.segment"
                | "audio/iso.segment"
        ),
        What::Image => essence.starts_with("image/"),
        What::OtherMedia => !essence.is_empty(),
    };
    when(!right, || format!("the content type is `{found}`"))
}
