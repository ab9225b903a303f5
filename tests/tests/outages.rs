//! A live channel goes on over the death of its encoder, and over that of headend itself, and the
//! players of the field play on by themselves, with the settings they come with. headend is killed
//! below a socket that its service manager holds, as it is run: connections wait, none is refused.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::TcpListener,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use harness::{
    launch::{self, Launch, Server},
    ledger::Ledger,
    players::{Pages, Player},
    webdriver::Browser,
};
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// How often the encoder is killed, and headend. `OUTAGE_ROUNDS` makes it as many: `make soak` does so.
const ENCODER_KILLS: u64 = 2;
const SERVER_KILLS: u64 = 1;
/// Who plays what, all at once.
const AUDIENCE: [(Player, &str); 4] = [
    (Player::Shaka, "/live/live/master.m3u8"),
    (Player::Shaka, "/live/live/manifest.mpd"),
    (Player::DashJs, "/live/live/manifest.mpd"),
    (Player::HlsJs, "/live/live/master.m3u8"),
];
/// How long a player plays behind an outage before it counts as playing on.
const STEADY: Duration = Duration::from_secs(4);

/// Players that watch a channel, each in a window of its own.
struct Audience {
    browser: Browser,
    windows: Vec<String>,
    _pages: Pages,
}

impl Audience {
    fn gather(server: &Server) -> Self {
        let pages = Pages::start();
        let browser = Browser::start();
        // A browser opens six connections to a host, and all of this is one machine.
        let open = |(number, (player, path)): (usize, &(Player, &str))| {
            let host = format!("viewer{number}.localhost");
            let source = server.url(path).replacen("127.0.0.1", &host, 1);
            browser.open_window(&pages.url(*player, &source))
        };
        Self {
            windows: AUDIENCE.iter().enumerate().map(open).collect(),
            browser,
            _pages: pages,
        }
    }

    fn states(&self) -> Vec<Value> {
        let state = |window: &String| {
            self.browser.switch(window);
            self.browser.run("return window.state()")
        };
        self.windows.iter().map(state).collect()
    }

    /// Waits until each player shows pictures made after `mark`, Unix ms, and has shown some seconds of
    /// them. Nobody helps it: what it complains of meanwhile is its own affair.
    fn wait_playing(&self, mark: f64, server: &Server, mut look: impl FnMut()) {
        let begun: Vec<f64> = self.states().iter().map(frames).collect();
        let plays = |(state, begun): (&Value, &f64)| {
            state["date"].as_f64().is_some_and(|date| date > mark)
                && frames(state) > begun + STEADY.as_secs_f64() * 10.0
        };
        let all = launch::wait_within(launch::PATIENCE, || {
            look();
            let states = self.states();
            states.iter().zip(&begun).all(plays).then_some(())
        });
        assert!(all.is_some(), "{}", report(&self.states(), server));
    }
}

fn frames(state: &Value) -> f64 {
    state["frames"].as_f64().unwrap_or(0.0)
}

fn report(states: &[Value], server: &Server) -> String {
    let mut text = String::new();
    for state in states {
        let _ = writeln!(text, "{state:#}");
    }
    text + &server.said()
}

/// Begins a channel, its addresses apart.
fn channel(state: &Path) -> Launch {
    let args = [
        ["--input", "testsrc?size=640x360&rate=30"],
        ["--ladder", "360p"],
        ["--listen", "127.0.0.1:0"],
        ["--state-dir", state.to_str().expect("a plain path")],
    ];
    launch::headend(["broadcast"].into_iter().chain(args.concat()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "pictures are compared with the clock of the machine"
)]
fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs_f64() * 1000.0
}

fn kill(pid: i32) {
    let pid = Pid::from_raw(pid).expect("a process id");
    rustix::process::kill_process(pid, Signal::KILL).expect("it lives");
}

/// Waits until each playlist has one discontinuity more and a part behind it.
fn wait_part(ledger: &mut Ledger, before: u64, old: &[String]) {
    launch::wait_for("the first new part", || {
        ledger.read();
        let is_new = |part: &str| !part.is_empty() && old.iter().all(|old| old != part);
        (ledger.discontinuities() == Some(before + 1) && ledger.newest_parts().all(is_new))
            .then_some(())
    });
}

/// Returns how many rounds are made: as given, or as many as are asked for.
fn rounds(usual: u64) -> u64 {
    match std::env::var("OUTAGE_ROUNDS") {
        Ok(text) => text.parse().expect("a number of rounds"),
        Err(_) => usual,
    }
}

/// Lets `outage` happen again and again while all play, and checks what the contract says.
fn survives(rounds: u64, server: &mut Server, mut outage: impl FnMut(&mut Server)) -> Ledger {
    let audience = Audience::gather(server);
    audience.wait_playing(0.0, server, || {});
    let mut ledger = Ledger::open(server, "/live/live/master.m3u8");
    for round in 0..rounds {
        assert_eq!(ledger.discontinuities(), Some(round), "one each");
        let old: Vec<String> = ledger.newest_parts().map(str::to_owned).collect();
        let begun = Instant::now();
        outage(server);
        wait_part(&mut ledger, round, &old);
        let part = begun.elapsed();
        let mark = now_ms() + STEADY.as_secs_f64() * 1000.0;
        audience.wait_playing(mark, server, || {
            ledger.read();
        });
        let resumed = begun.elapsed().saturating_sub(STEADY);
        let there = ledger.fetch_all();
        let _ = writeln!(
            std::io::stderr(),
            "round {}: first new part after {part:?}, all play on within {resumed:?}, \
             {there} segments there",
            round + 1
        );
    }
    assert_eq!(ledger.discontinuities(), Some(rounds), "one each");
    ledger
}

#[test]
fn players_play_on_when_the_encoder_is_killed() {
    let state = tempfile::tempdir().expect("temporary folder");
    let mut server = channel(state.path()).start();
    let ledger = survives(rounds(ENCODER_KILLS), &mut server, |server| {
        let encoders = launch::descendants(server.guard.pid());
        let encoders = encoders.iter().filter(|(_, name)| name == "ffmpeg");
        let encoders: Vec<i32> = encoders.map(|(pid, _)| *pid).collect();
        assert_eq!(encoders.len(), 1, "one encoder runs");
        kill(encoders[0]);
    });
    assert_eq!(ledger.lost(), 0, "nothing is lost that was whole");
}

#[test]
fn players_play_on_when_headend_is_killed_and_started_again() {
    let state = tempfile::tempdir().expect("temporary folder");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut server = channel(state.path()).socket(&socket).start();
    let ledger = survives(rounds(SERVER_KILLS), &mut server, |server| {
        let children = launch::descendants(server.guard.pid());
        kill(server.guard.pid());
        server.guard.wait();
        launch::wait_for("the end of all children", || {
            let mut pids = children.iter().map(|(pid, _)| *pid);
            (!pids.any(launch::lives)).then_some(())
        });
        *server = channel(state.path()).socket(&socket).start();
    });
    assert_eq!(ledger.lost(), 0, "nothing is lost that was listed");
}
