//! How like the source an encode is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    curve::{Eyes, Point},
    samples::Trial,
};
use crate::{
    encode::{self, Class, Context, Damage, Failure, List, Output, as_input, run_ffmpeg},
    plan::Video,
    verify,
};

/// A squared error below this is taken for it: of equal pictures PSNR is endless.
const LEAST: f64 = 0.01;

/// What quality is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    /// VMAF, 0 to 100.
    Vmaf,
    /// Peak signal-to-noise ratio of luma in dB.
    Psnr,
}

impl Metric {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vmaf => "VMAF",
            Self::Psnr => "PSNR",
        }
    }

    /// What people see of it.
    pub(super) fn eyes(self) -> Eyes {
        let (indifferent, content) = match self {
            Self::Vmaf => (1.0, 96.0),
            Self::Psnr => (0.2, 45.0),
        };
        Eyes {
            indifferent,
            content,
        }
    }
}

/// What was found.
pub(super) struct Measured {
    pub(super) metric: Metric,
    /// For each rendition of the plan the better and the worse point.
    pub(super) points: Vec<[Point; 2]>,
}

/// Sums over the samples of one trial encode.
#[derive(Clone, Copy, Default)]
struct Sum {
    bytes: u64,
    /// Squared error or score, times frames.
    quality: f64,
}

/// Encodes the samples and measures all of it.
pub(super) fn all(
    context: &mut Context<'_>,
    trial: &Trial,
    source: &Path,
) -> Result<Measured, Failure> {
    let abilities = context.ffmpeg.abilities();
    let has_vmaf = abilities.is_ok_and(|found| found.filters.contains("libvmaf"));
    let metric = if has_vmaf { Metric::Vmaf } else { Metric::Psnr };
    let [best, tried @ ..] = trial.plan.videos.as_slice() else {
        return Err(Failure::new(Class::Permanent, "there is nothing to try"));
    };
    let mut sums = vec![Sum::default(); tried.len()];
    for chunk in &trial.plan.chunks {
        let folder = context.scratch.join(format!("sample-{}", chunk.index));
        fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let mut inner = Context {
            ffmpeg: context.ffmpeg,
            scratch: &folder,
            priority: context.priority.clone(),
            stop: context.stop,
            stall: context.stall,
            progress: &mut *context.progress,
        };
        let output = encode::run(&mut inner, &trial.plan, source, chunk.index, Damage::Ends)?;
        compare(&mut inner, &folder, &join(&output, &folder)?, best, metric)?;
        let tracks = output.tracks.iter().skip(1);
        for (index, (sum, track)) in sums.iter_mut().zip(tracks).enumerate() {
            let bytes = track.segments.iter().map(|segment| segment.facts.bytes);
            sum.bytes += bytes.sum::<u64>();
            let found = read(&report(&folder, index), metric, chunk.frames)?;
            sum.quality += found * chunk.frames as f64;
        }
        fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    }
    let frames: u64 = trial.plan.chunks.iter().map(|chunk| chunk.frames).sum();
    let seconds = trial.plan.grid.rate.duration(frames);
    let seconds = seconds.num() as f64 / seconds.den() as f64;
    let peak = verify::greatest(best).powi(2);
    let point = |sum: &Sum, crf_tenths| Point {
        crf_tenths,
        rate_bps: sum.bytes as f64 * 8.0 / seconds,
        quality: match metric {
            Metric::Vmaf => sum.quality / frames as f64,
            Metric::Psnr => 10.0 * (peak / (sum.quality / frames as f64).max(LEAST)).log10(),
        },
    };
    let points = sums
        .chunks_exact(2)
        .zip(&trial.factors)
        .map(|(sums, factors)| [point(&sums[0], factors[0]), point(&sums[1], factors[1])])
        .collect();
    Ok(Measured { metric, points })
}

/// Writes each track as one file, the reference first.
fn join(output: &Output, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for track in &output.tracks {
        let path = folder.join(format!("{}.mp4", track.id));
        let parts = track
            .init
            .iter()
            .chain(track.segments.iter().map(|it| &it.path));
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend(fs::read(part).map_err(|error| Failure::file(part, &error))?);
        }
        fs::write(&path, bytes).map_err(|error| Failure::file(&path, &error))?;
        files.push(path);
    }
    Ok(files)
}

/// Compares every file with the first one, enlarged to its size as a player would, and leaves a
/// report on each in the folder.
fn compare(
    context: &mut Context<'_>,
    folder: &Path,
    files: &[PathBuf],
    best: &Video,
    metric: Metric,
) -> Result<(), Failure> {
    let mut list = List::default();
    for file in files {
        list.pair("-i", as_input(file));
    }
    let count = files.len() - 1;
    list.pair("-filter_complex", graph(folder, count, best, metric));
    for index in 0..count {
        list.pair("-map", format!("[o{index}]"));
    }
    list.pair("-f", "null");
    list.flag("-");
    run_ffmpeg(context, list, |_, _| {}).map(drop)
}

fn graph(folder: &Path, count: usize, best: &Video, metric: Metric) -> String {
    let (width, height) = (best.width, best.height);
    let mut out = format!("[0:v]split={count}");
    for index in 0..count {
        out.push_str(&format!("[r{index}]"));
    }
    for index in 0..count {
        let report = verify::escaped(&report(folder, index));
        let measured = match metric {
            Metric::Vmaf => format!("libvmaf=log_fmt=json:log_path={report}"),
            Metric::Psnr => format!("psnr=stats_file={report}"),
        };
        out.push_str(&format!(
            ";[{}:v]scale={width}:{height}:flags=bicubic[d{index}];\
             [d{index}][r{index}]{measured}[o{index}]",
            index + 1
        ));
    }
    out
}

/// Place of the report on a trial encode.
fn report(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.report"))
}

/// Reads a report on `frames` frames: the mean score, or the mean squared error of luma.
fn read(path: &Path, metric: Metric, frames: u64) -> Result<f64, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let found = match metric {
        Metric::Vmaf => verify::pooled(&text).map(|thousandths| thousandths as f64 / 1000.0),
        Metric::Psnr => match verify::mean(&text, "mse_y:") {
            (error, compared) if compared == frames => Some(error),
            _ => None,
        },
    };
    found.ok_or_else(|| {
        let reason = format!("{}: not all frames were compared", path.display());
        Failure::new(Class::Permanent, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::VideoCodec,
        testing::{CAPPED, video},
    };

    #[test]
    fn all_are_compared_with_the_first() {
        let best = video("v0", (64, 36), VideoCodec::H264, CAPPED);
        assert_eq!(
            graph(Path::new("/f"), 2, &best, Metric::Psnr),
            "[0:v]split=2[r0][r1];[1:v]scale=64:36:flags=bicubic[d0];\
             [d0][r0]psnr=stats_file=/f/0.report[o0];[2:v]scale=64:36:flags=bicubic[d1];\
             [d1][r1]psnr=stats_file=/f/1.report[o1]"
        );
    }

    #[test]
    fn a_report_on_fewer_frames_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = report(folder.path(), 0);
        fs::write(
            &path,
            "n:1 mse_avg:0.41 mse_y:0.50\nn:2 mse_avg:0.41 mse_y:1.50\n",
        )
        .unwrap();
        assert_eq!(read(&path, Metric::Psnr, 2), Ok(1.0));
        assert!(read(&path, Metric::Psnr, 3).is_err());
        assert!(read(&path, Metric::Vmaf, 2).is_err());
    }
}
