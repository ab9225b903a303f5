//! Values of placeholders that do not depend on a request: variables of the environment, and what
//! the service manager passes on as credentials.

use std::path::{Path, PathBuf};

use crate::words::Placeholder;

/// Longest credential, in bytes.
const LONGEST: u64 = 64 << 10;

/// Where values of placeholders come from.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Address of this server, as [`Placeholder::Server`] has it.
    pub server: String,
    /// Folder of credentials (`$CREDENTIALS_DIRECTORY`).
    pub credentials: Option<PathBuf>,
}

impl Surroundings {
    /// Returns the value of a variable, a credential or the server. Blocks on the disk.
    pub fn value(&self, of: &Placeholder) -> Option<String> {
        match of {
            Placeholder::Server => Some(self.server.clone()),
            Placeholder::Variable(name) => std::env::var(name).ok(),
            Placeholder::Credential(name) => credential(self.credentials.as_deref()?, name),
            Placeholder::Feed(_) | Placeholder::Query(_) => None,
        }
    }
}

/// Reads a credential, without the line end that editors leave.
fn credential(folder: &Path, name: &str) -> Option<String> {
    let path = folder.join(name);
    if path.metadata().ok()?.len() > LONGEST {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cam"), "s e c\n").unwrap();
        let surroundings = Surroundings {
            server: "http://127.0.0.1:1".to_owned(),
            credentials: Some(folder.path().to_path_buf()),
        };
        let value = |place| surroundings.value(&place);
        let credential = |name: &str| value(Placeholder::Credential(name.to_owned()));
        assert_eq!(credential("cam").as_deref(), Some("s e c"));
        assert_eq!(credential("none"), None);
        assert_eq!(
            value(Placeholder::Server).as_deref(),
            Some("http://127.0.0.1:1")
        );
        assert_eq!(value(Placeholder::Query("x".to_owned())), None);
    }
}
