//! What a window holds and how it changes. One lock is around all of it.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use media::time::{Round, Time, Timescale};

use super::{
    Event, Gauge, Media, Queue, Settings,
    disk::Job,
    state::{self, State},
    stretch::Shown,
    track::Reel,
};
use crate::packager::{Init, Output, Part, Resume, Segment, Stretch};

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) settings: Arc<Settings>,
    pub(super) reels: Vec<Reel>,
    pub(super) stretches: VecDeque<Shown>,
    /// Init segments that can still be asked for: by track and name, oldest first.
    pub(super) inits: Vec<(usize, Arc<Init>)>,
    /// Number of the first listed segment.
    pub(super) first_listed: u64,
    pub(super) resume: Resume,
    /// Numbers before this one may have been announced by whoever wrote the state that this was made of.
    pub(super) announced: u64,
    pub(super) ended: bool,
    pub(super) publish_time: i64,
    pub(super) last_change: Option<i64>,
    pub(super) followers: Vec<Follower>,
    /// Where files are written, when they are.
    pub(super) jobs: Option<Arc<Queue<Job>>>,
    /// Whether segments stay in memory for want of room on the disk.
    pub(super) paused: bool,
    pub(super) not_written: u64,
    pub(super) lost: u64,
}

/// Where a follower begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// With what comes.
    FromNow,
    /// With what there is of the stretch in progress.
    Whole,
}

/// Who is told what happens.
#[derive(Debug)]
pub(super) struct Follower {
    queue: Arc<Queue<Event>>,
    from: Follow,
}

impl Follower {
    /// Tells whether anybody listens: nobody reads a queue that only we hold.
    fn is_heard(&self) -> bool {
        !self.queue.is_closed() && Arc::strong_count(&self.queue) > 1
    }
}

