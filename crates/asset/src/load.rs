//! From content found by a scan to an [`Asset`]: manifests are read, media is indexed, and all of
//! it is checked to fit together.

use std::{collections::BTreeMap, collections::BTreeSet, path::PathBuf, sync::Arc};

use media::{
    presentation::{Content, Shape},
    template::{Key, Template},
    time::{Round, Time},
};

use crate::{
    Error, dash, describe, exact, fit, hls,
    model::{Asset, AssetManifest, Kind, TrackIndex},
    plan::{ManifestPlan, TrackPlan},
    scan::{Found, Source},
    segments::{self, TrackRead},
    stamp::Stamp,
    version,
};

/// An asset as loaded.
pub(crate) struct Loaded {
    pub(crate) asset: Asset,
    /// All files that it depends on but those of segments: manifests, playlists, init segments,
    /// and where segments are found by counting, the one after the last, which is not there.
    pub(crate) sources: Vec<PathBuf>,
}

/// Loads content. A plain file must have been imported: `found` then is the folder of the import,
/// and `kind` says what it was.
pub(crate) fn load(found: &Found, kind: Kind) -> Result<Loaded, Error> {
    let manifests = plans(found)?;
    let mut warnings = Vec::new();
    let (tracks, places) = unique_tracks(&manifests)?;
    let reference = reference(&tracks).ok_or_else(|| Error::Unsupported {
        path: found.main_file(),
        reason: "neither a video nor an audio track".to_owned(),
    })?;
    let reads = read_all(&tracks, reference)?;
    let main = &reads[reference];
    let whole = (fit::duration(main), main.segments.len() as u64);
    for plan in &manifests {
        warnings.extend(plan.warnings.iter().cloned());
        fit::check_declared_duration(plan, &tracks[reference], main, &mut warnings);
    }
    for (plan, read) in tracks.iter().zip(&reads) {
        warnings.extend(read.warnings.iter().cloned());
        fit::check_declared_times(plan, read, &mut warnings)?;
        fit::check_against_reference(plan, read, &tracks[reference], whole.0, &mut warnings)?;
    }
    let sources = sources(&manifests, &tracks, &reads)?;
    let version = version::of_stamps(
        sources.values().copied(),
        reads.iter().flat_map(|read| read.stamps.iter().copied()),
    );
    let shortest = reads
        .iter()
        .zip(&tracks)
        .filter(|(_, plan)| plan.content != Content::Image)
        .map(|(read, _)| {
            let count = read.segments.len() as u64;
            exact::time(exact::share(fit::duration(read), count, read.timescale))
        })
        .min()
        .unwrap_or(Time::ZERO);
    let reference_start = Time::new(fit::start(main), main.timescale);
    let shapes = shapes(manifests, &places, &tracks, &reads, whole);
    let mut indexes = Vec::with_capacity(tracks.len());
    for (number, (plan, read)) in tracks.iter().zip(reads).enumerate() {
        let track = shapes
            .iter()
            .find_map(|manifest| {
                let at = manifest.tracks.iter().position(|track| *track == number)?;
                manifest
                    .shape
                    .tracks()
                    .nth(at)
                    .map(|(_, track)| track.clone())
            })
            .ok_or_else(|| Error::Inconsistent {
                path: plan.first_file().to_path_buf(),
                reason: format!("track `{}` is in no manifest", plan.id),
            })?;
        indexes.push(Arc::new(index(plan, read, track, reference_start)));
    }
    let asset = Asset {
        name: found.name.clone(),
        kind,
        folder: found.folder.clone(),
        release: found.release.clone(),
        version,
        manifests: shapes,
        tracks: indexes,
        duration: whole.0,
        reference,
        shortest_mean_segment: shortest,
        warnings,
    };
    Ok(Loaded {
        asset,
        sources: sources.into_keys().collect(),
    })
}

