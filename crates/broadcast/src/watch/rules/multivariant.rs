//! A multivariant playlist.

use media::hls::read::{Multivariant, RenditionKind, Variant};

use super::{Entry, entry, run_table};

/// A multivariant playlist.
pub(crate) struct View<'a> {
    pub(crate) list: &'a Multivariant,
}

run_table!(View<'_>);

pub(crate) const RULES: [Entry<Check>; 5] = [
    entry(
        "L18-codecs",
        "RFC 8216bis 4.4.6.2",
        "every variant has CODECS",
        codecs,
    ),
    entry(
        "L18-size",
        "RFC 8216bis 4.4.6.2",
        "every variant with pictures has RESOLUTION and FRAME-RATE",
        size,
    ),
    entry(
        "L18-average-stated",
        "Apple authoring rules 9",
        "every variant has AVERAGE-BANDWIDTH, not above BANDWIDTH",
        average,
    ),
    entry(
        "L18-groups",
        "RFC 8216bis 4.4.6.2",
        "every group that a variant names is there",
        groups,
    ),
    entry(
        "L18-default",
        "RFC 8216bis 4.4.6.1",
        "at most one rendition of a group is the default, and names in a group differ",
        members,
    ),
];

fn each(view: &View<'_>, check: impl Fn(&Variant) -> Option<String>) -> Vec<String> {
    view.list.variants.iter().filter_map(check).collect()
}

/// Tells whether a codec string names a video codec.
fn is_video(codec: &str) -> bool {
    const VIDEO: [&str; 11] = [
        "avc1", "avc3", "hvc1", "hev1", "dvh1", "dvhe", "vp08", "vp09", "av01", "vvc1", "vvi1",
    ];
    VIDEO.contains(&codec.trim().split('.').next().unwrap_or_default())
}

fn codecs(view: &View<'_>) -> Vec<String> {
    each(view, |variant| {
        variant
            .codecs
            .is_empty()
            .then(|| format!("variant `{}` has no CODECS", variant.uri))
    })
}

fn size(view: &View<'_>) -> Vec<String> {
    each(view, |variant| {
        let pictures = variant.codecs.split(',').any(is_video);
        let lacks = match (variant.resolution, variant.frame_rate) {
            (Some(_), Some(_)) => return None,
            (None, _) => "RESOLUTION",
            (Some(_), None) => "FRAME-RATE",
        };
        pictures.then(|| format!("variant `{}` has no {lacks}", variant.uri))
    })
}

fn average(view: &View<'_>) -> Vec<String> {
    each(view, |variant| match variant.average_bandwidth {
        None => Some(format!(
            "variant `{}` has no AVERAGE-BANDWIDTH",
            variant.uri
        )),
        Some(mean) => (mean > variant.bandwidth).then(|| {
            let uri = &variant.uri;
            format!("AVERAGE-BANDWIDTH of variant `{uri}` is above its BANDWIDTH")
        }),
    })
}

fn groups(view: &View<'_>) -> Vec<String> {
    each(view, |variant| {
        let wanted = [
            (RenditionKind::Audio, &variant.audio),
            (RenditionKind::Subtitles, &variant.subtitles),
        ];
        wanted.into_iter().find_map(|(kind, group)| {
            let group = group.as_ref()?;
            let known = view
                .list
                .renditions
                .iter()
                .any(|rendition| rendition.kind == kind && rendition.group == *group);
            (!known).then(|| format!("variant `{}` names no group: `{group}`", variant.uri))
        })
    })
}

fn members(view: &View<'_>) -> Vec<String> {
    let renditions = &view.list.renditions;
    let mut wrong = Vec::new();
    for (index, one) in renditions.iter().enumerate() {
        for other in renditions.iter().take(index) {
            if one.kind != other.kind || one.group != other.group {
                continue;
            }
            if one.default && other.default {
                wrong.push(format!("group `{}` has two defaults", one.group));
            }
            if one.name == other.name {
                wrong.push(format!("group `{}` has `{}` twice", one.group, one.name));
            }
        }
    }
    wrong
}
