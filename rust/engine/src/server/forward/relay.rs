//! What a connection that is forwarded has besides its client: the upstream, and how far the two directions have come.

use std::sync::Arc;

use super::super::service::{Next, Service, Talk};
use super::Target;
use super::upstream::Upstream;
use crate::Error;

/// How far the direction from the client to the upstream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    Open,
    /// The client has ended it: by `close_notify`, or by the end of its TCP connection alone.
    Ending {
        by_notify: bool,
    },
    /// The upstream has been told, or takes nothing any more.
    Over,
}

pub struct Relay {
    pub upstream: Upstream,
    pub up: Up,
    /// The upstream has ended the other direction, and the client has been told.
    pub is_down_over: bool,
    /// Why the upstream takes nothing any more. What it said before may still be there to be read.
    pub deaf: Option<Error>,
    /// The client's socket may have something: events tell only of what is new.
    pub is_client_readable: bool,
}

impl Relay {
    pub fn new(upstream: Upstream) -> Self {
        Self { upstream, up: Up::Open, is_down_over: false, deaf: None, is_client_readable: true }
    }

    /// Whether nothing waits to be taken by the upstream.
    pub fn is_clear(&self) -> bool {
        self.upstream.is_clear()
    }

    pub fn is_over(&self) -> bool {
        self.up == Up::Over && self.is_down_over && (self.deaf.is_some() || self.is_clear())
    }
}

/// The service until there is a relay: it hands the connection over as soon as the session is up.
pub struct Forward(pub Arc<Target>);

impl Service for Forward {
    fn hear(&mut self, talk: &mut Talk<'_>) -> Next {
        talk.forward = Some(Arc::clone(&self.0));
        Next::Listen
    }
}
