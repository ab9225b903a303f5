//! The watch over one run: does every track go on, and fast enough?
//!
//! It sees counters of what was really made, never log text. A required track that stands still
//! ends the run; one that may be missing, and slow encoding, are alarms.

use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use super::{Class, Reason};

/// A track to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its name in messages.
    pub name: String,
    /// Whether the job is nothing without it.
    pub required: bool,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the start to the first sign of any track; `None` where somebody is waited for, as with
    /// a listening input.
    pub open: Option<Duration>,
    /// From the first sign of any track to the first of every required one.
    pub gather: Duration,
    /// Between two signs of a track; `None` not to watch.
    pub stall: Option<Duration>,
    /// Least speed in thousandths of real time; 0 not to watch.
    pub speed_floor_permille: u32,
    /// The speed is measured over this, so a slow moment shorter than it is no alarm.
    pub speed_over: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            open: Some(Duration::from_secs(30)),
            gather: Duration::from_secs(15),
            stall: Some(Duration::from_secs(5)),
            speed_floor_permille: 950,
            speed_over: Duration::from_secs(10),
        }
    }
}

/// What the watch finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Required tracks have not all given something; there is time left.
    Waiting,
    /// All is well.
    Well,
    /// An alarm.
    Alarm(Alarm),
    /// The run has to end.
    Dead(Reason),
}

/// Something amiss that the job can live with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// A track that may be missing gives nothing.
    Silent {
        /// Its name.
        track: String,
        /// For this many seconds.
        seconds: u64,
    },
    /// The encoder is slower than real time, in thousandths of it.
    Slow {
        /// Its speed.
        permille: u64,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { track, seconds } => write!(f, "{}", silent(track, *seconds)),
            Self::Slow { permille } => write!(
                f,
                "encoding at {}.{:03} of real time",
                permille / 1000,
                permille % 1000
            ),
        }
    }
}

fn silent(track: &str, seconds: u64) -> String {
    format!("track {track} gave nothing for {seconds} s")
}

/// State of the watch over one run.
#[derive(Clone, Debug)]
pub struct Watch {
    patience: Patience,
    began: Instant,
    /// When any track gave its first.
    first: Option<Instant>,
    tracks: Vec<Seen>,
    speed: SpeedMeter,
}

#[derive(Clone, Debug)]
struct Seen {
    track: Track,
    count: u64,
    /// When the count last grew.
    at: Option<Instant>,
}

impl Watch {
    /// Begins to watch processes that were just started.
    pub fn new(patience: Patience, tracks: Vec<Track>, now: Instant) -> Self {
        let seen = |track| Seen {
            track,
            count: 0,
            at: None,
        };
        Self {
            patience,
            began: now,
            first: None,
            tracks: tracks.into_iter().map(seen).collect(),
            speed: SpeedMeter::new(patience.speed_over),
        }
    }

    /// Takes the counts of the tracks, in their order.
    pub fn counts(&mut self, counts: impl IntoIterator<Item = u64>, now: Instant) {
        for (seen, count) in self.tracks.iter_mut().zip(counts) {
            if count != seen.count {
                seen.count = count;
                seen.at = Some(now);
                self.first.get_or_insert(now);
            }
        }
    }

    /// Takes how far the encoder is, in microseconds of media time.
    pub fn media_time(&mut self, micros: i64, now: Instant) {
        self.speed.push(micros, now);
    }

    /// Judges.
    pub fn verdict(&self, now: Instant) -> Verdict {
        if let Some(reason) = self.not_opened(now) {
            return Verdict::Dead(reason);
        }
        let missing = |seen: &&Seen| seen.track.required && seen.at.is_none();
        let waiting = self.tracks.iter().any(|seen| missing(&seen));
        for seen in &self.tracks {
            let Some(silence) = self.silence(seen, now) else {
                continue;
            };
            let (track, seconds) = (&seen.track.name, silence.as_secs());
            if seen.track.required {
                return Verdict::Dead(Reason::new(Class::Stall, silent(track, seconds)));
            }
            if !waiting {
                let track = track.clone();
                return Verdict::Alarm(Alarm::Silent { track, seconds });
            }
        }
        if waiting {
            return Verdict::Waiting;
        }
        let floor = u64::from(self.patience.speed_floor_permille);
        match self.speed.permille() {
            Some(permille) if permille < floor => Verdict::Alarm(Alarm::Slow { permille }),
            _ => Verdict::Well,
        }
    }

