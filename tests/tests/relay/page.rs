//! Streams in a browser, on the home page, as viewers see them.

use std::fmt::Write as _;

use harness::{launch, webdriver::Browser};
use serde_json::Value;

use crate::{
    Relay,
    containers::{SAMPLES, Sample},
};

/// Opens the card of the stream that `NAME` stands for, and watches what it shows.
///
/// `pictures` counts pictures that differ from the one before: as they are drawn for an `<img>`, as the
/// decoder says for a `<video>`.
const OPEN: &str = r"
    const card = [...document.querySelectorAll('[data-stream]')].find((it) => it.dataset.stream === NAME);
    const details = card.querySelector('details.watch');
    if (details.hidden) return null;
    details.querySelector('summary').click();
    const seen = {pictures: 0, played: 0, sound: 0, width: 0, error: '', note: '', opened: performance.now(), first_ms: null};
    const canvas = document.createElement('canvas');
    let first = null;
    let before = '';
    clearInterval(window.watching);
    window.watching = setInterval(() => {
        const shown = details.querySelector('img, video, audio');
        seen.error = details.dataset.error || seen.error;
        seen.note = details.querySelector('[role=status]').textContent;
        if (!shown) return;
        if (shown.tagName === 'IMG') {
            if (!shown.naturalWidth) return;
            seen.width = canvas.width = shown.naturalWidth;
            canvas.height = shown.naturalHeight;
            canvas.getContext('2d').drawImage(shown, 0, 0);
            const now = canvas.toDataURL();
            if (now !== before) seen.pictures += 1;
            before = now;
        } else {
            if (shown.error) seen.error = shown.error.message || `code ${shown.error.code}`;
            if (first === null && shown.currentTime > 0 && !shown.seeking && shown.readyState > 2) first = shown.currentTime;
            if (first !== null) seen.played = shown.currentTime - first;
            seen.width = shown.videoWidth || 0;
            seen.pictures = shown.getVideoPlaybackQuality ? shown.getVideoPlaybackQuality().totalVideoFrames : 0;
            seen.sound = shown.webkitAudioDecodedByteCount;
        }
        if (seen.first_ms === null && (seen.pictures > 0 || seen.played > 0)) seen.first_ms = performance.now() - seen.opened;
    }, 50);
    window.seen = seen;
    return seen;
";
const CLOSE: &str = "clearInterval(window.watching); \
                     document.querySelector('details.watch[open] > summary').click(); return true;";

/// A browser with the home page.
struct Viewer(Browser);

impl Viewer {
    fn of(relay: &Relay) -> Self {
        let browser = Browser::start();
        browser.open(&relay.server.url("/"));
        Self(browser)
    }

    fn open(&self, name: &str) {
        let script = OPEN.replace("NAME", &format!("'{name}'"));
        assert!(self.0.run(&script).is_object(), "{name} can be opened");
    }

    fn close(&self) {
        self.0.run(CLOSE);
    }

    fn seen(&self) -> Value {
        self.0.run("return window.seen")
    }

    /// Watches until `done`, or until there is an error, and returns what was seen.
    fn watch(&self, done: impl Fn(&Value) -> bool) -> Value {
        launch::wait_within(launch::PATIENCE, || {
            let seen = self.seen();
            (done(&seen) || seen["error"] != "").then_some(())
        });
        self.seen()
    }
}

/// Whether something was shown for three seconds.
fn has_played(seen: &Value, sample: &Sample) -> bool {
    let count = |name: &str| seen[name].as_u64().unwrap_or(0);
    let pictures = !sample.video || (count("pictures") >= 20 && count("width") == 160);
    let time = seen["played"].as_f64() >= Some(3.0) || !sample.audio;
    let sound = !sample.audio || count("sound") > 0;
    pictures && time && sound
}

/// S-S6, S-G6: whoever opens a stream on the page when its feed has run for a while sees and hears it,
/// in every container that a browser knows or mpegts.js does; and leaves it by closing it.
#[test]
fn streams_play_in_a_browser_whenever_one_comes() {
    // Chromium has no Theora any more, and plays Matroska by fits and starts.
    let is_known = |sample: &&Sample| !matches!(sample.name, "theora" | "mkv");
    let samples = || SAMPLES.iter().filter(is_known);
    let relay = Relay::start(&Sample::configuration(samples()));
    Sample::wait(&relay, samples());
    let viewer = Viewer::of(&relay);
    let mut wrong = String::new();
    for sample in samples() {
        viewer.open(sample.name);
        let seen = viewer.watch(|seen| has_played(seen, sample));
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("{}: {seen}\n", sample.name),
        );
        if !has_played(&seen, sample) || seen["error"] != "" || seen["note"] != "" {
            let _ = writeln!(wrong, "{}: {seen}", sample.name);
        }
        viewer.close();
        launch::wait_for(&format!("{} to be left", sample.name), || {
            (relay.stream(sample.name)["clients"] == 0).then_some(())
        });
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(viewer.0.console(), Vec::<String>::new());
}

/// What nobody has looked at yet is started, found out and shown; a shot is taken again and again; and
/// what does not work says why.
#[test]
fn the_page_finds_out_what_a_stream_is() {
    let sample = &SAMPLES[0];
    let on_demand = Sample::configuration([sample]).replace(", mode: autostart", "");
    let relay = Relay::start(&format!(
        "{on_demand}  shot:\n    feed: {name}\n    command: ffmpeg -nostdin -loglevel error -probesize 200000 -f mpegts -i pipe:0 \
         -frames:v 1 -c:v png -f image2pipe pipe:1\n    type: shot\n    mimetype: image/png\n  \
         broken: {{ command: \"sh -c 'exit 3'\", type: stream, mimetype: video/mp2t }}\n  \
         text: {{ command: echo hello, type: stream, mimetype: text/plain }}\n",
        name = sample.name
    ));
    let viewer = Viewer::of(&relay);
    viewer.open(sample.name);
    let seen = viewer.watch(|seen| has_played(seen, sample));
    assert!(has_played(&seen, sample) && seen["error"] == "", "{seen}");
    launch::wait_for("the connection that asked to be closed", || {
        (relay.stream(sample.name)["clients"] == 1).then_some(())
    });
    viewer.close();
    relay.wait_state(sample.name, "stopped");
    viewer.open("shot");
    let seen = viewer.watch(|seen| seen["pictures"].as_u64() >= Some(3));
    assert!(seen["error"] == "" && seen["width"] == 160, "{seen}");
    viewer.close();
    for (name, why) in [("broken", "does not work"), ("text", "text/plain")] {
        viewer.open(name);
        let seen = viewer.watch(|_| false);
        let note = seen["note"].as_str().unwrap_or_default();
        assert!(note.contains(why), "{name}: {seen}");
        viewer.close();
    }
}
