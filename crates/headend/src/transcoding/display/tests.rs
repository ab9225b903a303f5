use transcode::{
    job::{Request, StepReport},
    plan::Options,
    worker::{Progress, Unit},
};

use super::*;

fn step(step: Step, state: StepState) -> StepReport {
    StepReport {
        step,
        state,
        work_ms: 100,
        progress: None,
        attempts: 1,
        worker: None,
        bytes: (state == StepState::Done).then_some(1 << 20),
        setback: None,
    }
}

fn report() -> JobReport {
    let half = StepReport {
        progress: Some(Progress {
            unit: Unit::Frames,
            done: 50,
            total: Some(100),
            bytes: 1 << 20,
            speed_permille: Some(1500),
        }),
        ..step(Step::Chunk(1), StepState::Running)
    };
    JobReport {
        id: "film-1234".to_owned(),
        request: Request {
            input: "/media/film.mp4".to_owned(),
            to: "/films".to_owned(),
            name: None,
            priority: 0,
            options: Options::default(),
            key_file: None,
            checksum: None,
            early_publish: None,
        },
        name: "film".to_owned(),
        state: JobState::Encoding,
        submitted_ms: 0,
        permille: 437,
        speed_permille: Some(2310),
        left_ms: Some(753_000),
        duration_ms: Some(240_000),
        bytes: 312 << 20,
        damaged: 0,
        renditions: vec!["1280x720 H.264".to_owned(), "AAC 2 ch en".to_owned()],
        steps: vec![
            step(Step::Fetch, StepState::Done),
            step(Step::Plan, StepState::Done),
            step(Step::Chunk(0), StepState::Done),
            half,
            step(Step::Audio(0), StepState::Ready),
            step(Step::Package, StepState::Waiting),
            step(Step::Publish, StepState::Waiting),
        ],
        version: None,
        reason: None,
        failure: None,
    }
}

fn event(what: What) -> Event {
    Event {
        at_ms: 0,
        job: "film-1234".to_owned(),
        what,
    }
}

fn progress(report: JobReport) -> Event {
    event(What::Progress {
        report: Box::new(report),
    })
}

#[test]
fn a_line_says_all_that_matters() {
    assert_eq!(
        one_line(&report()),
        "encoding 43 %, 1 of 2 chunks, 2.31x, 312M, 12:33 left"
    );
    let waiting = JobReport {
        state: JobState::Planning,
        ..report()
    };
    assert_eq!(one_line(&waiting), "planning");
    assert_eq!(
        headline(&report()),
        "film, 4:00: 1280x720 H.264, AAC 2 ch en"
    );
}

#[test]
fn stages_sum_up_their_steps() {
    let report = report();
    let text = |stage| StageSum::of(&report, stage).map(|sum| sum.text(stage));
    let video = StageSum::of(&report, Stage::Video).unwrap();
    assert_eq!(video.permille, 750);
    assert_eq!(text(Stage::Fetch).unwrap(), "done  2.0M");
    assert_eq!(text(Stage::Video).unwrap(), "1 of 2 chunks  2.0M  1.50x");
    assert_eq!(text(Stage::Sound).unwrap(), "waiting");
    assert_eq!(text(Stage::Extras), None);
}

#[test]
fn lines_come_at_each_stage_and_each_tenth() {
    let mut lines = Lines::default();
    let mut said = Vec::new();
    for permille in (400..600).step_by(10) {
        let now = JobReport {
            permille,
            ..report()
        };
        said.extend(lines.line(&progress(now)));
    }
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("film: encoding 40 %"), "{said:?}");
    let over = JobReport {
        state: JobState::Done,
        ..report()
    };
    assert_eq!(lines.line(&progress(over)), None, "the result says that");
}

#[test]
fn what_goes_wrong_is_said_with_last_words() {
    let mut lines = Lines::default();
    let failed = What::SetAside {
        step: Step::Chunk(7),
        reason: "ffmpeg was ended by signal 11".to_owned(),
        stderr: vec!["one".to_owned(), "two".to_owned()],
    };
    assert_eq!(
        lines.line(&event(failed)).unwrap(),
        "film-1234: chunk-00007 failed: ffmpeg was ended by signal 11\n  one\n  two"
    );
    assert_eq!(lines.line(&event(What::Cancelled)), None);
}
