//! Made-up content in all the ways that manifests can say where it is.

use std::path::Path;

use media::{
    presentation::Addressing,
    supply::Supplier as _,
    template::Key,
    time::{Time, Timescale},
};

use super::*;
use crate::{
    testing::{BY_NUMBER, audio, mpd, multiplexed_init, put, set, video, write_asset},
    vod::Vod,
};

fn load_at(folder: &Path) -> Result<Asset, Error> {
    let scan = crate::scan::scan(folder)?;
    let found = scan.found.first().expect("something is found");
    let kind = match found.source {
        Source::Hls { .. } => Kind::Hls,
        _ => Kind::Dash,
    };
    load(found, kind).map(|loaded| loaded.asset)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary folder")
}

fn ends(track: &TrackIndex) -> Vec<(u64, u64)> {
    let segments = track.segments.iter();
    segments
        .map(|one| (one.start, one.start + one.duration))
        .collect()
}

/// Loads content that is bad and returns the file's name and the reason.
fn fault(folder: &Path) -> (String, String) {
    let error = load_at(folder).expect_err("is bad");
    let name = error.path().file_name().expect("a file").to_string_lossy();
    (name.into_owned(), error.reason())
}

#[test]
fn numbered_segments_keep_their_nominal_duration() {
    let folder = folder();
    write_asset(folder.path(), 4);
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.duration, Time::from_secs(8));
    assert_eq!(asset.tracks[asset.reference].id, "V");
    assert!(asset.warnings.is_empty(), "{:?}", asset.warnings);
    let [video, audio] = asset.tracks.as_slice() else {
        panic!("two tracks");
    };
    for track in [video, audio] {
        let nominal = track.track.nominal;
        assert_eq!((nominal.duration, nominal.timescale.get()), (2, 1));
    }
    assert_eq!(video.track.codecs, "avc1.42c00d");
    assert_eq!(video.track.size, Some((320, 180)));
    assert_eq!(audio.track.codecs, "mp4a.40.2");
    assert_eq!(
        (audio.track.sampling_rate, audio.track.channels),
        (Some(48_000), Some(2))
    );
    assert_eq!(audio.sample_duration, Some(1024));
    assert_eq!(
        ends(video),
        [
            (0, 25_600),
            (25_600, 51_200),
            (51_200, 76_800),
            (76_800, 102_400)
        ]
    );
    let rate = video.track.frame_rate.expect("is known");
    assert_eq!((rate.num, rate.den), (25, 1));
    assert_eq!(asset.shortest_mean_segment, Time::from_secs(2));
}

#[test]
fn templates_are_found_at_the_representation_with_base_urls_and_widths() {
    let folder = folder();
    let fake = video(3);
    put(&folder.path().join("media/v/i.mp4"), fake.init());
    for (i, bytes) in fake.segments().iter().enumerate() {
        put(
            &folder.path().join(format!("media/v/s{:04}.m4s", i + 7)),
            bytes,
        );
    }
    let inside = "<BaseURL>v/</BaseURL><SegmentTemplate media=\"s$Number%04d$.m4s\" \
                  initialization=\"i.mp4\" timescale=\"12800\" startNumber=\"7\">\
                  <SegmentTimeline><S t=\"0\" d=\"25600\" r=\"2\"/></SegmentTimeline>\
                  </SegmentTemplate>";
    let text = mpd("PT6S", &set("video", "V", inside))
        .replace("<Period>", "<BaseURL>media/</BaseURL><Period>");
    put(&folder.path().join("x.mpd"), text);
    let asset = load_at(folder.path()).expect("loads");
    let manifest = &asset.manifests[0];
    assert_eq!(manifest.addressing, Addressing::TimelineNumber);
    assert_eq!(asset.tracks[0].first_number, 7);
    assert_eq!(
        asset.tracks[0].track.media.as_str(),
        "media/v/s$Number%04d$.m4s"
    );
    assert_eq!(asset.tracks[0].track.nominal.duration, 25_600);
}

