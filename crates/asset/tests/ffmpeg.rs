//! Content as ffmpeg's muxers write it, found and presented by the catalogue.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use asset::{
    Asset, Catalogue, Options,
    check::{self, Verdict},
    import::FfmpegImporter,
    model::Kind,
    vod::Vod,
};
use media::{
    isobmff::{init, segment},
    presentation::{Addressing, Content},
    supply::Supplier as _,
    template::Key,
    time::{Round, Time},
};
use process::{Ffmpeg, Spawner};

/// Ten seconds of picture with a key frame every two, and of sound.
const SOURCE: &str = "-f lavfi -i testsrc2=size=160x90:rate=25 \
     -f lavfi -i sine=frequency=440:sample_rate=48000 -t 10 \
     -c:v libx264 -preset ultrafast -g 50 -keyint_min 50 -sc_threshold 0 -bf 2 -pix_fmt yuv420p \
     -c:a aac -b:a 64k";

struct Bench {
    folder: tempfile::TempDir,
    ffmpeg: Ffmpeg,
}

/// Finds ffmpeg, or says loudly that the test is skipped.
#[expect(
    clippy::print_stdout,
    reason = "a skipped test says so where tests are watched"
)]
fn bench() -> Option<Bench> {
    match Spawner::direct().and_then(Ffmpeg::locate) {
        Ok(ffmpeg) => Some(Bench {
            folder: tempfile::tempdir().expect("temporary folder"),
            ffmpeg,
        }),
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

impl Bench {
    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    /// Runs ffmpeg in a folder below the root.
    fn make(&self, name: &str, output: &str) {
        let folder = self.root().join(name);
        fs::create_dir_all(&folder).expect("folder");
        let (options, file) = output.rsplit_once(' ').expect("options and a file");
        let command = self
            .ffmpeg
            .command()
            .args(SOURCE.split_whitespace())
            .args(options.split_whitespace())
            .arg("-y")
            .arg(folder.join(file));
        self.ffmpeg.spawner().run(command).expect("ffmpeg runs");
    }

    fn open(&self) -> Catalogue {
        Catalogue::open(Options {
            roots: vec![self.root()],
            cache_dir: Some(self.folder.path().join("cache")),
            importer: Some(Arc::new(FfmpegImporter::new(
                self.ffmpeg.clone(),
                self.folder.path().join("imports"),
            ))),
        })
        .expect("opens")
    }
}

/// Reads everything that a presentation lists and compares it with the list.
fn read_through(asset: &Arc<Asset>) {
    let vod = Vod::new(Arc::clone(asset));
    let shown = vod.presentation(0, 0).expect("presents");
    for (number, (set, track)) in vod.manifests()[0].shape.tracks().enumerate() {
        let what = format!("{} {}", asset.name, track.id);
        let head = vod.init(0, number, 0).expect("init segment");
        let read = init::read(&head.slices[0]).expect("is an init segment");
        let [only] = read.tracks.as_slice() else {
            panic!("{what}: one track");
        };
        assert_eq!(only.content, set.content, "{what}");
        assert_eq!(track.timescale, only.timescale, "{what}");
        let timeline = &shown.periods[0].timelines[number];
        let mut end = None;
        for (segment_number, start, duration) in timeline.segments() {
            assert!(end.is_none_or(|end| end == start), "{what}: no gaps");
            end = Some(start + duration);
            let by_number = vod.segment(0, number, Key::Number(segment_number), 0);
            let by_time = vod.segment(0, number, Key::Time(start), 0);
            let bytes = by_number.expect("by number").slices.remove(0);
            assert_eq!(bytes, by_time.expect("by time").slices[0], "{what}");
            let info = segment::read(&bytes, &only.defaults).expect("is a segment");
            assert!(info.fragments[0].starts_with_sync, "{what}");
            if set.content == Content::Video {
                assert_eq!(info.first_decode_time, start, "{what}");
            }
        }
        assert!(timeline.len() >= 5, "{what}: {} segments", timeline.len());
    }
}

fn expect_good(catalogue: &Catalogue, name: &str, kind: Kind) -> Arc<Asset> {
    let asset = catalogue
        .get(name)
        .unwrap_or_else(|| panic!("{name}: {:?}", catalogue.problems()));
    assert_eq!(asset.kind, kind, "{name}");
    let off = asset.duration.ms(Round::Nearest) - 10_000;
    assert!(off.abs() <= 40, "{name}: {}", asset.duration);
    let report = check::asset(&asset);
    assert_eq!(report.verdict, Verdict::Ok, "{name}: {:?}", report.warnings);
    for track in &asset.tracks {
        let content = track.content;
        assert!(
            content != Content::Audio || track.sample_duration == Some(1024),
            "{name}"
        );
        if content == Content::Video {
            let rate = track.track.frame_rate.expect("is known");
            assert_eq!((rate.num, rate.den), (25, 1), "{name}");
            assert_eq!(track.segments.len(), 5, "{name}");
        }
    }
    read_through(&asset);
    asset
}

#[test]
fn dash_and_hls_of_ffmpeg_load() {
    let Some(bench) = bench() else { return };
    let both = "-map 0 -map 1 -f dash -seg_duration 2";
    bench.make(
        "number",
        &format!("{both} -use_timeline 0 -use_template 1 m.mpd"),
    );
    bench.make(
        "timeline",
        &format!("{both} -use_timeline 1 -use_template 1 m.mpd"),
    );
    let by_time = "-media_seg_name s-$RepresentationID$-$Time$.m4s";
    bench.make("time", &format!("{both} {by_time} m.mpd"));
    bench.make(
        "list",
        &format!("{both} -use_timeline 0 -use_template 0 m.mpd"),
    );
    bench.make("ranges", &format!("{both} -single_file 1 m.mpd"));
    bench.make("both", &format!("{both} -hls_playlist 1 m.mpd"));
    let hls = "-f hls -hls_time 2 -hls_segment_type fmp4 -hls_playlist_type vod";
    bench.make("hls", &format!("-map 0:v {hls} index.m3u8"));
    fs::create_dir_all(bench.root().join("master")).expect("folder");
    let command = bench
        .ffmpeg
        .command()
        .args(SOURCE.split_whitespace())
        .args("-map 0:v -map 1:a".split(' '))
        .args(hls.split(' '))
        .args(["-hls_flags", "single_file", "-master_pl_name", "m.m3u8"])
        .args(["-var_stream_map", "v:0,agroup:a,name:v a:0,agroup:a,name:a"])
        .arg(bench.root().join("master/%v/list.m3u8"));
    bench.ffmpeg.spawner().run(command).expect("ffmpeg runs");
    bench.make("muxed", &format!("-map 0 -map 1 {hls} index.m3u8"));

    let catalogue = bench.open();
    for name in ["number", "timeline", "time", "list", "ranges", "both"] {
        let asset = expect_good(&catalogue, name, Kind::Dash);
        assert_eq!(asset.tracks.len(), 2, "{name}");
        let addressing = match name {
            "number" => Addressing::Number,
            "time" => Addressing::TimelineTime,
            _ => Addressing::TimelineNumber,
        };
        assert_eq!(asset.manifests[0].addressing, addressing, "{name}");
    }
    assert_eq!(expect_good(&catalogue, "hls", Kind::Hls).tracks.len(), 1);
    let master = expect_good(&catalogue, "master", Kind::Hls);
    assert_eq!(master.tracks.len(), 2);
    assert!(master.tracks.iter().all(|track| track.files.len() == 1));
    let problems = catalogue.problems();
    let names: Vec<&str> = problems.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["muxed"]);
    assert!(problems[0].reason.contains("multiplexed"));

    // A second start has all of it from the index.
    let again = bench.open();
    let versions = |catalogue: &Catalogue| -> Vec<u64> {
        catalogue.all().iter().map(|asset| asset.version).collect()
    };
    assert_eq!(versions(&catalogue), versions(&again));
}

#[test]
fn a_plain_file_becomes_an_asset() {
    let Some(bench) = bench() else { return };
    bench.make("films", "-map 0 -map 1 -metadata title=film film.mkv");
    fs::write(bench.root().join("films/text.mkv"), "not a film").expect("file");
    let catalogue = bench.open();
    assert_eq!(catalogue.importing().len(), 2);
    assert_eq!(catalogue.import_waiting(&AtomicBool::new(false)), 2);
    let asset = expect_good(&catalogue, "films/film", Kind::Plain);
    assert_eq!(asset.tracks.len(), 2);
    assert!(asset.shortest_mean_segment > Time::from_secs(1));
    let problems = catalogue.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].file.ends_with(Path::new("films/text.mkv")));
    let again = bench.open();
    assert!(again.get("films/film").is_some());
}
