//! Starts the binary under test and other programs, and never leaves one running.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, UdpSocket},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use crate::{
    http::{self, Answer},
    terminal::Terminal,
};

/// How long anything may take before the scenario fails. Generous: it only bounds a hang.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How long what encodes a film may take.
pub const LONG: Duration = Duration::from_mins(30);

/// Makes a command; the one place where the tests start a program.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests look at the product from outside and do not use its process crate"
    )]
    Command::new(program)
}

/// Waits until `probe` gives something.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub fn wait_for<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, probe).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Polls `probe` until it gives something or `limit` has passed.
pub fn wait_within<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if begun.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be started or does not end within [`PATIENCE`].
pub fn run(command: &mut Command) -> Output {
    run_within(command, PATIENCE)
}

/// Runs a command to its end, which has to come within `limit`.
///
/// # Panics
/// When it cannot be started or does not end.
pub fn run_within(command: &mut Command, limit: Duration) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut guard = Guard::spawn(command);
    let stdout = drain(guard.child.stdout.take());
    let stderr = drain(guard.child.stderr.take());
    let status = wait_within(limit, || guard.ended()).expect("the process ends in time");
    Output {
        status,
        stdout: stdout.join().expect("stdout is read"),
        stderr: stderr.join().expect("stderr is read"),
    }
}

/// A child that is killed, with all below it, when this is dropped. It stays in our process group, so
/// that an interrupted test run takes it along.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Guard {
    /// Starts a command.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn spawn(command: &mut Command) -> Self {
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { child, ended: None }
    }

    /// Returns the process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Takes the ends of its stdout and stderr that are asked for as pipes; dropping them is to stop
    /// listening.
    pub fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Takes its stdin, when that is a pipe; dropping it closes it.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid()) {
            // A process that has ended already is what the caller wanted.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Returns the exit status if the process has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("child can be waited for");
        }
        self.ended
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// When it does not end within [`PATIENCE`].
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the process", || self.ended())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let tree = descendants(self.pid()).into_iter().map(|(pid, _)| pid);
        for pid in [self.pid()].into_iter().chain(tree) {
            if let Some(pid) = Pid::from_raw(pid) {
                // It may have ended by itself meanwhile.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        // Only reaps: the process is dead by now.
        let _ = self.child.wait();
    }
}

/// Returns the path of the binary under test: `HEADEND_BIN`, else the one of this build, made first
/// so that it is never older than the sources.
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = std::env::var_os("HEADEND_BIN") {
            return PathBuf::from(path);
        }
        let target = profile_folder();
        let mut build = command(env!("CARGO"));
        build
            .args(["build", "--quiet", "--package", "headend"])
            .current_dir(repository())
            .env("CARGO_TARGET_DIR", target.parent().expect("target folder"));
        if target.file_name() == Some(OsStr::new("release")) {
            build.arg("--release");
        }
        let status = build.status().expect("cargo runs");
        assert!(status.success(), "`cargo build --package headend` failed");
        target.join("headend")
    })
}

/// Returns the root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the folder of this build's profile, such as `target/debug`.
///
/// # Panics
/// When the test does not run from a target folder.
pub fn profile_folder() -> PathBuf {
    let mut folder = std::env::current_exe().expect("path of the test");
    folder.pop();
    if folder.ends_with("deps") || folder.ends_with("examples") {
        folder.pop();
    }
    folder
}

/// A command line of the binary being put together.
#[derive(Debug)]
pub struct Launch {
    command: Command,
    home: Option<tempfile::TempDir>,
}

/// Begins a command line of the binary. Unless [`Launch::home`] says otherwise, it runs with an
/// empty home and so with empty caches.
///
/// # Panics
/// When no temporary folder can be made.
pub fn headend<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Launch {
    let home = tempfile::tempdir().expect("temporary folder");
    let mut command = command(binary());
    command.args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("HEADEND_") || text.starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    let launch = Launch {
        command,
        home: None,
    };
    let mut launch = launch.home(home.path());
    launch.home = Some(home);
    launch
}

