//! What is wrong with a channel at the moment besides its encoder, whose state tells the rest: drawn
//! from the events that begin and end it.

use std::collections::BTreeMap;

use super::What;

/// The alarms that are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarms {
    /// By what they are about, so that one takes the place of the one before.
    on: BTreeMap<(Kind, String), String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// What is made is not what was planned.
    Output,
    /// A publishing target.
    Upload,
    /// Room on a disk.
    Space,
    /// Files that cannot be written.
    Writing,
}

impl Alarms {
    /// Takes note of an event.
    pub fn note(&mut self, what: &What) {
        match what {
            What::Verified { faults } if faults.is_empty() => self.clear(Kind::Output, ""),
            What::Verified { faults } => self.raise(Kind::Output, "output", &faults.join("; ")),
            What::UploadFailing { target, text } => self.raise(Kind::Upload, target, text),
            What::UploadRecovered { target } => self.clear(Kind::Upload, target),
            What::DiskLow { path, free_bytes } => {
                let left = free_bytes >> 20;
                let text = format!("only {left} MiB left on its disk");
                self.raise(Kind::Space, path, &text);
            }
            What::DiskRecovered { path, .. } => self.clear(Kind::Space, path),
            What::WriteFailing { path, text } => self.raise(Kind::Writing, path, text),
            What::WriteRecovered { path } => self.clear(Kind::Writing, path),
            _ => {}
        }
    }

    /// Returns them as sentences that begin with what they are about.
    pub fn texts(&self) -> Vec<String> {
        self.on.values().cloned().collect()
    }

    fn raise(&mut self, kind: Kind, about: &str, text: &str) {
        self.on
            .insert((kind, about.to_owned()), format!("{about}: {text}"));
    }

    fn clear(&mut self, kind: Kind, about: &str) {
        self.on.remove(&(kind, about.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_ends_by_its_own_event() {
        let mut alarms = Alarms::default();
        let low = What::DiskLow {
            path: "/srv".to_owned(),
            free_bytes: 1 << 20,
        };
        let failing = |text: &str| What::WriteFailing {
            path: "/srv".to_owned(),
            text: text.to_owned(),
        };
        for what in [&low, &failing("slow"), &failing("full"), &What::Recovered] {
            alarms.note(what);
        }
        assert_eq!(
            alarms.texts(),
            ["/srv: only 1 MiB left on its disk", "/srv: full"]
        );
        alarms.note(&What::WriteRecovered {
            path: "/srv".to_owned(),
        });
        assert_eq!(alarms.texts().len(), 1);
        alarms.note(&What::UploadRecovered {
            target: "/srv".to_owned(),
        });
        alarms.note(&What::DiskRecovered {
            path: "/srv".to_owned(),
            free_bytes: 1 << 30,
        });
        assert_eq!(alarms, Alarms::default());
    }
}
