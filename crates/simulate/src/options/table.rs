//! The one table of option names: the parser, the page and the reference are made from it.

use media::{
    presentation::{Addressing, AvailabilityOffset},
    time::{Time, Timescale},
};

use super::Options;

/// Latest availability start, 9999-01-01T00:00:00Z: later instants have no RFC 3339 text.
pub const START_MAX: i64 = 253_370_764_800;
/// Deepest time-shift window, 48 h.
const WINDOW_MAX: u32 = 172_800;

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name before the `_`.
    pub key: &'static str,
    /// What the value may be, as the page shows it.
    pub values: &'static str,
    /// One sentence on what it does.
    pub help: &'static str,
    /// How it is obeyed.
    pub action: Action,
}

/// How an option is obeyed.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Reads the value into the options, or says what is allowed.
    Apply(fn(&mut Options, &str) -> Result<(), String>),
    /// Known to players and test tools of the field, refused until it works.
    Planned,
}

/// Finds an option by its key.
pub fn find(key: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.key == key)
}

const fn row(
    key: &'static str,
    values: &'static str,
    help: &'static str,
    apply: fn(&mut Options, &str) -> Result<(), String>,
) -> Row {
    Row {
        key,
        values,
        help,
        action: Action::Apply(apply),
    }
}

const fn planned(key: &'static str, values: &'static str, help: &'static str) -> Row {
    Row {
        key,
        values,
        help,
        action: Action::Planned,
    }
}

