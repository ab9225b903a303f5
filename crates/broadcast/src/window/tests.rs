use std::path::Path;

use media::{
    hls,
    isobmff::segment::{self, TrackDefaults},
    mpd,
    presentation::Liveness,
    supply::{Delivery, Edge, Refusal, Supplier, When},
    template::Key,
    time::{Round, Time},
};

use super::{
    testing::{Channel, settings},
    *,
};
use crate::packager::testing::EPOCH_MS;

const NOW: i64 = EPOCH_MS + 1_000_000;

fn shown(window: &Window) -> Presentation {
    window.presentation(0, NOW).expect("has media")
}

fn playlist(window: &Window, track: usize) -> String {
    hls::write::media(&shown(window), track, "")
}

fn count(text: &str, tag: &str) -> usize {
    let is_tag = |line: &&str| {
        let rest = line.strip_prefix(tag);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    text.lines().filter(is_tag).count()
}

fn depth() -> Time {
    Time::from_secs(30)
}

/// A channel whose encoder was killed once, and of which the second rung then lost two segments.
fn eventful() -> Channel {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(5200);
    channel.stop();
    channel.start(18_000);
    channel.run(2600);
    channel.run_only(&[0, 2], 7000);
    channel.run(8600);
    channel
}

#[test]
fn golden_playlist_over_a_restart() {
    insta::assert_snapshot!(playlist(&eventful().window, 0));
}

#[test]
fn an_outage_is_listed_as_lost_segments_that_fill_it() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(5200);
    channel.stop();
    let text = playlist(&channel.window, 0);
    assert_eq!(count(&text, "#EXT-X-PRELOAD-HINT"), 0, "{text}");
    let text = mpd::write::write(&shown(&channel.window), "http://h");
    assert!(
        text.contains("<Period id=\"P0\" start=\"PT10S\">"),
        "{text}"
    );
    let tracks = 0..3;
    let waits: Vec<_> = tracks
        .clone()
        .map(|track| channel.window.edge(0, track, NOW).expect("a track"))
        .collect();
    channel.start(24_125);
    // The first part shows all of it.
    channel.run(600);
    for track in tracks {
        let text = playlist(&channel.window, track);
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        let durations: Vec<f64> = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','))
            .map(|duration| duration.parse().expect("is a number"))
            .collect();
        let (before, lost) = durations.split_at(3);
        assert_eq!(lost.len(), count(&text, "#EXT-X-GAP"), "{text}");
        assert!(lost.iter().all(|duration| *duration <= 2.0), "{text}");
        let sum: f64 = before.iter().chain(lost).sum();
        assert!(
            (sum - 14.125).abs() < 1e-6,
            "{sum} s from 10 to 24.125: {text}"
        );
        assert!(text.contains("/8.part0.m4s\",INDEPENDENT=YES"), "{text}");
        let edge = channel.window.edge(0, track, NOW).expect("a track");
        assert!(edge > waits[track] && edge.segment == 8, "{edge:?}");
    }
    let lost = channel.window.part(0, 0, Key::Number(3), 0, NOW);
    assert!(matches!(lost, Err(Refusal::NotFound(_))), "{lost:?}");
}

#[test]
fn an_outage_longer_than_the_window_leaves_nothing_before_it() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(5200);
    channel.stop();
    channel.start(60_000);
    channel.run(700);
    let text = playlist(&channel.window, 0);
    assert_eq!(count(&text, "#EXT-X-GAP"), 0, "{text}");
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:26\n"), "{text}");
    assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{text}");
    // What was announced before can still be had.
    assert!(channel.window.segment(0, 0, Key::Number(1), NOW).is_ok());
}

