//! Web hooks: they are told of every event in order, and cost the channel nothing when they are away.

use std::fs;

use harness::{launch, put::Shelf};
use rustix::process::Signal;
use serde_json::Value;

use crate::channel::{self, Channel, INPUT};

/// Returns a channel with web hooks.
fn with_hooks(hooks: &str) -> Channel {
    let channel = Channel::bare();
    let file = channel.path("job.yaml");
    let text = format!(
        "job: {{inputs: '{INPUT}', ladder: 144p, segment: 1s}}\nruntime: {{webhooks: {hooks}}}\n"
    );
    fs::write(&file, text).expect("job");
    channel.with(&[file.to_str().expect("path")])
}

#[test]
fn a_hook_is_told_of_everything_signed_and_in_order() {
    let shelf = Shelf::start();
    // The first event is refused once, and tried again.
    shelf.refuse(1);
    let url = shelf.url();
    let channel = with_hooks(&format!("[{{url: '{url}all', secret: key}}]"));
    let mut server = channel.start();
    let told = || -> Vec<String> {
        let posts = shelf.posts();
        let names = posts.iter().map(|post| {
            let event: Value = serde_json::from_slice(&post.body).expect("JSON");
            assert_eq!(event["channel"], "live");
            assert_eq!(post.path, "all");
            assert_eq!(post.headers["content-type"], "application/json");
            assert_eq!(post.headers["x-headend-event"], event["event"]);
            let signature = &post.headers["x-headend-signature"];
            let hex = signature.strip_prefix("sha256=").expect("a scheme");
            assert!(hex.len() == 64 && hex.bytes().all(|it| it.is_ascii_hexdigit()));
            event["event"].as_str().expect("a name").to_owned()
        });
        names.collect()
    };
    launch::wait_for("the first part to be told", || {
        told().contains(&"first-part".to_owned()).then_some(())
    });
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    let told = told();
    let place = |name: &str| told.iter().position(|it| it == name);
    assert!(place("connected") < place("first-part"), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("ended"), "{told:?}");
    channel.expect_nothing_left();
}

#[test]
fn a_dead_hook_costs_nothing_and_one_that_wants_little_is_told_little() {
    let shelf = Shelf::start();
    let dead = launch::free_port();
    let url = shelf.url();
    let hooks = format!("['http://127.0.0.1:{dead}/', {{url: '{url}', events: [ended]}}]");
    let channel = with_hooks(&hooks);
    let mut server = channel.start();
    channel::wait_for_more(&server, 3);
    launch::wait_for("an event to be given up", || {
        let failed = channel::metric(&server, "headend_webhook_failures_total");
        (failed >= 1.0).then_some(())
    });
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    let posts = shelf.posts();
    assert_eq!(posts.len(), 1, "{posts:?}");
    assert_eq!(posts[0].headers["x-headend-event"], "ended");
    channel.expect_nothing_left();
}

#[test]
fn a_hook_that_cannot_be_is_2_with_its_place() {
    let ended = with_hooks("[{url: 'ftp://h/', events: [endet]}]").run();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("/runtime/webhooks/0/url"),
        "{ended:?}"
    );
    assert!(
        ended.stderr.contains("`ended`"),
        "the nearest name: {ended:?}"
    );
}
