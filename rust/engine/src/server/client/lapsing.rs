//! What a connection waits for, and what becomes of it when that takes too long.

use std::net::IpAddr;
use std::time::Instant;

use super::serving::Cue;
use super::{Client, Phase};
use crate::server::admission::gave_way;
use crate::server::history::Ending;
use crate::server::limits::{Clock, Lapse, Limits, Waiting};
use crate::server::turn::{Outcome, Turn};

impl Client {
    /// When a limit runs out next, or the connection wants to be woken before.
    pub fn due(&self, limits: &Limits) -> Instant {
        let end = limits.due(self.clock(), self.waiting());
        let upstream = self.relay.as_ref().and_then(|relay| relay.upstream.due());
        let silence = self.patience().map(|patience| self.clock().since + patience);
        [self.prompt(), upstream, silence].into_iter().flatten().fold(end, Instant::min)
    }

    /// A limit has run out. To keep a connection idle is no fault: that one is closed in order.
    pub fn expire(&mut self, turn: &mut Turn<'_>) -> Outcome {
        if self.prompt().is_some_and(|prompt| prompt <= turn.now) {
            return self.turn(turn);
        }
        let lapse = turn.limits.lapsed(self.clock(), self.waiting(), turn.now);
        // While an upstream is being tried, that one has limits of its own; at the end of the connection there is no use for it.
        let goes_on = lapse != Some(Lapse::Connection);
        let relay = self.relay.take_if(|relay| self.phase == Phase::Open && (goes_on || relay.upstream.is_open()));
        if let Some(relay) = relay {
            return self.relay_expired(relay, turn);
        }
        if lapse.is_none() && self.is_silent(turn.now) {
            return self.serve_now(turn, Cue::Silence);
        }
        let Some(lapse) = lapse else { return Outcome::Wait };
        self.history.ends(Ending::Limit);
        let fault = turn.limits.fault(lapse);
        match self.phase {
            Phase::Handshake => self.over_with(fault),
            Phase::Open if self.is_idle() => self.serve_now(turn, Cue::End),
            Phase::Open => {
                self.error = Some(Box::new(fault));
                if self.wire.is_clear() { self.close_now(turn) } else { Outcome::Over }
            }
            Phase::Closing if self.owes && self.error.is_none() => self.over_with(fault),
            Phase::Closing | Phase::Draining | Phase::Holding => Outcome::Over,
        }
    }

    /// Another client gets the place.
    pub fn give_way(&mut self) -> Outcome {
        self.history.ends(Ending::Limit);
        self.over_with(gave_way())
    }

    pub fn is_in_handshake(&self) -> bool {
        self.phase == Phase::Handshake
    }

    /// The client's address, without its port.
    pub fn address(&self) -> IpAddr {
        self.peer.ip()
    }

    fn waiting(&self) -> Waiting {
        match self.phase {
            Phase::Handshake => Waiting::Handshake,
            Phase::Open | Phase::Closing if self.owes => Waiting::Send,
            Phase::Open if self.service.hears_head() => Waiting::Request,
            Phase::Open | Phase::Holding => Waiting::Idle,
            Phase::Closing | Phase::Draining => Waiting::Close,
        }
    }

    /// What is held back on purpose is not for the client to answer for.
    fn clock(&self) -> Clock {
        Clock { accepted: self.history.accepted, since: self.clock + self.wire.held() }
    }
}
