//! The roots that are trusted, ready to verify against.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::explain;
use crate::certs::pem::{self, Fault};
use crate::{Error, Result};

/// `tlstool.model.Roots`, made `plain`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootsSpec {
    pub store: String,
    pub pem: Option<Vec<ByteBuf>>,
    pub extra: Vec<ByteBuf>,
}

/// Anchors, and the certificates that they were made of.
#[derive(Debug, Default)]
pub struct Anchors {
    pub anchors: Vec<TrustAnchor<'static>>,
    /// One for each anchor, in the same order.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl Anchors {
    /// A certificate as an anchor; false if webpki cannot read it as one.
    pub fn add(&mut self, certificate: CertificateDer<'static>) -> bool {
        match webpki::anchor_from_trusted_cert(&certificate) {
            Ok(anchor) => self.anchors.push(anchor.to_owned()),
            Err(_) => return false,
        }
        self.certificates.push(certificate);
        true
    }
}

/// What is trusted.
#[derive(Debug)]
pub enum Roots {
    /// The system's own verifier, where the system has one; `anchors` are its roots as far as they can be had, read only for the
    /// report.
    Platform {
        verifier: Box<rustls_platform_verifier::Verifier>,
        anchors: OnceLock<Anchors>,
        extra: Vec<CertificateDer<'static>>,
    },
    /// These certificates alone. `as_they_are` are those that were named in files: a leaf that is one of them needs no path.
    Given { anchors: Anchors, as_they_are: Vec<CertificateDer<'static>> },
}

impl Roots {
    /// The roots that `spec` names.
    ///
    /// `by_webpki` wants the system's roots without the system's verifier, which knows no revocation lists and no other purpose
    /// than that of servers, and always checks a name. On Linux and the like the system has roots only, and webpki verifies.
    pub fn load(spec: &RootsSpec, by_webpki: bool, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let has_verifier = cfg!(any(windows, target_vendor = "apple", target_os = "android"));
        let (named, as_they_are) = read(spec.pem.as_deref().unwrap_or_default(), &spec.store)?;
        let (extra, more) = read(&spec.extra, &spec.store)?;
        if spec.pem.is_none() && has_verifier && !by_webpki {
            let verifier =
                rustls_platform_verifier::Verifier::new_with_extra_roots(extra.certificates, provider.clone())
                    .map_err(|error| Error::local("no-roots", format!("the system's roots cannot be had: {error}")))?;
            return Ok(Self::Platform { verifier: Box::new(verifier), anchors: OnceLock::new(), extra: more });
        }
        let mut anchors = if spec.pem.is_none() { some(system())? } else { named };
        anchors.anchors.extend(extra.anchors);
        anchors.certificates.extend(extra.certificates);
        Ok(Self::Given { anchors, as_they_are: [as_they_are, more].concat() })
    }

    pub fn anchors(&self) -> &Anchors {
        match self {
            Self::Platform { anchors, extra, .. } => anchors.get_or_init(|| {
                let mut found = system();
                for certificate in extra {
                    found.add(certificate.clone());
                }
                found
            }),
            Self::Given { anchors, .. } => anchors,
        }
    }

    /// Whether this very certificate was named as trusted.
    pub fn has(&self, leaf: &CertificateDer<'_>) -> bool {
        let (Self::Platform { extra: named, .. } | Self::Given { as_they_are: named, .. }) = self;
        named.iter().any(|root| root.as_ref() == leaf.as_ref())
    }

    /// What judges, for the report.
    pub fn verifier(&self) -> &'static str {
        match self {
            Self::Given { .. } => "webpki",
            Self::Platform { .. } => "platform verifier",
        }
    }
}

/// The certificates of files as anchors, and as they are.
fn read(files: &[ByteBuf], store: &str) -> Result<(Anchors, Vec<CertificateDer<'static>>)> {
    let (mut anchors, mut as_they_are) = (Anchors::default(), Vec::new());
    for file in files {
        let certificates = pem::certificates(file).map_err(|fault| match fault {
            Fault::Absent(why) => Error::local("no-certificate", format!("{store} {why}")),
            Fault::Unreadable(why) => Error::local("bad-certificate-file", format!("{store} {why}")),
        })?;
        for certificate in certificates {
            // What is no anchor for others is still a leaf that can be trusted as it is.
            if !anchors.add(certificate.clone()) && !explain::is_certificate(&certificate) {
                let message = format!("{store} has a certificate that cannot be read: its encoding is malformed");
                return Err(Error::local("bad-certificate-file", message));
            }
            as_they_are.push(certificate);
        }
    }
    Ok((anchors, as_they_are))
}

/// The system's bundle. What cannot be read of it is left out: nobody here can mend it.
fn system() -> Anchors {
    let mut found = Anchors::default();
    for certificate in rustls_native_certs::load_native_certs().certs {
        found.add(certificate);
    }
    found
}

fn some(anchors: Anchors) -> Result<Anchors> {
    if anchors.anchors.is_empty() {
        return Err(Error::local("no-roots", "the system's store has no roots that can be read"));
    }
    Ok(anchors)
}