#[test]
fn timelines_by_time_take_the_edit_list_off() {
    let folder = folder();
    let mut sound = audio(3);
    sound.edit = 2048;
    let at = |time: u64| folder.path().join(format!("A/{time}.m4s"));
    put(&folder.path().join("A/init.mp4"), sound.init());
    for (time, bytes) in [0, 94_208, 190_464].iter().zip(sound.segments()) {
        put(&at(*time), bytes);
    }
    let inside = "<SegmentTemplate media=\"A/$Time$.m4s\" initialization=\"A/init.mp4\" \
                  timescale=\"48000\"><SegmentTimeline><S t=\"0\" d=\"94208\"/>\
                  <S d=\"96256\" r=\"1\"/></SegmentTimeline></SegmentTemplate>";
    put(
        &folder.path().join("x.mpd"),
        mpd("PT6S", &set("audio", "A", inside)),
    );
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.manifests[0].addressing, Addressing::TimelineTime);
    assert_eq!(asset.tracks[0].edit_media_time, 2048);
    let vod = Vod::new(Arc::new(asset));
    let shown = vod.presentation(0, 0).expect("presents");
    let times: Vec<_> = shown.periods[0].timelines[0].segments().collect();
    assert_eq!(
        times,
        [(1, 0, 94_208), (2, 94_208, 96_256), (3, 190_464, 96_256)]
    );
    for (number, time, _) in times {
        let by_time = vod.segment(0, 0, Key::Time(time), 0).expect("is there");
        let by_number = vod.segment(0, 0, Key::Number(number), 0).expect("is there");
        assert_eq!(by_time.slices, by_number.slices);
        assert_eq!(by_time.slices.len(), 1);
    }
    assert!(vod.segment(0, 0, Key::Time(5), 0).is_err());
    assert!(vod.segment(0, 0, Key::Number(0), 0).is_err());
}

#[test]
fn the_first_segment_may_be_named_by_the_time_of_its_priming() {
    let folder = folder();
    let mut sound = audio(2);
    sound.edit = 1024;
    put(&folder.path().join("init.mp4"), sound.init());
    for (time, bytes) in [-1024, 95_232].iter().zip(sound.segments()) {
        put(&folder.path().join(format!("a-{time}.m4s")), bytes);
    }
    let inside = "<SegmentTemplate media=\"a-$Time$.m4s\" initialization=\"init.mp4\" \
                  timescale=\"48000\"><SegmentTimeline><S t=\"0\" d=\"95232\"/>\
                  <S d=\"96256\"/></SegmentTimeline></SegmentTemplate>";
    put(
        &folder.path().join("x.mpd"),
        mpd("PT4S", &set("audio", "A", inside)),
    );
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.tracks[0].segments.len(), 2);
}

#[test]
fn one_file_a_track_is_cut_along_the_reference() {
    let folder = folder();
    let picture = video(4);
    let mut sound = audio(0);
    sound.samples = vec![23; 16];
    put(&folder.path().join("v.mp4"), picture.single());
    put(&folder.path().join("a.mp4"), sound.single());
    let sets = set("video", "V", "<BaseURL>v.mp4</BaseURL>")
        + &set(
            "audio",
            "A",
            "<BaseURL>a.mp4</BaseURL><SegmentBase timescale=\"48000\"/>",
        );
    put(&folder.path().join("x.mpd"), mpd("PT8S", &sets));
    let asset = load_at(folder.path()).expect("loads");
    let [video, audio] = asset.tracks.as_slice() else {
        panic!("two tracks");
    };
    assert_eq!((video.files.len(), video.segments.len()), (1, 4));
    assert_eq!((audio.files.len(), audio.segments.len()), (1, 4));
    assert_eq!(
        video.track.media.as_str(),
        "$RepresentationID$/$Number$.m4s"
    );
    let first = audio.bytes(&audio.segments[0]).expect("is there");
    assert_eq!(first, sound.single()[sound.init().len()..][..first.len()]);
    // Every byte behind the init segment belongs to one segment.
    let total: u64 = audio.segments.iter().map(|one| u64::from(one.size)).sum();
    assert_eq!(total as usize, sound.single().len() - sound.init().len());
}

#[test]
fn lists_and_ranges_are_followed() {
    let folder = folder();
    let picture = video(2);
    let all = picture.single();
    let init = picture.init().len();
    let first = init + picture.segments()[0].len();
    put(&folder.path().join("v.mp4"), &all);
    let inside = format!(
        "<BaseURL>v.mp4</BaseURL><SegmentList timescale=\"1000\" duration=\"2000\">\
         <Initialization range=\"0-{}\"/><SegmentURL mediaRange=\"{init}-{}\"/>\
         <SegmentURL mediaRange=\"{first}-{}\"/></SegmentList>",
        init - 1,
        first - 1,
        all.len() - 1
    );
    put(
        &folder.path().join("x.mpd"),
        mpd("PT4S", &set("video", "V", &inside)),
    );
    let asset = load_at(folder.path()).expect("loads");
    let track = &asset.tracks[0];
    assert_eq!((track.files.len(), track.segments.len()), (1, 2));
    assert_eq!(track.segments[1].offset as usize, first);
    assert_eq!(track.init, picture.init());
}

