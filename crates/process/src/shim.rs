//! Children that die with us: our own binary, started as a stepping stone to the real program.
//!
//! `headend __child 1234 -- ffmpeg -i …` asks the kernel for `SIGTERM` at the death of its parent
//! (`PR_SET_PDEATHSIG`), makes sure that the parent is still process 1234, and becomes ffmpeg.
//! Asking from within the child is what the standard library offers no safe way for; a stepping
//! stone needs none. It costs one `exec` of our binary, some milliseconds.
//!
//! On the way it gives itself the priorities and limits that the program is to have
//! ([`Priority`](crate::supervise::Priority), [`Command::rlimit`](crate::Command::rlimit),
//! [`Command::umask`](crate::Command::umask)).
//!
//! Limits: the signal does not reach grandchildren (a shell's, say), and the kernel clears it when
//! the program is set-uid. For a parent that ends in order neither matters, since it ends the
//! whole group itself; for one that is killed there is [`crate::Spawner::guarded`].

mod priorities;

use std::{
    ffi::{OsStr, OsString},
    io::Write,
    os::unix::process::CommandExt,
    process,
};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::{Command, guard};

/// First argument of a stepping stone. Not for people.
const MARK: &str = "__child";

/// Exit code when the program could not be executed, as shells have it.
const NOT_EXECUTED: u8 = 127;

/// Returns the arguments that make our binary a stepping stone; the program and its own follow.
pub(crate) fn arguments(parent: u32, command: &Command) -> Vec<OsString> {
    let mut arguments = vec![MARK.into(), parent.to_string().into()];
    arguments.extend(command.priority.arguments());
    arguments.extend(command.limits.arguments());
    arguments.push("--".into());
    arguments
}

/// Becomes the program named in `arguments` if this process was started as a stepping stone, and keeps
/// watch if it was started as a guard.
///
/// To be called with [`std::env::args_os`] before anything else in `main`. Returns `None` for any
/// other start, and an exit code only if the program cannot be executed or the watch is over.
pub fn run_if_shim(arguments: impl IntoIterator<Item = OsString>) -> Option<process::ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    let mark = arguments.next()?;
    if mark == guard::MARK {
        guard::keep(std::io::stdin());
        return Some(process::ExitCode::SUCCESS);
    }
    if mark != MARK {
        return None;
    }
    let reason = match step(arguments) {
        Ok(never) => match never {},
        Err(reason) => reason,
    };
    // If stderr is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{reason}");
    Some(NOT_EXECUTED.into())
}

fn step(mut arguments: impl Iterator<Item = OsString>) -> Result<std::convert::Infallible, String> {
    let parent = arguments
        .next()
        .and_then(|text| text.to_str()?.parse::<i32>().ok())
        .ok_or("the number of the parent is missing")?;
    let mut asked = Vec::new();
    loop {
        let argument = arguments.next().ok_or("`--` is missing")?;
        if argument == "--" {
            break;
        }
        asked.push(argument.to_string_lossy().into_owned());
    }
    let program = arguments.next().ok_or("the program is missing")?;

    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| format!("no parent-death signal: {error}"))?;
    // Asked after the signal is set, so that a death in between is not missed.
    if getppid().is_none_or(|it| it.as_raw_nonzero().get() != parent) {
        return Err("the parent is gone".to_owned());
    }
    let arguments: Vec<OsString> = arguments.collect();
    let mut taken = priorities::take(&asked);
    if taken.refused.is_empty()
        && let Some(options) = taken.io.take()
    {
        // Comes back only if there is no `ionice`.
        let options = options.into_iter().map(OsString::from);
        let all = options.chain([program.clone()]).chain(arguments.clone());
        taken.refused.push(format!(
            "ionice: {}",
            become_program("ionice".as_ref(), all)
        ));
    }
    if !taken.refused.is_empty() {
        let text = format!("cannot have {}", taken.refused.join("; "));
        if taken.strict {
            return Err(text);
        }
        let _ = writeln!(std::io::stderr(), "{text}; going on without");
    }
    let error = become_program(&program, arguments);
    Err(format!("{}: {error}", program.display()))
}

/// Executes `program` in place of this process; returns only if that fails.
fn become_program(
    program: &OsStr,
    arguments: impl IntoIterator<Item = OsString>,
) -> std::io::Error {
    #[expect(
        clippy::disallowed_methods,
        reason = "executes in place of this process: there is no child"
    )]
    process::Command::new(program).args(arguments).exec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> Option<process::ExitCode> {
        run_if_shim(arguments.iter().map(OsString::from))
    }

    #[test]
    fn other_starts_are_left_alone() {
        assert!(run(&["headend"]).is_none());
        assert!(run(&["headend", "serve", "__child"]).is_none());
        assert!(run(&[]).is_none());
    }

    #[test]
    fn a_stepping_stone_without_a_place_to_go_ends() {
        assert!(run(&["headend", "__child"]).is_some());
        assert!(run(&["headend", "__child", "x", "--", "true"]).is_some());
        assert!(run(&["headend", "__child", "1", "true"]).is_some());
        assert!(run(&["headend", "__child", "1", "--"]).is_some());
    }
}
