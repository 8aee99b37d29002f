//! How far a connection has come, on our side and on the client's.

use crate::server::misconduct::Moment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Handshake,
    Open,
    /// All has been said; some of it is not yet sent.
    Closing,
    /// Nothing is read or said any more, on purpose.
    Holding,
    /// All has been sent. What still comes is thrown away: to close with unread bytes would reset the connection, and the client
    /// would lose the end of what it was sent.
    Draining,
}

/// How far the client has come with closing its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Incoming {
    Open,
    /// An event told of the end of the TCP connection; there may be bytes before it.
    EndAnnounced,
    CloseNotify,
    Ended,
}

impl Phase {
    /// What this is to a fault, once the client has said something; in a handshake, `answers` says that it is to be answered.
    pub fn moment(self, answers: bool) -> Moment {
        match self {
            Self::Handshake if answers => Moment::Hello,
            Self::Handshake => Moment::Bytes,
            _ => Moment::Handshake,
        }
    }
}
