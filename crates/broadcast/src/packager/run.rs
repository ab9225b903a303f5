//! The packager itself: all tracks together, run after run.

use std::sync::Arc;

use media::{
    presentation::Content,
    time::{Round, Time},
};

use super::{
    Cause, Counters, Error, Init, Output, Resume, Settings, Stretch, TrackCounters,
    cutter::{Cutter, Sink},
    demux::{Demuxer, Piece},
    repair::{Line, Verdict},
    sample::{self, Sample},
};

/// Stretches begin at multiples of this, ms. An eighth of a second is exact in binary, and so are
/// period starts, and the bounds of segments of whole seconds, in players that calculate with floating
/// point: Shaka Player 5.2 does not find a segment by the end of the one before where they are not.
const START_GRID_MS: i64 = 125;

/// Makes parts and segments of what an encoder delivers. It outlives encoders.
#[derive(Debug)]
pub struct Packager {
    settings: Settings,
    tracks: Vec<Track>,
    stretch: Option<Running>,
    /// Why the next stretch will begin, and after a jump the time of the encoder that it begins near.
    next: (Cause, Option<Time>),
    resume: Resume,
    counters: Counters,
}

/// A stretch in progress.
#[derive(Debug)]
struct Running {
    stretch: Stretch,
    /// Added to the times of the encoder, ms.
    shift_ms: i64,
    /// After a jump, the time of the encoder at which it began.
    source_start: Option<Time>,
}

#[derive(Debug, Default)]
struct Track {
    demuxer: Demuxer,
    /// Of this run, or while it has none, of the last.
    init: Option<Arc<Init>>,
    /// Whether the init segment of this run is here.
    has_init: bool,
    /// Its place in the stretch in progress.
    lane: Option<Lane>,
    /// Samples that wait for the stretch to begin, with their time of arrival.
    waiting: Vec<(Sample, i64)>,
    sequence: u32,
    /// When the last fragment of this run arrived, Unix ms.
    last_arrival: Option<i64>,
}

#[derive(Debug)]
struct Lane {
    line: Line,
    cutter: Cutter,
}

impl Packager {
    /// Makes a packager for a new channel, or for one that goes on.
    pub fn new(settings: Settings, resume: Resume) -> Self {
        let tracks: Vec<Track> = settings.tracks.iter().map(|_| Track::default()).collect();
        Self {
            counters: Counters {
                tracks: vec![TrackCounters::default(); tracks.len()],
                ..Counters::default()
            },
            settings,
            tracks,
            stretch: None,
            next: (Cause::Run, None),
            resume,
        }
    }

    /// Returns what it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns what was made and repaired so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns where the channel would go on.
    pub fn resume(&self) -> Resume {
        self.resume
    }

    /// Returns when the last fragment of a track arrived in this run, Unix ms: what tells a track
    /// that stands still.
    pub fn last_arrival(&self, track: usize) -> Option<i64> {
        self.tracks.get(track)?.last_arrival
    }

    /// Takes bytes of a track's pipe that arrived at `now`, Unix ms, and adds to `out` what they
    /// make whole.
    ///
    /// # Errors
    /// The stream is not what an encoder delivers; what was made before it is in `out`.
    pub fn push(
        &mut self,
        track: usize,
        bytes: &[u8],
        now: i64,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let Some(of) = self.tracks.get_mut(track) else {
            return Err(Error {
                track: track.to_string(),
                offset: 0,
                reason: "there is no such track".to_owned(),
            });
        };
        self.counters.tracks[track].bytes += bytes.len() as u64;
        of.demuxer.push(bytes);
        loop {
            let offset = self.tracks[track].demuxer.offset();
            let piece = self.tracks[track].demuxer.next();
            let piece = piece.map_err(|fault| self.error(track, fault.offset, fault.reason))?;
            match piece {
                None => return Ok(()),
                Some(Piece::Init(bytes)) => {
                    let init = Init::read(&bytes);
                    let init =
                        init.map_err(|error| self.error(track, offset, error.to_string()))?;
                    self.take_init(track, init, now, out);
                }
                Some(Piece::Fragment(fragment)) => {
                    let of = &mut self.tracks[track];
                    of.last_arrival = Some(now);
                    let init = of.init.as_ref().filter(|_| of.has_init);
                    let Some(init) = init else {
                        let reason = "a fragment before the init segment".to_owned();
                        return Err(self.error(track, offset, reason));
                    };
                    let samples = sample::read(&fragment, &init.track.defaults)
                        .map_err(|error| self.error(track, offset, error.to_string()))?;
                    for sample in samples {
                        self.counters.tracks[track].samples_in += 1;
                        self.take_sample(track, sample, now, out);
                    }
                }
            }
        }
    }

