use super::*;
use crate::{
    plan::{Quality, Rate},
    testing,
};

/// Three chunks of two seconds, two renditions, a sound track.
fn plan() -> Plan {
    let quality = Quality::Capped {
        crf_tenths: 230,
        maxrate_bps: 4_000_000,
        bufsize_bits: 8_000_000,
    };
    let video = |id, size| testing::video(id, size, VideoCodec::H264, quality);
    let videos = vec![video("high", (1280, 720)), video("low", (640, 360))];
    let mut plan = testing::plan(Rate::new(25, 1).unwrap(), 150, 50, videos);
    plan.chunks = (0..3)
        .map(|index| crate::plan::Chunk {
            index,
            first_frame: u64::from(index) * 50,
            frames: 50,
        })
        .collect();
    plan.audios = vec![testing::audio(&plan, 1, 48_000)];
    plan.thumbnails = Some(crate::plan::Thumbnails {
        width: 160,
        height: 90,
        columns: 5,
        rows: 5,
        every: 50,
    });
    plan
}

fn names(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::to_string).collect()
}

/// Does whatever can be done, all at once, until nothing is left.
#[test]
fn every_step_runs_once_and_after_what_it_waits_for() {
    let plan = plan();
    let mut done = BTreeSet::new();
    let mut rounds = Vec::new();
    loop {
        let known = done.contains(&Step::Plan).then_some(&plan);
        let next = runnable(&done, known, &|_| false);
        if next.is_empty() {
            break;
        }
        rounds.push(names(&next));
        assert!(next.iter().all(|step| done.insert(*step)), "{rounds:?}");
    }
    let expected: [&[&str]; 6] = [
        &["fetch"],
        &["plan"],
        &["chunk-00000", "chunk-00001", "chunk-00002", "audio-0"],
        &["thumbnails"],
        &["package"],
        &["publish"],
    ];
    assert_eq!(rounds, expected);
    assert_eq!(done.len(), all(Some(&plan)).len());
}

#[test]
fn what_has_come_is_worked_on_before_the_rest_and_nothing_is_packaged() {
    let plan = plan();
    let mut done = BTreeSet::new();
    let opened = |step: Step| step == Step::Plan;
    assert_eq!(names(&runnable(&done, None, &|_| false)), ["fetch"]);
    assert_eq!(names(&runnable(&done, None, &opened)), ["fetch", "plan"]);
    done.insert(Step::Plan);
    assert_eq!(names(&runnable(&done, Some(&plan), &opened)), ["fetch"]);
    let second = |step: Step| matches!(step, Step::Chunk(0 | 1));
    let next = runnable(&done, Some(&plan), &second);
    assert_eq!(names(&next), ["fetch", "chunk-00000", "chunk-00001"]);
    done.extend(parts(&plan));
    // Whoever says that it may: not before all of it is there.
    let next = runnable(&done, Some(&plan), &|step| step != Step::Package);
    assert_eq!(names(&next), ["fetch"]);
}

#[test]
fn a_part_that_is_missing_again_is_all_that_runs() {
    let plan = plan();
    let mut done: BTreeSet<Step> = all(Some(&plan)).into_iter().collect();
    for step in [Step::Chunk(1), Step::Package, Step::Publish] {
        done.remove(&step);
    }
    assert_eq!(
        names(&runnable(&done, Some(&plan), &|_| false)),
        ["chunk-00001"]
    );
}

#[test]
fn chunks_go_in_order_with_sound_behind_the_first() {
    let plan = plan();
    let mut tasks: Vec<Task> = all(Some(&plan))
        .into_iter()
        .map(|step| task(step, Some(&plan)))
        .collect();
    tasks.sort_by_key(|task| task.position);
    let order: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(
        order[2..],
        [
            "chunk-00000",
            "audio-0",
            "chunk-00001",
            "chunk-00002",
            "thumbnails",
            "package",
            "publish"
        ]
    );
}

#[test]
fn a_chunk_is_more_work_than_anything_else_and_needs_the_most() {
    let plan = plan();
    let chunk = task(Step::Chunk(0), Some(&plan));
    for step in [Step::Audio(0), Step::Thumbnails, Step::Package] {
        let other = task(step, Some(&plan));
        assert!(other.size < chunk.size, "{step}");
        assert!(other.needs.memory < chunk.needs.memory, "{step}");
    }
    assert_eq!(chunk.needs.threads, 1);
    // Two seconds at the greatest rates, written twice.
    assert_eq!(chunk.needs.disk, 2 * 2 * (4_000_000 + 4_000_000) / 8);
    assert_eq!(duration_ms(&plan), 6000);
    assert_eq!(task(Step::Fetch, None).needs.threads, 0);
    // Sound has a place beside pictures, and a thread where there are none.
    let threads = |plan: &Plan| {
        let needs = task(Step::Audio(0), Some(plan)).needs;
        (needs.threads, needs.places)
    };
    assert_eq!(threads(&plan), (0, 1));
    let sound_only = Plan {
        chunks: Vec::new(),
        ..plan
    };
    assert_eq!(threads(&sound_only), (1, 0));
}
