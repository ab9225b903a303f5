//! Which renditions form a group, what they are called and how much they weigh.

use super::TRICK_MODE;
use crate::presentation::{Content, Shape, SwitchingSet, Track};

/// Group of all subtitles.
const SUBTITLES: &str = "subs";

/// Renditions of which one is played at a time.
pub(super) struct Group<'a> {
    pub(super) id: String,
    /// `TYPE` of the renditions.
    pub(super) kind: &'static str,
    pub(super) members: Vec<Member<'a>>,
}

pub(super) struct Member<'a> {
    pub(super) set: &'a SwitchingSet,
    pub(super) track: &'a Track,
    pub(super) name: String,
    pub(super) default: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(id: &str, kind: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            members: Vec::new(),
        }
    }

    pub(super) fn default_member(&self) -> Option<&Member<'a>> {
        self.members
            .iter()
            .find(|member| member.default)
            .or(self.members.first())
    }

    pub(super) fn peak(&self) -> u64 {
        self.members
            .iter()
            .map(|m| peak(m.track))
            .max()
            .unwrap_or(0)
    }

    /// Returns the greatest mean bit rate, 0 when one is not known.
    pub(super) fn average(&self) -> Option<u64> {
        let average = |m: &Member<'_>| m.track.average_bandwidth;
        if self.members.iter().any(|m| average(m) == 0) {
            return None;
        }
        Some(self.members.iter().map(average).max().unwrap_or(0))
    }
}

/// Returns the peak bit rate, as declared when it was not measured.
pub(super) fn peak(track: &Track) -> u64 {
    match track.peak_bandwidth {
        0 => track.bandwidth,
        measured => measured,
    }
}

/// Forms the audio groups: one for each codec and step of the bit rate ladder, each with all sets
/// that have the codec, so that switching the bit rate never takes a language away.
pub(super) fn audio_groups(shape: &Shape) -> Vec<Group<'_>> {
    let sets: Vec<&SwitchingSet> = shape
        .sets
        .iter()
        .filter(|set| set.content == Content::Audio && !is_trick_mode(set))
        .collect();
    let names = names(&sets, "Audio");
    let default = default_set(&sets);
    let mut families: Vec<&str> = Vec::new();
    for track in sets.iter().flat_map(|set| &set.tracks) {
        let family = codec_family(&track.codecs);
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let mut groups = Vec::new();
    for family in families {
        let ladders: Vec<Vec<&Track>> = sets.iter().map(|set| ladder(set, family)).collect();
        let steps = ladders.iter().map(Vec::len).max().unwrap_or(0);
        for step in 0..steps {
            let mut group = Group::new("", "AUDIO");
            for (index, (set, ladder)) in sets.iter().zip(&ladders).enumerate() {
                let Some(track) = ladder.get(step).or(ladder.last()) else {
                    continue;
                };
                group.members.push(Member {
                    set,
                    track,
                    name: names.get(index).cloned().unwrap_or_default(),
                    default: index == default,
                });
            }
            groups.push(group);
        }
    }
    let alone = groups.len() == 1;
    for (index, group) in groups.iter_mut().enumerate() {
        group.id = if alone {
            "audio".to_owned()
        } else {
            format!("audio-{}", index + 1)
        };
    }
    groups
}

fn codec_family(codecs: &str) -> &str {
    codecs.split(['.', ',']).next().unwrap_or_default()
}

/// Returns the tracks of a set in one codec, the fewest channels and lowest bit rate first.
fn ladder<'a>(set: &'a SwitchingSet, family: &str) -> Vec<&'a Track> {
    let mut tracks: Vec<&Track> = set
        .tracks
        .iter()
        .filter(|track| codec_family(&track.codecs) == family)
        .collect();
    tracks.sort_by_key(|track| (track.channels, track.bandwidth));
    tracks
}

/// Forms the one group of subtitles: the first track of every set of subtitles in fragmented MP4.
pub(super) fn subtitles(shape: &Shape) -> Option<Group<'_>> {
    let in_mp4 = |track: &&Track| matches!(codec_family(&track.codecs), "stpp" | "wvtt");
    let sets: Vec<&SwitchingSet> = shape
        .sets
        .iter()
        .filter(|set| set.content == Content::Text && set.tracks.iter().any(|t| in_mp4(&t)))
        .collect();
    let mut group = Group::new(SUBTITLES, "SUBTITLES");
    for (set, name) in sets.iter().zip(names(&sets, "Subtitles")) {
        let track = set.tracks.iter().find(in_mp4)?;
        group.members.push(Member {
            set,
            track,
            name,
            default: false,
        });
    }
    (!group.members.is_empty()).then_some(group)
}

/// Returns the position of the set that plays unless the user chooses: the first in the main role.
fn default_set(sets: &[&SwitchingSet]) -> usize {
    sets.iter()
        .position(|set| has_role(set, &["main"]))
        .unwrap_or(0)
}

pub(super) fn has_role(set: &SwitchingSet, names: &[&str]) -> bool {
    set.roles.iter().any(|role| names.contains(&role.as_str()))
}

/// Returns a name for each set, all different: label, else language, else `fallback`.
fn names(sets: &[&SwitchingSet], fallback: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for set in sets {
        let plain = set.label.as_deref().or(language(set)).unwrap_or(fallback);
        let plain = quotable(plain);
        let mut name = plain.clone();
        let role = set.roles.iter().find(|role| *role != "main");
        if names.contains(&name)
            && let Some(role) = role
        {
            name = format!("{plain} ({})", quotable(role));
        }
        let mut count = 1;
        while names.contains(&name) {
            count += 1;
            name = format!("{plain} {count}");
        }
        names.push(name);
    }
    names
}

pub(super) fn language(set: &SwitchingSet) -> Option<&str> {
    set.lang
        .as_deref()
        .filter(|lang| !lang.is_empty() && *lang != "und")
}

/// Replaces what a quoted string of a playlist cannot hold.
pub(super) fn quotable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

/// Tells whether a set is only for fast play and so no variant.
pub(super) fn is_trick_mode(set: &SwitchingSet) -> bool {
    set.elements
        .iter()
        .any(|element| element.attribute("schemeIdUri") == Some(TRICK_MODE))
}
