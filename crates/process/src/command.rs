//! What to run: a program, its arguments as a list that no shell sees, and how to treat it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Resource, Signal};

use crate::{limits::Limits, mask, supervise::Priority};

/// What a child gets of our environment; the rest is ours. Added to by [`Command::env`].
const INHERITED: &[&str] = &[
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LIBVA_DRIVER_NAME",
    "LOGNAME",
    "NO_COLOR",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Where a standard stream of the child leads. stderr is always read by us.
#[derive(Debug, Default)]
pub enum Stream {
    /// To `/dev/null`.
    #[default]
    Null,
    /// Through a pipe to us.
    Piped,
    /// To this file or pipe, which may be the end of another child.
    File(OwnedFd),
}

/// Called with every line of stderr, secrets masked, from the thread that reads it.
pub(crate) type OnLine = Box<dyn FnMut(&str) + Send>;

/// A program with its arguments, not yet started.
pub struct Command {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) stdin: Stream,
    pub(crate) stdout: Stream,
    pub(crate) inherited: Vec<OwnedFd>,
    pub(crate) kept_lines: usize,
    pub(crate) on_line: Option<OnLine>,
    pub(crate) stop_signal: Signal,
    pub(crate) grace: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) package: Option<&'static str>,
    pub(crate) priority: Priority,
    pub(crate) limits: Limits,
}

impl Command {
    /// Names a program: a path, or a name that is looked for in `PATH`. Standard streams lead to
    /// `/dev/null`, the last 40 lines of stderr are kept, and stopping grants 3 s.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: None,
            stdin: Stream::Null,
            stdout: Stream::Null,
            inherited: Vec::new(),
            kept_lines: 40,
            on_line: None,
            stop_signal: Signal::TERM,
            grace: Duration::from_secs(3),
            timeout: None,
            package: None,
            priority: Priority::default(),
            limits: Limits::default(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment, which otherwise holds a short list of harmless ones.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets where stdin comes from.
    #[must_use]
    pub fn stdin(mut self, stream: Stream) -> Self {
        self.stdin = stream;
        self
    }

    /// Sets where stdout goes.
    #[must_use]
    pub fn stdout(mut self, stream: Stream) -> Self {
        self.stdout = stream;
        self
    }

    /// Hands an open file down besides the standard streams, under the number that it has here, so
    /// that `/dev/fd/N` names it. It is closed here once the child runs.
    #[must_use]
    pub fn inherit(mut self, file: OwnedFd) -> Self {
        self.inherited.push(file);
        self
    }

    /// Sets how many of the last lines of stderr are kept.
    #[must_use]
    pub fn keep_lines(mut self, lines: usize) -> Self {
        self.kept_lines = lines;
        self
    }

    /// Hands every line of stderr to `callback`, secrets masked.
    #[must_use]
    pub fn on_line(mut self, callback: impl FnMut(&str) + Send + 'static) -> Self {
        self.on_line = Some(Box::new(callback));
        self
    }

    /// Sets the signal that tells a child to end, `SIGTERM` otherwise; its whole group gets it.
    #[must_use]
    pub fn stop_signal(mut self, signal: Signal) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Sets how long a child that is told to end may take before it is killed.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the time limit of [`Spawner::run`](crate::Spawner::run) and its kin.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Names the Debian package of the program, for the error when it is missing.
    #[must_use]
    pub fn package(mut self, package: &'static str) -> Self {
        self.package = Some(package);
        self
    }

    /// Sets what the child is worth to the machine.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sets how much of a resource the kernel grants the child, as soft and hard limit (setrlimit(2)); at
    /// most what we have ourselves. Of `As`, `Core`, `Cpu`, `Data`, `Fsize`, `Nofile` and `Nproc`;
    /// others are left as they are.
    #[must_use]
    pub fn rlimit(mut self, resource: Resource, most: u64) -> Self {
        self.limits.resources.push((resource, most));
        self
    }

    /// Sets the rights that files of the child do not get (umask(2)).
    #[must_use]
    pub fn umask(mut self, bits: u32) -> Self {
        self.limits.umask = Some(bits);
        self
    }

    /// Returns the name of the program without its folder.
    pub fn name(&self) -> String {
        Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program)
            .to_string_lossy()
            .into_owned()
    }

    /// Returns the whole command as one line, secrets masked.
    pub fn line(&self) -> String {
        mask::command_line(
            &self.program,
            self.arguments.iter().map(OsString::as_os_str),
        )
    }

    /// Lists the environment of the child.
    pub(crate) fn full_environment(&self) -> Vec<(OsString, OsString)> {
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
        inherited.chain(self.environment.iter().cloned()).collect()
    }

    /// Finds the file to execute.
    pub(crate) fn resolve(&self) -> Option<PathBuf> {
        let path = env::var_os("PATH");
        let program = find_program(&self.program, path.as_deref())?;
        // The child may start in another folder.
        std::path::absolute(program).ok()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.line())
    }
}

/// Finds an executable file: `program` itself if it names a folder, else the first in `path`.
pub(crate) fn find_program(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    use std::os::unix::{ffi::OsStrExt, fs::PermissionsExt};
    let executable = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(executable);
    }
    env::split_paths(path?)
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| folder.join(program))
        .find(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        let path = Some(OsStr::new("/nowhere:/usr/bin:/bin"));
        let shell = find_program(OsStr::new("sh"), path).unwrap();
        assert!(shell.ends_with("sh"));
        assert_eq!(find_program(shell.as_os_str(), None), Some(shell));
        for absent in ["no-such-program", "/etc/passwd", "/bin", ""] {
            assert_eq!(find_program(OsStr::new(absent), path), None, "{absent}");
        }
    }

    #[test]
    fn debug_output_is_masked() {
        let command = Command::new("/usr/bin/ffmpeg").args(["-i", "rtsp://u:p@cam/"]);
        assert_eq!(
            format!("{command:?}"),
            "Command(/usr/bin/ffmpeg -i rtsp://***@cam/)"
        );
        assert_eq!(command.name(), "ffmpeg");
    }
}
