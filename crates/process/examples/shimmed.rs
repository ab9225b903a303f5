//! Runs a command the way `headend` runs its children: this program is its own stepping stone.
//! Kill it by any signal and the command ends too. `cargo run --example shimmed -- sleep 60`

use std::process::ExitCode;

use process::{Command, Spawner, shim};

fn main() -> ExitCode {
    if let Some(code) = shim::run_if_shim(std::env::args_os()) {
        return code;
    }
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        return ExitCode::from(2);
    };
    let ended = Spawner::with_shim("/proc/self/exe")
        .and_then(|spawner| spawner.spawn(Command::new(program).args(arguments)))
        .and_then(|child| child.finish());
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
