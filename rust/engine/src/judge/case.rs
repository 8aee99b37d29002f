//! One chain before the judge.

use std::collections::VecDeque;

use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, Error as TlsError};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::chain::Chain;
use super::explain::{self, Context};
use super::fault::{ChainFault, Why};
use super::path::Path;
use super::purpose::Purpose;
use super::roots::{Anchors, Roots};
use super::staple::{self, Issuer, Staple};
use super::tlsa::{self, Tlsa};
use super::trust::Verdict;
use super::{Judge, Judgement, Presented, name, revocation, unix_time};
use crate::certs::{self, extensions};

/// A chain, and all that it is judged by.
pub struct Case<'a> {
    pub judge: &'a Judge,
    pub shown: Presented<'a>,
    pub chain: &'a Chain<'a>,
    /// The leaf as webpki reads it, or why it does not.
    pub entity: Result<&'a EndEntityCert<'a>, &'a webpki::Error>,
    pub now: i64,
}

impl<'a> Case<'a> {
    /// Everything that is to be said, the fault that decides first.
    pub fn judgement(&self) -> Judgement {
        let mut judgement = if self.judge.tlsa.is_empty() { self.by_roots() } else { self.by_tlsa() };
        judgement.faults.extend(self.pin_fault());
        judgement.faults.sort_by_key(ChainFault::rank);
        judgement
    }

    /// The usual verification (RFC 5280).
    fn by_roots(&self) -> Judgement {
        match (&self.judge.roots, self.entity) {
            (roots, _) if roots.has(self.shown.leaf) => self.as_it_is(),
            (_, Err(why)) => {
                let faults = [vec![explain::unreadable(why, self.chain)], self.chain.dates()].concat();
                self.complete(Judgement::without_path(faults, self.judge.revocation_without_path()), None)
            }
            (Roots::Given { anchors, .. }, Ok(entity)) => self.by_anchors(entity, anchors),
            (Roots::Platform { verifier, .. }, Ok(entity)) => self.by_platform(entity, verifier),
        }
    }

    /// By the records of the DNS (RFC 7671 section 5). The strongest of them that fits decides: the leaf itself, then an
    /// authority, then those that only add to the usual verification.
    fn by_tlsa(&self) -> Judgement {
        let records = &self.judge.tlsa;
        let leaf = self.shown.leaf.as_ref();
        let of = |usage: u8| records.iter().filter(move |record| record.usage == usage);
        if let Some(record) = of(tlsa::DANE_EE).find(|record| record.fits(leaf)) {
            // Neither names nor dates count, nor who issued it (section 5.1).
            let mut judgement = Judgement::without_path(Vec::new(), Verdict::NotChecked);
            judgement.faults.extend(self.chain.unusable_key(true));
            judgement.staple = self.staple(None);
            judgement.store = Some(record.to_string());
            return judgement;
        }
        let mut constraints = of(tlsa::PKIX_EE).chain(of(tlsa::PKIX_TA)).peekable();
        match self.by_dane_anchors() {
            // One record that fits is enough: an authority that does not lead here takes nothing from the others.
            Some(judgement) if judgement.path.is_some() || constraints.peek().is_none() => return judgement,
            None if constraints.peek().is_none() => {
                let faults = vec![Why::TlsaMismatch.of(None)];
                return self.complete(Judgement::without_path(faults, self.judge.revocation_without_path()), None);
            }
            _ => {}
        }
        let mut judgement = self.by_roots();
        if !constraints.any(|record| self.constrains(record, &judgement)) {
            judgement.faults.push(Why::TlsaMismatch.of(None));
        }
        judgement
    }

    /// The verification with the authorities of DANE-TA records as roots; None where there are none.
    fn by_dane_anchors(&self) -> Option<Judgement> {
        let ((anchors, record), entity) = self.dane_anchors().zip(self.entity.ok())?;
        let mut judgement = self.by_anchors(entity, &anchors);
        judgement.store = Some(record.to_string());
        Some(judgement)
    }

