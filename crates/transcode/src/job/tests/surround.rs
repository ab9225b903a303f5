//! Surround has stereo beside it.

use super::*;
use crate::{testing::make, verify};

#[test]
fn every_rendition_can_be_had_with_stereo_and_with_surround() {
    let bench = Bench::new(3);
    make(
        bench.folder.path(),
        "-f lavfi -i testsrc2=size=160x90:rate=25 -f lavfi -i anoisesrc=r=48000:a=0.1:seed=1 -t 6 \
         -ac 6 -c:v libx264 -preset ultrafast \
         -c:a flac film.mkv",
    );
    let film = bench.path("film.mkv");
    let folder = bench.publish(request(film.to_str().unwrap(), "film"));
    let master = fs::read_to_string(folder.join("master.m3u8")).unwrap();
    let lines = |start: &str| -> Vec<&str> {
        master
            .lines()
            .filter(|line| line.starts_with(start))
            .collect()
    };
    let sounds = lines("#EXT-X-MEDIA:TYPE=AUDIO");
    for (sound, (group, channels, id)) in sounds
        .iter()
        .zip([("audio-1", 2, "a1-stereo"), ("audio-2", 6, "a1")])
    {
        assert!(sound.contains(&format!("GROUP-ID=\"{group}\"")), "{master}");
        assert!(
            sound.contains(&format!("CHANNELS=\"{channels}\"")),
            "{master}"
        );
        assert!(
            sound.contains(&format!("URI=\"{id}/playlist.m3u8\"")),
            "{master}"
        );
        assert!(sound.contains("DEFAULT=YES"), "{master}");
    }
    assert_eq!((sounds.len(), lines("#EXT-X-STREAM-INF").len()), (2, 2));
    let mpd = fs::read_to_string(folder.join("manifest.mpd")).unwrap();
    assert_eq!(mpd.matches("contentType=\"audio\"").count(), 2, "{mpd}");
    let report = verify::folder(&folder);
    assert!(report.is_right(), "{:#?}", report.findings);
    assert_eq!(report.tracks.len(), 3);
}
