//! `headend asset`: looks at content without serving it, and after what is kept of it.

mod versions;

use std::{fmt::Write as _, path::PathBuf};

use asset::{
    Catalogue,
    check::{self, AssetReport, Report, RepresentationReport, Verdict},
};
use clap::Subcommand;

use crate::{
    config::{Overlay, Root, Settings},
    content::Tools,
    exit::Exit,
    logging,
    progress::Progress,
    report, table, term,
};

/// Checks, lists, imports and cleans up content
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says of every asset whether it can be served, with a table of its representations
    Check(Target),
    /// Lists the assets by name, duration and codecs
    List(Target),
    /// Brings media files to CMAF in the cache folder, so that serving them starts at once
    Import(Target),
    /// Lists the versions of published assets: which is shown, which are kept
    Versions(versions::Place),
    /// Removes old versions of published assets; never the one that is shown
    Gc(versions::Rules),
}

#[derive(Debug, clap::Args)]
struct Target {
    /// Folders of content, media files, or s3://bucket/prefix
    #[arg(required = true, value_name = "PATH", value_parser = Root::parser())]
    paths: Vec<Root>,
    /// Where imported media and indexes are kept [default: the user's cache folder]
    #[arg(long, env = "HEADEND_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long, env = "HEADEND_JSON")]
    json: bool,
}

pub(crate) fn run(args: Args, logging: logging::Args) -> anyhow::Result<Exit> {
    logging::start_plain(logging)?;
    match args.command {
        Command::Check(target) => check(target),
        Command::List(target) => list(target),
        Command::Import(target) => import(target),
        Command::Versions(place) => versions::list(&place),
        Command::Gc(rules) => versions::collect(&rules),
    }
}

impl Target {
    /// Scans the paths; files are imported first when `importing`, with their progress shown.
    fn catalogue(self, importing: bool) -> anyhow::Result<Catalogue> {
        let overlay = Overlay {
            assets: Some(self.paths),
            cache_dir: self.cache_dir,
            ..Overlay::default()
        };
        let tools = Tools::prepare(&Settings::load(None, overlay)?)?;
        let catalogue = tools.fetch_and_open()?;
        if importing {
            Progress::default().follow_imports(&catalogue);
        }
        Ok(catalogue)
    }
}

fn check(target: Target) -> anyhow::Result<Exit> {
    let json = target.json;
    let report = check::catalogue(&target.catalogue(true)?);
    if json {
        term::print_json(&report)?;
    } else {
        term::print(&check_text(&report))?;
    }
    Ok(verdict_exit(&report))
}

fn import(target: Target) -> anyhow::Result<Exit> {
    let json = target.json;
    let report = check::catalogue(&target.catalogue(true)?);
    if json {
        term::print_json(&report)?;
    } else {
        let mut out = String::new();
        for asset in &report.assets {
            out.push_str(&headline(asset));
        }
        term::print(&out)?;
    }
    Ok(verdict_exit(&report))
}

fn list(target: Target) -> anyhow::Result<Exit> {
    let json = target.json;
    let listing = report::Listing::of(&target.catalogue(false)?);
    if json {
        term::print_json(&listing)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<[String; 4]> = listing
        .assets
        .iter()
        .map(|asset| {
            [
                asset.title().to_owned(),
                asset.duration_text.clone(),
                asset.renditions.len().to_string(),
                asset.codecs.join(", "),
            ]
        })
        .collect();
    let mut out = table::render(
        ["asset", "duration", "renditions", "codecs"],
        [false, true, true, false],
        &rows,
    );
    for import in &listing.imports {
        let _ = writeln!(
            out,
            "  {}: to be imported from {}",
            import.name,
            import.source.display()
        );
    }
    for problem in &listing.problems {
        let _ = writeln!(
            out,
            "  {}: {}: {}",
            problem.name, problem.file, problem.reason
        );
    }
    term::print(&out)?;
    Ok(Exit::Done)
}

fn verdict_exit(report: &Report) -> Exit {
    match report.verdict {
        Verdict::Ok | Verdict::Warnings => Exit::Done,
        Verdict::Bad => Exit::CheckFailed,
    }
}

fn check_text(report: &Report) -> String {
    let mut out = String::new();
    for asset in &report.assets {
        out.push_str(&headline(asset));
        for warning in &asset.warnings {
            let _ = writeln!(out, "  warning: {warning}");
        }
        if !asset.representations.is_empty() {
            out.push_str(&representations(&asset.representations));
        }
    }
    if report.assets.is_empty() {
        out.push_str("no content was found\n");
    }
    out
}

fn headline(asset: &AssetReport) -> String {
    let name = if asset.name.is_empty() {
        report::ROOT_TITLE
    } else {
        &asset.name
    };
    let verdict = match asset.verdict {
        Verdict::Ok => "ok",
        Verdict::Warnings => "usable, with warnings",
        Verdict::Bad => "bad",
    };
    let rest = if let Some(problem) = &asset.problem {
        format!(": {}: {}", problem.file.display(), problem.reason)
    } else {
        let duration = asset.duration_ms.map(|ms| format!(", {} s", seconds(ms)));
        duration.unwrap_or_default()
    };
    format!("{name}: {verdict}{rest}\n")
}

fn representations(rows: &[RepresentationReport]) -> String {
    let rows: Vec<[String; 9]> = rows
        .iter()
        .map(|row| {
            [
                row.id.clone(),
                row.content.to_owned(),
                row.codecs.clone(),
                format(row),
                (row.bit_rate / 1000).to_string(),
                (row.peak_bit_rate / 1000).to_string(),
                row.segments.to_string(),
                seconds(row.mean_segment_ms),
                seconds(row.max_segment_ms),
            ]
        })
        .collect();
    table::render(
        [
            "id",
            "kind",
            "codecs",
            "format",
            "kbit/s",
            "peak",
            "segments",
            "mean s",
            "longest s",
        ],
        [false, false, false, false, true, true, true, true, true],
        &rows,
    )
}

fn format(row: &RepresentationReport) -> String {
    let mut parts = Vec::new();
    if let Some((width, height)) = row.size {
        parts.push(format!("{width}x{height}"));
    }
    if let Some(rate) = &row.frame_rate {
        parts.push(format!("{rate} fps"));
    }
    if let Some(rate) = row.sampling_rate {
        parts.push(format!("{rate} Hz"));
    }
    if let Some(channels) = row.channels {
        parts.push(format!("{channels} ch"));
    }
    if row.encrypted {
        parts.push("encrypted".to_owned());
    }
    parts.join(" ")
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
