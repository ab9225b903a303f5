//! The arguments of each output: one track, one pipe.

use media::time::Time;

use super::{Request, VIDEO_TIMESCALE, threads::Share};
use crate::{
    input::Argument,
    ladder::{AudioTrack, Coding, H264, H264Profile, Preset, Sound, Tune, VideoTrack},
};

/// Flags of the MP4 writer, see the module of encoding.
const FLAGS: &str = "+cmaf+frag_discont+frag_every_frame+skip_trailer";

/// For copies the header waits for the first frame: what comes from MPEG-TS has no decoder
/// configuration before.
const COPY_FLAGS: &str = "+cmaf+frag_discont+frag_every_frame+skip_trailer+delay_moov";

/// Returns the input of silence. It is not paced: it is read as far as the other tracks are.
pub(super) fn silence(track: &AudioTrack) -> Vec<Argument> {
    let layout = if track.channels == 1 {
        "mono"
    } else {
        "stereo"
    };
    let source = format!(
        "anullsrc=sample_rate={}:channel_layout={layout}",
        track.sampling_rate
    );
    ["-f", "lavfi", "-i", &source]
        .into_iter()
        .map(Argument::plain)
        .collect()
}

/// Returns the arguments of a video track.
pub(super) fn video(request: &Request<'_>, track: &VideoTrack, share: Share) -> Vec<Argument> {
    let mut arguments = List::default();
    match &track.coding {
        Coding::Copy { codec } => {
            arguments.add(
                "-map",
                format!("{}:v:{}", track.source.input, track.source.ordinal),
            );
            arguments.add("-c:v", "copy");
            if codec == "hevc" {
                // Parameter sets in the sample entry only, as CMAF and Apple want them.
                arguments.add("-tag:v", "hvc1");
            }
        }
        Coding::H264(settings) => {
            arguments.add("-map", format!("[{}]", track.id));
            x264(&mut arguments, settings, share);
        }
    }
    arguments.add("-video_track_timescale", VIDEO_TIMESCALE.to_string());
    let copied = matches!(track.coding, Coding::Copy { .. });
    arguments.finish(request, &track.id, copied)
}

fn x264(arguments: &mut List, settings: &H264, share: Share) {
    arguments.add("-c:v", "libx264");
    arguments.add("-preset:v", preset(settings.preset));
    if let Some(tune) = tune(settings) {
        arguments.add("-tune:v", tune);
    }
    arguments.add("-profile:v", profile(settings.profile));
    arguments.add("-level:v", settings.level.to_string());
    arguments.add("-b:v", settings.bitrate.0.to_string());
    arguments.add("-maxrate:v", settings.maxrate.0.to_string());
    arguments.add("-bufsize:v", settings.bufsize.0.to_string());
    // Key frames at every n-th frame and nowhere else; the frame rate is constant by now.
    let gop = settings.gop.to_string();
    arguments.add("-g:v", gop.clone());
    arguments.add("-keyint_min:v", gop);
    arguments.add("-sc_threshold:v", "0");
    arguments.add("-flags:v", "+cgop");
    arguments.add("-threads:v", share.count.to_string());
    arguments.add(
        "-x264-params",
        format!("sliced-threads={}", u8::from(share.sliced)),
    );
    arguments.add("-fps_mode:v", "passthrough");
}

/// Returns the arguments of an audio track.
pub(super) fn audio(request: &Request<'_>, track: &AudioTrack) -> Vec<Argument> {
    let mut arguments = List::default();
    let map = match track.source {
        Sound::Stream(stream) => format!("{}:a:{}", stream.input, stream.ordinal),
        // Silence is the input behind all others.
        Sound::Silence => format!("{}:a:0", request.sources.len()),
    };
    arguments.add("-map", map);
    if let Some(codec) = &track.copy {
        arguments.add("-c:a", "copy");
        if codec == "aac" {
            // Headers of MPEG-TS off; does nothing to sound that has none.
            arguments.add("-bsf:a", "aac_adtstoasc");
        }
    } else {
        arguments.add("-c:a", "aac");
        arguments.add("-b:a", track.bitrate.0.to_string());
        arguments.add("-ac:a", track.channels.to_string());
        // Holes in the sound are filled with silence, so that frames follow each other without gaps.
        arguments.add("-af", format!("aresample={}:async=1", track.sampling_rate));
    }
    arguments.finish(request, &track.id, track.copy.is_some())
}

/// Arguments in the making.
#[derive(Default)]
struct List(Vec<Argument>);

impl List {
    fn add(&mut self, option: &str, value: impl Into<String>) {
        self.0.push(Argument::plain(option));
        self.0.push(Argument::plain(value));
    }

    /// Adds what all outputs have.
    fn finish(mut self, request: &Request<'_>, id: &str, copied: bool) -> Vec<Argument> {
        // Titles and times of the source would change the init segment at each start.
        self.add("-map_metadata", "-1");
        self.add("-map_chapters", "-1");
        if let Some(limit) = request.limit {
            self.add("-t", seconds(limit));
        }
        self.add("-output_ts_offset", seconds(request.offset));
        self.add("-movflags", if copied { COPY_FLAGS } else { FLAGS });
        self.add("-flush_packets", "1");
        self.add("-f", "mp4");
        self.0.push(Argument::plain(
            request.layout.track(id).to_string_lossy().into_owned(),
        ));
        self.0
    }
}

fn seconds(span: std::time::Duration) -> String {
    // ffmpeg counts microseconds.
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Time::new(micros, media::time::Timescale::literal(1_000_000)).to_string()
}

fn preset(preset: Preset) -> &'static str {
    match preset {
        Preset::Ultrafast => "ultrafast",
        Preset::Superfast => "superfast",
        Preset::Veryfast => "veryfast",
        Preset::Faster => "faster",
        Preset::Fast => "fast",
        Preset::Medium => "medium",
        Preset::Slow => "slow",
        Preset::Slower => "slower",
        Preset::Veryslow => "veryslow",
    }
}

fn tune(settings: &H264) -> Option<&'static str> {
    match (settings.tune, settings.without_delay) {
        (Some(Tune::Film), true) => Some("film,zerolatency"),
        (Some(Tune::Film), false) => Some("film"),
        (Some(Tune::Animation), true) => Some("animation,zerolatency"),
        (Some(Tune::Animation), false) => Some("animation"),
        (Some(Tune::None), _) | (None, false) => None,
        (Some(Tune::Zerolatency), _) | (None, true) => Some("zerolatency"),
    }
}

fn profile(profile: H264Profile) -> &'static str {
    match profile {
        H264Profile::Baseline => "baseline",
        H264Profile::Main => "main",
        H264Profile::High => "high",
    }
}
