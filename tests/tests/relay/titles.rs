//! What plays, as source clients of Icecast say it and players show it.

use harness::{http, launch};

use crate::{Relay, read_some};

const MP3: &str = "ffmpeg -nostdin -loglevel error -re -f lavfi -i sine=sample_rate=44100 -c:a libmp3lame \
                   -b:a 256k -flush_packets 1 -f mp3 pipe:1";

/// `Icy-MetaData`: players are told what plays when that changes; who may say it.
#[test]
fn players_are_told_what_plays() {
    let relay = Relay::start(&format!(
        "feeds:\n  f: {{ command: \"{MP3}\", mode: autostart }}\n  \
         p: {{ source: push, auth: {{ users: {{ source: hackme }} }} }}\n\
         streams:\n  radio: {{ feed: f, url: /radio.mp3 }}\n  pushed: {{ feed: p }}\n  \
         shot: {{ command: echo x, type: shot, mimetype: image/png }}\n"
    ));
    relay.wait_state("f", "running");
    let update = |what: &str| {
        let url = format!("/admin/metadata?mode=updinfo&{what}");
        http::get(&relay.server.url(&url))
    };
    let said = update("mount=/stream/radio&song=Bob+%26+Al%20%E2%80%93+%27One%27").send();
    assert!(said.expect(200).text().contains("<return>1</return>"));
    let title = &relay.stream("radio")["title"];
    assert_eq!(title, "Bob & Al – 'One'");
    // A player hears of it within the first 16,000 bytes, while it listens too.
    let asked = http::get(&relay.server.url("/stream/radio")).header("Icy-MetaData", "1");
    let mut player = asked.open().expect("connection");
    let (status, headers) = http::read_head(&mut player).expect("head");
    assert_eq!(status, 200);
    assert!(headers.contains(&("icy-metaint".to_owned(), "16000".to_owned())));
    let mut hears = |title: &str| {
        let told = format!("StreamTitle='{title}';");
        let mut heard = Vec::new();
        launch::wait_for(&told, || {
            heard.extend(read_some(&mut player, 4000));
            let mut places = heard.windows(told.len());
            places.any(|it| it == told.as_bytes()).then_some(())
        });
    };
    hears("Bob & Al – ’One’");
    update("mount=/radio.mp3&artist=Al&title=Two")
        .send()
        .expect(200);
    hears("Al - Two");
    // Who publishes says it, and nobody else.
    update("mount=/stream/pushed&song=x").send().expect(401);
    let publisher = update("mount=/stream/pushed&song=x");
    // source:hackme
    let publisher = publisher.header("Authorization", "Basic c291cmNlOmhhY2ttZQ==");
    publisher.send().expect(200);
    let page = update("mount=/stream/radio&song=x").header("Sec-Fetch-Site", "cross-site");
    page.send().expect(403);
    let far = update("mount=/stream/radio&song=x").header("X-Forwarded-For", "192.0.2.1");
    far.send().expect(403);
    for (what, status) in [
        ("mount=/stream/none&song=x", 404),
        ("mount=/stream/shot&song=x", 404),
        ("mount=/stream/radio", 400),
    ] {
        update(what).send().expect(status);
    }
    relay
        .get("/admin/metadata?mount=/stream/radio&song=y")
        .expect(400);
    assert_eq!(relay.stream("radio")["title"], "Al - Two");
}