#[test]
fn hls_folders_become_assets() {
    let folder = folder();
    let picture = video(2);
    let sound = audio(2);
    let all = sound.single();
    let init = sound.init().len();
    let first = sound.segments()[0].len();
    picture.write(&folder.path().join("v"));
    put(&folder.path().join("a/all.mp4"), &all);
    put(
        &folder.path().join("v/index.m3u8"),
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"init.mp4\"\n\
         #EXTINF:2,\n1.m4s\n#EXTINF:2,\n2.m4s\n#EXT-X-ENDLIST\n",
    );
    put(
        &folder.path().join("a/list.m3u8"),
        format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n\
             #EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"{init}@0\"\n\
             #EXTINF:2.005,\n#EXT-X-BYTERANGE:{first}@{init}\nall.mp4\n\
             #EXTINF:2.005,\n#EXT-X-BYTERANGE:{first}\nall.mp4\n#EXT-X-ENDLIST\n"
        ),
    );
    put(
        &folder.path().join("master.m3u8"),
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"g\",NAME=\"English\",LANGUAGE=\"en\",\
         URI=\"a/list.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO=\"g\",\
         CODECS=\"avc1.42c00d,mp4a.40.2\"\nv/index.m3u8\n",
    );
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.kind, Kind::Hls);
    let ids: Vec<&str> = asset.tracks.iter().map(|track| track.id.as_str()).collect();
    assert_eq!(ids, ["v", "a/list"]);
    assert_eq!(asset.manifests[0].name, "manifest.mpd");
    let sets = &asset.manifests[0].shape.sets;
    assert_eq!(sets[1].lang.as_deref(), Some("en"));
    assert_eq!(sets[1].label.as_deref(), Some("English"));
    assert_eq!(asset.tracks[1].segments[1].offset as usize, init + first);
    assert_eq!(asset.duration, Time::from_secs(4));
}

#[test]
fn the_start_of_the_reference_is_time_zero_for_all() {
    let folder = folder();
    let (mut picture, mut sound) = (video(2), audio(2));
    picture.start = 12_800 * 10 + 1;
    sound.start = 48_000 * 10;
    picture.write(&folder.path().join("V"));
    sound.write(&folder.path().join("A"));
    let sets = set("video", "V", BY_NUMBER) + &set("audio", "A", BY_NUMBER);
    put(&folder.path().join("m.mpd"), mpd("PT4S", &sets));
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.tracks[0].origin, 128_001);
    // One tick of 12,800 is 3.75 ticks of 48,000.
    assert_eq!(asset.tracks[1].origin, 480_004);

    let offset = BY_NUMBER.replace("startNumber", "presentationTimeOffset=\"10\" startNumber");
    let sets = set("video", "V", &offset) + &set("audio", "A", &offset);
    put(&folder.path().join("m.mpd"), mpd("PT4S", &sets));
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(
        (asset.tracks[0].origin, asset.tracks[1].origin),
        (128_000, 480_000)
    );
}

#[test]
fn several_manifests_share_tracks_that_agree() {
    let folder = folder();
    write_asset(folder.path(), 2);
    put(
        &folder.path().join("video.mpd"),
        mpd("PT4S", &set("video", "V", BY_NUMBER)),
    );
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.tracks.len(), 2);
    let names: Vec<&str> = asset
        .manifests
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["manifest.mpd", "video.mpd"]);
    assert_eq!(asset.manifests[1].tracks, [0]);

    let other = BY_NUMBER.replace("$RepresentationID$/$Number$", "A/$Number$");
    put(
        &folder.path().join("video.mpd"),
        mpd("PT4S", &set("video", "V", &other)),
    );
    let (file, reason) = fault(folder.path());
    assert_eq!(file, "video.mpd");
    assert!(
        reason.contains("`V` has other segments than in"),
        "{reason}"
    );
}

#[test]
fn a_short_last_frame_counts_as_a_whole_one() {
    let folder = folder();
    let sound = audio(2);
    sound.write(&folder.path().join("A"));
    // Two samples instead of 94, the last one cut short.
    let mut last = sound.fragment(2, 94 * 1024, 2, true);
    let entry = 1024_u32.to_be_bytes();
    let at = last
        .windows(4)
        .rposition(|bytes| bytes == entry)
        .expect("a duration");
    last[at..at + 4].copy_from_slice(&500_u32.to_be_bytes());
    put(&folder.path().join("A/2.m4s"), last);
    put(
        &folder.path().join("m.mpd"),
        mpd("PT4S", &set("audio", "A", BY_NUMBER)),
    );
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.tracks[0].sample_duration, Some(1024));
    assert_eq!(
        asset.tracks[0].duration(),
        Time::new(96 * 1024, Timescale::literal(48_000))
    );
}

