//! HLS playlists over fragmented MP4: which tracks there are and where their segments lie, as if an
//! MPD said it. Follows RFC 8216bis.
//!
//! MPEG-TS and packed audio are refused, as are live playlists, encrypted segments (`EXT-X-KEY`
//! other than `NONE`: CENC inside MP4 needs no key here) and discontinuities. Subtitles outside MP4
//! (WebVTT) are left out with a warning.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use media::{
    hls::read::{self as hls, Media as MediaPlaylist, Rendition, RenditionKind},
    presentation::{Addressing, Content, FrameRate, Nominal, Shape, SwitchingSet, Track},
    template::Template,
    time::Timescale,
};

use crate::{
    Error, boxes,
    dash::read_text,
    plan::{Locator, ManifestPlan, Media, TrackPlan},
    stamp::Stamp,
};

/// A larger playlist is not read.
const MAX_PLAYLIST_BYTES: u64 = 64 << 20;

/// A media playlist with what the multivariant playlist says of it.
struct Listed {
    /// URI relative to the folder of the asset.
    uri: String,
    content: Content,
    name: Option<String>,
    language: Option<String>,
    size: Option<(u32, u32)>,
    frame_rate: Option<FrameRate>,
    channels: Option<u32>,
}

/// Reads the playlists `names` of a folder, multivariant or media ones, and finds the files of
/// their tracks.
pub(crate) fn read(
    root: &Path,
    folder: &Path,
    names: &[String],
    multivariant: bool,
) -> Result<ManifestPlan, Error> {
    let file = folder.join(names.first().map_or("", String::as_str));
    let mut sources = Vec::new();
    let mut listed: Vec<Listed> = Vec::new();
    for name in names {
        if multivariant {
            let path = folder.join(name);
            let stamp = stamp(&path)?;
            for entry in variants(&path)? {
                if !listed.iter().any(|known| known.uri == entry.uri) {
                    listed.push(entry);
                }
            }
            sources.push((path, stamp));
        } else {
            listed.push(Listed::alone(name));
        }
    }
    let mut warnings = Vec::new();
    let mut tracks = Vec::new();
    let mut ids = BTreeSet::new();
    for mut entry in listed {
        let path = Locator::new(root, folder, &file).path("", &entry.uri)?;
        let stamp = stamp(&path)?;
        let text = read_text(&path, MAX_PLAYLIST_BYTES)?;
        let playlist = hls::media(&text).map_err(|error| syntax(&path, error))?;
        if entry.content == Content::Text && playlist.maps.is_empty() {
            warnings.push(format!(
                "subtitles `{}` are left out: only text in MP4 can be presented",
                entry.uri
            ));
            continue;
        }
        let id = id_of(&entry.uri, &mut ids);
        let plan = plan(root, folder, &path, &id, &mut entry, &playlist)?;
        tracks.push((entry, plan));
        sources.push((path, stamp));
    }
    if tracks.is_empty() {
        return Err(Error::Unsupported {
            path: file,
            reason: "no playlist of fragmented MP4".to_owned(),
        });
    }
    let (shape, tracks) = shape(tracks);
    Ok(ManifestPlan {
        name: "manifest.mpd".to_owned(),
        file,
        shape,
        addressing: Addressing::TimelineNumber,
        duration: None,
        tracks,
        sources,
        warnings,
    })
}

impl Listed {
    /// A media playlist that no multivariant playlist names; its init segment tells the rest.
    fn alone(name: &str) -> Self {
        Self {
            uri: name.to_owned(),
            content: Content::Video,
            name: None,
            language: None,
            size: None,
            frame_rate: None,
            channels: None,
        }
    }
}

/// Lists the media playlists of a multivariant playlist, variants first.
fn variants(path: &Path) -> Result<Vec<Listed>, Error> {
    let text = read_text(path, MAX_PLAYLIST_BYTES)?;
    let list = hls::multivariant(&text).map_err(|error| syntax(path, error))?;
    let audio_only: BTreeSet<&str> = list
        .renditions
        .iter()
        .filter(|rendition| rendition.kind == RenditionKind::Audio)
        .filter_map(|rendition| rendition.uri.as_deref())
        .collect();
    let mut listed: Vec<Listed> = list
        .variants
        .iter()
        .filter(|variant| !audio_only.contains(variant.uri.as_str()))
        .map(|variant| Listed {
            uri: variant.uri.clone(),
            content: Content::Video,
            name: None,
            language: None,
            size: variant.resolution,
            frame_rate: variant.frame_rate,
            channels: None,
        })
        .collect();
    listed.extend(list.renditions.iter().filter_map(rendition));
    Ok(listed)
}

fn rendition(rendition: &Rendition) -> Option<Listed> {
    let content = match rendition.kind {
        RenditionKind::Audio => Content::Audio,
        RenditionKind::Video => Content::Video,
        RenditionKind::Subtitles => Content::Text,
        RenditionKind::ClosedCaptions => return None,
    };
    Some(Listed {
        uri: rendition.uri.clone()?,
        content,
        name: Some(rendition.name.clone()),
        language: rendition.language.clone(),
        size: None,
        frame_rate: None,
        channels: rendition.channels,
    })
}

fn stamp(path: &Path) -> Result<Stamp, Error> {
    Stamp::of(path, || "a playlist names it".to_owned())
}

fn syntax(path: &Path, error: hls::HlsError) -> Error {
    Error::Manifest {
        path: path.to_path_buf(),
        line: error.line as u64,
        column: 0,
        reason: error.reason,
    }
}

