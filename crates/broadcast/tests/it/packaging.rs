//! What a real encoder delivers, packaged, recorded and read again by ffmpeg.

use std::{fs, path::Path};

use broadcast::{
    packager::{self, Limits, Output, Packager, Resume},
    record::cut,
    window::{SetSettings, Settings, TrackSettings, Window},
};
use media::{
    presentation::Content,
    supply::Supplier as _,
    template::Key,
    time::{Round, Time},
};
use process::{Ffmpeg, Spawner};

/// A whole second well after 1970.
const EPOCH_MS: i64 = 1_700_000_000_000;
/// When the encoder starts, s since the epoch of the channel.
const START: i64 = 10;
/// Two rungs and sound, 188 pictures and as much sound, as single-frame fragments.
const ENCODE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25 \
    -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -filter_complex [0:v]split=2[a][b];[b]scale=160:90[c]";
const VIDEO: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -keyint_min 25 \
    -sc_threshold 0 -pix_fmt yuv420p -video_track_timescale 90000";
const AUDIO: &str = "-c:a aac -b:a 64k";
const MUX: &str = "-output_ts_offset 10 -t 7.5 \
    -movflags +cmaf+frag_discont+frag_every_frame+skip_trailer -f mp4 -y";

const TRACKS: [(&str, Content); 3] = [
    ("v1", Content::Video),
    ("v2", Content::Video),
    ("a", Content::Audio),
];

