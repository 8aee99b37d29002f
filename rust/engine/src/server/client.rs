//! One connection of a server, from accept to the last byte: a state machine that is given turns and never waits.

mod ending;
mod lapsing;
mod misbehaving;
mod phase;
mod relay;
mod serving;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::Registry;
use mio::net::TcpStream;
use rustls::server::UnbufferedServerConnection;

use super::Connection;
use super::brought::Brought;
use super::forward::Relay;
use super::history::{Ending, History};
use super::misconduct::{Act, Moment};
use super::renewal::Renewal;
use super::service::{Facts, Service};
use super::site::Site;
use super::slots::Key;
use super::turn::{Buffers, MAX_PARTIAL, Outcome, Turn, keep};
use super::wire::Wire;
use crate::conn::{self, MAX_RECORD, Progress};
use crate::{Error, Result};
use phase::{Incoming, Phase};
use serving::Cue;

/// Reads in one turn, so that one flooding client does not keep the others waiting.
const STEPS_A_TURN: usize = 8;

pub struct Client {
    wire: Wire,
    tls: UnbufferedServerConnection,
    service: Box<dyn Service>,
    /// Where the connection is forwarded to, once the session is up and until that is over. The service has no part in it.
    relay: Option<Box<Relay>>,
    /// The address that it was forwarded to, or should have been, once that is over.
    upstream: Option<String>,
    renewal: Renewal,
    /// The number of the site that it came to.
    pub site: usize,
    peer: SocketAddr,
    brought: Brought,
    history: History,
    /// When the time limit of the phase began to run: a trickle of bytes does not restart it, only what they complete does.
    clock: Instant,
    /// The earliest time at which the worker will look after this connection.
    pub scheduled: Option<Instant>,
    phase: Phase,
    incoming: Incoming,
    /// Bytes of an incomplete record or handshake message.
    partial: Vec<u8>,
    /// The service has more to say once its reply is in the socket.
    has_more: bool,
    /// Application data is on its way and not yet in the socket.
    owes: bool,
    error: Option<Box<Error>>,
    /// What is to be done wrong, and has not been done.
    act: Option<Arc<Act>>,
}

impl Client {
    pub fn new(stream: TcpStream, peer: SocketAddr, site: &Site, now: Instant) -> Result<Self> {
        let act = site.misconduct.next_act();
        Ok(Self {
            wire: Wire::new(stream, site.misconduct.pace(act.as_deref())),
            tls: UnbufferedServerConnection::new(Arc::clone(&site.tls))?,
            service: site.offer.start(),
            relay: None,
            upstream: None,
            renewal: Renewal::default(),
            site: site.number,
            peer: SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            brought: Brought::default(),
            history: History::new(now, site.keeps_hellos),
            clock: now,
            scheduled: None,
            phase: Phase::Handshake,
            incoming: Incoming::Open,
            partial: Vec::new(),
            has_more: false,
            owes: false,
            error: None,
            act,
        })
    }

    /// Let `registry` tell of the socket's events.
    pub fn watch(&mut self, registry: &Registry, key: Key) -> io::Result<()> {
        self.wire.watch(registry, key.token())
    }

    /// An event said that the client has closed its side: a short read is not the last one then.
    fn saw_fin(&mut self) {
        self.incoming = self.incoming.max(Incoming::EndAnnounced);
    }

    /// Do what can be done without waiting.
    pub fn turn(&mut self, turn: &mut Turn<'_>) -> Outcome {
        for _ in 0..STEPS_A_TURN {
            if let Some(outcome) = self.step(turn) {
                return outcome;
            }
        }
        Outcome::Again
    }

    /// The server has been asked to stop: a kept connection between two requests is closed in order.
    pub fn stop(&mut self, turn: &mut Turn<'_>) -> Outcome {
        if self.phase == Phase::Holding {
            self.history.ends(Ending::Server);
            return Outcome::Over;
        }
        if !self.is_between_requests() {
            return Outcome::Wait;
        }
        self.history.ends(Ending::Server);
        self.close_now(turn)
    }

