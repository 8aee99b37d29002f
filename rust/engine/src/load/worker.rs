//! One worker thread of a load: an event queue, and the lanes that it keeps busy.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use rustls::ClientConfig;

use super::Job;
use super::lane::{Buffers, Lane, State, Step};
use super::tally::Tally;
use crate::{Error, Result};

/// How often limits, pauses and the end of the run are looked at.
const SWEEP: Duration = Duration::from_millis(10);

/// How long a ticket is waited for, as `connect` does. A server that sends none gets full handshakes.
const TICKET_LIMIT: Duration = Duration::from_millis(250);

pub struct Worker<'a> {
    job: &'a Job,
    config: Arc<ClientConfig>,
    poll: Poll,
    lanes: Vec<Lane>,
    buffers: Buffers,
    tally: Tally,
}

impl<'a> Worker<'a> {
    pub fn new(job: &'a Job, config: Arc<ClientConfig>, lanes: usize) -> Result<Self> {
        let poll = Poll::new().map_err(|error| Error::Internal(format!("no event queue for a worker: {error}")))?;
        let lanes = (0..lanes).map(|_| Lane::new()).collect();
        Ok(Self { job, config, poll, lanes, buffers: Buffers::default(), tally: Tally::new()? })
    }

    /// Keep the lanes busy until time or handshakes run out.
    pub fn run(mut self, start: Instant) -> Result<Tally> {
        let end = start + self.job.duration;
        let mut events = Events::with_capacity(256);
        for number in 0..self.lanes.len() {
            self.next(number);
        }
        let mut sweep_at = start + SWEEP;
        loop {
            let now = Instant::now();
            if now >= sweep_at {
                sweep_at = now + SWEEP;
                self.sweep(now);
            }
            let busy = self.lanes.iter().any(|lane| lane.state != State::Done);
            if !busy || now >= end || self.job.halted.load(Ordering::Relaxed) {
                self.tally.ended(now - start);
                return Ok(self.tally);
            }
            let timeout = sweep_at.min(end).saturating_duration_since(now);
            if let Err(error) = self.poll.poll(&mut events, Some(timeout)) {
                if error.kind() != ErrorKind::Interrupted {
                    return Err(Error::Internal(format!("waiting for events: {error}")));
                }
            }
            for event in &events {
                let number = event.token().0;
                // A socket that was taken back tells of that, and of its new connection: neither needs an answer.
                if event.is_readable() || self.lanes[number].has_unsent() {
                    self.attend(number);
                }
            }
        }
    }

    fn attend(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        if matches!(lane.state, State::Handshake(_) | State::Ticket(_)) {
            let step = lane.drive(&mut self.buffers);
            self.follow(number, step);
        }
    }

    fn follow(&mut self, number: usize, step: Step) {
        let lane = &mut self.lanes[number];
        match (step, lane.state) {
            (Step::Complete { resumed }, State::Handshake(began)) => {
                let now = Instant::now();
                self.tally.handshake(resumed, now - began);
                lane.refreshed();
                if self.job.resume && lane.needs_ticket() {
                    lane.state = State::Ticket(now + TICKET_LIMIT);
                    // It may have come with what was read already, or lie in the socket: then no event will tell of it.
                    return self.attend(number);
                }
                self.next(number);
            }
            // The handshake is counted: what ends the wait for its ticket is no failure of it.
            (Step::Ticket, _) | (Step::Failed(_) | Step::Flooded, State::Ticket(_)) => self.next(number),
            (Step::Flooded, _) => self.fail(number, Error::PeerMisbehaved(String::new()).code()),
            (Step::Failed(code), _) => self.fail(number, code),
            _ => {}
        }
    }

    /// Begin the next handshake, if there is one to do.
    fn next(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        lane.end();
        lane.state = State::Done;
        if self.job.claim() {
            self.begin(number);
        }
    }

    fn begin(&mut self, number: usize) {
        let registry = self.poll.registry();
        let (target, name) = (self.job.target, &self.job.name);
        let lane = &mut self.lanes[number];
        if let Step::Failed(code) = lane.begin(target, name, &self.config, registry, Token(number), &mut self.buffers) {
            self.fail(number, code);
        }
    }

    /// Count a failure. The lane still owes the handshake, and tries again after a pause.
    fn fail(&mut self, number: usize, code: &'static str) {
        self.tally.error(code);
        self.lanes[number].rest(Instant::now());
    }

    fn sweep(&mut self, now: Instant) {
        for number in 0..self.lanes.len() {
            match self.lanes[number].state {
                State::Handshake(began) if began + self.job.handshake_limit <= now => {
                    self.fail(number, Error::TimeLimit.code());
                }
                State::Paused(until) if until <= now => self.begin(number),
                State::Ticket(until) if until <= now => self.next(number),
                _ => {}
            }
        }
    }
}
