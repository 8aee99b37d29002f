//! A client whose connection is forwarded. Both directions go on by themselves: one that is held up, or has ended, does not hold up
//! the other.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use mio::Token;
use mio::event::Event;

use super::super::forward::{End, Heard, Introduction, Relay, Target, Up, Upstream};
use super::super::history::Ending;
use super::super::limits::{Lapse, Waiting};
use super::super::slots::is_second;
use super::super::turn::{Buffers, MAX_PARTIAL, Outcome, Turn, keep};
use super::{Client, Incoming, Phase};
use crate::Error;
use crate::conn::{self, MAX_RECORD, Progress};

/// What ends a relay before its time.
enum Break {
    /// The client's connection broke.
    Client(io::Error),
    /// What the client sent breaks the session.
    Session(rustls::Error),
    /// The same, but there is no alert for it.
    Fault(Error),
    Upstream(Error),
    /// The upstream has gone without `close_notify`. It is for the client to judge what it has then, so it gets none, either.
    CutOff,
}

impl Client {
    /// Something happened at one of the sockets.
    pub fn notice(&mut self, token: Token, event: &Event) {
        if is_second(token) {
            if let Some(relay) = &mut self.relay {
                relay.upstream.notice(event);
            }
            return;
        }
        if let Some(relay) = &mut self.relay {
            relay.is_client_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        }
        if event.is_read_closed() {
            self.saw_fin();
        }
    }

    /// Let an upstream have the connection. What was heard until now is in the turn's `plain`.
    pub(super) fn forward(&mut self, target: Arc<Target>, turn: &mut Turn<'_>) -> Option<Outcome> {
        let server = self.wire.local_address().filter(|_| target.proxy_protocol);
        let header = server.map(|server| Introduction::of(&self.tls, &self.brought, self.peer, server).header());
        let early = turn.buffers.plain.clone();
        let mut upstream = Upstream::new(target, self.tls.alpn_protocol(), header.unwrap_or_default(), early, turn.now);
        let begun = upstream.connect(turn.link());
        let mut relay = Box::new(Relay::new(upstream));
        if self.incoming >= Incoming::CloseNotify {
            relay.up = Up::Ending { by_notify: true };
            self.history.ends(Ending::CloseNotify);
        }
        match begun {
            Ok(()) => {
                self.relay = Some(relay);
                None
            }
            Err(error) => self.give_up(&relay, error, turn),
        }
    }

    /// Move what can be moved, once in each direction. `flushed` is what came of sending what was kept for the client.
    pub(super) fn relay(
        &mut self,
        mut relay: Box<Relay>,
        flushed: io::Result<bool>,
        turn: &mut Turn<'_>,
    ) -> Option<Outcome> {
        match flushed.map_err(Break::Client).and_then(|_| self.pass(&mut relay, turn)) {
            Ok(_) if relay.is_over() => {
                self.leave(relay);
                self.phase = Phase::Closing;
                self.clock = turn.now;
                None
            }
            Ok(moved) => {
                self.relay = Some(relay);
                (!moved).then_some(Outcome::Wait)
            }
            Err(stopped) => self.stop_relay(&relay, stopped, turn),
        }
    }

    /// A limit ran out.
    pub(super) fn relay_expired(&mut self, mut relay: Box<Relay>, turn: &mut Turn<'_>) -> Outcome {
        if !relay.upstream.is_open() {
            return match relay.upstream.expire(turn.link()) {
                Ok(()) => {
                    self.relay = Some(relay);
                    Outcome::Wait
                }
                Err(error) => self.give_up(&relay, error, turn).unwrap_or(Outcome::Again),
            };
        }
        if !relay.is_clear() && self.wire.is_clear() {
            self.history.ends(Ending::Upstream);
            self.upstream = Some(relay.upstream.address());
            return self.over_with(relay.upstream.fault(Error::TimeLimit));
        }
        self.history.ends(Ending::Limit);
        if !self.wire.is_clear() {
            self.upstream = Some(relay.upstream.address());
            return self.over_with(turn.limits.fault(Lapse::Phase(Waiting::Send)));
        }
        // Nobody has anything to say: both are told that it is over.
        if relay.up != Up::Over {
            let link = turn.link();
            let _ = relay.upstream.end(true, &mut turn.buffers.output, link);
        }
        let told = relay.is_down_over;
        self.leave(relay);
        if told {
            self.phase = Phase::Closing;
            self.clock = turn.now;
            return Outcome::Again;
        }
        self.close_now(turn)
    }

