use std::{fs, path::Path, sync::Arc};

use asset::{Asset, Catalogue, Options};
use media::{
    isobmff::segment::{self, TrackDefaults},
    presentation::Content,
    supply::Supplier,
    time::{Round, Time},
};

use super::*;
use crate::window::testing::Channel;

/// Loads what was recorded below a root as headend does.
fn load(root: &Path) -> Vec<Arc<Asset>> {
    let catalogue = Catalogue::open(Options {
        roots: vec![root.to_path_buf()],
        cache_dir: Some(root.with_file_name("cache")),
        importer: None,
    })
    .expect("opens");
    let problems = catalogue.problems();
    assert!(problems.is_empty(), "{problems:?}");
    catalogue.all().to_vec()
}

fn root(folder: &tempfile::TempDir) -> PathBuf {
    let root = folder.path().join("root");
    fs::create_dir_all(&root).expect("root");
    root
}

fn seconds(time: Time) -> i64 {
    time.ms(Round::Nearest)
}

/// Frames that an asset has, by track.
fn frames(asset: &Asset) -> Vec<(String, u64)> {
    let count = |track: &Arc<asset::model::TrackIndex>| {
        let counts = track.segments.iter().map(|segment| {
            let bytes = track.bytes(segment).expect("is there");
            let read = segment::read(&bytes, &TrackDefaults::default()).expect("reads");
            u64::from(read.sample_count)
        });
        (track.id.clone(), counts.sum())
    };
    asset.tracks.iter().map(count).collect()
}

/// Records a channel from its start to its end.
async fn record_all(root: &Path, run: impl FnOnce(&mut Channel)) -> (Channel, Vec<Recorded>) {
    let mut channel = Channel::new(Time::from_secs(60));
    let recording = Recording::new(channel.window.settings(), &root.join("show")).expect("begins");
    let events = channel.window.follow(QUEUE);
    run(&mut channel);
    channel.stop();
    channel.window.end();
    let recorded = record(recording, events).await.expect("records");
    (channel, recorded)
}

#[tokio::test]
async fn a_recording_is_an_asset_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    let (channel, recorded) = record_all(&root(&folder), |channel| {
        channel.start(10_000);
        channel.run(9500);
    })
    .await;
    let assets = load(&root(&folder));
    assert_eq!(assets.len(), 1);
    assert_eq!(assets[0].name, "show");
    assert_eq!(assets[0].warnings, [""; 0]);
    assert_eq!(recorded[0].duration, assets[0].duration);
    assert_eq!(seconds(assets[0].duration), 9500);
    let packaged = &channel.studio.packager.counters().tracks;
    let packaged: Vec<u64> = packaged.iter().map(|track| track.samples_out).collect();
    let found: Vec<u64> = frames(&assets[0]).into_iter().map(|(_, n)| n).collect();
    assert_eq!(found, packaged);
    assert_eq!(recorded[0].frames, frames(&assets[0]));
    let vod = asset::vod::Vod::new(Arc::clone(&assets[0]));
    let presentation = vod.presentation(0, 0).expect("presents");
    for track in 0..3 {
        let text = media::hls::write::media(&presentation, track, "");
        assert!(text.contains("#EXT-X-ENDLIST"), "{text}");
    }
}

#[tokio::test]
async fn runs_are_moved_together() {
    let folder = tempfile::tempdir().expect("folder");
    let (channel, recorded) = record_all(&root(&folder), |channel| {
        for (start, until) in [(10_000, 5300), (21_000, 3100), (60_000, 4000)] {
            channel.start(start);
            channel.run(until);
            channel.stop();
        }
    })
    .await;
    assert_eq!(recorded[0].stretches, 3);
    let assets = load(&root(&folder));
    let duration = seconds(assets[0].duration);
    assert!((12_400..12_500).contains(&duration), "{duration}");
    let packaged = &channel.studio.packager.counters().tracks;
    for (track, (_, found)) in packaged.iter().zip(frames(&assets[0])) {
        assert_eq!(track.samples_out, found);
    }
    let pictures = assets[0]
        .tracks
        .iter()
        .filter(|t| t.content == Content::Video);
    for track in pictures {
        assert_eq!(seconds(track.duration()), duration);
    }
}

#[tokio::test]
async fn lost_pictures_are_bridged_by_the_frame_before() {
    let folder = tempfile::tempdir().expect("folder");
    record_all(&root(&folder), |channel| {
        channel.start(10_000);
        channel.run(3000);
        channel.run_only(&[0, 2], 9000);
        channel.run(10_000);
        channel.run_only(&[0, 1], 14_000);
        channel.run(17_000);
        // One rung ends before the other.
        channel.run_only(&[0, 2], 17_400);
    })
    .await;
    let asset = load(&root(&folder)).remove(0);
    let durations: Vec<i64> = asset.tracks.iter().map(|t| seconds(t.duration())).collect();
    assert_eq!(durations[0], durations[1], "{durations:?}");
    assert!((durations[2] - durations[0]).abs() < 50, "{durations:?}");
}

