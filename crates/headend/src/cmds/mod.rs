//! The commands, one file each: its flags, its help and what it does.

pub(crate) mod asset;
pub(crate) mod broadcast;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod fetch;
pub(crate) mod info;
pub(crate) mod ladder;
pub(crate) mod probe;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod top;
pub(crate) mod transcode;
pub(crate) mod verify;
pub(crate) mod watch;
