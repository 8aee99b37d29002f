//! One worker thread of a server: listening sockets, an event queue, and the connections that it accepted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::Connection;
use super::admission::{Newcomers, has_client, lacks_descriptors};
use super::client::Client;
use super::config::{ServerConfig, Tells};
use super::counters::Counters;
use super::shared::{Arrival, Shared, Stage};
use super::slots::{Key, Slots};
use super::turn::{Buffers, Outcome, Turn};
use crate::{Error, Result};

/// The token of the waker. No place for a connection has so high a number.
pub const WAKE: Token = Token(usize::MAX);
/// The token of the first site's listening socket; those of the others go down from here.
const LISTENERS: usize = usize::MAX - 1;

/// Accepts in a row before connections get their turn, and other workers a chance.
const ACCEPTS_A_TURN: usize = 8;

/// How long no accept is tried once the system refused one for want of memory, or of the very last descriptor. The clients wait in
/// the backlog.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

struct Listener {
    socket: TcpListener,
    /// It may have a connection: events tell only of new ones.
    acceptable: bool,
}

pub struct Worker<'a> {
    shared: &'a Shared,
    counters: &'a Counters,
    config: &'a ServerConfig,
    poll: Poll,
    /// One for each site; none once no more are to be accepted.
    listeners: Vec<Listener>,
    accept_after: Option<Instant>,
    clients: Slots<Box<Client>>,
    newcomers: Newcomers,
    /// When to look after whom. An entry may be out of date; the connection knows better.
    timers: BinaryHeap<Reverse<(Instant, Key)>>,
    /// Connections that were not done when their turn was over.
    again: Vec<Key>,
    buffers: Buffers,
    stage: Stage,
    /// The end of the grace period.
    grace_end: Option<Instant>,
}

impl<'a> Worker<'a> {
    pub fn new(
        shared: &'a Shared,
        counters: &'a Counters,
        config: &'a ServerConfig,
        poll: Poll,
        listeners: Vec<std::net::TcpListener>,
    ) -> Result<Self> {
        let mut watched = Vec::with_capacity(listeners.len());
        for (site, listener) in listeners.into_iter().enumerate() {
            let mut socket = TcpListener::from_std(listener);
            poll.registry()
                .register(&mut socket, Token(LISTENERS - site), Interest::READABLE)
                .map_err(|error| Error::Internal(format!("a listening socket cannot be watched: {error}")))?;
            watched.push(Listener { socket, acceptable: true });
        }
        Ok(Self {
            shared,
            counters,
            config,
            poll,
            listeners: watched,
            accept_after: None,
            clients: Slots::default(),
            newcomers: Newcomers::default(),
            timers: BinaryHeap::new(),
            again: Vec::new(),
            buffers: Buffers::default(),
            stage: Stage::Open,
            grace_end: None,
        })
    }

