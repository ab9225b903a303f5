//! Followers in made-up time: requests are answered by a function, and the clock jumps to whatever
//! comes next.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    time::Duration,
};

use url::Url;

use super::fake::{Fake, Served};
use crate::watch::{Answer, Event, Follower, Options, Reply, Request, Violation};

/// One way to the server, in ms.
const HOP_MS: i64 = 2;

/// Follows until `until` (Unix ms) or the end, and returns the follower and all its events.
pub(super) fn follow(
    mut follower: Follower,
    mut serve: impl FnMut(&Request, i64) -> Served,
    from: i64,
    until: i64,
) -> (Follower, Vec<Event>) {
    let mut now = from;
    let mut replies: Vec<Option<Reply>> = Vec::new();
    let mut coming: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
    let mut events = Vec::new();
    while now < until && follower.end(now).is_none() {
        for request in follower.poll(now) {
            let served = serve(&request, now + HOP_MS);
            let limit = now + request.timeout.as_millis() as i64;
            let done = (served.done + HOP_MS).min(limit);
            let since = |at: i64| Duration::from_millis((at - now).max(0) as u64);
            let result = if served.done + HOP_MS > limit {
                Err("no answer in time".to_owned())
            } else {
                Ok(served.answer)
            };
            coming.push(Reverse((done, replies.len())));
            replies.push(Some(Reply {
                id: request.id,
                started: now,
                first_byte: since((served.first + HOP_MS).min(limit)),
                total: since(done),
                result,
            }));
        }
        events.extend(follower.events());
        let next_reply = coming.peek().map(|Reverse((at, _))| *at);
        let wake = follower.wake().map(|wake| wake.max(now + 1));
        let Some(next) = next_reply.into_iter().chain(wake).min() else {
            break;
        };
        if next >= until {
            break;
        }
        now = next.max(now);
        while let Some(Reverse((at, index))) = coming.peek().copied()
            && at <= now
        {
            coming.pop();
            if let Some(reply) = replies.get_mut(index).and_then(Option::take) {
                follower.reply(&reply);
            }
        }
    }
    events.extend(follower.events());
    (follower, events)
}

/// Follows a file of a made-up channel strictly for `seconds`, beginning at 40 s of it.
pub(super) fn strictly(fake: &Fake, file: &str, seconds: i64) -> Vec<Violation> {
    let options = Options {
        strict: true,
        ..Options::default()
    };
    let root = Url::parse(&format!("http://fake/{file}")).unwrap();
    let from = fake.start + 40_000;
    let follower = Follower::new(root, options);
    let serve = |request: &Request, now| fake.serve(request, now);
    let (_, events) = follow(follower, serve, from, from + seconds * 1000);
    violations(events)
}

pub(super) fn violations(events: Vec<Event>) -> Vec<Violation> {
    let found = events.into_iter().filter_map(|event| match event {
        Event::Violation(violation) => Some(violation),
        _ => None,
    });
    found.collect()
}

/// Returns the ids of the rules, each once.
pub(super) fn ids(violations: &[Violation]) -> BTreeSet<&'static str> {
    violations.iter().map(|violation| violation.rule).collect()
}

/// Answers at once.
pub(super) fn at_once(now: i64, status: u16, body: &str) -> Served {
    Served {
        first: now,
        done: now,
        answer: Answer {
            status,
            body: body.to_owned().into(),
            ..Answer::default()
        },
    }
}
