//! The verdict on a server's chain: every fault by itself, so that an untrusted and expired chain shows both.

mod chain;
mod trust;
mod verify;

pub use trust::{RootsSpec, Trust, Verdict};
pub use verify::{Verified, VerifySpec, verify};

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::{CertificateError, Error as TlsError};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use serde_bytes::ByteBuf;
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    RevocationCheckDepth, RevocationOptionsBuilder,
};
use x509_parser::asn1_rs::{FromDer, Oid};

use crate::certs::{self, time};
use crate::error::ChainFault;
use crate::{Error, Result};
use chain::Chain;
use trust::{Finding, Roots};

/// All that a chain is judged by. Shared by every connection of a configuration.
#[derive(Debug)]
pub struct Judge {
    roots: Roots,
    store: String,
    revocation_lists: Vec<CertRevocationList<'static>>,
    name: Option<ServerName<'static>>,
    at: Option<i64>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What came of it: the faults, the one that decides first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub faults: Vec<ChainFault>,
    pub revocation: Verdict,
}

impl Judge {
    /// `name` None checks no name, `at` None judges as of the moment of each judgement, no lists check no revocation.
    pub fn new(
        roots: &RootsSpec,
        crls: &[ByteBuf],
        name: Option<&str>,
        at: Option<i64>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self> {
        let name = name.map(server_name).transpose()?;
        let revocation_lists = trust::revocation_lists(crls)?;
        let by_webpki = name.is_none() || !revocation_lists.is_empty();
        Ok(Self {
            roots: Roots::load(roots, by_webpki, provider)?,
            store: roots.store.clone(),
            revocation_lists,
            name,
            at,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    pub fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.algorithms
    }

    /// The time to judge by, seconds since the epoch.
    pub fn moment(&self) -> i64 {
        self.at.unwrap_or_else(time::now)
    }

    /// The verdict on `leaf`; `others` are what may lead from it to a root, in any order.
    ///
    /// Revocation is a matter of the path: where there is none, its verdict is `Unknown`, and the path is the fault. A leaf that
    /// is trusted as it is has no issuer whose list could be asked: with lists given, its revocation is unknown, and that is one.
    pub fn judge(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], staple: &[u8]) -> Judgement {
        let now = self.moment();
        let Some(chain) = Chain::parse(leaf, others, now) else {
            let faults = vec![ChainFault::BadCertificate("it is no X.509 certificate".to_owned())];
            return Judgement { faults, revocation: self.revocation_without_path() };
        };
        let entity = EndEntityCert::try_from(leaf);
        let mut judgement = match &entity {
            _ if self.roots.has(leaf) => self.as_it_is(&chain, now),
            Err(why) => Judgement {
                faults: [vec![unreadable(why, &chain)], chain.dates(now)].concat(),
                revocation: self.revocation_without_path(),
            },
            Ok(entity) => match &self.roots {
                Roots::Given { anchors, .. } => self.path(entity, others, anchors, &chain, now),
                Roots::System { .. } => self.by_platform(leaf, entity, others, staple, &chain, now),
            },
        };
        let faults = &mut judgement.faults;
        // Where there is a path, the keys on it have verified signatures, except the leaf's. It need not be the walk.
        let has_path = faults.iter().all(|fault| !fault.is_of_path());
        if let Some(fault) = chain.unusable_key(has_path).filter(|_| !faults.iter().any(is_unsupported)) {
            // A signature by such a key does not verify for just that reason.
            faults.retain(|fault| *fault != ChainFault::BadSignature);
            faults.push(fault);
        }
        faults.extend(self.name_fault(entity.ok().as_ref(), &chain));
        faults.sort_by_key(ChainFault::rank);
        judgement
    }

    /// The fault that decides, if there is any: the same verdict for less work where the chain is good.
    pub fn fault(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], staple: &[u8]) -> Option<ChainFault> {
        if let (Roots::Given { anchors, .. }, Some(name), [], Ok(entity)) =
            (&self.roots, &self.name, &self.revocation_lists[..], EndEntityCert::try_from(leaf))
        {
            // Of the key, the signature of the handshake tells.
            if self.search(&entity, others, anchors, self.moment(), Purpose::Server).is_ok()
                && entity.verify_is_valid_for_subject_name(name).is_ok()
            {
                return None;
            }
        }
        self.judge(leaf, others, staple).faults.into_iter().next()
    }

    /// The report; `judgement` is None where no certificate was seen.
    pub fn trust(&self, judgement: Option<&Judgement>) -> Trust {
        let faults = judgement.map_or(&[][..], |judgement| &judgement.faults);
        Trust {
            verdict: match judgement {
                None => Verdict::NotChecked,
                Some(_) if faults.is_empty() => Verdict::Good,
                Some(_) => Verdict::Bad,
            },
            name: self.name.as_ref().map(|name| name.to_str().into_owned()),
            revocation: judgement.map_or(Verdict::NotChecked, |judgement| judgement.revocation),
            findings: faults.iter().map(|f| Finding { code: f.code(), message: f.to_string() }).collect(),
            verifier: self.roots.verifier(),
            store: self.store.clone(),
        }
    }

    /// A leaf that is one of the given roots, byte for byte: purpose and dates still count.
    fn as_it_is(&self, chain: &Chain<'_>, now: i64) -> Judgement {
        let mut faults = chain.leaf_dates(now);
        if !chain.serves() {
            faults.push(ChainFault::WrongPurpose);
        }
        let revocation = self.revocation_without_path();
        if revocation == Verdict::Unknown {
            faults.push(ChainFault::RevocationUnknown);
        }
        Judgement { faults, revocation }
    }

    /// The system's verifier decides. It says one reason and not which certificate; so webpki explains, with the system's roots.
    fn by_platform(
        &self,
        leaf: &CertificateDer<'_>,
        entity: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
        staple: &[u8],
        chain: &Chain<'_>,
        now: i64,
    ) -> Judgement {
        let good = Judgement { faults: Vec::new(), revocation: Verdict::NotChecked };
        let (Roots::System { platform, .. }, Some(name)) = (&self.roots, &self.name) else { return good };
        let error = match platform.verify_server_cert(leaf, others, name, staple, unix_time(now)) {
            Ok(_)
            | Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => return good,
            Err(error) => error,
        };
        let mut judgement = self.path(entity, others, self.roots.anchors(), chain, now);
        if judgement.faults.is_empty() {
            judgement.faults.push(match error {
                TlsError::InvalidCertificate(CertificateError::Revoked) => ChainFault::Revoked,
                TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => chain.no_path(),
                other => ChainFault::BadCertificate(format!("the system's verifier refuses it: {other}")),
            });
        }
        judgement
    }

    /// Look for a path to `anchors`. Where a date or the purpose is in the way, that is a fault, and the search goes on without it.
    fn path(
        &self,
        entity: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        chain: &Chain<'_>,
        now: i64,
    ) -> Judgement {
        let mut faults = Vec::new();
        let mut moments = chain.valid_moments(now).into_iter();
        let (mut moment, mut purpose) = (now, Purpose::Server);
        let path = loop {
            match self.search(entity, others, anchors, moment, purpose) {
                Ok(()) => break Some(moment),
                Err(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }) => {
                    match moments.next() {
                        Some(other) => moment = other,
                        None => break None,
                    }
                }
                Err(why) => match path_fault(&why, chain) {
                    ChainFault::WrongPurpose if purpose == Purpose::Server => purpose = Purpose::Any,
                    // webpki looks no further than to the leaf then; the names tell whether trust is missing as well.
                    ChainFault::CaAsLeaf => {
                        if !chain.ends_at(anchors.iter().map(|anchor| anchor.subject.as_ref())) {
                            faults.push(chain.no_path());
                        }
                        faults.push(ChainFault::CaAsLeaf);
                        break None;
                    }
                    fault => {
                        faults.push(fault);
                        break None;
                    }
                },
            }
        };
        if purpose == Purpose::Any {
            faults.push(ChainFault::WrongPurpose);
        }
        if path != Some(now) {
            faults.extend(chain.dates(now));
        }
        let Some(moment) = path else { return Judgement { faults, revocation: self.revocation_without_path() } };
        let revocation = self.revocation(entity, others, anchors, moment, now);
        match revocation {
            Verdict::Bad => faults.push(ChainFault::Revoked),
            Verdict::Unknown => faults.push(ChainFault::RevocationUnknown),
            Verdict::Good | Verdict::NotChecked => {}
        }
        Judgement { faults, revocation }
    }