    /// The authorities that DANE-TA records name: certificates that were sent, or that stand in the records (section 5.2).
    fn dane_anchors(&self) -> Option<(Anchors, &'a Tlsa)> {
        let mut anchors = Anchors::default();
        let mut deciding = None;
        for record in self.judge.tlsa.iter().filter(|record| record.usage == tlsa::DANE_TA) {
            let sent = self.shown.others.iter().map(AsRef::as_ref).filter(|der| record.fits(der));
            for der in sent.chain(record.certificate()) {
                if anchors.add(CertificateDer::from(der.to_vec())) {
                    deciding = deciding.or(Some(record));
                }
            }
        }
        deciding.map(|record| (anchors, record))
    }

    /// Whether a record that only adds to the usual verification fits: the leaf, or an authority on the path.
    fn constrains(&self, record: &Tlsa, judgement: &Judgement) -> bool {
        if record.usage == tlsa::PKIX_EE {
            return record.fits(self.shown.leaf);
        }
        let anchors = &self.judge.roots.anchors().certificates;
        let candidates = self.shown.others.iter().chain(anchors).filter(|der| record.fits(der));
        let on_path = |hash: &str| judgement.path.iter().flatten().skip(1).any(|one| one.sha256 == hash);
        candidates.into_iter().any(|der| on_path(&certs::sha256(der)))
    }

    /// A leaf that is one of the given roots, byte for byte: purpose and dates still count.
    fn as_it_is(&self) -> Judgement {
        let mut faults = self.chain.leaf_dates();
        faults.extend(self.chain.purpose_fault(self.judge.purpose));
        let path = Path::of_one(self.shown.leaf);
        let revocation = self.judge.revocation_without_path();
        if revocation == Verdict::Unknown {
            faults.push(Why::RevocationUnknown { outdated: None }.of_leaf());
        }
        self.complete(Judgement::without_path(faults, revocation), Some(&path))
    }

    /// The system's verifier decides. It says one reason and not which certificate; so webpki explains, with the system's roots.
    fn by_platform(&self, entity: &'a EndEntityCert<'a>, platform: &rustls_platform_verifier::Verifier) -> Judgement {
        let Some(name) = &self.judge.name else { return self.by_anchors(entity, self.judge.roots.anchors()) };
        let (leaf, others, staple) = (self.shown.leaf, self.shown.others, self.shown.staple.unwrap_or_default());
        let verified = platform.verify_server_cert(leaf, others, name, staple, unix_time(self.now));
        let error = match verified {
            Ok(_)
            | Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => {
                let path = self.search(entity, self.judge.roots.anchors(), self.now, Purpose::Server).ok();
                return self.complete(Judgement::without_path(Vec::new(), Verdict::NotChecked), path.as_ref());
            }
            Err(error) => error,
        };
        let mut judgement = self.by_anchors(entity, self.judge.roots.anchors());
        if judgement.faults.is_empty() {
            judgement.faults.push(match error {
                TlsError::InvalidCertificate(CertificateError::Revoked) => {
                    let subject = self.chain.leaf().subject();
                    Why::Revoked { subject, by: "the system's verifier".to_owned(), at: None, reason: None }.of(None)
                }
                TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => self.chain.no_path(),
                other => Why::BadCertificate(format!("the system's verifier refuses it: {other}")).of(None),
            });
        }
        judgement
    }

