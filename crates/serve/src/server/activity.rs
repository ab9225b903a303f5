//! How busy a connection is, and when it has had its time.
//!
//! The socket and the requests leave marks in [`Activity`]; once in a while [`Watch`] looks at them
//! and judges. That costs a request a few counters of its own connection, where a timer armed for
//! each header costs an allocation and a place in the runtime's timer wheel.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{Limits, Pace};

/// The marks of one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    read: AtomicU64,
    written: AtomicU64,
    blocked: AtomicBool,
    requests: AtomicU64,
    running: AtomicU32,
    /// Answers of which the rest is there and only waits for the client.
    owed: AtomicU32,
    /// `read` when the last request began.
    read_at_request: AtomicU64,
    multiplexed: AtomicBool,
    /// What [`Pace`] asks for, 0 for nothing: ms without a byte taken, and bytes not sent that the
    /// socket has not been told yet.
    write_timeout_ms: AtomicU64,
    unsent: AtomicU32,
}

/// Marks a request as running until its answer has been handed over or given up.
#[derive(Debug)]
pub(super) struct Running {
    activity: Arc<Activity>,
    owed: bool,
}

impl Running {
    /// Says how the answer is to be sent.
    pub(super) fn is_paced(&mut self, pace: Pace) {
        let ms = u64::try_from(pace.write_timeout.as_millis()).unwrap_or(u64::MAX);
        self.activity.write_timeout_ms.store(ms, Relaxed);
        self.activity.unsent.store(pace.unsent, Relaxed);
    }

    /// Marks that the answer is complete, so that only the client can hold it up.
    pub(super) fn is_owed(&mut self) {
        if !self.owed {
            self.owed = true;
            self.activity.owed.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.running.fetch_sub(1, Relaxed);
        if self.owed {
            self.activity.owed.fetch_sub(1, Relaxed);
        }
    }
}

impl Activity {
    pub(super) fn has_read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn has_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Relaxed);
        self.blocked.store(false, Relaxed);
    }

    /// The client's system does not take bytes now.
    pub(super) fn is_blocked(&self) {
        self.blocked.store(true, Relaxed);
    }

    /// The connection is HTTP/2: bytes may arrive between requests that begin none.
    pub(super) fn is_multiplexed(&self) {
        self.multiplexed.store(true, Relaxed);
    }

    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.requests.fetch_add(1, Relaxed);
        if self.running.fetch_add(1, Relaxed) == 0 {
            // Not at the end of the answer that asked for it: its last bytes may wait for the client yet.
            self.write_timeout_ms.store(0, Relaxed);
        }
        self.read_at_request.store(self.read.load(Relaxed), Relaxed);
        Running {
            activity: Arc::clone(self),
            owed: false,
        }
    }

    /// Returns how many bytes not sent the socket may hold, once for each time that it changes.
    pub(super) fn take_unsent(&self) -> Option<u32> {
        // Written rarely and looked at with each write: a load is much cheaper than a swap.
        let unsent = self.unsent.load(Relaxed);
        (unsent != 0).then(|| self.unsent.swap(0, Relaxed))
    }

    pub(super) fn sample(&self) -> Sample {
        let read = self.read.load(Relaxed);
        let in_header = read > self.read_at_request.load(Relaxed);
        Sample {
            written: self.written.load(Relaxed),
            blocked: self.blocked.load(Relaxed) || self.owed.load(Relaxed) > 0,
            requests: self.requests.load(Relaxed),
            running: self.running.load(Relaxed) > 0,
            in_header: in_header && !self.multiplexed.load(Relaxed),
            write_timeout_ms: self.write_timeout_ms.load(Relaxed),
        }
    }
}

/// The marks at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    written: u64,
    blocked: bool,
    requests: u64,
    running: bool,
    in_header: bool,
    write_timeout_ms: u64,
}

/// Why a connection has had its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Neither a request nor progress for too long.
    Idle,
    /// A header that does not get complete.
    SlowHeader,
    /// A client that does not take the answer: its system takes no bytes, or it grants no more on
    /// HTTP/2.
    Stalled,
}

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Since so many requests and bytes written: hyper may hold the last slice of an answer long
    /// after it has let go of the body.
    Request(u64, u64),
    /// Since so many requests.
    Header(u64),
    /// Since so many bytes written.
    Client(u64),
}

/// Judges samples of one connection. A limit is noticed up to a [`Watch::period`] late.
#[derive(Debug)]
pub(super) struct Watch {
    header: Duration,
    idle: Duration,
    write: Duration,
    waiting: Option<(Waiting, Instant)>,
}