#[tokio::test]
async fn who_joins_later_begins_with_the_next_segment() {
    let folder = tempfile::tempdir().expect("folder");
    let mut channel = Channel::new(Time::from_secs(60));
    channel.start(10_000);
    channel.run(2990);
    let events = channel.window.follow(QUEUE);
    let place = root(&folder).join("late");
    let recording = Recording::new(channel.window.settings(), &place).expect("begins");
    channel.run(8050);
    channel.stop();
    // Closed by who asked for the recording, while the channel goes on.
    events.close();
    let recorded = record(recording, events).await.expect("records");
    assert_eq!(seconds(recorded[0].duration), 6067);
    let asset = load(&root(&folder)).remove(0);
    assert_eq!(asset.warnings, [""; 0]);
    let audio = &asset.tracks[2].segments[0];
    assert!(audio.start < 1024, "{audio:?}");
}

#[test]
fn a_range_of_a_running_channel_is_cut_out() {
    let folder = tempfile::tempdir().expect("folder");
    let mut channel = Channel::new(Time::from_secs(60));
    channel.start(10_000);
    channel.run(11_000);
    channel.stop();
    channel.start(30_000);
    channel.run(9000);
    let place = root(&folder).join("clip");
    let recorded = cut(&channel.window, 15_000, 35_500, &place).expect("cuts");
    // Segments from 14 s to 21 s and from 30 s to 36 s.
    assert_eq!(seconds(recorded[0].duration) / 100, 130);
    assert_eq!(recorded[0].stretches, 2);
    let asset = load(&root(&folder)).remove(0);
    assert_eq!(asset.name, "clip");
    // A second cut does not touch the first.
    let again = cut(&channel.window, 0, 99_000, &place).expect("cuts");
    assert_eq!(again[0].folder, root(&folder).join("clip~2"));
    assert_eq!(load(&root(&folder)).len(), 2);
    let none = cut(&channel.window, 90_000, 99_000, &place).expect("cuts");
    assert!(none.is_empty());
    let left: Vec<_> = fs::read_dir(root(&folder))
        .expect("root")
        .flatten()
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn another_init_segment_begins_another_asset() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, recorded) = record_all(&root(&folder), |channel| {
        channel.start(10_000);
        channel.run(4000);
        channel.stop();
        channel.start(20_000);
        // The encoder comes back with another picture size.
        let mut other = crate::packager::testing::AVC_INIT.to_vec();
        let at = other
            .windows(4)
            .position(|four| four == b"avc1")
            .expect("is there");
        other[at + 29] ^= 0x10;
        channel
            .studio
            .push(0, &other, crate::packager::testing::EPOCH_MS + 20_000);
        channel.run(4000);
    })
    .await;
    let names: Vec<_> = recorded.iter().map(|one| one.folder.file_name()).collect();
    assert_eq!(names, [Some("show".as_ref()), Some("show~2".as_ref())]);
    assert_eq!(load(&root(&folder)).len(), 2);
}

#[test]
fn a_recording_that_was_killed_is_finished_by_the_next() {
    let folder = tempfile::tempdir().expect("folder");
    let place = root(&folder).join("show");
    let mut channel = Channel::new(Time::from_secs(60));
    let events = channel.window.follow(QUEUE);
    let mut recording = Recording::new(channel.window.settings(), &place).expect("begins");
    channel.start(10_000);
    channel.run(11_000);
    while let Some(event) = events.try_next() {
        recording.take(event).expect("records");
    }
    drop(recording);
    assert!(load(&root(&folder)).is_empty());
    // One track was ahead, another had just begun to write.
    let hidden = root(&folder).join(".show.recording");
    fs::remove_file(hidden.join("v1/4.m4s")).expect("is there");
    let half = fs::read(hidden.join("a/4.m4s")).expect("is there");
    fs::write(hidden.join("a/4.m4s"), &half[..half.len() / 2]).expect("writes");

    let recording = Recording::new(channel.window.settings(), &place).expect("begins");
    let asset = load(&root(&folder)).remove(0);
    assert_eq!(
        (asset.name.as_str(), seconds(asset.duration)),
        ("show", 6000)
    );
    assert_eq!(frames(&asset)[0].1, 180);
    assert!(recording.finish().expect("finishes").is_empty());
    assert_eq!(load(&root(&folder)).len(), 1);
}

#[test]
fn ids_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let mut settings = crate::window::testing::settings(Time::from_secs(60));
    for id in ["../x", "a//b", ".hidden", ""] {
        id.clone_into(&mut settings.sets[0].tracks[0].id);
        let refused = Recording::new(&settings, &folder.path().join("x"));
        assert!(matches!(refused, Err(Error::Name(_))), "{id}");
    }
}

#[tokio::test]
async fn a_disk_that_fails_ends_the_recording_and_nothing_else() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("writes");
    let mut channel = Channel::new(Time::from_secs(60));
    let recording = Recording::new(channel.window.settings(), &file.join("x"));
    assert!(recording.is_err());
    let events = channel.window.follow(1);
    channel.start(10_000);
    channel.run(9000);
    assert!(events.refused() > 0);
    assert!(channel.window.gauge().segments > 10);
}
