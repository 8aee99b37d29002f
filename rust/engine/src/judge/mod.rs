//! The verdict on a server's chain: every fault by itself, so that an untrusted and expired chain shows both.

mod alert;
mod case;
mod chain;
mod explain;
mod fault;
mod name;
mod path;
mod purpose;
mod revocation;
mod roots;
mod signature;
mod staple;
mod tlsa;
mod trust;
mod verify;

pub use alert::to_tls;
pub use explain::words;
pub use fault::{ChainFault, Why};
pub use name::server_name;
pub use purpose::Purpose;
pub use revocation::CrlSpec;
pub use roots::RootsSpec;
pub use staple::{Issuer, Staple, Status, read as read_staple};
pub use tlsa::Tlsa;
pub use trust::{Finding, PathCertificate, Trust, Verdict};
pub use verify::{Verified, VerifySpec, verify};

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::EndEntityCert;

use crate::Result;
use crate::certs::time;
use case::Case;
use chain::Chain;
use revocation::RevocationList;
use roots::Roots;

/// What to judge by, as the specs of the jobs have it.
#[derive(Clone, Copy)]
pub struct JudgeSpec<'a> {
    pub roots: &'a RootsSpec,
    pub crls: &'a [CrlSpec],
    /// None checks no name.
    pub name: Option<&'a str>,
    /// Seconds since the epoch; None judges as of the moment of each judgement.
    pub at: Option<i64>,
    pub purpose: Purpose,
    /// SHA-256 of public keys, one of which has to be the leaf's, in hex; empty takes any.
    pub pins: &'a [String],
    pub tlsa: &'a [Tlsa],
}

/// All that a chain is judged by. Shared by every connection of a configuration.
#[derive(Debug)]
pub struct Judge {
    roots: Roots,
    store: String,
    revocation_lists: Vec<RevocationList>,
    name: Option<ServerName<'static>>,
    at: Option<i64>,
    purpose: Purpose,
    pins: Vec<String>,
    tlsa: Vec<Tlsa>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What a peer shows of itself, or a file.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    pub leaf: &'a CertificateDer<'a>,
    /// What may lead from the leaf to a root, in any order.
    pub others: &'a [CertificateDer<'a>],
    /// How many of all were sent, the leaf first: the rest of `others` is from elsewhere.
    pub sent: usize,
    /// The stapled OCSP response, empty for none; None where there was no handshake that could have had one.
    pub staple: Option<&'a [u8]>,
}

/// What came of it: the faults, the one that decides first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub faults: Vec<ChainFault>,
    pub revocation: Verdict,
    /// From the leaf to the anchor; None if no path was found, dates and purpose aside.
    pub path: Option<Vec<PathCertificate>>,
    /// None where there was no handshake.
    pub staple: Option<Staple>,
    /// What was trusted instead of the judge's roots: a TLSA record.
    pub store: Option<String>,
}

impl Judge {
    pub fn new(spec: JudgeSpec<'_>, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let name = spec.name.map(server_name).transpose()?;
        let revocation_lists = revocation::load(spec.crls)?;
        let by_webpki = name.is_none() || !revocation_lists.is_empty() || spec.purpose != Purpose::Server;
        Ok(Self {
            roots: Roots::load(spec.roots, by_webpki, provider)?,
            store: spec.roots.store.clone(),
            revocation_lists,
            name,
            at: spec.at,
            purpose: spec.purpose,
            pins: spec.pins.to_vec(),
            tlsa: spec.tlsa.to_vec(),
            algorithms: provider.signature_verification_algorithms,
        })
    }

    pub fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.algorithms
    }

    /// The subjects of the roots, as certificates have them (the contents of a `Name`, RFC 5280 section 4.1.2.4).
    pub fn authorities(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.anchors().anchors.iter().map(|anchor| anchor.subject.as_ref())
    }

    /// The time to judge by, seconds since the epoch.
    pub fn moment(&self) -> i64 {
        self.at.unwrap_or_else(time::now)
    }

    /// The verdict on a chain.
    ///
    /// Revocation is a matter of the path: where there is none, its verdict is `Unknown`, and the path is the fault. A leaf that
    /// is trusted as it is has no issuer whose list could be asked: with lists given, its revocation is unknown, and that is one.
    /// A staple that counts decides where lists do not.
    pub fn judge(&self, shown: Presented<'_>) -> Judgement {
        let now = self.moment();
        let Some(chain) = Chain::parse(shown.leaf, shown.others, shown.sent, now, self.clock(now)) else {
            let fault = Why::BadCertificate("it is no X.509 certificate".to_owned()).of_leaf();
            return Judgement::without_path(vec![fault], self.revocation_without_path());
        };
        let entity = EndEntityCert::try_from(shown.leaf);
        Case { judge: self, shown, chain: &chain, entity: entity.as_ref(), now }.judgement()
    }

    /// The fault that decides, if there is any: the same verdict for less work where the chain is good.
    ///
    /// A staple is looked at only where the chain is not: it is judged with the connection that goes before a load.
    pub fn fault(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], staple: &[u8]) -> Option<ChainFault> {
        let plain = self.revocation_lists.is_empty() && self.pins.is_empty() && self.tlsa.is_empty();
        if let (true, Roots::Given { anchors, .. }, Some(name), Ok(entity)) =
            (plain, &self.roots, &self.name, EndEntityCert::try_from(leaf))
        {
            let anchors = &anchors.anchors;
            // Of the key, the signature of the handshake tells.
            let time = unix_time(self.moment());
            if entity.verify_for_usage(self.algorithms.all, anchors, others, time, self.purpose, None, None).is_ok()
                && entity.verify_is_valid_for_subject_name(name).is_ok()
            {
                return None;
            }
        }
        let shown = Presented { leaf, others, sent: 1 + others.len(), staple: Some(staple) };
        self.judge(shown).faults.into_iter().next()
    }

    /// The report; `judgement` is None where no certificate was seen.
    pub fn trust(&self, judgement: Option<&Judgement>) -> Trust {
        let faults = judgement.map_or(&[][..], |judgement| &judgement.faults);
        let finding = |fault: &ChainFault| Finding {
            code: fault.code(),
            message: fault.to_string(),
            certificate: fault.certificate,
        };
        Trust {
            verdict: match judgement {
                None => Verdict::NotChecked,
                Some(_) if faults.is_empty() => Verdict::Good,
                Some(_) => Verdict::Bad,
            },
            name: self.name.as_ref().map(|name| name.to_str().into_owned()),
            revocation: judgement.map_or(Verdict::NotChecked, |judgement| judgement.revocation),
            findings: faults.iter().map(finding).collect(),
            path: judgement.and_then(|judgement| judgement.path.clone()),
            verifier: self.roots.verifier(),
            store: judgement.and_then(|judgement| judgement.store.clone()).unwrap_or_else(|| self.store.clone()),
        }
    }

    fn revocation_without_path(&self) -> Verdict {
        if self.revocation_lists.is_empty() { Verdict::NotChecked } else { Verdict::Unknown }
    }

    /// What time it is taken to be, in words.
    fn clock(&self, now: i64) -> String {
        let now = time::rfc3339(now);
        if self.at.is_some() {
            format!("it is judged as of {now}")
        } else {
            format!("the clock of this machine says {now}")
        }
    }
}

impl Judgement {
    fn without_path(faults: Vec<ChainFault>, revocation: Verdict) -> Self {
        Self { faults, revocation, path: None, staple: None, store: None }
    }
}

fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