/// Gathers the files that are no segments with their stamps, each once and in order.
fn sources(
    manifests: &[ManifestPlan],
    tracks: &[TrackPlan],
    reads: &[TrackRead],
) -> Result<BTreeMap<PathBuf, Stamp>, Error> {
    let mut sources = BTreeMap::new();
    for plan in manifests {
        sources.extend(plan.sources.iter().cloned());
    }
    for read in reads {
        sources.extend(read.init_file.iter().cloned());
    }
    for next in tracks.iter().filter_map(|plan| plan.next.as_ref()) {
        let stamp = Stamp::find(next)?.unwrap_or(Stamp::ABSENT);
        sources.insert(next.clone(), stamp);
    }
    Ok(sources)
}

fn plans(found: &Found) -> Result<Vec<ManifestPlan>, Error> {
    match &found.source {
        Source::Dash(names) => names
            .iter()
            .map(|name| dash::read(&found.root, &found.folder, name))
            .collect(),
        Source::Hls {
            playlists,
            multivariant,
        } => hls::read(&found.root, &found.folder, playlists, *multivariant).map(|plan| vec![plan]),
        Source::Plain(name) => Err(Error::Unsupported {
            path: found.folder.join(name),
            reason: "a plain media file that was not imported".to_owned(),
        }),
    }
}

/// Joins the tracks of all manifests by id. Returns them with, for each manifest, the position of
/// each of its tracks.
fn unique_tracks(manifests: &[ManifestPlan]) -> Result<(Vec<TrackPlan>, Vec<Vec<usize>>), Error> {
    let mut tracks: Vec<TrackPlan> = Vec::new();
    let mut by_id: BTreeMap<String, (usize, PathBuf)> = BTreeMap::new();
    let mut places = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        let mut of_manifest = Vec::with_capacity(manifest.tracks.len());
        for track in &manifest.tracks {
            if let Some((at, first)) = by_id.get(&track.id) {
                if !tracks[*at].agrees_with(track) {
                    return Err(Error::Inconsistent {
                        path: manifest.file.clone(),
                        reason: format!(
                            "representation `{}` has other segments than in {}",
                            track.id,
                            first.display()
                        ),
                    });
                }
                of_manifest.push(*at);
            } else {
                by_id.insert(track.id.clone(), (tracks.len(), manifest.file.clone()));
                of_manifest.push(tracks.len());
                tracks.push(track.clone());
            }
        }
        places.push(of_manifest);
    }
    Ok((tracks, places))
}

/// The first video by ascending id, else the first audio.
fn reference(tracks: &[TrackPlan]) -> Option<usize> {
    [Content::Video, Content::Audio].iter().find_map(|content| {
        tracks
            .iter()
            .enumerate()
            .filter(|(_, track)| track.content == *content)
            .min_by(|(_, a), (_, b)| a.id.cmp(&b.id))
            .map(|(at, _)| at)
    })
}

/// Reads all tracks, the reference first since others may be cut where it is.
fn read_all(tracks: &[TrackPlan], reference: usize) -> Result<Vec<TrackRead>, Error> {
    let main = segments::read(&tracks[reference], None)?;
    let cuts: Vec<Time> = main
        .segments
        .iter()
        .map(|segment| Time::new(segment.start as i64 - fit::start(&main), main.timescale))
        .collect();
    let mut reads = Vec::with_capacity(tracks.len());
    let mut main = Some(main);
    for (at, track) in tracks.iter().enumerate() {
        match main.take_if(|_| at == reference) {
            Some(main) => reads.push(main),
            None => reads.push(segments::read(track, Some(&cuts))?),
        }
    }
    Ok(reads)
}

