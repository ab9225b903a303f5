//! Pictures: each made by one run of a command that ends, for all who ask for it meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use process::supervise::{Class, Reason};
use tokio::{io::AsyncReadExt, sync::watch, task::JoinSet, time::timeout};

use super::{Refusal, exclusive::Workshop};
use crate::{
    config::ShotRules,
    feed::{Plan, now},
};

/// Pictures that differ by their query and are kept for further requests.
const MOST_KEPT: usize = 64;

type Query = BTreeMap<String, String>;
type Picture = Result<Bytes, Refusal>;

/// The pictures of one stream.
#[derive(Default)]
pub(crate) struct Shots {
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    /// Runs under way; what they come to is sent once.
    runs: BTreeMap<Query, watch::Receiver<Option<Picture>>>,
    kept: BTreeMap<Query, (Bytes, Instant)>,
    tasks: JoinSet<()>,
}

/// What a run needs.
pub(crate) struct Order {
    pub(crate) plan: Plan,
    pub(crate) rules: ShotRules,
    pub(crate) workshop: Workshop,
    pub(crate) max_instances: u32,
    pub(crate) query: Query,
}

impl Shots {
    /// Returns a picture: one that is kept, that of a run under way, or a new one. When all who wait
    /// for a run are gone, its process is ended.
    pub(crate) async fn take(self: &Arc<Self>, order: Order) -> Picture {
        let mut waiting = {
            let mut desk = self.lock();
            let now = now();
            let cache = order.rules.cache;
            desk.kept
                .retain(|_, (_, at)| now.saturating_duration_since(*at) < cache);
            if let Some((picture, _)) = desk.kept.get(&order.query) {
                return Ok(picture.clone());
            }
            // A run that nobody waits for any more is being ended.
            let joined = desk.runs.get(&order.query);
            match joined.filter(|run| run.has_changed().is_ok()) {
                Some(run) => run.clone(),
                None => self.begin(&mut desk, order),
            }
        };
        match waiting.wait_for(Option::is_some).await {
            Ok(picture) => picture.clone().unwrap_or(Err(Refusal::Closing)),
            Err(_) => Err(Refusal::Closing),
        }
    }

    fn begin(self: &Arc<Self>, desk: &mut Desk, order: Order) -> watch::Receiver<Option<Picture>> {
        let (sender, receiver) = watch::channel(None);
        desk.runs.insert(order.query.clone(), receiver.clone());
        while desk.tasks.try_join_next().is_some() {}
        let shots = Arc::clone(self);
        desk.tasks.spawn(async move {
            let picture = tokio::select! {
                picture = make(&order) => picture,
                // Another may have begun under the same query meanwhile.
                () = shots.abandoned(&order.query, &sender) => return,
            };
            let mut desk = shots.lock();
            if !order.rules.cache.is_zero()
                && desk.kept.len() < MOST_KEPT
                && let Ok(picture) = &picture
            {
                desk.kept
                    .insert(order.query.clone(), (picture.clone(), now()));
            }
            desk.runs.remove(&order.query);
            drop(desk);
            sender.send_replace(Some(picture));
        });
        receiver
    }

    /// Waits until only the desk itself waits for a run.
    async fn abandoned(&self, query: &Query, sender: &watch::Sender<Option<Picture>>) {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let mut desk = self.lock();
            if sender.receiver_count() <= 1 {
                // Nobody can join it from here on.
                desk.runs.remove(query);
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        // Entries are put in and taken out as a whole.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the command to its end.
async fn make(order: &Order) -> Picture {
    let run = async {
        let started = order
            .workshop
            .start(&order.plan, &order.query, order.max_instances);
        let (mut instance, mut stdout) = started.await?;
        let mut bytes = BytesMut::with_capacity(64 << 10);
        loop {
            let read = tokio::select! {
                biased;
                read = stdout.read_buf(&mut bytes) => read,
                reason = instance.failed() => return Err(Refusal::Failed(reason)),
            };
            match read {
                Ok(0) => break,
                Ok(_) if bytes.len() as u64 > order.rules.max_bytes => {
                    let most = order.rules.max_bytes;
                    return Err(Refusal::NoPicture {
                        said: vec![format!("the picture is longer than {most} bytes")],
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    let reason = Reason::new(Class::Fail, error.to_string());
                    return Err(Refusal::Failed(reason));
                }
            }
        }
        let (reason, said) = instance.end().await;
        if reason.class == Class::Eof && !bytes.is_empty() {
            return Ok(bytes.freeze());
        }
        tracing::warn!(%reason, "a shot failed");
        Err(Refusal::NoPicture { said })
    };
    timeout(order.rules.timeout, run)
        .await
        .unwrap_or(Err(Refusal::Late))
}
