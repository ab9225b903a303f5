//! `headend asset versions` and `headend asset gc`: what is kept of assets that are published version
//! by version, in a folder or a bucket.

use std::fmt::Write as _;

use anyhow::Context as _;
use asset::versions::{self, Collected, Keep, Listed, Shelf, State};
use broadcast::units::Seconds;
use serde::Serialize;
use store::{objects, uri::Uri};

use crate::{clock::Clock, exit::Exit, table, term};

/// Where the assets are, and which of them are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The folder or bucket that assets were published to: a path, file:// or s3://bucket/prefix
    #[arg(value_name = "URI")]
    to: Uri,
    /// Only the asset of this name
    #[arg(long, env = "HEADEND_NAME", value_name = "NAME")]
    name: Option<String>,
    /// Print JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

/// What `gc` leaves.
#[derive(Debug, clap::Args)]
pub(super) struct Rules {
    #[command(flatten)]
    place: Place,
    /// How long a version stays after another one took its place, at least 10m
    #[arg(long, env = "HEADEND_KEEP", value_name = "TIME", default_value = "24h")]
    keep: Seconds,
    /// How long a version stays that was never completed, at least 10m
    #[arg(
        long,
        env = "HEADEND_KEEP_INCOMPLETE",
        value_name = "TIME",
        default_value = "24h"
    )]
    keep_incomplete: Seconds,
    /// How many versions before the present one stay however old they are
    #[arg(long, env = "HEADEND_KEEP_LAST", value_name = "N", default_value_t = 0)]
    keep_last: usize,
    /// Say what would be removed, and remove nothing
    #[arg(long, env = "HEADEND_DRY_RUN")]
    dry_run: bool,
}

#[derive(Serialize)]
struct Listing {
    assets: Vec<AssetVersions>,
}

#[derive(Serialize)]
struct AssetVersions {
    name: String,
    versions: Vec<Listed>,
}

#[derive(Serialize)]
struct Cleaning {
    assets: Vec<AssetCollected>,
}

#[derive(Serialize)]
struct AssetCollected {
    name: String,
    #[serde(flatten)]
    collected: Collected,
}

impl Place {
    fn shelves(&self) -> anyhow::Result<Vec<Shelf>> {
        let store = objects::open(&self.to)?;
        let shelves = match &self.name {
            Some(name) => vec![Shelf::new(store, name)?],
            None => versions::shelves(&store).context("looking for assets")?,
        };
        Ok(shelves)
    }
}

/// Lists versions.
pub(super) fn list(place: &Place) -> anyhow::Result<Exit> {
    let mut assets = Vec::new();
    for shelf in place.shelves()? {
        assets.push(AssetVersions {
            name: shelf.name().to_owned(),
            versions: shelf.versions()?,
        });
    }
    if place.json {
        term::print_json(&Listing { assets })?;
        return Ok(Exit::Done);
    }
    let mut rows: Vec<[String; 6]> = Vec::new();
    for asset in &assets {
        for listed in &asset.versions {
            rows.push([
                asset.name.clone(),
                listed.version.clone(),
                state(listed.state).to_owned(),
                listed.files.to_string(),
                megabytes(listed.bytes),
                listed.until_ms.map_or_else(String::new, date),
            ]);
        }
    }
    let out = if rows.is_empty() {
        "no asset is published version by version here\n".to_owned()
    } else {
        table::render(
            ["asset", "version", "state", "files", "MB", "shown until"],
            [false, false, false, true, true, false],
            &rows,
        )
    };
    term::print(&out)?;
    Ok(Exit::Done)
}

/// Removes versions that are past.
pub(super) fn collect(rules: &Rules) -> anyhow::Result<Exit> {
    let milliseconds = |span: Seconds| i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX);
    let keep = Keep {
        past_ms: milliseconds(rules.keep),
        incomplete_ms: milliseconds(rules.keep_incomplete),
        at_least: rules.keep_last,
    };
    let mut assets = Vec::new();
    for shelf in rules.place.shelves()? {
        let collected = shelf.collect(keep, Clock::SYSTEM.now_ms(), rules.dry_run)?;
        assets.push(AssetCollected {
            name: shelf.name().to_owned(),
            collected,
        });
    }
    if rules.place.json {
        term::print_json(&Cleaning { assets })?;
        return Ok(Exit::Done);
    }
    let verb = if rules.dry_run {
        "would remove"
    } else {
        "removed"
    };
    let mut out = String::new();
    for asset in &assets {
        for removed in &asset.collected.removed {
            let _ = writeln!(
                out,
                "{}: {verb} {}, {} files, {} MB",
                asset.name,
                removed.version,
                removed.files,
                megabytes(removed.bytes)
            );
        }
        let _ = writeln!(out, "{}: {} kept", asset.name, asset.collected.kept);
    }
    term::print(&out)?;
    Ok(Exit::Done)
}

fn state(state: State) -> &'static str {
    match state {
        State::Current => "current",
        State::Kept => "kept",
        State::Incomplete => "incomplete",
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

fn date(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}
