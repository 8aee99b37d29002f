//! A path that webpki found, from the leaf to the anchor that is trusted.

use rustls_pki_types::TrustAnchor;
use webpki::VerifiedPath;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::roots::Anchors;
use super::trust::PathCertificate;
use crate::certs::{self, dn, time};

/// The certificates of a path as they are encoded, the leaf first and the anchor last.
pub struct Path<'a>(Vec<&'a [u8]>);

impl<'a> Path<'a> {
    /// The path that was found, its intermediates among `others`, its anchor among `anchors`.
    pub fn new(leaf: &'a [u8], found: &VerifiedPath<'_>, others: &[&'a [u8]], anchors: &'a Anchors) -> Self {
        let mut path = vec![leaf];
        for certificate in found.intermediate_certificates() {
            path.extend(others.iter().find(|der| **der == certificate.der().as_ref()));
        }
        let is_anchor = |anchor: &&TrustAnchor<'_>| std::ptr::eq(*anchor, found.anchor());
        let anchor = anchors.anchors.iter().zip(&anchors.certificates).find(|(anchor, _)| is_anchor(anchor));
        path.extend(anchor.map(|(_, certificate)| certificate.as_ref()));
        Self(path)
    }

    /// A leaf that is itself the anchor.
    pub fn of_one(leaf: &'a [u8]) -> Self {
        Self(vec![leaf])
    }

    pub fn certificates(&self) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().copied()
    }

    /// Those whose dates count: an anchor is trusted as long as it is in the store.
    pub fn below_anchor(&self) -> impl Iterator<Item = &'a [u8]> {
        self.certificates().take(self.0.len().saturating_sub(1))
    }

    /// The certificate of the leaf's issuer.
    pub fn issuer(&self) -> Option<&'a [u8]> {
        self.0.get(1).copied()
    }

    /// The path for the report; `sent` are the certificates that the peer sent, in order.
    pub fn report(&self, sent: &[&[u8]]) -> Vec<PathCertificate> {
        let last = self.0.len() - 1;
        self.certificates().enumerate().filter_map(|(i, der)| certificate(der, sent, i == last)).collect()
    }
}

fn certificate(der: &[u8], sent: &[&[u8]], is_anchor: bool) -> Option<PathCertificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(PathCertificate {
        subject: dn::text(parsed.subject()),
        not_after: time::rfc3339(parsed.validity().not_after.timestamp()),
        key_type: certs::key_type(parsed.public_key()),
        signature_algorithm: certs::signature_algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
        sha256: certs::sha256(der),
        sent: sent.iter().position(|one| *one == der),
        is_anchor,
    })
}