fn plan(
    root: &Path,
    folder: &Path,
    path: &Path,
    id: &str,
    entry: &mut Listed,
    playlist: &MediaPlaylist,
) -> Result<TrackPlan, Error> {
    let unsupported = |reason: String| Error::Unsupported {
        path: path.to_path_buf(),
        reason,
    };
    // One that grows is taken for what it is at the moment.
    let grows = playlist.playlist_type == Some(hls::PlaylistType::Event);
    if !playlist.ended && !grows {
        return Err(unsupported(
            "a live playlist (no EXT-X-ENDLIST); only finished ones and those of the type EVENT \
             are assets"
                .to_owned(),
        ));
    }
    let [map] = playlist.maps.as_slice() else {
        return Err(unsupported(match playlist.maps.len() {
            0 => "no EXT-X-MAP: MPEG-TS and packed audio are not served, only fragmented MP4"
                .to_owned(),
            n => format!("{n} different EXT-X-MAP; only one a track is served"),
        }));
    };
    for segment in &playlist.segments {
        let line = segment.line;
        if segment.discontinuity && segment != &playlist.segments[0] {
            return Err(unsupported(format!(
                "line {line}: EXT-X-DISCONTINUITY; only continuous content is served"
            )));
        }
        if let Some(method) = &segment.key_method
            && matches!(method.as_str(), "AES-128" | "AES-256")
        {
            return Err(unsupported(format!(
                "line {line}: segments are encrypted as a whole ({method}); only samples may be"
            )));
        }
    }
    let mut locator = Locator::new(root, folder, path);
    let base = entry.uri.as_str();
    let init = locator.place(base, &map.url, map.range.clone())?;
    let pieces: Result<Vec<_>, Error> = playlist
        .segments
        .iter()
        .map(|segment| locator.place(base, &segment.uri, segment.range.clone()))
        .collect();
    // A variant may be of sound only; the init segment knows.
    if let [track] = boxes::init(&init)?.1.tracks.as_slice() {
        entry.content = track.content;
    }
    Ok(TrackPlan {
        id: id.to_owned(),
        content: entry.content,
        init: Some(init),
        media: Media::Pieces(pieces?),
        first_number: 1,
        next: None,
        origin: None,
        nominal: None,
        declared: None,
        limit: None,
    })
}

/// Makes a short unique id out of a playlist's URI: its path without extension, or its folder when
/// the file name says nothing.
fn id_of(uri: &str, taken: &mut BTreeSet<String>) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let path = crate::locate::percent_decode(path).unwrap_or_else(|| path.to_owned());
    let stem = path
        .rsplit_once('.')
        .map_or(path.as_str(), |(stem, _)| stem);
    let parts: Vec<&str> = stem
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."))
        .collect();
    let plain = match parts.as_slice() {
        [folders @ .., last] if !folders.is_empty() && says_nothing(last) => folders.join("/"),
        all => all.join("/"),
    };
    let plain: String = plain
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "-_./".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let plain = if plain.is_empty() {
        "track".to_owned()
    } else {
        plain
    };
    let mut id = plain.clone();
    let mut copy = 2;
    while !taken.insert(id.clone()) {
        id = format!("{plain}-{copy}");
        copy += 1;
    }
    id
}

fn says_nothing(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "playlist" | "index" | "prog_index" | "prog" | "media" | "stream" | "main" | "chunklist"
    )
}

/// Puts tracks into switching sets: all video in one, audio and text by name and language.
fn shape(tracks: Vec<(Listed, TrackPlan)>) -> (Shape, Vec<TrackPlan>) {
    type SetKey = (Content, Option<String>, Option<String>);
    let mut sets: BTreeMap<SetKey, (SwitchingSet, Vec<TrackPlan>)> = BTreeMap::new();
    for (entry, plan) in tracks {
        let key = (entry.content, entry.name.clone(), entry.language.clone());
        let (set, plans) = sets.entry(key).or_insert_with(|| {
            let set = SwitchingSet {
                id: None,
                content: entry.content,
                lang: entry.language.clone(),
                label: entry.name.clone(),
                roles: Vec::new(),
                attributes: Vec::new(),
                elements: Vec::new(),
                tracks: Vec::new(),
            };
            (set, Vec::new())
        });
        set.tracks.push(track(&entry, &plan));
        plans.push(plan);
    }
    let mut shape = Shape::default();
    let mut plans = Vec::new();
    for (number, (mut set, of_set)) in sets.into_values().enumerate() {
        set.id = Some((number + 1).to_string());
        shape.sets.push(set);
        plans.extend(of_set);
    }
    (shape, plans)
}

fn track(entry: &Listed, plan: &TrackPlan) -> Track {
    Track {
        id: plan.id.clone(),
        codecs: String::new(),
        mime_type: String::new(),
        bandwidth: 0,
        peak_bandwidth: 0,
        average_bandwidth: 0,
        timescale: Timescale::SECONDS,
        size: entry.size,
        sar: None,
        frame_rate: entry.frame_rate,
        sampling_rate: None,
        channels: entry.channels,
        init: Some(generic("$RepresentationID$/init.mp4")),
        media: generic("$RepresentationID$/$Number$.m4s"),
        nominal: Nominal {
            duration: 0,
            timescale: Timescale::SECONDS,
        },
        attributes: Vec::new(),
        elements: Vec::new(),
    }
}

fn generic(text: &str) -> Template {
    Template::parse(text).expect("a literal template parses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_unique() {
        let mut taken = BTreeSet::new();
        for (uri, id) in [
            ("video/720/playlist.m3u8", "video/720"),
            ("video_480.m3u8?token=1", "video_480"),
            ("index.m3u8", "index"),
            ("../shared/./a/prog_index.m3u8", "shared/a"),
            ("b/index.m3u8", "b"),
            ("b/media.m3u8", "b-2"),
            ("a%20b/$c.m3u8", "a_b/_c"),
            ("", "track"),
        ] {
            assert_eq!(id_of(uri, &mut taken), id);
        }
    }
}
