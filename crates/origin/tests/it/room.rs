//! The waiting room: many, its limit, and its end.

use std::sync::atomic::Ordering::Relaxed;

use http::{HeaderMap, Method};
use tokio::task::JoinSet;

use crate::low::{Channel, PART_MS, Scene, last_part};

const NEXT: &str = "V/playlist.m3u8?_HLS_msn=50&_HLS_part=0";

/// Starts so many requests for the next part of the list and lets them all begin to wait.
async fn crowd(scene: &Scene, count: usize) -> JoinSet<(u16, String)> {
    let mut waiting = JoinSet::new();
    for _ in 0..count {
        let scene = scene.clone();
        waiting.spawn(async move {
            let answer = scene.get(NEXT).await;
            (answer.status, answer.body)
        });
    }
    while scene.room.waiting() < count {
        tokio::task::yield_now().await;
    }
    waiting
}

#[tokio::test(start_paused = true)]
async fn two_thousand_waiting_requests_cost_nothing_while_they_wait() {
    for channel in [Channel::by_hand(), Channel::computed()] {
        let scene = Scene::new(channel);
        let waiting = crowd(&scene, 2000).await;
        let before = scene.channel.looks.load(Relaxed);
        assert_eq!(before, 2000);
        tokio::time::sleep(std::time::Duration::from_millis(PART_MS - 1)).await;
        assert_eq!(scene.channel.looks.load(Relaxed), before, "nobody looks");
        assert_eq!(scene.room.waiting(), 2000);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        scene.channel.make();
        for (status, body) in waiting.join_all().await {
            assert_eq!((status, last_part(&body)), (200, (50, 0)));
        }
        assert_eq!(scene.channel.looks.load(Relaxed), before + 2000);
        assert_eq!((scene.elapsed(), scene.room.waiting()), (PART_MS, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_there_are_seats_are_turned_away() {
    let scene = Scene::with_seats(Channel::by_hand(), 3);
    let waiting = crowd(&scene, 3).await;
    let answer = scene.get(NEXT).await;
    assert_eq!((answer.status, scene.elapsed()), (503, 0));
    let growing = scene.ask(Method::GET, "V/50.m4s", &HeaderMap::new()).await;
    assert_eq!(growing.status(), 503);
    assert_eq!(scene.get("V/49.m4s").await.status, 200);
    scene.channel.make();
    assert!(
        waiting
            .join_all()
            .await
            .iter()
            .all(|(status, _)| *status == 200)
    );
    assert_eq!(scene.get(NEXT).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_ends_all_waiting() {
    let scene = Scene::new(Channel::by_hand());
    let waiting = crowd(&scene, 5).await;
    scene.shutdown.trigger();
    for (status, body) in waiting.join_all().await {
        assert_eq!((status, body.as_str()), (503, "The server is stopping.\n"));
    }
    assert_eq!((scene.elapsed(), scene.room.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn clients_that_go_away_give_their_seats_back() {
    let scene = Scene::new(Channel::by_hand());
    let mut waiting = crowd(&scene, 5).await;
    waiting.shutdown().await;
    assert_eq!(scene.room.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn methods_are_screened_before_anything_waits() {
    let scene = Scene::new(Channel::by_hand());
    for (method, status) in [(Method::OPTIONS, 204), (Method::POST, 405)] {
        let response = scene.ask(method, NEXT, &HeaderMap::new()).await;
        assert_eq!(response.status(), status);
    }
    assert_eq!(scene.elapsed(), 0);
}
