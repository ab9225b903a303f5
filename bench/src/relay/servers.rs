//! The relays that are compared, each as its documentation sets it up.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Stdio,
    time::Duration,
};

use harness::launch::{self, Guard};

use super::source::Source;
use crate::{machine, report::Report};

/// A relay that has data.
pub(super) struct Running {
    pub(super) guard: Guard,
    pub(super) address: SocketAddr,
    pub(super) path: &'static str,
    _feeder: Option<Guard>,
    _folder: tempfile::TempDir,
}

/// A relay that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relay {
    Headend,
    Icecast,
    Voyandz,
}

impl Relay {
    pub(super) const ALL: [Self; 3] = [Self::Headend, Self::Icecast, Self::Voyandz];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Headend => "headend",
            Self::Icecast => "icecast",
            Self::Voyandz => "voyandz",
        }
    }

    /// Starts it with a feed, and waits until a client gets something. One that is missing or gives
    /// nothing is noted: the others are measured all the same.
    pub(super) fn start(self, feed: &Source, report: &mut Report) -> Option<Running> {
        for _ in 0..TRIES {
            let started = match self {
                Self::Headend => headend(feed),
                Self::Icecast => icecast(feed),
                Self::Voyandz => voyandz(feed),
            };
            match started {
                Ok(running) => return Some(running),
                Err(what) => {
                    report.note(&format!("    {}: {what}", self.name()));
                    if what == MISSING {
                        break;
                    }
                }
            }
        }
        None
    }
}

/// What is said of one that is not there.
const MISSING: &str = "is not installed: scripts/setup.sh bench";

const PATH: &str = "/stream/tv";
/// How long a relay may take to start, and to give something, and how often it is tried: the port that was
/// free may be somebody else's by then.
const START: Duration = Duration::from_secs(15);
const TRIES: u32 = 3;

/// The configuration that headend and voyandz have in common.
fn config(feed: &Source, port: u16, command: &str) -> String {
    format!(
        "listenaddr: 127.0.0.1\n\
         listenport: {port}\n\
         feeds:\n  tv:\n    command: {}\n    mode: continuous\n\
         streams:\n  tv:\n    feed: tv\n    type: stream\n    mimetype: {}\n{command}",
        feed.to_stdout(),
        feed.mimetype(),
    )
}

fn headend(feed: &Source) -> Result<Running, &'static str> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let port = launch::free_port();
    let file = folder.path().join("headend.yaml");
    fs::write(&file, config(feed, port, "")).expect("configuration");
    let mut command = launch::command(launch::binary());
    command.args(["serve", "-c"]).arg(&file);
    started(&mut command, port, PATH, None, folder)
}

fn voyandz(feed: &Source) -> Result<Running, &'static str> {
    let program = machine::peer("voyandz").ok_or(MISSING)?;
    let folder = tempfile::tempdir().expect("temporary folder");
    let port = launch::free_port();
    let file = folder.path().join("voyandz.yaml");
    // It passes nothing through by itself.
    fs::write(&file, config(feed, port, "    command: cat\n")).expect("configuration");
    let mut command = launch::command(program);
    command.arg("-f").arg(&file);
    started(&mut command, port, PATH, None, folder)
}

fn icecast(feed: &Source) -> Result<Running, &'static str> {
    let program = find("icecast2").ok_or(MISSING)?;
    let folder = tempfile::tempdir().expect("temporary folder");
    let port = launch::free_port();
    // Started by root, it wants to become somebody else, who has to be able to write its log.
    let owner = if launch::is_root() {
        let mut chown = command_of("chown nobody:nogroup");
        assert!(launch::run(chown.arg(folder.path())).status.success());
        "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
    } else {
        ""
    };
    let file = folder.path().join("icecast.xml");
    let text = format!(
        "<icecast>
            <limits><clients>5000</clients><sources>2</sources><queue-size>4194304</queue-size>
                <burst-size>1048576</burst-size></limits>
            <authentication><source-password>source</source-password>
                <admin-user>admin</admin-user><admin-password>admin</admin-password></authentication>
            <hostname>localhost</hostname>
            <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
            <paths><basedir>/usr/share/icecast2</basedir><logdir>{log}</logdir>
                <webroot>/usr/share/icecast2/web</webroot>
                <adminroot>/usr/share/icecast2/admin</adminroot></paths>
            <logging><accesslog>access.log</accesslog><errorlog>error.log</errorlog>
                <loglevel>1</loglevel></logging>
            <security><chroot>0</chroot>{owner}</security>
        </icecast>",
        log = folder.path().display(),
    );
    fs::write(&file, text).expect("configuration");
    let mut command = launch::command(program);
    command.arg("-c").arg(&file);
    let words = feed.to_icecast(port);
    started(&mut command, port, "/tv", Some(&words), folder)
}

/// Finds a program on the path, of the administrator too.
fn find(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| place.is_file())
}

/// Starts a relay, and what feeds it, and waits until a client gets something.
fn started(
    command: &mut std::process::Command,
    port: u16,
    path: &'static str,
    feeder: Option<&str>,
    folder: tempfile::TempDir,
) -> Result<Running, &'static str> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut guard = Guard::spawn(command);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    launch::wait_within(START, || TcpStream::connect(address).ok()).ok_or("does not listen")?;
    let feeder = feeder.map(|words| Guard::spawn(command_of(words).stdin(Stdio::null())));
    launch::wait_within(START, || has_data(address, path)).ok_or("gives nothing")?;
    if guard.ended().is_some() {
        return Err("has ended");
    }
    Ok(Running {
        guard,
        address,
        path,
        _feeder: feeder,
        _folder: folder,
    })
}

fn has_data(address: SocketAddr, path: &str) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: relay\r\n\r\n").ok()?;
    let mut head = [0; 4096];
    let len = stream.read(&mut head).ok()?;
    let is_fine = head[..len].starts_with(b"HTTP/1.") && head[9..].starts_with(b"200");
    (is_fine && stream.read(&mut head).ok()? > 0).then_some(())
}

/// Makes a command of words that hold no blanks.
fn command_of(words: &str) -> std::process::Command {
    let mut words = words.split_whitespace();
    let mut command = launch::command(words.next().expect("a program"));
    command.args(words);
    command
}
