//! Brings what was downloaded into place.

use std::{collections::BTreeSet, fs, io, path::Path};

use super::{
    download::Staging,
    plan::{Plan, ancestors},
};
use crate::s3::Fault;

/// Renames the new files into the content folder and removes what is gone, in the order of the
/// plan. Nothing is downloaded here: it takes milliseconds.
pub(super) fn apply(plan: &Plan, staging: &Staging, content: &Path) -> Result<(), Fault> {
    remove(&plan.remove_first, content)?;
    let mut made = BTreeSet::new();
    for object in &plan.fetch {
        let to = content.join(&object.path);
        if let Some(folder) = to.parent()
            && made.insert(folder.to_path_buf())
        {
            fs::create_dir_all(folder).map_err(Fault::local(folder))?;
        }
        let from = staging.whole(object);
        match fs::rename(&from, &to) {
            // The root was a folder that had become empty.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                fs::remove_dir(&to).and_then(|()| fs::rename(&from, &to))
            }
            other => other,
        }
        .map_err(Fault::local(to))?;
    }
    remove(&plan.remove, content)
}

/// Removes files, and the folders that become empty.
fn remove(paths: &[String], content: &Path) -> Result<(), Fault> {
    let mut folders = BTreeSet::new();
    for path in paths {
        let full = content.join(path);
        match fs::remove_file(&full) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Fault::local(full)(error));
            }
            _ => folders.extend(ancestors(path)),
        }
    }
    // Deepest first; the first folder is the root, which stays.
    for folder in folders.into_iter().rev().filter(|path| path.contains('/')) {
        // Fails as long as something is in it.
        let _ = fs::remove_dir(content.join(folder));
    }
    Ok(())
}
