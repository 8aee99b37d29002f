//! Who is let in: how many connections at once, how many of one address, and what is done when the system has no descriptors left.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::limits::Limits;
use super::slots::Key;
use crate::Error;

/// How long a client that has not finished its handshake keeps its place where others want it: time for some round trips.
const PATIENCE: Duration = Duration::from_secs(1);

/// Without a client turned away for so long, an episode of too few descriptors is over.
const EPISODE: Duration = Duration::from_secs(10);

/// The places of a server, for all its workers.
pub struct Admission {
    max_connections: Option<usize>,
    max_per_address: Option<usize>,
    /// Not kept where nothing is limited.
    open: Mutex<Open>,
    reserve: Mutex<Reserve>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A descriptor that is kept back: given up for a moment, it lets a client be accepted and told that there is no room.
struct Reserve {
    spare: Option<File>,
    last_used: Option<Instant>,
}

impl Admission {
    pub fn new(limits: &Limits) -> Self {
        let Limits { max_connections, max_per_address, .. } = *limits;
        let reserve = Reserve { spare: spare(), last_used: None };
        Self { max_connections, max_per_address, open: Mutex::default(), reserve: Mutex::new(reserve) }
    }

    /// Take a place for a client of this address. The error says why there is none.
    pub fn enter(&self, address: IpAddr) -> Result<(), Error> {
        if !self.is_limited() {
            return Ok(());
        }
        let mut open = lock(&self.open);
        if let Some(most) = self.max_connections.filter(|most| open.total >= *most) {
            return Err(too_many(format!("there are as many connections as may be at once: {most}")));
        }
        if let Some(most) = self.max_per_address {
            let own = open.by_address.entry(address.to_canonical()).or_default();
            if *own >= most {
                return Err(too_many(format!("the address has as many connections as it may have at once: {most}")));
            }
            *own += 1;
        }
        open.total += 1;
        Ok(())
    }

    /// Give back the place of a client of this address.
    pub fn leave(&self, address: IpAddr) {
        if !self.is_limited() {
            return;
        }
        let address = address.to_canonical();
        let mut open = lock(&self.open);
        open.total -= 1;
        if let Some(own) = open.by_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                open.by_address.remove(&address);
            }
        }
    }

    /// Whether the next client finds no place, whatever its address.
    pub fn is_full(&self) -> bool {
        self.max_connections.is_some_and(|most| lock(&self.open).total >= most)
    }

    /// Accept a client only to close the connection, when the system said `error` to an ordinary accept.
    ///
    /// Returns who it was, and what to say of it: nothing but at the beginning of an episode, which may have very many.
    pub fn turn_away(&self, listener: &TcpListener, error: &io::Error) -> io::Result<(SocketAddr, Option<Error>)> {
        let mut reserve = lock(&self.reserve);
        drop(reserve.spare.take());
        let accepted = listener.accept().map(|(_, peer)| peer);
        reserve.spare = spare();
        let peer = accepted?;
        let now = Instant::now();
        let goes_on = reserve.last_used.replace(now).is_some_and(|last| now - last < EPISODE);
        Ok((peer, (!goes_on).then(|| out_of_descriptors(error))))
    }

    fn is_limited(&self) -> bool {
        self.max_connections.is_some() || self.max_per_address.is_some()
    }
}

/// Whether a call failed for want of descriptors.
pub fn lacks_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether a client waits to be accepted. Where that cannot be told, none does.
pub fn has_client(listener: &TcpListener) -> bool {
    let mut fds = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|count| count > 0)
}

/// The connections of a worker that may still be in their handshake, in the order in which they came.
#[derive(Default)]
pub struct Newcomers(VecDeque<(Instant, Key)>);

impl Newcomers {
    pub fn push(&mut self, key: Key, now: Instant) {
        self.0.push_back((now, key));
    }

    /// Forget those at the head of the queue that `is_new` does not hold for any more.
    pub fn forget(&mut self, mut is_new: impl FnMut(Key) -> bool) {
        while self.0.front().is_some_and(|(_, key)| !is_new(*key)) {
            self.0.pop_front();
        }
    }

    /// The one that has been at it for longest, if that was long enough for anyone who means it.
    pub fn slowest(&self, now: Instant) -> Option<Key> {
        self.0.front().filter(|(since, _)| now.saturating_duration_since(*since) >= PATIENCE).map(|(_, key)| *key)
    }
}

/// What is said of a client that had to go for another one.
pub fn gave_way() -> Error {
    too_many(format!("its place was wanted, and the handshake was not done after {} s", PATIENCE.as_secs()))
}

fn too_many(message: String) -> Error {
    Error::Limit { code: "too-many-connections", message }
}

fn out_of_descriptors(error: &io::Error) -> Error {
    let message = if Errno::from_io_error(error) == Some(Errno::NFILE) {
        "the system has as many files open as it can (fs.file-max)".to_owned()
    } else {
        let most = getrlimit(Resource::Nofile).current.map_or_else(|| "no more".to_owned(), |most| most.to_string());
        format!("the process has {most} descriptors open, as many as it may (RLIMIT_NOFILE)")
    };
    Error::Limit {
        code: "out-of-descriptors",
        message: format!("{message}: clients are turned away until there is room"),
    }
}

/// Any descriptor will do; without one, clients wait in the backlog instead.
fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