impl Inner {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            reels: settings.tracks().map(|_| Reel::default()).collect(),
            stretches: VecDeque::new(),
            inits: Vec::new(),
            first_listed: 0,
            resume: Resume::default(),
            announced: 0,
            ended: false,
            publish_time: settings.epoch_ms,
            last_change: None,
            followers: Vec::new(),
            jobs: None,
            paused: false,
            not_written: 0,
            lost: 0,
            settings,
        }
    }

    /// Applies outputs and returns the tracks that changed.
    pub(super) fn apply(&mut self, outputs: Vec<Output>, now: i64) -> Vec<usize> {
        let mut touched = Vec::new();
        let mut keeps_state = false;
        for output in outputs {
            match output {
                Output::Stretch(stretch) => self.begin(stretch, now),
                Output::Init { track, init } => self.take_init(track, init, now),
                Output::Part { track, part } => {
                    self.take_part(track, part, now);
                    touched.push(track);
                }
                Output::Segment { track, segment } => {
                    if self.take_segment(track, &segment) {
                        self.publish_time = now;
                    }
                    touched.push(track);
                    keeps_state |= track == 0;
                }
                Output::End { end } => {
                    self.finish(end, now);
                    keeps_state = true;
                }
            }
        }
        if keeps_state {
            let first = self.first_shown();
            self.evict();
            if first != self.first_shown() {
                // A period has left the MPD.
                self.publish_time = now;
            }
            if let Some(jobs) = &self.jobs {
                jobs.insist(Job::State);
            }
        }
        touched
    }

    fn begin(&mut self, stretch: Stretch, now: i64) {
        self.resume.next_number = self.resume.next_number.max(stretch.first_number);
        self.resume.end = self.resume.end.max(stretch.start);
        self.evict();
        self.resume.next_stretch = stretch.number + 1;
        let mut shown = Shown::new(stretch, &self.settings);
        for (timeline, reel) in shown.timelines.iter_mut().zip(&self.reels) {
            // What comes next of a track until its first part is there.
            timeline.first_number = reel.end();
        }
        self.stretches.push_back(shown);
        self.publish_time = now;
        self.tell(&Event::Stretch(stretch));
    }

    fn take_init(&mut self, track: usize, init: Arc<Init>, now: i64) {
        self.tell(&Event::Init {
            track,
            init: Arc::clone(&init),
        });
        let same = |(of, known): &(usize, Arc<Init>)| *of == track && known.name == init.name;
        if !self.inits.iter().any(same) {
            self.inits.push((track, Arc::clone(&init)));
            if let Some(jobs) = &self.jobs {
                jobs.insist(Job::Init {
                    track,
                    init: Arc::clone(&init),
                });
            }
        }
        if let Some(shown) = self.stretches.back_mut() {
            shown.set_init(track, init, &self.settings, &self.reels);
        }
        self.publish_time = now;
    }

    fn take_part(&mut self, track: usize, part: Part, now: i64) {
        self.last_change = Some(now);
        if part.index == 0 {
            self.join(track, &part);
        }
        let Some(reel) = self.reels.get_mut(track) else {
            return;
        };
        let (number, index, gap) = (part.segment, part.index, part.gap);
        let bytes = part.bytes.clone();
        reel.add(part);
        let (Some(stored), Some(jobs)) = (reel.get_mut(number), &self.jobs) else {
            return;
        };
        let was_complete = index == 0 || stored.on_its_way;
        stored.on_its_way = was_complete
            && !gap
            && !self.paused
            && !jobs.is_half_full()
            && jobs.offer(Job::Part {
                track,
                number,
                index,
                bytes,
            });
        if was_complete && !stored.on_its_way {
            jobs.insist(Job::Forget { track });
        }
    }

    /// Fixes the place of a track in the stretch in progress by its first part there.
    fn join(&mut self, track: usize, part: &Part) {
        let Some(last) = self.stretches.len().checked_sub(1) else {
            return;
        };
        let Stretch {
            first_number,
            start,
            ..
        } = self.stretches[last].stretch;
        match self.stretches[last].timelines.get_mut(track) {
            Some(timeline) if timeline.is_empty() => {
                timeline.first_number = first_number;
                timeline.first_start = Some(part.start);
            }
            _ => return,
        }
        let has_any = |place: &usize| {
            let timeline = self.stretches[*place].timelines.get(track);
            timeline.is_some_and(|timeline| !timeline.is_empty())
        };
        if let Some(before) = (0..last).rev().find(has_any) {
            self.lose_until(before, track, first_number, start);
        }
    }

    /// Returns the number of the first stretch of which anything is listed.
    fn first_shown(&self) -> Option<u64> {
        let shown = self.stretches.iter().find(|shown| !shown.is_empty());
        shown.map(|shown| shown.stretch.number)
    }

    /// Lists a segment; tells whether rates were announced anew with it.
    fn take_segment(&mut self, track: usize, segment: &Segment) -> bool {
        let scale = self.scale(track);
        let (Some(reel), Some(shown)) = (self.reels.get_mut(track), self.stretches.back_mut())
        else {
            return false;
        };
        reel.close(segment, scale);
        let Segment {
            number,
            start,
            duration,
            gap,
            ..
        } = *segment;
        shown.list(track, number, start, duration, gap);
        self.resume.next_number = self.resume.next_number.max(number + 1);
        let end = Time::new(clamped(start.saturating_add(duration)), scale);
        self.resume.end = self.resume.end.max(end);
        let slices = match reel.get(number) {
            Some(stored) if !gap => stored.slices().unwrap_or_default(),
            _ => Vec::new(),
        };
        let reshapes = shown.understates(track, reel);
        if reshapes {
            shown.reshape(&self.settings, &self.reels);
        }
        if !gap
            && let Some(jobs) = &self.jobs
            && (self.paused
                || !jobs.offer(Job::Segment {
                    track,
                    number,
                    slices: slices.clone(),
                }))
        {
            self.not_written += 1;
        }
        let media = Media {
            number,
            start,
            duration,
            slices,
        };
        self.tell(&Event::Segment { track, media });
        reshapes
    }

    fn finish(&mut self, end: Time, now: i64) {
        self.resume.end = self.resume.end.max(end);
        let segment = self.settings.segment;
        if let Some(shown) = self.stretches.back_mut() {
            shown.end = Some(shown.common_end(segment).unwrap_or(end));
            self.resume.next_number = self.resume.next_number.max(shown.stretch.first_number);
        }
        self.publish_time = now;
        self.tell(&Event::End { end });
    }

    /// Ends the channel.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.tell(&Event::Closed);
        for follower in self.followers.drain(..) {
            follower.queue.close();
        }
        if let Some(jobs) = &self.jobs {
            jobs.insist(Job::State);
            jobs.close();
        }
    }

    /// Gives an event to all followers. Segments may be missed by those who are slow.
    fn tell(&mut self, event: &Event) {
        self.followers.retain(|follower| {
            if matches!(event, Event::Segment { .. }) {
                let may_go = |old: &Event| matches!(old, Event::Segment { .. });
                follower.queue.displace(event.clone(), may_go);
            } else {
                follower.queue.insist(event.clone());
            }
            follower.is_heard()
        });
    }

    pub(super) fn follow(&mut self, limit: usize, from: Follow) -> Arc<Queue<Event>> {
        let queue = Arc::new(Queue::new(limit.max(1)));
        if let Some(shown) = self.stretches.back().filter(|shown| shown.end.is_none()) {
            for event in opening(shown) {
                queue.insist(event);
            }
            if from == Follow::Whole {
                for (_, track, mut media) in listed(shown) {
                    media.slices = self.slices(track, media.number);
                    queue.insist(Event::Segment { track, media });
                }
            }
        }
        if self.ended {
            queue.insist(Event::Closed);
            queue.close();
        } else {
            self.followers.push(Follower {
                queue: Arc::clone(&queue),
                from,
            });
        }
        queue
    }

    pub(super) fn is_pressed(&self) -> bool {
        let mut followers = self.followers.iter();
        followers.any(|it| it.from == Follow::Whole && it.is_heard() && it.queue.is_half_full())
    }

    /// Returns the bytes of a segment; none when they are not there.
    pub(super) fn slices(&self, track: usize, number: u64) -> Vec<Bytes> {
        let stored = self.reels.get(track).and_then(|reel| reel.get(number));
        let found = stored.filter(|stored| stored.whole && !stored.gap);
        found
            .and_then(|stored| stored.slices().ok())
            .unwrap_or_default()
    }

    pub(super) fn age_ms(&self, track: usize, number: u64) -> Option<i64> {
        let stored = self.reels.get(track)?.get(number)?;
        let mut stretches = self.stretches.iter().rev();
        let shown = stretches.find(|shown| shown.stretch.first_number <= number)?;
        let end = Time::new(clamped(stored.end()), shown.scale(track));
        Some(
            self.resume
                .end
                .ms(Round::Down)
                .saturating_sub(end.ms(Round::Down)),
        )
    }

    /// As [`super::Window::excerpt`], without the bytes.
    pub(super) fn excerpt(&self, from_ms: i64, to_ms: i64) -> Vec<Event> {
        let mut events = Vec::new();
        for shown in &self.stretches {
            let mut found = listed(shown);
            found.retain(|(_, track, media)| {
                let middle = clamped(media.start.saturating_add(media.duration / 2));
                let middle = Time::new(middle, shown.scale(*track));
                (from_ms..to_ms).contains(&middle.ms(Round::Down))
            });
            if found.is_empty() {
                continue;
            }
            let end = shown.end.unwrap_or(self.resume.end);
            events.extend(opening(shown));
            let segment = |(_, track, media)| Event::Segment { track, media };
            events.extend(found.into_iter().map(segment));
            events.push(Event::End { end });
        }
        events.push(Event::Closed);
        events
    }

    /// Returns the timescale of a track in the newest stretch.
    pub(super) fn scale(&self, track: usize) -> Timescale {
        match self.stretches.back() {
            Some(shown) => shown.scale(track),
            None => Timescale::MS,
        }
    }

    pub(super) fn state(&self) -> State {
        state::of(self)
    }

    pub(super) fn gauge(&self) -> Gauge {
        let segments = || self.reels.iter().flat_map(|reel| &reel.segments);
        let there = |stored: &&super::track::Stored| stored.whole && !stored.gap;
        let listed = self.stretches.iter().filter_map(|shown| {
            let durations = shown.timelines.iter().enumerate().map(|(track, timeline)| {
                let ticks: u64 = timeline
                    .runs
                    .iter()
                    .map(|run| run.duration.saturating_mul(run.count.into()))
                    .sum();
                Time::new(clamped(ticks), shown.scale(track)).ms(Round::Nearest)
            });
            durations.max()
        });
        Gauge {
            segments: segments().filter(there).count() as u64,
            on_disk: segments().filter(|stored| stored.file.is_some()).count() as u64,
            memory_bytes: self.memory_bytes(),
            not_written: self.not_written,
            lost: self.lost,
            listed_ms: listed.sum(),
            last_change: self.last_change,
        }
    }
}

/// The events that a stretch begins with.
fn opening(shown: &Shown) -> Vec<Event> {
    let mut events = vec![Event::Stretch(shown.stretch)];
    for (track, init) in shown.inits.iter().enumerate() {
        if let Some(init) = init {
            events.push(Event::Init {
                track,
                init: Arc::clone(init),
            });
        }
    }
    events
}

/// The segments that are listed of a stretch by their start, without their bytes.
fn listed(shown: &Shown) -> Vec<(Time, usize, Media)> {
    let mut found = Vec::new();
    for (track, timeline) in shown.timelines.iter().enumerate() {
        let scale = shown.scale(track);
        for (number, start, duration) in timeline.segments() {
            let media = Media {
                number,
                start,
                duration,
                slices: Vec::new(),
            };
            found.push((Time::new(clamped(start), scale), track, media));
        }
    }
    found.sort_by_key(|(time, ..)| *time);
    found
}

pub(super) fn clamped(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
