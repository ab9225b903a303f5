mod damage;
mod early;
mod growing;
mod protect;
mod surround;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use store::objects::Folder;

use super::*;
use crate::{
    commit::Step,
    engine::Embedded,
    events::{Event, What},
    fetch::{self, Limits},
    plan,
    testing::{ffmpeg, make},
};

/// A loaded machine gets there within this.
const PATIENCE: Duration = Duration::from_mins(3);

/// Jobs over a folder that is removed in the end.
struct Bench {
    folder: tempfile::TempDir,
    events: Arc<Mutex<Vec<Event>>>,
    hook: Arc<Mutex<Option<Hook>>>,
    jobs: Jobs,
}

/// Looks at something while an event is told.
type Hook = Box<dyn Fn(&Event) + Send>;

impl Bench {
    /// `attempts` is how often a download may break in a row.
    fn new(attempts: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: store::objects::Shared = Arc::new(Folder::new(folder.path().join("films")));
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let began = Instant::now();
        let clock: crate::engine::Clock =
            Arc::new(move || 1_790_000_000_000 + began.elapsed().as_millis() as i64);
        let sink = Arc::clone(&events);
        let hook: Arc<Mutex<Option<Hook>>> = Arc::default();
        let hooked = Arc::clone(&hook);
        let jobs = Jobs::start(Setup {
            engine: Arc::new(Embedded::open(None, Arc::clone(&clock)).unwrap()),
            work: Arc::clone(&store),
            prefix: ".headend".to_owned(),
            target: store,
            local: folder.path().join("local"),
            ffmpeg: ffmpeg(),
            fetch: fetch::Options {
                first_delay: Duration::from_millis(1),
                longest_delay: Duration::from_millis(5),
                attempts,
                limits: Limits {
                    free: 0,
                    ..Limits::default()
                },
                ..fetch::Options::default()
            },
            keys: fetch::Policy::open(),
            keeper: Keeper::Command,
            worker: "test".to_owned(),
            threads: Some(2),
            patience: PATIENCE,
            clock,
            sink: Arc::new(move |event| {
                sink.lock().unwrap().push(event.clone());
                if let Some(hook) = &*hooked.lock().unwrap() {
                    hook(event);
                }
            }),
        })
        .unwrap();
        Self {
            folder,
            events,
            hook,
            jobs,
        }
    }

    fn hook(&self, hook: impl Fn(&Event) + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Submits a job with one small rendition and chunks of six seconds.
    fn submit(&self, input: &str, name: &str) -> String {
        self.jobs.submit(request(input, name)).unwrap()
    }

    /// Makes a film of 30 s in the file `name`.
    fn film(&self, name: &str, look: &str, flags: &str) -> PathBuf {
        make(
            self.folder.path(),
            &format!(
                "-f lavfi -i testsrc2=size=320x180:rate=25,{look} -f lavfi -i sine=frequency=440 \
                 -t 30 -c:v libx264 -preset ultrafast -crf 12 -bf 2 -g 50 -c:a aac {flags} {name}"
            ),
        );
        self.path(name)
    }

    /// Does a job to its end; returns the folder of the version.
    fn publish(&self, request: Request) -> PathBuf {
        let id = self.jobs.submit(request).unwrap();
        let report = self.wait(&id, |report| report.state == JobState::Done);
        let (name, version) = (report.name, report.version.unwrap());
        self.path(&format!("films/{name}/{version}"))
    }
}

fn request(input: &str, name: &str) -> Request {
    let preset = serde_json::json!({
        "name": "tiny",
        "gop_ms": 1000,
        "segment_ms": 2000,
        "chunk_ms": 6000,
        "rungs": [{
            "name": "90p",
            "width": 160,
            "height": 90,
            "maxrate_bps": 600_000,
            "speed": "ultrafast",
        }],
    });
    Request {
        input: input.to_owned(),
        to: "films".to_owned(),
        name: Some(name.to_owned()),
        priority: 0,
        options: plan::Options {
            preset: serde_json::from_value(preset).unwrap(),
            ..plan::Options::default()
        },
        key_file: None,
        checksum: None,
        early_publish: None,
    }
}

impl Bench {
    /// Waits until something holds of a job; fails when it is over without that.
    fn wait(&self, id: &str, holds: impl Fn(&JobReport) -> bool) -> JobReport {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let report = self.jobs.get(id).unwrap();
            if holds(&report) {
                return report;
            }
            assert!(
                !report.state.is_final() && Instant::now() < deadline,
                "{report:#?}\n{:#?}",
                self.events.lock().unwrap()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Names the records of a job, without their keys.
    fn records(&self, id: &str) -> Vec<String> {
        let folder = self.path(&format!("films/.headend/jobs/{id}/steps"));
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| Some(name.rsplit_once('-')?.0.to_owned()))
            .collect();
        names.sort_unstable();
        names
    }

    /// Lists the steps in the order in which they were done.
    fn done(&self, id: &str) -> Vec<Step> {
        let events = self.events.lock().unwrap();
        let steps = events.iter().filter(|event| event.job == id);
        steps
            .filter_map(|event| match event.what {
                What::Done { step, .. } => Some(step),
                _ => None,
            })
            .collect()
    }

    /// Reads the media of the version that is shown, by name.
    fn media(&self, name: &str, version: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.path(&format!("films/{name}/{version}"));
        let mut media = BTreeMap::new();
        for track in fs::read_dir(&root).unwrap() {
            let track = track.unwrap().path();
            if !track.is_dir() {
                continue;
            }
            for file in fs::read_dir(&track).unwrap() {
                let file = file.unwrap().path();
                let is_media = file
                    .extension()
                    .is_some_and(|it| it == "m4s" || it == "mp4");
                if is_media {
                    let short = file.strip_prefix(&root).unwrap().display().to_string();
                    media.insert(short, fs::read(&file).unwrap());
                }
            }
        }
        assert!(!media.is_empty());
        media
    }
}