    /// Lets time pass: a stretch that waits for a track begins without it when it waited long enough.
    pub fn tick(&mut self, now: i64, out: &mut Vec<Output>) {
        self.begin_when_ready(now, out);
    }

    /// Ends the run of the encoder: open segments end with what is whole, bytes of fragments that are
    /// not are thrown away. What comes next is a new run's.
    pub fn end_run(&mut self, out: &mut Vec<Output>) {
        let reference = self.settings.reference();
        let is_ready = self.has_all_inits() && !self.tracks[reference].waiting.is_empty();
        if self.stretch.is_none() && is_ready {
            self.begin(reference, out);
        }
        self.end_stretch(out);
        self.next = (Cause::Run, None);
        for (track, counters) in self.tracks.iter_mut().zip(&mut self.counters.tracks) {
            counters.cut_off_bytes += track.demuxer.reset();
            counters.before_start += track.waiting.len() as u64;
            track.waiting.clear();
            track.has_init = false;
            track.last_arrival = None;
        }
    }

    fn error(&self, track: usize, offset: u64, reason: String) -> Error {
        let settings = self.settings.tracks.get(track);
        Error {
            track: settings.map_or_else(String::new, |settings| settings.id.clone()),
            offset,
            reason,
        }
    }

    /// Takes the init segment of a run. A second one on the same pipe is that of a new run.
    fn take_init(&mut self, track: usize, init: Init, now: i64, out: &mut Vec<Output>) {
        if self.tracks[track].has_init {
            self.end_stretch(out);
            self.next = (Cause::Run, None);
        }
        let of = &mut self.tracks[track];
        of.has_init = true;
        if of.init.as_deref() != Some(&init) {
            of.init = Some(Arc::new(init));
        }
        if self.stretch.is_some() {
            self.open_lane(track, out);
        } else {
            self.begin_when_ready(now, out);
        }
    }

    fn take_sample(&mut self, track: usize, sample: Sample, now: i64, out: &mut Vec<Output>) {
        let Some(running) = &self.stretch else {
            self.wait(track, sample, now);
            self.begin_when_ready(now, out);
            return;
        };
        let of = &mut self.tracks[track];
        let (Some(lane), Some(init)) = (&mut of.lane, &of.init) else {
            return;
        };
        let scale = init.track.timescale;
        let counters = &mut self.counters.tracks[track];
        let source = Time::new(sample.time, scale);
        if !lane.line.has_started() && self.settings.is_stale(source, running.source_start) {
            counters.before_start += 1;
            return;
        }
        let since_epoch = Time::from_ms(now.saturating_sub(self.settings.epoch_ms));
        let arrival = since_epoch.ticks_in(scale, Round::Nearest);
        let verdict = lane.line.place(sample.clone(), arrival, counters);
        let mut sink = Sink {
            out,
            counters,
            sequence: &mut of.sequence,
        };
        match verdict {
            Verdict::Keep(sample) => lane.cutter.add(sample, &mut sink),
            Verdict::Hole(sample) => {
                lane.cutter.gap_to(sample.time, &mut sink);
                lane.cutter.add(sample, &mut sink);
            }
            Verdict::Drop => {}
            Verdict::Jump => return self.leap(Cause::Jump, track, sample, now, out),
            Verdict::Outage => return self.leap(Cause::Outage, track, sample, now, out),
            Verdict::Drift => return self.leap(Cause::Drift, track, sample, now, out),
        }
        self.catch_up(track, out);
    }

    /// Ends the stretch; a sample is the first known one of the next.
    fn leap(
        &mut self,
        cause: Cause,
        track: usize,
        sample: Sample,
        now: i64,
        out: &mut Vec<Output>,
    ) {
        self.end_stretch(out);
        let init = self.tracks[track].init.as_ref();
        let source = init.map(|init| Time::new(sample.time, init.track.timescale));
        self.next = (cause, source);
        self.wait(track, sample, now);
        self.begin_when_ready(now, out);
    }

    /// Keeps a sample until the stretch begins, if it can be of use there.
    fn wait(&mut self, track: usize, sample: Sample, now: i64) {
        let of = &mut self.tracks[track];
        let Some(init) = &of.init else { return };
        let source = Time::new(sample.time, init.track.timescale);
        let first = of.waiting.is_empty();
        let is_video = init.track.content == Content::Video;
        if (first && is_video && !sample.is_sync()) || self.settings.is_stale(source, self.next.1) {
            self.counters.tracks[track].before_start += 1;
            return;
        }
        of.waiting.push((sample, now));
    }

    fn has_all_inits(&self) -> bool {
        self.tracks.iter().all(|track| track.has_init)
    }

