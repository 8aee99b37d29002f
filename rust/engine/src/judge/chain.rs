//! A chain as it was sent, taken by itself: who issued whom, what is missing, whose time is over. Nothing is verified here.

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::fault::{ChainFault, Why};
use super::purpose::Purpose;
use crate::certs::{self, der, dn, extensions, time};

/// The critical extensions that the verifier understands: names, constraints, usages and where revocation lists are.
const UNDERSTOOD: [&str; 6] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37"];

/// One certificate of a chain.
pub struct Link<'a> {
    pub parsed: X509Certificate<'a>,
    pub der: &'a [u8],
    /// Its place among those that the peer sent; None for one from elsewhere.
    pub place: Option<usize>,
}

impl Link<'_> {
    pub fn subject(&self) -> String {
        dn::text(self.parsed.subject())
    }

    pub fn issuer(&self) -> String {
        dn::text(self.parsed.issuer())
    }

    pub fn is_self_issued(&self) -> bool {
        self.parsed.subject().as_raw() == self.parsed.issuer().as_raw()
    }

    /// Its fault, if its validity does not hold now; `clock` says what "now" is.
    fn date(&self, now: i64, clock: &str) -> Option<ChainFault> {
        let not_before = self.parsed.validity().not_before.timestamp();
        let not_after = self.parsed.validity().not_after.timestamp();
        let (subject, clock) = (self.subject(), clock.to_owned());
        let why = if now > not_after {
            Why::Expired { subject, not_after: time::rfc3339(not_after), clock }
        } else if now < not_before {
            Why::NotYetValid { subject, not_before: time::rfc3339(not_before), clock }
        } else {
            return None;
        };
        Some(why.of(self.place))
    }

    /// Its fault, if no verifier of ours takes its key.
    fn key(&self) -> Option<ChainFault> {
        let key = certs::key_type(self.parsed.public_key());
        let subject = self.subject();
        let why = match (key.as_str(), certs::rsa_bits(self.parsed.public_key())) {
            ("ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "ed25519", _) | (_, Some(2048..=8192)) => return None,
            (_, Some(0..2048)) => Why::WeakKey { subject, key },
            _ => Why::UnsupportedKey { subject, key },
        };
        Some(why.of(self.place))
    }

    /// Its first critical extension that the verifier does not understand, by its OID.
    pub fn unknown_critical_extension(&self) -> Option<String> {
        let critical = self.parsed.extensions().iter().filter(|extension| extension.critical);
        critical.map(|extension| extension.oid.to_id_string()).find(|oid| !UNDERSTOOD.contains(&oid.as_str()))
    }
}

/// The certificates that could be parsed, leaf first, and the way from the leaf upwards by the names of the issuers.
pub struct Chain<'a> {
    links: Vec<Link<'a>>,
    walk: Vec<usize>,
    now: i64,
    clock: String,
}

