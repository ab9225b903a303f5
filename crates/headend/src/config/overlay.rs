//! One source of settings, in which everything is optional.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use broadcast::job::Job;
use relay::config::{FeedForm, Form, PagesForm, RelayForm, StreamForm, TemplateForm};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Issue, Listen, Port, Root, Secret, TlsOverlay, TranscodeOverlay,
    channels::{self, RawJob},
};
use crate::logging;

/// The configuration of headend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overlay {
    /// Address and port to listen on, `127.0.0.1:8080` unless set.
    pub(crate) listen: Option<Listen>,
    /// Address alone, as voyandz has it.
    pub(crate) listenaddr: Option<String>,
    /// Port alone, as voyandz has it.
    pub(crate) listenport: Option<Port>,
    /// HTTPS in place of HTTP.
    #[serde(default)]
    pub(crate) tls: TlsOverlay,
    /// Folders of content, or `s3://bucket/prefix`; every DASH, HLS or media file below one becomes
    /// an asset.
    pub(crate) assets: Option<Vec<Root>>,
    /// Where imported media and indexes are kept; the user's cache folder unless set.
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where channels keep what lets them go on over a restart; the user's state folder unless set.
    pub(crate) state_dir: Option<PathBuf>,
    /// Live channels by name, each as in a job file.
    pub(crate) channels: Option<BTreeMap<String, RawJob>>,
    /// The channels, once they have been read.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) jobs: Option<BTreeMap<String, Job>>,
    /// Where the stderr of the commands of feeds and streams is kept; nowhere unless set.
    pub(crate) logdir: Option<PathBuf>,
    /// Which pages there are.
    pub(crate) pages: Option<PagesForm>,
    /// Limits of all streams together.
    pub(crate) relay: Option<RelayForm>,
    /// Commands with parameters, for feeds and streams.
    pub(crate) templates: Option<BTreeMap<String, TemplateForm>>,
    /// Sources of streams by name.
    pub(crate) feeds: Option<BTreeMap<String, FeedForm>>,
    /// Streams by name: endless media for any HTTP client.
    pub(crate) streams: Option<BTreeMap<String, StreamForm>>,
    /// Feeds and streams, once they have been checked.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) relayed: Option<relay::config::Config>,
    /// VoD jobs that are sent over HTTP.
    pub(crate) transcode: Option<TranscodeOverlay>,
    /// Who sends this may control the server from anywhere; without it, only this machine may.
    pub(crate) api_token: Option<Secret>,
    /// What to log: a level, or `component=LEVEL,…`.
    pub(crate) log: Option<String>,
    /// How a log line looks.
    pub(crate) log_format: Option<logging::Format>,
    /// What clients may ask for.
    #[serde(default)]
    pub(crate) limits: LimitsOverlay,
}

/// What one client, or all of them, may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitsOverlay {
    /// Connections at one time [default: 10000]
    #[arg(
        long = "limit-connections",
        env = "HEADEND_LIMIT_CONNECTIONS",
        value_name = "N"
    )]
    pub(crate) connections: Option<NonZeroU32>,
    /// Bytes of a request's headers [default: 16384]
    #[arg(
        long = "limit-header-bytes",
        env = "HEADEND_LIMIT_HEADER_BYTES",
        value_name = "N"
    )]
    pub(crate) header_bytes: Option<NonZeroU32>,
    /// Seconds a client may take to send its headers [default: 10]
    #[arg(
        long = "limit-header-seconds",
        env = "HEADEND_LIMIT_HEADER_SECONDS",
        value_name = "S"
    )]
    pub(crate) header_seconds: Option<NonZeroU32>,
    /// Seconds that running answers get to end when the server stops [default: 10]
    #[arg(
        long = "limit-shutdown-seconds",
        env = "HEADEND_LIMIT_SHUTDOWN_SECONDS",
        value_name = "S"
    )]
    pub(crate) shutdown_seconds: Option<u32>,
}

/// The flags of every command that serves; each is also read from the environment.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "HEADEND_LISTEN", value_name = "A:P")]
    pub(crate) listen: Option<Listen>,
    /// Where imported media and indexes are kept [default: the user's cache folder]
    #[arg(long, env = "HEADEND_CACHE_DIR", value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Who sends this as `Authorization: Bearer` may control the server from anywhere; better given
    /// by the variable [default: only this machine may]
    #[arg(
        long,
        env = "HEADEND_API_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(crate) api_token: Option<Secret>,
    #[command(flatten)]
    pub(crate) tls: TlsOverlay,
    #[command(flatten)]
    pub(crate) limits: LimitsOverlay,
}

impl Overlay {
    /// Takes what there is of a relay.
    fn take_relay(&mut self) -> Form {
        Form {
            logdir: self.logdir.clone(),
            pages: self.pages.take(),
            relay: self.relay.take(),
            templates: self.templates.take().unwrap_or_default(),
            feeds: self.feeds.take().unwrap_or_default(),
            streams: self.streams.take().unwrap_or_default(),
        }
    }

    /// Reads the certificate, whose path starts from `folder`, and channels, presets, feeds and
    /// streams. Fails with everything that is wrong with them.
    pub(super) fn read_parts(
        &mut self,
        folder: &Path,
        position: impl Fn(&[&str]) -> Option<(u64, u64)>,
    ) -> Result<(), Vec<Issue>> {
        let mut issues = Vec::new();
        if let Some(issue) = self.tls.issue(folder) {
            let path: Vec<&str> = issue.key.split('.').collect();
            issues.push(Issue {
                position: position(&path),
                ..issue
            });
        }
        if let Some(section) = &mut self.transcode {
            issues.extend(section.read_presets(&position).err().into_iter().flatten());
        }
        let form = self.take_relay();
        if form != Form::default() {
            match relay::config::Config::of(&form) {
                Ok(config) => self.relayed = Some(config),
                Err(faults) => issues.extend(faults.into_iter().map(|fault| {
                    let path: Vec<&str> = fault.path.iter().map(String::as_str).collect();
                    Issue {
                        position: position(&path),
                        missing: fault.missing,
                        ..Issue::at_key(&path.join("."), fault.reason)
                    }
                })),
            }
        }
        if let Some(raw) = self.channels.take() {
            match channels::read(&raw, position) {
                Ok(jobs) => self.jobs = Some(jobs),
                Err(found) => issues.extend(found),
            }
        }
        if issues.is_empty() {
            Ok(())
        } else {
            Err(issues)
        }
    }

    /// Collects what the command line and the environment say.
    pub(crate) fn of_flags(
        flags: Flags,
        assets: Option<Vec<Root>>,
        logging: logging::Args,
    ) -> Self {
        Self {
            listen: flags.listen,
            tls: flags.tls,
            assets,
            cache_dir: flags.cache_dir,
            api_token: flags.api_token,
            log: logging.log,
            log_format: logging.log_format,
            limits: flags.limits,
            ..Self::default()
        }
    }

    /// Lets the relative paths start from `folder`.
    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        let roots = self.assets.iter_mut().flatten();
        let paths = roots.filter_map(Root::path_mut);
        let own = [&mut self.cache_dir, &mut self.state_dir, &mut self.logdir];
        let relayed = self.relayed.iter_mut().filter_map(|it| it.logdir.as_mut());
        for path in paths.chain(own.into_iter().flatten()).chain(relayed) {
            *path = folder.join(&*path);
        }
        self.tls.resolve_paths(folder);
        if let Some(section) = &mut self.transcode {
            section.resolve_paths(folder);
        }
    }
}