    fn search(
        &self,
        entity: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        moment: i64,
        purpose: Purpose,
    ) -> std::result::Result<(), webpki::Error> {
        entity
            .verify_for_usage(self.algorithms.all, anchors, others, unix_time(moment), purpose, None, None)
            .map(|_| ())
    }

    /// Whether the leaf is on the lists. A list that is out of date counts as none, unless the path is, and was judged in the past.
    fn revocation(
        &self,
        entity: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        moment: i64,
        now: i64,
    ) -> Verdict {
        let lists: Vec<_> = self.revocation_lists.iter().collect();
        let Ok(options) = RevocationOptionsBuilder::new(&lists) else { return Verdict::NotChecked };
        let expiry = if moment == now { ExpirationPolicy::Enforce } else { ExpirationPolicy::Ignore };
        let options = options.with_depth(RevocationCheckDepth::EndEntity).with_expiration_policy(expiry).build();
        let time = unix_time(moment);
        let found =
            entity.verify_for_usage(self.algorithms.all, anchors, others, time, Purpose::Any, Some(options), None);
        match found {
            Ok(_) => Verdict::Good,
            Err(webpki::Error::CertRevoked) => Verdict::Bad,
            Err(_) => Verdict::Unknown,
        }
    }

    fn revocation_without_path(&self) -> Verdict {
        if self.revocation_lists.is_empty() { Verdict::NotChecked } else { Verdict::Unknown }
    }