/// All options, those that work first.
pub const TABLE: &[Row] = &[
    row(
        "start",
        "seconds since the Unix epoch",
        "Sets the availability start, which is media time zero (default 0).",
        start,
    ),
    row(
        "ast",
        "seconds since the Unix epoch",
        "Same as `start_`.",
        start,
    ),
    row(
        "tsbd",
        "0 to 172800 seconds",
        "Sets the depth of the time-shift window (default 60).",
        window,
    ),
    row(
        "mup",
        "seconds, from 1",
        "Sets the minimum update period (default: the asset's shortest mean segment duration).",
        update_period,
    ),
    row(
        "snr",
        "0 to 4294967295, or -1",
        "Sets the number of the segment at media time zero (default 0); -1 omits `startNumber`, which means 1.",
        start_number,
    ),
    row(
        "spd",
        "seconds, from 0",
        "Sets the suggested presentation delay: how far behind the live edge players begin.",
        presentation_delay,
    ),
    row(
        "segtimeline",
        "1",
        "Lists the segments in a `SegmentTimeline`, addressed by `$Time$`.",
        timeline_time,
    ),
    row(
        "segtimelinenr",
        "1",
        "Lists the segments in a `SegmentTimeline`, addressed by `$Number$`.",
        timeline_number,
    ),
    row(
        "ato",
        "seconds with up to six decimals, or `inf`",
        "Announces segments so much ahead of their end (`availabilityTimeOffset`); with `chunkdur_` they may then be asked for while they are made, else they are there as early.",
        availability_offset,
    ),
    row(
        "chunkdur",
        "seconds with up to six decimals; 0 for whole segments",
        "Delivers segments chunk by chunk, as they are made: LL-DASH, and LL-HLS with a part for each chunk.",
        chunk,
    ),
    row(
        "ltgt",
        "milliseconds",
        "Sets the latency target (default with `ato_` 3500, with `chunkdur_` as well two and a half chunks behind what players may ask for, if that is less).",
        latency_target,
    ),
    planned("stop", "seconds since the Unix epoch", "Ends the stream."),
    planned("startrel", "seconds", "Sets the start relative to now."),
    planned("stoprel", "seconds", "Sets the end relative to now."),
    planned(
        "dur",
        "seconds",
        "Sets a duration after which the stream is extended.",
    ),
    planned("timeoffset", "seconds", "Moves the clock of the request."),
    planned("init", "seconds", "Offers init segments before the start."),
    planned("modulo", "minutes", "Makes the stream come and go."),
    planned(
        "tfdt",
        "1",
        "Restarts the stream so that times stay within 32 bits.",
    ),
    planned("cont", "1", "Starts the stream one segment before now."),
    planned("sidx", "1", "Puts a segment index before each segment."),
    planned(
        "segtimelineloss",
        "1",
        "Freezes the timeline while segments are lost.",
    ),
    planned(
        "periods",
        "periods per hour",
        "Splits the stream into Periods.",
    ),
    planned("continuous", "1", "Marks Periods as continuous."),
    planned("xlink", "1", "Makes closed Periods remote elements."),
    planned(
        "peroff",
        "1",
        "Puts the presentation time offset at Period level.",
    ),
    planned("etp", "per hour", "Ends Periods early."),
    planned(
        "etpDuration",
        "seconds",
        "Sets the duration of Periods that end early.",
    ),
    planned("insertad", "1 to 5", "Inserts advertisement Periods."),
    planned("mpdcallback", "1", "Asks players to call back."),
    planned(
        "scte35",
        "1, 2 or 3",
        "Inserts SCTE-35 messages each minute.",
    ),
    planned(
        "utc",
        "methods joined by `-`",
        "Chooses the clocks that are announced.",
    ),
    planned(
        "ssras",
        "`id,ssr;…`",
        "Adds segment sequence representations.",
    ),
    planned(
        "chunkdurssr",
        "`id,dur;…`",
        "Sets chunk durations of segment sequences.",
    ),
    planned(
        "timesubsstpp",
        "languages joined by `,`",
        "Adds TTML subtitles that show the time.",
    ),
    planned(
        "timesubswvtt",
        "languages joined by `,`",
        "Adds WebVTT subtitles that show the time.",
    ),
    planned(
        "timesubsdur",
        "milliseconds",
        "Sets the duration of time subtitles.",
    ),
    planned(
        "timesubsreg",
        "0 or 1",
        "Sets the region of time subtitles.",
    ),
    planned(
        "timecc608",
        "`CC1-<lang>`",
        "Adds CEA-608 captions that show the time.",
    ),
    planned(
        "statuscode",
        "list of patterns",
        "Answers chosen segments with errors.",
    ),
    planned(
        "traffic",
        "list of patterns",
        "Simulates loss, slowness and hanging.",
    ),
    planned("baseurl", "pattern", "Adds a BaseURL that comes and goes."),
    planned("eccp", "`cbcs` or `cenc`", "Encrypts with ClearKey."),
    planned(
        "drm",
        "package name",
        "Encrypts with a configured DRM package.",
    ),
    planned("patch", "seconds", "Offers MPD patches."),
    planned("annexI", "`k=v,…`", "Demands query parameters of segments."),
    planned(
        "sgai",
        "list of breaks",
        "Announces server-guided advertisements.",
    ),
    planned("steer", "list of CDNs", "Adds content steering."),
    planned("cdn", "token", "Names the CDN of a steered session."),
    planned("sid", "token", "Names a session."),
    planned("csid", "token", "Names a group of sessions."),
    planned(
        "sts",
        "seconds since the Unix epoch",
        "Sets the start of a session.",
    ),
];

fn start(options: &mut Options, value: &str) -> Result<(), String> {
    options.start = number(value, 0, START_MAX).ok_or_else(|| {
        format!("the value must be whole seconds since the Unix epoch, 0 to {START_MAX}")
    })?;
    Ok(())
}

fn window(options: &mut Options, value: &str) -> Result<(), String> {
    options.window = number(value, 0, i64::from(WINDOW_MAX))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| format!("the value must be whole seconds, 0 to {WINDOW_MAX}"))?;
    Ok(())
}

fn update_period(options: &mut Options, value: &str) -> Result<(), String> {
    let seconds = number(value, 1, i64::from(u32::MAX))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or("the value must be whole seconds, from 1")?;
    options.update_period = Some(seconds);
    Ok(())
}

