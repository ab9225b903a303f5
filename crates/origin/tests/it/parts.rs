//! Parts: the hinted one is waited for, then sent whole.

use http::{HeaderMap, Method};

use crate::low::{Channel, PART_MS, Scene, bytes};

#[tokio::test(start_paused = true)]
async fn parts_that_are_there_are_sent_at_once() {
    let scene = Scene::new(Channel::by_hand());
    for index in 0..4 {
        let answer = scene.get(&format!("V/49.part{index}.m4s")).await;
        assert_eq!((answer.status, answer.body), (200, bytes(49, index)));
    }
    assert_eq!(scene.get("V/49.part4.m4s").await.status, 404);
    assert_eq!(scene.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn l10_the_hinted_part_is_sent_whole_when_it_is_there() {
    for channel in [Channel::by_hand(), Channel::computed()] {
        let scene = Scene::new(channel);
        let target = "V/50.part0.m4s";
        let answer = scene.get_while_making(target).await;
        assert_eq!((answer.status, answer.body), (200, bytes(50, 0)));
        assert_eq!(scene.elapsed() / PART_MS, 1);
    }
    let scene = Scene::new(Channel::by_hand());
    scene.channel.make();
    let none = HeaderMap::new();
    let response = tokio::select! {
        response = scene.ask(Method::GET, "V/50.part1.m4s", &none) => response,
        () = scene.make_parts() => unreachable!("parts are made for ever"),
    };
    assert_eq!(response.body().len(), Some(bytes(50, 1).len() as u64));
}

#[tokio::test(start_paused = true)]
async fn l10_a_later_part_is_not_found() {
    let scene = Scene::new(Channel::by_hand());
    for target in ["V/50.part1.m4s", "V/51.part0.m4s", "V/52.part0.m4s"] {
        let answer = scene.get(target).await;
        assert_eq!(answer.status, 404, "{target}");
        assert!(
            answer.body.contains("nor is it the next one"),
            "{}",
            answer.body
        );
    }
    assert_eq!(scene.elapsed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hinted_part_that_never_comes_is_503() {
    let scene = Scene::new(Channel::by_hand());
    let answer = scene.get("V/50.part0.m4s").await;
    assert_eq!((answer.status, scene.elapsed()), (503, 6000));
    let scene = Scene::new(Channel::by_hand());
    let (answer, ()) = tokio::join!(scene.get("V/50.part0.m4s"), async { scene.channel.end() });
    assert_eq!((answer.status, scene.elapsed()), (503, 0));
}

#[tokio::test(start_paused = true)]
async fn ranges_of_parts_are_cut() {
    let scene = Scene::new(Channel::by_hand());
    let mut fields = HeaderMap::new();
    fields.insert("range", "bytes=1-2".parse().unwrap());
    let response = scene.ask(Method::GET, "V/49.part0.m4s", &fields).await;
    assert_eq!(response.status(), 206);
    assert_eq!(response.headers()["content-range"], "bytes 1-2/6");
}
