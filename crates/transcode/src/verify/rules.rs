//! Rules of Apple's HLS authoring specification (numbers in brackets), of RFC 8216bis and of CMAF.

use media::{
    hls::read::{Multivariant, PlaylistType, Variant},
    presentation::Content,
    time::{Round, Time, Timescale},
    url,
};

use super::{
    Findings,
    reading::{Found, Track},
};
use crate::{
    package::MASTER,
    plan::{Audio, Plan},
};

/// Key frames are no further apart [1.13]; a little more for rates of 1001.
const LONGEST_GROUP: Time = Time::from_ms(2050);
/// A segment exceeds the target duration by no more [7.7].
const OVER_TARGET: Time = Time::from_ms(500);
/// Greatest skew of sound against pictures.
const SKEW_US: i64 = 1000;

/// Checks everything that can be checked without a plan.
pub(super) fn check(found: &Found, findings: &mut Findings) {
    for track in &found.tracks {
        playlist(track, findings);
        media(track, findings);
    }
    together(found, findings);
    if let Some(master) = &found.master {
        multivariant(found, master, findings);
    }
}

/// Rules of one media playlist.
fn playlist(track: &Track, findings: &mut Findings) {
    let (name, list) = (track.name.as_str(), &track.playlist);
    if list.playlist_type != Some(PlaylistType::Vod) {
        findings.error("type", name, "EXT-X-PLAYLIST-TYPE is not VOD [8.6]");
    }
    if !list.ended {
        findings.error("end", name, "there is no EXT-X-ENDLIST [8.6]");
    }
    if list.segments.is_empty() {
        findings.error("empty", name, "it lists no segment");
    }
    if list.segments.iter().any(|segment| segment.discontinuity) {
        findings.warning("discontinuity", name, "a whole film needs none");
    }
    let target = Time::from_secs(i64::try_from(list.target_duration).unwrap_or(i64::MAX));
    for segment in &list.segments {
        let rounded = segment
            .duration
            .ticks_in(Timescale::SECONDS, Round::Nearest);
        if rounded > target.ticks {
            findings.error(
                "target",
                name,
                format!(
                    "{} lasts {} s, target {}",
                    segment.uri, segment.duration, target.ticks
                ),
            );
        } else if Time::new(segment.duration.ticks - 1, segment.duration.scale)
            > Time::from_ms(target.ms(Round::Down) + OVER_TARGET.ms(Round::Down))
        {
            findings.warning(
                "target",
                name,
                format!("{} exceeds the target by half a second [7.7]", segment.uri),
            );
        }
    }
}

/// Rules of the media of one track.
fn media(track: &Track, findings: &mut Findings) {
    let Some(init) = &track.init else { return };
    let name = track.name.as_str();
    let is_video = init.content == Content::Video;
    if is_video && !matches!(&init.sample_entry.0, b"avc1" | b"hvc1" | b"av01") {
        findings.error(
            "sample-entry",
            name,
            format!(
                "`{}` in place of avc1, hvc1 or av01 [1.10]",
                init.sample_entry
            ),
        );
    }
    let scale = track.scale();
    let mut expected: Option<u64> = None;
    for segment in &track.segments {
        let Some(first) = segment.samples.first() else {
            findings.error("empty", &segment.name, "it has no samples");
            continue;
        };
        if let Some(expected) = expected.filter(|expected| *expected != segment.start()) {
            findings.error(
                "continuity",
                &segment.name,
                format!(
                    "begins at tick {}, {expected} expected [7.3]",
                    segment.start()
                ),
            );
        }
        expected = Some(segment.start() + segment.duration());
        if !first.is_sync() {
            findings.error("segment-start", &segment.name, "no key frame first [7.4]");
        }
        if is_video && segment.shown(track.edit()) != segment.start() as i64 {
            findings.error(
                "presentation",
                &segment.name,
                format!(
                    "first shown at tick {}, decoded at {}",
                    segment.shown(track.edit()),
                    segment.start()
                ),
            );
        }
        let frame = Time::new(first.duration.into(), scale);
        let real = Time::new(segment.duration() as i64, scale);
        if difference(real, segment.stated) > frame {
            findings.error(
                "duration",
                &segment.name,
                format!("EXTINF says {} s, it lasts {real} s [8.1]", segment.stated),
            );
        }
    }
    if let Some(longest) = track.longest_group().filter(|_| is_video)
        && longest > LONGEST_GROUP
    {
        findings.warning(
            "key-frames",
            name,
            format!("{longest} s from one key frame to the next [1.13]"),
        );
    }
    let (average, peak) = track.rates();
    if is_video && track.segments.len() > 2 && peak > average.saturating_mul(2) {
        findings.warning(
            "peak",
            name,
            format!("peak of {peak} b/s is more than twice the mean of {average} b/s"),
        );
    }
}

