//! The loop of a download: asks for what is not there yet, stores it, and asks again where it broke.
//!
//! A server that cannot go on from an offset begins anew; then what is stored already is compared
//! and not written again, so those who read the file meanwhile never see it shrink. Only when the
//! source has become another one it is thrown away. Attempts are counted between two advances:
//! a connection that drops every few megabytes is no reason to give up.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use store::backoff::Backoff;

use super::{
    Begun, Context, Error, Fetched, Identity, Input, Options, Progress,
    remote::{Fault, Receiver, Remote},
    spool::Spool,
    throttle::Throttle,
};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How finely waiting is cut, to hear of a stop.
const TICK: Duration = Duration::from_millis(50);
/// How often a source may become another one.
const MAX_CHANGES: u32 = 3;
/// Longest wait that a server may ask for.
const MAX_AFTER: Duration = Duration::from_mins(2);

/// Downloads a source into its spool.
pub(super) fn run(
    remote: &mut dyn Remote,
    input: &Input,
    options: &Options,
    folder: &Path,
    context: Context<'_>,
) -> Result<Fetched, Error> {
    let spool = Spool::open(folder, input, &|| (context.stop)())?.ok_or(Error::Stopped)?;
    Download::new(spool, input, options, context).run(remote)
}

struct Download<'a, 'o> {
    spool: Spool,
    place: String,
    options: &'o Options,
    context: Context<'a>,
    throttle: Option<Throttle>,
    began: Instant,
    told: Option<Instant>,
    backoff: Backoff,
    /// Where the next bytes belong; before the end of the spool they are compared.
    at: u64,
    transferred: u64,
    changes: u32,
}

impl<'a, 'o> Download<'a, 'o> {
    fn new(spool: Spool, input: &Input, options: &'o Options, context: Context<'a>) -> Self {
        let began = Instant::now();
        let seed = (u64::from(std::process::id()) << 32) | (spool.len() & 0xffff_ffff);
        Self {
            spool,
            place: input.to_string(),
            options,
            context,
            throttle: options.rate.map(|rate| Throttle::new(rate, began)),
            began,
            told: None,
            backoff: Backoff::new(seed, options.first_delay, options.longest_delay),
            at: 0,
            transferred: 0,
            changes: 0,
        }
    }

    fn run(mut self, remote: &mut dyn Remote) -> Result<Fetched, Error> {
        if self.spool.complete().is_some()
            && let Some(fetched) = self.confirm(remote)?
        {
            return Ok(fetched);
        }
        if let Some(identity) = self.spool.identity().cloned() {
            self.show(&identity, false);
        }
        let mut refusals = 0;
        loop {
            let before = self.spool.len();
            let known = self.spool.identity().cloned();
            let read = remote.read(before, known.as_ref(), &mut self);
            self.tell(None, true);
            let (reason, after_s) = match read {
                Ok(()) => match self.missing() {
                    None => return self.finish(),
                    Some(_) => ("the connection ended".to_owned(), None),
                },
                Err(Fault::Changed) => {
                    self.change()?;
                    continue;
                }
                Err(Fault::Final(error)) => {
                    self.spool.checkpoint()?;
                    return Err(error);
                }
                Err(Fault::Passing { reason, after_s }) => (reason, after_s),
            };
            refusals = if self.spool.len() > before {
                1
            } else {
                refusals + 1
            };
            self.spool.checkpoint()?;
            if refusals > self.options.attempts {
                return Err(self.give_up(reason, refusals));
            }
            tracing::info!(
                source = self.place,
                reason,
                bytes = self.spool.len(),
                "download broke and goes on"
            );
            self.wait(refusals, after_s, &reason)?;
        }
    }

