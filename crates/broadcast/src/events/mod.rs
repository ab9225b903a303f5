//! What happens to channels, as plain values: log lines, web hooks, pages and tests are renderers of
//! the same stream.
//!
//! A channel never waits for who listens. Each listener has a queue of [`QUEUE`] events; when it is
//! full the oldest is dropped, and the listener is told how many.

mod alarms;
mod hub;

use std::{collections::BTreeMap, sync::Arc};

pub use alarms::Alarms;
pub use hub::{Hub, Subscription};

/// Events that wait for a listener.
pub const QUEUE: usize = 1000;

/// Names of all kinds, as in JSON.
pub const NAMES: [&str; 19] = [
    "started",
    "connected",
    "first-part",
    "discontinuity",
    "stalled",
    "speed-low",
    "recovered",
    "exited",
    "restarting",
    "note",
    "verified",
    "upload-failing",
    "upload-recovered",
    "disk-low",
    "disk-recovered",
    "write-failing",
    "write-recovered",
    "recorded",
    "ended",
];

/// Something that happened to a channel.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// When, Unix ms.
    pub at_ms: i64,
    /// Name of the channel.
    pub channel: Arc<str>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The encoder was started.
    Started {
        /// Number of the run, from 1.
        run: u32,
    },
    /// The source delivers: every required track gave its first frames.
    Connected {
        /// Since the encoder was started, ms.
        after_ms: u64,
    },
    /// The first part of a run can be fetched.
    FirstPart {
        /// Number of its segment.
        segment: u64,
        /// Since the encoder was started, ms.
        after_ms: u64,
    },
    /// The timeline goes on behind a discontinuity.
    Discontinuity {
        /// How many there were in the life of the channel.
        sequence: u64,
        /// Why: `run`, `jump`, `outage` or `drift`.
        cause: &'static str,
    },
    /// A track stands still.
    Stalled {
        /// What is known of it.
        text: String,
    },
    /// Encoding is slower than real time.
    SpeedLow {
        /// Speed in thousandths of real time.
        permille: u64,
    },
    /// What was alarming is over.
    Recovered,
    /// The encoder has ended, or was ended.
    Exited {
        /// Kind of the end, such as `signal`.
        class: &'static str,
        /// Why, with its last line; secrets masked.
        text: String,
    },
    /// The encoder will be started again.
    Restarting {
        /// After this, ms.
        delay_ms: u64,
        /// Failures in a row.
        failures: u32,
    },
    /// What the source offers does not allow all that was planned, or something else that the
    /// operator should know.
    Note {
        /// What.
        text: String,
    },
    /// The output was checked after a start.
    Verified {
        /// What is wrong with it; empty when all is well.
        faults: Vec<String>,
    },
    /// A publishing target refuses or cannot be reached.
    UploadFailing {
        /// The target, secrets masked.
        target: String,
        /// What it says.
        text: String,
    },
    /// A publishing target takes again what it is sent.
    UploadRecovered {
        /// The target, secrets masked.
        target: String,
    },
    /// A disk is nearly full; nothing is written to it any more. The channel goes on in memory.
    DiskLow {
        /// A folder on the disk.
        path: String,
        /// Bytes left.
        free_bytes: u64,
    },
    /// There is space again, and writing goes on.
    DiskRecovered {
        /// A folder on the disk.
        path: String,
        /// Bytes left.
        free_bytes: u64,
    },
    /// Something cannot be written: the disk is full, gone or broken. It is tried again; the channel
    /// goes on in memory.
    WriteFailing {
        /// The folder that it belongs to.
        path: String,
        /// What the system says.
        text: String,
    },
    /// What could not be written can be again.
    WriteRecovered {
        /// The folder.
        path: String,
    },
    /// What was recorded of the channel has become an asset.
    Recorded {
        /// Its folder.
        folder: String,
        /// How long it lasts, ms.
        duration_ms: i64,
        /// Frames of each track.
        frames: BTreeMap<String, u64>,
        /// Segments that it lacks since the disk was too slow.
        missed: u64,
    },
    /// The channel is over.
    Ended {
        /// What became of it.
        text: String,
        /// Exit code of a program whose one channel this is.
        code: u8,
    },
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is as it should be.
    Info,
    /// Somebody should have a look.
    Warning,
    /// It does not work.
    Error,
}

