//! What the workers and the calling thread of a server have in common.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use mio::net::{TcpListener, TcpStream};
use mio::{Poll, Waker};

use super::ServeTotals;
use super::admission::Admission;
use super::counters::{Counters, Sums};
use super::journal::Journal;
use super::limits::Limits;
use super::metrics;
use super::worker::WAKE;
use crate::{Error, Result};

/// How far the server is on its way to the end. It only ever goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Accepting.
    Open,
    /// All connections that were wanted are there: none more, but these may take their time.
    Full,
    /// Asked to stop: open connections have the grace period to end.
    Stopping,
    /// To end at once.
    Halted,
}

/// What came of an accept.
pub enum Arrival {
    Client(TcpStream, SocketAddr),
    /// Somebody was there, and had to be sent away.
    Refused(SocketAddr, Error),
    /// All connections that were wanted are there.
    Complete,
}

pub struct Shared {
    pub journal: Journal,
    pub admission: Admission,
    /// One for each worker.
    pub counters: Vec<Counters>,
    begun: Instant,
    started: SystemTime,
    stage: AtomicU8,
    working: AtomicUsize,
    wakers: Vec<Waker>,
    /// How many connections may still be accepted; None for any number.
    remaining: Option<Mutex<u64>>,
}

impl Shared {
    /// With one poll for each of `threads` workers.
    pub fn new(threads: usize, count: Option<u64>, limits: &Limits, journal: Journal) -> Result<(Vec<Poll>, Self)> {
        let no_poll = |error: io::Error| Error::of_system("no event queue for a worker", error);
        let mut polls = Vec::with_capacity(threads);
        let mut wakers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let poll = Poll::new().map_err(no_poll)?;
            wakers.push(Waker::new(poll.registry(), WAKE).map_err(no_poll)?);
            polls.push(poll);
        }
        let shared = Self {
            journal,
            admission: Admission::new(limits),
            counters: (0..threads).map(|_| Counters::default()).collect(),
            begun: Instant::now(),
            started: SystemTime::now(),
            stage: AtomicU8::new(Stage::Open as u8),
            working: AtomicUsize::new(threads),
            wakers,
            remaining: count.map(Mutex::new),
        };
        Ok((polls, shared))
    }

    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Open,
            1 => Stage::Full,
            2 => Stage::Stopping,
            _ => Stage::Halted,
        }
    }

    /// Go forward to `stage`, and let every worker know.
    pub fn raise(&self, stage: Stage) {
        if self.stage.fetch_max(stage as u8, Ordering::AcqRel) < stage as u8 {
            for waker in &self.wakers {
                // It fails only if the worker's queue is gone, and then nobody is there to be woken.
                let _ = waker.wake();
            }
        }
    }

    /// What the workers have done until now.
    pub fn totals(&self) -> ServeTotals {
        ServeTotals::new(&Sums::of(&self.counters), self.journal.lost(), self.begun.elapsed())
    }

    /// The same for Prometheus.
    pub fn metrics(&self) -> String {
        metrics::text(&Sums::of(&self.counters), self.journal.lost(), self.started)
    }

    /// Whether any worker still is at work.
    pub fn working(&self) -> bool {
        self.working.load(Ordering::Acquire) > 0
    }

    /// A worker has ended, after its last event.
    pub fn finished(&self) {
        self.working.fetch_sub(1, Ordering::AcqRel);
        self.journal.ring();
    }

    /// Accept one connection.
    ///
    /// Where they are counted, accepting and counting are one step, so that no client is accepted that nobody wants any more.
    pub fn accept(&self, listener: &TcpListener) -> io::Result<Arrival> {
        let Some(remaining) = &self.remaining else { return self.arrival(listener) };
        let mut remaining = remaining.lock().unwrap_or_else(PoisonError::into_inner);
        if *remaining == 0 {
            return Ok(Arrival::Complete);
        }
        let arrival = self.arrival(listener)?;
        *remaining -= u64::from(matches!(arrival, Arrival::Client(..)));
        let complete = *remaining == 0;
        drop(remaining);
        if complete {
            self.raise(Stage::Full);
        }
        Ok(arrival)
    }

    fn arrival(&self, listener: &TcpListener) -> io::Result<Arrival> {
        let (stream, peer) = listener.accept()?;
        Ok(match self.admission.enter(peer.ip()) {
            Ok(()) => Arrival::Client(stream, peer),
            Err(why) => Arrival::Refused(peer, why),
        })
    }
}
