//! Every container that is looked into: who comes six seconds late gets what a decoder understands from
//! its first byte on.

use std::thread;

use harness::launch;

use crate::Relay;

/// How long feeds have run when somebody comes, milliseconds.
const LATE_MS: u64 = 6000;
/// How long is watched, seconds of media.
const WATCHED: usize = 6;

/// Pictures a second, and a key frame each second.
const RATE: usize = 25;
const SOURCE: &str = "ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc2=size=160x90:rate=25 \
                      -re -f lavfi -i anoisesrc=sample_rate=48000:amplitude=0.1";
const H264: &str = "-c:v libx264 -preset ultrafast -g 25 -bf 0 -pix_fmt yuv420p -threads 1";

/// A container with what is in it.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    /// Whether there are pictures, and whether there is sound.
    pub(crate) video: bool,
    pub(crate) audio: bool,
    codecs: &'static str,
}

const fn sample(name: &'static str, video: bool, audio: bool, codecs: &'static str) -> Sample {
    Sample {
        name,
        video,
        audio,
        codecs,
    }
}

pub(crate) const SAMPLES: [Sample; 13] = [
    sample("ts", true, true, "H264 -c:a aac -f mpegts"),
    sample(
        "fmp4",
        true,
        true,
        "H264 -c:a aac -f mp4 -movflags frag_keyframe+empty_moov",
    ),
    sample("flv", true, true, "H264 -c:a aac -f flv"),
    sample("mkv", true, true, "H264 -c:a aac -f matroska"),
    sample(
        "webm",
        true,
        true,
        "-c:v libvpx -deadline realtime -cpu-used 8 -g 25 -threads 1 -c:a libvorbis -f webm",
    ),
    sample("mpjpeg", true, false, "-an -c:v mjpeg -q:v 5 -f mpjpeg"),
    sample("mjpeg", true, false, "-an -c:v mjpeg -q:v 5 -f mjpeg"),
    sample(
        "theora",
        true,
        true,
        "-c:v libtheora -q:v 3 -g 25 -c:a libvorbis -f ogg",
    ),
    sample("vorbis", false, true, "-vn -c:a libvorbis -b:a 128k -f ogg"),
    sample("opus", false, true, "-vn -c:a libopus -b:a 128k -f ogg"),
    sample("adts", false, true, "-vn -c:a aac -b:a 128k -f adts"),
    sample("mp3", false, true, "-vn -c:a libmp3lame -b:a 128k -f mp3"),
    sample("wav", false, true, "-vn -c:a pcm_s16le -f wav"),
];

impl Sample {
    /// Writes a configuration in which each sample is a feed that runs, with a stream of its name.
    pub(crate) fn configuration<'a>(samples: impl IntoIterator<Item = &'a Self>) -> String {
        let mut feeds = "feeds:\n".to_owned();
        let mut streams = "streams:\n".to_owned();
        for sample in samples {
            let Self { name, codecs, .. } = sample;
            let codecs = codecs.replace("H264", H264);
            // Muxers and lavfi hand on what they have at once.
            let command = format!("{SOURCE} {codecs} -flush_packets 1 pipe:1");
            feeds += &format!("  {name}: {{ command: \"{command}\", mode: autostart }}\n");
            streams += &format!("  {name}: {{ feed: {name} }}\n");
        }
        feeds + &streams
    }

    /// Waits until all feeds have run for a while.
    pub(crate) fn wait<'a>(relay: &Relay, samples: impl IntoIterator<Item = &'a Self>) {
        for sample in samples {
            launch::wait_for(&format!("{} to run for a while", sample.name), || {
                let feed = relay.feed(sample.name);
                let is_late = feed["state_ms"].as_u64() >= Some(LATE_MS);
                (feed["state"] == "running" && is_late).then_some(())
            });
        }
    }

    /// Looks at the stream as ffprobe sees it, all of what it decodes, and returns what is wrong.
    fn look(&self, relay: &Relay) -> Option<String> {
        let url = relay.server.url(&format!("/stream/{}", self.name));
        // JPEGs in a row tell neither what they are nor how many there are in a second.
        let demuxer: &[&str] = match self.name {
            "mjpeg" => &["-f", "mjpeg", "-framerate", "25"],
            _ => &[],
        };
        let track = if self.video { "v:0" } else { "a:0" };
        let interval = format!("%+{WATCHED}");
        let words = [
            &["-hide_banner", "-v", "warning"],
            demuxer,
            &["-select_streams", track, "-show_entries", "frame=key_frame"],
            &["-of", "csv=p=0", "-read_intervals", &interval, &url],
        ];
        let output = launch::run(launch::command("ffprobe").args(words.concat()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let complains = said.lines().any(|line| !self.is_its_own(line));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let frames = text.lines().count();
        // 14 of 15: what a muxer has still in hand at the end is none of ours. Of sound, frames of the
        // longest that there are.
        let least = if self.video { RATE } else { 23 } * WATCHED * 14 / 15;
        let begins_well = text.starts_with('1');
        let is_fine = output.status.success() && !complains && begins_well && frames >= least;
        (!is_fine).then(|| {
            let first = text.lines().next().unwrap_or_default();
            let status = output.status;
            format!(
                "{}: {frames} frames, first {first}, {status}: {said}",
                self.name
            )
        })
    }

    /// Tells whether ffmpeg says a line of each WAV that it writes to a pipe itself.
    fn is_its_own(&self, line: &str) -> bool {
        let own = [
            "Ignoring maximum wav data size, file may be invalid",
            "Guessed Channel Layout",
        ];
        self.name == "wav" && own.iter().any(|it| line.contains(it))
    }
}

/// S-S6, N-S2, and the third target of the specification: what comes late is decoded from its first
/// packet on without a complaint, in every container.
#[test]
fn who_comes_late_decodes_from_the_first_packet() {
    let relay = Relay::start(&Sample::configuration(&SAMPLES));
    Sample::wait(&relay, &SAMPLES);
    let wrong: Vec<String> = thread::scope(|scope| {
        let looks: Vec<_> = SAMPLES
            .iter()
            .map(|sample| {
                let relay = &relay;
                scope.spawn(move || sample.look(relay))
            })
            .collect();
        let found = looks.into_iter().map(|look| look.join().expect("a look"));
        found.flatten().collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
