//! Blocking playlist reload: the rules of delivery directives, each with a test named after it.

use crate::low::{Channel, PART_MS, Scene, last_part};

const PLAYLIST: &str = "V/playlist.m3u8";

fn playlist(directives: &str) -> String {
    format!("{PLAYLIST}?{directives}")
}

#[tokio::test(start_paused = true)]
async fn without_directives_the_list_comes_at_once() {
    let scene = Scene::new(Channel::by_hand());
    let answer = scene.get(PLAYLIST).await;
    assert_eq!(answer.status, 200);
    assert_eq!(last_part(&answer.body), (49, 3));
    assert_eq!(scene.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_has_just_begun_is_waited_for_until_players_can_begin() {
    for (path, parts) in [
        ("Manifest.mpd", 1),
        ("Manifest.m3u8", 12),
        (PLAYLIST, 12),
        ("A/playlist.m3u8?_HLS_msn=50&_HLS_part=1", 12),
    ] {
        let scene = Scene::new(Channel::beginning());
        let answer = scene.get_while_making(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(scene.elapsed() / PART_MS, parts, "{path}");
        assert_eq!(scene.room.waiting(), 0);
    }
    let scene = Scene::new(Channel::beginning());
    let answer = scene.get(PLAYLIST).await;
    assert_eq!((answer.status, scene.elapsed()), (503, 9000));
}

/// The channel stands at the beginning of segment 50.
#[tokio::test(start_paused = true)]
async fn d1_a_reload_waits_until_the_list_has_what_is_asked_for() {
    for (directives, parts, last) in [
        ("_HLS_msn=50&_HLS_part=0", 1, (50, 0)),
        ("_HLS_msn=50&_HLS_part=2", 3, (50, 2)),
        ("_HLS_msn=50", 4, (50, 3)),
        ("_HLS_msn=51&_HLS_part=1", 6, (51, 1)),
        ("_HLS_msn=51", 8, (51, 3)),
    ] {
        for channel in [Channel::by_hand(), Channel::computed()] {
            let scene = Scene::new(channel);
            let answer = scene.get_while_making(&playlist(directives)).await;
            assert_eq!(answer.status, 200, "{directives}");
            assert_eq!(last_part(&answer.body), last, "{directives}");
            assert_eq!(scene.elapsed() / PART_MS, parts, "{directives}");
            assert_eq!(scene.room.waiting(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d1_a_part_behind_the_last_means_the_first_of_the_next_segment() {
    for (directives, parts, last) in [
        // Segment 49 has parts 0 to 3 and is whole.
        ("_HLS_msn=49&_HLS_part=3", 0, (49, 3)),
        ("_HLS_msn=49&_HLS_part=4", 1, (50, 0)),
        // That segment 50 will have four parts is not known yet.
        ("_HLS_msn=50&_HLS_part=5", 5, (51, 0)),
    ] {
        let scene = Scene::new(Channel::by_hand());
        let answer = scene.get_while_making(&playlist(directives)).await;
        assert_eq!(last_part(&answer.body), last, "{directives}");
        assert_eq!(scene.elapsed() / PART_MS, parts, "{directives}");
    }
}

#[tokio::test(start_paused = true)]
async fn d1_playlists_without_parts_wait_for_whole_segments() {
    let scene = Scene::new(Channel::by_hand());
    let target = "T/playlist.m3u8?_HLS_msn=50&_HLS_part=1";
    let answer = scene.get_while_making(target).await;
    assert!(answer.body.contains("../T/50.m4s\n"), "{}", answer.body);
    assert_eq!(scene.elapsed() / PART_MS, 4);
}

#[tokio::test(start_paused = true)]
async fn d2_a_part_without_a_segment_and_what_is_no_number_are_400() {
    let scene = Scene::new(Channel::by_hand());
    for directives in [
        "_HLS_part=1",
        "_HLS_msn=x",
        "_HLS_msn=50&_HLS_part=-1",
        "_HLS_msn=",
    ] {
        let answer = scene.get(&playlist(directives)).await;
        assert_eq!(answer.status, 400, "{directives}");
        assert_eq!(answer.header("cache-control"), "public, max-age=8");
    }
    assert_eq!(scene.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn d3_what_is_too_far_ahead_is_400() {
    for (made, directives, status) in [
        // The last segment is 49.
        (0, "_HLS_msn=51", 200),
        (0, "_HLS_msn=52", 400),
        (0, "_HLS_msn=18446744073709551615", 400),
        // Six parts of half a second make three seconds; the last one is number -1 of segment 50.
        (0, "_HLS_msn=50&_HLS_part=5", 200),
        (0, "_HLS_msn=50&_HLS_part=6", 400),
        (2, "_HLS_msn=50&_HLS_part=7", 200),
        (2, "_HLS_msn=50&_HLS_part=8", 400),
        (0, "_HLS_msn=51&_HLS_part=5", 200),
        (0, "_HLS_msn=51&_HLS_part=6", 400),
        (0, "_HLS_msn=51&_HLS_part=18446744073709551615", 400),
        (0, "_HLS_msn=48&_HLS_part=99", 200),
    ] {
        let scene = Scene::new(Channel::by_hand());
        for _ in 0..made {
            scene.channel.make();
        }
        let answer = scene.get_while_making(&playlist(directives)).await;
        assert_eq!(answer.status, status, "{directives}: {}", answer.body);
        if status == 400 {
            assert_eq!(scene.elapsed(), 0, "{directives}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d4_waiting_ends_after_three_target_durations() {
    let scene = Scene::new(Channel::by_hand());
    let answer = scene.get(&playlist("_HLS_msn=50&_HLS_part=0")).await;
    assert_eq!((answer.status, scene.elapsed()), (503, 6000));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(scene.room.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn d4_changes_that_are_not_enough_do_not_prolong_the_wait() {
    let scene = Scene::new(Channel::by_hand());
    let slow = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(4)).await;
            scene.channel.make();
        }
    };
    let target = playlist("_HLS_msn=50&_HLS_part=3");
    let answer = tokio::select! {
        answer = scene.get(&target) => answer,
        () = slow => unreachable!("it is made for ever"),
    };
    assert_eq!((answer.status, scene.elapsed()), (503, 6000));
}

#[tokio::test(start_paused = true)]
async fn d4_directives_of_an_ended_playlist_mean_nothing() {
    let scene = Scene::new(Channel::by_hand());
    scene.channel.end();
    for directives in ["_HLS_msn=99&_HLS_part=0", "_HLS_part=1", "_HLS_skip=YES"] {
        let answer = scene.get(&playlist(directives)).await;
        assert_eq!(answer.status, 200, "{directives}");
        assert!(answer.body.ends_with("#EXT-X-ENDLIST\n"));
        assert!(!answer.body.contains("EXT-X-SKIP"));
    }
    assert_eq!(scene.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn d4_who_waits_gets_the_end() {
    let scene = Scene::new(Channel::by_hand());
    let target = playlist("_HLS_msn=50");
    let end = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        scene.channel.end();
    };
    let (answer, ()) = tokio::join!(scene.get(&target), end);
    assert_eq!((answer.status, scene.elapsed()), (200, 1000));
    assert!(answer.body.ends_with("#EXT-X-ENDLIST\n"));
}

#[tokio::test(start_paused = true)]
async fn d5_old_numbers_get_the_current_list_at_once() {
    let scene = Scene::new(Channel::by_hand());
    let current = scene.get(PLAYLIST).await.body;
    for directives in ["_HLS_msn=0", "_HLS_msn=48&_HLS_part=2", "_HLS_msn=49"] {
        let answer = scene.get(&playlist(directives)).await;
        assert_eq!(
            (answer.status, &answer.body),
            (200, &current),
            "{directives}"
        );
    }
    assert_eq!(scene.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn d6_a_delta_update_can_be_waited_for() {
    let scene = Scene::new(Channel::by_hand());
    let target = playlist("_HLS_msn=50&_HLS_part=1&_HLS_skip=YES");
    let answer = scene.get_while_making(&target).await;
    assert_eq!(last_part(&answer.body), (50, 1));
    assert!(
        answer.body.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=6\n"),
        "{}",
        answer.body
    );
    let answer = scene.get(&playlist("_HLS_skip=v2")).await;
    assert!(answer.body.contains("#EXT-X-SKIP:"));
    let answer = scene.get(&playlist("_HLS_skip=maybe")).await;
    assert!(!answer.body.contains("#EXT-X-SKIP:"));
}

#[tokio::test(start_paused = true)]
async fn d7_unknown_keys_change_nothing() {
    let scene = Scene::new(Channel::by_hand());
    let plain = scene.get(PLAYLIST).await;
    for directives in ["_HLS_push=1", "_HLS_msm=99", "x=_HLS_msn", "a&b=c&_HLS_"] {
        let answer = scene.get(&playlist(directives)).await;
        assert_eq!(answer.body, plain.body, "{directives}");
        assert_eq!(answer.header("etag"), plain.header("etag"));
    }
    assert_eq!(scene.get("master.m3u8?_HLS_msn=x").await.status, 200);
    assert_eq!(scene.get("manifest.mpd?_HLS_part=1").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn h2_caches_keep_what_was_waited_for_and_little_else() {
    let scene = Scene::new(Channel::by_hand());
    for (target, cache_control) in [
        (PLAYLIST.to_owned(), "public, max-age=1"),
        (playlist("_HLS_skip=YES"), "public, max-age=1"),
        (playlist("_HLS_msn=50&_HLS_part=0"), "public, max-age=12"),
        (playlist("_HLS_msn=49"), "public, max-age=12"),
        ("master.m3u8".to_owned(), "no-cache"),
        ("V/48.m4s".to_owned(), "public, max-age=60"),
        ("V/49.part0.m4s".to_owned(), "public, max-age=60"),
        ("V/99.part0.m4s".to_owned(), "no-store"),
    ] {
        let answer = scene.get_while_making(&target).await;
        assert_eq!(answer.header("cache-control"), cache_control, "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_test_clock_nothing_waits() {
    let scene = Scene::new(Channel::computed());
    for (target, status) in [
        ("V/playlist.m3u8?nowMS=100500&_HLS_msn=50&_HLS_part=0", 200),
        ("V/playlist.m3u8?nowMS=100499&_HLS_msn=50&_HLS_part=0", 425),
        ("V/playlist.m3u8?nowMS=100499&_HLS_msn=52", 400),
        ("V/50.part0.m4s?nowMS=100499", 425),
        ("V/50.part1.m4s?nowMS=100499", 404),
    ] {
        let answer = scene.get(target).await;
        assert_eq!(answer.status, status, "{target}: {}", answer.body);
    }
    let early = scene.get("V/playlist.m3u8?nowMS=100100&_HLS_msn=50").await;
    assert!(
        early
            .body
            .contains("too early by 1900 ms: available at 102000"),
        "{}",
        early.body
    );
    assert_eq!(scene.elapsed(), 0);
}