#[test]
fn a_period_ends_where_all_tracks_have_media() {
    let ends = |until_ms: i64, tracks: &[usize], more_ms: i64| {
        let mut channel = Channel::new(depth());
        channel.start(10_000);
        channel.run(until_ms);
        channel.run_only(tracks, more_ms);
        channel.stop();
        let period = &shown(&channel.window).periods[0];
        period.duration.expect("has ended").ms(Round::Nearest)
    };
    // All have begun the last segment.
    assert_eq!(ends(5200, &[], 5200), 5200);
    // One has nothing of it, and ends in its last frame before.
    let before = ends(3900, &[0, 1], 4600);
    assert!((3850..=3999).contains(&before), "{before}");
    // All have ended a segment and not begun the next, which would begin at four seconds.
    assert_eq!(ends(4000, &[], 4000), 3999);
    // One has long been behind.
    assert_eq!(ends(3900, &[0, 1], 9900), 9900);
}

#[test]
fn golden_playlist_of_the_rung_with_a_gap() {
    insta::assert_snapshot!(playlist(&eventful().window, 1));
}

#[test]
fn golden_mpd_over_a_restart() {
    let text = mpd::write::write(&shown(&eventful().window), "http://h");
    insta::assert_snapshot!(text);
}

#[test]
fn golden_playlist_of_an_ended_channel() {
    let mut channel = eventful();
    channel.stop();
    channel.window.end();
    let text = playlist(&channel.window, 2);
    assert_eq!(count(&text, "#EXT-X-ENDLIST"), 1);
    assert_eq!(count(&text, "#EXT-X-PART"), 0);
    insta::assert_snapshot!(text);
    let Liveness::Static { duration } = shown(&channel.window).liveness else {
        panic!("is live");
    };
    let ms = duration.ms(Round::Up);
    assert!((16_600..16_625).contains(&ms), "{ms}");
}

#[test]
fn nothing_is_there_before_the_first_part() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(300);
    let refused = channel.window.presentation(0, NOW).expect_err("no part");
    assert!(matches!(refused, Refusal::TooEarly { .. }));
    channel.run(600);
    let text = playlist(&channel.window, 0);
    assert_eq!(count(&text, "#EXT-X-PART"), 1);
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:0"), "{text}");
}

#[test]
fn parts_together_are_the_segment() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(2900);
    let window = &channel.window;
    for track in 0..3 {
        let whole = window
            .segment(0, track, Key::Number(0), NOW)
            .expect("whole");
        let mut parts = Vec::new();
        for index in 0.. {
            match window.part(0, track, Key::Number(0), index, NOW) {
                Ok(part) => {
                    parts.extend(part.payload.slices.concat());
                    let more = window.part(0, track, Key::Number(0), index + 1, NOW);
                    assert_eq!(part.last, more.is_err());
                }
                Err(refused) => {
                    assert!(matches!(refused, Refusal::NotFound(_)));
                    break;
                }
            }
        }
        assert_eq!(whole.slices.concat(), parts);
        let growing = window.delivery(0, track, Key::Number(1), NOW);
        assert!(matches!(growing, Ok(Delivery::Growing { .. })));
        let early = window.segment(0, track, Key::Number(1), NOW);
        assert!(matches!(early, Err(Refusal::TooEarly { .. })));
        let early = window.delivery(0, track, Key::Number(2), NOW);
        assert!(matches!(early, Err(Refusal::TooEarly { .. })));
        let early = window.part(0, track, Key::Number(1), 9, NOW);
        assert!(matches!(early, Err(Refusal::TooEarly { .. })));
    }
    assert_eq!(
        window.edge(0, 0, NOW),
        Ok(Edge {
            segment: 1,
            parts: 1
        })
    );
}

#[test]
fn what_left_the_list_stays_for_as_long_again() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(100_100);
    let window = &channel.window;
    let text = playlist(window, 0);
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:35"), "{text}");
    assert_eq!(count(&text, "#EXTINF"), 15);
    for (number, there) in [(49, true), (35, true), (20, true), (18, false)] {
        let found = window.segment(0, 0, Key::Number(number), NOW);
        assert_eq!(found.is_ok(), there, "{number}");
    }
    let gone = window.segment(0, 2, Key::Number(3), NOW).expect_err("gone");
    assert!(matches!(gone, Refusal::Gone { .. }));
    let mpd = mpd::write::write(&shown(window), "");
    assert!(mpd.contains("startNumber=\"0\""), "{mpd}");
}