#[test]
fn faults_are_named_with_their_file() {
    type Case = (&'static str, fn(&Path), &'static str, &'static str);
    let cases: [Case; 9] = [
        (
            "live",
            |at| {
                put(
                    &at.join("m.mpd"),
                    mpd("PT4S", &set("video", "V", BY_NUMBER)).replace("static", "dynamic"),
                );
            },
            "m.mpd",
            "a live MPD",
        ),
        (
            "syntax",
            |at| put(&at.join("m.mpd"), "<MPD><Period></MPD>"),
            "m.mpd",
            "line 1",
        ),
        (
            "hole",
            |at| {
                write_asset(at, 4);
                std::fs::remove_file(at.join("V/2.m4s")).expect("was there");
            },
            "2.m4s",
            "the one after it is there",
        ),
        (
            "no init",
            |at| {
                write_asset(at, 2);
                std::fs::remove_file(at.join("A/init.mp4")).expect("was there");
            },
            "init.mp4",
            "not there",
        ),
        (
            "cut off",
            |at| {
                write_asset(at, 2);
                let whole = std::fs::read(at.join("V/2.m4s")).expect("was there");
                put(&at.join("V/2.m4s"), &whole[..whole.len() - 9]);
            },
            "2.m4s",
            "outside of the bytes",
        ),
        (
            "multiplexed",
            |at| {
                write_asset(at, 2);
                put(&at.join("V/init.mp4"), multiplexed_init());
            },
            "init.mp4",
            "multiplexed",
        ),
        (
            "gap",
            |at| {
                write_asset(at, 3);
                put(&at.join("V/3.m4s"), video(1).fragment(3, 99_000, 50, true));
            },
            "3.m4s",
            "segment 3 of `V` starts at",
        ),
        (
            "other length",
            |at| {
                write_asset(at, 2);
                video(3).write(&at.join("W"));
                let sets = set("video", "V", BY_NUMBER) + &set("video", "W", BY_NUMBER);
                put(&at.join("manifest.mpd"), mpd("PT9S", &sets));
            },
            "1.m4s",
            "`W` lasts 6 s, but `V` lasts 4 s",
        ),
        (
            "outside",
            |at| {
                write_asset(at, 2);
                put(
                    &at.join("manifest.mpd"),
                    mpd("PT4S", &set("video", "V", "<BaseURL>../../x.mp4</BaseURL>")),
                );
            },
            "manifest.mpd",
            "outside the root",
        ),
    ];
    for (name, make, file, part) in cases {
        let folder = folder();
        make(folder.path());
        let (at, reason) = fault(folder.path());
        assert_eq!(at, file, "{name}: {reason}");
        assert!(reason.contains(part), "{name}: {reason}");
    }
}

#[test]
fn files_that_were_not_meant_are_left_out() {
    // A shorter encode over a longer one: the manifest says where the end is.
    let folder = folder();
    write_asset(folder.path(), 4);
    let sets = set("video", "V", BY_NUMBER) + &set("audio", "A", BY_NUMBER);
    put(&folder.path().join("manifest.mpd"), mpd("PT4S", &sets));
    let asset = load_at(folder.path()).expect("loads");
    assert_eq!(asset.duration, Time::from_secs(4));
    assert_eq!(asset.tracks[0].segments.len(), 2);
}

#[test]
fn raw_files_stay_inside() {
    let folder = folder();
    let inner = folder.path().join("asset");
    write_asset(&inner, 2);
    put(&folder.path().join("secret"), "x");
    put(&inner.join(".hidden"), "x");
    std::os::unix::fs::symlink(folder.path().join("secret"), inner.join("link")).expect("link");
    let vod = Vod::new(Arc::new(load_at(&inner).expect("loads")));
    assert!(vod.raw("manifest.mpd").is_some());
    assert!(vod.raw("V/1.m4s").is_some());
    for path in [
        "../secret",
        "V/../../secret",
        "/etc/passwd",
        ".hidden",
        "link",
        "V",
        "nothing",
        "",
    ] {
        assert!(vod.raw(path).is_none(), "{path}");
    }
}

#[test]
fn an_index_stays_small() {
    let bytes = size_of::<crate::model::Segment>() + size_of::<store::mapped::MediaFile>();
    assert!(bytes <= 64, "{bytes} bytes a segment in a file of its own");
}
