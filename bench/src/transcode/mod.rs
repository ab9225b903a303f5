//! VoD jobs against one plain ffmpeg that makes the same renditions with the same settings, beside
//! what others do with them; and how soon a job goes on after it was killed.
//!
//! All run in turn (A B C … A B C …), so that what else the machine does falls on all. What counts is
//! the median of the ratios of each round.

mod film;
mod resume;
mod run;

use film::Film;
use run::Cost;
use serde_json::json;

use crate::{
    Effort,
    report::{self, Report},
};

/// Ratio of CPU and wall time to one plain ffmpeg.
const BOUND: f64 = 1.05;

/// With two workers it is to be no slower.
const TWO_BOUND: f64 = 1.0;

/// Seconds from the start of a job that was killed until it encodes again.
const RESUME_BOUND: f64 = 2.0;

/// Somebody who makes the renditions; nothing when it is not installed.
type Way = (&'static str, fn(&Film) -> Option<Cost>);

const PLAIN_ONE: Way = ("plain ffmpeg, one thread an encoder", |film| {
    Some(run::plain(film, Some(1)))
});
const PLAIN: Way = ("plain ffmpeg, its own choice of threads", |film| {
    Some(run::plain(film, None))
});
const JOB_ONE: Way = ("job, one worker", |film| Some(run::job(film, 1, 1)));
const JOB_WIDE: Way = ("job, one worker with encoders of two threads", |film| {
    Some(run::job(film, 2, 2))
});
const JOB_TWO: Way = ("job, two workers", |film| Some(run::job(film, 2, 1)));
const DJANGO: Way = ("django-video-transcoding 1.0.0", run::django);
const SHAKA: Way = ("Shaka Streamer 1.5.1", run::shaka);

/// Everybody's costs, round by round.
struct Costs(Vec<(&'static str, Vec<Cost>)>);

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let film = Film::new(effort.film_seconds, "veryfast");
    let ways = [PLAIN_ONE, JOB_ONE, PLAIN, JOB_WIDE, JOB_TWO, DJANGO];
    let costs = Costs::of(&film, effort.films, &ways, report);
    for (way, beside, bound) in [
        (JOB_ONE, PLAIN_ONE, BOUND),
        (JOB_WIDE, PLAIN, BOUND),
        (JOB_TWO, PLAIN, TWO_BOUND),
    ] {
        costs.compare(way, beside, Some(bound), &film, report);
    }
    costs.compare(DJANGO, PLAIN, None, &film, report);

    // Shaka Streamer knows but one speed.
    let short = Film::new((effort.film_seconds / 4).max(12), "slow");
    let ways = [PLAIN, JOB_TWO, DJANGO, SHAKA];
    let costs = Costs::of(&short, effort.films.min(3), &ways, report);
    for way in [JOB_TWO, DJANGO, SHAKA] {
        costs.compare(way, PLAIN, None, &short, report);
    }

    let seconds: Vec<f64> = (0..effort.films).map(|_| resume::once(&film)).collect();
    report.spread(
        "VoD job: seconds until an encoder runs again after kill -9, longest",
        &seconds,
        1.0,
        RESUME_BOUND,
    );
}

impl Costs {
    /// Lets everybody make the renditions, in turn.
    fn of(film: &Film, rounds: usize, ways: &[Way], report: &mut Report) -> Self {
        let mut costs = Self(ways.iter().map(|(name, _)| (*name, Vec::new())).collect());
        for _ in 0..rounds {
            for ((_, make), (_, runs)) in ways.iter().zip(&mut costs.0) {
                runs.extend(make(film));
            }
        }
        for (name, runs) in &costs.0 {
            let middle = |of: fn(&Cost) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
            let Some((cpu, wall)) = middle(|it| it.cpu).zip(middle(|it| it.wall)) else {
                report.note(&format!("{name:46} is not installed"));
                continue;
            };
            let bytes = runs.first().map_or(0, |run| run.bytes);
            report.note(&format!(
                "{name:46} {:4} s of film, {}: {cpu:7.2} s CPU, {wall:7.2} s, {:6.2} MB",
                film.seconds,
                film.speed,
                bytes as f64 / 1e6
            ));
        }
        costs
    }

    /// Reports CPU time and time of one as ratios to another's.
    fn compare(
        &self,
        (name, _): Way,
        (beside, _): Way,
        bound: Option<f64>,
        film: &Film,
        report: &mut Report,
    ) {
        let runs = |wanted: &str| self.0.iter().find(|(name, _)| *name == wanted);
        let (Some((_, ours)), Some((_, theirs))) = (runs(name), runs(beside)) else {
            return;
        };
        for (what, of) in [
            ("CPU time", (|it| it.cpu) as fn(&Cost) -> f64),
            ("time", |it| it.wall),
        ] {
            let pairs = ours.iter().zip(theirs);
            let ratios: Vec<f64> = pairs.map(|(ours, theirs)| of(ours) / of(theirs)).collect();
            let Some(ratio) = median(&ratios) else {
                continue;
            };
            let row = format!("VoD, {}: {name}: {what} to {beside}", film.speed);
            let detail = json!({ "film_seconds": film.seconds, "ratios": ratios });
            match bound {
                Some(bound) => report.bounded(&row, ratio, bound, detail),
                None => report.measured(&row, ratio, detail),
            }
        }
    }
}

/// Returns the median; nothing of nothing.
fn median(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| report::quantile(values, 0.5))
}
