//! From one channel to any number of listeners, none of which it waits for.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{Event, QUEUE, What};

/// Where the events of a channel are announced. Clones are equal.
#[derive(Clone, Debug)]
pub struct Hub {
    channel: Arc<str>,
    sender: broadcast::Sender<Arc<Event>>,
    lost: Arc<AtomicU64>,
}

/// The events from the moment of listening on.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Event>>,
    lost: Arc<AtomicU64>,
}

impl Hub {
    /// Makes a hub for the channel of a name.
    pub fn new(channel: &str) -> Self {
        Self {
            channel: channel.into(),
            sender: broadcast::Sender::new(QUEUE),
            lost: Arc::default(),
        }
    }

    /// Announces an event. Never waits.
    pub fn announce(&self, at_ms: i64, what: What) {
        let event = Event {
            at_ms,
            channel: Arc::clone(&self.channel),
            what,
        };
        tracing::debug!(channel = %event.channel, "{}", event.json_line());
        // Nobody needs to listen.
        let _ = self.sender.send(Arc::new(event));
    }

    /// Begins to listen.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.sender.subscribe(),
            lost: Arc::clone(&self.lost),
        }
    }

    /// Returns how many events listeners lost since they were too slow, all together.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Subscription {
    /// Waits for the next event; `None` once the channel is gone. The number is how many events
    /// before it were lost. Safe to cancel.
    pub async fn next(&mut self) -> Option<(Arc<Event>, u64)> {
        let mut lost = 0;
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some((event, lost)),
                Err(RecvError::Lagged(count)) => {
                    self.lost.fetch_add(count, Ordering::Relaxed);
                    lost += count;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    #[test]
    fn a_slow_listener_loses_the_oldest_and_is_told() {
        let hub = Hub::new("news");
        let mut quick = hub.subscribe();
        let mut slow = hub.subscribe();
        // The queue is at least as long as promised.
        let sent = 5000;
        runtime().block_on(async {
            for run in 0..sent {
                hub.announce(i64::from(run), What::Started { run });
                let (event, lost) = quick.next().await.unwrap();
                assert_eq!((event.at_ms, lost), (i64::from(run), 0));
            }
            let (event, lost) = slow.next().await.unwrap();
            assert!(lost > 0 && lost <= u64::from(sent) - QUEUE as u64);
            assert_eq!(
                u64::try_from(event.at_ms).unwrap(),
                lost,
                "the oldest that is left"
            );
            assert_eq!(hub.lost(), lost);
            drop(hub);
            while let Some((event, _)) = slow.next().await {
                assert_eq!(&*event.channel, "news");
            }
        });
    }

    #[test]
    fn without_listeners_nothing_is_kept() {
        let hub = Hub::new("news");
        hub.announce(0, What::Recovered);
        let mut late = hub.subscribe();
        drop(hub);
        assert!(runtime().block_on(late.next()).is_none());
    }
}
