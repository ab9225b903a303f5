//! From a listing and a record to what has to be done.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path as Key};

use super::{
    Progress,
    record::{Entry, Record},
};
use crate::s3::Fault;

/// An object, and the file it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: Key,
    /// Path below the content folder.
    pub(super) path: String,
    pub(super) entry: Entry,
    /// The entity tag to insist on, if the listing has one.
    pub(super) e_tag: Option<String>,
}

/// What has to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is new or replaced: manifests last.
    pub(super) fetch: Vec<Object>,
    /// Files that stand where a folder is to be, and files of folders that stand where a file is
    /// to be.
    pub(super) remove_first: Vec<String>,
    /// What else is gone: manifests first.
    pub(super) remove: Vec<String>,
    /// How many objects there are.
    pub(super) listed: usize,
}

/// Lists the objects below a prefix or, if there are none, the object whose key it is. `name` is
/// what the prefix becomes in the content folder.
pub(super) async fn list(
    store: &dyn ObjectStore,
    prefix: &Key,
    name: &str,
    progress: &dyn Fn(Progress),
) -> Result<Vec<Object>, Fault> {
    let mut listed = 0;
    let metas: Vec<ObjectMeta> = store
        .list(Some(prefix))
        .inspect_ok(|_| {
            listed += 1;
            progress(Progress {
                listed,
                ..Progress::default()
            });
        })
        .try_collect()
        .await?;
    if metas.is_empty() && !prefix.as_ref().is_empty() {
        return match store.head(prefix).await {
            Ok(_) if is_manifest(name) => Err(Fault::LoneManifest),
            Ok(meta) => Ok(vec![Object::new(meta, name.to_owned())]),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        };
    }
    let skip = prefix.as_ref().len();
    let objects = metas
        .into_iter()
        .filter_map(|meta| {
            let below = meta.location.as_ref().get(skip..)?.trim_start_matches('/');
            // The prefix itself, as the marker of an empty folder.
            // What is hidden is not served, and may be much: the working files of jobs.
            let is_hidden = below.split('/').any(|part| part.starts_with('.'));
            let path = (!below.is_empty() && !is_hidden).then(|| format!("{name}/{below}"))?;
            Some(Object::new(meta, path))
        })
        .collect();
    Ok(without_markers(objects))
}

/// Drops objects whose path is also a folder of others: a file system cannot hold both. Most are
/// empty, made by tools to show folders.
fn without_markers(mut objects: Vec<Object>) -> Vec<Object> {
    let folders: BTreeSet<String> = objects
        .iter()
        .flat_map(|object| ancestors(&object.path))
        .map(str::to_owned)
        .collect();
    objects.retain(|object| {
        let marker = folders.contains(&object.path);
        if marker && object.entry.size > 0 {
            tracing::debug!(key = %object.key, "left out: other objects lie below it");
        }
        !marker
    });
    objects
}

impl Object {
    fn new(meta: ObjectMeta, path: String) -> Self {
        let version = meta.e_tag.as_deref().map_or_else(
            || meta.last_modified.to_rfc3339(),
            |tag| tag.trim_start_matches("W/").trim_matches('"').to_owned(),
        );
        Self {
            entry: Entry::new(meta.size, version, meta.last_modified.timestamp()),
            key: meta.location,
            path,
            e_tag: meta.e_tag,
        }
    }
}

impl Plan {
    /// Compares.
    pub(super) fn new(objects: Vec<Object>, record: &Record) -> Self {
        let listed = objects.len();
        let wanted: BTreeMap<&str, &Object> = objects
            .iter()
            .map(|object| (object.path.as_str(), object))
            .collect();
        let folders: BTreeSet<&str> = wanted.keys().flat_map(|path| ancestors(path)).collect();
        let gone = record
            .files
            .keys()
            .filter(|path| !wanted.contains_key(path.as_str()));
        let (remove_first, mut remove): (Vec<String>, Vec<String>) =
            gone.cloned().partition(|path| {
                folders.contains(path.as_str())
                    || ancestors(path).any(|folder| wanted.contains_key(folder))
            });
        remove.sort_by_key(|path| std::cmp::Reverse(rank(path)));
        let mut fetch: Vec<Object> = objects
            .into_iter()
            .filter(|object| {
                record.files.get(&object.path).is_none_or(|entry| {
                    entry.size != object.entry.size || entry.version != object.entry.version
                })
            })
            .collect();
        fetch.sort_by_key(|object| rank(&object.path));
        Self {
            fetch,
            remove_first,
            remove,
            listed,
        }
    }

    /// Tells whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.fetch.is_empty() && self.remove_first.is_empty() && self.remove.is_empty()
    }

    /// Tells whether the store has nothing.
    pub(super) fn is_empty_listing(&self) -> bool {
        self.listed == 0
    }
}

/// Orders files so that what names others comes after them: media, manifests, pointers to versions.
fn rank(path: &str) -> u8 {
    match path {
        manifest if is_manifest(manifest) => 1,
        pointer if pointer.ends_with("/current.json") => 2,
        _ => 0,
    }
}

/// Tells whether a file names others.
fn is_manifest(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| {
        extension.eq_ignore_ascii_case("mpd") || extension.eq_ignore_ascii_case("m3u8")
    })
}

/// Returns the folders that a path lies in.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str, version: &str) -> Object {
        Object {
            key: Key::parse(path).unwrap(),
            path: path.to_owned(),
            entry: Entry::new(1, version.to_owned(), 0),
            e_tag: None,
        }
    }

    fn plan(listed: &[(&str, &str)], recorded: &[(&str, &str)]) -> Plan {
        let objects = listed.iter().map(|(path, version)| object(path, version));
        let files = recorded
            .iter()
            .map(|(path, version)| ((*path).to_owned(), object(path, version).entry));
        let record = Record {
            files: files.collect(),
        };
        Plan::new(objects.collect(), &record)
    }

    #[test]
    fn manifests_come_last_and_go_first() {
        let plan = plan(
            &[
                ("v/a.mpd", "2"),
                ("v/b.M3U8", "1"),
                ("v/c.m4s", "1"),
                ("v/d", "1"),
            ],
            &[
                ("v/a.mpd", "1"),
                ("v/d", "1"),
                ("v/old.m4s", "1"),
                ("v/z.mpd", "1"),
            ],
        );
        let fetch: Vec<&str> = plan
            .fetch
            .iter()
            .map(|object| object.path.as_str())
            .collect();
        assert_eq!(fetch, ["v/c.m4s", "v/a.mpd", "v/b.M3U8"]);
        assert_eq!(plan.remove, ["v/z.mpd", "v/old.m4s"]);
        assert!(plan.remove_first.is_empty());
    }

    #[test]
    fn what_is_in_the_way_goes_first() {
        let plan = plan(
            &[("v/a/b/c", "1"), ("v/d", "1")],
            &[("v/a", "1"), ("v/d/e/f", "1"), ("v/g", "1")],
        );
        assert_eq!(plan.remove_first, ["v/a", "v/d/e/f"]);
        assert_eq!(plan.remove, ["v/g"]);
    }

    #[test]
    fn nothing_new_is_nothing_to_do() {
        assert!(plan(&[("v/a", "1")], &[("v/a", "1")]).is_empty());
        assert!(plan(&[], &[]).is_empty_listing());
    }
}
