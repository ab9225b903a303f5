//! Counting how long things take.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the classes in ms; the last class has none.
pub const BOUNDS_MS: [u64; 14] = [
    1, 5, 10, 20, 35, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000,
];

/// Counts durations by classes. Counting is three atomic additions.
#[derive(Debug, Default)]
pub struct Histogram {
    classes: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
    count: AtomicU64,
}

/// What a histogram counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Distribution {
    /// How many there were up to each of [`BOUNDS_MS`].
    pub up_to: [u64; BOUNDS_MS.len()],
    /// How many there were.
    pub count: u64,
    /// All together, ms.
    pub sum_ms: u64,
}

impl Histogram {
    /// Counts one.
    pub fn add(&self, ms: u64) {
        let class = BOUNDS_MS.partition_point(|bound| *bound < ms);
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        self.sum_ms.fetch_add(ms, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what was counted.
    pub fn read(&self) -> Distribution {
        let mut up_to = [0; BOUNDS_MS.len()];
        let mut sum = 0;
        for (class, total) in self.classes.iter().zip(&mut up_to) {
            sum += class.load(Ordering::Relaxed);
            *total = sum;
        }
        Distribution {
            up_to,
            count: self.count.load(Ordering::Relaxed),
            sum_ms: self.sum_ms.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_class() {
        let histogram = Histogram::default();
        for ms in [0, 1, 2, 5, 5000, 5001] {
            histogram.add(ms);
        }
        let read = histogram.read();
        assert_eq!(&read.up_to[..3], [2, 4, 4]);
        assert_eq!((read.up_to[13], read.count, read.sum_ms), (5, 6, 10_009));
    }
}