impl Watch {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            header: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
            waiting: Some((Waiting::Request(0, 0), now)),
        }
    }

    /// Returns how often to look.
    pub(super) fn period(&self) -> Duration {
        let shortest = self.header.min(self.idle).min(self.write);
        (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(5))
    }

    /// Looks once.
    pub(super) fn judge(&mut self, sample: Sample, now: Instant) -> Option<Expiry> {
        let waiting = if sample.blocked {
            Waiting::Client(sample.written)
        } else if sample.running {
            self.waiting = None;
            return None;
        } else if sample.in_header {
            Waiting::Header(sample.requests)
        } else {
            Waiting::Request(sample.requests, sample.written)
        };
        let since = match self.waiting {
            Some((same, since)) if same == waiting => since,
            _ => now,
        };
        self.waiting = Some((waiting, since));
        let (limit, expiry) = match waiting {
            Waiting::Client(_) if sample.write_timeout_ms > 0 => {
                let limit = Duration::from_millis(sample.write_timeout_ms);
                (limit, Expiry::Stalled)
            }
            Waiting::Client(_) => (self.write, Expiry::Stalled),
            Waiting::Header(_) => (self.header, Expiry::SlowHeader),
            // Who comes has something to ask: silence is no cheaper a way to hold a place than a
            // header that comes byte by byte.
            Waiting::Request(0, _) => (self.header.min(self.idle), Expiry::Idle),
            Waiting::Request(..) => (self.idle, Expiry::Idle),
        };
        (now.duration_since(since) >= limit).then_some(expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second at the samples and returns the second in which time was up.
    fn expiry(samples: impl IntoIterator<Item = Sample>) -> Option<(usize, Expiry)> {
        let limits = Limits {
            header_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(4),
            ..Limits::default()
        };
        let start = Instant::now();
        let mut watch = Watch::new(&limits, start);
        samples
            .into_iter()
            .enumerate()
            .find_map(|(second, sample)| {
                let now = start + Duration::from_secs(second as u64);
                watch.judge(sample, now).map(|expiry| (second, expiry))
            })
    }

    #[test]
    fn rest_is_limited_and_begins_anew_with_each_request() {
        let resting = |requests| Sample {
            requests,
            ..Sample::default()
        };
        assert_eq!(expiry([resting(1); 9]), Some((5, Expiry::Idle)));
        let busy = (0..20).map(resting);
        assert_eq!(expiry(busy), None);
        let once = [resting(0), resting(0), resting(0)]
            .into_iter()
            .chain([resting(1); 9]);
        assert_eq!(expiry(once), Some((8, Expiry::Idle)));
    }

    #[test]
    fn a_header_has_its_own_time_from_its_first_byte() {
        let resting = Sample {
            requests: 1,
            ..Sample::default()
        };
        let header = Sample {
            in_header: true,
            ..resting
        };
        let samples = [resting; 4].into_iter().chain([header; 9]);
        assert_eq!(expiry(samples), Some((7, Expiry::SlowHeader)));
    }

    #[test]
    fn who_never_asked_has_the_time_of_a_header() {
        let silent = Sample::default();
        assert_eq!(expiry([silent; 9]), Some((3, Expiry::Idle)));
    }

    #[test]
    fn a_running_answer_may_take_its_time_unless_the_client_stops_taking_it() {
        let running = Sample {
            running: true,
            requests: 1,
            ..Sample::default()
        };
        assert_eq!(expiry([running; 30]), None);
        let slow = (0..30).map(|written| Sample {
            blocked: true,
            written,
            ..running
        });
        assert_eq!(expiry(slow), None);
        let stalled = Sample {
            blocked: true,
            written: 7,
            ..running
        };
        let samples = [running; 2].into_iter().chain([stalled; 9]);
        assert_eq!(expiry(samples), Some((6, Expiry::Stalled)));
    }

    #[test]
    fn an_answer_may_have_a_time_limit_of_its_own() {
        let stalled = Sample {
            running: true,
            blocked: true,
            write_timeout_ms: 2000,
            ..Sample::default()
        };
        assert_eq!(expiry([stalled; 9]), Some((2, Expiry::Stalled)));
        let activity = Arc::new(Activity::default());
        let mut running = activity.begin();
        assert_eq!(activity.take_unsent(), None);
        running.is_paced(Pace {
            write_timeout: Duration::from_secs(2),
            unsent: 70_000,
        });
        assert_eq!(activity.sample().write_timeout_ms, 2000);
        assert_eq!(activity.take_unsent(), Some(70_000));
        assert_eq!(activity.take_unsent(), None);
        drop(running);
        assert_eq!(activity.sample().write_timeout_ms, 2000, "the rest of it");
        let _next = activity.begin();
        assert_eq!(activity.sample().write_timeout_ms, 0);
    }

    #[test]
    fn marks_become_samples() {
        let activity = Arc::new(Activity::default());
        activity.has_read(10);
        assert!(activity.sample().in_header);
        let mut running = activity.begin();
        let sample = activity.sample();
        assert!(sample.running && !sample.in_header && sample.requests == 1);
        activity.is_blocked();
        assert!(activity.sample().blocked);
        activity.has_written(5);
        assert!(!activity.sample().blocked);
        running.is_owed();
        running.is_owed();
        assert!(activity.sample().blocked);
        drop(running);
        let sample = activity.sample();
        assert!(!sample.running && !sample.blocked && sample.written == 5);
        activity.has_read(1);
        activity.is_multiplexed();
        assert!(!activity.sample().in_header);
    }
}