    /// The server ends at once: one last word, whether it arrives or not.
    pub fn cut(&mut self, turn: &mut Turn<'_>) {
        self.history.ends(Ending::Server);
        let closing = matches!(self.phase, Phase::Closing | Phase::Draining | Phase::Holding);
        if self.owes || !closing && !self.is_between_requests() {
            self.error.get_or_insert_with(|| Box::new(Error::Interrupted));
        }
        // What is cut off behind a relay must not look like an end in order.
        if self.phase == Phase::Open && self.relay.is_none() && self.wire.is_clear() {
            self.close(turn);
            let _ = self.send(turn);
        }
    }

    /// What there is to say about the connection once it has ended.
    pub fn record(&self, site: &Site, now: Instant) -> Connection {
        let facts = Facts::of(&self.tls, &self.brought, self.peer);
        let upstream = self.relay.as_ref().map(|relay| relay.upstream.address());
        Connection {
            upstream: upstream.or_else(|| self.upstream.clone()),
            ..Connection::ended(site, facts, &self.history, now, self.error.as_deref())
        }
    }

    /// The code of what went wrong, if anything did.
    pub fn failure(&self) -> Option<&'static str> {
        self.error.as_deref().map(Error::code)
    }

    /// One read or write at most, and what follows from it. None: there may be more to do.
    fn step(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        let flushed = self.flush(turn.now);
        if let Some(act) = self.due_act(Moment::Accept) {
            return self.act(&act, turn);
        }
        if let Some(relay) = self.relay.take_if(|_| self.phase == Phase::Open) {
            return self.relay(relay, flushed, turn);
        }
        match flushed {
            Ok(true) => {}
            Ok(false) => return Some(Outcome::Wait),
            Err(error) => return Some(self.broken(error)),
        }
        match self.phase {
            Phase::Closing if self.incoming == Incoming::Ended || self.wire.shut_down().is_err() => Some(Outcome::Over),
            Phase::Closing => {
                self.phase = Phase::Draining;
                self.clock = turn.now;
                None
            }
            Phase::Draining => self.drain(turn),
            Phase::Holding if self.incoming == Incoming::Open => Some(Outcome::Wait),
            Phase::Holding => {
                self.history.ends(Ending::Fin);
                Some(Outcome::Over)
            }
            Phase::Open if self.has_more => self.serve(turn, Cue::GoOn),
            Phase::Open if self.incoming >= Incoming::CloseNotify => {
                self.history.ends(Ending::CloseNotify);
                self.serve(turn, Cue::End)
            }
            Phase::Handshake | Phase::Open => self.read(turn),
        }
    }

    fn drain(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self.wire.read(&mut turn.buffers.input) {
            Ok(count) => (count == 0).then_some(Outcome::Over),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(Outcome::Wait),
            Err(error) => (error.kind() != ErrorKind::Interrupted).then_some(Outcome::Over),
        }
    }

    fn read(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        let kept = self.partial.len();
        let free = &mut turn.buffers.input[kept..];
        match self.wire.read(free) {
            Ok(0) => Some(self.ended(turn)),
            Ok(count) => {
                // On an edge-triggered socket a short read says that it is empty, unless its end has been announced.
                let emptied = count < free.len() && self.incoming == Incoming::Open;
                turn.buffers.input[..kept].copy_from_slice(&self.partial);
                if let Some(outcome) = self.take_in(turn, kept + count) {
                    return Some(outcome);
                }
                let reading = matches!(self.phase, Phase::Handshake | Phase::Open) && !self.has_more;
                (emptied && reading && self.incoming < Incoming::CloseNotify).then_some(Outcome::Wait)
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Some(Outcome::Wait),
                ErrorKind::Interrupted => None,
                _ => Some(self.broken(error)),
            },
        }
    }

    /// Take in the first `filled` bytes of the input: the bytes kept from before, and new ones.
    fn take_in(&mut self, turn: &mut Turn<'_>, filled: usize) -> Option<Outcome> {
        let Buffers { input, plain, output, .. } = &mut *turn.buffers;
        plain.clear();
        if self.phase == Phase::Handshake {
            self.history.hear(&input[self.partial.len()..filled]);
        }
        let input = &mut input[..filled];
        let (hear, hold) = (|bytes: &[u8]| plain.extend_from_slice(bytes), |bytes: &[u8]| self.brought.hold(bytes));
        let (used, progress) = conn::advance_with_early_data(&mut self.tls, input, output, hear, hold);
        keep(&mut self.partial, &input[used..]);
        let was_open = self.phase == Phase::Open;
        if self.phase == Phase::Handshake {
            if let Err(error) = self.look_after_handshake(turn, progress.is_ok()) {
                self.fail(error, turn.now);
                return self.sending(turn);
            }
            let answers = progress.is_ok() && !turn.buffers.output.is_empty();
            if let Some(act) = self.due_act(self.phase.moment(answers)) {
                return self.act(&act, turn);
            }
        }
        self.history.received += turn.buffers.plain.len() as u64;
        turn.counters.received(turn.buffers.plain.len());
        match progress {
            Err(error) => self.refuse(turn, error, used),
            Ok(_) if self.partial.len() > MAX_PARTIAL - MAX_RECORD => {
                self.fail(Error::PeerMisbehaved("the client's message is longer than any may be".to_owned()), turn.now);
            }
            Ok(Progress::PeerClosed) if self.phase == Phase::Handshake => {
                self.history.ends(Ending::CloseNotify);
                self.fail(Error::ConnectionClosed, turn.now);
            }
            Ok(progress) => {
                if progress == Progress::PeerClosed {
                    self.incoming = Incoming::CloseNotify;
                }
                if !was_open && self.phase == Phase::Open || !turn.buffers.plain.is_empty() {
                    return self.serve(turn, Cue::Words);
                }
            }
        }
        self.sending(turn)
    }

    /// Note what the bytes that were taken in have brought. With `intact` the session is good, unless the client may not have it.
    fn look_after_handshake(&mut self, turn: &mut Turn<'_>, intact: bool) -> Result<()> {
        self.brought.note(turn.site, &self.history);
        if self.tls.is_handshaking() {
            return Ok(());
        }
        // Not the time of the turn, which is when it began: the server's own work belongs to it.
        let took = self.history.accepted.elapsed();
        self.history.handshake = Some(took);
        turn.counters.shook_hands(self.tls.protocol_version(), self.tls.handshake_kind(), took);
        if intact {
            self.phase = Phase::Open;
            self.clock = turn.now;
            self.brought.admit(turn.site, &self.tls, &mut turn.buffers.plain)?;
        }
        Ok(())
    }

    /// Whether nothing is under way, in neither direction.
    fn is_idle(&self) -> bool {
        self.partial.is_empty() && self.service.is_idle() && !self.owes && self.wire.is_clear()
    }

    fn is_between_requests(&self) -> bool {
        self.phase == Phase::Open && self.service.takes_requests() && self.is_idle()
    }

    fn sending(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self.send(turn) {
            Ok(()) => self.due_act(Moment::Accept).and_then(|act| self.act(&act, turn)),
            Err(error) => Some(self.broken(error)),
        }
    }

    /// Send the shared output. What the socket does not take is kept, and until that is sent nothing is read.
    fn send(&mut self, turn: &mut Turn<'_>) -> io::Result<()> {
        self.wire.send(&mut turn.buffers.output, turn.registry, turn.key.token(), turn.now)?;
        self.owes &= !self.wire.is_clear();
        Ok(())
    }

    /// Send what the socket did not take before. False: it still does not take all of it.
    fn flush(&mut self, now: Instant) -> io::Result<bool> {
        if self.wire.is_clear() {
            return Ok(true);
        }
        if self.wire.flush(now)? > 0 && self.phase != Phase::Handshake {
            self.clock = now;
        }
        self.owes &= !self.wire.is_clear();
        Ok(self.wire.is_clear())
    }
}
