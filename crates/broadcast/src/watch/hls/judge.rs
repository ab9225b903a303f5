//! Runs the rules over a media playlist that has just come: by itself, against what it was, against
//! the others, and by when it came.

use std::collections::{BTreeMap, HashMap};

use media::hls::read::Media;

use super::{Variant, member::Member, position::Position, timeline};
use crate::watch::{
    exchange::Reply,
    nanos::{Nanos, from_ms, nanos, to_ms},
    options::{Options, millis},
    report::{Report, Scene},
    rules::{
        change::{self, Arrival},
        channel, directive, playlist,
    },
    snapshot::Kind,
};

/// So many claims of one playlist about another wait for their proof.
const MAX_CLAIMS: usize = 8;

/// A media playlist that has just come.
pub(super) struct Look<'a> {
    pub(super) member: usize,
    pub(super) before: Option<&'a Media>,
    pub(super) now: &'a Media,
    pub(super) asked: Option<Position>,
    /// Where all were at the time of asking.
    pub(super) known: &'a [Option<Position>],
    pub(super) reply: &'a Reply,
}

/// What is remembered from look to look.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// By who says it and about whom, the oldest first.
    claims: HashMap<(usize, usize), Vec<Claim>>,
    /// Since when a member is more than a segment behind, Unix ms.
    behind_since: HashMap<usize, i64>,
    /// What came late, until the next news tells why.
    late: HashMap<usize, Vec<Arrival>>,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    claimed: Position,
    /// When it had been received, Unix ms.
    at: i64,
}

impl Watchers {
    pub(super) fn judge(
        &mut self,
        members: &mut [Member],
        variants: &[Variant],
        options: &Options,
        look: &Look<'_>,
        report: &mut Report,
    ) {
        let at = look.reply.finished();
        let Some(member) = members.get_mut(look.member) else {
            return;
        };
        let (name, url) = (member.name.clone(), member.url.to_string());
        let scene = Scene {
            rendition: &name,
            url: &url,
            at,
        };
        let view = playlist::View {
            list: look.now,
            tolerance: millis(options.media_tolerance),
        };
        playlist::run(&view, scene, report);
        if let (Some(asked), Some(before)) = (look.asked, look.before) {
            let view = directive::View {
                trial: directive::Trial::Next(asked),
                status: 200,
                took: look.reply.total,
                list: Some(look.now),
                known: before,
                slack: millis(options.slack),
            };
            directive::run(&view, scene, report);
        }
        if let Some(before) = look.before {
            let view = change::View {
                before,
                now: look.now,
            };
            change::run(&view, scene, report);
            self.arrivals(member, before, options, look, scene, report);
        } else {
            member.part_at = Some(at);
            member.segment_at = Some(at);
        }
        self.channel(members, variants, options, look, scene, report);
    }

    /// Judges when news came. What came late is told at the next news, which may show that the
    /// encoder was away.
    fn arrivals(
        &mut self,
        member: &mut Member,
        before: &Media,
        options: &Options,
        look: &Look<'_>,
        scene: Scene<'_>,
        report: &mut Report,
    ) {
        let (was, is) = (Position::of(before), Position::of(look.now));
        if is <= was {
            return;
        }
        let at = scene.at;
        let excused = is_excused(look.now, was);
        for mut arrival in self.late.remove(&look.member).unwrap_or_default() {
            arrival.excused |= excused;
            for entry in &change::ARRIVAL {
                report.broken(&entry.rule, scene, (entry.check)(&arrival));
            }
        }
        let slack = millis(options.slack);
        let polled = match look.asked {
            Some(_) => 0,
            None => millis(options.interval),
        };
        let mut news = Vec::new();
        let limits = [
            (member.part_at, part_limit(look.now, slack), true),
            (
                member.segment_at.filter(|_| is.next_msn > was.next_msn),
                segment_limit(look.now, slack),
                false,
            ),
        ];
        for (last, limit, is_part) in limits {
            if let (Some(last), Some(limit)) = (last, limit) {
                news.push(Arrival {
                    what: if is_part {
                        format!("what follows {was}")
                    } else {
                        format!("segment {}", was.next_msn)
                    },
                    after: at.saturating_sub(last),
                    limit: limit.saturating_add(polled),
                    excused,
                    is_part,
                });
            }
        }
        member.part_at = Some(at);
        if is.next_msn > was.next_msn {
            member.segment_at = Some(at);
        }
        news.retain(|arrival| !arrival.excused && arrival.after > arrival.limit);
        if !news.is_empty() {
            self.late.insert(look.member, news);
        }
    }

    fn channel(
        &mut self,
        members: &[Member],
        variants: &[Variant],
        options: &Options,
        look: &Look<'_>,
        scene: Scene<'_>,
        report: &mut Report,
    ) {
        let resolved = resolve_reports(members, look);
        let listed: Vec<usize> = (0..members.len())
            .filter(|index| {
                members
                    .get(*index)
                    .is_some_and(|member| member.list.is_some())
            })
            .collect();
        let place = |index: usize| listed.iter().position(|known| *known == index);
        let Some(news) = place(look.member) else {
            return;
        };
        let none = BTreeMap::new();
        let views: Vec<channel::Member<'_>> = listed
            .iter()
            .filter_map(|index| {
                let member = members.get(*index)?;
                Some(channel::Member {
                    name: &member.name,
                    kind: member.kind,
                    url: plain_url(member),
                    list: member.list.as_deref()?,
                    reports: if *index == look.member {
                        &resolved
                    } else {
                        &[]
                    },
                    anchors: if member.kind == Kind::IFrame {
                        &none
                    } else {
                        member.fetching.inspector.anchors()
                    },
                    rates: member.fetching.inspector.rates(),
                })
            })
            .collect();
        let proven = self.proofs(members, look, &resolved);
        let claims: Vec<channel::Claim<'_>> = proven
            .iter()
            .filter_map(|proof| {
                Some(channel::Claim {
                    by: &members.get(proof.by)?.name,
                    about: &members.get(proof.about)?.name,
                    claimed: proof.claimed,
                    later: proof.later,
                    earlier: proof.earlier,
                })
            })
            .collect();
        let variants: Vec<channel::Variant> = variants
            .iter()
            .filter_map(|variant| {
                Some(channel::Variant {
                    video: place(variant.video)?,
                    audio: variant
                        .audio
                        .iter()
                        .filter_map(|index| place(*index))
                        .collect(),
                    bandwidth: variant.bandwidth,
                    average_bandwidth: variant.average_bandwidth,
                })
            })
            .collect();
        let apart = self.apart(members, options, scene.at);
        let view = channel::View {
            members: &views,
            news,
            claims: &claims,
            variants: &variants,
            apart: &apart,
            tolerance: millis(options.media_tolerance),
        };
        channel::run(&view, scene, report);
    }

