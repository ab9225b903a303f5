//! An ffmpeg, a folder, and plans run on them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use broadcast::{
    encode::{Invocation, Layout, Request, Threads},
    input::{Facilities, Source},
    ladder::{AudioOptions, Plan, Profile, Spec},
    units::Seconds,
};
use media::isobmff::{
    init,
    segment::{self, FragmentInfo},
};
use process::{Ffmpeg, Spawner};

/// First frame of every trial, seconds since the epoch of the channel.
pub(crate) const OFFSET: u64 = 1_000;

pub(crate) struct Bench {
    pub(crate) ffmpeg: Ffmpeg,
    pub(crate) folder: tempfile::TempDir,
}

/// What came through the pipe of a track.
pub(crate) struct Track {
    pub(crate) codecs: String,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) timescale: u64,
    pub(crate) fragments: Vec<FragmentInfo>,
}

impl Track {
    pub(crate) fn keys(&self) -> Vec<u64> {
        let keys = self.fragments.iter().filter(|it| it.starts_with_sync);
        keys.map(|it| it.decode_time).collect()
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let spawner = Spawner::direct().expect("a thread can be started");
        Self {
            ffmpeg: Ffmpeg::locate(spawner).expect("these tests need ffmpeg"),
            folder: tempfile::tempdir().expect("a folder can be made"),
        }
    }

    /// Makes a file by an ffmpeg command line and returns its URI.
    pub(crate) fn sample(&self, name: &str, arguments: &str) -> String {
        let path = self.folder.path().join(name);
        let command = self
            .ffmpeg
            .command()
            .args(arguments.split_whitespace())
            .arg(&path);
        self.ffmpeg
            .spawner()
            .run(command)
            .expect("the sample is made");
        format!("file://{}?loop=false&realtime=false", path.display())
    }

    pub(crate) fn run(
        &self,
        plan: &Plan,
        sources: &[Source],
        profile: Profile,
    ) -> BTreeMap<String, Track> {
        let layout = Layout {
            folder: self.folder.path().join("pipes"),
        };
        std::fs::create_dir_all(&layout.folder).unwrap();
        let abilities = self.ffmpeg.abilities().unwrap();
        let facilities = Facilities::detect(&abilities, Path::new("/"));
        let request = Request {
            plan,
            sources,
            wall_clock: &[],
            profile,
            threads: Threads::default(),
            processors: 2,
            facilities: &facilities,
            layout: &layout,
            offset: Duration::from_secs(OFFSET),
            limit: Some(Duration::from_millis(2_200)),
        };
        let invocation = request.invocation(&self.ffmpeg);
        for (pipe, _) in &invocation.feeders {
            make_pipe(pipe);
        }
        let readers = read_pipes(&invocation);
        let feeders: Vec<_> = invocation
            .feeder_commands()
            .map(|command| self.ffmpeg.spawner().spawn(command).unwrap())
            .collect();
        let command = invocation.command().timeout(Duration::from_mins(2));
        self.ffmpeg.spawner().run(command).unwrap();
        drop(feeders);
        let read = |(id, reader): (String, thread::JoinHandle<Vec<u8>>)| {
            let track = parsed(&id, &reader.join().unwrap());
            (id, track)
        };
        readers.into_iter().map(read).collect()
    }
}

fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn read_pipes(invocation: &Invocation) -> Vec<(String, thread::JoinHandle<Vec<u8>>)> {
    let start = |(id, path): &(String, PathBuf)| {
        make_pipe(path);
        let path = path.clone();
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        });
        (id.clone(), reader)
    };
    invocation.tracks.iter().map(start).collect()
}

pub(crate) fn parsed(id: &str, bytes: &[u8]) -> Track {
    let init = init::read(bytes).unwrap_or_else(|error| panic!("{id}: {error}"));
    let track = &init.tracks[0];
    let info = segment::read(bytes, &track.defaults).unwrap();
    assert!(init.fragmented, "{id}");
    assert!(
        info.fragments
            .iter()
            .all(|fragment| fragment.sample_count == 1),
        "{id}: a fragment holds more than a frame"
    );
    Track {
        codecs: track.codec.clone(),
        size: track.size,
        timescale: u64::from(track.timescale.get()),
        fragments: info.fragments,
    }
}

pub(crate) fn spec(ladder: &str) -> Spec {
    Spec {
        ladder: ladder.parse().unwrap(),
        upscale: false,
        audio: AudioOptions::default(),
        profile: Profile::LowLatency,
        segment: Seconds::whole(2),
        gop: Seconds::whole(1),
    }
}

/// The first frame is within a tenth of a second of the offset: priming of AAC is before it.
pub(crate) fn near_offset(id: &str, track: &Track) {
    let first = track.fragments[0].decode_time;
    let offset = OFFSET * track.timescale;
    assert!(
        first.abs_diff(offset) < track.timescale / 10,
        "{id}: starts at {first}"
    );
}
