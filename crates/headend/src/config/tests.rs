use super::*;

fn parsed(text: &str) -> Overlay {
    yaml::parse("test.yaml", Path::new(""), text).unwrap()
}

fn faults(text: &str) -> String {
    yaml::parse("test.yaml", Path::new(""), text)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_later_source_wins_and_leaves_the_rest() {
    let file = parsed(
        "listen: 0.0.0.0:9000\nlog: debug\nlimits: { connections: 5, header_bytes: 4096 }\n",
    );
    let flags = Overlay {
        listen: Some("127.0.0.1:1".parse().unwrap()),
        limits: LimitsOverlay {
            connections: std::num::NonZeroU32::new(7),
            ..LimitsOverlay::default()
        },
        ..Overlay::default()
    };
    let mut settings = Settings::default();
    settings.apply(file);
    settings.apply(flags);
    assert_eq!(settings.listen.to_string(), "127.0.0.1:1");
    assert_eq!(settings.log, "debug");
    assert_eq!(settings.limits.connections, 7);
    assert_eq!(settings.limits.header_bytes, 4096);
    assert_eq!(
        settings.limits.header_seconds,
        Limits::default().header_seconds
    );
}

#[test]
fn nothing_set_is_the_default() {
    for text in ["", "# nothing\n", "{}"] {
        let mut settings = Settings::default();
        settings.apply(parsed(text));
        assert_eq!(settings, Settings::default(), "{text:?}");
    }
}

#[test]
fn the_address_may_be_given_as_voyandz_does() {
    let mut settings = Settings::default();
    settings.apply(parsed("listenaddr: \"::1\"\nlistenport: 8090\n"));
    assert_eq!(settings.listen.to_string(), "[::1]:8090");
}

#[test]
fn json_is_read_too() {
    assert_eq!(parsed(r#"{"assets": ["a", "b"]}"#).assets.unwrap().len(), 2);
}

#[test]
fn every_fault_is_named_with_its_place() {
    let text =
        "listen: 8080\nlogg: info\nlimits:\n  connections: 0\n  header_bytes: many\nassets: here\n";
    insta::assert_snapshot!(faults(text));
}

#[test]
fn broken_yaml_is_named_with_its_line() {
    let text = faults("listen: [\nlog: info\n");
    assert!(text.starts_with("test.yaml:"), "{text}");
}

#[test]
fn paths_start_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headend.yaml");
    std::fs::write(
        &file,
        "assets: [films, /srv/tv, 's3://tv/vod']\ncache_dir: cache\n",
    )
    .unwrap();
    let settings = Settings::load(Some(&file), Overlay::default()).unwrap();
    assert_eq!(
        settings.assets,
        [
            Root::Path(folder.path().join("films")),
            Root::Path("/srv/tv".into()),
            Root::try_from("s3://tv/vod".to_owned()).unwrap(),
        ]
    );
    assert_eq!(settings.cache_dir, folder.path().join("cache"));
}

/// Two channels, one of them with everything that can be short.
const CHANNELS: &str = "
channels:
  news:
    job: { inputs: 'srt://127.0.0.1:9000?mode=listener&passphrase=${SRT_KEY}', ladder: [720p, 360p] }
  sport:
    job:
      inputs: testsrc
      latency: ultra
    runtime: { restart: { max_restarts: 3 } }
";

#[test]
fn channels_are_jobs_with_the_name_of_their_key() {
    let mut settings = Settings::default();
    settings.apply(parsed(CHANNELS));
    let names: Vec<&str> = settings
        .channels
        .values()
        .map(|job| job.what.name.as_str())
        .collect();
    assert_eq!(names, ["news", "sport"]);
    assert_eq!(settings.channels["sport"].runtime.restart.max_restarts, 3);
    // Secrets come in only when a channel is started.
    assert!(to_yaml(&settings).unwrap().contains("${SRT_KEY}"));
    let key = |name: &str| (name == "SRT_KEY").then(|| "0123456789".to_owned());
    let jobs = channels::expand(&settings.channels, &key).unwrap();
    assert!(jobs[0].to_json().unwrap().contains("0123456789"));
    let missing = channels::expand(&settings.channels, &|_| None).unwrap_err();
    assert_eq!(missing[0].key, "channels.news.job.inputs.0.uri");
    assert!(missing[0].reason.contains("SRT_KEY"), "{missing:?}");
}

#[test]
fn every_fault_of_every_channel_is_named_with_its_place() {
    let text = "
limits: 1
channels:
  news:
    job:
      inputs: gopher://x
      latency: low
    runtime:
      stall: 0
  sport:
    jop: {}
  a b:
    job: { inputs: testsrc, dvr: 1 }
  empty:
";
    insta::assert_snapshot!(faults(text));
    // What is wrong elsewhere does not hide it, nor the other way round.
    assert_eq!(
        faults(text).lines().count(),
        faults(&text.replace("limits: 1\n", "")).lines().count() + 1
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = Settings::load(Some(Path::new("/nonexistent/h.yaml")), Overlay::default());
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("/nonexistent/h.yaml: cannot be read")
    );
}

#[test]
fn what_is_shown_can_be_read_again() {
    let settings = Settings {
        assets: vec![
            Root::Path("/srv/tv".into()),
            Root::try_from("s3://tv/vod".to_owned()).unwrap(),
        ],
        channels: parsed(CHANNELS).jobs.unwrap(),
        ..Settings::default()
    };
    let mut again = Settings::default();
    again.apply(parsed(&to_yaml(&settings).unwrap()));
    assert_eq!(again, settings);
}

#[test]
fn the_schema_names_every_key() {
    let schema = serde_json::to_value(schema()).unwrap();
    let keys: Vec<&str> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for key in [
        "api_token",
        "assets",
        "cache_dir",
        "channels",
        "limits",
        "listen",
        "listenaddr",
        "listenport",
        "log",
        "log_format",
        "state_dir",
    ] {
        assert!(keys.contains(&key), "{key} is missing from {keys:?}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn there_are_as_many_connections_as_there_can_be() {
    for (open_files, has_assets, connections) in [
        (None, true, 10_000),
        (Some(1 << 20), true, 10_000),
        (Some(20_000), true, 7500),
        (Some(20_000), false, 10_000),
        (Some(4096), false, 3584),
        (Some(1024), false, 896),
        (Some(1024), true, 384),
        (Some(200), false, 150),
        (Some(1), true, 1),
    ] {
        let mut limits = Limits::default();
        let is_less = limits.fit(open_files, has_assets);
        assert_eq!(limits.connections, connections, "{open_files:?}");
        assert_eq!(is_less, connections < 10_000);
    }
}
