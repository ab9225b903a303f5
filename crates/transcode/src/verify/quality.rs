//! How close renditions are to the source, by ffmpeg's `psnr`, `ssim` and `libvmaf`.
//!
//! The source goes through the same graph as for encoding, so that frame *n* meets frame *n*.

use std::{fs, path::Path};

use serde::Serialize;

use crate::{
    encode::{Class, Context, Failure, List, as_input, reference_graph, run_ffmpeg},
    plan::{Plan, Video},
};

/// Mean figures of one rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quality {
    /// Id of the track.
    pub track: String,
    /// Peak signal-to-noise ratio of all planes together in thousandths of a decibel; `None` when
    /// nothing differs.
    pub psnr_mdb: Option<u64>,
    /// Structural similarity of all planes together, in millionths.
    pub ssim_millionths: u64,
    /// VMAF in thousandths, where this ffmpeg has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmaf_thousandths: Option<u64>,
    /// Frames that were compared.
    pub frames: u64,
}

/// Compares a rendition with the source. `result` is the folder of the result.
pub fn measure(
    context: &mut Context<'_>,
    plan: &Plan,
    source: &Path,
    result: &Path,
    video: &Video,
) -> Result<Quality, Failure> {
    let Some(picture) = &plan.picture else {
        return Err(Failure::new(Class::Permanent, "the plan has no video"));
    };
    let playlist = result.join(media::hls::write::media_name(&video.id));
    let abilities = context.ffmpeg.abilities();
    let has_vmaf = abilities.is_ok_and(|found| found.filters.contains("libvmaf"));
    let stats = |name: &str| context.scratch.join(name);
    let (psnr, ssim, vmaf) = (stats("psnr.log"), stats("ssim.log"), stats("vmaf.json"));
    let count = if has_vmaf { 3 } else { 2 };
    let mut graph = format!(
        "{},split={count}[r0][r1]{};[1:v:0]settb=1/1000000,setpts=N*1000,split={count}[d0][d1]{}",
        reference_graph(plan, picture, video),
        if has_vmaf { "[r2]" } else { "" },
        if has_vmaf { "[d2]" } else { "" },
    );
    graph.push_str(&format!(
        ";[d0][r0]psnr=stats_file={}[o0];[d1][r1]ssim=stats_file={}[o1]",
        escaped(&psnr),
        escaped(&ssim)
    ));
    if has_vmaf {
        graph.push_str(&format!(
            ";[d2][r2]libvmaf=log_fmt=json:log_path={}[o2]",
            escaped(&vmaf)
        ));
    }
    let mut list = List::default();
    list.flag("-copyts");
    list.pair("-i", as_input(source));
    list.pair("-allowed_extensions", "ALL");
    list.pair("-i", as_input(&playlist));
    list.pair("-filter_complex", graph);
    for output in 0..count {
        list.pair("-map", format!("[o{output}]"));
    }
    list.pair("-fps_mode", "passthrough");
    list.pair("-f", "null");
    list.flag("-");
    let total = plan.grid.frames;
    run_ffmpeg(context, list, |report, progress| {
        progress(crate::encode::Progress {
            done: report.frame.unwrap_or(0).min(total),
            total,
            speed_permille: report.speed_permille,
            bytes: None,
        });
    })?;
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| Failure::file(path, &error));
    let (error, frames) = mean(&read(&psnr)?, "mse_avg:");
    let (similar, _) = mean(&read(&ssim)?, "All:");
    Ok(Quality {
        track: video.id.clone(),
        psnr_mdb: (error > 0.0).then(|| {
            let greatest = greatest(video);
            (10_000.0 * (greatest * greatest / error).log10()).round() as u64
        }),
        ssim_millionths: (similar * 1_000_000.0).round() as u64,
        vmaf_thousandths: if has_vmaf {
            pooled(&read(&vmaf)?)
        } else {
            None
        },
        frames,
    })
}

/// The greatest value of a sample.
pub(crate) fn greatest(video: &Video) -> f64 {
    if video.pixel_format.contains("10") {
        1023.0
    } else {
        255.0
    }
}

/// Returns the mean of a field over all lines, and how many lines have it.
pub(crate) fn mean(text: &str, field: &str) -> (f64, u64) {
    let value = |line: &str| -> Option<f64> {
        let (_, rest) = line.split_once(field)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let (mut sum, mut count) = (0.0, 0_u64);
    for value in text.lines().filter_map(value) {
        sum += value;
        count += 1;
    }
    (sum / count.max(1) as f64, count)
}

/// Reads the pooled mean of libvmaf's JSON.
pub(crate) fn pooled(text: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let mean = value.pointer("/pooled_metrics/vmaf/mean")?.as_f64()?;
    Some((mean * 1000.0).round() as u64)
}

/// Writes a path as a value of a filter option: colons, quotes and backslashes are special twice.
pub(crate) fn escaped(path: &Path) -> String {
    let mut out = String::new();
    for c in path.to_string_lossy().chars() {
        if matches!(c, '\\' | '\'' | ':' | ',' | ';' | '[' | ']') {
            out.push_str("\\\\\\");
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_their_logs() {
        let psnr = "n:1 mse_avg:2.00 mse_y:3 psnr_avg:45.1\nn:2 mse_avg:4.00 psnr_avg:42\n\n";
        assert_eq!(mean(psnr, "mse_avg:"), (3.0, 2));
        assert_eq!(mean("", "All:"), (0.0, 0));
        let vmaf = r#"{"pooled_metrics":{"vmaf":{"mean":93.4567}}}"#;
        assert_eq!(pooled(vmaf), Some(93_457));
        assert_eq!(pooled("{}"), None);
    }
}
