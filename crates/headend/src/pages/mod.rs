//! The pages, rendered on the server. Templates are in `web/templates`; they escape what they show.

mod source;

use std::time::Duration;

use askama::Template;
use relay::stat::{Report, StreamReport};
use transcode::job::JobReport;

use crate::{
    report::{Listing, channel::ChannelReport, job::JobCard},
    url,
};

/// What a page may load and do: only what comes from here, except that the player may fetch media
/// from elsewhere. Scripts make pictures and media of what they fetch (`blob:`).
pub(crate) const HOME_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'self'";

/// The policy of the player page: media, playlists and their blobs may come from anywhere.
pub(crate) const PLAY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob: http: https:; connect-src 'self' http: https: blob: data:; \
    media-src 'self' blob: http: https:; worker-src 'self' blob:; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'self'";

/// The content type of what nobody has looked into yet.
const UNKNOWN_TYPE: &str = "application/octet-stream";

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    version: &'a str,
    ready: bool,
    listing: &'a Listing,
    channels: &'a [ChannelReport],
    jobs: &'a [JobCard<'a>],
    streams: Vec<StreamCard<'a>>,
}

/// A stream as the home page shows it.
struct StreamCard<'a> {
    report: &'a StreamReport,
    path: String,
}

impl StreamCard<'_> {
    /// Returns its content type, or nothing while that is not known.
    fn known_type(&self) -> &str {
        match self.report.content_type.as_str() {
            UNKNOWN_TYPE => "",
            known => known,
        }
    }
}

#[derive(Template)]
#[template(path = "stat.html")]
struct Stat<'a> {
    version: &'a str,
    started: &'a str,
    now: &'a str,
    uptime: String,
    relay: &'a Report,
}

impl Stat<'_> {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass arguments by reference"
    )]
    fn bytes(count: &u64) -> String {
        crate::text::bytes(*count)
    }

    fn link(name: &str) -> String {
        format!("/stream/{}", url::encode_path(name))
    }
}

/// Renders the page of state: `started` and `now` are times of day, `up` is how long it runs.
pub(crate) fn stat(
    relay: &Report,
    started: &str,
    now: &str,
    up: Duration,
) -> askama::Result<String> {
    Stat {
        version: VERSION,
        started,
        now,
        uptime: format!("{} s", up.as_secs()),
        relay,
    }
    .render()
}

#[derive(Template)]
#[template(path = "play.html")]
struct Play<'a> {
    version: &'a str,
    src: &'a str,
    problem: &'a str,
}

/// Renders the home page.
pub(crate) fn home(
    listing: &Listing,
    channels: &[ChannelReport],
    jobs: &[JobReport],
    streams: &[StreamReport],
) -> askama::Result<String> {
    let mut streams: Vec<StreamCard<'_>> = streams
        .iter()
        .map(|report| StreamCard {
            path: Stat::link(&report.name),
            report,
        })
        .collect();
    streams.sort_by_key(|stream| stream.report.name.to_lowercase());
    let jobs: Vec<JobCard<'_>> = jobs.iter().rev().map(JobCard::of).collect();
    Home {
        version: VERSION,
        ready: listing.ready,
        listing,
        channels,
        jobs: &jobs,
        streams,
    }
    .render()
}

/// Renders the player page for what the query names, and tells whether that can be played.
pub(crate) fn play(src: Option<&str>) -> askama::Result<(String, bool)> {
    let (src, problem) = match src.map(source::check) {
        None => ("", ""),
        Some(Ok(src)) => (src, ""),
        Some(Err(problem)) => ("", problem),
    };
    let page = Play {
        version: VERSION,
        src,
        problem,
    }
    .render()?;
    Ok((page, problem.is_empty()))
}

#[cfg(test)]
mod tests;
