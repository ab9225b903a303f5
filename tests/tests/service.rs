//! What a service manager is told (`sd_notify(3)`), and what an operator's signal brings.

use std::{io, os::unix::net::UnixDatagram, time::Duration};

use harness::{
    clips,
    launch::{self, Launch},
};
use rustix::process::Signal;

/// Plays the manager; `hears` waits for words that fulfil a wish.
struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("socket");
        let limit = Some(Duration::from_millis(100));
        socket.set_read_timeout(limit).expect("time limit");
        Self { folder, socket }
    }

    fn starts(&self, launch: Launch) -> Launch {
        launch.env("NOTIFY_SOCKET", self.folder.path().join("notify"))
    }

    fn hears(&self, wish: &str) -> String {
        launch::wait_for(wish, || {
            let mut bytes = [0; 1024];
            match self.socket.recv(&mut bytes) {
                Ok(count) => {
                    let words = String::from_utf8_lossy(&bytes[..count]).into_owned();
                    words.lines().any(|word| word == wish).then_some(words)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                Err(error) => panic!("{error}"),
            }
        })
    }
}

fn serve() -> Launch {
    let folder = clips::root();
    launch::headend(["serve", "--listen", "127.0.0.1:0", "--log", "info"])
        .env("HEADEND_ASSETS", folder.as_os_str())
}

#[test]
fn a_manager_is_told_of_begin_and_end() {
    let manager = Manager::new();
    let mut server = manager.starts(serve()).start_unready();
    let words = manager.hears("READY=1");
    assert!(
        words.contains(&format!("STATUS=listening on {}", server.base)),
        "{words}"
    );
    server.get("/healthz").expect(200);
    server.guard.signal(Signal::TERM);
    manager.hears("STOPPING=1");
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
}

#[test]
fn a_watchdog_is_fed() {
    let manager = Manager::new();
    let launch = manager.starts(serve()).env("WATCHDOG_USEC", "400000");
    let mut server = launch.start();
    for _ in 0..3 {
        manager.hears("WATCHDOG=1");
    }
    server.guard.signal(Signal::TERM);
    server.guard.wait();
    assert_eq!(server.guard.ended().and_then(|it| it.code()), Some(0));
}

#[test]
fn a_manager_that_is_not_there_is_a_warning() {
    let mut server = serve().env("NOTIFY_SOCKET", "/nowhere/notify").start();
    assert!(
        server.said().contains("service manager"),
        "{}",
        server.said()
    );
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
}

/// R21: SIGUSR1 writes how things are to the log, and nothing ends.
#[test]
fn sigusr1_writes_the_state_to_the_log() {
    let mut server = serve().start();
    server.guard.signal(Signal::USR1);
    server.wait_said("asked for by SIGUSR1");
    server.get("/healthz").expect(200);
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
}
