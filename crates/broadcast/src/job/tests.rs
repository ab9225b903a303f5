use super::*;
use crate::{
    ladder::{Profile, RungChoice},
    probe::{AudioStream, VideoStream},
    units::{Rate, Size},
};

fn environment(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("0123456789".to_owned()),
        _ => None,
    }
}

fn read_with(text: &str, overrides: Overrides) -> Result<Job, String> {
    let origin = Origin {
        file: Some(("job.yaml", text)),
        overrides,
        environment: Some(&environment),
    };
    load(origin).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

fn read(text: &str) -> Result<Job, String> {
    read_with(text, Overrides::default())
}

/// Everything that can be set, off its default.
const FULL: &str = r#"
$schema: headend-job.json
job:
  name: news.1
  inputs:
    - srt: { address: "0.0.0.0:9000", mode: listener, latency: 200, passphrase: "${KEY}" }
      expect: { size: 1920x1080, rate: 25, audio: 2 }
    - { uri: "udp://239.0.0.1:5000?timeout=2", take: audio, language: de-AT, wall_clock: true }
  ladder: [1080p, { name: 720p, bitrate: 2.5M, preset: veryfast, tune: film }, 240p]
  upscale: true
  audio: { tracks: first, layout: "5.1", missing: silence, bitrate: 192k, languages: [en, de] }
  profile: efficient
  latency: ultra
  segment: 2
  part: 0.5
  gop: 500ms
  dvr: 1h
  record: { name: shows/news, folder: /srv/assets }
  on_eof: finish
runtime:
  targets:
    - /srv/www/news
    - { uri: "https://up.example/${KEY}/", headers: { authorization: "Bearer ${KEY}" }, queue: 10, tries: 2, max_age: 30 }
  webhooks:
    - https://ops.example/
    - { url: "https://ops.example/${KEY}", secret: "${KEY}", events: [ended, restarting], tries: 1 }
  restart: { policy: always, delay: 1, max_delay: 30, factor: 3, jitter: 20%, max_restarts: 9, reset_after: 10 }
  on_fail: hold
  resources: { nice: 5, ionice: "best-effort:7", cpu_affinity: [0, 1], oom_score_adj: 100, cpu_limit: 150%, mem_limit: 1GiB, wait: 2, strict: true }
  threads: { mode: slice, count: 2 }
  probe: require
  probe_timeout: 5
  verify: require
  verify_timeout: 10
  stall: 3
  base_port: 20000
  state_dir: /var/lib/headend
"#;

#[test]
fn a_full_job_comes_back_from_what_it_writes() {
    let job = read(FULL).unwrap();
    assert_eq!(job.what.inputs.len(), 2);
    assert_eq!(job.what.timing().gop, Seconds::millis(500));
    assert_eq!(
        job.runtime.targets[1].headers["authorization"],
        "Bearer 0123456789"
    );
    let written = job.to_json().unwrap();
    let again = read(&written).unwrap();
    assert_eq!(again, job);
    assert_eq!(again.to_json().unwrap(), written);
    insta::assert_snapshot!(written);
}

#[test]
fn a_short_job_is_enough() {
    let job = read("job: { inputs: testsrc }").unwrap();
    assert_eq!(job.what.name, "live");
    let timing = job.what.timing();
    assert_eq!(
        (timing.segment, timing.gop),
        (Seconds::whole(2), Seconds::whole(1))
    );
    assert_eq!(timing.part, Some(Seconds::millis(334)));
    let json = read(r#"{"job": {"inputs": ["testsrc"]}}"#).unwrap();
    assert_eq!(json, job);
    let again = read(&job.to_json().unwrap()).unwrap();
    assert_eq!(again, job);
}

/// R32: unknown keys, wrong types and ranges, all at once.
#[test]
fn every_fault_is_told_at_once() {
    let text = r#"job:
  nam: news
  inputs:
    - srt: { address: "h:9000", latncy: 5, passphrase: "${NOBODY}" }
    - { uri: testsrc, udp: {} }
    - 5
  ladder: [480p, 1080p, { name: mine, bitrate: 0 }, 720q]
  audio: { layout: quad }
  profile: lowlatency
  segment: 2
  gop: 0.3
  dvr: never
runtime:
  restart: { delay: 5, max_delay: 1, jitter: 200% }
  resources: { nice: 50, ionice: real, mem_limit: 5 }
  targets: [ "s3://bucket/x" ]
  webhooks: { url: "ftp://h/", events: [endet], tries: 0, secret: "${NOBODY}" }
  probe: sometimes
  base_port: 70000
extra: 1
"#;
    insta::assert_snapshot!(read(text).unwrap_err());
}

#[test]
fn faults_of_a_json_file_have_lines_too() {
    let found =
        read("{\n \"job\": {\n  \"inputs\": \"testsrc\",\n  \"part\": 9\n }\n}").unwrap_err();
    assert_eq!(
        found,
        "job.yaml:4:3: /job/part: 9s is not between 0.1s and 5s\n\
         job.yaml:4:3: /job/part: 9s is longer than a segment, 2s"
    );
}

#[test]
fn broken_syntax_is_told_with_its_line() {
    let found = read("job:\n  inputs: [testsrc\n").unwrap_err();
    assert!(found.starts_with("job.yaml:"), "{found}");
}

#[test]
fn the_command_line_wins_over_the_file() {
    let flags = Overrides {
        inputs: Some(vec!["testsrc".to_owned(), "a.mp4".to_owned()]),
        name: Some("flag".to_owned()),
        ladder: Some("720p,480p".to_owned()),
        audio: Some("first".to_owned()),
        latency: Some("ultra".to_owned()),
        max_restarts: Some(3),
        targets: Some(vec!["/srv/out".to_owned()]),
        ..Overrides::default()
    };
    let text = "job: { name: file, inputs: [1, 2], dvr: 60, profile: efficient, latency: odd }";
    let job = read_with(text, flags).unwrap();
    assert_eq!(
        (job.what.name.as_str(), job.what.latency),
        ("flag", Latency::Ultra)
    );
    assert_eq!(job.what.dvr, Seconds::whole(60));
    assert_eq!(job.what.profile, Profile::Efficient);
    assert_eq!(job.what.ladder.0.len(), 2);
    assert!(matches!(&job.what.ladder.0[0], RungChoice::Named(name) if name == "720p"));
    assert_eq!(job.what.inputs[1].take, crate::input::Take::Audio);
    assert_eq!(job.runtime.restart.max_restarts, 3);
}

#[test]
fn faults_of_the_command_line_are_told_as_such() {
    let flags = Overrides {
        inputs: Some(vec!["srt://h:1?mod=listener".to_owned()]),
        ladder: Some("721p".to_owned()),
        profile: Some("fast".to_owned()),
        ..Overrides::default()
    };
    let errors = load(Origin {
        overrides: flags,
        ..Origin::default()
    })
    .unwrap_err();
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn without_an_environment_texts_stay_as_they_are() {
    let origin = Origin {
        file: Some(("job.yaml", FULL)),
        ..Origin::default()
    };
    let job = load(origin).unwrap();
    assert_eq!(job.runtime.targets[1].uri, "https://up.example/${KEY}/");
}

#[test]
fn variables_are_for_declared_texts_only() {
    let found = read("job: { name: '${KEY}', inputs: testsrc }").unwrap_err();
    assert!(
        found.contains("/job/name: `${KEY}` is not a name"),
        "{found}"
    );
}

#[test]
fn the_schema_names_every_key() {
    let schema = serde_json::to_value(schema()).unwrap();
    let text = schema.to_string();
    assert_eq!(schema["additionalProperties"], false);
    for key in ["$schema", "job", "runtime"] {
        assert!(schema["properties"].get(key).is_some(), "{key}");
    }
    for key in [
        "inputs",
        "ladder",
        "wall_clock",
        "fifo_size",
        "ionice",
        "max_restarts",
        "tune",
    ] {
        assert!(text.contains(&format!("\"{key}\"")), "{key}");
    }
}

fn summary(rate: &str) -> Summary {
    Summary {
        formats: Vec::new(),
        video: Some(VideoStream::plain(
            Size::new(1280, 720),
            rate.parse::<Rate>().unwrap(),
        )),
        audio: vec![AudioStream::plain(48_000, 2)],
    }
}

#[test]
fn a_part_target_that_does_not_suit_is_refused_or_moved() {
    let set = read("job: { inputs: testsrc, part: 0.2 }").unwrap();
    assert_eq!(
        set.plan(&summary("25")).unwrap().part,
        Some(Seconds::millis(200))
    );
    let problems = set.plan(&summary("24")).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "/job/part: parts of 0.2s cannot be cut from frames of 0.041666667s; the nearest that can \
         is 0.196s"
    );
    for (latency, rate, part) in [
        ("default", "24", 342),
        ("default", "25", 360),
        ("ultra", "24", 171),
        ("ultra", "25", 214),
    ] {
        let preset = read(&format!("job: {{ inputs: testsrc, latency: {latency} }}")).unwrap();
        let planned = preset.plan(&summary(rate)).unwrap();
        assert_eq!(
            planned.part,
            Some(Seconds::millis(part)),
            "{latency} {rate}"
        );
    }
    let plain = read("job: { inputs: testsrc, latency: standard }").unwrap();
    assert_eq!(plain.plan(&summary("24")).unwrap().part, None);
}

#[test]
fn problems_of_a_plan_point_into_the_job() {
    let job = read("job: { inputs: testsrc, ladder: audio }").unwrap();
    let mut silent = summary("25");
    silent.audio.clear();
    let problems = job.plan(&silent).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "input: there is neither video nor sound to send"
    );
}

#[test]
fn the_end_of_a_file_is_the_end_unless_it_is_looped() {
    let end = |text: &str| {
        let job = read(text).unwrap();
        let inputs = job.inputs().unwrap();
        let sources: Vec<Source> = inputs.into_iter().map(|(_, source)| source).collect();
        job.on_eof(&sources)
    };
    assert_eq!(
        end("job: { inputs: 'file:///a.mp4?loop=false' }"),
        OnEof::Finish
    );
    assert_eq!(end("job: { inputs: a.mp4 }"), OnEof::Restart);
    assert_eq!(end("job: { inputs: a.mp4, on_eof: finish }"), OnEof::Finish);
    assert_eq!(end("job: { inputs: 'rtmp://h/a/b' }"), OnEof::Restart);
}

#[test]
fn segments_that_are_set_keep_whole_gops() {
    let timing = |text: &str| read(text).unwrap().what.timing();
    assert_eq!(
        timing("job: { inputs: a, segment: 3 }").gop,
        Seconds::whole(1)
    );
    assert_eq!(
        timing("job: { inputs: a, segment: 1.5 }").gop,
        Seconds::millis(1500)
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_survived(text in "(job|runtime)?: ?[-a-z0-9{}\\[\\]:,. \n$\"]{0,60}") {
        let _ = read(&text);
    }
}