fn presentation_delay(options: &mut Options, value: &str) -> Result<(), String> {
    let seconds = number(value, 0, i64::from(u32::MAX))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or("the value must be whole seconds, from 0")?;
    options.presentation_delay = Some(seconds);
    Ok(())
}

fn start_number(options: &mut Options, value: &str) -> Result<(), String> {
    let number = number(value, -1, i64::from(u32::MAX))
        .ok_or("the value must be a whole number, 0 to 4294967295, or -1 for none")?;
    options.start_number = u32::try_from(number).ok();
    Ok(())
}

fn timeline_time(options: &mut Options, value: &str) -> Result<(), String> {
    timeline(options, value, Addressing::TimelineTime)
}

fn timeline_number(options: &mut Options, value: &str) -> Result<(), String> {
    timeline(options, value, Addressing::TimelineNumber)
}

/// Switches a timeline on. Like the servers of the field, any value does so.
fn timeline(options: &mut Options, value: &str, wanted: Addressing) -> Result<(), String> {
    if value == "pattern" {
        return Err("pattern timelines are known but not supported yet".to_owned());
    }
    if options.addressing != Addressing::Number && options.addressing != wanted {
        return Err("`segtimeline_` and `segtimelinenr_` exclude each other".to_owned());
    }
    options.addressing = wanted;
    Ok(())
}

fn availability_offset(options: &mut Options, value: &str) -> Result<(), String> {
    if value == "inf" {
        options.availability_offset = Some(AvailabilityOffset::Infinite);
        return Ok(());
    }
    let ahead = seconds(value).ok_or_else(|| format!("{SECONDS}, or `inf`"))?;
    options.availability_offset =
        Some(AvailabilityOffset::Ahead(ahead)).filter(|_| ahead > Time::ZERO);
    Ok(())
}

fn chunk(options: &mut Options, value: &str) -> Result<(), String> {
    let duration = seconds(value).ok_or(SECONDS)?;
    options.chunk = Some(duration).filter(|duration| *duration > Time::ZERO);
    Ok(())
}

fn latency_target(options: &mut Options, value: &str) -> Result<(), String> {
    let target = number(value, 0, i64::from(u32::MAX))
        .and_then(|target| u32::try_from(target).ok())
        .ok_or("the value must be whole milliseconds, 0 to 4294967295")?;
    options.latency_target = Some(target);
    Ok(())
}

/// What [`seconds`] takes.
const SECONDS: &str = "the value must be seconds, 0 to 172800, with up to six digits behind the \
                       point";

/// Reads decimal seconds exactly, in microseconds.
fn seconds(text: &str) -> Option<Time> {
    const PLACES: usize = 6;
    const SCALE: Timescale = Timescale::literal(1_000_000);
    let is_decimal = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    if !is_decimal || text.is_empty() || places.is_empty() || places.len() > PLACES {
        return None;
    }
    let whole = match whole {
        "" => 0,
        digits => number(digits, 0, i64::from(WINDOW_MAX))?,
    };
    let fraction = number(&format!("{places:0<PLACES$}"), 0, i64::MAX)?;
    let ticks = whole * i64::from(SCALE.get()) + fraction;
    let longest = i64::from(WINDOW_MAX) * i64::from(SCALE.get());
    (ticks <= longest).then_some(Time::new(ticks, SCALE))
}

/// Reads a whole number in decimal digits within `min..=max`.
fn number(text: &str, min: i64, max: i64) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse()
        .ok()
        .filter(|number| (min..=max).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_there_once_with_its_help() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(!row.key.contains('_') && !row.key.is_empty());
            assert!(!row.values.is_empty() && row.help.ends_with('.'), "{row:?}");
            assert!(
                TABLE[..index].iter().all(|other| other.key != row.key),
                "{row:?}"
            );
        }
    }
}
