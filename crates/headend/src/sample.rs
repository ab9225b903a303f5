//! The sample content of the demo: a test card with a running time code, a ball that crosses it
//! every second, and a tone with a beep at each full second. Here it is drawn; a VoD job makes an
//! asset of it.
//!
//! A little noise makes the encodings as large as their bit rates say. The time code is that of
//! ffmpeg's own test source, cut out and enlarged, so that no font has to be installed.

use std::{
    ffi::OsString,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Context;
use process::Ffmpeg;

/// Name of the asset, and stem of the drawn file.
pub(crate) const NAME: &str = "testcard";

/// Where what is drawn lies: hidden, so that it is no content itself.
const FOLDER: &str = ".sample";

/// Length in seconds, a multiple of the segment duration.
const SECONDS: u16 = 32;

/// Picture and sound.
const GRAPH: &str = "\
    smptehdbars=size=1280x720:rate=25[bars];\
    testsrc2=size=320x180:rate=25,crop=98:18:3:2,format=gray,\
        lut=y='if(gt(val\\,80)\\,235\\,16)',scale=784:144:flags=neighbor[clock];\
    color=white:size=24x24:rate=25[ball];\
    [bars][clock]overlay=x=(W-w)/2:y=120[timed];\
    [timed][ball]overlay=x='(W-w)*(1-abs(1-mod(t\\,2)))':y=330,\
        noise=alls=9:allf=t,format=yuv420p[picture];\
    sine=frequency=440:beep_factor=4:sample_rate=48000,volume=0.3[tone]";

/// Everything behind the graph: quick, and good enough to be a source.
const OUTPUT: &str = "\
    -map [picture] -map [tone] -c:v libx264 -preset ultrafast -crf 16 -g 50 \
    -c:a aac -b:a 192k -ac 2 -f matroska";

/// Draws the sample below `root` unless that was done before, and returns the file. `on_progress`
/// gets thousandths.
///
/// The file appears under its name only when it is whole.
pub(crate) fn ensure(
    ffmpeg: &Ffmpeg,
    root: &Path,
    mut on_progress: impl FnMut(u16),
) -> anyhow::Result<PathBuf> {
    let folder = root.join(FOLDER);
    let file = folder.join(format!("{NAME}.mkv"));
    if file.is_file() {
        return Ok(file);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let partial = folder.join(format!("{}.part", std::process::id()));
    let made = draw(ffmpeg, &partial, &mut on_progress).and_then(|()| {
        fs::rename(&partial, &file).with_context(|| format!("cannot create `{}`", file.display()))
    });
    if made.is_err() {
        // The error that matters is the first one.
        let _ = remove(&partial);
    }
    made.map(|()| file)
}

fn draw(ffmpeg: &Ffmpeg, file: &Path, on_progress: &mut impl FnMut(u16)) -> anyhow::Result<()> {
    let mut arguments: Vec<OsString> = ["-y", "-filter_complex", GRAPH].map(Into::into).into();
    arguments.extend(OUTPUT.split_whitespace().map(Into::into));
    arguments.extend(["-t".into(), SECONDS.to_string().into(), file.into()]);
    ffmpeg
        .convert(arguments, |progress| {
            if let Some(done) = progress.out_time_us {
                let permille = done / (i64::from(SECONDS) * 1000);
                on_progress(permille.clamp(0, 1000) as u16);
            }
            ControlFlow::Continue(())
        })
        .context("cannot draw the sample")
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
