//! One connection of a server, from accept to the last byte: a state machine that is given turns and never waits.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::Registry;
use mio::net::TcpStream;
use rustls::HandshakeKind;
use rustls::server::UnbufferedServerConnection;

use super::Connection;
use super::limits::{Clock, Lapse, Limits, Waiting};
use super::phase::{Incoming, Phase};
use super::service::{Facts, Next, Service, Talk, http};
use super::site::Site;
use super::site::take_requested_name;
use super::slots::Key;
use super::turn::{Buffers, MAX_PARTIAL, Outcome, Turn, keep};
use super::wire::Wire;
use crate::conn::{self, MAX_RECORD, Progress};
use crate::error::reason;
use crate::{Error, Result};

/// Reads in one turn, so that one flooding client does not keep the others waiting.
const STEPS_A_TURN: usize = 8;

pub struct Client {
    wire: Wire,
    tls: UnbufferedServerConnection,
    service: Box<dyn Service>,
    /// The number of the site that it came to.
    pub site: usize,
    peer: SocketAddr,
    sni: Option<Box<str>>,
    clock: Clock,
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
    received: u64,
    sent: u64,
    error: Option<Box<Error>>,
}

impl Client {
    pub fn new(stream: TcpStream, peer: SocketAddr, site: &Site, now: Instant) -> Result<Self> {
        Ok(Self {
            wire: Wire::new(stream),
            tls: UnbufferedServerConnection::new(Arc::clone(&site.tls))?,
            service: site.offer.start(),
            site: site.number,
            peer: SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            sni: None,
            clock: Clock { accepted: now, since: now },
            scheduled: None,
            phase: Phase::Handshake,
            incoming: Incoming::Open,
            partial: Vec::new(),
            has_more: false,
            owes: false,
            received: 0,
            sent: 0,
            error: None,
        })
    }

    /// Let `registry` tell of the socket's events.
    pub fn watch(&mut self, registry: &Registry, key: Key) -> io::Result<()> {
        self.wire.watch(registry, key.token())
    }

    /// An event said that the client has closed its side: a short read is not the last one then.
    pub fn saw_fin(&mut self) {
        self.incoming = self.incoming.max(Incoming::EndAnnounced);
    }

    /// When a limit runs out next.
    pub fn due(&self, limits: &Limits) -> Instant {
        limits.due(self.clock, self.waiting())
    }

    /// The limit that has run out, if one has.
    pub fn lapsed(&self, limits: &Limits, now: Instant) -> Option<Lapse> {
        limits.lapsed(self.clock, self.waiting(), now)
    }

    pub fn is_in_handshake(&self) -> bool {
        self.phase == Phase::Handshake
    }

