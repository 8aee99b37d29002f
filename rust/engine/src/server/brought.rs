//! What a client brings along to its handshake: the name that it asks for, a certificate, and data that does not wait.

use rustls::HandshakeKind;
use rustls::server::UnbufferedServerConnection;

use super::client_auth::{ClientCertificate, Shown, take_shown};
use super::early::{Early, EarlyDataReceived};
use super::history::History;
use super::identities::take_requested_name;
use super::site::Site;
use crate::hello::kind;
use crate::{Error, Result};

#[derive(Default)]
pub struct Brought {
    requested_name: Option<Box<str>>,
    shown: Option<Box<Shown>>,
    early: Option<Box<Early>>,
}

impl Brought {
    pub fn hold(&mut self, early_data: &[u8]) {
        self.early.get_or_insert_default().hold(early_data);
    }

    /// rustls has taken in bytes of the handshake: note what they showed.
    pub fn note(&mut self, site: &Site, history: &History) {
        if site.tls.max_early_data_size > 0 && history.offers(kind::EARLY_DATA) {
            self.early.get_or_insert_default();
        }
        if let Some(name) = take_requested_name() {
            self.requested_name = Some(name);
        }
        if let Some(shown) = take_shown() {
            self.shown = Some(shown);
        }
    }

    /// The handshake is complete. `plain` is what came behind it, and early data goes before that.
    ///
    /// A session that is resumed has not asked for a certificate: the one that it was agreed on with counts, as it is judged now.
    pub fn admit(&mut self, site: &Site, tls: &UnbufferedServerConnection, plain: &mut Vec<u8>) -> Result<()> {
        if let Some(auth) = &site.client_auth {
            let shown = auth.outcome(self.shown.take(), tls.peer_certificates());
            let refusal = match &shown.fault {
                Some(fault) => Some(Error::Certificate(fault.clone())),
                None => shown.certificate.subject.is_none().then_some(Error::NoClientCertificate),
            };
            self.shown = Some(shown);
            if let Some(error) = refusal.filter(|_| auth.is_required()) {
                plain.clear();
                return Err(error);
            }
        }
        if let Some(early) = &mut self.early {
            plain.splice(..0, early.release());
        }
        Ok(())
    }

    /// Why rustls ended the handshake, in our words where it was for what the client brought or did not.
    pub fn refusal(&self, error: rustls::Error) -> Error {
        match (error, &self.shown) {
            (rustls::Error::NoCertificatesPresented, _) => Error::NoClientCertificate,
            (rustls::Error::NoApplicationProtocol, _) => Error::PeerIncompatible(
                "the client offers none of the server's application protocols (ALPN)".to_owned(),
            ),
            (rustls::Error::InvalidCertificate(why), Some(shown)) => {
                let forged = matches!(why, rustls::CertificateError::BadSignature);
                let fault = shown.fault.clone().filter(|_| !forged);
                fault.map_or_else(|| rustls::Error::InvalidCertificate(why).into(), Error::Certificate)
            }
            (error, _) => error.into(),
        }
    }

    /// SNI, as it was sent.
    pub fn requested_name(&self) -> Option<&str> {
        self.requested_name.as_deref()
    }

    pub fn certificate(&self) -> Option<ClientCertificate> {
        self.shown.as_ref().map(|shown| shown.certificate.clone())
    }

    pub fn early_data(&self, kind: Option<HandshakeKind>) -> Option<EarlyDataReceived> {
        self.early.as_ref().map(|early| early.told(kind == Some(HandshakeKind::Resumed)))
    }
}
