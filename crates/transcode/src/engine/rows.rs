//! Jobs and tasks in a redb database: a row of JSON each. What is in it can be lost, see
//! [`super`]; so a database that cannot be read is put aside and begun anew.

use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableTable as _, TableDefinition, backends::InMemoryBackend,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Error,
    queue::{Changed, Key, Queue},
    task::{Job, TaskReport},
};

/// Jobs by name.
const JOBS: TableDefinition<&str, &str> = TableDefinition::new("jobs");

/// Tasks by names of job and task.
const TASKS: TableDefinition<(&str, &str), &str> = TableDefinition::new("tasks");

/// Numbers by name.
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");

/// The newest fence.
const FENCE: &str = "fence";

/// The version of what rows look like.
const FORMAT: &str = "format";

/// What this program writes.
const THIS_FORMAT: u64 = 1;

/// An open database.
#[derive(Debug)]
pub(super) struct Rows {
    database: Database,
    /// Its name in errors.
    name: String,
}

impl Rows {
    /// Opens a database, or makes one: in memory if no file is named.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, Queue), Error> {
        let Some(path) = path else {
            let database = Database::builder()
                .create_with_backend(InMemoryBackend::new())
                .map_err(|error| failed("in memory", error))?;
            let name = "in memory".to_owned();
            return Ok((Self { database, name }, Queue::default()));
        };
        let name = path.display().to_string();
        let whole = match Database::create(path) {
            Ok(database) => {
                let rows = Self {
                    database,
                    name: name.clone(),
                };
                rows.read().map(|queue| (rows, queue))
            }
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(Error::InUse { path: name }),
            Err(error) => Err(failed(&name, error)),
        };
        whole.or_else(|error| {
            let aside = aside(path);
            tracing::warn!(%error, aside = %aside.display(), "the database is begun anew");
            std::fs::rename(path, &aside).map_err(|error| failed(&name, error))?;
            let database = Database::create(path).map_err(|error| failed(&name, error))?;
            Ok((Self { database, name }, Queue::default()))
        })
    }

    fn read(&self) -> Result<Queue, Error> {
        self.try_read().map_err(|error| self.failed(error))
    }

    fn try_read(&self) -> Result<Queue, Fault> {
        let transaction = self.database.begin_write()?;
        let (jobs, tasks, fence);
        {
            let mut numbers = transaction.open_table(NUMBERS)?;
            let format = numbers.get(FORMAT)?.map(|it| it.value());
            match format {
                None => {
                    numbers.insert(FORMAT, THIS_FORMAT)?;
                }
                Some(THIS_FORMAT) => {}
                Some(other) => return Err(Fault::Format(other)),
            }
            fence = numbers.get(FENCE)?.map_or(0, |it| it.value());
            jobs = parse_all::<Job>(
                transaction
                    .open_table(JOBS)?
                    .iter()?
                    .map(|row| row.map(|(_, text)| text.value().to_owned())),
            )?;
            let mut found = Vec::new();
            for row in transaction.open_table(TASKS)?.iter()? {
                let (key, text) = row?;
                let report: TaskReport = serde_json::from_str(text.value())?;
                found.push((key.value().0.to_owned(), report));
            }
            tasks = found;
        }
        transaction.commit()?;
        Ok(Queue::restore(jobs, tasks, fence))
    }

    /// Writes what has changed in the queue.
    pub(super) fn write(&self, queue: &mut Queue) -> Result<(), Error> {
        let changed = queue.take_changed();
        if changed.jobs.is_empty() && changed.tasks.is_empty() {
            return Ok(());
        }
        self.try_write(queue, &changed).map_err(|error| {
            queue.put_back(changed);
            self.failed(error)
        })
    }

    fn try_write(&self, queue: &Queue, changed: &Changed) -> Result<(), Fault> {
        let transaction = self.database.begin_write()?;
        {
            transaction
                .open_table(NUMBERS)?
                .insert(FENCE, queue.fence())?;
            let mut jobs = transaction.open_table(JOBS)?;
            for name in &changed.jobs {
                match queue.job(name) {
                    Some(job) => jobs.insert(name.as_str(), text(job)?.as_str())?,
                    None => jobs.remove(name.as_str())?,
                };
            }
            let mut tasks = transaction.open_table(TASKS)?;
            for key in &changed.tasks {
                let (job, task): &Key = key;
                let row = (job.as_str(), task.as_str());
                match queue.task(key) {
                    Some(report) => tasks.insert(row, text(report)?.as_str())?,
                    None => tasks.remove(row)?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn failed(&self, error: Fault) -> Error {
        failed(&self.name, error)
    }
}

/// What can be wrong with a database.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Database(#[from] redb::Error),
    #[error("a row is not what was written: {0}")]
    Row(#[from] serde_json::Error),
    #[error("it is of format {0}, and this program knows {THIS_FORMAT} only")]
    Format(u64),
}

/// Makes a fault of each kind of error that redb has.
macro_rules! database_faults {
    ($($kind:ident),*) => {
        $(impl From<redb::$kind> for Fault {
            fn from(error: redb::$kind) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

database_faults!(TransactionError, TableError, StorageError, CommitError);

fn failed(name: &str, error: impl std::fmt::Display) -> Error {
    Error::Database {
        path: name.to_owned(),
        reason: error.to_string(),
    }
}

fn text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

fn parse_all<T: DeserializeOwned>(
    rows: impl Iterator<Item = Result<String, redb::StorageError>>,
) -> Result<Vec<T>, Fault> {
    let mut all = Vec::new();
    for row in rows {
        all.push(serde_json::from_str(&row?)?);
    }
    Ok(all)
}

/// Returns where a database goes that cannot be read.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    name.into()
}