#[test]
fn counts_of_discontinuities_outlive_their_periods() {
    let mut channel = Channel::new(depth());
    for run in 0..30 {
        channel.start(10_000 + run * 4000);
        channel.run(3000);
        channel.stop();
        let text = playlist(&channel.window, 0);
        let sequence = text
            .lines()
            .find_map(|line| line.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:"))
            .map_or(0, |value| value.parse::<usize>().expect("is a number"));
        let listed = count(&text, "#EXT-X-DISCONTINUITY");
        assert_eq!(sequence + listed, run as usize, "{text}");
    }
    assert!(shown(&channel.window).periods[0].id != "P0");
    assert!(channel.window.lock().inits.len() == 3, "one init a track");
}

#[test]
fn the_mpd_is_published_anew_when_a_period_leaves_it() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(3000);
    channel.stop();
    channel.start(20_000);
    channel.run(1000);
    let look = |channel: &Channel| {
        let presentation = shown(&channel.window);
        let Liveness::Live(live) = presentation.liveness else {
            panic!("is live");
        };
        (presentation.periods[0].id.clone(), live.publish_time)
    };
    let mut before = look(&channel);
    let mut left = 0;
    for seconds in 2..60 {
        channel.run(seconds * 1000);
        let now = look(&channel);
        left += usize::from(now.0 != before.0);
        assert_eq!(now.0 != before.0, now.1 != before.1, "{before:?} {now:?}");
        before = now;
    }
    assert_eq!(left, 1);
}

#[test]
fn memory_that_is_full_costs_the_oldest_segments_and_no_more() {
    let mut small = settings(depth());
    small.memory_bytes = 40_000;
    let mut channel = Channel::on(Window::new(small), Resume::default());
    channel.start(10_000);
    channel.run(20_100);
    let gauge = channel.window.gauge();
    assert!(gauge.memory_bytes <= 40_000 && gauge.lost > 0, "{gauge:?}");
    let text = playlist(&channel.window, 0);
    assert!(count(&text, "#EXT-X-GAP") > 0, "{text}");
    assert_eq!(count(&text, "#EXTINF"), 10);
    assert!(channel.window.segment(0, 0, Key::Number(9), NOW).is_ok());
    let lost = channel.window.segment(0, 0, Key::Number(0), NOW);
    let lost = lost.expect("is listed").slices.concat();
    let samples = segment::samples(&lost, &TrackDefaults::default());
    assert_eq!(samples.expect("reads").len(), 0);
}

fn is_ready(future: &mut std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.as_mut().poll(&mut context).is_ready()
}

#[tokio::test]
async fn those_who_wait_are_woken_by_their_track_only() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(600);
    let window = Arc::clone(&channel.window);
    let edge = |parts| Edge { segment: 0, parts };
    assert!(matches!(window.when(0, 0, edge(1), NOW), When::Now));
    let waits: Vec<_> = [0, 2]
        .map(|track| match window.when(0, track, edge(2), NOW) {
            When::Change(change) => change,
            other => panic!("{other:?}"),
        })
        .into();
    let mut waits = waits.into_iter();
    let (mut video, mut audio) = (waits.next().expect("one"), waits.next().expect("two"));
    assert!(!is_ready(&mut video) && !is_ready(&mut audio));
    channel.run_only(&[0], 1100);
    assert!(is_ready(&mut video) && !is_ready(&mut audio));
    channel.stop();
    window.end();
    audio.await;
    let far = Edge {
        segment: 99,
        parts: 0,
    };
    assert!(matches!(window.when(0, 0, far, NOW), When::Never));
}

