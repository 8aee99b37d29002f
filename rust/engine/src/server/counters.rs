//! What a server counts while it works: each worker for itself, added up when somebody asks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion};

/// The upper ends of the classes into which the times of handshakes fall; longer ones are in a last class of their own.
pub const BUCKETS: [Duration; 12] = [
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

/// The versions and the kinds of handshakes that are told apart, as they are called.
pub const VERSIONS: [&str; 2] = ["1.2", "1.3"];
pub const KINDS: [&str; 3] = ["full", "full_with_retry", "resumed"];

/// One worker's. On cache lines of its own, so that counting makes no worker wait for another.
#[derive(Default)]
#[repr(align(128))]
pub struct Counters {
    accepted: AtomicU64,
    refused: AtomicU64,
    ended: AtomicU64,
    handshakes: [[AtomicU64; KINDS.len()]; VERSIONS.len()],
    handshake_times: [AtomicU64; BUCKETS.len() + 1],
    handshake_us: AtomicU64,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub fn accepted(&self) {
        add(&self.accepted, 1);
    }

    /// A client was turned away at once.
    pub fn refused(&self) {
        add(&self.refused, 1);
    }

    /// A session is up, so long after its connection was accepted.
    pub fn shook_hands(&self, version: Option<ProtocolVersion>, kind: Option<HandshakeKind>, took: Duration) {
        let version = usize::from(version == Some(ProtocolVersion::TLSv1_3));
        let kind = match kind {
            Some(HandshakeKind::Resumed) => 2,
            Some(HandshakeKind::FullWithHelloRetryRequest) => 1,
            _ => 0,
        };
        add(&self.handshakes[version][kind], 1);
        add(&self.handshake_times[BUCKETS.partition_point(|end| *end < took)], 1);
        add(&self.handshake_us, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn requests(&self, count: u64) {
        add(&self.requests, count);
    }

    pub fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    pub fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    /// A connection is over; if it failed, the code of why.
    pub fn ended(&self, failure: Option<&'static str>) {
        add(&self.ended, 1);
        if let Some(code) = failure {
            *self.failures().entry(code).or_default() += 1;
        }
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters of all workers added up, each as it was at some moment of the addition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    pub accepted: u64,
    pub refused: u64,
    pub ended: u64,
    pub handshakes: [[u64; KINDS.len()]; VERSIONS.len()],
    pub handshake_times: [u64; BUCKETS.len() + 1],
    pub handshake_us: u64,
    pub requests: u64,
    pub received: u64,
    pub sent: u64,
    pub failures: BTreeMap<&'static str, u64>,
}

impl Sums {
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a Counters>) -> Self {
        let mut sums = Self::default();
        for part in parts {
            // Ends before beginnings: never do more connections end than there are.
            sums.ended += read(&part.ended);
            sums.accepted += read(&part.accepted);
            sums.refused += read(&part.refused);
            for (sum, counter) in sums.handshakes.as_flattened_mut().iter_mut().zip(part.handshakes.as_flattened()) {
                *sum += read(counter);
            }
            for (sum, counter) in sums.handshake_times.iter_mut().zip(&part.handshake_times) {
                *sum += read(counter);
            }
            sums.handshake_us += read(&part.handshake_us);
            sums.requests += read(&part.requests);
            sums.received += read(&part.received);
            sums.sent += read(&part.sent);
            for (code, count) in &*part.failures() {
                *sums.failures.entry(code).or_default() += count;
            }
        }
        sums
    }

    /// Open connections.
    pub fn active(&self) -> u64 {
        self.accepted.saturating_sub(self.ended)
    }

    /// Those of a version, of every kind.
    pub fn of_version(&self, version: usize) -> u64 {
        self.handshakes[version].iter().sum()
    }

    pub fn all_handshakes(&self) -> u64 {
        self.handshakes.as_flattened().iter().sum()
    }

    pub fn resumed(&self) -> u64 {
        self.handshakes.iter().map(|kinds| kinds[KINDS.len() - 1]).sum()
    }

    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Acquire keeps what is read later from being older.
fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_count_is_added_up() {
        let parts = [Counters::default(), Counters::default()];
        for part in &parts {
            part.accepted();
            part.received(5);
            part.shook_hands(Some(ProtocolVersion::TLSv1_3), Some(HandshakeKind::Resumed), Duration::from_millis(1));
        }
        parts[0].ended(Some("not-tls"));
        parts[1].shook_hands(Some(ProtocolVersion::TLSv1_2), Some(HandshakeKind::Full), Duration::from_secs(11));
        let sums = Sums::of(&parts);
        assert_eq!((sums.accepted, sums.active(), sums.received, sums.failed()), (2, 1, 10, 1));
        assert_eq!((sums.all_handshakes(), sums.resumed(), sums.of_version(0), sums.of_version(1)), (3, 2, 1, 2));
        assert_eq!((sums.handshake_times[0], sums.handshake_times[BUCKETS.len()]), (2, 1));
        assert_eq!(sums.failures.get("not-tls"), Some(&1));
    }
}
