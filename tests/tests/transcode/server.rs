//! Jobs of a server: sent over HTTP, held back, given up, asked for again, and kept over its death.

use std::{fs, path::Path};

use harness::{
    http,
    launch::{self, Server, wait_for},
};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::job::{CHUNKS, Place};

/// Starts a server that takes jobs on files of the place.
fn serve(place: &Place) -> Server {
    let preset: Value =
        serde_json::from_slice(&fs::read(place.path("tiny.json")).expect("preset")).expect("JSON");
    let config = json!({
        "listen": "127.0.0.1:0",
        "transcode": {
            "to": place.path("films"),
            "inputs": [place.root.path()],
            "slots": 2,
            "presets": { "tiny": preset },
        },
    });
    let file = place.path("headend.json");
    fs::write(&file, config.to_string()).expect("configuration");
    let arguments = ["serve".as_ref(), "-c".as_ref(), file.as_os_str()];
    launch::headend(arguments).home(&place.path("home")).start()
}

fn submit(server: &Server, input: &Path, name: &str, priority: i32) -> Value {
    let body = json!({ "input": input, "name": name, "preset": "tiny", "priority": priority });
    let url = server.url("/api/v1/jobs");
    let answer = http::request("POST", &url).json(&body).send().expect(201);
    serde_json::from_str(answer.text()).expect("JSON")
}

fn post(server: &Server, path: &str) -> http::Answer {
    http::request("POST", &server.url(path)).send()
}

fn job(server: &Server, id: &str) -> Value {
    let answer = server.get(&format!("/api/v1/jobs/{id}")).expect(200);
    serde_json::from_str(answer.text()).expect("JSON")
}

fn wait_state(server: &Server, id: &str, state: &str) -> Value {
    wait_for(&format!("{id} to be {state}"), || {
        let now = job(server, id);
        (now["state"] == state).then_some(now)
    })
}

fn id(report: &Value) -> String {
    report["id"].as_str().expect("id").to_owned()
}

fn chunks_done(report: &Value) -> usize {
    let steps = report["steps"].as_array().expect("steps");
    steps
        .iter()
        .filter(|it| {
            it["step"]
                .as_str()
                .is_some_and(|name| name.starts_with("chunk"))
        })
        .filter(|it| it["state"] == "done")
        .count()
}

#[test]
fn a_job_that_is_sent_becomes_an_asset_of_the_server() {
    let place = Place::new();
    let server = serve(&place);
    let film = place.path("film.mp4");
    let id = id(&submit(&server, &film, "film", 0));
    let done = wait_state(&server, &id, "done");
    assert_eq!(done["permille"], 1000);
    assert!(
        done["version"]
            .as_str()
            .is_some_and(|it| it.starts_with("v-")),
        "{done}"
    );
    wait_for("the asset", || {
        let answer = server.get("/vod/film/master.m3u8");
        (answer.status == 200).then_some(())
    });
    let page = server.get("/").expect(200);
    assert!(
        page.text().contains(&format!("data-job=\"{id}\"")),
        "{}",
        page.text()
    );
    assert!(
        page.text().contains("data-step=\"chunk-00000\""),
        "{}",
        page.text()
    );
    // Sent again: it is done.
    let again = submit(&server, &film, "film", 0);
    wait_state(&server, again["id"].as_str().expect("id"), "done");
}

