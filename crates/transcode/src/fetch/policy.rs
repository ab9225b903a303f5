//! What may be read on whose behalf, and how much of it.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use store::guard::{Allowed, Guard};

use super::{Error, Input, Protocol};

/// What may be read.
#[derive(Clone, Debug)]
pub struct Policy {
    protocols: BTreeSet<Protocol>,
    /// Folders that files may lie in; none for anywhere.
    folders: Option<Vec<PathBuf>>,
    pub(super) guard: Guard,
}

impl Policy {
    /// Everything, for what the user of this machine asks for himself.
    pub fn open() -> Self {
        Self {
            protocols: [
                Protocol::File,
                Protocol::Http,
                Protocol::Https,
                Protocol::Ftp,
                Protocol::S3,
            ]
            .into(),
            folders: None,
            guard: Guard::open(),
        }
    }

    /// For jobs that others send: what lies on the public Internet, what is `allowed` besides, and
    /// files below `folders`.
    pub fn guarded(
        protocols: impl IntoIterator<Item = Protocol>,
        allowed: impl IntoIterator<Item = Allowed>,
        folders: Vec<PathBuf>,
    ) -> Self {
        Self {
            protocols: protocols.into_iter().collect(),
            folders: Some(folders),
            guard: Guard::public(allowed),
        }
    }

    /// Refuses a source that may not be read, as far as its name tells. Hosts are judged when they
    /// are connected to.
    pub fn check(&self, input: &Input) -> Result<(), Error> {
        let refuse = |reason: String| Error::Refused {
            place: input.to_string(),
            reason,
        };
        let protocol = input.protocol();
        if !self.protocols.contains(&protocol) {
            return Err(refuse(format!("sources of `{protocol}` are not allowed")));
        }
        let (Input::File(path), Some(folders)) = (input, &self.folders) else {
            return Ok(());
        };
        // Links are followed first, so that none leads out.
        let real = path.canonicalize().map_err(|error| Error::Unreadable {
            place: input.to_string(),
            reason: error.to_string(),
        })?;
        let is_inside = |folder: &PathBuf| {
            let folder = folder.canonicalize();
            folder.is_ok_and(|folder| real.starts_with(folder))
        };
        if folders.iter().any(is_inside) {
            Ok(())
        } else {
            Err(refuse("it lies in no folder that is allowed".to_owned()))
        }
    }

    /// Tells whether a redirect may lead to a URL of this scheme.
    pub(super) fn allows_scheme(&self, scheme: &str) -> bool {
        match scheme {
            "http" => self.protocols.contains(&Protocol::Http),
            "https" => self.protocols.contains(&Protocol::Https),
            _ => false,
        }
    }
}

/// How large and how slow a source may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest length in bytes.
    pub bytes: Option<u64>,
    /// Longest time from the first request to the last byte.
    pub time: Option<Duration>,
    /// Bytes that are to stay free on the disk of the spool.
    pub free: u64,
}

impl Default for Limits {
    /// Any length and any time, and 256 MiB stay free.
    fn default() -> Self {
        Self {
            bytes: None,
            time: None,
            free: 256 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_stay_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in/film.mkv");
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(&inside, b"film").unwrap();
        std::fs::write(folder.path().join("secret"), b"key").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("in/link"))
            .unwrap();
        let policy = Policy::guarded(
            [Protocol::File, Protocol::Https],
            [],
            vec![folder.path().join("in")],
        );
        let check = |path: &str| policy.check(&Input::File(folder.path().join(path)));
        assert!(check("in/film.mkv").is_ok() && check("in/../in/film.mkv").is_ok());
        for path in ["secret", "in/../secret", "in/link", "in/none"] {
            assert!(check(path).is_err(), "{path}");
        }
        assert!(policy.check(&Input::parse("https://h/x").unwrap()).is_ok());
        for text in ["http://h/x", "ftp://h/x", "s3://b/x"] {
            let error = policy.check(&Input::parse(text).unwrap()).unwrap_err();
            assert!(error.to_string().contains("not allowed"), "{error}");
        }
        assert!(policy.allows_scheme("https") && !policy.allows_scheme("http"));
        assert!(
            Policy::open()
                .check(&Input::File("/etc/passwd".into()))
                .is_ok()
        );
    }
}
