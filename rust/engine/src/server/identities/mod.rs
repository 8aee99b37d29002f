//! What clients of a site are shown: one of several certificates, by the name that they ask for and the signatures they take.
//!
//! The set can be replaced while the server runs. Whoever is in the middle of a handshake keeps what he was shown, and sessions
//! are resumed across the change, for tickets do not depend on it.

mod choice;
mod heard;
mod staple;

use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::identity::IdentitySpec;
use crate::{Error, Result};
use choice::Choice;
pub use heard::{take_refusal, take_requested_name};

/// `tlstool.sites.NamedIdentity`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSpec {
    pub name: String,
    pub identity: IdentitySpec,
}

/// A chain with its key and its staple, checked; and the names that the leaf is for.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    key: Arc<CertifiedKey>,
    names: Arc<[String]>,
}

/// An identity for clients that ask for a name, or with `*.` in front for any name right below it.
#[derive(Debug, Clone)]
pub struct NamedIdentity {
    pub name: String,
    pub identity: ServerIdentity,
}

/// All that one site can show, as rustls asks for it.
#[derive(Debug)]
pub struct Identities {
    choice: RwLock<Arc<Choice>>,
    /// Whether who asks for no name that is known here is refused, instead of being shown the default.
    strict: bool,
    /// Whether keys are shown without certificates (RFC 7250).
    raw: bool,
}

impl ServerIdentity {
    /// The codes of its errors: those of [`crate::certified_key`], and `bad-staple`.
    pub fn new(spec: &IdentitySpec) -> Result<Self> {
        Self::by(spec, &rustls::crypto::aws_lc_rs::default_provider())
    }

    fn by(spec: &IdentitySpec, provider: &CryptoProvider) -> Result<Self> {
        let mut certified = Arc::unwrap_or_clone(spec.certified_key(provider)?);
        if let Some(response) = &spec.staple {
            let algorithms = &provider.signature_verification_algorithms;
            staple::check(response, &certified.cert, algorithms, &spec.chain_file)?;
            certified.ocsp = Some(response.to_vec());
        }
        let names = dns_names(&certified).into();
        Ok(Self { key: Arc::new(certified), names })
    }

    /// The key alone, in place of a chain.
    fn raw(&self) -> Result<Self> {
        let Some(public) = self.key.key.public_key() else {
            return Err(Error::Internal("the provider does not tell the public key".to_owned()));
        };
        let key = CertifiedKey::new(vec![CertificateDer::from(public.to_vec())], self.key.key.clone());
        Ok(Self { key: Arc::new(key), names: self.names.clone() })
    }
}

impl Identities {
    /// See `tlstool.sites.Site`, from which the arguments come.
    pub fn new(
        given: &[IdentitySpec],
        named: &[NamedSpec],
        strict: bool,
        raw: bool,
        provider: &CryptoProvider,
    ) -> Result<Self> {
        let given = given.iter().map(|spec| ServerIdentity::by(spec, provider)).collect::<Result<Vec<_>>>()?;
        let named = named
            .iter()
            .map(|NamedSpec { name, identity }| {
                Ok(NamedIdentity { name: name.clone(), identity: ServerIdentity::by(identity, provider)? })
            })
            .collect::<Result<Vec<_>>>()?;
        let identities = Self { choice: RwLock::default(), strict, raw };
        identities.renew(given, named)?;
        Ok(identities)
    }

    /// From the next handshake on, show these in place of what was there.
    pub fn renew(&self, mut given: Vec<ServerIdentity>, mut named: Vec<NamedIdentity>) -> Result<()> {
        if self.raw {
            given = given.iter().map(ServerIdentity::raw).collect::<Result<_>>()?;
            for one in &mut named {
                one.identity = one.identity.raw()?;
            }
        }
        let choice = Arc::new(Choice::new(&given, &named));
        *self.choice.write().unwrap_or_else(PoisonError::into_inner) = choice;
        Ok(())
    }

    fn choice(&self) -> Arc<Choice> {
        Arc::clone(&self.choice.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        let choice = self.choice();
        // Rustls itself would find only in the middle of a handshake that no signature is in common; in TLS 1.2 it then sends no
        // alert, and takes it for an error of its own.
        let found = choice.pick(name, hello.signature_schemes(), self.strict).cloned();
        heard::note(name, found.as_ref().err().copied());
        found.ok()
    }

    fn only_raw_public_keys(&self) -> bool {
        self.raw
    }
}

/// The DNS names of the leaf's subjectAltName, in lower case. A common name counts for no client any more (RFC 9525 section 2).
fn dns_names(certified: &CertifiedKey) -> Vec<String> {
    let Some(Ok((_, leaf))) = certified.cert.first().map(|der| X509Certificate::from_der(der)) else {
        return Vec::new();
    };
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Vec::new() };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(dns).collect()
}

#[cfg(test)]
mod tests;
