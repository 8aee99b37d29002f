//! What rustls tells of a hello to nobody but the resolver of certificates, kept for the connection that was given the hello.
//!
//! The unbuffered server connection has no way to ask for the requested name, and a resolver no way to say why it has nothing to
//! show. A connection takes in a hello in one call, in its worker's thread, and asks here right after it.

use std::cell::RefCell;

use crate::Error;
use crate::conn::Output;
use crate::server::alert;

thread_local! {
    static REQUESTED_NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
    static REFUSAL: RefCell<Option<Refusal>> = const { RefCell::new(None) };
}

/// A client asked for a name, or for none, for which there is nothing to be shown.
#[derive(Debug)]
pub struct Refusal {
    name: Option<Box<str>>,
}

/// The name that the client asked for in the hello that this thread has just taken in, if one did come.
pub fn take_requested_name() -> Option<Box<str>> {
    REQUESTED_NAME.take()
}

/// Whether it was the resolver that ended the handshake just now.
pub fn take_refusal() -> Option<Refusal> {
    REFUSAL.take()
}

pub(super) fn note(name: Option<&str>, refused: bool) {
    let name: Option<Box<str>> = name.map(Into::into);
    REFUSAL.set(refused.then(|| Refusal { name: name.clone() }));
    REQUESTED_NAME.set(name);
}

impl Refusal {
    /// Say so by an alert (RFC 6066 section 3), in place of the `access_denied` that rustls has put into `output`; nothing is
    /// encrypted before the certificate is chosen. What is returned is the error of the connection.
    pub fn tell(self, output: &mut Output) -> Error {
        alert::instead(output, alert::UNRECOGNIZED_NAME);
        Error::PeerIncompatible(match self.name {
            Some(name) => format!("the client asks for {name}, for which there is no certificate"),
            None => "the client asks for no name, and there is no certificate for that".to_owned(),
        })
    }
}
