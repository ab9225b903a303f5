//! What the command line says of a job. Everything is optional: what is set wins over the file.

use std::path::PathBuf;

use super::{Job, Latency, OnEof, Record, RestartPolicy, Target, Verify};
use crate::{
    document::{Fault, TextOrMap},
    input::{Input, Take},
    ladder::{AudioOptions, Ladder, Profile},
    units::Seconds,
};

/// The flags of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--input`, several are merged: the first gives video and sound, the others sound.
    pub inputs: Option<Vec<String>>,
    /// `--name`.
    pub name: Option<String>,
    /// `--ladder`: names with commas between them.
    pub ladder: Option<String>,
    /// `--upscale`.
    pub upscale: Option<bool>,
    /// `--audio`.
    pub audio: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--latency`.
    pub latency: Option<String>,
    /// `--segment`.
    pub segment: Option<Seconds>,
    /// `--part`.
    pub part: Option<Seconds>,
    /// `--gop`.
    pub gop: Option<Seconds>,
    /// `--dvr`.
    pub dvr: Option<Seconds>,
    /// `--record`: name of the asset.
    pub record: Option<String>,
    /// `--on-eof`.
    pub on_eof: Option<String>,
    /// `--target`.
    pub targets: Option<Vec<String>>,
    /// `--restart`: the policy.
    pub restart: Option<String>,
    /// `--max-restarts`.
    pub max_restarts: Option<u32>,
    /// `--verify`.
    pub verify: Option<String>,
    /// `--base-port`.
    pub base_port: Option<u16>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
}

impl Overrides {
    /// Lays the flags over a job. Returns the pointers of what they set; names that are unknown
    /// become faults there.
    pub(super) fn apply(self, job: &mut Job, faults: &mut Vec<Fault>) -> Vec<String> {
        let mut sheet = Sheet {
            given: Vec::new(),
            faults,
        };
        let what = &mut job.what;
        let runtime = &mut job.runtime;
        sheet.set("/job/inputs", &mut what.inputs, self.inputs.map(inputs));
        sheet.set("/job/name", &mut what.name, self.name);
        let ladder = self.ladder.map(|text| {
            let Ok(ladder) = text.parse::<Ladder>();
            ladder
        });
        sheet.set("/job/ladder", &mut what.ladder, ladder);
        sheet.set("/job/upscale", &mut what.upscale, self.upscale);
        let audio = self.audio.map(|text| AudioOptions::of_text(&text));
        sheet.set("/job/audio", &mut what.audio, audio);
        let profile = sheet.named::<Profile>("/job/profile", self.profile);
        sheet.set("/job/profile", &mut what.profile, profile);
        let latency = sheet.named::<Latency>("/job/latency", self.latency);
        sheet.set("/job/latency", &mut what.latency, latency);
        sheet.set("/job/segment", &mut what.segment, self.segment.map(Some));
        sheet.set("/job/part", &mut what.part, self.part.map(Some));
        sheet.set("/job/gop", &mut what.gop, self.gop.map(Some));
        sheet.set("/job/dvr", &mut what.dvr, self.dvr);
        let record = self.record.map(|name| Some(Record::of_text(&name)));
        sheet.set("/job/record", &mut what.record, record);
        let on_eof = sheet.named::<OnEof>("/job/on_eof", self.on_eof);
        sheet.set("/job/on_eof", &mut what.on_eof, on_eof.map(Some));
        let targets = self
            .targets
            .map(|uris| uris.iter().map(|uri| Target::of_text(uri)).collect());
        sheet.set("/runtime/targets", &mut runtime.targets, targets);
        let policy = sheet.named::<RestartPolicy>("/runtime/restart/policy", self.restart);
        sheet.set(
            "/runtime/restart/policy",
            &mut runtime.restart.policy,
            policy,
        );
        sheet.set(
            "/runtime/restart/max_restarts",
            &mut runtime.restart.max_restarts,
            self.max_restarts,
        );
        let verify = sheet.named::<Verify>("/runtime/verify", self.verify);
        sheet.set("/runtime/verify", &mut runtime.verify, verify);
        sheet.set(
            "/runtime/base_port",
            &mut runtime.base_port,
            self.base_port.map(Some),
        );
        sheet.set(
            "/runtime/state_dir",
            &mut runtime.state_dir,
            self.state_dir.map(Some),
        );
        sheet.given
    }
}

fn inputs(uris: Vec<String>) -> Vec<Input> {
    let input = |(index, uri): (usize, &String)| Input {
        take: if index == 0 { Take::All } else { Take::Audio },
        ..Input::of_text(uri)
    };
    uris.iter().enumerate().map(input).collect()
}

/// Notes what was set.
struct Sheet<'a> {
    given: Vec<String>,
    faults: &'a mut Vec<Fault>,
}

impl Sheet<'_> {
    fn set<T>(&mut self, pointer: &str, place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
            // The file's own faults there do not matter any more.
            self.faults.retain(|fault| {
                self.given.contains(&fault.pointer) || !super::related(pointer, &fault.pointer)
            });
            self.given.push(pointer.to_owned());
        }
    }

    /// Reads one of the names of an enum as strictly as a file would be.
    fn named<T: serde::de::DeserializeOwned>(
        &mut self,
        pointer: &str,
        text: Option<String>,
    ) -> Option<T> {
        let text = text?;
        match crate::document::named(&text) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.given.push(pointer.to_owned());
                self.faults.push(fault.below(pointer));
                None
            }
        }
    }
}
