//! What a job makes is an asset that plays.

use std::process::Command;

use harness::launch;

use super::job::Place;

#[test]
fn the_result_is_an_asset_with_every_frame() {
    let place = Place::new();
    place.finish();
    let master = place.result().join("master.m3u8");
    let mut command: Command = launch::command("ffprobe");
    command.args([
        "-v",
        "error",
        "-count_frames",
        "-select_streams",
        "v:0",
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "csv=p=0",
    ]);
    let output = launch::run(command.arg(&master));
    let text = String::from_utf8_lossy(&output.stdout);
    // ffprobe lists the stream once by itself and once in its program.
    let counts: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(!counts.is_empty(), "{output:?}");
    assert!(counts.iter().all(|count| *count == "300"), "{output:?}");

    let server = launch::simulate(&place.path("films"));
    let listing = server.get("/api/v1/assets").expect(200);
    assert!(listing.text().contains("\"film\""), "{}", listing.text());
    for path in [
        "/vod/film/master.m3u8",
        "/vod/film/manifest.mpd",
        "/livesim/film/master.m3u8",
    ] {
        server.get(path).expect(200);
    }
}
