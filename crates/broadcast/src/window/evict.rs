//! What leaves the list, memory and disk, and when. All tracks lose the same numbers at once.

use media::time::{Round, Time};

use super::{
    disk::Job,
    inner::{Inner, clamped},
    stretch::Shown,
    track::{Reel, Stored},
};

impl Inner {
    /// Takes off the list, and lets go, what is too old.
    pub(super) fn evict(&mut self) {
        let newest = self.resume.end.ms(Round::Down);
        let depth = self.settings.depth_ms();
        let segment = self.settings.segment.ms(Round::Up);
        self.first_listed = self
            .first_listed
            .max(self.first_after(newest.saturating_sub(depth)));
        let kept = self.first_after(newest.saturating_sub(2 * depth + segment));
        let loaded = match self.jobs {
            Some(_) => self.first_after(newest - self.settings.memory.ms(Round::Up)),
            None => 0,
        };
        for shown in &mut self.stretches {
            shown.unlist_before(self.first_listed);
        }
        for track in 0..self.reels.len() {
            while let Some(reel) = self.reels.get_mut(track)
                && reel.first < kept
                && let Some(gone) = reel.pop()
            {
                if let (Some(file), Some(jobs)) = (gone.file, &self.jobs) {
                    jobs.insist(Job::Remove(file.path()));
                }
            }
            let (from, to) = match self.reels.get(track) {
                Some(reel) => (reel.first, loaded.min(reel.end())),
                None => continue,
            };
            for number in from..to {
                let reel = &mut self.reels[track];
                if reel.get(number).is_some_and(|s| s.file.is_some()) {
                    reel.unload(number);
                }
            }
        }
        self.shed();
        self.forget_inits();
    }

    /// Loses the oldest segments in memory while there is too much of it.
    fn shed(&mut self) {
        while self.memory_bytes() > self.settings.memory_bytes {
            let oldest = |reel: &Reel| {
                let at = reel.segments.iter().position(|s| s.in_memory && s.whole)?;
                Some(reel.first + at as u64)
            };
            let tracks = self.reels.iter().enumerate();
            let found = tracks
                .filter_map(|(track, reel)| Some((oldest(reel)?, track)))
                .min();
            let Some((number, track)) = found else { return };
            let reel = &mut self.reels[track];
            reel.unload(number);
            let Some(stored) = reel.get_mut(number) else {
                return;
            };
            if stored.file.is_none() {
                stored.gap = true;
                self.lost += 1;
                for shown in &mut self.stretches {
                    shown.lose(track, number);
                }
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.reels.iter().map(|reel| reel.memory_bytes).sum()
    }

    /// Forgets stretches of which nothing is kept and init segments that no stretch has.
    fn forget_inits(&mut self) {
        let first = self.reels.iter().map(|reel| reel.first).min().unwrap_or(0);
        while self.stretches.len() > 1
            && self.stretches.front().is_some_and(Shown::is_empty)
            && self
                .stretches
                .get(1)
                .is_some_and(|next| next.stretch.first_number <= first)
        {
            self.stretches.pop_front();
        }
        let stretches = &self.stretches;
        self.inits.retain(|(track, init)| {
            stretches.iter().any(|shown| {
                let of = shown.inits.get(*track).and_then(Option::as_ref);
                of.is_some_and(|of| of.name == init.name)
            })
        });
    }

    /// Returns the number of the first segment that ends after a time, by the first track that has
    /// any; numbers mean the same in all tracks.
    fn first_after(&self, ms: i64) -> u64 {
        for shown in &self.stretches {
            for track in 0..self.reels.len() {
                let scale = shown.scale(track);
                let (Some(reel), Some(_)) = (self.reels.get(track), shown.inits.get(track)) else {
                    continue;
                };
                let to = self.end_of(shown).min(reel.end());
                let from = shown.stretch.first_number.max(reel.first);
                if from >= to || shown.inits[track].is_none() {
                    continue;
                }
                let ends_after = |number: u64| {
                    let stored = reel.get(number);
                    let end = stored.map_or(0, Stored::end);
                    Time::new(clamped(end), scale).ms(Round::Down) > ms
                };
                let (mut low, mut high) = (from, to);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if ends_after(middle) {
                        high = middle;
                    } else {
                        low = middle + 1;
                    }
                }
                if low < to {
                    return low;
                }
                break;
            }
        }
        self.resume.next_number
    }

    /// Returns the number behind the last segment of a stretch.
    fn end_of(&self, shown: &Shown) -> u64 {
        let later = self.stretches.iter().map(|other| other.stretch);
        later
            .filter(|other| other.number > shown.stretch.number)
            .map(|other| other.first_number)
            .min()
            .unwrap_or(u64::MAX)
    }
}
