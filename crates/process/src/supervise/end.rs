//! The processes of one run, and the ending of all of them.

use std::{future::Future, time::Duration};

use super::Reason;
use crate::{Child, Exit};

/// How long after the main process one that makes its input may end to be the cause.
const FEED_END: Duration = Duration::from_secs(1);

/// A process, and those that make its input. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Processes {
    pub(super) main: Child,
    pub(super) feeds: Vec<Child>,
    pub(super) grace: Duration,
}

impl Processes {
    /// Ends all: by the signal of each, then `SIGKILL` after the grace or as soon as `hurry` is ready; returns
    /// when all are reaped.
    pub(super) async fn end(&self, hurry: impl Future<Output = ()>) {
        self.all().for_each(Child::terminate);
        tokio::select! {
            () = self.ended() => return,
            () = tokio::time::sleep(self.grace) => {}
            () = hurry => {}
        }
        self.all().for_each(Child::kill);
        self.ended().await;
    }

    /// Says why a run ended whose main process ended by itself: because of that or, if it ended
    /// well, because what makes its input had failed.
    pub(super) async fn blame(&self, exit: Exit) -> Reason {
        if exit.success() && !self.feeds.is_empty() {
            // The end of its input may be known sooner than the end of who made it.
            let feeds = async {
                for feed in &self.feeds {
                    feed.ended().await;
                }
            };
            // One that goes on has not failed.
            let _ = tokio::time::timeout(FEED_END, feeds).await;
            if let Some(feed) = self.failed_feed() {
                return feed;
            }
        }
        reason_of(&self.main, exit)
    }

    /// Returns the end of a process that makes input, if one has ended.
    pub(super) fn ended_feed(&self) -> Option<Reason> {
        self.failed_feed().or_else(|| {
            self.feeds
                .iter()
                .find_map(|feed| Some(reason_of(feed, feed.exit()?)))
        })
    }

    fn failed_feed(&self) -> Option<Reason> {
        self.feeds.iter().find_map(|feed| {
            let exit = feed.exit().filter(|exit| !exit.success())?;
            Some(reason_of(feed, exit))
        })
    }

    fn all(&self) -> impl Iterator<Item = &Child> {
        self.feeds.iter().chain([&self.main])
    }

    async fn ended(&self) {
        for child in self.all() {
            child.ended().await;
        }
    }
}

fn reason_of(child: &Child, exit: Exit) -> Reason {
    let failure = child.failure(Some(exit));
    Reason::of_exit(child.name(), exit, failure.last_line())
}
