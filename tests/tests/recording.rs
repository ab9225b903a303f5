//! A file read as fast as can be is recorded: nothing of it is missing, nothing is encoded again, and it
//! is an asset as soon as it ends, on demand and as simulated live.
//!
//! It lasts `RECORD_SECONDS`, half a minute without; `make soak` takes an hour.

use std::{fs, io::Write, path::Path, time::Instant};

use harness::{
    boxes, clips, http,
    launch::{self, Server},
    manifests,
};
use serde_json::Value;

/// Frames a second of the source.
const RATE: u64 = 30;

/// A track as the channel has it: its id, and the frames that were packaged.
type Packaged = Vec<(String, u64)>;

#[test]
fn a_file_read_as_fast_as_can_be_is_an_asset_at_once() {
    let seconds: u64 =
        std::env::var("RECORD_SECONDS").map_or(30, |text| text.parse().expect("seconds"));
    let folder = tempfile::tempdir().expect("temporary folder");
    clips::ffmpeg(
        folder.path(),
        &format!(
            "-f lavfi -i testsrc2=size=320x180:rate={RATE}:duration={seconds} \
             -f lavfi -i sine=sample_rate=48000:duration={seconds} -c:v libx264 -preset ultrafast -g 250 \
             -c:a aac -b:a 64k source.mp4"
        ),
    );
    let server = serve(folder.path());
    let begun = Instant::now();
    let packaged = wait_recorded(&server);
    let took = begun.elapsed();
    assert_eq!(packaged.len(), 3, "two rungs and sound");
    for (id, frames) in &packaged[..2] {
        assert_eq!(*frames, RATE * seconds, "{id}: every frame of the source");
    }

    let vod = server.url("/vod/film/master.m3u8");
    launch::wait_for("the asset", || {
        (http::get(&vod).send().status == 200).then_some(())
    });
    let shown = begun.elapsed().saturating_sub(took);
    let (_, playlists) = manifests::multivariant(&server, "/vod/film/master.m3u8");
    let mut kept: Vec<u64> = playlists.iter().map(|url| counted(url)).collect();
    kept.sort_unstable();
    assert_eq!(kept, sorted(&packaged), "packets that ffprobe counts");

    // An encoder would not give the same bytes twice.
    let live = media(&server, "/live/film/master.m3u8");
    let kept = media(&server, "/vod/film/master.m3u8");
    assert_eq!(live.len(), kept.len());
    let mut same = 0;
    for (live, kept) in live.iter().zip(&kept) {
        assert!(!live.is_empty());
        let newest = &kept[kept.len() - live.len()..];
        assert_eq!(newest, live, "media of the live window and of the asset");
        same += live.len();
    }

    // The simulated channel goes on and on with the same media.
    let simulated = media(&server, "/livesim/film/master.m3u8");
    for (simulated, kept) in simulated.iter().zip(&kept) {
        assert!(simulated.iter().any(|one| kept.contains(one)));
    }
    server.get("/livesim/film/manifest.mpd").expect(200);
    let frames: Vec<String> = packaged
        .iter()
        .map(|(id, frames)| format!("{id} {frames}"))
        .collect();
    let _ = writeln!(
        std::io::stderr(),
        "recording: {seconds} s in {:.1} s, an asset {} ms later; frames {}; {same} segments compared",
        took.as_secs_f64(),
        shown.as_millis(),
        frames.join(", ")
    );
}

/// Serves a channel that plays `source.mp4` of a folder once, as fast as can be, and records it.
fn serve(folder: &Path) -> Server {
    let config = folder.join("headend.yaml");
    let source = folder.join("source.mp4");
    let text = format!(
        "state_dir: {}\nchannels:\n  film:\n    job:\n      \
         inputs: {{file: {{path: {}, loop: false, realtime: false}}}}\n      \
         ladder:\n        - {{name: big, height: 180, bitrate: 200k}}\n        \
         - {{name: little, height: 90, bitrate: 80k}}\n      record: film\n",
        folder.join("state").display(),
        source.display()
    );
    fs::write(&config, text).expect("configuration");
    launch::headend([
        "serve".as_ref(),
        "-c".as_ref(),
        config.as_os_str(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ])
    .start_unready()
}

/// Waits until the channel is over and recorded, without a bound but that it goes on, and returns what
/// it packaged.
fn wait_recorded(server: &Server) -> Packaged {
    let mut last = None;
    loop {
        let progress = launch::wait_for("the channel to go on", || {
            let answer = server.get("/api/v1/channels/film");
            let status: Value = serde_json::from_slice(&answer.body).ok()?;
            let progress = (status["tracks"].clone(), status["state"].clone());
            (last.as_ref() != Some(&progress)).then_some((progress, status))
        });
        let (now, status) = progress;
        last = Some(now);
        if status["state"] == "stopped" {
            let frames = status["tracks"].as_array().expect("tracks").iter();
            let of = |track: &Value| {
                // Sound may end a frame later, in a segment that has no pictures.
                assert!(track["gaps"].as_u64() <= Some(2), "{track}");
                let id = track["id"].as_str().expect("id").to_owned();
                (id, track["packaged"].as_u64().expect("frames"))
            };
            server.wait_said("recorded");
            return frames.map(of).collect();
        }
    }
}

/// Counts the packets of a media playlist with ffprobe.
fn counted(url: &str) -> u64 {
    let output = launch::command("ffprobe")
        .args(["-v", "error", "-count_packets", "-of", "json"])
        .args(["-show_entries", "stream=nb_read_packets", url])
        .output()
        .expect("ffprobe");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let count = found["streams"][0]["nb_read_packets"].as_str();
    count.and_then(|count| count.parse().ok()).expect("a count")
}

fn sorted(packaged: &Packaged) -> Vec<u64> {
    let mut counts: Vec<u64> = packaged.iter().map(|(_, frames)| *frames).collect();
    counts.sort_unstable();
    counts
}

/// Returns the media data of the listed segments of each rendition.
fn media(server: &Server, path: &str) -> Vec<Vec<Vec<u8>>> {
    let (_, playlists) = manifests::multivariant(server, path);
    let data = |bytes: &[u8]| -> Vec<u8> {
        let boxes = boxes::boxes(bytes).filter(|(kind, _)| *kind == b"mdat");
        boxes.flat_map(|(_, payload)| payload.to_vec()).collect()
    };
    playlists
        .iter()
        .map(|url| {
            let listed = manifests::playlist(url).listed.segments;
            let answers = listed.iter().map(manifests::Segment::get);
            let all = answers.map(|answer| data(&answer.expect(200).body));
            // A lost segment has no samples.
            all.filter(|data| !data.is_empty()).collect()
        })
        .collect()
}
