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

/// Runs ffmpeg and hands its reports to `report`. Returns the lines that it wrote to stderr.
pub(crate) fn run_ffmpeg(
    context: &mut Context<'_>,
    arguments: List,
    mut report: impl FnMut(&ffmpeg::Progress, &mut dyn FnMut(super::Progress)),
) -> Result<Vec<String>, Failure> {
    if context.stop.is_stopped() {
        return Err(stopped());
    }
    let command = context
        .ffmpeg
        .command()
        .args(["-y", "-progress", "pipe:1", "-xerror"])
        .args(arguments.0)
        .stdout(Stream::Piped)
        .priority(context.priority.clone())
        .keep_lines(LINES)
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
        let stderr = child.stderr();
        Failure {
            class: class_of(&error),
            reason: error.to_string(),
            stderr,
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