    /// `entity` is None for a leaf that webpki refuses to read; its names are compared here then, by the same rules.
    fn name_fault(&self, entity: Option<&EndEntityCert<'_>>, chain: &Chain<'_>) -> Option<ChainFault> {
        let wanted = self.name.as_ref()?;
        let presented = certs::names(chain.leaf());
        let matches = match entity {
            Some(entity) => entity.verify_is_valid_for_subject_name(wanted).is_ok(),
            None => presented.iter().any(|name| covers(name, wanted)),
        };
        (!matches).then(|| ChainFault::NameMismatch { wanted: wanted.to_str().into_owned(), presented })
    }
}

/// A DNS name or an address.
pub fn server_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| Error::Usage(format!("{name:?} is neither a DNS name nor an address")))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Server,
    Any,
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> std::result::Result<(), webpki::Error> {
        match self {
            Self::Server => KeyUsage::server_auth().validate(purposes),
            Self::Any => Ok(()),
        }
    }
}

/// RFC 9525 section 6.3: a wildcard is a whole leftmost label and stands for just one.
fn covers(presented: &str, wanted: &ServerName<'_>) -> bool {
    match wanted {
        ServerName::DnsName(wanted) => {
            let wanted = wanted.as_ref().trim_end_matches('.');
            match presented.strip_prefix("*.") {
                Some(parent) => wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
                None => wanted.eq_ignore_ascii_case(presented),
            }
        }
        _ => presented == wanted.to_str(),
    }
}

/// A leaf that webpki does not even read.
fn unreadable(why: &webpki::Error, chain: &Chain<'_>) -> ChainFault {
    match why {
        webpki::Error::UnsupportedCertVersion => {
            let version = chain.leaf().version().0 + 1;
            ChainFault::UnsupportedCertificate(format!("it is of X.509 version {version}"))
        }
        webpki::Error::UnsupportedCriticalExtension => {
            let oid = chain.unknown_critical_extension().unwrap_or_else(|| "in it".to_owned());
            ChainFault::UnsupportedCertificate(format!("the critical extension {oid} is not understood"))
        }
        other => ChainFault::BadCertificate(format!("{other:?}")),
    }
}

fn path_fault(why: &webpki::Error, chain: &Chain<'_>) -> ChainFault {
    use webpki::Error as Why;
    let bad = |words: &str| ChainFault::BadCertificate(words.to_owned());
    let unsupported = |words: &str| ChainFault::UnsupportedCertificate(words.to_owned());
    match why {
        Why::UnknownIssuer => chain.no_path(),
        Why::InvalidSignatureForPublicKey | Why::SignatureAlgorithmMismatch => ChainFault::BadSignature,
        Why::CaUsedAsEndEntity => ChainFault::CaAsLeaf,
        Why::RequiredEkuNotFoundContext(_) | Why::EmptyEkuExtension => ChainFault::WrongPurpose,
        Why::UnsupportedSignatureAlgorithmContext(context) => {
            let oid = oid_text(&context.signature_algorithm_id);
            unsupported(&format!("the signature algorithm {} is not accepted", certs::signature_algorithm(&oid)))
        }
        Why::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => unsupported("its issuer's key is of another kind"),
        Why::UnsupportedCriticalExtension => unsupported("a critical extension is not understood"),
        Why::UnsupportedCertVersion => unsupported("an issuer's is not of X.509 version 3"),
        Why::EndEntityUsedAsCa => bad("an issuer is no certificate authority"),
        Why::PathLenConstraintViolated => bad("the path is longer than an issuer allows"),
        Why::NameConstraintViolation => bad("a name is not among those that an issuer may certify"),
        Why::InvalidCertValidity => bad("its validity ends before it begins"),
        Why::CertDistrusted => bad("its key is distrusted"),
        Why::MaximumPathDepthExceeded => bad("the path is too long"),
        Why::MaximumSignatureChecksExceeded
        | Why::MaximumPathBuildCallsExceeded
        | Why::MaximumNameConstraintComparisonsExceeded => bad("there are too many paths to try"),
        other => bad(&format!("{other:?}")),
    }
}

/// The OID at the head of an `AlgorithmIdentifier`'s contents.
fn oid_text(algorithm: &[u8]) -> String {
    Oid::from_der(algorithm).map_or_else(|_| "in it".to_owned(), |(_, oid)| oid.to_id_string())
}

fn is_unsupported(fault: &ChainFault) -> bool {
    matches!(fault, ChainFault::UnsupportedCertificate(_))
}

fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
