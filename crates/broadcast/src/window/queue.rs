//! A bounded queue between the live edge and something that may be slow.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

/// First in, first out. Putting in never waits: what finds no room is counted.
#[derive(Debug)]
pub struct Queue<T> {
    items: Mutex<Items<T>>,
    limit: usize,
    refused: AtomicU64,
    filled: Notify,
}

#[derive(Debug)]
struct Items<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// Makes an empty queue.
    pub fn new(limit: usize) -> Self {
        Self {
            items: Mutex::new(Items {
                waiting: VecDeque::new(),
                closed: false,
            }),
            limit,
            refused: AtomicU64::new(0),
            filled: Notify::new(),
        }
    }

    /// Puts an item in unless the queue is full or closed; tells whether it is in.
    pub fn offer(&self, item: T) -> bool {
        let items = self.lock();
        let room = items.waiting.len() < self.limit;
        if room {
            return self.put(items, item);
        }
        drop(items);
        self.refused.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Puts an item in; when the queue is full, the oldest item that may go makes room and counts as
    /// refused, and without one the new item does.
    pub fn displace(&self, item: T, may_go: impl Fn(&T) -> bool) -> bool {
        let mut items = self.lock();
        if items.waiting.len() < self.limit {
            return self.put(items, item);
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        match items.waiting.iter().position(may_go) {
            Some(oldest) => {
                items.waiting.remove(oldest);
                self.put(items, item)
            }
            None => false,
        }
    }

    /// Puts an item in even when the queue is full: for what is small and must not be missed.
    pub fn insist(&self, item: T) -> bool {
        self.put(self.lock(), item)
    }

    fn put(&self, mut items: MutexGuard<'_, Items<T>>, item: T) -> bool {
        if items.closed {
            return false;
        }
        items.waiting.push_back(item);
        drop(items);
        self.filled.notify_one();
        true
    }

    /// Returns the next item, waiting for it; nothing once the queue is closed and empty. One
    /// reader at a time. An item is not lost when this is cancelled.
    pub async fn next(&self) -> Option<T> {
        loop {
            {
                let mut items = self.lock();
                if let Some(item) = items.waiting.pop_front() {
                    return Some(item);
                }
                if items.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Returns the next item if there is one.
    pub fn try_next(&self) -> Option<T> {
        self.lock().waiting.pop_front()
    }

    /// Lets nothing more in. What is in can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Tells whether nothing more comes in.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Tells whether half of its places are taken.
    pub fn is_half_full(&self) -> bool {
        self.len() >= self.limit.div_ceil(2)
    }

    /// Returns how many items wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Tells whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many items found it full.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A queue of whole items is always in order, whoever panicked.
    fn lock(&self) -> MutexGuard<'_, Items<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_finds_it_full_is_counted_and_nobody_waits() {
        let queue = Queue::new(2);
        assert!(queue.offer(1) && queue.offer(2) && !queue.offer(3));
        assert!(queue.insist(4));
        assert_eq!((queue.len(), queue.refused()), (3, 1));
        queue.close();
        assert!(!queue.insist(5));
        let mut found = Vec::new();
        while let Some(item) = queue.next().await {
            found.push(item);
        }
        assert_eq!(found, [1, 2, 4]);
    }

    #[test]
    fn the_oldest_that_may_go_makes_room() {
        let queue = Queue::new(3);
        for item in [2, 1, 3] {
            queue.offer(item);
        }
        let odd = |item: &i32| item % 2 == 1;
        assert!(queue.displace(5, odd) && queue.displace(7, odd) && queue.displace(8, odd));
        let left: Vec<i32> = std::iter::from_fn(|| queue.try_next()).collect();
        assert_eq!((left, queue.refused()), (vec![2, 7, 8], 3));
        for item in [2, 4, 6] {
            queue.offer(item);
        }
        assert!(!queue.displace(1, odd));
    }

    #[tokio::test]
    async fn a_reader_is_woken_by_an_item_and_by_the_end() {
        let queue = Arc::new(Queue::new(8));
        let feeder = Arc::clone(&queue);
        let feed = async move {
            tokio::task::yield_now().await;
            feeder.offer(1);
            tokio::task::yield_now().await;
            feeder.close();
        };
        let read = async { (queue.next().await, queue.next().await) };
        let ((), read) = tokio::join!(feed, read);
        assert_eq!(read, (Some(1), None));
    }
}