/// Completes the shapes of the manifests.
fn shapes(
    manifests: Vec<ManifestPlan>,
    places: &[Vec<usize>],
    tracks: &[TrackPlan],
    reads: &[TrackRead],
    reference: (Time, u64),
) -> Vec<AssetManifest> {
    let mut made = Vec::with_capacity(manifests.len());
    for (mut plan, at) in manifests.into_iter().zip(places) {
        let mut numbers = at.iter().zip(&plan.tracks);
        for set in &mut plan.shape.sets {
            for track in &mut set.tracks {
                let Some((&at, planned)) = numbers.next() else {
                    continue;
                };
                let read = &reads[at];
                describe::complete(track, set.content, read);
                track.nominal = describe::nominal(planned.nominal, set.content, read, reference);
            }
            set.lang = set
                .lang
                .take()
                .or_else(|| language(set.tracks.first()?, tracks, reads));
        }
        own_urls(&mut plan.shape);
        made.push(AssetManifest {
            name: plan.name,
            shape: Arc::new(plan.shape),
            addressing: plan.addressing,
            tracks: at.clone(),
        });
    }
    made
}

fn language(
    track: &media::presentation::Track,
    tracks: &[TrackPlan],
    reads: &[TrackRead],
) -> Option<String> {
    let at = tracks.iter().position(|plan| plan.id == track.id)?;
    match tracks[at].content {
        Content::Audio | Content::Text => reads[at].init_track.as_ref()?.language.clone(),
        Content::Video | Content::Image => None,
    }
}

/// Sees to it that no two tracks share URLs and that none leaves the asset: such tracks get the
/// templates of tracks that have none of their own.
fn own_urls(shape: &mut Shape) {
    let mut seen = BTreeSet::new();
    for set in &mut shape.sets {
        for track in &mut set.tracks {
            let probe = |template: &Template, key| {
                let url = template.expand(&track.id, track.bandwidth, key);
                let inside = !url.starts_with("../") && !url.contains(['?', '#']);
                (url, inside)
            };
            let key = if track.media.has_time() {
                Key::Time(1)
            } else {
                Key::Number(1)
            };
            let (media, media_inside) = probe(&track.media, Some(key));
            let init = track.init.as_ref().map(|init| probe(init, None));
            let init_fits = init
                .as_ref()
                .is_none_or(|(url, inside)| *inside && *url != media && !seen.contains(url));
            let numbered = track.media.has_number() || track.media.has_time();
            let fits = numbered && media_inside && init_fits && !seen.contains(&media);
            if fits {
                seen.insert(media);
                seen.extend(init.map(|(url, _)| url));
                continue;
            }
            let timed = track.media.has_time();
            let (init, media) = generic(set.content, &track.mime_type);
            track.init = init;
            track.media = if timed { media.by_time() } else { media };
        }
    }
}

fn generic(content: Content, mime_type: &str) -> (Option<Template>, Template) {
    let parse = |text: &str| Template::parse(text).expect("a literal template parses");
    if content == Content::Image {
        let extension = if mime_type == "image/png" {
            "png"
        } else {
            "jpg"
        };
        return (
            None,
            parse(&format!("$RepresentationID$/$Number$.{extension}")),
        );
    }
    (
        Some(parse("$RepresentationID$/init.mp4")),
        parse("$RepresentationID$/$Number$.m4s"),
    )
}

fn index(
    plan: &TrackPlan,
    read: TrackRead,
    track: media::presentation::Track,
    reference_start: Time,
) -> TrackIndex {
    let edit = match (plan.content, &read.init_track) {
        (Content::Audio | Content::Text, Some(init)) => init
            .edit_media_time
            .saturating_sub(read.composition_offset)
            .max(0),
        _ => 0,
    };
    let origin = match plan.origin.filter(|_| plan.content != Content::Image) {
        Some(declared) if fit::covers(&read, declared) => {
            declared.ticks_in(read.timescale, Round::Nearest)
        }
        _ if plan.content == Content::Image => 0,
        _ => reference_start.ticks_in(read.timescale, Round::Nearest),
    };
    TrackIndex {
        id: plan.id.clone(),
        content: plan.content,
        track,
        timescale: read.timescale,
        init: read.init,
        edit_media_time: edit,
        origin,
        sample_duration: read.sample_duration,
        first_number: plan.first_number,
        encrypted: read
            .init_track
            .as_ref()
            .is_some_and(|init| init.protection.is_some()),
        segments: read.segments,
        files: read.files,
    }
}

#[cfg(test)]
mod tests;