/// Starts `headend simulate PATH` on a free port.
pub fn simulate(path: &Path) -> Server {
    headend([
        "simulate".as_ref(),
        path.as_os_str(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ])
    .start()
}

impl Launch {
    /// Sets the home folder, below which caches are kept.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.command
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Starts it on a terminal of its own.
    pub fn on_terminal(self) -> Terminal {
        Terminal::start(&self.command)
    }

    /// Lets another program start it, which has to take its own place, such as `unshare --mount`.
    #[must_use]
    pub fn below<I: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = I>) -> Self {
        let mut words = words.into_iter();
        let program = words.next().expect("a program");
        let mut outer = command(program);
        outer.args(words).arg(self.command.get_program());
        outer.args(self.command.get_args()).stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => outer.env(name, value),
                None => outer.env_remove(name),
            };
        }
        if let Some(folder) = self.command.get_current_dir() {
            outer.current_dir(folder);
        }
        self.command = outer;
        self
    }

    /// Hands it a listener as a socket unit of systemd does, sd_listen_fds(3).
    ///
    /// # Panics
    /// When the listener cannot be duplicated.
    #[must_use]
    pub fn socket(self, listener: &TcpListener) -> Self {
        const HAND_OVER: &str =
            "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"";
        let mut launch = self.below(["sh", "-c", HAND_OVER, "sh"]);
        let listener = listener.try_clone().expect("a second descriptor");
        launch.command.stdin(OwnedFd::from(listener));
        launch
    }

    /// Starts it with pipes as stdout and stderr, for a scenario that reads them itself.
    pub fn spawn(mut self) -> Guard {
        Guard::spawn(self.command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// When it does not end within [`PATIENCE`].
    pub fn run(mut self) -> Output {
        run(&mut self.command)
    }

    /// Starts it as a server and waits until `/readyz` says yes.
    ///
    /// # Panics
    /// When it ends or does not become ready within [`PATIENCE`].
    pub fn start(self) -> Server {
        let mut server = self.start_unready();
        server.wait_ready();
        server
    }

    /// Starts it as a server and waits until it says its address.
    ///
    /// # Panics
    /// When it ends or does not say so within [`PATIENCE`].
    pub fn start_unready(self) -> Server {
        Server::spawn(self.command, self.home)
    }
}

/// Starts any command that becomes a server of ours and waits until `/readyz` says yes.
///
/// # Panics
/// When it ends or does not become ready within [`PATIENCE`].
pub fn serve(command: Command) -> Server {
    let mut server = Server::spawn(command, None);
    server.wait_ready();
    server
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub guard: Guard,
    /// `http://host:port`, or `https://`.
    pub base: String,
    said: Arc<Mutex<String>>,
    _home: Option<tempfile::TempDir>,
}

impl Server {
    fn spawn(mut command: Command, home: Option<tempfile::TempDir>) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut guard = Guard::spawn(&mut command);
        let said = Arc::new(Mutex::new(String::new()));
        follow(guard.child.stdout.take(), &said);
        follow(guard.child.stderr.take(), &said);
        let mut server = Self {
            guard,
            base: String::new(),
            said,
            _home: home,
        };
        server.base = wait_for("the address that the server prints", || {
            server.check_alive();
            address(&server.said())
        });
        server
    }

    fn wait_ready(&mut self) {
        let url = self.url("/readyz");
        wait_for("readiness", || {
            self.check_alive();
            http::get(&url)
                .try_send()
                .ok()
                .filter(|answer| answer.status == 200)
        });
    }

    /// Returns the absolute URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Gets a path.
    pub fn get(&self, path: &str) -> Answer {
        http::get(&self.url(path)).send()
    }

    /// Returns all that was printed so far, stdout and stderr together.
    ///
    /// # Panics
    /// When a reader thread panicked.
    pub fn said(&self) -> String {
        self.said.lock().expect("reader threads live").clone()
    }

    /// Waits until what was printed contains `text`.
    pub fn wait_said(&self, text: &str) {
        wait_for(&format!("{text:?} on the server's output"), || {
            self.said().contains(text).then_some(())
        });
    }

    fn check_alive(&mut self) {
        if let Some(status) = self.guard.ended() {
            panic!("server ended with {status}: {}", self.said());
        }
    }
}

/// Finds the first `http://host:port`, or `https://`, whose port is not zero.
fn address(text: &str) -> Option<String> {
    text.lines()
        .take(text.matches('\n').count())
        .flat_map(|line| line.match_indices("http").map(move |(at, _)| &line[at..]))
        .find_map(|rest| {
            let (scheme, rest) = rest.split_once("://")?;
            let authority: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(*c))
                .collect();
            let (_, port) = authority.rsplit_once(':')?;
            let port: u16 = port.parse().ok()?;
            let is_address = port != 0 && ["http", "https"].contains(&scheme);
            is_address.then(|| format!("{scheme}://{authority}"))
        })
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("pipe was asked for");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("pipe can be read");
        bytes
    })
}

fn follow(pipe: Option<impl Read + Send + 'static>, said: &Arc<Mutex<String>>) {
    let pipe = pipe.expect("pipe was asked for");
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = said.lock().expect("reader threads live");
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// Returns the ids and command lines of all living processes below `pid`, zombies left out.
pub fn descendants(pid: i32) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (child, above, name) in processes() {
            if above == parent {
                parents.push(child);
                found.push((child, name));
            }
        }
    }
    found
}

/// Tells whether a process lives (a zombie does not).
pub fn lives(pid: i32) -> bool {
    processes().iter().any(|(id, _, _)| *id == pid)
}

/// Returns the ids of all living processes in whose command line `text` occurs.
pub fn mentioning(text: &str) -> Vec<i32> {
    let has = |pid: &i32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words)
            .replace('\0', " ")
            .contains(text)
    };
    let living = processes().into_iter().map(|(pid, _, _)| pid);
    living.filter(has).collect()
}

/// Counts the children of `pid` that have ended and that it has not waited for.
pub fn zombies_of(pid: i32) -> usize {
    let all = all_processes().into_iter();
    all.filter(|(state, (_, parent, _))| *parent == pid && state == "Z")
        .count()
}

/// A process id, that of the parent, and the name.
type Process = (i32, i32, String);

/// Lists the living processes.
fn processes() -> Vec<Process> {
    let all = all_processes().into_iter();
    all.filter(|(state, _)| state != "Z" && state != "X")
        .map(|(_, process)| process)
        .collect()
}

/// Lists all processes with their states, from `/proc/*/stat`.
fn all_processes() -> Vec<(String, Process)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (before, after) = stat.rsplit_once(") ")?;
            let name = before.split_once('(')?.1.to_owned();
            let mut fields = after.split(' ');
            let state = fields.next()?.to_owned();
            let parent = fields.next()?.parse().ok()?;
            Some((state, (pid, parent, name)))
        })
        .collect()
}

/// Returns the resident memory of a process.
///
/// # Panics
/// When it does not run.
pub fn resident_bytes(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .and_then(|text| text.trim().parse::<u64>().ok())
        .expect("VmRSS")
        * 1024
}

/// Finds a port that was free for TCP and UDP a moment ago, for programs that cannot choose one themselves.
///
/// # Panics
/// When there is no loopback interface.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback");
    let port = listener.local_addr().expect("address").port();
    match UdpSocket::bind(("127.0.0.1", port)) {
        Ok(_) => port,
        Err(_) => free_port(),
    }
}

/// Tells whether we run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