    pub fn address(&self) -> IpAddr {
        self.peer.ip()
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

    /// A limit has run out. To keep a connection idle is no fault: that one is closed in order.
    pub fn expire(&mut self, turn: &mut Turn<'_>, lapse: Lapse) -> Outcome {
        let fault = turn.limits.fault(lapse);
        match self.phase {
            Phase::Handshake => self.over_with(fault),
            Phase::Open if self.is_idle() => self.close_now(turn),
            Phase::Open => {
                self.error = Some(Box::new(fault));
                if self.wire.is_clear() { self.close_now(turn) } else { Outcome::Over }
            }
            Phase::Closing if self.owes => self.over_with(fault),
            Phase::Closing | Phase::Draining => Outcome::Over,
        }
    }

    /// The server has been asked to stop: a kept connection between two requests is closed in order.
    pub fn stop(&mut self, turn: &mut Turn<'_>) -> Outcome {
        if self.is_between_requests() { self.close_now(turn) } else { Outcome::Wait }
    }

    /// The server ends at once: one last word, whether it arrives or not.
    pub fn cut(&mut self, turn: &mut Turn<'_>) {
        let closing = matches!(self.phase, Phase::Closing | Phase::Draining);
        if self.owes || !closing && !self.is_between_requests() {
            self.error.get_or_insert_with(|| Box::new(Error::Interrupted));
        }
        if self.phase == Phase::Open && self.wire.is_clear() {
            self.close(turn);
            let _ = self.send(turn);
        }
    }

    /// Whether the handshake was completed, and if so, whether it resumed a session.
    pub fn handshake(&self) -> Option<bool> {
        (!self.tls.is_handshaking()).then(|| self.tls.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// What there is to say about the connection once it has ended.
    pub fn record(&self, site: &Site, now: Instant) -> Connection {
        let duration = now.saturating_duration_since(self.clock.accepted);
        Connection::ended(
            site.name.clone(),
            Facts::of(&self.tls, self.sni.as_deref(), self.peer),
            self.received,
            self.sent,
            duration,
            self.error.as_deref(),
        )
    }

    /// One read or write at most, and what follows from it. None: there may be more to do.
    fn step(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        match self.flush(turn.now) {
            Ok(true) => {}
            Ok(false) => return Some(Outcome::Wait),
            Err(error) => return Some(self.broken(error)),
        }
        match self.phase {
            Phase::Closing if self.incoming == Incoming::Ended || self.wire.shut_down().is_err() => Some(Outcome::Over),
            Phase::Closing => {
                self.phase = Phase::Draining;
                self.clock.since = turn.now;
                None
            }
            Phase::Draining => self.drain(turn),
            Phase::Open if self.has_more => self.serve(turn),
            Phase::Open if self.incoming >= Incoming::CloseNotify => {
                self.close(turn);
                self.sending(turn)
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
        let (used, progress) =
            conn::advance(&mut self.tls, &mut input[..filled], output, |bytes| plain.extend_from_slice(bytes));
        keep(&mut self.partial, &input[used..filled]);
        self.received += plain.len() as u64;
        if self.phase == Phase::Handshake {
            if let Some(name) = take_requested_name() {
                self.sni = Some(name);
            }
            if progress.is_ok() && !self.tls.is_handshaking() {
                self.phase = Phase::Open;
                self.clock.since = turn.now;
            }
        }
        match progress {
            Err(error) => self.refuse(turn, error, used),
            Ok(_) if self.partial.len() > MAX_PARTIAL - MAX_RECORD => {
                self.fail(Error::PeerMisbehaved("the client's message is longer than any may be".to_owned()), turn.now);
            }
            Ok(Progress::PeerClosed) if self.phase == Phase::Handshake => self.fail(Error::ConnectionClosed, turn.now),
            Ok(progress) => {
                if progress == Progress::PeerClosed {
                    self.incoming = Incoming::CloseNotify;
                }
                if !turn.buffers.plain.is_empty() {
                    return self.serve(turn);
                }
            }
        }
        self.sending(turn)
    }

    /// Let the service have what came, or go on with what it was at.
    fn serve(&mut self, turn: &mut Turn<'_>) -> Option<Outcome> {
        let Buffers { plain, reply, output, .. } = &mut *turn.buffers;
        let facts = || Facts::of(&self.tls, self.sni.as_deref(), self.peer);
        let was_in_head = self.service.hears_head();
        let mut talk = Talk { heard: plain, reply, facts: &facts, stopping: turn.stopping };
        let next = if self.has_more { self.service.go_on(&mut talk) } else { self.service.hear(&mut talk) };
        self.has_more = next == Next::GoOn;
        // More of a head that is still not complete does not count.
        if !(was_in_head && self.service.hears_head() && reply.is_empty()) {
            self.clock.since = turn.now;
        }
        if !reply.is_empty() {
            self.owes = true;
            self.sent += reply.len() as u64;
            if let Err(error) = conn::encrypt(&mut self.tls, reply, &mut self.partial, output) {
                self.fail(error, turn.now);
            }
        }
        plain.clear();
        reply.clear();
        if next == Next::Close && self.phase == Phase::Open {
            self.close(turn);
        }
        self.sending(turn)
    }

    /// Say `close_notify` after all that was said before.
    fn close(&mut self, turn: &mut Turn<'_>) {
        // It fails only on a session that is broken already, and then there is nobody to tell.
        let _ = conn::close_notify(&mut self.tls, &mut self.partial, &mut turn.buffers.output);
        self.phase = Phase::Closing;
        self.clock.since = turn.now;
    }

    fn close_now(&mut self, turn: &mut Turn<'_>) -> Outcome {
        self.close(turn);
        self.sending(turn).unwrap_or_else(|| self.turn(turn))
    }

    /// The session is broken: what the output holds (an alert) goes out, nothing else does.
    fn fail(&mut self, error: Error, now: Instant) {
        self.error = Some(Box::new(error));
        self.phase = Phase::Closing;
        self.clock.since = now;
    }

    /// What the client sent broke the session. If it is no TLS at all, it may at least be told so in its own words.
    fn refuse(&mut self, turn: &mut Turn<'_>, error: rustls::Error, used: usize) {
        let begun = self.phase == Phase::Open || self.tls.protocol_version().is_some();
        let error = match error {
            rustls::Error::NoApplicationProtocol => Error::PeerIncompatible(
                "the client offers none of the server's application protocols (ALPN)".to_owned(),
            ),
            error => Error::from(error),
        };
        if !matches!(error, Error::NotTls { .. }) || begun {
            return self.fail(error, turn.now);
        }
        let first = &turn.buffers.input[..(used + self.partial.len()).min(64)];
        if turn.site.offer.speaks_http() && http::is_plain_request(first) {
            turn.buffers.output.clear();
            if self.wire.write(http::PLAIN_REQUEST_ANSWER).is_err() {
                self.incoming = Incoming::Ended;
            }
        }
        self.fail(Error::NotTls { first_bytes: first.to_vec() }, turn.now);
        self.partial = Vec::new();
    }

    /// The client has closed its side without `close_notify`. Between two messages that is common, and no fault.
    fn ended(&mut self, turn: &mut Turn<'_>) -> Outcome {
        self.incoming = Incoming::Ended;
        if self.phase == Phase::Handshake {
            return self.over_with(Error::ConnectionClosed);
        }
        if !self.is_idle() {
            return self.over_with(Error::ConnectionReset(
                "the client closed the connection in the middle of a message".to_owned(),
            ));
        }
        self.close_now(turn)
    }

    /// The connection broke. With a session up and nothing under way that is a client in a hurry, and no fault.
    fn broken(&mut self, error: io::Error) -> Outcome {
        if self.phase == Phase::Handshake || !self.is_idle() {
            self.error.get_or_insert_with(|| {
                Box::new(Error::ConnectionReset(format!("the client broke the connection: {}", reason(error))))
            });
        }
        Outcome::Over
    }

    pub fn over_with(&mut self, error: Error) -> Outcome {
        self.error = Some(Box::new(error));
        Outcome::Over
    }

    fn waiting(&self) -> Waiting {
        match self.phase {
            Phase::Handshake => Waiting::Handshake,
            Phase::Open | Phase::Closing if self.owes => Waiting::Send,
            Phase::Open if self.service.hears_head() => Waiting::Request,
            Phase::Open => Waiting::Idle,
            Phase::Closing | Phase::Draining => Waiting::Close,
        }
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
            Ok(()) => None,
            Err(error) => Some(self.broken(error)),
        }
    }

    /// Send the shared output. What the socket does not take is kept, and until that is sent nothing is read.
    fn send(&mut self, turn: &mut Turn<'_>) -> io::Result<()> {
        self.wire.send(&mut turn.buffers.output, turn.registry, turn.key.token())?;
        self.owes &= !self.wire.is_clear();
        Ok(())
    }

    /// Send what the socket did not take before. False: it still does not take all of it.
    fn flush(&mut self, now: Instant) -> io::Result<bool> {
        if self.wire.is_clear() {
            return Ok(true);
        }
        if self.wire.flush()? > 0 && self.phase != Phase::Handshake {
            self.clock.since = now;
        }
        self.owes &= !self.wire.is_clear();
        Ok(self.wire.is_clear())
    }
}
