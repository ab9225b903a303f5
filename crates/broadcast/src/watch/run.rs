//! Follows any number of sources at once: makes the requests that followers want, gives them the
//! replies and hands on their events.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet, time};
use url::Url;

use super::{
    exchange::{Reply, Request},
    fetch::{Fetch, Fetched},
    follow::{End, Follower},
    options::{Options, millis},
    report::Event,
};

/// So many requests that nobody holds back run at once.
const MAX_AT_ONCE: usize = 16;

/// How watching ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Why; absent when it was stopped from outside.
    pub end: Option<End>,
    /// How many violations there were.
    pub violations: u64,
    /// Sources that could not be read at all.
    pub unread: Vec<String>,
}

impl Summary {
    /// Tells whether everything was right: the caller's exit code is 0, otherwise 5.
    pub fn is_good(&self) -> bool {
        self.violations == 0
            && self.unread.is_empty()
            && !matches!(self.end, Some(End::Failed { .. }))
    }
}

/// Follows `sources` until one fails, all have ended, all were seen once (`--once`), or `stop` ends.
///
/// `now` tells Unix ms. `sink` gets every event, and once an interval (and at the end) an
/// [`Event::Status`] of all sources. Requests on their way are dropped at the end.
pub async fn watch<F: Fetch>(
    sources: Vec<Url>,
    options: &Options,
    fetch: F,
    now: impl Fn() -> i64,
    stop: impl Future<Output = ()>,
    mut sink: impl FnMut(Event),
) -> Summary {
    let mut followers: Vec<Follower> = sources
        .into_iter()
        .map(|root| Follower::new(root, options.clone()))
        .collect();
    let mut requests = Requests {
        fetch,
        permits: Arc::new(Semaphore::new(MAX_AT_ONCE)),
        running: JoinSet::new(),
    };
    let mut stop = pin!(stop);
    let mut ticks = time::interval(options.interval.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Skip);
    let end = loop {
        let at = now();
        for (index, follower) in followers.iter_mut().enumerate() {
            for request in follower.poll(at) {
                requests.start(index, request, &now);
            }
            follower.events().into_iter().for_each(&mut sink);
        }
        if let Some(end) = ended(&followers, at) {
            break Some(end);
        }
        let wake = followers.iter().filter_map(Follower::wake).min();
        let pause = wake.map_or(millis(options.interval), |wake| wake.saturating_sub(at));
        let pause = Duration::from_millis(u64::try_from(pause).unwrap_or(0));
        tokio::select! {
            () = &mut stop => break None,
            Some(done) = requests.running.join_next() => {
                // A request that panicked or was cancelled has no reply; its timeout is over.
                if let Ok((index, reply)) = done
                    && let Some(follower) = followers.get_mut(index)
                {
                    follower.reply(&reply);
                }
            }
            _ = ticks.tick() => sink(status(&followers, now())),
            () = time::sleep(pause) => {}
        }
    };
    requests.running.shutdown().await;
    sink(status(&followers, now()));
    Summary {
        end,
        violations: followers.iter().map(Follower::violations).sum(),
        unread: followers.iter().filter_map(Follower::unread).collect(),
    }
}

fn status(followers: &[Follower], now: i64) -> Event {
    Event::Status {
        sources: followers
            .iter()
            .map(|follower| follower.snapshot(now))
            .collect(),
    }
}

/// Returns the end of all: the first failure, else the end of the last one.
fn ended(followers: &[Follower], now: i64) -> Option<End> {
    let ends: Vec<Option<End>> = followers.iter().map(|follower| follower.end(now)).collect();
    let failed = ends
        .iter()
        .flatten()
        .find(|end| matches!(end, End::Failed { .. }));
    if let Some(end) = failed {
        return Some(end.clone());
    }
    ends.into_iter().collect::<Option<Vec<End>>>()?.pop()
}

/// Requests on their way.
struct Requests<F> {
    fetch: F,
    permits: Arc<Semaphore>,
    running: JoinSet<(usize, Reply)>,
}

impl<F: Fetch> Requests<F> {
    fn start(&mut self, follower: usize, request: Request, now: &impl Fn() -> i64) {
        let fetch = self.fetch.clone();
        let permits = Arc::clone(&self.permits);
        let (id, waits, started) = (request.id, request.waits, now());
        let queued = time::Instant::now();
        self.running.spawn(async move {
            // Never closed, so there always is a permit in the end.
            let _permit = if waits {
                None
            } else {
                permits.acquire_owned().await.ok()
            };
            let started = started.saturating_add(millis(queued.elapsed()));
            let Fetched {
                first_byte,
                total,
                result,
            } = fetch.fetch(request).await;
            let reply = Reply {
                id,
                started,
                first_byte,
                total,
                result,
            };
            (follower, reply)
        });
    }
}
