//! What a library has to do to be measured: both ends of connections, joined in memory.

use serde::Serialize;

use super::meter::{Side, Spent};
use crate::Result;

/// A library, loaded and set as a spec says. What is made of it shares the configuration, and nothing else.
pub trait Library: Send + Sync {
    /// Who it is.
    fn identity(&self) -> Identity;

    /// Both ends of connections that are still to be made.
    fn pair(&self) -> Result<Box<dyn Pair>>;
}

/// Name, version and build of a library, each in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub library: String,
    pub library_version: String,
    /// Compiler and options; None if it does not tell.
    pub library_build: Option<String>,
}

/// Both ends of one library.
///
/// A side's work is done through [`Spent::on`]; what is on nobody's clock is done outside of it.
pub trait Pair: Send {
    /// A handshake on new connections, in place of those before. A session that is there is offered for resumption.
    fn handshake(&mut self, spent: &mut Spent) -> Result<()>;

    /// The client takes in what the server sent after the handshake; where sessions are to be resumed, it keeps the newest for the
    /// next one.
    fn settle(&mut self, spent: &mut Spent) -> Result<()>;

    /// What client and server of the last handshake say.
    fn negotiated(&self) -> Result<[Negotiated; 2]>;

    /// Whether client and server of the last handshake say that it resumed a session.
    fn resumed(&self) -> Result<[bool; 2]>;

    /// One end sends all of `data` over the last handshake's connections, and the other receives it.
    fn transfer(&mut self, from: Side, data: &[u8], received: &mut [u8], spent: &mut Spent) -> Result<()>;

    /// Keep the last handshake's connections alive, beside all that were parked before.
    fn park(&mut self);

    /// Free all parked connections.
    fn clear_park(&mut self);
}

/// What one end says that was agreed on, by IANA's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    pub tls: String,
    pub suite: String,
    pub group: String,
    pub signed: Signed,
}

/// With which schemes one end says that the handshake was signed; None for what was not, and for what it does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signed {
    /// By this end.
    pub own: Option<String>,
    /// By the other one.
    pub peer: Option<String>,
}
