//! How many clients may come: in all, to a stream, from an address; and how much they may get together.
//!
//! What a client gets is what its stream gives now, where that is known: streams whose clients share what
//! they get. Else it is what it has got a second so far.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::Refusal;
use crate::config::RelayForm;

/// Clients from one address unless set.
const PER_ADDRESS: u32 = 64;

/// The shortest time in which a rate is measured.
const LEAST_MEASURED: Duration = Duration::from_secs(1);

/// Tells how many bytes a second each client of a stream gets, if that is known.
pub(crate) type Rate<'a> = &'a dyn Fn(&str) -> Option<u64>;

/// Counts clients and lets them in.
#[derive(Clone, Default)]
pub struct Admission {
    present: Arc<Mutex<Present>>,
}

#[derive(Default)]
struct Present {
    limits: RelayForm,
    clients: BTreeMap<u64, Client>,
    per_address: BTreeMap<IpAddr, u32>,
    per_stream: BTreeMap<String, u32>,
    next: u64,
}

struct Client {
    stream: String,
    peer: SocketAddr,
    since: Instant,
    sent: Arc<AtomicU64>,
}

/// A client as status shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ClientStatus {
    /// Number, in the order of arrival.
    pub id: u64,
    /// Which stream it gets.
    pub stream: String,
    /// Its address.
    pub address: SocketAddr,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// Bytes that were handed to its connection.
    pub sent: u64,
}

/// The place of a client; it is free when this is dropped.
pub(crate) struct Seat {
    present: Arc<Mutex<Present>>,
    id: u64,
    sent: Arc<AtomicU64>,
}

impl Admission {
    /// Sets the limits; clients that are there stay.
    pub(crate) fn limit(&self, limits: RelayForm) {
        lock(&self.present).limits = limits;
    }

    /// Lets a client in.
    pub(crate) fn admit(
        &self,
        stream: &str,
        most: u32,
        peer: SocketAddr,
        now: Instant,
        rate: Rate<'_>,
    ) -> Result<Seat, Refusal> {
        let mut present = lock(&self.present);
        let address = peer.ip().to_canonical();
        let total = present.clients.len() as u64;
        let limits = present.limits;
        if limits
            .max_clients
            .is_some_and(|most| most > 0 && total >= u64::from(most))
        {
            return Err(Refusal::Full("for this server"));
        }
        let here = present.per_stream.get(stream).copied().unwrap_or(0);
        if most > 0 && here >= most {
            return Err(Refusal::Full("for this stream"));
        }
        let from = present.per_address.get(&address).copied().unwrap_or(0);
        let most = limits.max_clients_per_address.unwrap_or(PER_ADDRESS);
        if most > 0 && from >= most && !address.is_loopback() {
            return Err(Refusal::Full("from this address"));
        }
        if let Some(most) = limits.max_kbps.filter(|most| *most > 0) {
            let bytes = present
                .rate(now, rate)
                .saturating_add(rate(stream).unwrap_or(0));
            if bytes > most.saturating_mul(1000) / 8 {
                return Err(Refusal::Full("for what this server may send"));
            }
        }
        let id = present.next;
        present.next += 1;
        *present.per_stream.entry(stream.to_owned()).or_default() += 1;
        *present.per_address.entry(address).or_default() += 1;
        tracing::info!(id, stream, %peer, "a client came");
        let sent = Arc::new(AtomicU64::new(0));
        present.clients.insert(
            id,
            Client {
                stream: stream.to_owned(),
                peer,
                since: now,
                sent: Arc::clone(&sent),
            },
        );
        Ok(Seat {
            present: Arc::clone(&self.present),
            id,
            sent,
        })
    }

    /// Returns the number of clients of a stream.
    pub fn of_stream(&self, stream: &str) -> u32 {
        let present = lock(&self.present);
        present.per_stream.get(stream).copied().unwrap_or(0)
    }

    /// Returns the number of all clients.
    pub fn total(&self) -> usize {
        lock(&self.present).clients.len()
    }

    /// Lists all clients.
    pub fn list(&self, now: Instant) -> Vec<ClientStatus> {
        let present = lock(&self.present);
        present
            .clients
            .iter()
            .map(|(id, client)| {
                let age = now.saturating_duration_since(client.since).as_millis();
                ClientStatus {
                    id: *id,
                    stream: client.stream.clone(),
                    address: client.peer,
                    for_ms: u64::try_from(age).unwrap_or(u64::MAX),
                    sent: client.sent.load(Relaxed),
                }
            })
            .collect()
    }
}

