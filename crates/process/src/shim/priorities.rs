//! Priorities and limits that a stepping stone gives itself, and thereby the program that it becomes.
//!
//! They come as arguments, one each, written by [`Priority`](crate::supervise::Priority) and
//! [`Limits`](crate::limits::Limits).

use std::{fs, io};

use rustix::{
    fs::Mode,
    process::{Rlimit, getrlimit, setpriority_process, setrlimit, umask},
    thread::{CpuSet, sched_setaffinity},
};

use crate::limits;

/// What the arguments ask for beyond what was set here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Arguments of `ionice`, if it is to start the program.
    pub(super) io: Option<Vec<String>>,
    /// Whether what cannot be had is an error.
    pub(super) strict: bool,
    /// What could not be had, and why.
    pub(super) refused: Vec<String>,
}

/// Takes all priorities that can be had.
pub(super) fn take(arguments: &[String]) -> Taken {
    let mut taken = Taken::default();
    for argument in arguments {
        if let Err(reason) = take_one(argument, &mut taken) {
            taken.refused.push(format!("{argument}: {reason}"));
        }
    }
    taken
}

fn take_one(argument: &str, taken: &mut Taken) -> Result<(), String> {
    let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
    let no_number = |_| "not a number".to_owned();
    match key {
        "nice" => {
            let nice = value.parse().map_err(no_number)?;
            setpriority_process(None, nice).map_err(|error| error.to_string())
        }
        "cpus" => {
            let mut set = CpuSet::new();
            for cpu in value.split(',') {
                let cpu: usize = cpu.parse().map_err(no_number)?;
                if cpu >= CpuSet::MAX_CPU {
                    return Err("no such processor".to_owned());
                }
                set.set(cpu);
            }
            sched_setaffinity(None, &set).map_err(|error| error.to_string())
        }
        "oom" => {
            let score: i16 = value.parse().map_err(no_number)?;
            fs::write("/proc/self/oom_score_adj", score.to_string())
                .map_err(|error: io::Error| error.to_string())
        }
        "io" => {
            let (class, level) = value.split_once(':').unwrap_or((value, ""));
            let mut options = vec!["-c".to_owned(), class.to_owned()];
            if !level.is_empty() {
                options.extend(["-n".to_owned(), level.to_owned()]);
            }
            taken.io = Some(options);
            Ok(())
        }
        "rlimit" => {
            let (name, value) = value.split_once(':').unwrap_or((value, ""));
            let resource = limits::resource(name).ok_or("no such resource")?;
            let value: u64 = value.parse().map_err(no_number)?;
            // What is granted now is the most that can be asked for.
            let most = getrlimit(resource).maximum;
            let value = Some(most.map_or(value, |most| most.min(value)));
            let limit = Rlimit {
                current: value,
                maximum: value,
            };
            setrlimit(resource, limit).map_err(|error| error.to_string())
        }
        "umask" => {
            let bits = u32::from_str_radix(value, 8).map_err(no_number)?;
            umask(Mode::from_bits_truncate(bits));
            Ok(())
        }
        "strict" => {
            taken.strict = true;
            Ok(())
        }
        _ => Err("unknown".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_refused_and_the_rest_taken() {
        let arguments = [
            "io=2:7",
            "nice=x",
            "cpus=99999",
            "rlimit=colour:1",
            "strict",
            "colour=red",
        ];
        let taken = take(&arguments.map(str::to_owned));
        assert_eq!(
            taken,
            Taken {
                io: Some(["-c", "2", "-n", "7"].map(str::to_owned).to_vec()),
                strict: true,
                refused: vec![
                    "nice=x: not a number".to_owned(),
                    "cpus=99999: no such processor".to_owned(),
                    "rlimit=colour:1: no such resource".to_owned(),
                    "colour=red: unknown".to_owned(),
                ],
            }
        );
    }
}