    /// Asks whether a source that was downloaded before is still the same; none if it is not.
    fn confirm(&mut self, remote: &mut dyn Remote) -> Result<Option<Fetched>, Error> {
        let known = self.spool.identity().cloned().unwrap_or_default();
        let unconfirmed = match remote.identify(self) {
            Ok(now) if now.agrees_with(&known) => false,
            Ok(_) | Err(Fault::Changed) => {
                tracing::info!(source = self.place, "the source has changed since");
                self.change()?;
                return Ok(None);
            }
            // What was stored is as good as it was.
            Err(Fault::Passing { reason, .. }) => {
                tracing::warn!(
                    source = self.place,
                    reason,
                    "using what was downloaded before"
                );
                true
            }
            Err(Fault::Final(error @ (Error::Stopped | Error::Refused { .. }))) => {
                return Err(error);
            }
            Err(Fault::Final(error)) => {
                tracing::warn!(%error, "using what was downloaded before");
                true
            }
        };
        let Some((sha256, content_id)) = self.spool.complete() else {
            return Ok(None);
        };
        Error::checksum(&self.place, sha256, self.options.checksum.as_deref())?;
        let fetched = Fetched {
            path: self.spool.path().to_path_buf(),
            bytes: self.spool.len(),
            content_id: content_id.to_owned(),
            sha256: Some(sha256.to_owned()),
            transferred: 0,
            unconfirmed,
        };
        if let Some(growth) = self.context.growth {
            growth.begin(
                Begun {
                    path: fetched.path.clone(),
                    content_id: Some(fetched.content_id.clone()),
                    bytes: Some(fetched.bytes),
                    version: 0,
                },
                false,
            );
            growth.grow(fetched.bytes);
        }
        self.tell(None, true);
        Ok(Some(fetched))
    }

    /// Returns how many bytes are still to come, where that is known.
    fn missing(&self) -> Option<u64> {
        let expected = self.spool.identity()?.bytes?;
        expected
            .checked_sub(self.spool.len())
            .filter(|missing| *missing > 0)
    }

    fn finish(mut self) -> Result<Fetched, Error> {
        let (sha256, content_id) = self.spool.finish()?;
        let wanted = self.options.checksum.as_deref();
        if let Err(error) = Error::checksum(&self.place, &sha256, wanted) {
            // Another attempt is to ask for all of it, and whoever works on it is to know.
            let identity = self.spool.identity().cloned().unwrap_or_default();
            self.spool.clear()?;
            self.show(&identity, true);
            return Err(error);
        }
        let bytes = self.spool.len();
        if let Some(growth) = self.context.growth {
            growth.begin(
                Begun {
                    path: self.spool.path().to_path_buf(),
                    content_id: Some(content_id.clone()),
                    bytes: Some(bytes),
                    version: 0,
                },
                false,
            );
            growth.grow(bytes);
        }
        self.tell(None, true);
        Ok(Fetched {
            path: self.spool.path().to_path_buf(),
            bytes,
            content_id,
            sha256: Some(sha256),
            transferred: self.transferred,
            unconfirmed: false,
        })
    }

    /// Throws away what is stored.
    fn change(&mut self) -> Result<(), Error> {
        self.changes += 1;
        if self.changes > MAX_CHANGES {
            return Err(Error::Changing {
                place: self.place.clone(),
            });
        }
        self.spool.clear()
    }

    fn give_up(&self, reason: String, attempts: u32) -> Error {
        let place = self.place.clone();
        let got = self.spool.len();
        match self.spool.identity().and_then(|identity| identity.bytes) {
            Some(expected) if got > 0 => Error::Truncated {
                place,
                got,
                expected,
                reason,
            },
            _ => Error::Unreachable {
                place,
                reason,
                attempts,
            },
        }
    }

    fn wait(&mut self, refusals: u32, after_s: Option<u64>, reason: &str) -> Result<(), Error> {
        let asked = after_s.map_or(Duration::ZERO, Duration::from_secs);
        let delay = self.backoff.delay(refusals).max(asked.min(MAX_AFTER));
        self.tell(Some(reason), true);
        self.sleep(delay)
    }

    /// Sleeps unless it is stopped or out of time.
    fn sleep(&self, delay: Duration) -> Result<(), Error> {
        let until = Instant::now() + delay;
        loop {
            self.check_time()?;
            if self.is_stopped() {
                return Err(Error::Stopped);
            }
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            thread::sleep(rest.min(TICK));
        }
    }

    fn check_time(&self) -> Result<(), Error> {
        match self.options.limits.time {
            Some(limit) if self.began.elapsed() > limit => Err(Error::TooSlow {
                place: self.place.clone(),
                got: self.spool.len(),
                seconds: limit.as_secs(),
            }),
            _ => Ok(()),
        }
    }

