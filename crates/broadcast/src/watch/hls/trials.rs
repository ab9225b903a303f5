//! Tries delivery directives on a channel that offers them: each once, on the first playlist that
//! does, and delta updates again from time to time.

use std::sync::Arc;

use media::hls::read as hls;
use url::Url;

use super::{
    Purpose,
    member::{Member, with_query},
    position::Position,
};
use crate::watch::{
    exchange::Reply,
    outbox::{self, Outbox},
    report::{Report, Scene},
    rules::directive::{self, Trial},
};

/// Delta updates are tried again so often, in ms.
const SKIP_AGAIN_MS: i64 = 10_000;

/// What was tried.
#[derive(Debug, Default)]
pub(super) struct Trials {
    tried: bool,
    /// When to try a delta update again, Unix ms.
    skip_due: Option<i64>,
}

impl Trials {
    /// Tells whether there is nothing to try, or it was tried.
    pub(super) fn is_done(&self, members: &[Member]) -> bool {
        self.tried || candidate(members).is_none()
    }

    pub(super) fn wake(&self) -> Option<i64> {
        self.skip_due
    }

    /// Asks what is to be asked.
    pub(super) fn poll(&mut self, members: &[Member], now: i64, out: &mut Outbox) {
        let Some((index, member)) = candidate(members) else {
            self.skip_due = None;
            return;
        };
        let mut trials = Vec::new();
        if !self.tried {
            self.tried = true;
            trials = first_trials(member);
        }
        let skips = member.list.as_ref().is_some_and(|list| {
            let control = list.server_control.as_ref();
            control.is_some_and(|control| control.skip_until.is_some())
        });
        if skips && self.skip_due.is_none_or(|due| due <= now) {
            self.skip_due = Some(now.saturating_add(SKIP_AGAIN_MS));
            trials.push((
                Trial::Skip,
                directives(member, &[("_HLS_skip", "YES".to_owned())]),
            ));
        }
        let Some(known) = &member.list else {
            return;
        };
        for (trial, url) in trials {
            let purpose = Purpose::Trial {
                member: index,
                trial,
                known: Arc::clone(known),
            };
            out.get(url, outbox::Purpose::Hls(purpose));
        }
    }
}

/// Returns the first playlist that holds answers back.
fn candidate(members: &[Member]) -> Option<(usize, &Member)> {
    let mut found = members.iter().enumerate();
    found.find(|(_, member)| member.blocks() && !member.is_ended())
}

fn directives(member: &Member, directives: &[(&str, String)]) -> Url {
    with_query(&member.url, directives)
}

fn first_trials(member: &Member) -> Vec<(Trial, Url)> {
    let Some(list) = &member.list else {
        return Vec::new();
    };
    let at = Position::of(list);
    let msn = |msn: u64| ("_HLS_msn", msn.to_string());
    let part = |part: u64| ("_HLS_part", part.to_string());
    let mut trials = vec![
        (Trial::PartAlone, vec![part(0)]),
        (Trial::NoNumber, vec![("_HLS_msn", "soon".to_owned())]),
        (Trial::FarSegment, vec![msn(at.next_msn.saturating_add(10))]),
        (Trial::OldSegment, vec![msn(list.media_sequence)]),
        (Trial::Unknown, vec![("_HLS_watch", "1".to_owned())]),
    ];
    if list.part_target.is_some() {
        let far = part(at.parts.saturating_add(100));
        trials.push((Trial::FarPart, vec![msn(at.next_msn), far]));
    }
    let mut requests: Vec<(Trial, Url)> = trials
        .into_iter()
        .map(|(trial, query)| (trial, directives(member, &query)))
        .collect();
    let hinted = list
        .hints
        .first()
        .and_then(|hint| member.url.join(&hint.uri).ok());
    if let Some(mut url) = hinted {
        let path = format!("{}.never", url.path());
        url.set_path(&path);
        requests.push((Trial::NoName, url));
    }
    requests
}

/// Judges an answer.
pub(super) fn judge(
    member: &Member,
    trial: Trial,
    known: &hls::Media,
    slack: i64,
    reply: &Reply,
    report: &mut Report,
) {
    let Ok(answer) = &reply.result else {
        return;
    };
    let text = String::from_utf8_lossy(&answer.body);
    let list = hls::any_media(&text).ok().filter(|_| answer.is_ok());
    let view = directive::View {
        trial,
        status: answer.status,
        took: reply.total,
        list: list.as_ref(),
        known,
        slack,
    };
    let scene = Scene {
        rendition: &member.name,
        url: member.url.as_str(),
        at: reply.finished(),
    };
    directive::run(&view, scene, report);
    if let Some(list) = &list {
        // A delta update is a playlist too: its version and order are looked at.
        let view = crate::watch::rules::playlist::View {
            list,
            tolerance: i64::MAX / 2_000_000,
        };
        if trial == Trial::Skip {
            crate::watch::rules::playlist::run(&view, scene, report);
        }
    }
}
