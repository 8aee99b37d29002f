//! What no client may exceed: how long it may take for what, and how many may be there at once.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::config::duration;
use crate::{Error, Result};

/// `tlstool.sites.ServerLimits`, made `plain`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    pub handshake: f64,
    pub request: f64,
    pub send: f64,
    pub idle: f64,
    pub close: f64,
    pub connection: Option<f64>,
    pub max_connections: Option<usize>,
    pub max_per_address: Option<usize>,
}

pub struct Limits {
    handshake: Duration,
    request: Duration,
    send: Duration,
    idle: Duration,
    close: Duration,
    connection: Option<Duration>,
    pub max_connections: Option<usize>,
    pub max_per_address: Option<usize>,
}

/// What a connection waits for, each with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The end of the handshake.
    Handshake,
    /// The end of a request's head, the beginning of which is there.
    Request,
    /// The client to take some of what it gets.
    Send,
    /// The client to say anything.
    Idle,
    /// The client to close its side after us.
    Close,
}

/// A limit that has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    Phase(Waiting),
    /// The limit of the connection as a whole.
    Connection,
}

/// When a connection began, and when what it waits for did.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub accepted: Instant,
    /// A trickle of bytes does not bring this forward, only what they complete does.
    pub since: Instant,
}

impl Limits {
    pub fn new(spec: &LimitsSpec) -> Result<Self> {
        if spec.max_connections == Some(0) || spec.max_per_address == Some(0) {
            return Err(Error::Usage("a server that takes no connection at all serves nobody".to_owned()));
        }
        Ok(Self {
            handshake: duration("handshake", spec.handshake)?,
            request: duration("request", spec.request)?,
            send: duration("send", spec.send)?,
            idle: duration("idle", spec.idle)?,
            close: duration("close", spec.close)?,
            connection: spec.connection.map(|seconds| duration("connection", seconds)).transpose()?,
            max_connections: spec.max_connections,
            max_per_address: spec.max_per_address,
        })
    }

    /// When a limit runs out next.
    pub fn due(&self, clock: Clock, waiting: Waiting) -> Instant {
        let phase = clock.since + self.of(waiting);
        self.end(clock, waiting).map_or(phase, |end| phase.min(end))
    }

    /// The limit that has run out, if one has.
    pub fn lapsed(&self, clock: Clock, waiting: Waiting, now: Instant) -> Option<Lapse> {
        if self.end(clock, waiting).is_some_and(|end| end <= now) {
            return Some(Lapse::Connection);
        }
        (clock.since + self.of(waiting) <= now).then_some(Lapse::Phase(waiting))
    }

    /// A lapse as the fault that it is where it cut something short.
    pub fn fault(&self, lapse: Lapse) -> Error {
        let (what, limit) = match lapse {
            Lapse::Phase(Waiting::Handshake) => ("the handshake was not done", self.handshake),
            Lapse::Phase(Waiting::Request) => ("the head of the request was not complete", self.request),
            Lapse::Phase(Waiting::Send) => ("the client took nothing of what it was sent", self.send),
            Lapse::Phase(Waiting::Idle) => ("the client left off in the middle of something", self.idle),
            Lapse::Phase(Waiting::Close) => ("the client did not close its side", self.close),
            Lapse::Connection => ("the connection was still in use", self.connection.unwrap_or_default()),
        };
        let seconds = limit.as_secs_f64();
        Error::Limit { code: "time-limit", message: format!("{what} after {seconds} s, the limit of that") }
    }

    /// The end of the connection as a whole, unless it is at its end by itself: then that is to be in order.
    fn end(&self, clock: Clock, waiting: Waiting) -> Option<Instant> {
        self.connection.filter(|_| waiting != Waiting::Close).map(|whole| clock.accepted + whole)
    }

    fn of(&self, waiting: Waiting) -> Duration {
        match waiting {
            Waiting::Handshake => self.handshake,
            Waiting::Request => self.request,
            Waiting::Send => self.send,
            Waiting::Idle => self.idle,
            Waiting::Close => self.close,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn limits(connection: Option<f64>) -> Limits {
        let (max_connections, max_per_address) = (None, None);
        let spec = LimitsSpec {
            handshake: 1.0,
            request: 2.0,
            send: 3.0,
            idle: 4.0,
            close: 5.0,
            connection,
            max_connections,
            max_per_address,
        };
        Limits::new(&spec).unwrap()
    }

    #[test]
    fn the_limit_that_runs_out_first_counts() {
        let accepted = Instant::now();
        let at = |seconds| accepted + Duration::from_secs(seconds);
        let clock = Clock { accepted, since: at(10) };
        assert_eq!(limits(None).due(clock, Waiting::Request), at(12));
        assert_eq!(limits(Some(11.0)).due(clock, Waiting::Request), at(11));
        assert_eq!(limits(Some(11.0)).lapsed(clock, Waiting::Handshake, at(11)), Some(Lapse::Connection));
        assert_eq!(limits(Some(11.0)).due(clock, Waiting::Close), at(15));
        assert_eq!(limits(None).lapsed(clock, Waiting::Send, at(13)), Some(Lapse::Phase(Waiting::Send)));
        assert_eq!(limits(None).lapsed(clock, Waiting::Idle, at(13)), None);
    }

    #[test]
    fn a_fault_names_its_limit() {
        let fault = limits(None).fault(Lapse::Phase(Waiting::Handshake));
        assert_eq!(fault.code(), "time-limit");
        assert_eq!(fault.to_string(), "the handshake was not done after 1 s, the limit of that");
    }
}