/// Finds ffmpeg, or says loudly that the test is skipped.
#[expect(
    clippy::print_stdout,
    reason = "a skipped test says so where tests are watched"
)]
fn ffmpeg() -> Option<Ffmpeg> {
    match Spawner::direct().and_then(Ffmpeg::locate) {
        Ok(ffmpeg) => Some(ffmpeg),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

/// Encodes into a file for each track, as pipes would get it.
fn encode(ffmpeg: &Ffmpeg, folder: &Path) {
    let mut command = ffmpeg.command().args(ENCODE.split_whitespace());
    for ((id, content), map) in TRACKS.iter().zip(["[a]", "[c]", "1:a"]) {
        let codec = match content {
            Content::Video => VIDEO,
            _ => AUDIO,
        };
        command = command
            .args(["-map", map])
            .args(codec.split_whitespace())
            .args(MUX.split_whitespace())
            .arg(folder.join(id));
    }
    ffmpeg.spawner().run(command).expect("ffmpeg encodes");
}

/// Decodes a file and returns the checksum of every frame.
fn frames(ffmpeg: &Ffmpeg, path: &Path) -> Vec<String> {
    let command = ffmpeg.command().args(["-xerror", "-i"]).arg(path).args([
        "-fps_mode",
        "passthrough",
        "-f",
        "framehash",
        "-hash",
        "crc32",
        "-",
    ]);
    let output = ffmpeg.spawner().run(command).expect("ffmpeg decodes");
    let text = String::from_utf8(output).expect("is text");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            line.rsplit(',')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}

fn packager() -> Packager {
    let tracks = TRACKS.iter().map(|(id, content)| packager::TrackSettings {
        id: (*id).to_owned(),
        content: *content,
    });
    let settings = packager::Settings {
        epoch_ms: EPOCH_MS,
        segment: Time::from_secs(2),
        gop: Time::from_secs(1),
        part_target: Time::from_ms(501),
        is_paced: true,
        producer_time: true,
        tracks: tracks.collect(),
        limits: Limits::default(),
    };
    Packager::new(settings, Resume::default())
}

fn settings() -> Settings {
    let track = |id: &str| TrackSettings {
        id: id.to_owned(),
        bandwidth: 0,
        peak_bandwidth: 0,
        frame_rate: None,
    };
    let set = |content, tracks| SetSettings {
        content,
        lang: None,
        label: None,
        roles: Vec::new(),
        tracks,
    };
    Settings {
        epoch_ms: EPOCH_MS,
        segment: Time::from_secs(2),
        longest: Time::from_ms(2499),
        depth: Time::from_secs(60),
        memory: Time::from_secs(60),
        memory_bytes: 1 << 30,
        low_latency: None,
        presentation_delay: None,
        utc_timing: Vec::new(),
        sets: vec![
            set(Content::Video, vec![track("v1"), track("v2")]),
            set(Content::Audio, vec![track("a")]),
        ],
    }
}

/// Feeds all tracks side by side, in pieces as pipes have them, at the speed of real time.
fn feed(packager: &mut Packager, folder: &Path) -> Vec<Output> {
    let streams: Vec<Vec<u8>> = TRACKS
        .iter()
        .map(|(id, _)| fs::read(folder.join(id)).expect("is there"))
        .collect();
    let mut out = Vec::new();
    for step in 0..750 {
        let now = EPOCH_MS + START * 1000 + (step + 1) * 10;
        for (track, stream) in streams.iter().enumerate() {
            let (from, to) = (
                stream.len() * step as usize / 750,
                stream.len() * (step + 1) as usize / 750,
            );
            let pushed = packager.push(track, &stream[from..to], now, &mut out);
            pushed.expect("is a stream");
        }
    }
    packager.end_run(&mut out);
    out
}

#[test]
fn every_frame_of_an_encoder_is_packaged_and_recorded() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().expect("folder");
    encode(&ffmpeg, folder.path());
    let mut packager = packager();
    let out = feed(&mut packager, folder.path());
    let window = Window::new(settings());
    window.apply(out, EPOCH_MS + 20_000);
    window.end();

    for (track, (id, _)) in TRACKS.iter().enumerate() {
        let counters = packager.counters().tracks[track];
        let gone = counters.before_start;
        assert_eq!(
            counters.samples_in,
            counters.samples_out + gone,
            "{counters:?}"
        );
        assert_eq!(
            (
                counters.uneven_parts,
                counters.forced_cuts,
                counters.repeated
            ),
            (0, 0, 0)
        );
        let mut bytes = window.init(0, track, 0).expect("is there").slices.concat();
        let mut segments = Vec::new();
        for number in 0.. {
            let Ok(payload) = window.segment(0, track, Key::Number(number), 0) else {
                break;
            };
            let own = payload.slices.concat();
            bytes.extend(&own);
            segments.push(own);
        }
        assert_eq!(segments.len(), 4, "{id}");
        let whole = folder.path().join(format!("{id}.mp4"));
        fs::write(&whole, &bytes).expect("writes");
        let decoded = frames(&ffmpeg, &whole);
        let original = frames(&ffmpeg, &folder.path().join(id));
        assert!(original.len() > 180, "{id}: {}", original.len());
        assert_eq!(decoded.len() as u64, counters.samples_out, "{id}");
        if gone == 0 {
            assert_eq!(decoded, original, "{id}");
        }
        // Each segment can be decoded by itself.
        let init = window.init(0, track, 0).expect("is there").slices.concat();
        let alone = folder.path().join(format!("{id}-2.mp4"));
        fs::write(&alone, [init, segments[2].clone()].concat()).expect("writes");
        assert!(!frames(&ffmpeg, &alone).is_empty());
    }

    let root = folder.path().join("root");
    fs::create_dir_all(&root).expect("root");
    let recorded = cut(&window, 0, 60_000, &root.join("show")).expect("cuts");
    let catalogue = asset::Catalogue::open(asset::Options {
        roots: vec![root.clone()],
        cache_dir: Some(folder.path().join("cache")),
        importer: None,
    })
    .expect("opens");
    assert!(
        catalogue.problems().is_empty(),
        "{:?}",
        catalogue.problems()
    );
    let asset = catalogue.get("show").expect("is an asset");
    assert_eq!(asset.duration.ms(Round::Nearest), 7520);
    for (track, (id, frames)) in recorded[0].frames.iter().enumerate() {
        assert_eq!(id, TRACKS[track].0);
        assert_eq!(*frames, packager.counters().tracks[track].samples_out);
    }
    let played = frames(&ffmpeg, &root.join("show/manifest.mpd"));
    assert!(played.len() > 188, "{}", played.len());
}
