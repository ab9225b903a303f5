//! Multivariant playlists.

use std::fmt::Write as _;

use super::{
    IFRAMES_FILE, MultivariantOptions, VERSION,
    groups::{
        Group, WEBVTT, audio_groups, has_role, is_special, is_trick_mode, language, peak, quotable,
        subtitles,
    },
    iframes, images, push_media_uri, push_uri_of, push_version,
};
use crate::presentation::{Content, Period, Presentation, Shape, SwitchingSet, Track};

pub(super) fn write(presentation: &Presentation, options: &MultivariantOptions<'_>) -> String {
    let query = options.query;
    let mut out = String::with_capacity(2048);
    push_version(&mut out, VERSION);
    out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    let Some(period) = presentation.periods.last() else {
        return out;
    };
    let shape: &Shape = &period.shape;
    let videos: Vec<(&SwitchingSet, &Track)> = shape
        .tracks()
        .filter(|(set, _)| set.content == Content::Video && !is_trick_mode(set))
        .collect();
    let audio = audio_groups(shape);
    let subtitles = subtitles(shape);
    // Without video the variants are the audio tracks; a group is needed only for a choice.
    let has_audio_group = !videos.is_empty() || audio.iter().any(|g| g.members.len() > 1);
    if has_audio_group {
        for group in &audio {
            push_renditions(&mut out, group, query);
        }
    }
    if let Some(group) = &subtitles {
        push_renditions(&mut out, group, query);
    }
    let subtitles = subtitles.as_ref();
    if videos.is_empty() {
        for group in &audio {
            let named = has_audio_group.then_some(group);
            if let Some(member) = group.default_member() {
                push_variant(&mut out, None, group, named, subtitles);
                push_media_uri(&mut out, &member.track.id, query);
                out.push('\n');
            }
        }
        return out;
    }
    let silent = Group::new("", "AUDIO");
    let groups: Vec<&Group<'_>> = if audio.is_empty() {
        vec![&silent]
    } else {
        audio.iter().collect()
    };
    for group in groups {
        for video in &videos {
            let named = (!group.members.is_empty()).then_some(group);
            push_variant(&mut out, Some(*video), group, named, subtitles);
            push_media_uri(&mut out, &video.1.id, query);
            out.push('\n');
        }
    }
    push_fast_play(&mut out, period, query);
    if options.images {
        images::push_variants(&mut out, period, query);
    }
    out
}

/// Writes `EXT-X-I-FRAME-STREAM-INF` for every video track of which the key frames are known.
fn push_fast_play(out: &mut String, period: &Period, query: &str) {
    for ((set, track), timeline) in period.shape.tracks().zip(&period.timelines) {
        let rates = iframes::rates(timeline, track.timescale);
        let Some((peak, average)) = rates.filter(|_| set.content == Content::Video) else {
            continue;
        };
        let _ = write!(
            out,
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"
        );
        if !track.codecs.is_empty() {
            let _ = write!(out, ",CODECS=\"{}\"", quotable(&track.codecs));
        }
        if let Some((width, height)) = track.size {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        if let Some(range) = video_range(set, track) {
            let _ = write!(out, ",VIDEO-RANGE={range}");
        }
        out.push_str(",URI=\"");
        push_uri_of(out, &track.id, IFRAMES_FILE, query);
        out.push_str("\"\n");
    }
}

/// Writes `EXT-X-MEDIA` for every member. A language is chosen by itself only once in a group.
fn push_renditions(out: &mut String, group: &Group<'_>, query: &str) {
    let mut languages: Vec<Option<&str>> = Vec::new();
    for member in &group.members {
        let set = member.set;
        let language = language(set);
        let auto = member.default || (!is_special(set) && !languages.contains(&language));
        if auto {
            languages.push(language);
        }
        let _ = write!(
            out,
            "#EXT-X-MEDIA:TYPE={},GROUP-ID=\"{}\",NAME=\"{}\"",
            group.kind, group.id, member.name
        );
        if let Some(language) = language {
            let _ = write!(out, ",LANGUAGE=\"{}\"", quotable(language));
        }
        let _ = write!(out, ",DEFAULT={}", yes_no(member.default));
        let _ = write!(out, ",AUTOSELECT={}", yes_no(auto));
        if has_role(set, &["forced-subtitle", "forced_subtitle"]) {
            out.push_str(",FORCED=YES");
        }
        if let Some(text) = characteristics(set) {
            let _ = write!(out, ",CHARACTERISTICS=\"{text}\"");
        }
        if let Some(channels) = member.track.channels {
            let _ = write!(out, ",CHANNELS=\"{channels}\"");
        }
        out.push_str(",URI=\"");
        push_media_uri(out, &member.track.id, query);
        out.push_str("\"\n");
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "YES" } else { "NO" }
}

/// Says what a rendition does for those who cannot hear or see.
fn characteristics(set: &SwitchingSet) -> Option<&'static str> {
    match set.content {
        Content::Audio if has_role(set, &["description"]) => {
            Some("public.accessibility.describes-video")
        }
        Content::Text if has_role(set, &["caption"]) => Some(
            "public.accessibility.transcribes-spoken-dialog,\
             public.accessibility.describes-music-and-sound",
        ),
        _ => None,
    }
}

