//! A folder as a target, for a web server beside us.

use std::{io::Write, path::PathBuf};

use store::atomic;

use super::{Answer, Object, PutError, Target};

/// Writes objects below a folder, each all or nothing.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a target of a folder, which is made when it is not there.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Runs something that blocks.
    async fn aside(
        act: impl FnOnce() -> Result<(), PutError> + Send + 'static,
    ) -> Result<(), PutError> {
        let done = tokio::task::spawn_blocking(act).await;
        done.unwrap_or_else(|error| {
            Err(PutError {
                text: error.to_string(),
                is_passing: false,
            })
        })
    }
}

impl Target for Folder {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn put<'a>(&'a self, object: &'a Object) -> Answer<'a> {
        let path = self.path.join(&object.path);
        let slices = object.slices.clone();
        Box::pin(Self::aside(move || {
            let fill = |file: &mut std::fs::File| {
                let mut slices = slices.iter();
                slices.try_for_each(|slice| file.write_all(slice))
            };
            atomic::write_with(&path, fill).map_err(|error| PutError {
                text: error.to_string(),
                is_passing: true,
            })
        }))
    }

    fn remove<'a>(&'a self, path: &'a str) -> Answer<'a> {
        let path = self.path.join(path);
        Box::pin(Self::aside(move || match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(PutError {
                text: format!("{}: {error}", path.display()),
                is_passing: false,
            }),
            _ => Ok(()),
        }))
    }
}
