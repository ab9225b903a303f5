//! Which renditions form a group, what they are called and how much they weigh.

use super::TRICK_MODE;
use crate::presentation::{Content, Shape, SwitchingSet, Track};

/// Group of all subtitles.
const SUBTITLES: &str = "subs";
/// Type of WebVTT outside of MP4.
pub(super) const WEBVTT: &str = "text/vtt";

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

    fn add(&mut self, set: &'a SwitchingSet, track: &'a Track) {
        self.members.push(Member {
            set,
            track,
            name: String::new(),
            default: false,
        });
    }

    /// Gives each member a name of its own: label, else language, else `fallback`; with the
    /// role where that tells more.
    fn name_members(&mut self, fallback: &str) {
        let mut names: Vec<String> = Vec::new();
        for member in &mut self.members {
            let set = member.set;
            let plain = quotable(set.label.as_deref().or(language(set)).unwrap_or(fallback));
            let mut name = plain.clone();
            let needs_role = (set.label.is_none() && is_special(set)) || names.contains(&name);
            let role = set.roles.iter().find(|role| *role != "main");
            if let Some(role) = role.filter(|_| needs_role) {
                name = format!("{plain} ({})", quotable(role));
            }
            let mut count = 1;
            while names.contains(&name) {
                count += 1;
                name = format!("{plain} {count}");
            }
            names.push(name.clone());
            member.name = name;
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

/// Forms the audio groups: one for each codec and step of the bit rate ladder.
///
/// Only a codec that the default language comes in leads groups, so that no variant has nothing but
/// a commentary. Every group has every language and kind of sound: what there is not in the leading
/// codec joins in another one, so that switching never takes a rendition away.
pub(super) fn audio_groups(shape: &Shape) -> Vec<Group<'_>> {
    let sets: Vec<&SwitchingSet> = shape
        .sets
        .iter()
        .filter(|set| set.content == Content::Audio && !is_trick_mode(set))
        .collect();
    let Some(&default) = sets
        .iter()
        .find(|set| has_role(set, &["main"]))
        .or(sets.first())
    else {
        return Vec::new();
    };
    let plays_by_default = |set: &SwitchingSet| {
        std::ptr::eq(set, default) || (!is_special(set) && language(set) == language(default))
    };
    let mut families: Vec<&str> = Vec::new();
    for set in sets.iter().filter(|set| plays_by_default(set)) {
        for family in set.tracks.iter().map(|t| codec_family(&t.codecs)) {
            if !families.contains(&family) {
                families.push(family);
            }
        }
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for family in families {
        let ladders = ladders(&sets, family);
        let leading = ladders
            .iter()
            .filter(|(_, ladder)| in_family(ladder, family));
        let steps = leading.map(|(_, ladder)| ladder.len()).max().unwrap_or(0);
        for step in 0..steps {
            let mut group = Group::new("", "AUDIO");
            for (set, ladder) in &ladders {
                if let Some(track) = ladder.get(step).or(ladder.last()) {
                    group.add(set, track);
                }
            }
            let position = |test: &dyn Fn(&SwitchingSet) -> bool| {
                group.members.iter().position(|member| test(member.set))
            };
            let default = position(&|set| std::ptr::eq(set, default))
                .or_else(|| position(&|set| plays_by_default(set)));
            if let Some(member) = default.and_then(|at| group.members.get_mut(at)) {
                member.default = true;
            }
            group.name_members("Audio");
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

/// Returns the sets that belong into the groups of one codec, each with its steps: those that have
/// the codec, and of every other language and kind of sound the first set.
fn ladders<'a>(sets: &[&'a SwitchingSet], family: &str) -> Vec<(&'a SwitchingSet, Vec<&'a Track>)> {
    let has_family = |set: &SwitchingSet| {
        set.tracks
            .iter()
            .any(|track| codec_family(&track.codecs) == family)
    };
    let mut found: Vec<(&SwitchingSet, Vec<&Track>)> = Vec::new();
    for &set in sets {
        if has_family(set) {
            found.push((set, ladder(set, family)));
            continue;
        }
        let is_covered = sets
            .iter()
            .any(|other| has_family(other) && is_same_sound(other, set))
            || found.iter().any(|(other, _)| is_same_sound(other, set));
        if let Some(other) = set.tracks.first().filter(|_| !is_covered) {
            found.push((set, ladder(set, codec_family(&other.codecs))));
        }
    }
    found
}

fn in_family(ladder: &[&Track], family: &str) -> bool {
    ladder
        .first()
        .is_some_and(|track| codec_family(&track.codecs) == family)
}

/// Tells whether two sets are the same sound in different codecs.
fn is_same_sound(a: &SwitchingSet, b: &SwitchingSet) -> bool {
    let roles = |set: &SwitchingSet| -> Vec<String> {
        let mut roles = set.roles.clone();
        roles.retain(|role| role != "main");
        roles
    };
    language(a) == language(b) && roles(a) == roles(b)
}

/// Tells whether a set is not what most people want to hear.
pub(super) fn is_special(set: &SwitchingSet) -> bool {
    has_role(
        set,
        &["commentary", "description", "alternate", "supplementary"],
    )
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

/// Forms the one group of subtitles: the first track of every set of subtitles in fragmented MP4 or
/// as segments of WebVTT.
pub(super) fn subtitles(shape: &Shape) -> Option<Group<'_>> {
    let plays = |track: &&Track| {
        matches!(codec_family(&track.codecs), "stpp" | "wvtt") || track.mime_type == WEBVTT
    };
    let sets: Vec<&SwitchingSet> = shape
        .sets
        .iter()
        .filter(|set| set.content == Content::Text && set.tracks.iter().any(|t| plays(&t)))
        .collect();
    let mut group = Group::new(SUBTITLES, "SUBTITLES");
    for set in sets {
        if let Some(track) = set.tracks.iter().find(plays) {
            group.add(set, track);
        }
    }
    group.name_members("Subtitles");
    (!group.members.is_empty()).then_some(group)
}

pub(super) fn has_role(set: &SwitchingSet, names: &[&str]) -> bool {
    set.roles.iter().any(|role| names.contains(&role.as_str()))
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