    /// Tells how long after its end a sample of a track that waits arrived that was the quickest,
    /// ms, and for how much media that is known. The first samples of an encoder are slower than those
    /// that follow, so the times of the first one would be too late or, taken from the encoder, too
    /// early by what it took to start.
    fn least_lag(&self, track: usize) -> Option<(i64, Time)> {
        let of = &self.tracks[track];
        let scale = of.init.as_ref()?.track.timescale;
        let (first, _) = of.waiting.first()?;
        let part = self.settings.part_target.ticks_in(scale, Round::Down);
        let mut end = first.time;
        let mut least: Option<i64> = None;
        for (sample, arrival) in &of.waiting {
            // What lies behind a jump is of another stretch.
            if sample.time.saturating_sub(end).abs() > part {
                break;
            }
            end = sample.end();
            let due = Time::new(end, scale).ms(Round::Down);
            let lag = arrival
                .saturating_sub(self.settings.epoch_ms)
                .saturating_sub(due);
            least = Some(least.map_or(lag, |least| least.min(lag)));
        }
        Some((least?, Time::new(end.saturating_sub(first.time), scale)))
    }

    /// Begins a stretch when most of a part of the reference and all init segments are there, or the
    /// wait is over.
    fn begin_when_ready(&mut self, now: i64, out: &mut Vec<Output>) {
        if self.stretch.is_some() {
            return;
        }
        let waiting = |track: &Track| track.waiting.first().map(|(_, at)| *at);
        let Some(since) = self.tracks.iter().filter_map(waiting).min() else {
            return;
        };
        let reference = self.settings.reference();
        let is_over = now.saturating_sub(since) >= self.settings.limits.start_wait_ms;
        let is_ready = match self.least_lag(reference) {
            Some((_, known)) => is_over || self.has_all_inits() && known >= self.settings.settled(),
            None => false,
        };
        if is_ready {
            self.begin(reference, out);
        } else if is_over
            && let Some(other) = self.tracks.iter().position(|t| !t.waiting.is_empty())
        {
            self.begin(other, out);
        }
    }

    fn begin(&mut self, reference: usize, out: &mut Vec<Output>) {
        let Some((lag, _)) = self.least_lag(reference) else {
            return;
        };
        let of = &self.tracks[reference];
        let (Some((first, _)), Some(init)) = (of.waiting.first(), &of.init) else {
            return;
        };
        let scale = init.track.timescale;
        let trusted = (0..=self.settings.limits.trust_ms).contains(&lag);
        let mut shift_ms = if trusted { 0 } else { lag };
        let start = |shift_ms: i64| {
            let shift = Time::from_ms(shift_ms).ticks_in(scale, Round::Nearest);
            Time::new(first.time.saturating_add(shift), scale)
        };
        if start(shift_ms) < self.resume.end {
            let missing = self.resume.end.ms(Round::Up) - start(shift_ms).ms(Round::Down);
            shift_ms = shift_ms.saturating_add(missing);
            // Milliseconds are not whole ticks of every time scale.
            if start(shift_ms) < self.resume.end {
                shift_ms = shift_ms.saturating_add(1);
            }
        }
        let begin_ms = start(shift_ms).ms(Round::Down);
        let mut aligned_ms = begin_ms.div_euclid(START_GRID_MS) * START_GRID_MS;
        if Time::from_ms(aligned_ms) < self.resume.end {
            aligned_ms = aligned_ms.saturating_add(START_GRID_MS);
        }
        shift_ms = shift_ms.saturating_add(aligned_ms - begin_ms);
        let (cause, source_start) = self.next;
        let start = Time::from_ms(aligned_ms).rescale(scale, Round::Nearest);
        let stretch = Stretch {
            number: self.resume.next_stretch,
            start,
            first_number: self
                .resume
                .next_number
                .saturating_add(self.lost_before(start)),
            cause,
        };
        self.counters.stretches += 1;
        match cause {
            Cause::Run => {}
            Cause::Jump => self.counters.jumps += 1,
            Cause::Outage => self.counters.outages += 1,
            Cause::Drift => self.counters.drifts += 1,
        }
        self.resume.next_stretch += 1;
        self.resume.next_number = stretch.first_number;
        self.resume.end = start;
        self.stretch = Some(Running {
            stretch,
            shift_ms,
            source_start,
        });
        out.push(Output::Stretch(stretch));
        for track in 0..self.tracks.len() {
            self.open_lane(track, out);
        }
        let waiting: Vec<_> = self
            .tracks
            .iter_mut()
            .enumerate()
            .flat_map(|(track, of)| {
                std::mem::take(&mut of.waiting)
                    .into_iter()
                    .map(move |w| (track, w))
            })
            .collect();
        for (track, (sample, at)) in waiting {
            self.take_sample(track, sample, at, out);
        }
    }