    /// Remembers what the playlist claims about others, and returns the claims that can be judged.
    fn proofs(&mut self, members: &[Member], look: &Look<'_>, resolved: &[String]) -> Vec<Proof> {
        let mut proofs = Vec::new();
        let is = Position::of(look.now);
        for ((by, about), claims) in &mut self.claims {
            if *about != look.member {
                continue;
            }
            let (ripe, unripe): (Vec<Claim>, Vec<Claim>) = claims
                .iter()
                .partition(|claim| claim.at <= look.reply.started);
            proofs.extend(ripe.into_iter().map(|claim| Proof {
                by: *by,
                about: *about,
                claimed: claim.claimed,
                later: Some(is),
                earlier: None,
            }));
            *claims = unripe;
        }
        for (found, url) in look.now.reports.iter().zip(resolved) {
            let about = members.iter().position(|member| plain_url(member) == url);
            let (Some(about), Some(claimed)) = (about, Position::claimed(found)) else {
                continue;
            };
            let claims = self.claims.entry((look.member, about)).or_default();
            if claims.len() >= MAX_CLAIMS {
                claims.remove(0);
            }
            claims.push(Claim {
                claimed,
                at: look.reply.finished(),
            });
            proofs.push(Proof {
                by: look.member,
                about,
                claimed,
                later: None,
                earlier: look.known.get(about).copied().flatten(),
            });
        }
        proofs
    }

    /// Returns who has been more than a segment behind whom for two segments.
    fn apart(&mut self, members: &[Member], options: &Options, at: i64) -> Vec<(String, String)> {
        let edges: Vec<(usize, Nanos)> = members
            .iter()
            .enumerate()
            .filter(|(_, member)| member.kind != Kind::IFrame && !member.is_ended())
            .filter_map(|(index, member)| Some((index, timeline::edge(member.list.as_deref()?)?)))
            .collect();
        let Some((first, ahead)) = edges.iter().max_by_key(|(_, edge)| *edge).copied() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, edge) in edges {
            let (Some(member), Some(leader)) = (members.get(index), members.get(first)) else {
                continue;
            };
            let target = member.target_ms().unwrap_or(0);
            let polled = if member.blocks() {
                0
            } else {
                millis(options.interval)
            };
            let limit = target
                .saturating_add(polled)
                .saturating_add(millis(options.slack));
            if to_ms(ahead - edge) <= limit {
                self.behind_since.remove(&index);
                continue;
            }
            let since = *self.behind_since.entry(index).or_insert(at);
            if at.saturating_sub(since) >= target.saturating_mul(2) {
                found.push((leader.name.clone(), member.name.clone()));
            }
        }
        found
    }
}

/// A claim that can be judged.
struct Proof {
    by: usize,
    about: usize,
    claimed: Position,
    later: Option<Position>,
    earlier: Option<Position>,
}

/// Returns the URL without query.
fn plain_url(member: &Member) -> &str {
    let url = member.url.as_str();
    url.split(['?', '#']).next().unwrap_or(url)
}

/// Resolves the URIs of rendition reports; they carry no delivery directives, and other query
/// parameters do not tell playlists apart.
fn resolve_reports(members: &[Member], look: &Look<'_>) -> Vec<String> {
    let Some(member) = members.get(look.member) else {
        return Vec::new();
    };
    let resolve = |uri: &str| {
        let mut url = member.url.join(uri).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url.to_string())
    };
    let reports = look.now.reports.iter();
    reports
        .map(|report| resolve(&report.uri).unwrap_or_default())
        .collect()
}

/// Tells whether what is new begins with a discontinuity, or has a gap: the encoder was away.
fn is_excused(list: &Media, was: Position) -> bool {
    let first = list.first_listed();
    let fresh = (first..)
        .zip(&list.segments)
        .filter(|(msn, _)| *msn >= was.next_msn)
        .any(|(_, segment)| {
            segment.discontinuity || segment.gap || segment.parts.iter().any(|part| part.gap)
        });
    let open = list
        .open
        .as_ref()
        .is_some_and(|open| open.discontinuity || open.parts.iter().any(|part| part.gap));
    fresh || open
}

/// Returns how long after the last a part may come: one part target, and as much again or the
/// slack for the way here.
fn part_limit(list: &Media, slack: i64) -> Option<i64> {
    let target = to_ms(nanos(list.part_target?));
    Some(target.saturating_add(target.max(slack)))
}

/// Returns how long after the last a segment may come.
fn segment_limit(list: &Media, slack: i64) -> Option<i64> {
    let target = from_ms(
        i64::try_from(list.target_duration)
            .ok()?
            .saturating_mul(1500),
    );
    (target > 0).then(|| to_ms(target).saturating_add(slack))
}