/// Writes `EXT-X-STREAM-INF` for a video track with an audio group, or for an audio group alone.
/// Bit rates are those of the greatest combination that can play.
fn push_variant(
    out: &mut String,
    video: Option<(&SwitchingSet, &Track)>,
    audio: &Group<'_>,
    named: Option<&Group<'_>>,
    subtitles: Option<&Group<'_>>,
) {
    let track = video.map(|(_, track)| track);
    let text_peak = subtitles.map_or(0, Group::peak);
    let bandwidth = track
        .map_or(0, peak)
        .saturating_add(audio.peak())
        .saturating_add(text_peak);
    let _ = write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={}", bandwidth.max(1));
    let averages = [
        track.map_or(Some(0), |t| Some(t.average_bandwidth).filter(|b| *b > 0)),
        audio.average(),
        subtitles.map_or(Some(0), Group::average),
    ];
    let average = averages
        .into_iter()
        .try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)));
    if let Some(average) = average {
        let _ = write!(out, ",AVERAGE-BANDWIDTH={average}");
    }
    push_codecs(out, track, audio, subtitles);
    if let Some((width, height)) = track.and_then(|track| track.size) {
        let _ = write!(out, ",RESOLUTION={width}x{height}");
    }
    if let Some(rate) = track.and_then(|track| track.frame_rate) {
        let (num, den) = (u64::from(rate.num), u64::from(rate.den.max(1)));
        let thousandths = (num * 1000 + den / 2) / den;
        let (whole, places) = (thousandths / 1000, thousandths % 1000);
        let _ = write!(out, ",FRAME-RATE={whole}.{places:03}");
    }
    if let Some(range) = video.and_then(|(set, track)| video_range(set, track)) {
        let _ = write!(out, ",VIDEO-RANGE={range}");
    }
    if let Some(group) = named {
        let _ = write!(out, ",AUDIO=\"{}\"", group.id);
    }
    if let Some(group) = subtitles {
        let _ = write!(out, ",SUBTITLES=\"{}\"", group.id);
    }
    out.push('\n');
}

/// Writes `CODECS`: every codec of the variant and of its groups, each once. Nothing when one is
/// not known.
fn push_codecs(
    out: &mut String,
    video: Option<&Track>,
    audio: &Group<'_>,
    subtitles: Option<&Group<'_>>,
) {
    let members = audio
        .members
        .iter()
        .chain(subtitles.into_iter().flat_map(|group| &group.members))
        .map(|member| member.track)
        // Text that is no MP4 has no codec to ask for.
        .filter(|track| track.mime_type != WEBVTT);
    let mut codecs: Vec<&str> = Vec::new();
    for track in video.into_iter().chain(members) {
        if track.codecs.is_empty() {
            return;
        }
        if !codecs.contains(&track.codecs.as_str()) {
            codecs.push(&track.codecs);
        }
    }
    let _ = write!(out, ",CODECS=\"{}\"", quotable(&codecs.join(",")));
}

/// Tells the dynamic range when a descriptor gives the transfer characteristics
/// (ISO/IEC 23091-2, table 3).
fn video_range(set: &SwitchingSet, track: &Track) -> Option<&'static str> {
    let value = set
        .elements
        .iter()
        .chain(&track.elements)
        .find(|element| {
            element.attribute("schemeIdUri") == Some("urn:mpeg:mpegB:cicp:TransferCharacteristics")
        })?
        .attribute("value")?;
    match value.trim() {
        "1" | "6" | "13" | "14" | "15" => Some("SDR"),
        "16" => Some("PQ"),
        "18" => Some("HLG"),
        _ => None,
    }
}