    /// Returns how many segments are lost between the end of the last stretch and the start of the next:
    /// as many as it takes for none to be longer than nominal, were it also to make up for a track that
    /// ended a part earlier. None when less than a part is missing.
    fn lost_before(&self, start: Time) -> u64 {
        let Settings {
            segment,
            part_target,
            ..
        } = &self.settings;
        let missing = start.ms(Round::Down) - self.resume.end.ms(Round::Down);
        let part = part_target.ms(Round::Up);
        if self.resume.next_stretch == 0 || missing < part {
            return 0;
        }
        let segment = segment.ms(Round::Down).max(1);
        (missing.saturating_add(part).unsigned_abs()).div_ceil(segment.unsigned_abs())
    }

    /// Gives a track its place in the stretch, when its init segment is there.
    fn open_lane(&mut self, track: usize, out: &mut Vec<Output>) {
        let of = &mut self.tracks[track];
        let (Some(running), Some(init), true, None) =
            (&self.stretch, &of.init, of.has_init, &of.lane)
        else {
            return;
        };
        let cutter = Cutter::new(track, &init.track, &self.settings, &running.stretch);
        let line = Line::new(
            &init.track,
            track == self.settings.reference(),
            self.settings.is_paced,
            running.shift_ms,
            cutter.position(),
            self.settings.part_target,
            &self.settings.limits,
        );
        of.lane = Some(Lane { line, cutter });
        out.push(Output::Init {
            track,
            init: Arc::clone(init),
        });
    }

    /// Gives gaps to tracks that `foremost` has left far behind.
    fn catch_up(&mut self, foremost: usize, out: &mut Vec<Output>) {
        // Pipes of what is not paced are read in turns that are seconds of media apart.
        let lane = self.tracks[foremost].lane.as_ref();
        let Some(lane) = lane.filter(|_| self.settings.is_paced) else {
            return;
        };
        let limit = Time::from_ms(self.settings.limits.behind_ms);
        let reached = lane.cutter.position_time();
        let Some(number) = lane.cutter.number().checked_sub(1) else {
            return;
        };
        for (track, counters) in self.tracks.iter_mut().zip(&mut self.counters.tracks) {
            let Some(lane) = &mut track.lane else {
                continue;
            };
            let position = lane.cutter.position_time();
            let behind = reached.ms(Round::Down) - position.ms(Round::Down);
            if Time::from_ms(behind) > limit && lane.cutter.number() <= number {
                let end = lane.cutter.end_of(number);
                let mut sink = Sink {
                    out,
                    counters,
                    sequence: &mut track.sequence,
                };
                lane.cutter.gap_to(end, &mut sink);
                lane.line.skip_to(lane.cutter.position());
            }
        }
    }

    /// Ends the stretch in progress: all tracks end with the same number.
    fn end_stretch(&mut self, out: &mut Vec<Output>) {
        if self.stretch.take().is_none() {
            return;
        }
        let lanes = || self.tracks.iter().filter_map(|track| track.lane.as_ref());
        let end = lanes().map(|lane| lane.cutter.position_time()).max();
        let last = lanes().filter_map(|lane| lane.cutter.last_number()).max();
        for (track, counters) in self.tracks.iter_mut().zip(&mut self.counters.tracks) {
            let Some(mut lane) = track.lane.take() else {
                continue;
            };
            let mut sink = Sink {
                out,
                counters,
                sequence: &mut track.sequence,
            };
            if let (Some(last), Some(end)) = (last, end)
                && lane.cutter.last_number() < Some(last)
            {
                let scale = lane.cutter.position_time().scale;
                let end = end.ticks_in(scale, Round::Nearest);
                lane.cutter.gap_through(last, end, &mut sink);
            } else {
                lane.cutter.finish(&mut sink);
            }
        }
        let end = end.unwrap_or(self.resume.end).max(self.resume.end);
        self.resume.end = end;
        if let Some(last) = last {
            self.resume.next_number = last.saturating_add(1);
        }
        out.push(Output::End { end });
    }
}

impl Settings {
    /// Returns the number of the track that stretches begin with: the first video track.
    fn reference(&self) -> usize {
        let mut tracks = self.tracks.iter();
        tracks
            .position(|track| track.content == Content::Video)
            .unwrap_or(0)
    }

    /// Returns how much media has to be there before a stretch begins: what can make a part.
    fn settled(&self) -> Time {
        let part = self.part_target;
        Time::new(part.ticks / 100 * 85, part.scale)
    }

    /// Tells whether a time of the encoder lies on the other side of a jump.
    fn is_stale(&self, source: Time, start: Option<Time>) -> bool {
        start.is_some_and(|start| {
            let distance = source.ms(Round::Down).abs_diff(start.ms(Round::Down));
            distance > self.limits.jump_ms.unsigned_abs()
        })
    }
}
