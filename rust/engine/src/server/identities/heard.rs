//! What rustls tells of a hello to nobody but the resolver of certificates, kept for the connection that was given the hello.
//!
//! The unbuffered server connection has no way to ask for the requested name, and a resolver no way to say why it has nothing to
//! show. A connection takes in a hello in one call, in its worker's thread, and asks here right after it.

use std::cell::RefCell;

use super::choice::Lack;
use crate::Error;
use crate::conn::Output;
use crate::server::alert;

thread_local! {
    static REQUESTED_NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
    static REFUSAL: RefCell<Option<Refusal>> = const { RefCell::new(None) };
}

/// There is nothing to be shown to a client.
#[derive(Debug)]
pub struct Refusal {
    /// What it asked for.
    name: Option<Box<str>>,
    lack: Lack,
}

/// The name that the client asked for in the hello that this thread has just taken in, if one did come.
pub fn take_requested_name() -> Option<Box<str>> {
    REQUESTED_NAME.take()
}

/// Whether it was the resolver that ended the handshake just now.
pub fn take_refusal() -> Option<Refusal> {
    REFUSAL.take()
}

pub(super) fn note(name: Option<&str>, lack: Option<Lack>) {
    let name: Option<Box<str>> = name.map(Into::into);
    REFUSAL.set(lack.map(|lack| Refusal { name: name.clone(), lack }));
    REQUESTED_NAME.set(name);
}

impl Refusal {
    /// Say so by an alert, in place of the `access_denied` that rustls has put into `output`; nothing is encrypted before the
    /// certificate is chosen. What is returned is the error of the connection.
    pub fn tell(self, output: &mut Output) -> Error {
        // RFC 8446 section 4.4.2.2, and RFC 6066 section 3.
        let (alert, message) = match (self.lack, self.name) {
            (Lack::Scheme, _) => (alert::HANDSHAKE_FAILURE, "no signature scheme is in common".to_owned()),
            (Lack::Name, Some(name)) => {
                (alert::UNRECOGNIZED_NAME, format!("the client asks for {name}, for which there is no certificate"))
            }
            (Lack::Name, None) => (
                alert::UNRECOGNIZED_NAME,
                "the client asks for no name, and there is no certificate for that".to_owned(),
            ),
        };
        alert::instead(output, alert);
        Error::PeerIncompatible(message)
    }
}
