//! What a job makes plays to its end and, as simulated live, on and on; and `headend watch --strict`
//! finds no fault with it.

use std::fs;

use harness::{
    launch::{self, Server},
    playback::{Audience, Seen},
    players::{Pages, Player},
};

use super::job::{Place, source};

/// Ways to the asset.
const WAYS: [(Player, &str); 2] = [
    (Player::HlsJs, "master.m3u8"),
    (Player::DashJs, "manifest.mpd"),
];

/// Length of the clips, seconds: a little more than six segments, which players stumbled over.
const SECONDS: f64 = 12.1;

/// Serves what the job made.
fn serve(place: &Place) -> Server {
    place.finish();
    let server = launch::simulate(&place.path("films"));
    launch::wait_for("the asset", || {
        let answer = server.get("/vod/film/master.m3u8");
        (answer.status == 200).then_some(())
    });
    server
}

fn plays_everywhere(server: &Server) {
    let pages = Pages::start();
    let mut audience = Audience::start();
    for kind in ["vod", "livesim"] {
        for (player, manifest) in WAYS {
            let source = server.url(&format!("/{kind}/film/{manifest}"));
            audience.open(&pages.url(player, &source));
        }
    }
    audience.expect(server, has_played, |seen| {
        seen.has_pictures() && seen.has_sound() && has_no_hole(seen)
    });
}

/// Tells whether a video ran to its end or, live, longer than the clip and so across a wrap.
fn has_played(seen: &Seen) -> bool {
    let Some(played) = seen.played() else {
        return false;
    };
    if seen.source().contains("livesim") {
        played > SECONDS + 1.0
    } else {
        seen.has_ended() && (seen.time() - SECONDS).abs() < 0.1
    }
}

/// Tells whether all of the film that was in memory hung together.
fn has_no_hole(seen: &Seen) -> bool {
    seen.source().contains("livesim") || seen.ranges() == Some(1)
}

fn watch_finds_nothing(server: &Server) {
    for kind in ["vod", "livesim"] {
        for (_, manifest) in WAYS {
            let url = server.url(&format!("/{kind}/film/{manifest}"));
            let output = launch::headend(["watch", "--once", "--strict", &url]).run();
            assert_eq!(output.status.code(), Some(0), "{url}: {output:?}");
        }
    }
}

#[test]
fn the_result_of_a_plain_film_plays() {
    let place = Place::of("film.mp4", &source(&SECONDS.to_string()));
    let server = serve(&place);
    watch_finds_nothing(&server);
    plays_everywhere(&server);
}

#[test]
fn the_result_of_a_film_in_many_tracks_plays() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let captions = folder.path().join("captions.srt");
    let lines = "1\n00:00:01,000 --> 00:00:03,500\nHello\n\n\
                 2\n00:00:07,250 --> 00:00:09,000\nagain\n";
    fs::write(&captions, lines).expect("captions");
    let place = Place::of(
        "film.mkv",
        &format!(
            "-f lavfi -i testsrc2=size=320x180:rate=30000/1001:duration={SECONDS} \
             -f lavfi -i sine=frequency=440:sample_rate=44100:duration={SECONDS} \
             -f lavfi -i anoisesrc=amplitude=0.1:sample_rate=48000:duration={SECONDS} -i {} \
             -map 0:v -map 1:a -map 2:a -map 3:s -c:v libx264 -preset ultrafast -bf 3 -g 200 \
             -c:a aac -ac:a:0 2 -ac:a:1 6 -c:s srt -metadata:s:a:0 language=eng \
             -metadata:s:a:1 language=swe -metadata:s:s:0 language=eng",
            captions.display()
        ),
    );
    let server = serve(&place);
    watch_finds_nothing(&server);
    plays_everywhere(&server);
}
