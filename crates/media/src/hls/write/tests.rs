use std::sync::Arc;

use super::*;
use crate::{
    hls::read::{self, RenditionKind},
    mpd::sample,
    presentation::{Addressing, Content, Liveness, Shape},
    template::Template,
    time::Time,
};

fn rich() -> Arc<Shape> {
    sample::shape(sample::RICH)
}

/// Reads every line with the foreign reader: no error, no tag that is malformed.
fn assert_foreign_reads(text: &str) {
    let options = quick_m3u8::config::ParsingOptions::default();
    let mut reader = quick_m3u8::Reader::from_str(text, options);
    while let Some(line) = reader.read_line().unwrap() {
        assert!(
            matches!(
                line,
                quick_m3u8::HlsLine::KnownTag(_) | quick_m3u8::HlsLine::Uri(_)
            ),
            "{line:?} in {text}"
        );
    }
}

fn reread(presentation: &Presentation, track: usize, query: &str) -> read::Media {
    let text = media(presentation, track, query);
    assert_foreign_reads(&text);
    read::media(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn golden_multivariant() {
    let text = multivariant(&sample::vod(&rich(), Addressing::Number), "");
    assert_foreign_reads(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn golden_multivariant_ntsc() {
    let shape = sample::shape(sample::NTSC);
    let live = sample::live(&shape, Addressing::Number, 0, 8008);
    insta::assert_snapshot!(multivariant(&live, "nowMS=8008"), @r#"
    #EXTM3U
    #EXT-X-VERSION:7
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,URI="2/playlist.m3u8?nowMS=8008"
    #EXT-X-STREAM-INF:BANDWIDTH=5228014,AVERAGE-BANDWIDTH=5227990,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,AUDIO="audio"
    1/playlist.m3u8?nowMS=8008
    "#);
}

#[test]
fn golden_static_media() {
    let text = media(&sample::vod(&rich(), Addressing::Number), 0, "");
    insta::assert_snapshot!(text, @r#"
    #EXTM3U
    #EXT-X-VERSION:7
    #EXT-X-TARGETDURATION:2
    #EXT-X-MEDIA-SEQUENCE:1
    #EXT-X-PLAYLIST-TYPE:VOD
    #EXT-X-MAP:URI="../../media/v/720/init.mp4"
    #EXTINF:2,
    ../../media/v/720/00001.m4s
    #EXTINF:2,
    ../../media/v/720/00002.m4s
    #EXTINF:2,
    ../../media/v/720/00003.m4s
    #EXTINF:2,
    ../../media/v/720/00004.m4s
    #EXT-X-ENDLIST
    "#);
}

#[test]
fn golden_live_media_with_a_query() {
    let shape = sample::shape(sample::NTSC);
    let live = sample::live(&shape, Addressing::Number, 92_000, 100_000);
    insta::assert_snapshot!(media(&live, 1, "nowMS=100000"), @r#"
    #EXTM3U
    #EXT-X-VERSION:7
    #EXT-X-TARGETDURATION:2
    #EXT-X-MEDIA-SEQUENCE:45
    #EXT-X-MAP:URI="../2/init.mp4?nowMS=100000"
    #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:01:30.090Z
    #EXTINF:2.002,
    ../2/4324320.m4s?nowMS=100000
    #EXTINF:2.002,
    ../2/4420416.m4s?nowMS=100000
    #EXTINF:2.002,
    ../2/4516512.m4s?nowMS=100000
    #EXTINF:2.002,
    ../2/4612608.m4s?nowMS=100000
    "#);
}

#[test]
fn golden_two_periods() {
    let text = media(&sample::two_periods(&rich(), Addressing::Number), 7, "");
    insta::assert_snapshot!(text);
}

#[test]
fn every_media_playlist_reads_back_with_the_same_values() {
    for text in [sample::RICH, sample::NTSC] {
        let shape = sample::shape(text);
        for presentation in [
            sample::vod(&shape, Addressing::Number),
            sample::live(&shape, Addressing::TimelineTime, 40_000, 100_000),
            sample::live(&shape, Addressing::Number, 0, 1000),
            sample::two_periods(&shape, Addressing::Number),
        ] {
            for (index, (set, track)) in shape.tracks().enumerate() {
                if set.content == Content::Image {
                    continue;
                }
                let found = reread(&presentation, index, "nowMS=5");
                let expected: Vec<Time> = presentation
                    .periods
                    .iter()
                    .flat_map(|period| period.timelines[index].segments())
                    .map(|(_, _, duration)| Time::new(duration as i64, track.timescale))
                    .collect();
                let durations: Vec<Time> = found.segments.iter().map(|s| s.duration).collect();
                assert_eq!(durations, expected);
                let is_static = matches!(presentation.liveness, Liveness::Static { .. });
                assert_eq!(found.ended, is_static);
                let first = presentation.periods[0].timelines[index].first_number;
                assert_eq!(found.media_sequence, first);
                let breaks = found.segments.iter().filter(|s| s.discontinuity).count();
                assert_eq!(breaks, presentation.periods.len() - 1);
                let dates = found
                    .segments
                    .iter()
                    .filter_map(|s| s.program_date_time)
                    .count();
                let stretches = presentation.periods.len().min(found.segments.len());
                assert_eq!(dates, if is_static { 0 } else { stretches });
                let longest = durations.iter().max().copied().unwrap_or(Time::ZERO);
                let half_up = longest.ms(crate::time::Round::Nearest) - 500;
                assert!(Time::from_secs(found.target_duration as i64) >= Time::from_ms(half_up));
            }
        }
    }
}

#[test]
fn the_multivariant_playlist_reads_back() {
    let text = multivariant(&sample::vod(&rich(), Addressing::Number), "nowMS=5");
    let found = read::multivariant(&text).unwrap();
    let count = |kind| found.renditions.iter().filter(|r| r.kind == kind).count();
    // Two steps of AAC with English and Swedish; the commentary, only in E-AC-3, joins both.
    assert_eq!(count(RenditionKind::Audio), 6);
    assert_eq!(count(RenditionKind::Subtitles), 2);
    assert_eq!(found.variants.len(), 2 * 2);
    for variant in &found.variants {
        let members = |group: &Option<String>| {
            let group = group.clone().unwrap();
            found
                .renditions
                .iter()
                .filter(move |r| r.group == group)
                .collect::<Vec<_>>()
        };
        let audio = members(&variant.audio);
        assert_eq!(audio.iter().filter(|r| r.default).count(), 1);
        assert_eq!(members(&variant.subtitles).len(), 2);
        let mut names: Vec<&str> = audio.iter().map(|r| r.name.as_str()).collect();
        names.dedup();
        assert_eq!(names.len(), audio.len());
        assert!(variant.uri.ends_with("/playlist.m3u8?nowMS=5"));
        assert!(variant.average_bandwidth.unwrap() < variant.bandwidth);
    }
    assert!(found.renditions.iter().all(|r| r.uri.is_some()));
}

/// Keeps only the sets that `keep` chooses.
fn only(keep: impl Fn(Content) -> bool) -> Presentation {
    let mut shape = Shape::clone(&rich());
    shape.sets.retain(|set| keep(set.content));
    sample::vod(&Arc::new(shape), Addressing::Number)
}

#[test]
fn a_codec_leads_a_group_when_the_default_language_has_it() {
    let mut shape = Shape::clone(&rich());
    let mut surround = shape.sets[1].clone();
    surround.tracks.truncate(1);
    surround.tracks[0].id = "surround".to_owned();
    surround.tracks[0].codecs = "ac-3".to_owned();
    shape.sets.insert(2, surround);
    let text = multivariant(&sample::vod(&Arc::new(shape), Addressing::Number), "");
    let found = read::multivariant(&text).unwrap();
    let group = |name: &str| -> Vec<(String, bool)> {
        let members = found.renditions.iter().filter(|r| r.group == name);
        members
            .map(|r| (r.uri.clone().unwrap(), r.default))
            .collect()
    };
    let playlists = |list: &[(&str, bool)]| -> Vec<(String, bool)> {
        list.iter()
            .map(|(id, default)| (media_name(id), *default))
            .collect()
    };
    assert_eq!(
        group("audio-1"),
        playlists(&[("a64", true), ("sv", false), ("comment", false)])
    );
    assert_eq!(
        group("audio-3"),
        playlists(&[("surround", true), ("sv", false), ("comment", false)])
    );
    assert_eq!(group("audio-4"), []);
}

#[test]
fn audio_alone_makes_variants() {
    let text = multivariant(&only(|content| content == Content::Audio), "");
    let found = read::multivariant(&text).unwrap();
    let uris: Vec<&str> = found.variants.iter().map(|v| v.uri.as_str()).collect();
    assert_eq!(uris, ["a64/playlist.m3u8", "a128/playlist.m3u8"]);
    assert_eq!(found.variants[0].codecs, "mp4a.40.5,mp4a.40.2,ec-3");
    let mut shape = Shape::clone(&sample::shape(sample::NTSC));
    shape.sets.remove(0);
    let text = multivariant(&sample::vod(&Arc::new(shape), Addressing::Number), "");
    assert!(!text.contains("EXT-X-MEDIA"), "{text}");
    assert!(
        read::multivariant(&text).unwrap().variants[0]
            .audio
            .is_none()
    );
}

#[test]
fn video_alone_has_no_groups() {
    let text = multivariant(&only(|content| content == Content::Video), "");
    let found = read::multivariant(&text).unwrap();
    assert_eq!((found.variants.len(), found.renditions.len()), (2, 0));
    assert_eq!(found.variants[0].bandwidth, 1_000_007);
    assert_eq!(found.variants[0].codecs, "avc1.64001f");
    assert!(text.contains(",VIDEO-RANGE=SDR"), "{text}");
}

#[test]
fn names_climb_and_are_encoded() {
    assert_eq!(media_name("video/avc1"), "video/avc1/playlist.m3u8");
    let mut shape = Shape::clone(&rich());
    shape.sets.truncate(1);
    let track = &mut shape.sets[0].tracks[0];
    track.id = "é/a:b #1?".to_owned();
    track.media = Template::parse("x y/$Number$.m4s?k=1").unwrap();
    let presentation = sample::vod(&Arc::new(shape), Addressing::Number);
    let text = multivariant(&presentation, "");
    assert!(
        text.contains("\n%C3%A9/a%3Ab%20%231%3F/playlist.m3u8\n"),
        "{text}"
    );
    let found = reread(&presentation, 0, "nowMS=5");
    assert_eq!(found.segments[0].uri, "../../x%20y/1.m4s?k=1&nowMS=5");
}

#[test]
fn a_gap_restates_the_date_and_the_target_covers_the_longest() {
    let mut live = sample::live(&rich(), Addressing::Number, 40_000, 50_000);
    let timeline = &mut live.periods[0].timelines[0];
    let end = timeline.end().unwrap();
    timeline.push(end + 12_800, 12_800 * 5 / 2);
    let found = reread(&live, 0, "");
    assert_eq!(found.target_duration, 3);
    let dates: Vec<i64> = found
        .segments
        .iter()
        .filter_map(|s| s.program_date_time)
        .collect();
    assert_eq!(dates, [40_000, 51_000]);
}

#[test]
fn the_shape_of_a_later_period_brings_its_own_map() {
    let mut periods = sample::two_periods(&rich(), Addressing::Number);
    let mut shape = Shape::clone(&rich());
    shape.sets[0].tracks[0].init = Some(Template::parse("other.mp4").unwrap());
    periods.periods[1].shape = Arc::new(shape);
    periods.periods[1].discontinuity_sequence = periods.periods[0].discontinuity_sequence;
    let found = reread(&periods, 0, "");
    let maps: Vec<&str> = found.maps.iter().map(|map| map.url.as_str()).collect();
    assert_eq!(maps, ["../../media/v/720/init.mp4", "../../other.mp4"]);
    assert_eq!(found.segments.iter().filter(|s| s.discontinuity).count(), 1);
    assert_eq!(found.discontinuity_sequence, 15);
}

#[test]
fn what_is_not_there_is_empty() {
    let mut vod = sample::vod(&rich(), Addressing::Number);
    assert_eq!(media(&vod, 99, ""), "");
    vod.periods.clear();
    assert_eq!(media(&vod, 0, ""), "");
    assert!(!multivariant(&vod, "").contains("STREAM-INF"));
}

#[test]
fn key_frames_have_a_playlist_of_their_own() {
    let mut vod = sample::vod(&rich(), Addressing::Number);
    let key = |segment, offset, duration| crate::presentation::KeyFrame {
        segment,
        offset,
        bytes: 1500,
        duration,
    };
    let scale = u64::from(rich().tracks().next().unwrap().1.timescale.get());
    let timeline = &mut vod.periods[0].timelines[0];
    timeline.keys = vec![
        key(1, 24, scale),
        key(1, 9000, scale),
        key(2, 24, 2 * scale),
        key(4, 24, scale / 10),
    ];
    let text = iframes(&vod, 0, &MediaOptions::default());
    assert_foreign_reads(&text);
    insta::assert_snapshot!(text, @r#"
    #EXTM3U
    #EXT-X-VERSION:7
    #EXT-X-TARGETDURATION:2
    #EXT-X-MEDIA-SEQUENCE:1
    #EXT-X-PLAYLIST-TYPE:VOD
    #EXT-X-I-FRAMES-ONLY
    #EXT-X-MAP:URI="../../media/v/720/init.mp4"
    #EXTINF:1,
    #EXT-X-BYTERANGE:1500@24
    ../../media/v/720/00001.m4s
    #EXTINF:1,
    #EXT-X-BYTERANGE:1500@9000
    ../../media/v/720/00001.m4s
    #EXTINF:2,
    #EXT-X-BYTERANGE:1500@24
    ../../media/v/720/00002.m4s
    #EXTINF:0.1,
    #EXT-X-BYTERANGE:1500@24
    ../../media/v/720/00004.m4s
    #EXT-X-ENDLIST
    "#);
    assert_eq!(iframes(&vod, 1, &MediaOptions::default()), "");
    let master = multivariant(&vod, "");
    assert_foreign_reads(&master);
    let line = master.lines().last().unwrap();
    assert!(line.starts_with(
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=12000,AVERAGE-BANDWIDTH=11708,CODECS=\"avc1."
    ));
    assert!(line.ends_with(",URI=\"v/720/iframes.m3u8\""), "{line}");
}

#[test]
fn what_grows_has_no_end() {
    let vod = sample::vod(&rich(), Addressing::Number);
    let options = MediaOptions {
        event: true,
        ..MediaOptions::default()
    };
    let text = media_with(&vod, 0, &options);
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    assert!(!text.contains("ENDLIST"));
    assert_eq!(text.matches("#EXTINF").count(), 4);
}
