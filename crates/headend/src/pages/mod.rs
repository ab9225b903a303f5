//! The pages, rendered on the server. Templates are in `web/templates`; they escape what they show.

mod source;

use askama::Template;
use transcode::job::JobReport;

use crate::report::{Listing, channel::ChannelReport, job::JobCard};

/// What a page may load and do: only what comes from here, except that the player may fetch media
/// from elsewhere.
pub(crate) const HOME_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'self'";

/// The policy of the player page: media, playlists and their blobs may come from anywhere.
pub(crate) const PLAY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob: http: https:; connect-src 'self' http: https: blob: data:; \
    media-src 'self' blob: http: https:; worker-src 'self' blob:; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'self'";

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    version: &'a str,
    ready: bool,
    listing: &'a Listing,
    channels: &'a [ChannelReport],
    jobs: &'a [JobCard<'a>],
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
) -> askama::Result<String> {
    let jobs: Vec<JobCard<'_>> = jobs.iter().rev().map(JobCard::of).collect();
    Home {
        version: VERSION,
        ready: listing.ready,
        listing,
        channels,
        jobs: &jobs,
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