    /// Whether anything was moved.
    fn pass(&mut self, relay: &mut Relay, turn: &mut Turn<'_>) -> Result<bool, Break> {
        let mut moved = false;
        if relay.deaf.is_none() {
            match relay.upstream.advance(turn.buffers, turn.link()) {
                Ok(advanced) => moved |= advanced,
                Err(error) if !relay.upstream.is_open() => return Err(Break::Upstream(error)),
                Err(error) => deafen(relay, error),
            }
        }
        if relay.upstream.is_open() {
            moved |= self.pass_down(relay, turn)?;
            moved |= self.pass_up(relay, turn)?;
        }
        if moved {
            self.clock = turn.now;
        }
        Ok(moved)
    }

    /// From the upstream to the client.
    fn pass_down(&mut self, relay: &mut Relay, turn: &mut Turn<'_>) -> Result<bool, Break> {
        if relay.is_down_over || !self.wire.is_clear() {
            return Ok(false);
        }
        let link = turn.link();
        let Buffers { input, plain, output, .. } = &mut *turn.buffers;
        let said = relay.upstream.read(input, plain, output, link).map_err(Break::Upstream)?;
        match said {
            Heard::Nothing => return Ok(false),
            Heard::Data(data) => {
                self.history.sent += data.len() as u64;
                turn.counters.sent(data.len());
                self.owes |= !data.is_empty();
                self.renewal
                    .encrypt(turn.site.key_update_every, &mut self.tls, data, &mut self.partial, output)
                    .map_err(Break::Fault)?;
            }
            Heard::End(End::CutOff) => return Err(Break::CutOff),
            Heard::End(end) => {
                // A reset is told once: behind a failed write it looks like an ordinary end.
                if let Some(error) = relay.deaf.take_if(|_| end == End::Plain) {
                    return Err(Break::Upstream(error));
                }
                // It fails only on a session that is broken already, and then there is nobody to tell.
                let _ = conn::close_notify(&mut self.tls, &mut self.partial, output);
                relay.is_down_over = true;
                self.history.ends(Ending::Upstream);
            }
        }
        self.send(turn).map_err(Break::Client)?;
        Ok(true)
    }

    /// From the client to the upstream.
    fn pass_up(&mut self, relay: &mut Relay, turn: &mut Turn<'_>) -> Result<bool, Break> {
        let link = turn.link();
        match relay.up {
            Up::Open if relay.is_clear() => {
                if !self.hear_client(relay, turn)? {
                    return Ok(false);
                }
                let said = relay.upstream.write(&turn.buffers.plain, &mut turn.buffers.output, link);
                said.unwrap_or_else(|error| deafen(relay, error));
                Ok(true)
            }
            Up::Ending { by_notify } if relay.is_clear() => {
                relay.up = Up::Over;
                let told = relay.upstream.end(by_notify, &mut turn.buffers.output, link);
                told.unwrap_or_else(|error| deafen(relay, error));
                Ok(true)
            }
            // What is read is of no use to anybody; that there is nobody any more should be noticed all the same.
            Up::Over if self.incoming < Incoming::Ended => self.hear_client(relay, turn),
            _ => Ok(false),
        }
    }

