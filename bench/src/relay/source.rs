//! What feeds the relays: ffmpeg at the pace of the media, or small writes that carry their time
//! ([`super::pulse`]). Every relay gets the same from the same program.

use std::path::{Path, PathBuf};

use harness::clips;

use super::pulse;

/// Length of the films that are sent again and again.
const SECONDS: u32 = 20;

/// A program that sends media for ever.
pub(super) enum Source {
    /// ffmpeg, in writes as it makes them.
    Ffmpeg {
        /// What it reads, with options.
        input: String,
        /// The container, with options.
        muxer: String,
        mimetype: &'static str,
    },
    /// A transport stream in small writes that tell when they were made.
    Pulse(PathBuf),
}

impl Source {
    /// Sends a transport stream at a constant rate, key frame every two seconds, which is made in `folder`.
    pub(super) fn ts(folder: &Path, kilobits: u32) -> Self {
        let file = make_ts(folder, kilobits);
        Self::Ffmpeg {
            input: format!("-i {} -c copy", file.display()),
            muxer: format!("mpegts -muxrate {kilobits}k"),
            mimetype: "video/mp2t",
        }
    }

    /// Sends a transport stream in small writes, [`pulse::RATE`] in all.
    pub(super) fn pulse(folder: &Path) -> Self {
        Self::Pulse(make_ts(folder, pulse::FILM_KILOBITS))
    }

    pub(super) fn mimetype(&self) -> &'static str {
        match self {
            Self::Ffmpeg { mimetype, .. } => mimetype,
            Self::Pulse(_) => "video/mp2t",
        }
    }

    /// Returns the words of the command that writes to its stdout.
    pub(super) fn to_stdout(&self) -> String {
        match self {
            Self::Ffmpeg { input, muxer, .. } => format!("{FFMPEG} {input} -f {muxer} pipe:1"),
            Self::Pulse(file) => pulse::words(file),
        }
    }

    /// Returns the words of the command that sends to `/tv` of an Icecast on this machine.
    pub(super) fn to_icecast(&self, port: u16) -> String {
        match self {
            Self::Ffmpeg {
                input,
                muxer,
                mimetype,
            } => format!(
                "{FFMPEG} {input} -content_type {mimetype} -f {muxer} \
                 icecast://source:source@127.0.0.1:{port}/tv"
            ),
            Self::Pulse(file) => format!("{} 127.0.0.1:{port}", pulse::words(file)),
        }
    }
}

const FFMPEG: &str = "ffmpeg -v error -nostdin -re -stream_loop -1";

/// Makes a transport stream of a constant rate with a key frame every two seconds.
fn make_ts(folder: &Path, kilobits: u32) -> PathBuf {
    let name = format!("{kilobits}k.ts");
    let video = kilobits * 9 / 10;
    let size = if kilobits < 1000 {
        "320x180"
    } else {
        "640x360"
    };
    clips::ffmpeg(
        folder,
        &format!(
            "-f lavfi -i testsrc2=size={size}:rate=25,noise=alls=20:allf=t -t {SECONDS} -c:v libx264 \
             -preset ultrafast -pix_fmt yuv420p -g 50 -keyint_min 50 -sc_threshold 0 -b:v {video}k \
             -minrate {video}k -maxrate {video}k -bufsize {}k -x264-params nal-hrd=cbr \
             -muxrate {kilobits}k -f mpegts {name}",
            video / 2
        ),
    );
    folder.join(name)
}

/// Returns the rate of a transport stream that [`Source::ts`] sends, bits a second.
pub(super) fn rate(folder: &Path, kilobits: u32) -> f64 {
    let bytes = std::fs::metadata(folder.join(format!("{kilobits}k.ts"))).expect("the feed");
    bytes.len() as f64 * 8.0 / f64::from(SECONDS)
}
