//! `headend broadcast` as one sees it from outside: it serves and ends as it says, its failures have
//! their numbers and reasons, and what goes wrong beside it does not touch the live edge.

mod channel;
mod disk;
mod hooks;
mod life;
mod publish;
mod refusals;
mod sources;
