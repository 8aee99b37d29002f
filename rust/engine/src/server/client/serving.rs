//! The service's turns in a connection, and what it says in them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Client, Phase};
use crate::server::forward::Target;
use crate::server::history::Ending;
use crate::server::service::{Facts, Next, Talk};
use crate::server::turn::{Buffers, Outcome, Turn};
use crate::{Error, Result};

/// Why the service gets a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// The client has said something.
    Words,
    /// What the service said is sent, and it has more.
    GoOn,
    /// The client says nothing.
    Silence,
    /// The client will say nothing more.
    End,
}

/// What came of a service's turn, besides what it said to the client.
struct Said {
    next: Next,
    /// Who gets the connection.
    forward: Option<Arc<Target>>,
    /// Why it cannot go on.
    error: Option<Error>,
}

impl Client {
    /// Give the service its turn, and send what it says.
    pub(super) fn serve(&mut self, turn: &mut Turn<'_>, cue: Cue) -> Option<Outcome> {
        let Said { next, forward, error: broken } = self.hand_over(turn, cue);
        self.has_more = next == Next::GoOn;
        let large = !turn.buffers.bulk.piece().is_empty();
        let said = self.say(turn);
        if let Some(target) = forward {
            return self.sending(turn).or_else(|| self.forward(target, turn));
        }
        turn.buffers.plain.clear();
        let closes = next == Next::Close || cue == Cue::End && next == Next::Listen;
        match said.err().or(broken) {
            Some(error) => self.fail(error, turn.now),
            None if closes && self.phase == Phase::Open => {
                self.history.ends(Ending::Server);
                self.close(turn);
            }
            None => {}
        }
        // After a large piece it is the others' turn.
        self.sending(turn).or_else(|| (large && self.wire.is_clear()).then_some(Outcome::Again))
    }

    /// The same outside of the usual steps.
    pub(super) fn serve_now(&mut self, turn: &mut Turn<'_>, cue: Cue) -> Outcome {
        self.serve(turn, cue).unwrap_or_else(|| self.turn(turn))
    }

    /// For how long the service listens to a client that says nothing; None while that is of no interest.
    pub(super) fn patience(&self) -> Option<Duration> {
        let listens = self.phase == Phase::Open && !self.has_more && self.wire.is_clear();
        self.service.patience().filter(|_| listens)
    }

    /// Whether the client has said nothing for so long.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.patience().is_some_and(|patience| self.clock + patience <= now)
    }

    /// Let the service do its part.
    fn hand_over(&mut self, turn: &mut Turn<'_>, cue: Cue) -> Said {
        let was_in_head = self.service.hears_head();
        let Buffers { plain, reply, bulk, .. } = &mut *turn.buffers;
        let facts = || Facts::of(&self.tls, &self.brought, self.peer);
        let (hello, metrics) = (|| self.history.hello(), || turn.shared.metrics());
        let mut talk = Talk {
            heard: plain,
            reply,
            bulk,
            facts: &facts,
            hello: &hello,
            metrics: &metrics,
            requests: 0,
            stopping: turn.stopping,
            progress: false,
            forward: None,
            error: None,
        };
        let next = match cue {
            Cue::Words => self.service.hear(&mut talk),
            Cue::GoOn => self.service.go_on(&mut talk),
            Cue::Silence => self.service.hear_silence(&mut talk),
            Cue::End => self.service.hear_end(&mut talk),
        };
        let Talk { requests, progress, forward, error, .. } = talk;
        self.history.requests += requests;
        turn.counters.requests(requests);
        // More of a head that is still not complete does not count, but its beginning does.
        let begins = !was_in_head && self.service.hears_head();
        if progress || begins || cue == Cue::Silence {
            self.clock = turn.now;
        }
        Said { next, forward, error }
    }

    /// Encrypt what the service said.
    fn say(&mut self, turn: &mut Turn<'_>) -> Result<()> {
        let Buffers { reply, bulk, output, .. } = &mut *turn.buffers;
        let every = turn.site.key_update_every;
        let mut outcome = Ok(());
        for data in [&reply[..], bulk.piece()] {
            if !data.is_empty() && outcome.is_ok() {
                self.clock = turn.now;
                self.owes = true;
                self.history.sent += data.len() as u64;
                turn.counters.sent(data.len());
                outcome = self.renewal.encrypt(every, &mut self.tls, data, &mut self.partial, output);
            }
        }
        reply.clear();
        bulk.clear();
        outcome
    }
}
