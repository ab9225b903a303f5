//! A run of ffmpeg that ends: by itself, on request, or because it shows no progress.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use process::{Error, Exit, Stream, ffmpeg};

use super::{Class, Context, Failure};

/// How often a wish to stop is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// How long ffmpeg may take to end when told to.
const GRACE: Duration = Duration::from_secs(2);
/// Lines of its stderr that are kept.
const LINES: usize = 60;
/// The same where what it says is counted.
const MANY_LINES: usize = 5000;

/// What ffmpeg says of a frame that cannot be decoded, or not all of it.
const DAMAGE: [&str; 4] = [
    "corrupt decoded frame",
    "Error while decoding stream",
    "corrupt input packet",
    "Error submitting packet to decoder",
];
/// Of so many frames one may be damaged.
const BEARABLE: u64 = 20;

/// Arguments in the making.
#[derive(Debug, Default)]
pub(crate) struct List(pub(crate) Vec<OsString>);

impl List {
    pub(crate) fn flag(&mut self, name: &str) {
        self.0.push(name.into());
    }

    pub(crate) fn pair(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.push(name.into());
        self.0.push(value.into());
    }
}

/// Adds what all raw files have in common: absolute times in the first fragment, no edit list, no
/// tags, and nothing that depends on when or by which version it was written.
pub(crate) fn finish_mp4(list: &mut List) {
    list.pair("-map_metadata", "-1");
    list.pair("-map_chapters", "-1");
    list.pair("-fflags", "+bitexact");
    list.pair("-avoid_negative_ts", "disabled");
    list.pair("-use_editlist", "0");
    list.pair("-flush_packets", "0");
    list.pair(
        "-movflags",
        "+cmaf+frag_keyframe+delay_moov+frag_discont+default_base_moof+skip_sidx+skip_trailer",
    );
    list.pair("-f", "mp4");
}

/// What is done with frames of the source that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The first one ends the run.
    Ends,
    /// They are concealed or left out.
    IsBorne,
}

impl Failure {
    /// Tells whether the source perhaps cannot be decoded everywhere, which may be borne: a decoder
    /// spoke, or what else has an address in the lines of ffmpeg and is not known to be an encoder, a
    /// muxer or a filter.
    pub fn is_damage(&self) -> bool {
        let others = ["[lib", "[mp4 @", "[Parsed_", "[graph "];
        let of_decoder = |line: &String| {
            line.contains(" @ 0x") && !others.iter().any(|name| line.starts_with(name))
        };
        damaged(&self.stderr) > 0 || self.stderr.iter().any(of_decoder)
    }

    /// Judges a run that ended by itself although damage was borne: there is too much of it, unless
    /// the machine was at fault.
    fn of_damage(self, error: &Error) -> Self {
        let by_itself = matches!(error, Error::Failed { failure } if matches!(failure.exit, Some(Exit::Code(_))));
        let is_full = |line: &String| line.contains("No space left on device");
        if !by_itself || !self.is_damage() || self.stderr.iter().any(is_full) {
            return self;
        }
        Self {
            class: Class::Permanent,
            reason: format!("the source is damaged: {}", self.reason),
            stderr: last(&self.stderr),
        }
    }
}

/// Counts the damaged frames that ffmpeg spoke of.
fn damaged(lines: &[String]) -> u64 {
    let says = |line: &&String| DAMAGE.iter().any(|words| line.contains(words));
    lines.iter().filter(says).count() as u64
}

/// Counts the damaged frames of a run in which they were borne, of `total` frames. Fails if they are
/// too many for a result that anybody wants.
pub(crate) fn bearable(lines: &[String], total: u64) -> Result<u64, Failure> {
    let damaged = damaged(lines);
    if damaged > total / BEARABLE + 3 {
        return Err(Failure {
            class: Class::Permanent,
            reason: format!("the source is damaged: {damaged} of {total} frames or more"),
            stderr: last(lines),
        });
    }
    Ok(damaged)
}

/// Returns as many of the last lines as are kept of a failure.
fn last(lines: &[String]) -> Vec<String> {
    lines[lines.len().saturating_sub(LINES)..].to_vec()
}

/// Runs ffmpeg and hands its reports to `report`. Returns the lines that it wrote to stderr.
pub(crate) fn run_ffmpeg(
    context: &mut Context<'_>,
    arguments: List,
    report: impl FnMut(&ffmpeg::Progress, &mut dyn FnMut(super::Progress)),
) -> Result<Vec<String>, Failure> {
    run_over(context, Damage::Ends, arguments, report)
}