    /// Work until the server is asked to end and no connection is left.
    pub fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(256);
        let mut ready = Vec::new();
        loop {
            let timeout = self.timeout(Instant::now());
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() != ErrorKind::Interrupted {
                    return Err(Error::Internal(format!("waiting for events: {error}")));
                }
            }
            let now = Instant::now();
            self.heed_stage(now);
            std::mem::swap(&mut ready, &mut self.again);
            for event in &events {
                match event.token() {
                    WAKE => {}
                    Token(number) if number > LISTENERS - self.config.sites.len() => {
                        if let Some(listener) = self.listeners.get_mut(LISTENERS - number) {
                            listener.acceptable = true;
                        }
                    }
                    token => {
                        let Some(key) = self.clients.key(token) else { continue };
                        if let Some(client) = self.clients.at(key) {
                            client.notice(token, event);
                        }
                        ready.push(key);
                    }
                }
            }
            // One turn for each, however often it is named: who was not done is named by its events as well.
            ready.sort_unstable();
            ready.dedup();
            for key in ready.drain(..) {
                self.attend(key, now, Client::turn);
            }
            self.accept(now)?;
            self.look_after_timers(now);
            if self.stage >= Stage::Full && self.clients.is_empty() {
                return Ok(());
            }
        }
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        let accepting = self.listeners.iter().any(|listener| listener.acceptable);
        if !self.again.is_empty() || accepting && self.accept_after.is_none() {
            return Some(Duration::ZERO);
        }
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let accept = self.accept_after.filter(|_| accepting);
        let next = [timer, accept, self.grace_end].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Follow the server into its next stage.
    fn heed_stage(&mut self, now: Instant) {
        let stage = self.shared.stage();
        if self.grace_end.is_some_and(|end| end <= now) || stage == Stage::Halted && self.stage < stage {
            self.stage = Stage::Halted;
            self.grace_end = None;
            self.stop_listening();
            for key in self.clients.keys() {
                self.attend(key, now, |client, turn| {
                    client.cut(turn);
                    Outcome::Over
                });
            }
        }
        if stage <= self.stage {
            return;
        }
        self.stage = stage;
        self.stop_listening();
        if stage == Stage::Stopping {
            self.grace_end = Some(now + self.config.grace);
            for key in self.clients.keys() {
                self.attend(key, now, Client::stop);
            }
        }
    }

    /// Clients that come from now on are refused at once, and not left waiting in the backlog for as long as somebody else holds
    /// the socket open; but whoever passed the socket to us may want to go on with it.
    fn stop_listening(&mut self) {
        for listener in self.listeners.drain(..).filter(|_| !self.config.keeps_sockets) {
            // Some systems do not do this to a listening socket; there, closing it has to be enough.
            let _ = rustix::net::shutdown(&listener.socket, rustix::net::Shutdown::Both);
        }
    }

    fn accept(&mut self, now: Instant) -> Result<()> {
        if self.accept_after.is_some_and(|after| after <= now) {
            self.accept_after = None;
        }
        for site in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_A_TURN {
                if !self.accept_one(site, now)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether there may be another one to accept.
    fn accept_one(&mut self, site: usize, now: Instant) -> Result<bool> {
        let Some(listener) = self.listeners.get_mut(site) else { return Ok(false) };
        if !listener.acceptable || self.accept_after.is_some() {
            return Ok(false);
        }
        if self.shared.admission.is_full() && has_client(&listener.socket) {
            self.make_room(now);
        }
        let Some(listener) = self.listeners.get_mut(site) else { return Ok(false) };
        match self.shared.accept(&listener.socket) {
            Ok(Arrival::Client(stream, peer)) => self.admit(stream, peer, site, now)?,
            Ok(Arrival::Refused(peer, why)) => self.refused(site, peer, Some(&why)),
            Ok(Arrival::Complete) => {
                self.heed_stage(now);
                return Ok(false);
            }
            Err(error) if lacks_descriptors(&error) => return Ok(self.go_without(site, &error, now)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => {
                    listener.acceptable = false;
                    return Ok(false);
                }
                // The client was gone before it was accepted.
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                // Whatever it is, to try again at once would be a busy loop.
                _ => {
                    self.accept_after = Some(now + ACCEPT_PAUSE);
                    return Ok(false);
                }
            },
        }
        Ok(true)
    }

    /// There are too few descriptors. Whether one more accept may go better.
    fn go_without(&mut self, site: usize, error: &io::Error, now: Instant) -> bool {
        if self.make_room(now) {
            return true;
        }
        let turned_away = self.shared.admission.turn_away(&self.listeners[site].socket, error);
        match turned_away {
            Ok((peer, why)) => self.refused(site, peer, why.as_ref()),
            Err(_) => self.accept_after = Some(now + ACCEPT_PAUSE),
        }
        self.accept_after.is_none()
    }

    /// End the connection that has been in its handshake for longest, if that is long enough.
    fn make_room(&mut self, now: Instant) -> bool {
        self.forget_newcomers();
        let Some(key) = self.newcomers.slowest(now) else { return false };
        self.attend(key, now, |client, _| client.give_way());
        true
    }

    fn forget_newcomers(&mut self) {
        let Self { newcomers, clients, .. } = self;
        newcomers.forget(|key| clients.at(key).is_some_and(|client| client.is_in_handshake()));
    }

    fn refused(&mut self, site: usize, peer: SocketAddr, why: Option<&Error>) {
        self.counters.refused();
        if let Some(why) = why.filter(|_| self.config.tells != Tells::Nothing) {
            self.shared.journal.push(Connection::refused(&self.config.sites[site], peer, why));
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr, site: usize, now: Instant) -> Result<()> {
        let mut client = Box::new(Client::new(stream, peer, &self.config.sites[site], now)?);
        let key = self.clients.vacant();
        self.counters.accepted();
        if client.watch(self.poll.registry(), key).is_err() {
            // The kernel has no memory for it: this client loses, the others go on.
            self.clients.remove(key);
            self.shared.admission.leave(peer.ip());
            self.counters.ended(Some("internal-error"));
            return Ok(());
        }
        self.clients.put(key, client);
        self.forget_newcomers();
        self.newcomers.push(key, now);
        self.schedule(key);
        Ok(())
    }

    /// Give a connection its turn, and see to what comes of it.
    fn attend(&mut self, key: Key, now: Instant, what: impl FnOnce(&mut Client, &mut Turn<'_>) -> Outcome) {
        let Some(client) = self.clients.at(key) else { return };
        let mut turn = Turn {
            key,
            buffers: &mut self.buffers,
            site: &self.config.sites[client.site],
            limits: &self.config.limits,
            registry: self.poll.registry(),
            counters: self.counters,
            shared: self.shared,
            stopping: self.stage >= Stage::Stopping,
            now,
        };
        match what(client, &mut turn) {
            Outcome::Over => return self.end(key, now),
            Outcome::Again => self.again.push(key),
            Outcome::Wait => {}
        }
        self.schedule(key);
    }

    fn end(&mut self, key: Key, now: Instant) {
        let Some(client) = self.clients.remove(key) else { return };
        self.counters.ended(client.failure());
        let record = (self.config.tells != Tells::Nothing).then(|| client.record(&self.config.sites[client.site], now));
        self.shared.admission.leave(client.address());
        // The descriptor first: whoever hears of the end may rely on it.
        drop(client);
        if let Some(record) = record {
            self.shared.journal.push(record);
        }
    }

    fn look_after_timers(&mut self, now: Instant) {
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(client) = self.clients.at(key).filter(|client| client.scheduled == Some(at)) else { continue };
            client.scheduled = None;
            if client.due(&self.config.limits) <= now {
                self.attend(key, now, Client::expire);
            } else {
                self.schedule(key);
            }
        }
    }

    /// See to it that a connection is looked after when its limit runs out. Limits that move away need nothing: that shows when
    /// the timer goes off.
    fn schedule(&mut self, key: Key) {
        let Some(client) = self.clients.at(key) else { return };
        let due = client.due(&self.config.limits);
        if client.scheduled.is_none_or(|at| due < at) {
            client.scheduled = Some(due);
            self.timers.push(Reverse((due, key)));
        }
    }
}
