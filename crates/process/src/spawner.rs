//! Starting children from one thread that lives as long as they do.
//!
//! The kernel sends the parent-death signal when the *thread* that started the child ends, not the
//! process. So one thread starts all children, and lives while a [`Spawner`] or a [`Child`] does.

use std::{
    io, mem,
    os::fd::OwnedFd,
    path::PathBuf,
    process::{self, Stdio},
    sync::{Arc, mpsc},
    thread,
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::Pid,
};

use crate::{Child, Command, Error, Stream, guard::Guard, shim};

/// Starts children. Clones share one thread.
#[derive(Clone, Debug)]
pub struct Spawner {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    requests: mpsc::Sender<Request>,
    shim: Option<PathBuf>,
    guard: Option<Arc<Guard>>,
}

struct Request {
    command: process::Command,
    inherited: Vec<OwnedFd>,
    reply: mpsc::SyncSender<io::Result<process::Child>>,
}

impl Request {
    /// Starts the child. Files that it inherits are open to it alone, since no other child is
    /// started meanwhile, and are closed here afterwards.
    fn start(&mut self) -> io::Result<process::Child> {
        let inherited = mem::take(&mut self.inherited);
        for file in &inherited {
            fcntl_setfd(file, FdFlags::empty())?;
        }
        self.command.spawn()
    }
}

impl Spawner {
    /// Starts children directly: they are ended when their [`Child`] is dropped, but outlive a
    /// parent that is killed. For tests of libraries; programs use [`Spawner::with_shim`].
    pub fn direct() -> Result<Self, Error> {
        Self::start(None, None)
    }

    /// Starts children through `program`, which is our own binary and calls
    /// [`shim::run_if_shim`] first thing; they get `SIGTERM` when this process ends, however that
    /// comes about. `/proc/self/exe` is right even when the file has been replaced since.
    pub fn with_shim(program: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::start(Some(program.into()), None)
    }

    /// As [`Spawner::with_shim`], and what children start in turn ends as well when this process is
    /// killed: one more process, started with the first child, sees to it. For commands that others
    /// write, which may be shells.
    pub fn guarded(program: impl Into<PathBuf>) -> Result<Self, Error> {
        let program = program.into();
        let guard = Arc::new(Guard::new(program.clone()));
        Self::start(Some(program), Some(guard))
    }

    fn start(shim: Option<PathBuf>, guard: Option<Arc<Guard>>) -> Result<Self, Error> {
        let (requests, inbox) = mpsc::channel::<Request>();
        let watching = guard.clone();
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || {
                for mut request in inbox {
                    let started = request.start();
                    // Here, since it may be started by that, and no child may be meanwhile.
                    if let (Ok(child), Some(guard)) = (&started, &watching) {
                        guard.watch(Pid::from_child(child));
                    }
                    // A caller that is gone leaves the child to be killed and reaped here.
                    if let Err(mpsc::SendError(Ok(mut child))) = request.reply.send(started) {
                        let _ = child.kill();
                        if let Some(guard) = &watching {
                            guard.forget(Pid::from_child(&child));
                        }
                        let _ = child.wait();
                    }
                }
            })
            .map_err(|source| Error::Spawn {
                program: "spawner thread".to_owned(),
                source,
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                requests,
                shim,
                guard,
            }),
        })
    }

    /// Starts a child in a process group of its own.
    pub fn spawn(&self, mut command: Command) -> Result<Child, Error> {
        let Some(program) = command.resolve() else {
            return Err(Error::Missing {
                program: command.program.to_string_lossy().into_owned(),
                package: command.package,
            });
        };
        let name = command.program.to_string_lossy().into_owned();
        let fail = |source| Error::Spawn {
            program: name.clone(),
            source,
        };
        tracing::debug!(command = command.line(), "starting");
        let (reply, answer) = mpsc::sync_channel(1);
        let request = Request {
            inherited: mem::take(&mut command.inherited),
            command: self.prepare(&mut command, program),
            reply,
        };
        let gone = || io::Error::other("the spawner thread is gone");
        self.inner
            .requests
            .send(request)
            .map_err(|_| fail(gone()))?;
        let child = answer.recv().map_err(|_| fail(gone()))?.map_err(fail)?;
        Child::supervise(child, command, self.clone())
    }

    /// Is told that nothing is left of a group, before its number can be given away.
    pub(crate) fn forget(&self, group: Pid) {
        if let Some(guard) = &self.inner.guard {
            guard.forget(group);
        }
    }

    fn prepare(&self, command: &mut Command, program: PathBuf) -> process::Command {
        use std::os::unix::process::CommandExt;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the place that the ban points to"
        )]
        let new = process::Command::new::<&PathBuf>;
        let mut prepared = match &self.inner.shim {
            Some(shim) => {
                let mut prepared = new(shim);
                prepared
                    .args(shim::arguments(process::id(), command))
                    .arg(program);
                prepared
            }
            None => new(&program),
        };
        prepared
            .args(&command.arguments)
            .env_clear()
            .envs(command.full_environment())
            .stdin(stdio(mem::take(&mut command.stdin)))
            .stdout(stdio(mem::take(&mut command.stdout)))
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(folder) = &command.folder {
            prepared.current_dir(folder);
        }
        prepared
    }
}

fn stdio(stream: Stream) -> Stdio {
    match stream {
        Stream::Null => Stdio::null(),
        Stream::Piped => Stdio::piped(),
        Stream::File(file) => file.into(),
    }
}
