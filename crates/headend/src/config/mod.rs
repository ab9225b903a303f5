//! The settings: defaults, then the file, then the environment, then flags.
//!
//! Each source is an [`Overlay`] in which everything is optional; laid over each other they give
//! [`Settings`]. The environment and the flags arrive together, since clap reads both and lets the
//! flag win. What a value must look like is said by its type, so that a wrong one is reported with
//! its line whatever the source.

pub(crate) mod channels;
mod error;
mod listen;
mod overlay;
mod root;
mod secret;
mod tls;
mod transcode;
mod yaml;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use broadcast::job::Job;
use serde::Serialize;

pub(crate) use error::{Error, Issue};
pub(crate) use listen::{Listen, Port};
pub(crate) use overlay::{Flags, LimitsOverlay, Overlay};
pub(crate) use root::Root;
pub(crate) use secret::Secret;
pub(crate) use tls::{TlsFiles, TlsOverlay};
pub(crate) use transcode::{Transcode, TranscodeOverlay};

use crate::logging;

/// Everything that can be set, with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: Listen,
    /// Certificate and key, when HTTPS is spoken there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<TlsFiles>,
    /// Where content lies.
    pub(crate) assets: Vec<Root>,
    /// Where imported media and indexes are kept.
    pub(crate) cache_dir: PathBuf,
    /// Where channels keep what lets them go on over a restart.
    pub(crate) state_dir: PathBuf,
    /// Live channels by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) channels: BTreeMap<String, Job>,
    /// Feeds and streams.
    #[serde(flatten)]
    pub(crate) relay: relay::config::Config,
    /// VoD jobs, if there are to be any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transcode: Option<Transcode>,
    /// What allows control from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_token: Option<Secret>,
    /// Log filter.
    pub(crate) log: String,
    /// Log format.
    pub(crate) log_format: logging::Format,
    /// Limits.
    pub(crate) limits: Limits,
}

/// What one client, or all of them, may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Limits {
    /// Connections at one time.
    pub(crate) connections: u32,
    /// Bytes of the request line and headers together.
    pub(crate) header_bytes: u32,
    /// Seconds a client may take to send a request's headers.
    pub(crate) header_seconds: u32,
    /// Seconds that running answers get to end after a stop was asked for.
    pub(crate) shutdown_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            tls: None,
            assets: Vec::new(),
            cache_dir: own_folder("XDG_CACHE_HOME", ".cache"),
            state_dir: own_folder("XDG_STATE_HOME", ".local/state"),
            channels: BTreeMap::new(),
            relay: relay::config::Config::default(),
            transcode: None,
            api_token: None,
            log: "info".to_owned(),
            log_format: logging::Format::Text,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            header_bytes: 16 * 1024,
            header_seconds: 10,
            shutdown_seconds: 10,
        }
    }
}

impl Settings {
    /// Lays the flags (and environment) over the file (if one is named) over the defaults.
    pub(crate) fn load(file: Option<&Path>, flags: Overlay) -> Result<Self, Error> {
        if let Some(issue) = flags.tls.issue(Path::new("")) {
            return Err(Error::new("settings", vec![issue]));
        }
        let mut settings = Self::default();
        let mut transcode = None;
        if let Some(path) = file {
            transcode = settings.apply(read(path)?);
        }
        let from_flags = settings.apply(flags);
        if let Some(section) = from_flags.or(transcode) {
            let read = section.settings(&settings.assets).map_err(|reason| {
                Error::new("settings", vec![Issue::at_key("transcode", reason)])
            })?;
            settings.transcode = Some(read);
        }
        Ok(settings)
    }

