//! Keeping a job alive: what is wanted apart from what is, a state machine, restarts with a growing
//! delay, a watch over every track, limits, and reports of what happened.
//!
//! ```text
//! state     the states and which may follow which      policy   when to start again, and how late
//! reason    why a run ended, and its exit code         machine  wish, state and counters; pure
//! watch     stalls, slow encoding; pure                limits   priorities; processor and memory
//! pulse     counters that readers of tracks raise      usage    what /proc says of a group
//! report    the first and last lines of a run          log      a file of bounded size
//! desk      where wishes come in and the state is read
//! driver    owns the children of one job, async
//! ```
//!
//! Everything but `usage`, `log`, `desk` and `driver` is a function of its arguments: time and randomness
//! are parameters. A job is anything that implements [`Work`]: it says what to run, and hears what
//! becomes of it. Log text never decides anything here; counters do.

mod desk;
mod driver;
mod end;
mod limits;
mod log;
mod machine;
mod policy;
mod progress;
mod pulse;
mod reason;
mod report;
mod state;
mod status;
mod usage;
mod watch;

pub use desk::Handle;
pub use driver::{Notice, Run, Settings, Supervisor, Work, supervise};
pub use limits::{Ceiling, IoClass, Priority, over_memory};
pub use log::{LogFile, LogLimits, file_name};
pub use machine::{Machine, Refused, Step, Wish};
pub use policy::{Policy, Restart};
pub use pulse::Pulse;
pub use reason::{Class, Outcome, Reason};
pub use report::Report;
pub use state::{State, Tally};
pub use status::{EndCount, StateCount, Status, TrackStatus};
pub use usage::Usage;
pub use watch::{Alarm, Patience, Track, Verdict, Watch};

#[cfg(test)]
mod tests;
