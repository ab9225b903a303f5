//! Segments in progress: answered at once, and growing as parts are made.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;

use crate::low::{Channel, PART_MS, Scene, bytes, segment};

/// Reads a body and notes when each frame came, in parts of time.
async fn frames(scene: &Scene, response: serve::Response) -> Vec<(u64, Result<String, String>)> {
    let mut body = response.into_body();
    let mut found = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
            .map_err(|error| error.to_string());
        found.push((scene.elapsed() / PART_MS, frame));
    }
    found
}

fn part(at: u64, index: u32) -> (u64, Result<String, String>) {
    (at, Ok(bytes(50, index)))
}

#[tokio::test(start_paused = true)]
async fn m5_a_segment_in_progress_is_passed_on_as_it_is_made() {
    for (channel, made) in [
        (Channel::by_hand(), 0),
        (Channel::by_hand(), 2),
        (Channel::computed(), 0),
    ] {
        for _ in 0..made {
            channel.make();
        }
        let scene = Scene::new(channel);
        let response = scene.ask(Method::GET, "V/50.m4s", &HeaderMap::new()).await;
        assert_eq!(scene.elapsed(), 0, "the head goes out at once");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "video/mp4");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.body().len(), None);
        let found = tokio::select! {
            found = frames(&scene, response) => found,
            () = scene.make_parts() => unreachable!("parts are made for ever"),
        };
        let expected: Vec<_> = (0..4)
            .map(|index| part(u64::from((index + 1_u32).saturating_sub(made)), index))
            .collect();
        assert_eq!(found, expected, "{made}");
        assert_eq!(scene.room.waiting(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn m5_head_is_answered_at_once() {
    let scene = Scene::new(Channel::by_hand());
    let response = scene.ask(Method::HEAD, "V/50.m4s", &HeaderMap::new()).await;
    assert_eq!((response.status().as_u16(), scene.elapsed()), (200, 0));
    assert_eq!(response.body().len(), None, "no length is announced");
    assert!(frames(&scene, response).await.is_empty());
    assert_eq!(scene.room.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_whole_segment_has_a_length_and_ranges() {
    let scene = Scene::new(Channel::by_hand());
    let answer = scene.get("V/49.m4s").await;
    assert_eq!(answer.body, segment(49));
    assert_eq!(answer.header("accept-ranges"), "bytes");
}

#[tokio::test(start_paused = true)]
async fn m6_a_segment_that_may_not_be_asked_for_yet_is_refused() {
    let scene = Scene::new(Channel::by_hand());
    let answer = scene.get("V/52.m4s").await;
    assert_eq!((answer.status, scene.elapsed()), (425, 0));
}

#[tokio::test(start_paused = true)]
async fn m6_the_next_segment_is_waited_for() {
    let after = |ms| tokio::time::sleep(Duration::from_millis(ms));
    let nothing = HeaderMap::new();
    // Segment 51 may be asked for when 50 is whole, 2 s after the beginning.
    for early in [2_000, 300] {
        let scene = Scene::new(Channel::computed());
        after(2_000 - early).await;
        let response = scene.ask(Method::GET, "V/51.m4s", &nothing).await;
        let found = (response.status().as_u16(), scene.elapsed());
        assert_eq!(found, (200, 2_000), "{early}");
        drop(response);
        assert_eq!(scene.room.waiting(), 0);
        let looks = scene.channel.looks.load(Relaxed);
        assert!(looks < 10, "{looks} looks while it waited");
    }

    // An encoder that is late is waited for as well, but not for ever.
    let scene = Scene::new(Channel::by_hand());
    after(1_900).await;
    let answer = scene.get("V/51.m4s").await;
    assert_eq!((answer.status, scene.elapsed()), (425, 3_900));
    for _ in 0..3 {
        scene.channel.make();
    }
    let (response, ()) = tokio::join!(scene.ask(Method::GET, "V/51.m4s", &nothing), async {
        after(100).await;
        scene.channel.make();
    });
    assert_eq!((response.status().as_u16(), scene.elapsed()), (200, 4_000));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_breaks_off_breaks_the_connection() {
    let scene = Scene::new(Channel::by_hand());
    scene.channel.make();
    let response = scene.ask(Method::GET, "V/50.m4s", &HeaderMap::new()).await;
    let found = frames(&scene, response).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], part(0, 0));
    assert_eq!(found[1].0, 60_000 / PART_MS);
    assert!(
        found[1]
            .1
            .as_ref()
            .is_err_and(|text| text.contains("in time"))
    );
    assert_eq!(scene.room.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_gives_its_seat_back() {
    let scene = Scene::new(Channel::by_hand());
    let response = scene.ask(Method::GET, "V/50.m4s", &HeaderMap::new()).await;
    assert_eq!(scene.room.waiting(), 1);
    drop(response);
    assert_eq!(scene.room.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn with_a_test_clock_a_segment_has_the_parts_of_that_instant() {
    let scene = Scene::new(Channel::computed());
    for (now, status, body) in [
        (100_499, 425, String::new()),
        (100_500, 200, bytes(50, 0)),
        (
            101_999,
            200,
            [bytes(50, 0), bytes(50, 1), bytes(50, 2)].concat(),
        ),
        (102_000, 200, segment(50)),
    ] {
        let answer = scene.get(&format!("V/50.m4s?nowMS={now}")).await;
        assert_eq!(answer.status, status, "{now}");
        if status == 200 {
            assert_eq!(answer.body, body, "{now}");
        }
    }
    assert_eq!(scene.elapsed(), 0);
}