/// As [`run_ffmpeg`], for sources that may be damaged.
pub(crate) fn run_over(
    context: &mut Context<'_>,
    damage: Damage,
    arguments: List,
    mut report: impl FnMut(&ffmpeg::Progress, &mut dyn FnMut(super::Progress)),
) -> Result<Vec<String>, Failure> {
    let (strictness, lines) = match damage {
        Damage::Ends => (Some("-xerror"), LINES),
        Damage::IsBorne => (None, MANY_LINES),
    };
    if context.stop.is_stopped() {
        return Err(stopped());
    }
    let command = context
        .ffmpeg
        .command()
        .args(["-y", "-progress", "pipe:1"])
        .args(strictness)
        .args(arguments.0)
        .stdout(Stream::Piped)
        .priority(context.priority.clone())
        .keep_lines(lines)
        .grace(GRACE);
    let mut child = context
        .ffmpeg
        .spawner()
        .spawn(command)
        .map_err(|error| Failure::new(class_of(&error), error.to_string()))?;
    let (sender, reports) = mpsc::sync_channel(16);
    if let Some(stdout) = child.take_stdout() {
        thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                let mut parser = ffmpeg::Parser::default();
                let lines = BufReader::new(stdout).lines().map_while(Result::ok);
                for found in lines.filter_map(|line| parser.line(&line)) {
                    if sender.send(found).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| Failure::new(Class::Transient, error.to_string()))?;
    }
    let mut advanced = Instant::now();
    let mut furthest = None;
    loop {
        if context.stop.is_stopped() {
            child.stop();
            return Err(stopped());
        }
        match reports.recv_timeout(LOOK) {
            Ok(found) => {
                let reached = (found.frame, found.out_time_us, found.total_size);
                if furthest != Some(reached) {
                    furthest = Some(reached);
                    advanced = Instant::now();
                }
                report(&found, context.progress);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // Its stdout is closed; what is left is to end.
                if child.wait_timeout(LOOK).is_some() {
                    break;
                }
            }
        }
        if advanced.elapsed() > context.stall {
            child.stop();
            return Err(Failure {
                class: Class::Transient,
                reason: format!("ffmpeg made no progress for {:?}", context.stall),
                stderr: child.stderr(),
            });
        }
    }
    child.finish().map_err(|error| {
        let failure = Failure {
            class: class_of(&error),
            reason: error.to_string(),
            stderr: child.stderr(),
        };
        match damage {
            Damage::Ends => failure,
            Damage::IsBorne => failure.of_damage(&error),
        }
    })?;
    Ok(child.stderr())
}

fn stopped() -> Failure {
    Failure::new(Class::Stopped, "stopped on request")
}

/// What ffmpeg says when trying again is of no use.
const HOPELESS: [&str; 9] = [
    "Unknown encoder",
    "Unrecognized option",
    "Option not found",
    "No such filter",
    "matches no streams",
    "does not exist",
    "not currently supported",
    "Invalid data found when processing input",
    "moov atom not found",
];

/// Tells whether a failed run is worth another one.
fn class_of(error: &Error) -> Class {
    match error {
        Error::Missing { .. } => Class::Permanent,
        Error::Stopped { .. } => Class::Stopped,
        Error::Failed { failure } => {
            let by_itself = matches!(failure.exit, Some(Exit::Code(_)));
            let says = |line: &String| HOPELESS.iter().any(|words| line.contains(words));
            if by_itself && failure.stderr.iter().any(says) {
                Class::Permanent
            } else {
                Class::Transient
            }
        }
        _ => Class::Transient,
    }
}

#[cfg(test)]
mod tests {
    use process::Failure as Ended;

    use super::*;

    fn ended(exit: Exit, line: &str) -> Error {
        Error::Failed {
            failure: Box::new(Ended {
                program: "ffmpeg".to_owned(),
                command: String::new(),
                exit: Some(exit),
                stderr: vec![line.to_owned()],
            }),
        }
    }

    #[test]
    fn too_much_damage_is_told_from_a_full_disk() {
        let decoder = "[aac @ 0x55d7] Input buffer exhausted before END element found";
        let of = |lines: &[&str]| {
            let failure = Failure {
                stderr: lines.iter().map(|line| (*line).to_owned()).collect(),
                ..Failure::new(Class::Transient, "ffmpeg exited with code 1")
            };
            (
                failure.is_damage(),
                failure.of_damage(&ended(Exit::Code(1), "")).class,
            )
        };
        assert_eq!(of(&[decoder]), (true, Class::Permanent));
        let encoder = "[libx264 @ 0x55d7] malloc failed";
        assert_eq!(of(&[encoder]), (false, Class::Transient));
        let full = "x.mp4: No space left on device";
        assert_eq!(of(&[decoder, full]), (true, Class::Transient));
        let lines = vec!["[error] x.mp4: corrupt decoded frame in stream 0".to_owned(); 9];
        assert_eq!(bearable(&lines, 200), Ok(9));
        assert_eq!(bearable(&lines, 100).unwrap_err().class, Class::Permanent);
    }

    #[test]
    fn hopeless_runs_are_told_from_unlucky_ones() {
        for (error, class) in [
            (
                ended(Exit::Code(1), "Unknown encoder 'libx999'"),
                Class::Permanent,
            ),
            (
                ended(Exit::Code(1), "No space left on device"),
                Class::Transient,
            ),
            (
                ended(Exit::Signal(9), "Invalid data found when processing input"),
                Class::Transient,
            ),
        ] {
            assert_eq!(class_of(&error), class, "{error}");
        }
    }
}
