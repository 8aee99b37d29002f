//! What is kept of a connection besides what it needs: when things happened, what its client offered, and how it ended.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::hello::{Coming, Decoded, FirstMessage, Offer};

pub struct History {
    pub accepted: Instant,
    /// From accept to the end of the handshake; None if it did not come to that.
    pub handshake: Option<Duration>,
    hello: Hello,
    ending: Option<Ending>,
    pub requests: u64,
    pub received: u64,
    pub sent: u64,
}

/// What became of the client's hello.
enum Hello {
    /// Nobody will ask.
    Unwanted,
    /// Nothing of it has come.
    Awaited,
    Coming(Box<FirstMessage>),
    /// None: it was no hello, or not one to be kept.
    Known(Option<Box<Offer>>),
}

/// `tlstool.sites.Ending`: which side ended a connection, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The client said `close_notify`.
    CloseNotify,
    /// The client closed its side of the TCP connection without a word.
    Fin,
    /// The connection broke.
    Reset,
    /// The client took too long.
    Limit,
    /// The server had said all, or was asked to end.
    Server,
    /// The upstream had said all, or it failed.
    Upstream,
    /// One side sent what the other could not accept.
    Error,
}

impl History {
    /// `keeps_hello`: whether somebody will ask for it.
    pub fn new(accepted: Instant, keeps_hello: bool) -> Self {
        Self {
            accepted,
            handshake: None,
            hello: if keeps_hello { Hello::Awaited } else { Hello::Unwanted },
            ending: None,
            requests: 0,
            received: 0,
            sent: 0,
        }
    }

    /// The bytes that the client sent next, until its handshake is done.
    pub fn hear(&mut self, bytes: &[u8]) {
        let coming = match &mut self.hello {
            Hello::Awaited => {
                // It comes in one piece as a rule, and then nothing has to be kept for it.
                let mut first = FirstMessage::default();
                match first.push(bytes) {
                    Coming::Incomplete => {
                        self.hello = Hello::Coming(Box::new(first));
                        return;
                    }
                    over @ Coming::Over(_) => over,
                }
            }
            Hello::Coming(first) => first.push(bytes),
            Hello::Unwanted | Hello::Known(_) => return,
        };
        if let Coming::Over(offer) = coming {
            self.hello = Hello::Known(offer);
        }
    }

    /// It is ending for this reason, unless there was one before.
    pub fn ends(&mut self, how: Ending) {
        self.ending.get_or_insert(how);
    }

    /// A connection that ended without a word of ours was broken.
    pub fn ending(&self) -> Ending {
        self.ending.unwrap_or(Ending::Reset)
    }

    /// Whether the hello has this extension, as far as that is known.
    pub fn offers(&self, extension: u16) -> bool {
        matches!(&self.hello, Hello::Known(Some(offer)) if offer.extensions().contains(&extension))
    }

    /// What the client offered; None before its hello has come, and if nobody was to ask for it.
    pub fn hello(&self) -> Option<Decoded> {
        match &self.hello {
            Hello::Known(Some(offer)) => Some(offer.decoded()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ending_counts() {
        let mut history = History::new(Instant::now(), false);
        history.ends(Ending::Fin);
        history.ends(Ending::Server);
        assert_eq!(history.ending(), Ending::Fin);
    }

    #[test]
    fn a_hello_that_nobody_wants_is_not_kept() {
        // A record with the smallest hello that there is.
        let mut bytes = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
        bytes.extend([7; 32]);
        bytes.extend([0, 0, 2, 0x13, 1, 1, 0]);
        let heard = |keeps: bool, piece: usize| {
            let mut history = History::new(Instant::now(), keeps);
            bytes.chunks(piece).for_each(|piece| history.hear(piece));
            history.hello().map(|hello| hello.suites)
        };
        let suites = Some(vec!["TLS_AES_128_GCM_SHA256".to_owned()]);
        assert_eq!((heard(true, 7), heard(true, 100), heard(false, 100)), (suites.clone(), suites, None));
    }
}