    /// Read once from the client, into the turn's `plain`. False: there was nothing.
    fn hear_client(&mut self, relay: &mut Relay, turn: &mut Turn<'_>) -> Result<bool, Break> {
        if !relay.is_client_readable {
            return Ok(false);
        }
        let Buffers { input, plain, output, .. } = &mut *turn.buffers;
        plain.clear();
        let kept = self.partial.len();
        let free = &mut input[kept..];
        let count = match self.wire.read(free) {
            Ok(0) => return self.client_left(relay),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                relay.is_client_readable = false;
                return Ok(false);
            }
            Err(error) => return Err(Break::Client(error)),
        };
        relay.is_client_readable = count == free.len() || self.incoming >= Incoming::EndAnnounced;
        // What stands behind `close_notify` is ignored (RFC 8446 section 6.1).
        if self.incoming >= Incoming::CloseNotify {
            return Ok(true);
        }
        input[..kept].copy_from_slice(&self.partial);
        let filled = kept + count;
        let (used, progress) =
            conn::advance(&mut self.tls, &mut input[..filled], output, |bytes| plain.extend_from_slice(bytes));
        keep(&mut self.partial, &input[used..filled]);
        self.history.received += plain.len() as u64;
        turn.counters.received(plain.len());
        let progress = progress.map_err(Break::Session)?;
        if self.partial.len() > MAX_PARTIAL - MAX_RECORD {
            let words = "the client's message is longer than any may be";
            return Err(Break::Fault(Error::PeerMisbehaved(words.to_owned())));
        }
        if progress == Progress::PeerClosed {
            self.incoming = Incoming::CloseNotify;
            self.history.ends(Ending::CloseNotify);
            relay.up = if relay.up == Up::Over { Up::Over } else { Up::Ending { by_notify: true } };
        }
        self.send(turn).map_err(Break::Client)?;
        Ok(true)
    }

    /// The client's TCP connection has ended. Between two records that may be its way to say that it has nothing more to say.
    fn client_left(&mut self, relay: &mut Relay) -> Result<bool, Break> {
        self.incoming = Incoming::Ended;
        self.history.ends(Ending::Fin);
        if !self.partial.is_empty() {
            let words = "the client closed the connection in the middle of a record";
            return Err(Break::Fault(Error::ConnectionReset(words.to_owned())));
        }
        if relay.up == Up::Open {
            relay.up = Up::Ending { by_notify: false };
        }
        Ok(true)
    }

    fn stop_relay(&mut self, relay: &Relay, stopped: Break, turn: &mut Turn<'_>) -> Option<Outcome> {
        self.upstream = Some(relay.upstream.address());
        match stopped {
            Break::Client(error) => return Some(self.broken(error)),
            Break::Fault(error) => {
                self.history.ends(Ending::Error);
                return Some(self.over_with(error));
            }
            Break::Session(error) => {
                self.refuse(turn, error, 0);
                return self.sending(turn);
            }
            Break::Upstream(error) if relay.upstream.is_open() => {
                self.history.ends(Ending::Upstream);
                self.fail(relay.upstream.fault(error), turn.now);
            }
            Break::Upstream(error) => return self.give_up(relay, error, turn),
            Break::CutOff => {
                self.history.ends(Ending::Upstream);
                self.phase = Phase::Closing;
                self.clock = turn.now;
            }
        }
        None
    }

    /// No session with the upstream came about, and so no byte was lost: the client gets an end in order.
    fn give_up(&mut self, relay: &Relay, error: Error, turn: &mut Turn<'_>) -> Option<Outcome> {
        self.upstream = Some(relay.upstream.address());
        self.history.ends(Ending::Upstream);
        self.error = Some(Box::new(relay.upstream.fault(error)));
        self.close(turn);
        self.sending(turn)
    }

    /// Both directions have ended in order.
    fn leave(&mut self, mut relay: Box<Relay>) {
        self.upstream = Some(relay.upstream.address());
        relay.upstream.over();
    }
}

/// The upstream takes nothing any more. What it said before is still passed on, but its end is believed no longer.
fn deafen(relay: &mut Relay, error: Error) {
    relay.up = Up::Over;
    relay.deaf = Some(error);
    relay.upstream.look_again();
}
