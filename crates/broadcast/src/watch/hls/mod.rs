//! Follows an HLS channel: its multivariant playlist and all media playlists that it names.
//!
//! Sans I/O: [`Hls::poll`] says what to ask for, [`Hls::reply`] takes what came of it.
//!
//! | module | what |
//! |---|---|
//! | [`member`] | one media playlist: when to ask for it and with which directives |
//! | [`judge`] | rules over a media playlist that has just come |
//! | [`fetching`], [`inspect`] | fetches new media, judges it (strict) |
//! | [`trials`] | tries delivery directives (strict) |
//! | [`timeline`], [`position`] | where segments lie, how far a playlist goes |

mod fetching;
mod inspect;
mod judge;
mod member;
pub(crate) mod position;
pub(crate) mod timeline;
mod trials;

use std::sync::Arc;

use media::hls::read::{self as hls, Media, Multivariant, RenditionKind};
use url::Url;

use self::{fetching::Item, judge::Watchers, member::Member, position::Position, trials::Trials};
use super::{
    exchange::{Answer, Reply},
    options::{Options, millis},
    outbox::{self, Outbox},
    report::{Event, Report, Scene},
    rules::{self, Rule, answer, directive::Trial},
    snapshot::{Kind, Row},
};

/// A multivariant playlist is asked for again at most so often, in ms.
const REFRESH_MS: i64 = 5000;

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// The multivariant playlist, again.
    Multivariant,
    /// A media playlist.
    Playlist {
        member: usize,
        /// What was waited for.
        asked: Option<Position>,
        /// Where all members were at the time of asking.
        known: Vec<Option<Position>>,
    },
    /// An init segment, segment or part.
    Media { member: usize, item: Box<Item> },
    /// Something that must be there.
    Exists {
        member: usize,
        what: String,
        rule: &'static Rule,
    },
    /// Delivery directives.
    Trial {
        member: usize,
        trial: Trial,
        known: Arc<Media>,
    },
}

/// A followed HLS channel.
#[derive(Debug)]
pub(crate) struct Hls {
    root: Url,
    options: Options,
    members: Vec<Member>,
    variants: Vec<Variant>,
    watchers: Watchers,
    trials: Trials,
    multivariant: bool,
    refresh: Refresh,
}

/// A variant stream, by places in the list of members.
#[derive(Clone, Debug)]
struct Variant {
    video: usize,
    audio: Vec<usize>,
    bandwidth: u64,
    average_bandwidth: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    Fresh { since: i64 },
    Wanted { since: i64 },
    Asked,
}

impl Hls {
    /// Begins with the text that the source answered with: a multivariant or a media playlist.
    pub(crate) fn new(root: &Url, options: &Options, reply: &Reply, report: &mut Report) -> Self {
        let mut hls = Self {
            root: root.clone(),
            options: options.clone(),
            members: Vec::new(),
            variants: Vec::new(),
            watchers: Watchers::default(),
            trials: Trials::default(),
            multivariant: true,
            refresh: Refresh::Fresh {
                since: reply.finished(),
            },
        };
        let text = body_text(reply);
        if hls::is_multivariant(&text) {
            hls.multivariant_reply(reply, report);
        } else {
            hls.multivariant = false;
            hls.members.push(Member::alone(root, options));
            hls.playlist_reply(0, None, &[None], reply, report);
        }
        hls
    }

    /// Returns what to ask for now.
    pub(crate) fn poll(&mut self, now: i64, out: &mut Outbox) {
        if let Refresh::Wanted { since } = self.refresh
            && now.saturating_sub(since) >= REFRESH_MS
        {
            self.refresh = Refresh::Asked;
            let purpose = outbox::Purpose::Hls(Purpose::Multivariant);
            out.get(self.root.clone(), purpose);
        }
        let known: Vec<Option<Position>> = self.members.iter().map(Member::position).collect();
        for (index, member) in self.members.iter_mut().enumerate() {
            member.poll(index, now, &known, out);
            member.fetching.poll(index, member.kind, out);
        }
        if self.options.strict {
            self.trials.poll(&self.members, now, out);
        }
    }

    /// Returns when to poll again, replies aside.
    pub(crate) fn wake(&self) -> Option<i64> {
        let playlists = self.members.iter().filter_map(Member::wake);
        let refresh = match self.refresh {
            Refresh::Wanted { since } => Some(since.saturating_add(REFRESH_MS)),
            Refresh::Fresh { .. } | Refresh::Asked => None,
        };
        playlists.chain(refresh).chain(self.trials.wake()).min()
    }

