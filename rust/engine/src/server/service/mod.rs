//! What connections get once their session is up: one file a service, plaintext in, plaintext out.

mod echo;
pub mod http;
mod page;
mod status;

use std::sync::Arc;

use serde::Deserialize;

use super::forward::{Forward, ForwardSpec, Target};
use crate::hello::Decoded;
use crate::{Error, Result};
use echo::Echo;
pub use page::Facts;
use status::Status;

/// What connections get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A page over HTTP/1.1 that shows what was negotiated.
    Status,
    /// Their own bytes.
    Echo,
    /// What somebody else says, see [`super::forward`].
    Forward,
}

/// `tlstool.sites.Service`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    pub mode: Mode,
    pub forward: Option<ForwardSpec>,
    /// Whether `/metrics` is what the server has counted, where the service speaks HTTP.
    pub metrics: bool,
}

/// What all connections of a site get, made ready once.
pub enum Offer {
    Status { metrics: bool },
    Echo,
    Forward(Arc<Target>),
}

impl Offer {
    pub fn new(spec: &ServiceSpec) -> Result<Self> {
        Ok(match (spec.mode, &spec.forward) {
            (Mode::Forward, Some(forward)) => Self::Forward(Arc::new(Target::new(forward)?)),
            (Mode::Forward, None) => return Err(Error::Usage("nothing says where to forward to".to_owned())),
            (Mode::Status, _) => Self::Status { metrics: spec.metrics },
            (Mode::Echo, _) => Self::Echo,
        })
    }

    /// The service of one connection.
    pub fn start(&self) -> Box<dyn Service> {
        match self {
            Self::Status { metrics } => Box::new(Status::new(*metrics)),
            Self::Echo => Box::new(Echo),
            Self::Forward(target) => Box::new(Forward(Arc::clone(target))),
        }
    }

    /// Whether a client that speaks HTTP without TLS is to be told so in its own words.
    pub fn speaks_http(&self) -> bool {
        matches!(self, Self::Status { .. })
    }

    /// Whether it tells its clients what they offered.
    pub fn shows_hello(&self) -> bool {
        matches!(self, Self::Status { .. })
    }
}

/// The application of one connection: it is given turns, and never waits.
pub trait Service: Send {
    /// The client has said `talk.heard`; it is gone after the call. It is empty only in the first call, when the session has just
    /// come up.
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next;

    /// All that was said before is in the socket. Only called after [`Next::GoOn`].
    fn go_on(&mut self, _talk: &mut Talk<'_>) -> Next {
        Next::Listen
    }

    /// Whether nothing is half heard: the client may leave now without a loss.
    fn is_idle(&self) -> bool {
        true
    }

    /// Whether a request has begun whose head is not complete. A client has little time for that, however often it says something.
    fn hears_head(&self) -> bool {
        false
    }

    /// Whether a client that says nothing now is between two requests, and can be sent away when the server stops.
    fn takes_requests(&self) -> bool {
        false
    }
}

/// What a service works on in its turn.
pub struct Talk<'a> {
    /// Plaintext from the client.
    pub heard: &'a mut Vec<u8>,
    /// Plaintext for the client: empty at first, sent after the turn.
    pub reply: &'a mut Vec<u8>,
    /// What was negotiated.
    pub facts: &'a dyn Fn() -> Facts,
    /// What the client offered: None if its hello could not be read, or the site was not to keep it.
    pub hello: &'a dyn Fn() -> Option<Decoded>,
    /// What the server has counted until now, for Prometheus.
    pub metrics: &'a dyn Fn() -> String,
    /// Requests that were answered in this turn: 0 at first.
    pub requests: u64,
    /// The server has been asked to stop: what has to be said is said, and no more.
    pub stopping: bool,
}

/// What a service waits for after its turn.
pub enum Next {
    /// For the client to say more.
    Listen,
    /// For its reply to be in the socket: there is more to say, before anything is heard.
    GoOn,
    /// For nothing: the connection ends behind its reply.
    Close,
    /// For nothing, any more: the connection is passed on, together with what was just heard.
    Forward(Arc<Target>),
}
