//! Certificates of clients: who is asked for one, what it is judged by, and what was shown.

use std::cell::RefCell;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error as TlsError, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::certs;
use crate::judge::{
    ChainFault, CrlSpec, Finding, Judge, JudgeSpec, Presented, Purpose, RootsSpec, Verdict, Why, to_tls,
};

/// `tlstool.sites.ClientAuth`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientAuthSpec {
    pub roots: RootsSpec,
    pub crls: Vec<CrlSpec>,
    pub required: bool,
}

/// `tlstool.sites.ClientCertificate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientCertificate {
    pub verdict: Verdict,
    pub subject: Option<String>,
    pub issuer: Option<String>,
    pub names: Vec<String>,
    pub not_after: Option<String>,
    pub sha256: Option<String>,
    pub revocation: Verdict,
    pub findings: Vec<Finding>,
}

/// What a client showed when it was asked, and the fault that decides, if its certificate has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub certificate: ClientCertificate,
    pub fault: Option<ChainFault>,
}

/// Asks clients for a certificate, and judges it.
///
/// Where one is required, a bad one ends the handshake with the alert that says why. Where it is only requested, the session comes
/// about whatever the verdict, as long as the client has proved to hold the key.
#[derive(Debug)]
pub struct ClientAuth {
    judge: Judge,
    required: bool,
    authorities: Vec<DistinguishedName>,
    digest: [u8; 32],
}

/// The authorities that are named fill a vector of 2^16-1 bytes, and stand in a message with others (RFC 8446 section 4.2.4).
const MOST_AUTHORITIES: usize = 0xf000;

/// What an event tells of a name at most: a certificate may have 64 KiB of them, and many events can wait.
const LONGEST_TEXT: usize = 1024;
const MOST_NAMES: usize = 32;

thread_local! {
    static SHOWN: RefCell<Option<Box<Shown>>> = const { RefCell::new(None) };
}

/// What the client has shown in the bytes that this thread has just taken in, if it came to that.
///
/// One verifier serves all connections of a site, and rustls does not tell it whose certificate it is.
pub fn take_shown() -> Option<Box<Shown>> {
    SHOWN.take()
}

impl ClientAuth {
    pub fn new(spec: &ClientAuthSpec, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let by = JudgeSpec {
            roots: &spec.roots,
            crls: &spec.crls,
            name: None,
            at: None,
            purpose: Purpose::Client,
            pins: &[],
            tlsa: &[],
        };
        let judge = Judge::new(by, provider)?;
        let authorities: Vec<_> = judge.authorities().map(DistinguishedName::in_sequence).collect();
        let size: usize = authorities.iter().map(|name| 2 + name.as_ref().len()).sum();
        Ok(Self {
            judge,
            required: spec.required,
            // None at all says that any may be shown, which is less of a hint, but true.
            authorities: if size > MOST_AUTHORITIES { Vec::new() } else { authorities },
            digest: digest(spec),
        })
    }

    pub fn is_required(&self) -> bool {
        self.required
    }

    /// What distinguishes these demands from others: a session that was agreed on under others proves nothing here.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What is known of the client of a complete handshake: `fresh` was shown in it; else `kept` comes from the session that was
    /// resumed, and is judged anew, for it may have expired or been revoked since.
    pub fn outcome(&self, fresh: Option<Box<Shown>>, kept: Option<&[CertificateDer<'_>]>) -> Box<Shown> {
        match kept.and_then(<[_]>::split_first) {
            Some((leaf, others)) => fresh.unwrap_or_else(|| Box::new(self.judged(leaf, others))),
            None => Box::new(Shown::nothing()),
        }
    }

    fn judged(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Shown {
        let judgement = self.judge.judge(Presented { leaf, others, sent: 1 + others.len(), staple: None });
        let trust = self.judge.trust(Some(&judgement));
        let summary = certs::summary(leaf, self.judge.moment());
        let certificate = ClientCertificate {
            verdict: trust.verdict,
            subject: Some(shortened(summary.subject)),
            issuer: Some(shortened(summary.issuer)),
            names: summary.names.into_iter().take(MOST_NAMES).map(shortened).collect(),
            not_after: Some(summary.not_after),
            sha256: Some(summary.sha256),
            revocation: trust.revocation,
            findings: trust
                .findings
                .into_iter()
                .map(|finding| Finding { message: shortened(finding.message), ..finding })
                .collect(),
        };
        Shown { certificate, fault: judgement.faults.into_iter().next() }
    }

    /// What comes of a signature by the certificate's key. It has to be good, unless it is found already that no signature by such
    /// a key can be verified, and the session is to come about all the same.
    fn signed(
        &self,
        cert: &CertificateDer<'_>,
        outcome: std::result::Result<HandshakeSignatureValid, TlsError>,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        match outcome {
            Err(TlsError::PeerMisbehaved(_)) | Ok(_) => outcome,
            Err(_) if !self.required && self.is_unusable(cert) => Ok(HandshakeSignatureValid::assertion()),
            Err(_) => Err(to_tls(&Why::BadHandshakeSignature.of_leaf())),
        }
    }

    fn is_unusable(&self, cert: &CertificateDer<'_>) -> bool {
        let judgement = self.judge.judge(Presented { leaf: cert, others: &[], sent: 1, staple: None });
        judgement.faults.iter().any(|fault| fault.certificate == Some(0) && fault.is_of_the_certificate_itself())
    }
}

impl ClientCertVerifier for ClientAuth {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.authorities
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, TlsError> {
        let shown = self.judged(end_entity, intermediates);
        let refusal = shown.fault.as_ref().filter(|_| self.required).map(to_tls);
        SHOWN.set(Some(Box::new(shown)));
        refusal.map_or_else(|| Ok(ClientCertVerified::assertion()), Err)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.signed(cert, verify_tls12_signature(message, cert, dss, self.judge.algorithms()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.signed(cert, verify_tls13_signature(message, cert, dss, self.judge.algorithms()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.algorithms().supported_schemes()
    }
}

impl Shown {
    /// Of a client that was asked and showed none.
    fn nothing() -> Self {
        let certificate = ClientCertificate {
            verdict: Verdict::NotChecked,
            subject: None,
            issuer: None,
            names: Vec::new(),
            not_after: None,
            sha256: None,
            revocation: Verdict::NotChecked,
            findings: Vec::new(),
        };
        Self { certificate, fault: None }
    }
}

fn digest(spec: &ClientAuthSpec) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let roots = spec.roots.pem.iter().flatten().chain(&spec.roots.extra);
    let parts = roots.map(|file| file.as_slice()).chain(spec.crls.iter().map(|crl| crl.data.as_slice()));
    context.update(&[u8::from(spec.required), u8::from(spec.roots.pem.is_some())]);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