    /// Look for a path to `anchors`. Where a date or the purpose is in the way, that is a fault, and the search goes on without it.
    fn by_anchors(&self, entity: &'a EndEntityCert<'a>, anchors: &Anchors) -> Judgement {
        let mut faults = Vec::new();
        let mut moments = VecDeque::from(self.chain.valid_moments());
        let (mut moment, mut purpose) = (self.now, self.judge.purpose);
        let path = loop {
            let why = match self.search(entity, anchors, moment, purpose) {
                Ok(path) => break Some(path),
                Err(why) => why,
            };
            if let Some(edge) = edge_of_validity(&why) {
                // The way that webpki went need not be the walk, whose moments come first.
                if moment == self.now {
                    moments.push_back(edge);
                }
                match moments.pop_front() {
                    Some(other) => moment = other,
                    None => break None,
                }
                continue;
            }
            let fault = self.explained(&why, anchors);
            match fault.why {
                Why::WrongPurpose { .. } if purpose != Purpose::Any => {
                    purpose = Purpose::Any;
                    faults.push(fault);
                    continue;
                }
                // webpki looks no further than to the leaf then; the names tell whether trust is missing as well.
                Why::CaAsLeaf { .. } if !self.chain.ends_at(anchors.anchors.iter().map(|a| a.subject.as_ref())) => {
                    faults.push(self.chain.no_path());
                }
                _ => {}
            }
            faults.push(fault);
            break None;
        };
        // What decides comes first: that there is no path weighs more than that it would not serve.
        faults.sort_by_key(|fault| matches!(fault.why, Why::WrongPurpose { .. }));
        match &path {
            Some(path) if moment != self.now => faults.extend(self.chain.dates_of(path.below_anchor())),
            Some(_) => {}
            None => faults.extend(self.chain.dates()),
        }
        if faults.is_empty() && (path.is_none() || moment != self.now) {
            // All of the walk is in force; what is not stands elsewhere, and no date of it makes a path.
            faults.push(self.chain.no_path());
        }
        let mut judgement = Judgement::without_path(faults, self.judge.revocation_without_path());
        if path.is_some() && !self.judge.revocation_lists.is_empty() {
            let fault = self.revocation(entity, anchors, moment);
            judgement.revocation = match fault.as_ref().map(|fault| &fault.why) {
                None => Verdict::Good,
                Some(Why::RevocationUnknown { .. }) => Verdict::Unknown,
                Some(_) => Verdict::Bad,
            };
            judgement.faults.extend(fault);
        }
        self.complete(judgement, path.as_ref())
    }

    fn explained(&self, why: &webpki::Error, anchors: &Anchors) -> ChainFault {
        let context = Context {
            chain: self.chain,
            anchors: &anchors.anchors,
            algorithms: &self.judge.algorithms,
            purpose: self.judge.purpose,
        };
        explain::refusal(why, &context)
    }

