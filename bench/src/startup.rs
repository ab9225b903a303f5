//! Start-up and memory with many assets: the first start reads all media, the second only the index.

use std::{fs, path::Path, time::Instant};

use harness::{
    clips::{self, Clip},
    launch::{self, Server},
};
use serde_json::json;

use crate::{Effort, machine, report::Report};

/// CPU seconds that a warm start with 1,000 assets may take.
const WARM_START_BOUND: f64 = 0.5;

/// Bytes by which memory may grow for a segment of a track.
const SEGMENT_BOUND: f64 = 64.0;

/// How often the clip is repeated in a long asset: an hour.
const LOOPS: u64 = 450;

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    start_up(effort.assets, report);
    memory(effort.memory_assets, report);
}

fn start_up(assets: usize, report: &mut Report) {
    let root = tempfile::tempdir().expect("temporary folder");
    let home = tempfile::tempdir().expect("temporary folder");
    link_many(&Clip::DashNumber.path(), root.path(), assets);
    let mut cpu = Vec::new();
    for start in ["cold", "warm"] {
        let begun = Instant::now();
        let server = serve(root.path(), home.path());
        let seconds = begun.elapsed().as_secs_f64();
        let used = machine::cpu_seconds(server.guard.pid());
        let resident = machine::memory(server.guard.pid(), "VmRSS");
        report.note(&format!(
            "{start} start, {assets} assets: {used:.2} s CPU, {seconds:.2} s until ready, {:.1} MB resident",
            resident as f64 / 1e6
        ));
        cpu.push(
            json!({"start": start, "cpu_seconds": used, "seconds": seconds, "resident": resident}),
        );
    }
    let warm = cpu[1]["cpu_seconds"].as_f64().expect("number");
    report.bounded(
        &format!("warm start with {assets} assets: CPU seconds"),
        warm,
        WARM_START_BOUND,
        json!(cpu),
    );
}

/// Compares assets of two lengths: what memory grows by is the index of the further segments.
fn memory(assets: usize, report: &mut Report) {
    let mut found = Vec::new();
    for loops in [1, LOOPS] {
        let source = tempfile::tempdir_in(launch::profile_folder()).expect("temporary folder");
        let clip = source.path().join("clip");
        clips::make_segment_base(&Clip::Plain.path(), &clip, loops);
        let segments = 2 * loops * clips::LOOP_SECONDS / 2 * assets as u64;
        let root = source.path().join("root");
        fs::create_dir(&root).expect("folder");
        link_many(&clip, &root, assets);
        let home = tempfile::tempdir().expect("temporary folder");
        // What the first start needed to read the media is not what the index needs.
        drop(serve(&root, home.path()));
        let server = serve(&root, home.path());
        let pid = server.guard.pid();
        found.push((
            segments,
            machine::memory(pid, "RssAnon"),
            machine::memory(pid, "VmRSS"),
        ));
    }
    let segments = (found[1].0 - found[0].0) as f64;
    let anonymous = (found[1].1 as f64 - found[0].1 as f64) / segments;
    let resident = (found[1].2 as f64 - found[0].2 as f64) / segments;
    report.note(&format!(
        "{assets} assets of {} s and of {} s: {:.1} and {:.1} MB resident",
        clips::LOOP_SECONDS,
        clips::LOOP_SECONDS * LOOPS,
        found[0].2 as f64 / 1e6,
        found[1].2 as f64 / 1e6
    ));
    report.bounded(
        "memory: resident bytes a segment and track",
        resident,
        SEGMENT_BOUND,
        json!({"anonymous": anonymous, "segments_and_resident": found}),
    );
}

fn serve(root: &Path, home: &Path) -> Server {
    launch::headend([
        "simulate".as_ref(),
        root.as_os_str(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ])
    .home(home)
    .start()
}

/// Makes `count` folders with links to the files of one.
fn link_many(from: &Path, to: &Path, count: usize) {
    let files: Vec<_> = fs::read_dir(from)
        .expect("folder of a clip")
        .map(|entry| entry.expect("entry").path())
        .collect();
    for number in 0..count {
        let folder = to.join(format!("asset-{number:04}"));
        fs::create_dir(&folder).expect("folder");
        for file in &files {
            let target = folder.join(file.file_name().expect("file name"));
            if fs::hard_link(file, &target).is_err() {
                // Another file system.
                fs::copy(file, &target).expect("file is copied");
            }
        }
    }
}