    /// Lays an overlay over the settings; returns what is wanted of VoD jobs, which depends on all
    /// of them.
    fn apply(&mut self, overlay: Overlay) -> Option<TranscodeOverlay> {
        let Overlay {
            listen,
            listenaddr,
            listenport,
            tls,
            assets,
            cache_dir,
            state_dir,
            channels: _,
            jobs,
            relayed,
            logdir: _,
            pages: _,
            relay: _,
            templates: _,
            feeds: _,
            streams: _,
            transcode,
            api_token,
            log,
            log_format,
            limits,
        } = overlay;
        if let Some(listen) = listen {
            self.listen = listen;
        }
        if let Some(host) = listenaddr {
            self.listen.host = host;
        }
        if let Some(port) = listenport {
            self.listen.port = port.0.into();
        }
        if let Some(files) = tls.files() {
            self.tls = Some(files);
        }
        set(&mut self.assets, assets);
        set(&mut self.cache_dir, cache_dir);
        set(&mut self.state_dir, state_dir);
        set(&mut self.channels, jobs);
        set(&mut self.relay, relayed);
        if api_token.is_some() {
            self.api_token = api_token;
        }
        set(&mut self.log, log);
        set(&mut self.log_format, log_format);
        let LimitsOverlay {
            connections,
            header_bytes,
            header_seconds,
            shutdown_seconds,
        } = limits;
        set(&mut self.limits.connections, connections.map(Into::into));
        set(&mut self.limits.header_bytes, header_bytes.map(Into::into));
        set(
            &mut self.limits.header_seconds,
            header_seconds.map(Into::into),
        );
        set(&mut self.limits.shutdown_seconds, shutdown_seconds);
        transcode
    }
}

/// Descriptors that are not for connections at least: pipes of commands, logs, who is being refused.
const OTHER_FILES: u64 = 128;

impl Limits {
    /// Lowers the number of connections to what a limit of open files allows, and tells whether it did:
    /// one too many is to be told so, which takes a descriptor. An eighth of all is for other things, and
    /// half when there are assets, which are mapped.
    pub(crate) fn fit(&mut self, open_files: Option<u64>, has_assets: bool) -> bool {
        let Some(all) = open_files else { return false };
        let others = (all / 8).max(OTHER_FILES).min(all / 4);
        let free = if has_assets { all / 2 } else { all } - others;
        let most = u32::try_from(free).unwrap_or(u32::MAX).max(1);
        let is_less = most < self.connections;
        self.connections = self.connections.min(most);
        is_less
    }

    /// Returns them as the server takes them.
    pub(crate) fn of_server(&self) -> serve::Limits {
        serve::Limits {
            connections: self.connections as usize,
            header_bytes: self.header_bytes as usize,
            header_timeout: Duration::from_secs(self.header_seconds.into()),
            drain: Duration::from_secs(self.shutdown_seconds.into()),
            ..serve::Limits::default()
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The file that is read when none is named, if it is there.
pub(crate) const DEFAULT_FILE: &str = "headend.yaml";

/// Returns the file to read: the one that is named, else [`DEFAULT_FILE`] if it can be seen.
pub(crate) fn file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| {
        let default = PathBuf::from(DEFAULT_FILE);
        default.is_file().then_some(default)
    })
}

/// Reads a configuration file. Relative paths in it start from its folder.
pub(crate) fn read(path: &Path) -> Result<Overlay, Error> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(
            &name,
            vec![Issue::whole(format!("cannot be read: {error}"))],
        )
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut overlay = yaml::parse(&name, folder, &text)?;
    overlay.resolve_paths(folder);
    Ok(overlay)
}

/// Reads a value from YAML, or JSON.
pub(crate) fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    yaml::read(text)
}

/// Returns settings, or a document of other kind, as YAML.
pub(crate) fn to_yaml<T: serde::Serialize>(document: &T) -> anyhow::Result<String> {
    yaml::to_string(document)
}

/// Returns the JSON schema of the file.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Overlay)
}

/// Follows the XDG base directory specification: `headend` below the folder that the variable names,
/// else below that place of the user's home, else below the system's temporary directory.
fn own_folder(variable: &str, below_home: &str) -> PathBuf {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .unwrap_or_else(std::env::temp_dir)
        .join("headend")
}

#[cfg(test)]
mod tests;