#[test]
fn a_change_between_asking_and_waiting_is_not_missed() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(600);
    let edge = Edge {
        segment: 0,
        parts: 2,
    };
    let When::Change(mut change) = channel.window.when(0, 0, edge, NOW) else {
        panic!("is there");
    };
    channel.run(1100);
    assert!(is_ready(&mut change));
}

fn is_there(path: &Path) -> bool {
    path.try_exists().expect("a folder that can be read")
}

/// Opens a window in a folder as a start of headend does.
fn open(folder: &Path, now: i64) -> (Channel, Keeper) {
    let state = State::load(folder).expect("reads");
    let (window, keeper, resume) =
        Window::open(settings(depth()), folder, state.as_ref(), now).expect("opens");
    (Channel::on(window, resume), keeper)
}

/// What is shown before the source is known is what the channel goes on from.
#[tokio::test]
async fn what_was_left_can_be_looked_at_before_it_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    channel.start(10_000);
    channel.run(9300);
    // Its stretch has no end in the state, as after a crash.
    channel.window.suspend();
    keeper.run(|_| {}).await;

    let now = EPOCH_MS + 30_000;
    let state = State::load(folder.path())
        .expect("reads")
        .expect("is there");
    let entries = |window: &Arc<Window>| -> Vec<String> {
        let text = playlist(window, 0);
        let listed = text.lines().filter(|line| {
            line.starts_with("#EXTINF") || line.starts_with("#EXT-X-GAP") || !line.starts_with('#')
        });
        listed.map(str::to_owned).collect()
    };
    let past = Window::look_back(settings(depth()), folder.path(), &state, now);
    let shown = entries(&past);
    // What may have been announced besides is listed as lost when something comes behind it.
    assert!(shown.iter().all(|line| line != "#EXT-X-GAP"), "{shown:?}");
    let files = || std::fs::read_dir(folder.path()).expect("folder").count();
    let before = files();
    let supplier: &dyn Supplier = &*past;
    let number = Key::Number(supplier.edge(0, 0, now).expect("an edge").segment - 1);
    assert!(supplier.segment(0, 0, number, now).is_ok(), "{number:?}");
    past.retire();
    assert!(matches!(
        past.when(
            0,
            0,
            Edge {
                segment: 1 << 40,
                parts: 0
            },
            now
        ),
        When::Never
    ));
    assert_eq!(files(), before);
    let (window, _keeper, _) =
        Window::open(settings(depth()), folder.path(), Some(&state), now).expect("opens");
    assert_eq!(entries(&window), shown);
}

#[tokio::test]
async fn a_restart_goes_on_with_one_discontinuity() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    channel.start(10_000);
    channel.run(7300);
    channel.stop();
    channel.window.suspend();
    keeper.run(|_| {}).await;
    let before = playlist(&channel.window, 0);
    let bytes = |channel: &Channel, number| {
        let found = channel.window.segment(0, 0, Key::Number(number), NOW);
        found.expect("is there").slices.concat()
    };
    let old = bytes(&channel, 2);

    let (mut channel, keeper) = open(folder.path(), EPOCH_MS + 20_000);
    assert_eq!(
        count(&before, "#EXTINF"),
        count(&playlist(&channel.window, 0), "#EXTINF")
    );
    assert_eq!(bytes(&channel, 2), old);
    let part = channel.window.part(0, 0, Key::Number(2), 1, NOW);
    assert!(!part.expect("is found").payload.is_empty());
    channel.start(20_000);
    channel.run(4100);
    let text = playlist(&channel.window, 0);
    assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
    assert_eq!(count(&text, "#EXT-X-GAP"), 2, "{text}");
    assert_eq!(count(&text, "#EXTINF"), 8, "{text}");
    assert!(text.contains("/7.m4s"), "{text}");
    let mpd = mpd::write::write(&shown(&channel.window), "");
    assert!(mpd.contains("<Period id=\"P1\" start=\"PT20S\""), "{mpd}");
    drop(keeper);
}