impl Event {
    /// Returns the event as one line of JSON, without a line feed.
    pub fn json_line(&self) -> String {
        // Plain values in plain structs: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl What {
    /// Returns the name of the kind, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Connected { .. } => "connected",
            Self::FirstPart { .. } => "first-part",
            Self::Discontinuity { .. } => "discontinuity",
            Self::Stalled { .. } => "stalled",
            Self::SpeedLow { .. } => "speed-low",
            Self::Recovered => "recovered",
            Self::Exited { .. } => "exited",
            Self::Restarting { .. } => "restarting",
            Self::Note { .. } => "note",
            Self::Verified { .. } => "verified",
            Self::UploadFailing { .. } => "upload-failing",
            Self::UploadRecovered { .. } => "upload-recovered",
            Self::DiskLow { .. } => "disk-low",
            Self::DiskRecovered { .. } => "disk-recovered",
            Self::WriteFailing { .. } => "write-failing",
            Self::WriteRecovered { .. } => "write-recovered",
            Self::Recorded { .. } => "recorded",
            Self::Ended { .. } => "ended",
        }
    }

    /// Returns how much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Ended { code, .. } if *code > 0 => Severity::Error,
            Self::Verified { faults } if !faults.is_empty() => Severity::Warning,
            Self::Stalled { .. }
            | Self::SpeedLow { .. }
            | Self::Restarting { .. }
            | Self::UploadFailing { .. }
            | Self::DiskLow { .. }
            | Self::WriteFailing { .. }
            | Self::Note { .. } => Severity::Warning,
            Self::Recorded { missed, .. } if *missed > 0 => Severity::Warning,
            Self::Exited { class, .. } if !matches!(*class, "stop" | "again" | "eof") => {
                Severity::Warning
            }
            _ => Severity::Info,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind() -> Vec<What> {
        vec![
            What::Started { run: 1 },
            What::Connected { after_ms: 40 },
            What::FirstPart {
                segment: 7,
                after_ms: 600,
            },
            What::Discontinuity {
                sequence: 1,
                cause: "run",
            },
            What::Stalled {
                text: "track a gave nothing for 5 s".to_owned(),
            },
            What::SpeedLow { permille: 800 },
            What::Recovered,
            What::Exited {
                class: "signal",
                text: "ffmpeg was ended by signal 9".to_owned(),
            },
            What::Restarting {
                delay_ms: 2000,
                failures: 1,
            },
            What::Note {
                text: "rung 1080p is left out".to_owned(),
            },
            What::Verified { faults: Vec::new() },
            What::UploadFailing {
                target: "http://h/".to_owned(),
                text: "refused".to_owned(),
            },
            What::UploadRecovered {
                target: "http://h/".to_owned(),
            },
            What::DiskLow {
                path: "/srv".to_owned(),
                free_bytes: 1,
            },
            What::DiskRecovered {
                path: "/srv".to_owned(),
                free_bytes: 2,
            },
            What::WriteFailing {
                path: "/srv".to_owned(),
                text: "No space left on device".to_owned(),
            },
            What::WriteRecovered {
                path: "/srv".to_owned(),
            },
            What::Recorded {
                folder: "/srv/recordings/evening".to_owned(),
                duration_ms: 4000,
                frames: [("720p".to_owned(), 120)].into(),
                missed: 0,
            },
            What::Ended {
                text: "stopped on request".to_owned(),
                code: 0,
            },
        ]
    }

    #[test]
    fn events_are_lines_of_json() {
        let lines: Vec<String> = every_kind()
            .into_iter()
            .map(|what| {
                let event = Event {
                    at_ms: 1_700_000_000_000,
                    channel: "news".into(),
                    what,
                };
                event.json_line()
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn names_are_those_in_json() {
        for what in every_kind() {
            let json = serde_json::to_value(&what).unwrap();
            assert_eq!(json["event"], what.name());
        }
        let names: Vec<&str> = every_kind().iter().map(What::name).collect();
        assert_eq!(names, NAMES);
    }
}
