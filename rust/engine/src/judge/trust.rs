//! What is trusted: the roots, the revocation lists, and the report on a chain that was judged by them.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certs::pem::{self, Fault};
use crate::{Error, Result};

/// `tlstool.model.Roots`, made `plain`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootsSpec {
    pub store: String,
    pub pem: Option<Vec<ByteBuf>>,
}

/// How something was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    Bad,
    Unknown,
    NotChecked,
}

/// `tlstool.model.Finding`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub code: &'static str,
    pub message: String,
}

/// `tlstool.model.Trust`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    pub verdict: Verdict,
    pub name: Option<String>,
    pub revocation: Verdict,
    pub findings: Vec<Finding>,
    pub verifier: &'static str,
    pub store: String,
}

/// Roots, ready to verify against.
#[derive(Debug)]
pub enum Roots {
    /// The system's own verifier; `anchors` are its roots as far as they can be had, read only to explain a refusal.
    System { platform: Box<rustls_platform_verifier::Verifier>, anchors: OnceLock<Vec<TrustAnchor<'static>>> },
    /// These certificates alone. `trusted` are the same as they stand in their files: a leaf that is one of them needs no path.
    Given { anchors: Vec<TrustAnchor<'static>>, trusted: Vec<CertificateDer<'static>> },
}

impl Roots {
    /// The roots that `spec` names.
    ///
    /// `by_webpki` wants the system's roots without the system's verifier, which knows no revocation lists and always checks a name.
    pub fn load(spec: &RootsSpec, by_webpki: bool, provider: &Arc<CryptoProvider>) -> Result<Self> {
        match &spec.pem {
            Some(files) => given(files, &spec.store),
            None if by_webpki => Ok(Self::Given { anchors: some(system_anchors())?, trusted: Vec::new() }),
            None => {
                let platform = rustls_platform_verifier::Verifier::new(provider.clone())
                    .map_err(|error| Error::local("no-roots", format!("the system's roots cannot be had: {error}")))?;
                Ok(Self::System { platform: Box::new(platform), anchors: OnceLock::new() })
            }
        }
    }

    pub fn anchors(&self) -> &[TrustAnchor<'static>] {
        match self {
            Self::System { anchors, .. } => anchors.get_or_init(system_anchors),
            Self::Given { anchors, .. } => anchors,
        }
    }

    /// Whether this very certificate was named as trusted.
    pub fn has(&self, leaf: &CertificateDer<'_>) -> bool {
        matches!(self, Self::Given { trusted, .. } if trusted.iter().any(|root| root.as_ref() == leaf.as_ref()))
    }

    /// What judges, for the report.
    pub fn verifier(&self) -> &'static str {
        match self {
            Self::Given { .. } => "webpki",
            Self::System { .. } if cfg!(target_os = "linux") => "platform verifier (webpki on Linux)",
            Self::System { .. } => "platform verifier",
        }
    }
}

/// Revocation lists, PEM or DER each.
pub fn revocation_lists(files: &[ByteBuf]) -> Result<Vec<CertRevocationList<'static>>> {
    let mut lists = Vec::new();
    for file in files {
        let found = pem::revocation_lists(file)
            .map_err(|fault| Error::local("bad-crl", format!("a file for revocation lists {}", fault.words())))?;
        for der in found {
            let list = OwnedCertRevocationList::from_der(&der)
                .map_err(|why| Error::local("bad-crl", format!("a revocation list cannot be read: {why:?}")))?;
            lists.push(list.into());
        }
    }
    Ok(lists)
}

fn given(files: &[ByteBuf], store: &str) -> Result<Roots> {
    let (mut anchors, mut trusted) = (Vec::new(), Vec::new());
    for file in files {
        let certificates = pem::certificates(file).map_err(|fault| match fault {
            Fault::Absent(why) => Error::local("no-certificate", format!("{store} {why}")),
            Fault::Unreadable(why) => Error::local("bad-certificate-file", format!("{store} {why}")),
        })?;
        for certificate in certificates {
            match webpki::anchor_from_trusted_cert(&certificate) {
                Ok(anchor) => anchors.push(anchor.to_owned()),
                // No anchor for others, but still a leaf that can be trusted as it is.
                Err(_) if X509Certificate::from_der(&certificate).is_ok() => {}
                Err(why) => {
                    let message = format!("{store} has a certificate that cannot be read: {why:?}");
                    return Err(Error::local("bad-certificate-file", message));
                }
            }
            trusted.push(certificate);
        }
    }
    Ok(Roots::Given { anchors, trusted })
}

/// The system's bundle. What cannot be read of it is left out: nobody here can mend it.
fn system_anchors() -> Vec<TrustAnchor<'static>> {
    let found = rustls_native_certs::load_native_certs();
    found.certs.iter().filter_map(|der| webpki::anchor_from_trusted_cert(der).ok().map(|a| a.to_owned())).collect()
}

fn some(anchors: Vec<TrustAnchor<'static>>) -> Result<Vec<TrustAnchor<'static>>> {
    if anchors.is_empty() {
        return Err(Error::local("no-roots", "the system's store has no roots that can be read"));
    }
    Ok(anchors)
}