    /// Returns the tracks with their counts and the time since the last sign of each.
    pub fn lags(&self, now: Instant) -> impl Iterator<Item = (&Track, u64, Option<Duration>)> {
        self.tracks.iter().map(move |seen| {
            let lag = seen.at.map(|at| now.saturating_duration_since(at));
            (&seen.track, seen.count, lag)
        })
    }

    /// Returns the speed in thousandths of real time, measured over the last seconds; `None` until
    /// there are enough of them.
    pub fn speed_permille(&self) -> Option<u64> {
        self.speed.permille()
    }

    fn not_opened(&self, now: Instant) -> Option<Reason> {
        let names: Vec<&str> = self
            .tracks
            .iter()
            .filter(|seen| seen.track.required && seen.at.is_none())
            .map(|seen| seen.track.name.as_str())
            .collect();
        if names.is_empty() {
            return None;
        }
        let (since, limit) = match self.first {
            None => (self.began, self.patience.open?),
            Some(first) => (first, self.patience.gather),
        };
        (now.saturating_duration_since(since) >= limit).then(|| {
            let text = match self.first {
                None => format!("the input gave nothing within {} s", limit.as_secs()),
                Some(_) => format!(
                    "track {} gave nothing within {} s of the first one",
                    names.join(", "),
                    limit.as_secs()
                ),
            };
            Reason::new(Class::Stall, text)
        })
    }

    /// Returns how long a track has been silent, if too long. One that may be missing is silent
    /// from the start.
    fn silence(&self, seen: &Seen, now: Instant) -> Option<Duration> {
        let since = match seen.at {
            Some(at) => at,
            None if seen.track.required => return None,
            None => self.began,
        };
        let silence = now.saturating_duration_since(since);
        (silence >= self.patience.stall?).then_some(silence)
    }
}

/// Speed over a sliding span, from pairs of media time and clock. ffmpeg's own figure is the mean
/// of the whole run, which after an hour no longer shows a slow minute.
#[derive(Clone, Debug)]
struct SpeedMeter {
    over: Duration,
    /// The oldest is the newest that is at least `over` old.
    points: VecDeque<(i64, Instant)>,
}

/// Points kept at most; with two reports a second this spans more than `speed_over` needs.
const MOST_POINTS: usize = 1024;

impl SpeedMeter {
    fn new(over: Duration) -> Self {
        Self {
            over,
            points: VecDeque::new(),
        }
    }

    fn push(&mut self, micros: i64, now: Instant) {
        if self.points.back().is_some_and(|(last, _)| micros < *last) {
            // The source's clock jumped back: what was before says nothing any more.
            self.points.clear();
        }
        self.points.push_back((micros, now));
        while self.points.len() > MOST_POINTS
            || self
                .points
                .get(1)
                .is_some_and(|(_, at)| now.saturating_duration_since(*at) >= self.over)
        {
            self.points.pop_front();
        }
    }