#[tokio::test]
async fn without_room_on_the_disk_segments_stay_in_memory() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    channel.start(10_000);
    channel.run(2100);
    channel.window.pause(true);
    channel.run(6300);
    channel.window.pause(false);
    channel.run(8300);
    channel.window.suspend();
    keeper.run(|_| {}).await;
    let gauge = channel.window.gauge();
    assert!(gauge.not_written > 0 && gauge.on_disk > 0, "{gauge:?}");
    assert_eq!(gauge.on_disk + gauge.not_written, gauge.segments);
    for number in 0..4 {
        let found = channel.window.segment(0, 0, Key::Number(number), NOW);
        assert!(found.is_ok(), "{number}");
    }
}

#[tokio::test]
async fn a_kill_of_headend_costs_what_was_not_noted_and_no_number() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    channel.start(10_000);
    channel.run(6300);
    channel.window.suspend();
    keeper.run(|_| {}).await;
    // This reaches players, but neither disk nor state: the disk is stuck.
    for track in ["t-v1", "t-v2", "t-a"] {
        std::fs::remove_file(folder.path().join(track).join("3.open")).expect("was begun");
    }
    channel.run(9900);
    let seen = playlist(&channel.window, 1);
    assert!(seen.contains("/4.part"), "{seen}");
    drop(channel);

    let (mut channel, _keeper) = open(folder.path(), EPOCH_MS + 22_000);
    channel.start(22_000);
    channel.run(2500);
    let text = playlist(&channel.window, 1);
    assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
    assert!(
        text.contains("/2.m4s") && count(&text, "#EXT-X-GAP") == 4,
        "{text}"
    );
    // The segment that players saw parts of is where it was, before the discontinuity.
    let (before, _) = text.split_once("#EXT-X-DISCONTINUITY\n").expect("one");
    assert!(before.contains("/4.m4s"), "{text}");
    let edge = channel.window.edge(0, 1, NOW).expect("a track");
    assert!(edge.segment > 5, "{edge:?}");
    let discontinuities = shown(&channel.window);
    assert_eq!(discontinuities.periods[1].discontinuity_sequence, 1);
}

#[tokio::test]
async fn a_kill_of_headend_costs_no_part_that_is_on_disk() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    channel.start(10_000);
    channel.run(7600);
    channel.window.suspend();
    keeper.run(|_| {}).await;
    let parts = |number: u64, count: u32| -> Vec<u8> {
        let part = |index| channel.window.part(0, 0, Key::Number(number), index, NOW);
        let bytes = (0..count).map(|index| part(index).expect("is there").payload.slices.concat());
        bytes.collect::<Vec<_>>().concat()
    };
    let shown = parts(3, 2);
    // Of the third part only a piece had been written.
    let open_file = folder.path().join("t-v1/3.open");
    let mut bytes = std::fs::read(&open_file).expect("is there");
    assert!(bytes.starts_with(&shown));
    assert!(bytes.len() > shown.len() + 50);
    bytes.truncate(shown.len() + 50);
    std::fs::write(&open_file, &bytes).expect("writes");
    drop(channel);

    let (mut channel, _keeper) = open(folder.path(), EPOCH_MS + 12_000 + 6_000);
    let found = channel.window.segment(0, 0, Key::Number(3), NOW);
    assert_eq!(found.expect("is there").slices.concat(), shown);
    channel.start(18_500);
    channel.run(2500);
    for track in 0..2 {
        let text = playlist(&channel.window, track);
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY"), 1, "{text}");
        // Nothing is lost before the discontinuity, and durations add up behind it.
        let (before, behind) = text.split_once("#EXT-X-DISCONTINUITY\n").expect("one");
        assert!(
            before.contains("/3.m4s") && !before.contains("#EXT-X-GAP"),
            "{text}"
        );
        assert_eq!(count(behind, "#EXT-X-GAP"), 1, "{text}");
        assert!(!is_there(&folder.path().join("t-v1/4.open")));
    }
}

