//! The sample content of the demo: a test card with a running time code, a ball that crosses it
//! every second, and a tone with a beep at each full second.
//!
//! A little noise makes the encodings as large as their bit rates say. The time code is that of ffmpeg's own test source, cut out and enlarged, so that no font has to
//! be installed.

use std::{
    ffi::OsString,
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use anyhow::Context;
use process::Ffmpeg;

/// Name of the asset, and of its folder.
const NAME: &str = "testcard";

/// Name of its MPD.
const MPD: &str = "manifest.mpd";

/// Length in seconds, a multiple of the segment duration.
const SECONDS: u16 = 32;

/// Picture and sound. `[high]`, `[mid]` and `[low]` are three sizes of the picture.
const GRAPH: &str = "\
    smptehdbars=size=1280x720:rate=25[bars];\
    testsrc2=size=320x180:rate=25,crop=98:18:3:2,format=gray,\
        lut=y='if(gt(val\\,80)\\,235\\,16)',scale=784:144:flags=neighbor[clock];\
    color=white:size=24x24:rate=25[ball];\
    [bars][clock]overlay=x=(W-w)/2:y=120[timed];\
    [timed][ball]overlay=x='(W-w)*(1-abs(1-mod(t\\,2)))':y=330,\
        noise=alls=9:allf=t,format=yuv420p,split=3[high][full1][full2];\
    [full1]scale=640:360[mid];\
    [full2]scale=320:180[low];\
    sine=frequency=440:beep_factor=4:sample_rate=48000,volume=0.3[tone]";

/// Everything behind the graph. Key frames lie at segment starts, every two seconds. Without B
/// frames decoding and presentation times agree, and the DASH muxer, which looks at the former, cuts
/// sound where it cuts pictures.
const OUTPUT: &str = "\
    -map [high] -map [mid] -map [low] -map [tone] \
    -c:v libx264 -preset veryfast -bf 0 -g 50 -keyint_min 50 -sc_threshold 0 \
    -b:v:0 2500k -maxrate:v:0 3000k -bufsize:v:0 5000k \
    -b:v:1 900k -maxrate:v:1 1100k -bufsize:v:1 1800k \
    -b:v:2 300k -maxrate:v:2 360k -bufsize:v:2 600k \
    -c:a aac -b:a 96k -ac 2 \
    -f dash -seg_duration 2";

/// One adaptation set for the pictures, one for the sound.
const SETS: [&str; 2] = ["-adaptation_sets", "id=0,streams=v id=1,streams=a"];

/// Makes the sample below `root` unless it is there, and returns its folder. `on_progress` gets
/// thousandths.
///
/// The folder appears under its name only when it is whole.
pub(crate) fn ensure(
    ffmpeg: &Ffmpeg,
    root: &Path,
    mut on_progress: impl FnMut(u16),
) -> anyhow::Result<PathBuf> {
    let folder = root.join(NAME);
    if folder.join(MPD).is_file() {
        return Ok(folder);
    }
    let partial = root.join(format!(".{NAME}.{}", std::process::id()));
    let prepare = || -> io::Result<()> {
        fs::create_dir_all(&partial)?;
        // Left over by a run that was cut off: it has no manifest, so it is nobody's.
        remove(&folder)
    };
    prepare().with_context(|| format!("cannot prepare `{}`", root.display()))?;
    let made = make(ffmpeg, &partial, &mut on_progress).and_then(|()| {
        fs::rename(&partial, &folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))
    });
    if made.is_err() {
        // The error that matters is the first one.
        let _ = remove(&partial);
    }
    made.map(|()| folder)
}

fn make(ffmpeg: &Ffmpeg, folder: &Path, on_progress: &mut impl FnMut(u16)) -> anyhow::Result<()> {
    let mut arguments: Vec<OsString> = ["-y", "-filter_complex", GRAPH].map(Into::into).into();
    arguments.extend(OUTPUT.split_whitespace().chain(SETS).map(Into::into));
    arguments.extend([
        "-t".into(),
        SECONDS.to_string().into(),
        folder.join(MPD).into(),
    ]);
    ffmpeg
        .convert(arguments, |progress| {
            if let Some(done) = progress.out_time_us {
                let permille = done / (i64::from(SECONDS) * 1000);
                on_progress(permille.clamp(0, 1000) as u16);
            }
            ControlFlow::Continue(())
        })
        .context("cannot make the sample")
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
