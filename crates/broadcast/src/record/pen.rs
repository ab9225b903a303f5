//! Writing the files of a recording to a disk that may be full: it is tried again until there is room,
//! or until the recording is to end.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::Error;
use crate::{
    events::What,
    room::Room,
    window::{Event, Queue},
};

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// How often the room on the disk is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// For how long a recording waits for its disk, and who is told.
pub struct Patience {
    /// It waits until this is closed. What comes by it meanwhile waits there.
    pub until: Arc<Queue<Event>>,
    /// Told of a disk that is full or that cannot be written to, and of the end of that.
    pub tell: Box<dyn Fn(What) + Send + Sync>,
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").finish_non_exhaustive()
    }
}

/// What the tracks of a recording write with.
#[derive(Debug)]
pub(super) struct Pen {
    /// Where the recording goes.
    folder: PathBuf,
    patience: Option<Patience>,
    disk: Mutex<Disk>,
}

/// What is known of the disk.
#[derive(Debug)]
struct Disk {
    room: Room,
    looked: Option<Instant>,
    is_failing: bool,
}

impl Pen {
    /// Makes the pen of a recording in `folder`; without patience the first failure is the last.
    pub(super) fn new(folder: &Path, patience: Option<Patience>) -> Arc<Self> {
        Arc::new(Self {
            folder: folder.to_path_buf(),
            patience,
            disk: Mutex::new(Disk {
                room: Room::of(folder.to_path_buf()),
                looked: None,
                is_failing: false,
            }),
        })
    }

    /// Writes the file at `path`, from its beginning at each try.
    pub(super) fn write(
        &self,
        path: &Path,
        mut write: impl FnMut() -> io::Result<()>,
    ) -> Result<(), Error> {
        loop {
            let patience = self.patience.as_ref();
            let patience = patience.filter(|patience| !patience.until.is_closed());
            if let Some(patience) = patience
                && self.is_low(patience)
            {
                thread::sleep(AGAIN);
                continue;
            }
            let failed = write();
            self.note(&failed);
            let Err(source) = failed else {
                return Ok(());
            };
            // Half of a file takes room and is of no use.
            let _ = std::fs::remove_file(path);
            if patience.is_none() {
                let path = path.to_path_buf();
                return Err(Error::Write { path, source });
            }
            thread::sleep(AGAIN);
        }
    }

    /// Tells whether there is too little room to write.
    fn is_low(&self, patience: &Patience) -> bool {
        let mut disk = self.lock();
        if disk.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            disk.looked = Some(Instant::now());
            if let Some(change) = disk.room.look() {
                (patience.tell)(change);
            }
        }
        disk.room.is_low()
    }

    /// Tells of the first failure, and of the first success behind one.
    fn note(&self, done: &io::Result<()>) {
        let Some(patience) = &self.patience else {
            return;
        };
        let mut disk = self.lock();
        let path = self.folder.display().to_string();
        match done {
            Ok(()) if disk.is_failing => {
                disk.is_failing = false;
                (patience.tell)(What::WriteRecovered { path });
            }
            Err(error) if !disk.is_failing => {
                disk.is_failing = true;
                let text = error.to_string();
                (patience.tell)(What::WriteFailing { path, text });
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        // Plain values.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Arc<Mutex<Vec<What>>>;

    fn patient(folder: &Path) -> (Arc<Pen>, Arc<Queue<Event>>, Told) {
        let until = Arc::new(Queue::new(1));
        let told = Told::default();
        let into = Arc::clone(&told);
        let patience = Patience {
            until: Arc::clone(&until),
            tell: Box::new(move |what| into.lock().unwrap().push(what)),
        };
        (Pen::new(folder, Some(patience)), until, told)
    }

    fn full() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    fn names(told: &Told) -> Vec<&'static str> {
        let told = told.lock().unwrap();
        let of_writing = told.iter().map(What::name);
        of_writing
            .filter(|name| name.starts_with("write"))
            .collect()
    }

    #[test]
    fn a_full_disk_is_waited_for_and_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let (pen, _until, told) = patient(folder.path());
        let mut tries = 0;
        let written = pen.write(&folder.path().join("1.m4s"), || {
            tries += 1;
            if tries < 3 { Err(full()) } else { Ok(()) }
        });
        assert!(written.is_ok());
        assert_eq!(names(&told), ["write-failing", "write-recovered"]);
    }

    #[test]
    fn nobody_waits_behind_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.m4s");
        let (pen, until, _) = patient(folder.path());
        until.close();
        let refused = pen.write(&path, || Err(full()));
        assert!(matches!(refused, Err(Error::Write { .. })), "{refused:?}");
        let hasty = Pen::new(folder.path(), None);
        assert!(hasty.write(&path, || Err(full())).is_err());
    }
}