    /// Takes a reply.
    pub(crate) fn reply(&mut self, purpose: Purpose, reply: &Reply, report: &mut Report) {
        match purpose {
            Purpose::Multivariant => self.multivariant_reply(reply, report),
            Purpose::Playlist {
                member,
                asked,
                known,
            } => self.playlist_reply(member, asked, &known, reply, report),
            Purpose::Media { member, item } => {
                if let Some(found) = self.members.get_mut(member) {
                    let about = found.about(&self.options);
                    found.fetching.reply(*item, &about, reply, report);
                }
            }
            Purpose::Exists { member, what, rule } => {
                if let Some(found) = self.members.get(member) {
                    exists(found, &what, rule, reply, report);
                }
            }
            Purpose::Trial {
                member,
                trial,
                known,
            } => {
                let slack = millis(self.options.slack);
                if let Some(found) = self.members.get(member) {
                    trials::judge(found, trial, &known, slack, reply, report);
                }
            }
        }
    }

    /// Returns the renditions as they are now.
    pub(crate) fn rows(&self, now: i64) -> Vec<Row> {
        self.members.iter().map(|member| member.row(now)).collect()
    }

    /// Tells whether every media playlist was answered, well or badly, and nothing is left to try.
    pub(crate) fn is_settled(&self) -> bool {
        self.members.iter().all(Member::is_settled)
            && (!self.options.strict || self.trials.is_done(&self.members))
    }

    /// Tells whether nothing will change any more.
    pub(crate) fn is_ended(&self) -> bool {
        !self.members.is_empty() && self.members.iter().all(Member::is_ended)
    }

    /// Returns when anything last changed, Unix ms.
    pub(crate) fn last_change(&self) -> Option<i64> {
        self.members
            .iter()
            .filter_map(|member| member.changed)
            .max()
    }

    /// Returns the longest target duration in ms.
    pub(crate) fn target_ms(&self) -> Option<i64> {
        self.members.iter().filter_map(Member::target_ms).max()
    }

    fn multivariant_reply(&mut self, reply: &Reply, report: &mut Report) {
        let at = reply.finished();
        self.refresh = Refresh::Fresh { since: at };
        let url = self.root.to_string();
        let scene = Scene {
            rendition: "",
            url: &url,
            at,
        };
        let Some(answer) = good(reply, scene, report) else {
            return;
        };
        judge_answer(answer, answer::What::Playlist, true, None, scene, report);
        let text = String::from_utf8_lossy(&answer.body);
        match hls::multivariant(&text) {
            Ok(list) => {
                rules::multivariant::run(&rules::multivariant::View { list: &list }, scene, report);
                self.adopt(&list);
            }
            Err(error) => {
                report.broken(&rules::SYNTAX, scene, vec![error.to_string()]);
                report.event(Event::Problem {
                    at,
                    url,
                    what: error.to_string(),
                });
            }
        }
    }

    /// Adds the media playlists that are not followed yet.
    fn adopt(&mut self, list: &Multivariant) {
        for rendition in &list.renditions {
            let kind = match rendition.kind {
                RenditionKind::Audio => Kind::Audio,
                RenditionKind::Video => Kind::Video,
                RenditionKind::Subtitles => Kind::Text,
                RenditionKind::ClosedCaptions => continue,
            };
            let codecs = list.variants.iter().find(|variant| {
                kind == Kind::Audio && variant.audio.as_deref() == Some(&rendition.group)
            });
            if let Some(uri) = &rendition.uri {
                let index = self.member(uri, kind);
                if let (Some(member), Some(variant)) = (self.members.get_mut(index), codecs) {
                    member.codecs.clone_from(&variant.codecs);
                }
            }
        }
        self.variants.clear();
        for variant in &list.variants {
            let video = self.member(&variant.uri, Kind::Video);
            let of_group = list.renditions.iter().filter(|rendition| {
                rendition.kind == RenditionKind::Audio
                    && Some(&rendition.group) == variant.audio.as_ref()
            });
            let uris: Vec<&String> = of_group.filter_map(|found| found.uri.as_ref()).collect();
            let audio: Vec<usize> = uris
                .into_iter()
                .map(|uri| self.member(uri, Kind::Audio))
                .collect();
            if let Some(member) = self.members.get_mut(video) {
                // One playlist may be in several variants that differ in their audio.
                let first = member.bandwidth.is_none();
                if first {
                    member.bandwidth = Some(variant.bandwidth);
                    member.average_bandwidth = variant.average_bandwidth;
                    member.resolution = variant.resolution;
                }
                if first || !member.codecs.contains(&variant.codecs) {
                    member.add_codecs(&variant.codecs);
                }
            }
            self.variants.push(Variant {
                video,
                audio: audio.into_iter().filter(|index| *index != video).collect(),
                bandwidth: variant.bandwidth,
                average_bandwidth: variant.average_bandwidth,
            });
        }
        for i_frames in &list.i_frames {
            let index = self.member(&i_frames.uri, Kind::IFrame);
            if let Some(member) = self.members.get_mut(index) {
                member.bandwidth = Some(i_frames.bandwidth);
                member.average_bandwidth = i_frames.average_bandwidth;
            }
        }
    }

