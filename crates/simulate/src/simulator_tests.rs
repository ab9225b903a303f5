use super::*;
use crate::synthetic::{asset, track};

fn simulator(names: &[&str]) -> Simulator {
    let assets = names
        .iter()
        .map(|name| asset(name, vec![track("V", 90_000, &[180_000; 4])]))
        .collect();
    Simulator::new(Arc::new(Catalogue::of(assets)))
}

/// What a path means: asset, options and rest, or the refusal.
fn meaning(simulator: &Simulator, path: &str) -> Result<(String, Options, String), Refusal> {
    let first = simulator.resolve(path, None).map(|resolved| resolved.rest);
    let second = simulator.resolve(path, None).map(|resolved| resolved.rest);
    assert_eq!(first, second, "known and unknown agree on {path}");
    let folder = simulator.folder(path)?;
    let options = folder.channel.options().clone();
    Ok((folder.channel.asset_name().to_owned(), options, first?))
}

#[test]
fn options_and_asset_are_found() {
    let simulator = simulator(&["a", "a/b", "c d"]);
    for (path, name, rest) in [
        ("a/x.mpd", "a", "x.mpd"),
        ("a/b/x.mpd", "a/b", "x.mpd"),
        ("a/c/x.m4s", "a", "c/x.m4s"),
        ("tsbd_60/snr_0/a/b/V/1.m4s", "a/b", "V/1.m4s"),
        ("c d/master.m3u8", "c d", "master.m3u8"),
    ] {
        let (found, options, after) = meaning(&simulator, path).unwrap();
        assert_eq!((found.as_str(), after.as_str()), (name, rest), "{path}");
        assert_eq!(options, Options::default(), "{path}");
    }
    let (_, options, _) = meaning(&simulator, "tsbd_5/a/x.mpd").unwrap();
    assert_eq!(options.window, 5);
}

#[test]
fn assets_may_be_named_like_options() {
    let simulator = simulator(&["start_show", "snr_5", "dur_x/y", "plain"]);
    for (path, name, rest, start_number) in [
        ("start_show/x.mpd", "start_show", "x.mpd", Some(0)),
        ("snr_5/x.mpd", "snr_5", "x.mpd", Some(0)),
        ("snr_5/plain/x.mpd", "plain", "x.mpd", Some(5)),
        ("snr_7/snr_5/x.mpd", "snr_5", "x.mpd", Some(7)),
        ("snr_7/dur_x/y/x.mpd", "dur_x/y", "x.mpd", Some(7)),
        (
            "start_show/plain/x.mpd",
            "start_show",
            "plain/x.mpd",
            Some(0),
        ),
    ] {
        let (found, options, after) = meaning(&simulator, path).unwrap();
        assert_eq!((found.as_str(), after.as_str()), (name, rest), "{path}");
        assert_eq!(options.start_number, start_number, "{path}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let simulator = simulator(&["a", "testpic_2s"]);
    for (path, status, part) in [
        ("tsbd_x/a/x.mpd", 400, "`tsbd_x`"),
        ("periods_60/a/x.mpd", 400, "not supported yet"),
        ("tsbd_x/nosuch/x.mpd", 400, "`tsbd_x`"),
        ("tsdb_5/a/x.mpd", 404, "did you mean `tsbd_`?"),
        ("tsbd_5/nosuch/x.mpd", 404, "no asset `nosuch`."),
        ("testpik_2s/x.mpd", 404, "no asset `testpik_2s`."),
        ("nosuch", 404, "no asset `nosuch`."),
        ("a", 404, "`master.m3u8`, `manifest.mpd`, `Manifest.mpd`"),
        ("a/", 404, "ask for one of its manifests"),
        ("tsbd_5/a", 404, "ask for one of its manifests"),
        ("", 400, "No asset"),
        ("tsbd_5/", 400, "No asset"),
    ] {
        let refusal = meaning(&simulator, path).unwrap_err();
        let found = match &refusal {
            Refusal::Bad(_) => 400,
            Refusal::NotFound(_) => 404,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(found, status, "{path}: {refusal}");
        assert!(refusal.to_string().contains(part), "{path}: {refusal}");
    }
}

#[test]
fn the_test_clock_is_carried_on() {
    let simulator = simulator(&["a"]);
    for (query, now, carried) in [
        (None, None, ""),
        (Some("x=1"), None, ""),
        (Some("x=1&nowMS=100"), Some(100), "nowMS=100"),
        (Some("nowDate=1970-01-01T00:00:00Z"), Some(1), "nowMS=1"),
    ] {
        let resolved = simulator.resolve("a/x.mpd", query).unwrap();
        assert_eq!((resolved.now, resolved.test_query.as_str()), (now, carried));
    }
    assert!(matches!(
        simulator.resolve("a/x.mpd", Some("nowMS=-1")),
        Err(Refusal::Bad(_))
    ));
}

#[test]
fn channels_over_an_asset_share_it_and_the_memory_is_bounded() {
    let simulator = simulator(&["a"]);
    for window in 0..=FOLDERS_MAX {
        let path = format!("tsbd_{window}/a/V/1.m4s");
        assert!(simulator.resolve(&path, None).is_ok());
    }
    let known = simulator.known.load();
    assert_eq!(known.reels.len(), 1);
    assert!(known.folders.len() <= FOLDERS_MAX);
    let first = simulator.folder("a/V/1.m4s").unwrap();
    let again = simulator.folder("a/V/2.m4s").unwrap();
    assert!(Arc::ptr_eq(&first.channel, &again.channel));
}

#[test]
fn what_is_remembered_is_kept_while_the_catalogue_stands() {
    let simulator = simulator(&["a"]);
    let before = simulator.folder("a/V/1.m4s").unwrap();
    simulator.tidy();
    let after = simulator.folder("a/V/1.m4s").unwrap();
    assert!(Arc::ptr_eq(&before.channel, &after.channel));
}