#[test]
fn jobs_are_held_back_given_up_and_done_again() {
    let place = Place::new();
    place.write_preset("slower");
    let server = serve(&place);
    let film = place.path("film.mp4");
    let first = id(&submit(&server, &film, "one", 0));
    wait_for("chunks", || {
        (chunks_done(&job(&server, &first)) > 0).then_some(())
    });
    post(&server, &format!("/api/v1/jobs/{first}/pause")).expect(200);
    // Another one overtakes it.
    let second = id(&submit(&server, &film, "two", 0));
    wait_state(&server, &second, "done");
    let held = job(&server, &first);
    assert_eq!(held["state"], "paused");
    assert!(chunks_done(&held) < CHUNKS, "{held}");
    post(&server, &format!("/api/v1/jobs/{first}/resume")).expect(200);
    wait_state(&server, &first, "done");
    // A chunk again: the same comes out.
    let version = job(&server, &first)["version"].clone();
    post(
        &server,
        &format!("/api/v1/jobs/{first}/steps/chunk-00001/redo"),
    )
    .expect(200);
    let again = wait_state(&server, &first, "done");
    assert_eq!(again["version"], version);
    // A third is given up: nothing of it stays.
    let third = id(&submit(&server, &film, "three", 0));
    wait_for("a chunk", || {
        let now = job(&server, &third);
        let steps = now["steps"].as_array().expect("steps");
        steps
            .iter()
            .any(|it| it["state"] == "running")
            .then_some(())
    });
    post(&server, &format!("/api/v1/jobs/{third}/cancel")).expect(200);
    wait_state(&server, &third, "cancelled");
    let work = place.path("films/.headend/jobs").join(&third);
    wait_for("the work to go", || (!work.is_dir()).then_some(()));
    post(&server, &format!("/api/v1/jobs/{third}/remove")).expect(200);
    server.get(&format!("/api/v1/jobs/{third}")).expect(404);
}

#[test]
fn a_killed_server_takes_its_jobs_up_again_even_without_its_database() {
    let place = Place::new();
    place.write_preset("slower");
    for lose_database in [false, true] {
        let mut server = serve(&place);
        let film = place.path("film.mp4");
        let name = format!("film-{lose_database}");
        let id = id(&submit(&server, &film, &name, 0));
        wait_for("chunks", || {
            (chunks_done(&job(&server, &id)) > 1).then_some(())
        });
        server.guard.signal(Signal::KILL);
        server.guard.wait();
        if lose_database {
            fs::remove_file(place.path("films/.headend/engine.redb")).expect("database");
        }
        let server = serve(&place);
        wait_state(&server, &id, "done");
    }
    // Equal results are one version, whatever happened on the way.
    let version = |name: &str| {
        let text = fs::read(place.path("films").join(name).join("current.json")).expect("pointer");
        let pointer: Value = serde_json::from_slice(&text).expect("pointer");
        pointer["version"].clone()
    };
    assert_eq!(version("film-false"), version("film-true"));
}

#[test]
fn what_others_may_not_ask_for_is_refused() {
    let place = Place::new();
    let server = serve(&place);
    let url = server.url("/api/v1/jobs");
    for (body, status) in [
        (json!({ "input": "/etc/passwd" }), 400),
        (json!({ "input": place.path("../film.mp4") }), 400),
        (json!({ "input": "s3://bucket/film.mp4" }), 400),
        (
            json!({ "input": place.path("film.mp4"), "preset": "none" }),
            400,
        ),
        (
            json!({ "input": place.path("film.mp4"), "name": "../x" }),
            400,
        ),
        (
            json!({ "input": place.path("film.mp4"), "to": "/tmp" }),
            400,
        ),
        (json!({ "inputs": 1 }), 400),
    ] {
        http::request("POST", &url)
            .json(&body)
            .send()
            .expect(status);
    }
    let foreign = http::request("POST", &url).header("origin", "http://evil.example");
    foreign
        .json(&json!({ "input": place.path("film.mp4") }))
        .send()
        .expect(403);
    for (path, status) in [("/api/v1/jobs/none", 404), ("/api/v1/jobs/none/pause", 405)] {
        server.get(path).expect(status);
    }
    for path in ["/api/v1/jobs/none/pause", "/api/v1/jobs/none/nonsense"] {
        post(&server, path).expect(404);
    }
    // What lies at a private address is no public source; the job says so.
    let body = json!({ "input": server.url("/vod/x.mp4"), "name": "inside" });
    let answer = http::request("POST", &url).json(&body).send().expect(201);
    let report: Value = serde_json::from_str(answer.text()).expect("JSON");
    let failed = wait_state(&server, &id(&report), "failed");
    assert_eq!(failed["failure"], "input", "{failed}");
    let listed = server.get("/api/v1/jobs").expect(200);
    let listed: Value = serde_json::from_str(listed.text()).expect("JSON");
    assert_eq!(listed["jobs"].as_array().expect("jobs").len(), 1);
}
