//! What a server asks of its clients, and what it got of us.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use serde::Serialize;

use crate::certs::dn;
use crate::provider::scheme_name;

/// Whether a server asked for our certificate, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificate {
    NotRequested,
    Requested,
    /// It went out; the server has not said what it makes of it.
    Sent,
    Accepted,
}

/// `tlstool.model.ClientRequest`: what a `CertificateRequest` says (RFC 8446 section 4.3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientRequest {
    pub authorities: Vec<String>,
    pub signature_schemes: Vec<String>,
}

/// Our certificate, and the record of its being asked for.
#[derive(Debug)]
pub struct IdentityRequest {
    identity: Option<Arc<CertifiedKey>>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    request: ClientRequest,
    outcome: ClientCertificate,
}

impl IdentityRequest {
    pub fn new(identity: Option<Arc<CertifiedKey>>) -> Self {
        Self { identity, seen: Mutex::default() }
    }

    pub fn outcome(&self) -> ClientCertificate {
        self.seen().as_ref().map_or(ClientCertificate::NotRequested, |seen| seen.outcome)
    }

    pub fn request(&self) -> Option<ClientRequest> {
        self.seen().as_ref().map(|seen| seen.request.clone())
    }

    /// For another connection.
    pub fn forget(&self) {
        *self.seen() = None;
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesClientCert for IdentityRequest {
    /// A key that cannot sign by any of `schemes` would send an empty Certificate message, just as none does.
    fn resolve(&self, root_hint_subjects: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let usable = self.identity.clone().filter(|identity| identity.key.choose_scheme(schemes).is_some());
        let request = ClientRequest {
            authorities: root_hint_subjects.iter().map(|name| dn::from_der(name)).collect(),
            signature_schemes: schemes.iter().copied().map(scheme_name).collect(),
        };
        let outcome = if usable.is_some() { ClientCertificate::Sent } else { ClientCertificate::Requested };
        *self.seen() = Some(Seen { request, outcome });
        usable
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