    fn check_size(&self, bytes: u64) -> Result<(), Error> {
        match self.options.limits.bytes {
            Some(most) if bytes > most => Err(Error::TooLarge {
                place: self.place.clone(),
                bytes,
                most,
            }),
            _ => Ok(()),
        }
    }

    /// Refuses to fill the disk.
    fn check_room(&self, more: u64) -> Result<(), Error> {
        let folder = self.spool.folder();
        let stat =
            rustix::fs::statvfs(folder).map_err(|error| Error::spool(folder)(error.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let needed = more.saturating_add(self.options.limits.free);
        if free < needed {
            return Err(Error::NoRoom {
                path: folder.to_path_buf(),
                needed,
                free,
            });
        }
        Ok(())
    }

    fn show(&self, identity: &Identity, again: bool) {
        if let Some(growth) = self.context.growth {
            let begun = Begun {
                path: self.spool.path().to_path_buf(),
                content_id: identity.content_id().filter(|_| !self.spool.is_known()),
                bytes: identity.bytes,
                version: 0,
            };
            growth.begin(begun, again);
            growth.grow(self.spool.len());
        }
    }

    fn tell(&mut self, waiting: Option<&str>, at_once: bool) {
        let now = Instant::now();
        let recently = self.told.is_some_and(|told| now - told < TELL_EVERY);
        if recently && !at_once {
            return;
        }
        self.told = Some(now);
        (self.context.progress)(Progress {
            bytes: self.spool.len(),
            of_bytes: self.spool.identity().and_then(|identity| identity.bytes),
            waiting: waiting.map(str::to_owned),
        });
    }
}

impl Receiver for Download<'_, '_> {
    fn begin(&mut self, identity: Identity, from: u64) -> Result<(), Fault> {
        let mut again = false;
        if let Some(known) = self.spool.identity()
            && !known.agrees_with(&identity)
        {
            if from > 0 {
                return Err(Fault::Changed);
            }
            self.change()?;
            again = true;
        }
        if from > self.spool.len() {
            let reason = format!("the server begins at byte {from}");
            return Err(Fault::passing(reason));
        }
        if let Some(bytes) = identity.bytes {
            self.check_size(bytes)?;
            self.check_room(bytes.saturating_sub(self.spool.len()))?;
        }
        self.at = from;
        let first = self.spool.identity().is_none();
        let identity = match self.spool.identity() {
            // What is known stays known: an answer to a range says less.
            Some(known) => Identity {
                bytes: known.bytes.or(identity.bytes),
                tag: known.tag.clone().or(identity.tag),
                modified: known.modified.clone().or(identity.modified),
            },
            None => identity,
        };
        self.spool.identify(identity.clone())?;
        if first || again {
            self.show(&identity, again || self.changes > 0);
        }
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.transferred += bytes.len() as u64;
        let stored = self.spool.len();
        let end = self.at + bytes.len() as u64;
        let old = (stored.saturating_sub(self.at)).min(bytes.len() as u64) as usize;
        let (old, new) = bytes.split_at(old);
        if !old.is_empty() && !self.spool.has(self.at, old)? {
            return Err(Fault::Changed);
        }
        if !new.is_empty() {
            if let Some(expected) = self.spool.identity().and_then(|identity| identity.bytes)
                && end > expected
            {
                return Err(Fault::passing(format!("more came than {expected} bytes")));
            }
            self.check_size(end)?;
            self.spool.push(new)?;
            if let Some(growth) = self.context.growth {
                growth.grow(self.spool.len());
            }
        }
        self.at = end;
        self.check_time()?;
        self.tell(None, false);
        let delay = self
            .throttle
            .as_mut()
            .map(|throttle| throttle.take(bytes.len() as u64, Instant::now()));
        match delay {
            Some(delay) if delay >= TICK => Ok(self.sleep(delay)?),
            _ if self.is_stopped() => Err(Error::Stopped.into()),
            _ => Ok(()),
        }
    }

    fn is_stopped(&self) -> bool {
        (self.context.stop)()
    }
}