    fn permille(&self) -> Option<u64> {
        let (first, since) = self.points.front()?;
        let (last, until) = self.points.back()?;
        let span = until.saturating_duration_since(*since);
        if span < self.over || span.is_zero() {
            return None;
        }
        let media = u128::try_from(last.checked_sub(*first)?).ok()?;
        u64::try_from(media * 1000 / span.as_micros()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(name: &str, required: bool) -> Track {
        Track {
            name: name.to_owned(),
            required,
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Begins with two required tracks and one that may be missing.
    fn watch(start: Instant) -> Watch {
        let tracks = vec![track("v", true), track("a", true), track("text", false)];
        Watch::new(Patience::default(), tracks, start)
    }

    fn dead(text: &str) -> Verdict {
        Verdict::Dead(Reason::new(Class::Stall, text))
    }

    #[test]
    fn an_input_that_does_not_open_is_given_up() {
        let start = Instant::now();
        let mut watch = watch(start);
        assert_eq!(watch.verdict(start + seconds(29)), Verdict::Waiting);
        assert_eq!(
            watch.verdict(start + seconds(30)),
            dead("the input gave nothing within 30 s")
        );
        watch.patience.open = None;
        assert_eq!(watch.verdict(start + seconds(3000)), Verdict::Waiting);
        // Somebody came, with video only.
        let came = start + seconds(3000);
        for second in 0..15 {
            watch.counts([second + 1, 0, 0], came + seconds(second));
            assert_eq!(watch.verdict(came + seconds(second)), Verdict::Waiting);
        }
        assert_eq!(
            watch.verdict(came + seconds(15)),
            dead("track a gave nothing within 15 s of the first one")
        );
    }

    #[test]
    fn a_stalled_track_is_found_even_when_others_go_on() {
        let start = Instant::now();
        let mut watch = watch(start);
        watch.counts([1, 1, 1], start);
        assert_eq!(watch.verdict(start), Verdict::Well);
        for second in 1..5 {
            let now = start + seconds(second);
            watch.counts([1 + second, 1, 1 + second], now);
            assert_eq!(watch.verdict(now), Verdict::Well);
        }
        assert_eq!(
            watch.verdict(start + seconds(5)),
            dead("track a gave nothing for 5 s")
        );
        watch.counts([9, 9, 9], start + seconds(5));
        assert_eq!(watch.verdict(start + seconds(5)), Verdict::Well);
    }

    #[test]
    fn a_track_that_may_be_missing_is_an_alarm_only() {
        let start = Instant::now();
        let mut watch = watch(start);
        watch.counts([1, 1, 0], start + seconds(4));
        assert_eq!(watch.verdict(start + seconds(4)), Verdict::Well);
        assert_eq!(
            watch.verdict(start + seconds(6)),
            Verdict::Alarm(Alarm::Silent {
                track: "text".to_owned(),
                seconds: 6
            })
        );
        watch.counts([2, 2, 1], start + seconds(7));
        assert_eq!(watch.verdict(start + seconds(7)), Verdict::Well);
        let lags: Vec<_> = watch
            .lags(start + seconds(8))
            .map(|(track, count, lag)| (track.name.as_str(), count, lag))
            .collect();
        let second = Some(seconds(1));
        assert_eq!(
            lags,
            [("v", 2, second), ("a", 2, second), ("text", 1, second)]
        );
    }

    #[test]
    fn slow_encoding_is_an_alarm_while_it_lasts() {
        let start = Instant::now();
        let mut watch = Watch::new(Patience::default(), vec![track("v", true)], start);
        let mut media = 0;
        // An hour at full speed, then 20 s at 80 %, then full speed again.
        for second in 0..3660_u64 {
            let now = start + seconds(second);
            watch.counts([second + 1], now);
            media += if (3600..3620).contains(&second) {
                800_000
            } else {
                1_000_000
            };
            watch.media_time(media, now);
            let alarmed = matches!(watch.verdict(now), Verdict::Alarm(_));
            if (3605..3620).contains(&second) {
                assert!(alarmed, "{second}");
            }
            if !(3600..3630).contains(&second) {
                assert!(!alarmed, "{second}");
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_back_is_survived() {
        let start = Instant::now();
        let mut meter = SpeedMeter::new(seconds(2));
        for (second, media) in [(0, 5_000_000), (1, 0), (2, 1_000_000), (3, 2_000_000)] {
            meter.push(media, start + seconds(second));
        }
        assert_eq!(meter.permille(), Some(1000));
        assert_eq!(SpeedMeter::new(seconds(0)).permille(), None);
    }
}
