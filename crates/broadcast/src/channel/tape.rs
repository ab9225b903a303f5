//! From the bytes of a run to the window: packager, window and the counters of supervision.
//!
//! All of it happens in memory, on the thread that reads. What is read faster than it plays waits for
//! who records: nothing of it is live, and nothing of it may be missed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use media::time::{Round, Time, Timescale};
use process::supervise::{Class, Pulse, Reason};

use super::{Clock, reader::Sink};
use crate::{
    events::{Hub, What},
    metrics::Histogram,
    packager::{Cause, Output, Packager, Part},
    window::Window,
};

/// Between two looks at those who record.
const BREATH: Duration = Duration::from_millis(2);

/// What becomes of what a channel's encoders deliver. It outlives them.
#[derive(Clone)]
pub(super) struct Tape {
    pub(super) packager: Arc<Mutex<Packager>>,
    pub(super) window: Arc<Window>,
    pub(super) hub: Hub,
    pub(super) clock: Arc<dyn Clock>,
    /// How late parts are, in ms.
    pub(super) late: Arc<Histogram>,
}

impl Tape {
    /// Returns the packager, between two pieces of a track.
    pub(super) fn packager(&self) -> MutexGuard<'_, Packager> {
        // A packager that panicked half way is no worse than one whose input broke off there.
        self.packager.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is being taped.
pub(super) struct Taping {
    tape: Tape,
    pulse: Arc<Pulse>,
    began_ms: i64,
    epoch_ms: i64,
    /// Whether a part of this run has been made.
    has_part: bool,
    /// Ticks a second of each track.
    scales: Vec<Timescale>,
    /// Samples that came of each track, when last looked at.
    seen: Vec<u64>,
    /// Tracks that cannot be packaged any more.
    broken: Vec<bool>,
    is_paced: bool,
}

impl Taping {
    /// Begins to tape a run, whose tracks are counted with `pulse`.
    pub(super) fn new(tape: Tape, pulse: Arc<Pulse>) -> Self {
        let began_ms = tape.clock.now_ms();
        let (seen, epoch_ms, is_paced): (Vec<u64>, i64, bool) = {
            let packager = tape.packager();
            let tracks = packager.counters().tracks.iter();
            let seen = tracks.map(|track| track.samples_in).collect();
            let settings = packager.settings();
            (seen, settings.epoch_ms, settings.is_paced)
        };
        Self {
            broken: vec![false; seen.len()],
            scales: vec![Timescale::MS; seen.len()],
            tape,
            pulse,
            began_ms,
            epoch_ms,
            has_part: false,
            seen,
            is_paced,
        }
    }

    /// Waits until those who record have caught up. The encoder waits with us, and does not stall.
    fn wait_for_recorders(&self) {
        while self.tape.window.is_pressed() {
            for track in 0..self.seen.len() {
                self.pulse.beat(track);
            }
            thread::sleep(BREATH);
        }
    }

    fn publish(&mut self, outputs: Vec<Output>, now: i64) {
        if outputs.is_empty() {
            return;
        }
        let mut told = Vec::new();
        for output in &outputs {
            match output {
                Output::Stretch(stretch) if stretch.number > 0 => told.push(What::Discontinuity {
                    sequence: stretch.number,
                    cause: name(stretch.cause),
                }),
                Output::Part { track, part } if !part.gap => {
                    self.note_lateness(*track, part, now);
                    if self.has_part {
                        continue;
                    }
                    self.has_part = true;
                    let after_ms = now.saturating_sub(self.began_ms);
                    told.push(What::FirstPart {
                        segment: part.segment,
                        after_ms: u64::try_from(after_ms).unwrap_or(0),
                    });
                }
                Output::Init { track, init } => {
                    if let Some(scale) = self.scales.get_mut(*track) {
                        *scale = init.track.timescale;
                    }
                }
                _ => {}
            }
        }
        self.tape.window.apply(outputs, now);
        for what in told {
            self.tape.hub.announce(now, what);
        }
    }

    /// Compares the clock with the end of a part's last frame.
    fn note_lateness(&self, track: usize, part: &Part, now: i64) {
        let Some(scale) = self.scales.get(track) else {
            return;
        };
        let end = part.start.saturating_add(part.duration);
        let end = Time::new(i64::try_from(end).unwrap_or(i64::MAX), *scale);
        let due = self.epoch_ms.saturating_add(end.ms(Round::Nearest));
        let late = now.saturating_sub(due).max(0);
        self.tape.late.add(late.unsigned_abs());
    }
}

impl Sink for Taping {
    fn bytes(&mut self, track: usize, bytes: &[u8]) {
        if self.broken.get(track).copied().unwrap_or(true) {
            return;
        }
        if !self.is_paced {
            self.wait_for_recorders();
        }
        let now = self.tape.clock.now_ms();
        let mut outputs = Vec::new();
        let (result, samples) = {
            let mut packager = self.tape.packager();
            let result = packager.push(track, bytes, now, &mut outputs);
            (result, packager.counters().tracks[track].samples_in)
        };
        self.publish(outputs, now);
        if samples != self.seen[track] {
            self.seen[track] = samples;
            self.pulse.beat(track);
        }
        if let Err(error) = result {
            self.broken[track] = true;
            let text = format!("the encoder delivers what cannot be packaged: {error}");
            self.pulse.fail(Reason::new(Class::Fail, text));
        }
    }

    fn tick(&mut self) {
        let now = self.tape.clock.now_ms();
        let mut outputs = Vec::new();
        self.tape.packager().tick(now, &mut outputs);
        self.publish(outputs, now);
    }

    fn end(&mut self) {
        let now = self.tape.clock.now_ms();
        let mut outputs = Vec::new();
        self.tape.packager().end_run(&mut outputs);
        self.publish(outputs, now);
    }
}

fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Run => "run",
        Cause::Jump => "jump",
        Cause::Outage => "outage",
        Cause::Drift => "drift",
    }
}
