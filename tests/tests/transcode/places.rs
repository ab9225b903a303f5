//! Wherever a film comes from and wherever the result goes to, it is the same one, byte for byte.

use std::fs;

use harness::{
    launch,
    origin::{Manner, Origin},
    s3,
};

use super::job::{Contents, Place, remade};

#[test]
fn the_same_comes_from_a_file_a_web_server_and_a_bucket() {
    let mut place = Place::new();
    let film = fs::read(place.path("film.mp4")).expect("clip");
    place.finish();
    let version = place.version();
    let wanted = Contents::of(&place.result());
    assert!(wanted.len() > 20, "{} files", wanted.len());

    let origin = Origin::start(film.clone(), Manner::default());
    place.input = origin.url("film.mp4");
    place.forget();
    place.finish();
    assert_eq!(place.version(), version, "from a web server");
    Contents::of(&place.result()).assert_same(&wanted, "from a web server");

    let buckets = s3::Server::start();
    buckets.make_bucket("sources");
    buckets.make_bucket("results");
    buckets.put("sources/of/film.mp4", &film);
    let out = buckets.folder("results/films/film");
    place.input = "s3://sources/of/film.mp4".to_owned();
    place.to = "s3://results/films".to_owned();
    place.buckets = Some(buckets);
    place.finish();
    let pointer = fs::read(out.join("current.json")).expect("pointer");
    let pointer: serde_json::Value = serde_json::from_slice(&pointer).expect("pointer");
    assert_eq!(pointer["version"], version, "from a bucket into one");
    Contents::of(&out.join(&version)).assert_same(&wanted, "from a bucket into one");
    // Asked for again, all of it is found there.
    let events = place.finish();
    assert_eq!(remade(&events), [""; 0]);

    let server = place.buckets.as_ref().expect("buckets");
    let arguments = ["simulate", "s3://results/films", "--listen", "127.0.0.1:0"];
    let server = server.known_to(launch::headend(arguments)).start();
    for path in ["/vod/film/master.m3u8", "/livesim/film/manifest.mpd"] {
        launch::wait_for(path, || (server.get(path).status == 200).then_some(()));
    }
}
