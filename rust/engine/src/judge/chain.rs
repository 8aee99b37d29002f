//! A chain as it was sent, taken by itself: who issued whom, what is missing, whose time is over. Nothing is verified here.

use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};
use x509_parser::x509::X509Name;

use crate::certs::{self, dn, time};
use crate::error::ChainFault;

/// The access method of an issuer's certificate in authorityInfoAccess (RFC 5280 section 4.2.2.1).
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// The parsed certificates, leaf first, and the way from the leaf upwards by the names of the issuers.
pub struct Chain<'a> {
    certificates: Vec<X509Certificate<'a>>,
    walk: Vec<usize>,
}

impl<'a> Chain<'a> {
    /// None if the leaf cannot be parsed. Other certificates that cannot are left out.
    ///
    /// Of several certificates for one issuer, the walk takes one that is valid `now` if there is any.
    pub fn parse(leaf: &'a CertificateDer<'_>, others: &'a [CertificateDer<'_>], now: i64) -> Option<Self> {
        let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
        let others = others.iter().filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed));
        let certificates: Vec<_> = std::iter::once(leaf).chain(others).collect();
        let mut chain = Self { certificates, walk: vec![0] };
        while let Some(next) = chain.next(now) {
            chain.walk.push(next);
        }
        Some(chain)
    }

    pub fn leaf(&self) -> &X509Certificate<'a> {
        &self.certificates[0]
    }

    /// Every certificate of the walk whose validity does not hold now.
    pub fn dates(&self, now: i64) -> Vec<ChainFault> {
        self.on_walk().filter_map(|certificate| date(certificate, now)).collect()
    }

    /// The same of the leaf alone.
    pub fn leaf_dates(&self, now: i64) -> Vec<ChainFault> {
        date(self.leaf(), now).into_iter().collect()
    }

    /// Whether the leaf may be a TLS server's: it has no extendedKeyUsage, or one with serverAuth (RFC 5280 section 4.2.1.12).
    pub fn serves(&self) -> bool {
        self.leaf().extensions().iter().all(|extension| match extension.parsed_extension() {
            ParsedExtension::ExtendedKeyUsage(usage) => usage.server_auth,
            _ => true,
        })
    }

    /// The moment next to now at which all of the walk is valid, then the one at which at least the leaf is.
    pub fn valid_moments(&self, now: i64) -> Vec<i64> {
        let validity = |certificate: &X509Certificate<'_>| {
            let validity = certificate.validity();
            (validity.not_before.timestamp(), validity.not_after.timestamp())
        };
        let all = self.on_walk().map(validity).fold((i64::MIN, i64::MAX), |a, b| (a.0.max(b.0), a.1.min(b.1)));
        [all, validity(self.leaf())]
            .into_iter()
            .filter(|(not_before, not_after)| not_before <= not_after)
            .map(|(not_before, not_after)| now.clamp(not_before, not_after))
            .collect()
    }

    /// Why no path leads from the leaf to a trusted root, as far as the certificates themselves tell.
    pub fn no_path(&self) -> ChainFault {
        let end = self.end();
        let issuer = dn::text(end.issuer());
        if self.walk.len() == 1 && self_issued(end) {
            return ChainFault::SelfSigned { subject: dn::text(end.subject()) };
        }
        let stray = self.walk.len() < self.certificates.len();
        let fetchable = self.walk.len() == 1 && names_its_issuer(end);
        if !self_issued(end) && (stray || fetchable) {
            return ChainFault::MissingIntermediate { issuer };
        }
        ChainFault::UnknownIssuer { issuer }
    }

    /// Whether the walk ends at one of these subjects, which are the contents of names without their header.
    pub fn ends_at<'s>(&self, mut subjects: impl Iterator<Item = &'s [u8]>) -> bool {
        let issuer = contents(self.end().issuer());
        subjects.any(|subject| subject == issuer)
    }

    /// A key that no verifier of ours takes: the leaf's, or without `leaf_alone` the first one of the walk.
    pub fn unusable_key(&self, leaf_alone: bool) -> Option<ChainFault> {
        let length = if leaf_alone { 1 } else { self.walk.len() };
        let key =
            self.on_walk().take(length).map(|certificate| certificate.public_key()).find(
                |key| match certs::key_type(key).as_str() {
                    "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "ed25519" => false,
                    _ => !certs::rsa_bits(key).is_some_and(|bits| (2048..=8192).contains(&bits)),
                },
            )?;
        Some(ChainFault::UnsupportedCertificate(format!("its key is {}", certs::key_type(key))))
    }

    /// The first critical extension of the leaf that is unknown, by its OID.
    pub fn unknown_critical_extension(&self) -> Option<String> {
        let unknown = |extension: &&x509_parser::prelude::X509Extension<'_>| {
            extension.critical && extension.parsed_extension().unsupported()
        };
        self.leaf().extensions().iter().find(unknown).map(|extension| extension.oid.to_id_string())
    }

    fn next(&self, now: i64) -> Option<usize> {
        let end = self.end();
        if self_issued(end) {
            return None;
        }
        let is_issuer =
            |i: &usize| !self.walk.contains(i) && self.certificates[*i].subject().as_raw() == end.issuer().as_raw();
        let mut issuers = (1..self.certificates.len()).filter(is_issuer);
        let first = issuers.next()?;
        let is_valid = |i: &usize| date(&self.certificates[*i], now).is_none();
        Some(std::iter::once(first).chain(issuers).find(is_valid).unwrap_or(first))
    }

    fn end(&self) -> &X509Certificate<'a> {
        self.on_walk().last().unwrap_or(&self.certificates[0])
    }

    fn on_walk(&self) -> impl Iterator<Item = &X509Certificate<'a>> {
        self.walk.iter().map(|i| &self.certificates[*i])
    }
}

fn date(certificate: &X509Certificate<'_>, now: i64) -> Option<ChainFault> {
    let not_before = certificate.validity().not_before.timestamp();
    let not_after = certificate.validity().not_after.timestamp();
    let subject = || dn::text(certificate.subject());
    if now > not_after {
        Some(ChainFault::Expired { subject: subject(), not_after: time::rfc3339(not_after) })
    } else if now < not_before {
        Some(ChainFault::NotYetValid { subject: subject(), not_before: time::rfc3339(not_before) })
    } else {
        None
    }
}

fn self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn names_its_issuer(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => access.iter().any(|description| {
            description.access_method.to_id_string() == CA_ISSUERS
                && matches!(description.access_location, GeneralName::URI(_))
        }),
        _ => false,
    })
}

fn contents<'a>(name: &X509Name<'a>) -> &'a [u8] {
    Any::from_der(name.as_raw()).map_or(&[], |(_, sequence)| sequence.data)
}
