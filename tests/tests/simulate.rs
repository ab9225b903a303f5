//! Simulated live over the wire: availability to the millisecond, refusals with sentences, windows
//! that fit what can be fetched, time without gaps across wraps, and answers that depend on nothing
//! but URL, asset and clock.

use std::collections::BTreeMap;

use harness::{
    boxes,
    clips::{self, Clip},
    http,
    launch::{self, Server},
    manifests::{self, Listed},
};

/// An instant in the sixth loop, and one of today's size.
const INSTANTS: [u64; 2] = [45_500, 1_700_000_001_234];

fn server() -> Server {
    launch::simulate(&clips::root())
}

fn listed(server: &Server, path: &str) -> Vec<Listed> {
    let mpd = manifests::mpd(server, path);
    manifests::timelines(&mpd, &server.url(path))
}

/// The same URL at another instant.
fn at(url: &str, now_ms: u64) -> String {
    let plain = url.split('?').next().unwrap_or(url);
    format!("{plain}?nowMS={now_ms}")
}

#[test]
fn a_segment_is_there_from_its_end_until_it_leaves_the_window() {
    let server = server();
    for mode in ["segtimeline_1/", "segtimelinenr_1/"] {
        let path = format!("/livesim/{mode}dash-timeline/manifest.mpd?nowMS=100000");
        let tracks = listed(&server, &path);
        let video = tracks
            .iter()
            .find(|track| track.content == "video")
            .expect("video");
        let last = video.segments.last().expect("segments");
        for (now, status) in [
            (99_999, 425),
            (100_000, 200),
            (170_000, 200),
            (170_001, 410),
        ] {
            let answer = http::get(&at(&last.url, now)).send().expect(status);
            if status != 200 {
                let text = answer.text();
                assert!(text.contains("ms"), "the sentence says when: {text}");
                assert!(text.trim().len() > 20, "the refusal is a sentence: {text}");
            }
        }
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let server = server();
    for (path, status, words) in [
        ("/livesim/nowhere/manifest.mpd", 404, &["nowhere"][..]),
        ("/livesim/dash-number/none.mpd", 404, &["none.mpd"]),
        ("/livesim/dash-number/none/1.m4s", 404, &["none/1.m4s"]),
        (
            "/livesim/tsbd_x/dash-number/manifest.mpd",
            400,
            &["tsbd", "x"],
        ),
        (
            "/livesim/tsbd_-1/dash-number/manifest.mpd",
            400,
            &["tsbd", "-1"],
        ),
        (
            "/livesim/tsdb_60/dash-number/manifest.mpd",
            404,
            &["tsdb", "tsbd"],
        ),
        (
            "/livesim/dash-number/manifest.mpd?nowMS=soon",
            400,
            &["nowMS", "soon"],
        ),
        (
            "/livesim/dash-number/manifest.mpd?nowDate=tomorrow",
            400,
            &["nowDate"],
        ),
        (
            "/livesim/start_1000/dash-number/manifest.mpd?nowMS=999000",
            425,
            &["1000"],
        ),
    ] {
        let answer = server.get(path).expect(status);
        for word in words {
            assert!(
                answer.text().contains(word),
                "{path}: {answer:?} lacks {word}"
            );
        }
    }
}

#[test]
fn both_names_of_the_place_give_the_same() {
    let server = server();
    let path = "dash-number/manifest.mpd?nowMS=100000";
    let one = server.get(&format!("/livesim/{path}")).expect(200);
    let two = server.get(&format!("/livesim2/{path}")).expect(200);
    assert_eq!(one.body, two.body);
}

#[test]
fn options_move_start_number_and_window() {
    let server = server();
    let path =
        "/livesim/start_90/snr_7/tsbd_6/segtimelinenr_1/dash-number/manifest.mpd?nowMS=100000";
    let mpd = manifests::mpd(&server, path);
    let start = mpd.availabilityStartTime.expect("availabilityStartTime");
    assert_eq!(start.timestamp(), 90);
    for track in manifests::timelines(&mpd, &server.url(path)) {
        let numbers: Vec<u64> = track
            .segments
            .iter()
            .filter_map(|segment| {
                let name = segment.url.split('?').next()?;
                let digits = name
                    .trim_end_matches(".m4s")
                    .rsplit(['-', '/', '_'])
                    .next()?;
                digits.parse().ok()
            })
            .collect();
        // Ten seconds have passed: segments 7 to 11 ended; the window holds the last three.
        assert_eq!(numbers.last(), Some(&11), "{:?}", track.segments);
        assert!(numbers.first() >= Some(&8), "{numbers:?}");
        for segment in &track.segments {
            segment.get().expect(200);
        }
    }
}

#[test]
fn every_listed_segment_of_every_clip_is_there_and_time_has_no_gap() {
    let server = server();
    for clip in Clip::FOLDERS {
        for now in INSTANTS {
            for mode in ["segtimeline_1/", "segtimelinenr_1/"] {
                let path = format!(
                    "/livesim/{mode}tsbd_20/{}/manifest.mpd?nowMS={now}",
                    clip.name()
                );
                let tracks = listed(&server, &path);
                assert!(tracks.len() >= 2, "{path} has {} tracks", tracks.len());
                for track in &tracks {
                    has_no_gap(&path, track);
                }
            }
        }
    }
}

/// Fetches everything a track lists and follows its decode time from segment to segment.
fn has_no_gap(path: &str, track: &Listed) {
    let what = format!("{path} track {}", track.id);
    let init = http::get(&track.init).send().expect(200).body;
    assert!(
        track.segments.len() >= 9,
        "{what} lists {}",
        track.segments.len()
    );
    let mut end = None;
    let mut sequence = None;
    for segment in &track.segments {
        let body = segment.get().expect(200).body;
        let timing = boxes::timing(&init, &body);
        assert_eq!(
            *end.get_or_insert(timing.start),
            timing.start,
            "{what}: {}",
            segment.url
        );
        end = Some(timing.start + timing.duration);
        let expected = sequence.map_or(timing.sequence, |before: u32| before.wrapping_add(1));
        assert_eq!(timing.sequence, expected, "{what}: {}", segment.url);
        sequence = Some(timing.sequence);
        let (start, duration) = segment.ticks.expect("a timeline");
        assert_eq!(duration, timing.duration, "{what}: {}", segment.url);
        let offset = timing.start - start;
        let scale = boxes::timescale(&init);
        assert!(
            offset < scale,
            "{what}: the MPD shows {start}, tfdt is {}",
            timing.start
        );
    }
}

#[test]
fn numbers_without_a_timeline_reach_the_whole_window() {
    let server = server();
    let path = "/livesim/tsbd_10/dash-number/manifest.mpd?nowMS=100000";
    let mpd = manifests::mpd(&server, path);
    for set in &mpd.periods[0].adaptations {
        for representation in &set.representations {
            let template = representation
                .SegmentTemplate
                .as_ref()
                .or(set.SegmentTemplate.as_ref())
                .expect("SegmentTemplate");
            assert!(
                template.SegmentTimeline.is_none(),
                "`$Number$` without a timeline"
            );
            let scale = template.timescale.expect("timescale is written out");
            let duration = template.duration.expect("duration") / scale as f64;
            assert!((duration - 2.0).abs() < 0.05, "{duration}");
            assert_eq!(template.startNumber, Some(0));
            let media = template.media.as_ref().expect("media");
            let id = representation.id.as_ref().expect("id");
            for number in 45..50 {
                let name = media
                    .replace("$RepresentationID$", id)
                    .replace("$Number$", &number.to_string())
                    .replace("$Number%05d$", &format!("{number:05}"));
                let url = server.url(&format!("/livesim/tsbd_10/dash-number/{name}"));
                http::get(&at(&url, 100_000)).send().expect(200);
            }
        }
    }
}

#[test]
fn hls_moves_on_as_time_does() {
    let server = server();
    for clip in Clip::FOLDERS {
        for now in INSTANTS {
            let then = now + 2000;
            let path = format!("/livesim/tsbd_20/{}/master.m3u8", clip.name());
            let (_, before) = manifests::multivariant(&server, &format!("{path}?nowMS={now}"));
            assert!(before.len() >= 2, "{path} names {before:?}");
            for url in before {
                assert!(
                    url.contains(&format!("nowMS={now}")),
                    "the instant is carried on: {url}"
                );
                let first = manifests::playlist(&url);
                let second = manifests::playlist(&at(&url, then));
                assert!(!first.ended && !second.ended, "{url} does not end");
                let moved = second.media_sequence - first.media_sequence;
                assert_eq!(moved, 1, "{url}");
                let plain = |url: &str| url.split('?').next().unwrap_or(url).to_owned();
                let names: BTreeMap<u64, String> = (first.media_sequence..)
                    .zip(&first.listed.segments)
                    .map(|(number, segment)| (number, plain(&segment.url)))
                    .collect();
                for (number, segment) in (second.media_sequence..).zip(&second.listed.segments) {
                    if let Some(known) = names.get(&number) {
                        assert_eq!(*known, plain(&segment.url), "{url}");
                    }
                }
                let dates = [&first, &second].map(|playlist| {
                    manifests::millis(
                        playlist
                            .program_date_time
                            .as_deref()
                            .expect("PROGRAM-DATE-TIME"),
                    )
                });
                let duration = first.listed.segments[0].seconds.expect("EXTINF");
                let drift = (dates[1] - dates[0]) as f64 - duration * 1000.0;
                assert!(drift.abs() <= 1.0, "{url}: the date moved by {dates:?}");
                fits(&url, now, &first);
            }
        }
    }
}

/// Checks that all that is listed can be had, ends before now, and is not longer than announced.
fn fits(url: &str, now: u64, playlist: &manifests::Playlist) {
    let init = http::get(&playlist.listed.init).send().expect(200).body;
    let scale = boxes::timescale(&init);
    let mut end = None;
    for segment in &playlist.listed.segments {
        let timing = boxes::timing(&init, &segment.get().expect(200).body);
        assert_eq!(*end.get_or_insert(timing.start), timing.start, "{url}");
        end = Some(timing.start + timing.duration);
        let seconds = segment.seconds.expect("EXTINF");
        let real = timing.duration as f64 / scale as f64;
        assert!(
            (seconds - real).abs() < 0.001,
            "{url}: EXTINF {seconds}, media {real}"
        );
        assert!(seconds.round() as u64 <= playlist.target_duration, "{url}");
    }
    let total: f64 = playlist
        .listed
        .segments
        .iter()
        .filter_map(|segment| segment.seconds)
        .sum();
    let begun = manifests::millis(
        playlist
            .program_date_time
            .as_deref()
            .expect("PROGRAM-DATE-TIME"),
    );
    let ends = begun as f64 + total * 1000.0;
    assert!(
        ends <= now as f64 + 25.0,
        "{url} ends at {ends}, now is {now}"
    );
    assert!(
        ends > now as f64 - 2100.0,
        "{url} ends at {ends}, now is {now}"
    );
}

#[test]
fn answers_depend_on_nothing_but_url_asset_and_clock() {
    let (one, two) = (server(), server());
    for clip in [Clip::DashTimeline, Clip::HlsRanges] {
        for file in ["manifest.mpd", "master.m3u8"] {
            let path = format!(
                "/livesim/segtimeline_1/{}/{file}?nowMS=1700000001234",
                clip.name()
            );
            let plain = |server: &Server| {
                let answer = server.get(&path).expect(200);
                answer.text().replace(&server.base, "http://host")
            };
            assert_eq!(plain(&one), plain(&one), "{path} twice");
            assert_eq!(plain(&one), plain(&two), "{path} on two servers");
        }
        let path = format!(
            "/livesim/segtimeline_1/{}/manifest.mpd?nowMS=1700000001234",
            clip.name()
        );
        for track in listed(&one, &path) {
            for segment in track.segments.iter().rev().take(5) {
                let other = segment.url.replace(&one.base, &two.base);
                let (here, there) = (segment.get(), http::get(&other).send());
                assert_eq!(here.body, there.body, "{}", segment.url);
                assert_eq!(here.header("etag"), there.header("etag"), "{}", segment.url);
            }
        }
    }
}

#[test]
fn live_answers_can_be_cached_as_long_as_they_hold() {
    let server = server();
    let path = "/livesim/segtimeline_1/dash-timeline/manifest.mpd";
    let mpd = server.get(path).expect(200);
    let cache = mpd.header("cache-control").expect("Cache-Control");
    assert!(!cache.contains("immutable"), "an MPD changes: {cache}");
    let tag = mpd.header("etag").expect("ETag");
    assert!(!tag.is_empty());
    let segment = listed(&server, path)[0]
        .segments
        .last()
        .cloned()
        .expect("segments");
    let answer = segment.get().expect(200);
    let cache = answer.header("cache-control").expect("Cache-Control");
    assert!(cache.contains("max-age"), "{cache}");
    let tag = answer.header("etag").expect("ETag").to_owned();
    let again = http::get(&segment.url).header("If-None-Match", &tag).send();
    assert_eq!((again.status, again.body.len()), (304, 0));
    let part = http::get(&segment.url)
        .header("Range", "bytes=4-7")
        .send()
        .expect(206);
    assert_eq!(part.body, answer.body[4..8]);
}