#[tokio::test]
async fn a_segment_of_which_a_part_was_not_written_is_not_taken_for_all_of_it() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    channel.start(10_000);
    channel.run(4700);
    channel.window.pause(true);
    channel.run(5300);
    channel.window.pause(false);
    channel.run(5900);
    channel.window.suspend();
    keeper.run(|_| {}).await;
    assert!(!is_there(&folder.path().join("t-v1/2.open")));
    let whole = std::fs::read_dir(folder.path().join("t-v1")).expect("folder");
    assert_eq!(whole.count(), 3, "two segments and what they begin with");
}

#[tokio::test]
async fn old_segments_leave_memory_for_the_disk_and_the_disk_in_time() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut channel, keeper) = open(folder.path(), EPOCH_MS);
    let window = Arc::clone(&channel.window);
    let feed = async {
        channel.start(10_000);
        for second in 1..100 {
            channel.run(second * 1000);
            while window
                .lock()
                .jobs
                .as_ref()
                .is_some_and(|jobs| !jobs.is_empty())
            {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        window.suspend();
    };
    tokio::join!(feed, keeper.run(|_| {}));
    let gauge = window.gauge();
    assert!(gauge.on_disk >= gauge.segments - 3, "{gauge:?}");
    let in_memory = window.lock().reels[0]
        .segments
        .iter()
        .filter(|s| s.in_memory)
        .count();
    assert!(in_memory <= 6, "{in_memory}");
    let files = std::fs::read_dir(folder.path().join("t-v1"))
        .expect("folder")
        .count();
    assert!(files <= 36, "{files}");
    let part = window
        .part(0, 0, Key::Number(30), 2, NOW)
        .expect("from disk");
    assert!(!part.payload.is_empty() && !part.last);
}

#[test]
fn a_state_of_another_version_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    assert!(State::load(folder.path()).expect("none").is_none());
    let state = eventful().window.state();
    let mut json: serde_json::Value = serde_json::from_slice(&state.to_json()).expect("is JSON");
    assert_eq!(
        serde_json::from_value::<State>(json.clone()).expect("reads"),
        state
    );
    json["version"] = 99.into();
    std::fs::write(folder.path().join("state.json"), json.to_string()).expect("writes");
    let error = State::load(folder.path())
        .expect_err("is refused")
        .to_string();
    assert!(
        error.ends_with("state.json: has version 99, not 1"),
        "{error}"
    );
}

#[test]
fn followers_get_what_is_running_first_and_miss_only_segments() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(2500);
    let follower = channel.window.follow(2);
    channel.run(8500);
    channel.stop();
    channel.window.end();
    let mut kinds = String::new();
    while let Some(event) = follower.try_next() {
        kinds.push(match event {
            Event::Stretch(_) => 'S',
            Event::Init { .. } => 'i',
            Event::Segment { .. } => 's',
            Event::End { .. } => 'E',
            Event::Closed => 'C',
        });
    }
    assert_eq!(kinds, "SiiiEC");
    assert!(follower.refused() > 0 && follower.is_closed());
}

#[test]
fn who_wants_all_gets_what_there_is_and_presses() {
    let mut channel = Channel::new(depth());
    channel.start(10_000);
    channel.run(4500);
    let late = channel.window.follow(6);
    let whole = channel.window.follow_whole(6);
    assert!(channel.window.is_pressed());
    let mut numbers = vec![Vec::new(); 3];
    while let Some(event) = whole.try_next() {
        if let Event::Segment { track, media } = event {
            assert!(!media.slices.is_empty());
            numbers[track].push(media.number);
        }
    }
    assert_eq!(numbers, [[0, 1], [0, 1], [0, 1]]);
    assert!(!channel.window.is_pressed());
    channel.run(8500);
    assert!(late.is_half_full() && channel.window.is_pressed());
    drop(whole);
    assert!(!channel.window.is_pressed(), "nobody reads it");
}