fn difference(a: Time, b: Time) -> Time {
    let scale = const { Timescale::literal(1_000_000_000) };
    let (a, b) = (
        a.ticks_in(scale, Round::Nearest),
        b.ticks_in(scale, Round::Nearest),
    );
    Time::new((a - b).abs(), scale)
}

/// Rules of tracks beside each other.
fn together(found: &Found, findings: &mut Findings) {
    let mut videos = found.of(Content::Video);
    let Some(first) = videos.next() else { return };
    for other in videos {
        let starts = |track: &Track| -> Vec<Time> {
            let of = track.segments.iter();
            of.map(|segment| Time::new(segment.start() as i64, track.scale()))
                .collect()
        };
        if starts(other) != starts(first) {
            findings.error(
                "aligned",
                &other.name,
                format!("segments begin at other times than those of {}", first.name),
            );
        }
    }
    for audio in found.of(Content::Audio) {
        if audio.playlist.target_duration != first.playlist.target_duration {
            findings.error(
                "same-target",
                &audio.name,
                format!(
                    "target duration {}, that of the video is {} [8.2]",
                    audio.playlist.target_duration, first.playlist.target_duration
                ),
            );
        }
        let frame = audio
            .segments
            .first()
            .and_then(|segment| segment.samples.first())
            .map_or(Time::ZERO, |sample| {
                Time::new(sample.duration.into(), audio.scale())
            });
        if difference(audio.end(), first.end()) > frame {
            findings.error(
                "same-length",
                &audio.name,
                format!(
                    "ends at {} s, the video at {} s [8.3]",
                    audio.end(),
                    first.end()
                ),
            );
        }
    }
    if let Some(skew) = found.skew_us().filter(|skew| skew.abs() > SKEW_US) {
        findings.error(
            "skew",
            MASTER,
            format!("sound begins {skew} µs after the pictures"),
        );
    }
}

/// Rules of the multivariant playlist.
fn multivariant(found: &Found, master: &Multivariant, findings: &mut Findings) {
    if !master.independent_segments {
        findings.error(
            "independent",
            MASTER,
            "no EXT-X-INDEPENDENT-SEGMENTS [9.11]",
        );
    }
    let track = |uri: &str| {
        let path = url::join(MASTER, uri).ok()?;
        found.tracks.iter().find(|track| track.name == path)
    };
    for variant in &master.variants {
        if variant.codecs.is_empty() {
            findings.error("codecs", MASTER, format!("{}: no CODECS", variant.uri));
        }
        let Some(video) = track(&variant.uri) else {
            continue;
        };
        attributes(variant, video, findings);
        let (average, peak) = video.rates();
        let group = variant.audio.as_deref();
        let of_group = master
            .renditions
            .iter()
            .filter(|one| super::reading::is_audio(one.kind) && Some(one.group.as_str()) == group);
        let audio: Vec<(u64, u64)> = of_group
            .filter_map(|one| Some(track(one.uri.as_deref()?)?.rates()))
            .collect();
        let average = average + audio.iter().map(|rates| rates.0).max().unwrap_or(0);
        let peak = peak + audio.iter().map(|rates| rates.1).max().unwrap_or(0);
        within(
            variant,
            "BANDWIDTH",
            Some(variant.bandwidth),
            peak,
            findings,
        );
        let stated = variant.average_bandwidth;
        within(variant, "AVERAGE-BANDWIDTH", stated, average, findings);
    }
    let videos = found.of(Content::Video).count();
    if videos > 0 && master.i_frames.is_empty() {
        findings.warning("i-frames", MASTER, "there are no I-frame playlists [6.1]");
    }
}