impl Present {
    /// Returns how many bytes a second all clients get together.
    fn rate(&self, now: Instant, rate: Rate<'_>) -> u64 {
        let known: BTreeMap<&str, u64> = self
            .per_stream
            .keys()
            .filter_map(|name| Some((name.as_str(), rate(name)?)))
            .collect();
        let of = |client: &Client| match known.get(client.stream.as_str()) {
            Some(rate) => *rate,
            None => client.measured(now),
        };
        self.clients.values().map(of).fold(0, u64::saturating_add)
    }
}

impl Client {
    /// Returns how many bytes it has got a second; 0 while there is too little to tell.
    fn measured(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.since);
        if age < LEAST_MEASURED {
            return 0;
        }
        let bytes = u128::from(self.sent.load(Relaxed)) * 1000 / age.as_millis();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl Seat {
    /// Returns the counter of bytes that were handed to its connection.
    pub(crate) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut present = lock(&self.present);
        let Some(client) = present.clients.remove(&self.id) else {
            return;
        };
        tracing::info!(
            id = self.id,
            stream = client.stream,
            peer = %client.peer,
            bytes = client.sent.load(Relaxed),
            "a client left"
        );
        leave(&mut present.per_stream, &client.stream);
        leave(&mut present.per_address, &client.peer.ip().to_canonical());
    }
}

/// Counts one less, and forgets who is at none.
fn leave<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn lock(present: &Mutex<Present>) -> MutexGuard<'_, Present> {
    // Counts that are changed together and cannot panic between.
    present.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, last], 1000))
    }

    #[test]
    fn limits_are_kept_and_seats_come_free() {
        let now = Instant::now();
        let admission = Admission::default();
        admission.limit(RelayForm {
            max_clients: Some(4),
            max_clients_per_address: Some(2),
            max_kbps: None,
        });
        let admit = |stream, most, last| admission.admit(stream, most, peer(last), now, &|_| None);
        let first = admit("a", 2, 1).unwrap();
        let second = admit("b", 2, 1).unwrap();
        assert!(matches!(
            admit("c", 0, 1),
            Err(Refusal::Full("from this address"))
        ));
        let third = admit("a", 2, 2).unwrap();
        assert!(matches!(
            admit("a", 2, 3),
            Err(Refusal::Full("for this stream"))
        ));
        let fourth = admit("c", 0, 3).unwrap();
        assert!(matches!(
            admit("c", 0, 4),
            Err(Refusal::Full("for this server"))
        ));
        assert_eq!((admission.total(), admission.of_stream("a")), (4, 2));
        drop(first);
        assert_eq!((admission.total(), admission.of_stream("a")), (3, 1));
        let fifth = admit("a", 2, 1).unwrap();
        fifth.sent().store(7, Relaxed);
        let listed = admission.list(now);
        assert_eq!(listed.last().map(|it| (it.id, it.sent)), Some((4, 7)));
        drop((second, third, fourth, fifth));
        let present = lock(&admission.present);
        assert!(present.per_address.is_empty() && present.per_stream.is_empty());
    }

    #[test]
    fn what_is_sent_has_a_limit() {
        let now = Instant::now();
        let later = now + Duration::from_secs(2);
        let admission = Admission::default();
        admission.limit(RelayForm {
            max_kbps: Some(80),
            ..RelayForm::default()
        });
        // 4,000 bytes a second are 32 kbit/s.
        let rate = |name: &str| (name == "known").then_some(4000);
        let admit = |stream, now| admission.admit(stream, 0, peer(1), now, &rate);
        let first = admit("known", now).unwrap();
        let own = admit("own", now).unwrap();
        let second = admit("known", now).unwrap();
        assert!(matches!(
            admit("known", now),
            Err(Refusal::Full("for what this server may send"))
        ));
        // What nobody knows is let in, and measured then.
        let other = admit("own", now).unwrap();
        own.sent().store(4002, Relaxed);
        assert!(admit("other", later).is_err());
        own.sent().store(4000, Relaxed);
        let last = admit("other", later).unwrap();
        drop(first);
        own.sent().store(4002, Relaxed);
        assert!(admit("known", later).is_err(), "3,999 are left of 10,000");
        drop(own);
        assert!(admit("known", later).is_ok());
        drop((second, other, last));
    }

    #[test]
    fn this_machine_has_no_limit_of_its_own() {
        let admission = Admission::default();
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        let seats: Vec<_> = (0..200)
            .map(|_| admission.admit("a", 0, here, Instant::now(), &|_| None))
            .collect();
        assert!(seats.iter().all(Result::is_ok));
        let away: Vec<_> = (0..65)
            .map(|_| admission.admit("a", 0, peer(9), Instant::now(), &|_| None))
            .collect();
        assert_eq!(away.iter().filter(|it| it.is_ok()).count(), 64);
    }
}
