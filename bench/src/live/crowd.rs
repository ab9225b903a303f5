//! Many who wait for the same part by blocking reloads.
//!
//! What is timed is from the moment at which the first of them has its whole answer: nobody outside can
//! see a part earlier. That it is not late itself is what the delay from the last frame says.

use std::{
    thread,
    time::{Duration, Instant},
};

use harness::{http::Kept, launch::Server};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::playlist;

/// Lets `count` wait, round by round, and returns for each answer how many ms it came behind the
/// first one of its round.
pub(super) fn gather(server: &Server, path: &str, count: usize, length: Duration) -> Vec<f64> {
    if count == 0 {
        thread::sleep(length);
        return Vec::new();
    }
    let mut crowd: Vec<Kept> = (0..count)
        .map(|_| Kept::connect(&server.base).expect("a connection"))
        .collect();
    let first = crowd[0].get(path).expect("a playlist").expect(200);
    let mut edge = playlist::read(first.text()).edge;
    let begun = Instant::now();
    let mut behind = Vec::new();
    while begun.elapsed() < length {
        let (segment, part) = edge;
        let wish = format!("{path}?_HLS_msn={segment}&_HLS_part={part}");
        for one in &mut crowd {
            one.ask(&wish).expect("a request");
        }
        let mut waiting: Vec<usize> = (0..count).collect();
        let mut came = Vec::with_capacity(count);
        let mut text = None;
        while !waiting.is_empty() {
            let ready = ready(&crowd, &waiting);
            for &one in &ready {
                let answer = crowd[one].answer().expect("an answer").expect(200);
                came.push(Instant::now());
                text.get_or_insert(answer);
            }
            waiting.retain(|one| !ready.contains(one));
        }
        let since = came[0];
        behind.extend(came.iter().map(|at| (*at - since).as_secs_f64() * 1000.0));
        edge = playlist::read(text.expect("an answer").text()).edge;
    }
    behind
}

/// Waits until some have something to read.
fn ready(crowd: &[Kept], waiting: &[usize]) -> Vec<usize> {
    let mut ends: Vec<PollFd<'_>> = waiting
        .iter()
        .map(|one| PollFd::new(crowd[*one].reader.get_ref(), PollFlags::IN))
        .collect();
    let patience = Timespec {
        tv_sec: 30,
        tv_nsec: 0,
    };
    let count = poll(&mut ends, Some(&patience)).expect("connections");
    assert!(count > 0, "nobody was answered within 30 s");
    let pairs = waiting.iter().zip(&ends);
    pairs
        .filter(|(_, end)| !end.revents().is_empty())
        .map(|(one, _)| *one)
        .collect()
}
