//! What a session leaves behind for the next one: tickets, and all that they are bound to.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;
use serde::Serialize;

use super::identity::IdentityRequest;
use super::verifier::Recorder;

/// Tickets kept of one session; a server that sends more of them wants something else.
const MOST: usize = 8;

/// What a connection brings along besides its configuration.
#[derive(Default)]
pub struct Offer {
    /// The session to resume, if the peer agrees.
    pub resume: Option<Resumable>,
    /// Application data for the first flight (RFC 8446 section 4.2.10), as much of it as the ticket allows. Empty offers to send
    /// some and sends none, which shows whether the peer would take it.
    pub early_data: Option<Vec<u8>>,
}

/// `tlstool.model.EarlyData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EarlyData {
    pub sent: Option<usize>,
    pub accepted: Option<bool>,
}

/// `tlstool.model.Tickets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TicketCount {
    pub count: u32,
    /// rustls keeps it to itself.
    pub lifetime_s: Option<u32>,
}

/// A session that can be resumed. rustls binds a ticket to the verifier and the identity of the session that it came in, so these
/// go with it; and with them goes the verdict of the first handshake, which is the verdict on all that follow from it.
#[derive(Clone)]
pub struct Resumable {
    pub(super) tickets: Arc<Tickets>,
    pub(super) verifier: Arc<Recorder>,
    pub(super) installed: Arc<dyn ServerCertVerifier>,
    pub(super) identity: Arc<IdentityRequest>,
}

/// The memory of one connection: what it may offer, and what it got.
#[derive(Default)]
pub struct Tickets {
    offered: Mutex<Held>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    /// The newest last.
    tls13: Vec<Tls13ClientSessionValue>,
    received: u32,
    early_data_limit: u32,
}

impl Tickets {
    /// For a connection that offers the newest ticket of `previous`, which has it no more: a ticket is for one use (RFC 8446
    /// appendix C.4).
    pub fn after(previous: &Self) -> Self {
        let mut held = previous.held();
        let offered = Held {
            group: held.group,
            tls12: held.tls12.clone(),
            tls13: held.tls13.pop().into_iter().collect(),
            ..Held::default()
        };
        Self { offered: Mutex::new(offered), held: Mutex::default() }
    }

    /// How many came; in TLS 1.2, 1 for a session that can be resumed by ticket or by its ID.
    pub fn received(&self) -> u32 {
        self.held().received
    }

    /// The most that any of the tickets allows.
    pub fn early_data_limit(&self) -> u32 {
        self.held().early_data_limit
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offered(&self) -> MutexGuard<'_, Held> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One store belongs to connections to one server, whatever it is called.
impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _name: ServerName<'static>, group: NamedGroup) {
        self.held().group = Some(group);
    }

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        self.offered().group
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, session: Tls12ClientSessionValue) {
        let mut held = self.held();
        held.tls12 = Some(session);
        held.received = 1;
    }

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.offered().tls12.clone()
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {
        self.offered().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut held = self.held();
        held.received = held.received.saturating_add(1);
        held.early_data_limit = held.early_data_limit.max(ticket.max_early_data_size());
        if held.tls13.len() == MOST {
            held.tls13.remove(0);
        }
        held.tls13.push(ticket);
    }

    fn take_tls13_ticket(&self, _name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.offered().tls13.pop()
    }
}

/// Tickets are secrets.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("received", &self.received()).finish_non_exhaustive()
    }
}