/// Compares a stated rate with a measured one: not below it, and not a tenth above it.
fn within(
    variant: &Variant,
    what: &str,
    stated: Option<u64>,
    measured: u64,
    findings: &mut Findings,
) {
    let Some(stated) = stated else {
        findings.error("rate", MASTER, format!("{}: no {what}", variant.uri));
        return;
    };
    // Text has a rate, too, which is small.
    if stated < measured || stated > measured + measured / 10 + 20_000 {
        findings.error(
            "rate",
            MASTER,
            format!("{}: {what} is {stated}, measured {measured}", variant.uri),
        );
    }
}

fn attributes(variant: &Variant, track: &Track, findings: &mut Findings) {
    let Some(init) = &track.init else { return };
    if init.content != Content::Video {
        return;
    }
    if variant.resolution.is_none() || variant.resolution != init.size {
        findings.error(
            "resolution",
            MASTER,
            format!("{}: RESOLUTION is not that of the pictures", variant.uri),
        );
    }
    match variant.frame_rate {
        None => findings.error("frame-rate", MASTER, format!("{}: none", variant.uri)),
        Some(rate) if u64::from(rate.num) > 60 * u64::from(rate.den.max(1)) => {
            findings.warning("frame-rate", MASTER, format!("{}: over 60", variant.uri));
        }
        Some(_) => {}
    }
}

/// Compares tracks with what was planned, frame for frame in number and time.
pub(super) fn against_plan(found: &Found, plan: &Plan, findings: &mut Findings) {
    let track = |id: &str| {
        let name = media::hls::write::media_name(id);
        found.tracks.iter().find(|track| track.name == name)
    };
    for video in &plan.videos {
        match track(&video.id) {
            Some(of) => pictures(of, plan, findings),
            None => findings.error("planned", &video.id, "the track is missing"),
        }
    }
    for audio in &plan.audios {
        match track(&audio.id) {
            Some(of) => sound(of, audio, findings),
            None => findings.error("planned", &audio.id, "the track is missing"),
        }
    }
}

fn pictures(track: &Track, plan: &Plan, findings: &mut Findings) {
    let edit = track.edit();
    let mut shown: Vec<i64> = track
        .segments
        .iter()
        .flat_map(|segment| &segment.samples)
        .map(|one| one.decode_time as i64 + i64::from(one.composition_offset) - edit)
        .collect();
    shown.sort_unstable();
    if shown.len() as u64 != plan.grid.frames {
        findings.error(
            "planned",
            &track.name,
            format!("{} frames in place of {}", shown.len(), plan.grid.frames),
        );
    }
    let off = (0..)
        .zip(&shown)
        .find(|(frame, time)| **time != plan.grid.tick(*frame) as i64);
    if let Some((frame, time)) = off {
        findings.error(
            "planned",
            &track.name,
            format!(
                "frame {frame} is shown at tick {time} in place of {}",
                plan.grid.tick(frame)
            ),
        );
    }
}

fn sound(track: &Track, audio: &Audio, findings: &mut Findings) {
    let frames: usize = track.segments.iter().map(|one| one.samples.len()).sum();
    if frames as u64 != audio.frames() {
        findings.error(
            "planned",
            &track.name,
            format!("{frames} codec frames in place of {}", audio.frames()),
        );
    }
}
