//! How far long jobs are: bars on a terminal, a line for each tenth elsewhere. Always on stderr.

use std::{collections::HashMap, sync::atomic::AtomicBool, thread, time::Duration};

use asset::Catalogue;
use indicatif::{ProgressBar, ProgressStyle};

use crate::term;

/// Shows any number of jobs by name.
#[derive(Default)]
pub(crate) struct Progress {
    jobs: HashMap<String, Shown>,
}

struct Shown {
    bar: Option<ProgressBar>,
    doing: String,
    tenths: u16,
}

impl Progress {
    /// Shows how far a job is, in thousandths when that is known.
    pub(crate) fn update(&mut self, name: &str, stage: &str, permille: Option<u16>) {
        let shown = self.jobs.entry(name.to_owned()).or_insert_with(|| Shown {
            bar: term::add_bar(|| new_bar(name)),
            doing: String::new(),
            tenths: 0,
        });
        if let Some(bar) = &shown.bar {
            bar.set_message(stage.to_owned());
            bar.set_position(permille.unwrap_or(0).into());
            return;
        }
        // The first word is what is done; what follows, such as a speed, changes all the time.
        let doing = stage.split(' ').next().unwrap_or_default();
        let tenths = permille.unwrap_or(0) / 100;
        if shown.doing == doing && shown.tenths >= tenths {
            return;
        }
        term::say(&match permille {
            Some(permille) => format!("{name}: {stage}, {} %", permille / 10),
            None => format!("{name}: {stage}"),
        });
        doing.clone_into(&mut shown.doing);
        shown.tenths = tenths;
    }

    /// Takes a job off and says how it ended.
    pub(crate) fn finish(&mut self, name: &str, outcome: &str) {
        if let Some(Shown { bar: Some(bar), .. }) = self.jobs.remove(name) {
            bar.finish_and_clear();
        }
        term::say(&format!("{name}: {outcome}"));
    }

    /// Shows the running import of a catalogue, and how those that were shown before have ended.
    pub(crate) fn show_imports(&mut self, catalogue: &Catalogue) {
        let imports = catalogue.importing();
        for import in &imports {
            if let Some(now) = &import.progress {
                self.update(&import.name, &now.stage, now.permille);
            }
        }
        let ended: Vec<String> = self
            .jobs
            .keys()
            .filter(|name| imports.iter().all(|import| import.name != **name))
            .cloned()
            .collect();
        for name in ended {
            let problems = catalogue.problems();
            let problem = problems.iter().find(|problem| problem.name == name);
            let outcome = problem.map_or("imported", |problem| &problem.reason);
            self.finish(&name, outcome);
        }
    }

    /// Runs the waiting imports of a catalogue and shows them. Blocks until none is left.
    pub(crate) fn follow_imports(&mut self, catalogue: &Catalogue) {
        thread::scope(|scope| {
            let importing = scope.spawn(|| catalogue.import_waiting(&AtomicBool::new(false)));
            while !importing.is_finished() {
                self.show_imports(catalogue);
                thread::sleep(Duration::from_millis(100));
            }
        });
        self.show_imports(catalogue);
    }
}

fn new_bar(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} % {msg} {eta}")
        .expect("a constant template")
        .progress_chars("=> ");
    let bar = ProgressBar::new(1000)
        .with_style(style)
        .with_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
