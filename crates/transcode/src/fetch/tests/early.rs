//! A film that is on its way is planned and decoded, frame for frame as when all of it is there.

use std::{
    fs::{self, File},
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::{
    super::*,
    Bench,
    web::{Manner, Web},
};
use crate::{
    plan::Seconds,
    source,
    testing::{ffmpeg, frames, make},
};

const SOURCE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440 -t 40 \
                      -c:v libx264 -preset ultrafast -crf 12 -bf 2 -g 100 -c:a aac";

/// Ends a download that goes on as long as nobody stops it, also when an assertion fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_film_that_is_on_its_way_is_planned_and_decoded() {
    let bench = Bench::new();
    let folder = bench.folder.path();
    make(folder, &format!("{SOURCE} -movflags +faststart film.mp4"));
    let bytes = fs::read(folder.join("film.mp4")).unwrap();
    let web = Web::start(Manner {
        bytes: bytes.clone(),
        tag: Some("\"one\"".to_owned()),
        ranges: true,
        slow: Some((32 << 10, Duration::from_millis(1))),
        ..Manner::default()
    });
    // The server comes to a stop behind half of it, until it is asked again.
    let half = bytes.len() / 2;
    web.set(|manner| manner.lost_from = Some(half));
    let mut options = bench.options.clone();
    options.attempts = u32::MAX;
    let input = Input::parse(&web.url("/film.mp4")).unwrap();
    thread::scope(|scope| {
        let _stop = StopAtEnd(&bench.stop);
        let fetching =
            scope.spawn(|| bench.with(|context| fetch(&input, &options, &bench.spool(), context)));
        let begun = bench.growth.wait_begun(Duration::from_mins(1)).unwrap();
        assert!(begun.content_id.is_some());
        let there = bench.growth.wait_for(half as u64, Duration::from_mins(1));
        assert_eq!(is_indexed(&begun.path, there).unwrap(), Some(true));

        // All is known of it, of what has not come yet too.
        let ffmpeg = ffmpeg();
        let look = |path: &Path| source::inspect(&ffmpeg, path, |_| ControlFlow::Continue(()));
        let (early, whole) = (look(&begun.path), look(&folder.join("film.mp4")));
        assert_eq!(early.unwrap(), whole.unwrap());
        let reach = Reach::read(&ffmpeg, &begun.path, &|| false).unwrap();
        assert!(reach.opening() < reach.bytes_until(Seconds::whole(5)));
        assert!(reach.opening() >= reach.bytes_until(Seconds::whole(2)));
        let ten = reach.bytes_until(Seconds::whole(15));
        assert!(ten < there, "{ten} of {there}");
        assert_eq!(reach.bytes_until(Seconds::whole(100)), bytes.len() as u64);
        let decoded = |path: &Path| frames(path.to_str().unwrap(), folder, "-xerror -frames:v 250");
        let early = decoded(&begun.path);
        assert_eq!(early.len(), 250);
        assert_eq!(early, decoded(&folder.join("film.mp4")));

        web.set(|manner| manner.lost_from = None);
        let fetched = fetching.join().unwrap().unwrap();
        assert_eq!(Some(fetched.content_id), begun.content_id);
        assert!(fs::read(&fetched.path).unwrap() == bytes);
    });
}

#[test]
fn an_index_behind_the_media_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), &format!("{SOURCE} film.mp4"));
    make(folder.path(), "-i film.mp4 -c copy film.ts");
    make(
        folder.path(),
        "-i film.mp4 -c copy -movflags +frag_keyframe+empty_moov live.mp4",
    );
    for name in ["film.mp4", "film.ts", "live.mp4"] {
        let path = folder.path().join(name);
        let length = File::open(&path).unwrap().metadata().unwrap().len();
        assert_eq!(is_indexed(&path, length).unwrap(), Some(false), "{name}");
    }
}
