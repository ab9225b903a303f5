//! Videos that play in windows of one browser, looked at ten times a second: on the product's own
//! player page or on one of [`crate::players`].

use std::{fmt::Write as _, io::Write as _, time::Duration};

use serde_json::Value;

use crate::{
    launch::{self, Server},
    webdriver::Browser,
};

/// What counts as a stall once a video plays, milliseconds of media time lost in one go.
const STALL_MS: f64 = 1000.0;

/// Watches the video of a page.
///
/// A sample is taken ten times a second. `lost` adds up the time by which the video fell behind the
/// clock without a sample of normal progress between, so that a late sample is not a stall; `jump`
/// is the greatest leap ahead of the clock.
const WATCH: &str = r"
    const video = document.getElementById('video');
    const source = video.dataset.src || new URLSearchParams(location.search).get('src');
    const seen = {source, first: null, time: 0, worst: 0, jump: 0, error: '', ended: false, ranges: 0,
                  frames: 0, dropped: 0, bytes: [0, 0]};
    let at = performance.now();
    let steady = 0;
    let lost = 0;
    setInterval(() => {
        const now = performance.now();
        const wall = now - at;
        const media = (video.currentTime - seen.time) * 1000;
        at = now;
        seen.time = video.currentTime;
        seen.ended = video.ended;
        seen.ranges = video.buffered.length;
        seen.frames = video.getVideoPlaybackQuality().totalVideoFrames;
        seen.dropped = video.getVideoPlaybackQuality().droppedVideoFrames;
        seen.bytes = [video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount];
        seen.error = document.body.dataset.error || (video.error && video.error.message)
            || (window.failures || [])[0] || seen.error;
        if (seen.first === null) {
            steady = media > wall / 2 && media < wall * 2 ? steady + 1 : 0;
            if (steady === 5) seen.first = video.currentTime;
        } else if (!video.ended) {
            lost = media < wall / 2 ? lost + wall - media : 0;
            seen.worst = Math.max(seen.worst, lost);
            seen.jump = Math.max(seen.jump, media - wall);
        }
    }, 100);
    window.seen = seen;
    return true;
";

/// Windows with a video each.
#[derive(Debug)]
pub struct Audience {
    browser: Browser,
    windows: Vec<String>,
}

/// What was seen of a video.
#[derive(Clone, Debug)]
pub struct Seen(pub Value);

impl Audience {
    /// Starts a browser that shows nothing yet.
    ///
    /// # Panics
    /// When there is none.
    pub fn start() -> Self {
        Self {
            browser: Browser::start(),
            windows: Vec::new(),
        }
    }

    /// Opens a page with a video in a further window.
    pub fn open(&mut self, url: &str) {
        self.windows.push(self.browser.open_window(url));
        self.browser.run(WATCH);
    }

    /// Watches until all videos are `done`, one has failed, or a minute has passed.
    fn watch(&self, done: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let look = || -> Vec<Seen> {
            let windows = self.windows.iter();
            let seen = windows.map(|window| {
                self.browser.switch(window);
                Seen(self.browser.run("return window.seen"))
            });
            seen.collect()
        };
        launch::wait_within(Duration::from_mins(1), || {
            let all = look();
            (all.iter().any(Seen::has_failed) || all.iter().all(&done)).then_some(())
        });
        look()
    }

    /// Watches until all videos are `done`, and says what there was to see of each.
    ///
    /// # Panics
    /// When one is not done, did not play smoothly, or is not `whole`.
    pub fn expect(
        &self,
        server: &Server,
        done: impl Fn(&Seen) -> bool,
        whole: impl Fn(&Seen) -> bool,
    ) {
        let mut wrong = String::new();
        for seen in self.watch(&done) {
            let _ = writeln!(std::io::stderr(), "{}", seen.0);
            if !done(&seen) || !seen.is_smooth() || !whole(&seen) {
                let _ = writeln!(wrong, "{}", seen.0);
            }
        }
        assert!(
            wrong.is_empty(),
            "{wrong}\nconsole: {:#?}\nserver: {}",
            self.browser.console(),
            server.said()
        );
    }
}

impl Seen {
    /// Returns the URL of the manifest.
    pub fn source(&self) -> &str {
        self.0["source"].as_str().unwrap_or_default()
    }

    /// Returns the time of the picture, seconds.
    pub fn time(&self) -> f64 {
        self.0["time"].as_f64().unwrap_or(0.0)
    }

    /// Returns for how many seconds it has played, of media; nothing while it does not play steadily.
    pub fn played(&self) -> Option<f64> {
        Some(self.time() - self.0["first"].as_f64()?)
    }

    /// Tells whether it played to its end.
    pub fn has_ended(&self) -> bool {
        self.0["ended"] == true
    }

    /// Returns how many separate ranges of time were in memory.
    pub fn ranges(&self) -> Option<u64> {
        self.0["ranges"].as_u64()
    }

    /// Tells whether the player gave up.
    pub fn has_failed(&self) -> bool {
        self.0["error"] != ""
    }

    /// Tells whether it played without an error, a stall or a leap.
    pub fn is_smooth(&self) -> bool {
        let least = |name: &str| self.0[name].as_f64().unwrap_or(f64::MAX) <= STALL_MS;
        !self.has_failed() && least("worst") && least("jump")
    }

    /// Tells whether there were pictures.
    pub fn has_pictures(&self) -> bool {
        self.0["bytes"][0].as_u64() > Some(0)
    }

    /// Tells whether there was sound.
    pub fn has_sound(&self) -> bool {
        self.0["bytes"][1].as_u64() > Some(0)
    }
}
