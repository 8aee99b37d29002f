//! Early data (RFC 8446 section 4.2.10): kept back until the handshake is complete.
//!
//! Until the client's Finished is there, a hello with early data may be one that somebody else has recorded and sends again. What
//! is answered only then was asked by a client that is present, once.

use serde::Serialize;

/// `tlstool.sites.EarlyDataReceived`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EarlyDataReceived {
    pub accepted: Option<bool>,
    pub received: u64,
}

/// What a client sends before it has heard of the server. The site's limit bounds it.
#[derive(Debug, Default)]
pub struct Early {
    held: Vec<u8>,
    received: u64,
}

impl Early {
    pub fn hold(&mut self, data: &[u8]) {
        self.received += data.len() as u64;
        self.held.extend_from_slice(data);
    }

    /// What was held back, to be heard before anything else.
    pub fn release(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// For the event. Whether it was accepted shows by what came; rustls does not say it where nothing did.
    pub fn told(&self, resumed: bool) -> EarlyDataReceived {
        let accepted = match (self.received, resumed) {
            (0, true) => None,
            (0, false) => Some(false),
            _ => Some(true),
        };
        EarlyDataReceived { accepted, received: self.received }
    }
}
