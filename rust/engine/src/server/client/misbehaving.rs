//! How a connection does what its site is to do wrong. Without a fault nothing of this ever happens.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use super::{Client, Phase};
use crate::server::history::Ending;
use crate::server::misconduct::{Act, Moment, Then};
use crate::server::turn::{Outcome, Turn};

impl Client {
    /// What is to be done wrong now that the connection has come so far; it is done once.
    pub(super) fn due_act(&mut self, reached: Moment) -> Option<Arc<Act>> {
        self.act.take_if(|act| act.is_due(reached, self.wire.is_spent()))
    }

    /// When to be woken, though nothing comes from the client.
    pub(super) fn prompt(&self) -> Option<Instant> {
        match &self.act {
            Some(act) if act.is_due(Moment::Accept, self.wire.is_spent()) => Some(self.history.accepted),
            _ => self.wire.wake(),
        }
    }

    /// Leave TLS. What was about to be said by it goes out after a complete handshake only, and not before a reset.
    pub(super) fn act(&mut self, act: &Act, turn: &mut Turn<'_>) -> Option<Outcome> {
        let output = &mut turn.buffers.output;
        if act.at != Moment::Handshake || act.then == Then::Reset {
            // The buffer is everybody's: what stayed in it would go to the next connection.
            output.clear();
            self.wire.discard();
        }
        if act.then != Then::Hold {
            self.history.ends(Ending::Server);
        }
        self.owes = false;
        self.clock = turn.now;
        self.partial = Vec::new();
        // An `Output` takes everything.
        let _ = output.write(&act.say);
        match act.then {
            Then::Close => self.phase = Phase::Closing,
            Then::Hold => self.phase = Phase::Holding,
            Then::Reset => {
                self.wire.reset_on_close();
                return Some(Outcome::Over);
            }
        }
        self.sending(turn)
    }
}