    /// Returns the place of a media playlist; adds it when it is new.
    fn member(&mut self, uri: &str, kind: Kind) -> usize {
        let url = self.root.join(uri).unwrap_or_else(|_| self.root.clone());
        if let Some(known) = self.members.iter().position(|member| member.url == url) {
            return known;
        }
        self.members
            .push(Member::new(uri, url, kind, &self.options));
        self.members.len() - 1
    }

    fn playlist_reply(
        &mut self,
        index: usize,
        asked: Option<Position>,
        known: &[Option<Position>],
        reply: &Reply,
        report: &mut Report,
    ) {
        let Some(member) = self.members.get_mut(index) else {
            return;
        };
        let before = member.list.clone();
        match member.receive(asked, reply, report) {
            member::Received::News(list) => {
                let looked = judge::Look {
                    member: index,
                    before: before.as_deref(),
                    now: &list,
                    asked,
                    known,
                    reply,
                };
                self.watchers.judge(
                    &mut self.members,
                    &self.variants,
                    &self.options,
                    &looked,
                    report,
                );
                if let Some(member) = self.members.get_mut(index) {
                    let strict = self.options.strict;
                    member
                        .fetching
                        .update(before.as_deref(), &list, &member.url, strict);
                    let about = member.about(&self.options);
                    member.fetching.settle_hint(&about, report);
                    if member.changed == Some(reply.finished()) {
                        report.event(Event::Changed {
                            at: reply.finished(),
                            source: self.root.to_string(),
                            rendition: Box::new(member.row(reply.finished())),
                        });
                    }
                }
            }
            member::Received::Gone if self.multivariant => {
                if let Refresh::Fresh { since } = self.refresh {
                    self.refresh = Refresh::Wanted { since };
                }
            }
            member::Received::Gone | member::Received::Nothing => {}
        }
    }
}

/// Returns the text of an answer; empty when there is none.
fn body_text(reply: &Reply) -> String {
    match &reply.result {
        Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
        Err(_) => String::new(),
    }
}

/// Returns an answer of status 200, or reports why there is none.
fn good<'a>(reply: &'a Reply, scene: Scene<'_>, report: &mut Report) -> Option<&'a Answer> {
    let what = match &reply.result {
        Ok(answer) if answer.is_ok() => return Some(answer),
        Ok(answer) => format!("answered {}", answer.status),
        Err(reason) => reason.clone(),
    };
    report.event(Event::Problem {
        at: scene.at,
        url: scene.url.to_owned(),
        what,
    });
    None
}

/// Runs the rules about HTTP.
fn judge_answer(
    answer: &Answer,
    what: answer::What,
    live: bool,
    target: Option<i64>,
    scene: Scene<'_>,
    report: &mut Report,
) {
    if answer.is_http {
        let view = answer::View {
            answer,
            what,
            held: false,
            live,
            target,
        };
        answer::run(&view, scene, report);
    }
}

/// Judges the answer to the question whether something is there. Servers that do not know HEAD
/// are no proof.
fn exists(member: &Member, what: &str, rule: &Rule, reply: &Reply, report: &mut Report) {
    let Ok(answer) = &reply.result else {
        return;
    };
    if !answer.is_ok() && !matches!(answer.status, 405 | 501 | 503) {
        let scene = Scene {
            rendition: &member.name,
            url: member.url.as_str(),
            at: reply.finished(),
        };
        let sentence = format!("{what} was answered {}", answer.status);
        report.broken(rule, scene, vec![sentence]);
    }
}
