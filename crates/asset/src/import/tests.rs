//! Real media, made by ffmpeg, imported and read back.

use std::{fs, ops::ControlFlow, path::PathBuf};

use media::isobmff::{
    init,
    segment::{self, SAMPLE_IS_NON_SYNC},
    sidx,
};
use process::Spawner;

use super::*;

struct Bench {
    folder: tempfile::TempDir,
    ffmpeg: Ffmpeg,
}

/// Finds ffmpeg, or says loudly that the test is skipped.
fn bench() -> Option<Bench> {
    match Spawner::direct().and_then(Ffmpeg::locate) {
        Ok(ffmpeg) => Some(Bench {
            folder: tempfile::tempdir().unwrap(),
            ffmpeg,
        }),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

/// What one track of an import is, read from its file.
#[derive(Debug)]
struct Track {
    codec: String,
    scale: i64,
    /// Presentation times in order of presentation, in ticks.
    times: Vec<i64>,
    /// Durations that occur, in ticks.
    durations: Vec<u32>,
    /// Where segments begin, in ticks.
    starts: Vec<u64>,
    end: i64,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.path(name);
        let command = self
            .ffmpeg
            .command()
            .args(arguments.split_whitespace())
            .arg("-y")
            .arg(&path);
        self.ffmpeg.spawner().run(command).unwrap();
        path
    }

    fn import(&self, source: &Path) -> Result<Imported, Error> {
        let cache = self.path("cache");
        import(source, &cache, &self.ffmpeg, &mut |_| {
            ControlFlow::Continue(())
        })
    }

    fn track(imported: &Imported, name: &str) -> Track {
        let file = fs::read(imported.folder.join(name)).unwrap();
        let track = init::read(&file).unwrap().tracks.remove(0);
        assert_eq!(track.edit_media_time, 0);
        let (_, parts) = sidx::subsegments(&file).unwrap();
        let mut all = Vec::new();
        let mut starts = Vec::new();
        for part in &parts {
            let bytes = &file[part.range.start as usize..part.range.end as usize];
            let samples = segment::samples(bytes, &track.defaults).unwrap();
            assert_eq!(samples[0].flags & SAMPLE_IS_NON_SYNC, 0);
            starts.push(samples[0].decode_time);
            all.extend(samples);
        }
        for pair in all.windows(2) {
            let next = pair[0].decode_time + u64::from(pair[0].duration);
            assert_eq!(pair[1].decode_time, next, "no gap in {name}");
        }
        let last = all.last().unwrap();
        let end = last.decode_time as i64 + i64::from(last.duration);
        let mut durations: Vec<u32> = all.iter().map(|sample| sample.duration).collect();
        durations.sort_unstable();
        durations.dedup();
        let mut times: Vec<i64> = all
            .iter()
            .map(|it| it.decode_time as i64 + i64::from(it.composition_offset))
            .collect();
        times.sort_unstable();
        Track {
            codec: track.codec,
            scale: track.timescale.get().into(),
            times,
            durations,
            starts,
            end,
        }
    }
}

const PICTURE: &str = "-f lavfi -i testsrc2=s=160x90:r=30000/1001:d=7.1071";
const SOUND: &str = "-f lavfi -i sine=d=7.1071:r=48000";
const H264: &str = "-c:v libx264 -preset ultrafast -bf 2 -g 60 -c:a aac";

#[test]
fn copies_of_every_container_have_exact_times() {
    let Some(bench) = bench() else { return };
    for name in ["a.mp4", "a.mkv", "a.ts", "a.mov"] {
        let source = bench.make(name, &format!("{PICTURE} {SOUND} {H264}"));
        let imported = bench.import(&source).unwrap();
        assert_eq!(imported.notes, Vec::<String>::new(), "{name}");
        let video = Bench::track(&imported, "v1.mp4");
        assert_eq!(video.times.len(), 213, "{name}");
        assert_eq!(video.durations, [1001], "{name}");
        assert_eq!(video.times[0], 0, "{name}");
        assert_eq!(video.times[212], 212 * 1001, "{name}");
        assert_eq!(video.starts, [0, 60_060, 120_120, 180_180], "{name}");
        assert!(video.codec.starts_with("avc1."), "{name}");

        let audio = Bench::track(&imported, "a1.mp4");
        assert_eq!(audio.durations, [1024], "{name}");
        assert!((0..1024).contains(&audio.times[0]), "{name}: {audio:?}");
        // The end of the pictures is within a frame of the end of the sound.
        let end = video.end * audio.scale / video.scale;
        assert!((audio.end - end).abs() <= 1024, "{name}: {audio:?}");
        assert_eq!(audio.starts.len(), video.starts.len(), "{name}");
    }
}

#[test]
fn sound_keeps_its_distance_to_the_pictures() {
    let Some(bench) = bench() else { return };
    // A click at the very moment of a flash would be heard 10 ms late here.
    let source = bench.make(
        "late.mkv",
        &format!("{PICTURE} -itsoffset 0.010 {SOUND} {H264}"),
    );
    let packets = probe::packets(&bench.ffmpeg, source.as_os_str(), |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    // Matroska has milliseconds; priming before the first picture is cut off frame by frame.
    let (video, audio) = (&packets[&0], &packets[&1]);
    let distance = audio.first_pts.unwrap() - video.first_pts.unwrap();
    let imported = bench.import(&source).unwrap();
    let made = Bench::track(&imported, "a1.mp4");
    let expected = distance * 48;
    let off = (made.times[0] - expected).rem_euclid(1024);
    assert!(
        off <= 48 || off >= 1024 - 48,
        "{expected} became {}",
        made.times[0]
    );
}

#[test]
fn what_players_do_not_take_is_encoded_on_a_grid() {
    let Some(bench) = bench() else { return };
    let source = bench.make(
        "a.webm",
        "-f lavfi -i testsrc2=s=161x91:r=30:d=5 -f lavfi -i sine=d=4.5:r=44100 \
         -c:v libvpx -deadline realtime -cpu-used 8 -g 300 -c:a libvorbis",
    );
    let imported = bench.import(&source).unwrap();
    assert_eq!(imported.notes.len(), 2, "{:?}", imported.notes);
    let video = Bench::track(&imported, "v1.mp4");
    assert_eq!((video.times.len(), video.times[0]), (150, 0));
    assert_eq!(video.durations, [512]);
    assert_eq!(video.starts, [0, 60 * 512, 120 * 512]);
    // The sound ends half a second early in the source and is filled up.
    let audio = Bench::track(&imported, "a1.mp4");
    assert_eq!(
        (audio.times[0], audio.durations.as_slice()),
        (0, &[1024][..])
    );
    assert!(audio.end >= 5 * 44_100);
    assert!(audio.codec.starts_with("mp4a.40.2"));
}

#[test]
fn one_kind_alone_is_enough() {
    let Some(bench) = bench() else { return };
    let source = bench.make(
        "v.mp4",
        &format!("{PICTURE} -c:v libx264 -preset ultrafast -g 30"),
    );
    let imported = bench.import(&source).unwrap();
    assert_eq!(Bench::track(&imported, "v1.mp4").times.len(), 213);
    assert!(!imported.folder.join("a1.mp4").is_file());
    let source = bench.make("a.mp3", SOUND);
    let imported = bench.import(&source).unwrap();
    let audio = Bench::track(&imported, "a1.mp4");
    assert_eq!(
        (audio.times[0], audio.durations.as_slice()),
        (0, &[1024][..])
    );
    assert_eq!(audio.starts.len(), 4);
}

#[test]
fn languages_and_left_out_streams_are_told() {
    let Some(bench) = bench() else { return };
    let text = bench.path("s.srt");
    fs::write(&text, "1\n00:00:00,000 --> 00:00:01,000\nHej\n").unwrap();
    let source = bench.make(
        "a.mkv",
        &format!(
            "{PICTURE} {SOUND} {SOUND} -i {} -map 0 -map 1 -map 2 -map 3 {H264} -c:s srt \
             -metadata:s:1 language=swe -metadata:s:2 language=eng -metadata:s:2 title=Talk",
            text.display()
        ),
    );
    let imported = bench.import(&source).unwrap();
    assert_eq!(imported.notes, ["stream 3 is left out: subtitles (subrip)"]);
    let manifest = fs::read_to_string(imported.folder.join("manifest.mpd")).unwrap();
    for part in [
        r#"lang="swe""#,
        r#"lang="eng""#,
        "<Label>Talk</Label>",
        "a2.mp4",
    ] {
        assert!(manifest.contains(part), "{manifest}");
    }
}

#[test]
fn an_import_is_made_once() {
    let Some(bench) = bench() else { return };
    let source = bench.make(
        "v.mp4",
        &format!("{PICTURE} -c:v libx264 -preset ultrafast -g 30"),
    );
    let first = bench.import(&source).unwrap();
    let second = bench.import(&source).unwrap();
    assert!(!first.from_cache && second.from_cache);
    assert_eq!(first.folder, second.folder);
    let names: Vec<_> = fs::read_dir(&first.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn failures_leave_nothing_behind() {
    let Some(bench) = bench() else { return };
    let garbage = bench.path("garbage.mp4");
    fs::write(&garbage, [7; 5000]).unwrap();
    let error = bench.import(&garbage).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("Invalid data"), "{error}");
    let absent = bench.import(&bench.path("absent.mp4")).unwrap_err();
    assert!(absent.to_string().contains("No such file"), "{absent}");

    let source = bench.make(
        "v.mp4",
        &format!("{PICTURE} -c:v libx264 -preset ultrafast -g 30"),
    );
    let stopped = import(&source, &bench.path("cache"), &bench.ffmpeg, &mut |_| {
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    let left = fs::read_dir(bench.path("cache"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_dir())
        .count();
    assert_eq!(left, 0);
}