impl<'a> Chain<'a> {
    /// None if the leaf cannot be parsed. The first `sent` of all are the peer's, the leaf among them.
    ///
    /// Of several certificates for one issuer, the walk takes one that is valid `now` if there is any; `clock` says what that is.
    pub fn parse(
        leaf: &'a CertificateDer<'_>,
        others: &'a [CertificateDer<'_>],
        sent: usize,
        now: i64,
        clock: String,
    ) -> Option<Self> {
        let link = |(number, der): (usize, &'a [u8])| {
            let (_, parsed) = X509Certificate::from_der(der).ok()?;
            Some(Link { parsed, der, place: (number < sent).then_some(number) })
        };
        let leaf = link((0, leaf.as_ref()))?;
        let others = others.iter().map(AsRef::as_ref).enumerate().filter_map(|(i, der)| link((i + 1, der)));
        let links: Vec<_> = std::iter::once(leaf).chain(others).collect();
        let mut chain = Self { links, walk: vec![0], now, clock };
        while let Some(next) = chain.next() {
            chain.walk.push(next);
        }
        Some(chain)
    }

    pub fn leaf(&self) -> &Link<'a> {
        &self.links[0]
    }

    /// The certificates on the walk, leaf first.
    pub fn walk(&self) -> impl Iterator<Item = &Link<'a>> {
        self.walk.iter().map(|i| &self.links[*i])
    }

    /// Every certificate of the walk whose validity does not hold now.
    pub fn dates(&self) -> Vec<ChainFault> {
        self.walk().filter_map(|link| link.date(self.now, &self.clock)).collect()
    }

    /// The same of these certificates, wherever they stand in the chain.
    pub fn dates_of<'d>(&self, certificates: impl Iterator<Item = &'d [u8]>) -> Vec<ChainFault> {
        let links = certificates.filter_map(|der| self.links.iter().find(|link| link.der == der));
        links.filter_map(|link| link.date(self.now, &self.clock)).collect()
    }

    /// The same of the leaf alone.
    pub fn leaf_dates(&self) -> Vec<ChainFault> {
        self.leaf().date(self.now, &self.clock).into_iter().collect()
    }

    /// The fault of a leaf that is not for this purpose (RFC 5280 section 4.2.1.12).
    pub fn purpose_fault(&self, purpose: Purpose) -> Option<ChainFault> {
        let offered = extensions::extended_key_usage(&self.leaf().parsed)?;
        let fits = purpose.takes(&offered);
        (!fits).then(|| Why::WrongPurpose { subject: self.leaf().subject(), wanted: purpose.name(), offered }.of_leaf())
    }

    /// The moment next to now at which all of the walk is valid, then the one at which at least the leaf is; now itself is none.
    pub fn valid_moments(&self) -> Vec<i64> {
        let validity = |link: &Link<'_>| {
            let validity = link.parsed.validity();
            (validity.not_before.timestamp(), validity.not_after.timestamp())
        };
        let all = self.walk().map(validity).fold((i64::MIN, i64::MAX), |a, b| (a.0.max(b.0), a.1.min(b.1)));
        [all, validity(self.leaf())]
            .into_iter()
            .filter(|(not_before, not_after)| not_before <= not_after)
            .map(|(not_before, not_after)| self.now.clamp(not_before, not_after))
            .filter(|moment| *moment != self.now)
            .collect()
    }

    /// Why no path leads from the leaf to a trusted root, as far as the certificates themselves tell.
    pub fn no_path(&self) -> ChainFault {
        let end = self.end();
        if self.walk.len() == 1 && end.is_self_issued() {
            return Why::SelfSigned { subject: end.subject() }.of(end.place);
        }
        let issuer = end.issuer();
        let stray = self.walk.len() < self.links.len();
        // A root has no issuer to be fetched from anywhere.
        let fetchable = self.walk.len() == 1 && !extensions::ca_issuer_urls(&end.parsed).is_empty();
        if !end.is_self_issued() && (stray || fetchable) {
            return Why::MissingIntermediate { subject: end.subject(), issuer }.of(end.place);
        }
        Why::UnknownIssuer { issuer }.of(end.place)
    }

    /// Whether the walk ends at one of these subjects, which are the contents of names without their header.
    pub fn ends_at<'s>(&self, mut subjects: impl Iterator<Item = &'s [u8]>) -> bool {
        let issuer = der::contents(self.end().parsed.issuer().as_raw()).unwrap_or_default();
        subjects.any(|subject| subject == issuer)
    }

    /// A key that no verifier of ours takes: the leaf's, or without `leaf_alone` the first one of the walk.
    pub fn unusable_key(&self, leaf_alone: bool) -> Option<ChainFault> {
        let length = if leaf_alone { 1 } else { self.walk.len() };
        self.walk().take(length).find_map(Link::key)
    }

    fn next(&self) -> Option<usize> {
        let end = self.end();
        if end.is_self_issued() {
            return None;
        }
        let is_issuer = |i: &usize| {
            !self.walk.contains(i) && self.links[*i].parsed.subject().as_raw() == end.parsed.issuer().as_raw()
        };
        let mut issuers = (1..self.links.len()).filter(is_issuer);
        let first = issuers.next()?;
        let is_valid = |i: &usize| self.links[*i].date(self.now, "").is_none();
        Some(std::iter::once(first).chain(issuers).find(is_valid).unwrap_or(first))
    }

    fn end(&self) -> &Link<'a> {
        self.walk().last().unwrap_or(&self.links[0])
    }
}