    fn search<'p>(
        &self,
        entity: &EndEntityCert<'_>,
        anchors: &'p Anchors,
        moment: i64,
        purpose: Purpose,
    ) -> Result<Path<'p>, webpki::Error>
    where
        'a: 'p,
    {
        let (all, others, time) = (self.judge.algorithms.all, self.shown.others, unix_time(moment));
        let found = entity.verify_for_usage(all, &anchors.anchors, others, time, purpose, None, None)?;
        let others: Vec<&'a [u8]> = others.iter().map(AsRef::as_ref).collect();
        Ok(Path::new(self.shown.leaf, &found, &others, anchors))
    }

    fn revocation(&self, entity: &EndEntityCert<'_>, anchors: &Anchors, moment: i64) -> Option<ChainFault> {
        let case = revocation::Case {
            entity,
            others: self.shown.others,
            anchors: &anchors.anchors,
            algorithms: &self.judge.algorithms,
            moment,
            now: self.now,
        };
        revocation::fault(&case, &self.judge.revocation_lists, self.chain.walk())
    }

    /// What is judged whatever the path: keys, the name, and the staple.
    fn complete(&self, mut judgement: Judgement, path: Option<&Path<'_>>) -> Judgement {
        let faults = &mut judgement.faults;
        // Where there is a path, the keys on it have verified signatures, except the leaf's. It need not be the walk.
        let unusable = self.chain.unusable_key(path.is_some());
        if let Some(fault) = unusable.filter(|_| !faults.iter().any(ChainFault::is_of_the_certificate_itself)) {
            // A signature by such a key does not verify for just that reason.
            faults.retain(|fault| !matches!(fault.why, Why::BadSignature { .. }));
            faults.push(fault);
        }
        faults.extend(self.name_fault());
        judgement.staple = self.staple(path);
        self.weigh_staple(&mut judgement, path.and_then(Path::issuer).is_some());
        let sent: Vec<&[u8]> = self.sent().collect();
        judgement.path = path.map(|path| path.report(&sent));
        judgement
    }

    fn sent(&self) -> impl Iterator<Item = &'a [u8]> {
        let all = std::iter::once(self.shown.leaf).chain(self.shown.others);
        all.map(AsRef::as_ref).take(self.shown.sent)
    }

    /// A leaf that webpki refuses to read has its names compared here, by the same rules.
    fn name_fault(&self) -> Option<ChainFault> {
        let wanted = self.judge.name.as_ref()?;
        let presented = extensions::names(&self.chain.leaf().parsed);
        let matches = match self.entity {
            Ok(entity) => entity.verify_is_valid_for_subject_name(wanted).is_ok(),
            Err(_) => presented.iter().any(|presented| name::covers(presented, wanted)),
        };
        (!matches).then(|| Why::NameMismatch { wanted: wanted.to_str().into_owned(), presented }.of_leaf())
    }

    fn pin_fault(&self) -> Option<ChainFault> {
        let key = certs::sha256(self.chain.leaf().parsed.public_key().raw);
        let pinned = self.judge.pins.is_empty() || self.judge.pins.contains(&key);
        (!pinned).then(|| Why::PinMismatch { found: certs::pin(self.chain.leaf().parsed.public_key().raw) }.of_leaf())
    }

    fn staple(&self, path: Option<&Path<'_>>) -> Option<Staple> {
        let response = self.shown.staple?;
        let leaf = &self.chain.leaf().parsed;
        // The issuer on the path; without one, the certificate that bears its name.
        let walked = || self.chain.walk().nth(1).map(|link| link.der);
        let own = || self.chain.leaf().is_self_issued().then_some(self.shown.leaf.as_ref());
        let der = path.and_then(Path::issuer).or_else(walked).or_else(own);
        let parsed = der.and_then(|der| X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed));
        let issuer = der.zip(parsed.as_ref()).map(|(der, parsed)| Issuer { der, parsed });
        Some(staple::read(response, leaf, issuer, &self.judge.algorithms, self.now))
    }

    /// What a staple says counts if its signature is good, and by an issuer who `is_trusted`, as one on a path is: anybody can sign
    /// for others. Where the leaf demands a staple (RFC 7633), it has to be a good one.
    fn weigh_staple(&self, judgement: &mut Judgement, is_trusted: bool) {
        let Some(staple) = &judgement.staple else { return };
        let faults = &mut judgement.faults;
        match staple.verdict() {
            _ if !is_trusted || judgement.revocation == Verdict::Bad => {}
            Verdict::Bad => {
                faults.retain(|fault| !matches!(fault.why, Why::RevocationUnknown { .. }));
                faults.push(self.revoked_by(staple));
                judgement.revocation = Verdict::Bad;
            }
            Verdict::Good => {
                faults.retain(|fault| !matches!(fault.why, Why::RevocationUnknown { .. }));
                judgement.revocation = Verdict::Good;
            }
            _ => {}
        }
        if extensions::must_staple(&self.chain.leaf().parsed) && staple.verdict() != Verdict::Bad {
            faults.extend(staple.shortcoming().map(|why| Why::MustStapleMissing(why).of_leaf()));
        }
    }

    fn revoked_by(&self, staple: &Staple) -> ChainFault {
        Why::Revoked {
            subject: self.chain.leaf().subject(),
            by: "the stapled OCSP response".to_owned(),
            at: staple.revoked_at.clone(),
            reason: staple.reason.map(str::to_owned),
        }
        .of_leaf()
    }
}

/// The moment nearest to the one of a search at which the certificate is in force whose dates were in its way.
fn edge_of_validity(why: &webpki::Error) -> Option<i64> {
    match why {
        webpki::Error::CertExpired { not_after: edge, .. }
        | webpki::Error::CertNotValidYet { not_before: edge, .. } => i64::try_from(edge.as_secs()).ok(),
        _ => None,
    }
}
