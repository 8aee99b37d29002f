//! Two verifiers for rustls on top of one [`Judge`]: one that records everything and lets the handshake go on, for a report, and
//! one that ends it at the first fault, for load.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error as TlsError, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::judge::{ChainFault, Judge, Judgement, Presented, Why, to_tls};

/// What a server showed of itself in one handshake.
#[derive(Debug, Default, Clone)]
pub struct Shown {
    /// As sent, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    pub scheme: Option<SignatureScheme>,
    pub judgement: Option<Judgement>,
    /// Whether it was judged for the public name of the Encrypted Client Hello that it rejected.
    is_outer: bool,
}

/// The public name of an Encrypted Client Hello, and who judges the certificate of a server that rejects it (RFC 9849 section
/// 6.1.7).
#[derive(Debug, Clone)]
pub struct Outer {
    pub name: ServerName<'static>,
    pub judge: Arc<Judge>,
}

/// Records what one server shows, and its verdict. Belongs to one connection.
#[derive(Debug)]
pub struct Recorder {
    judge: Arc<Judge>,
    outer: Option<Outer>,
    /// Whether a bad certificate ends the handshake: it has to where our own certificate would go out next.
    strict: bool,
    shown: Mutex<Shown>,
}

impl Recorder {
    pub fn new(judge: Arc<Judge>, outer: Option<Outer>, strict: bool) -> Self {
        Self { judge, outer, strict, shown: Mutex::default() }
    }

    /// Whose verdict is in `shown`.
    pub fn judge(&self, shown: &Shown) -> &Judge {
        self.outer.as_ref().filter(|_| shown.is_outer).map_or(&self.judge, |outer| &outer.judge)
    }

    pub fn shown(&self) -> Shown {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The fault for which this verifier ended the handshake.
    pub fn refused(&self) -> Option<ChainFault> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.judgement.as_ref().and_then(|judgement| judgement.faults.first()).filter(|_| self.strict).cloned()
    }

    fn signed(
        &self,
        scheme: SignatureScheme,
        outcome: Result<HandshakeSignatureValid, TlsError>,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.scheme = Some(scheme);
        match outcome {
            Ok(valid) => return Ok(valid),
            Err(error @ TlsError::PeerMisbehaved(_)) => return Err(error),
            Err(_) => {}
        }
        let forged = Why::BadHandshakeSignature.of_leaf();
        let Some(judgement) = &mut shown.judgement else { return Err(to_tls(&forged)) };
        // Of a leaf that cannot be used, no signature verifies; that is found already.
        if !judgement.faults.iter().any(ChainFault::is_of_the_certificate_itself) {
            judgement.faults.push(forged.clone());
            judgement.faults.sort_by_key(ChainFault::rank);
        }
        if self.strict { Err(to_tls(&forged)) } else { Ok(HandshakeSignatureValid::assertion()) }
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        // rustls says the public name once our Encrypted Client Hello is rejected, and else what was given to it as the server's.
        let outer = self.outer.as_ref().filter(|outer| outer.name == *name);
        let judge = outer.map_or(&self.judge, |outer| &outer.judge);
        let judgement = judge.judge(Presented {
            leaf: end_entity,
            others: intermediates,
            sent: 1 + intermediates.len(),
            staple: Some(ocsp_response),
        });
        let refusal = judgement.faults.first().filter(|_| self.strict).map(to_tls);
        let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Shown { chain, scheme: None, judgement: Some(judgement), is_outer: outer.is_some() };
        refusal.map_or_else(|| Ok(ServerCertVerified::assertion()), Err)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signed(dss.scheme, verify_tls12_signature(message, cert, dss, self.judge.algorithms()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signed(dss.scheme, verify_tls13_signature(message, cert, dss, self.judge.algorithms()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.algorithms().supported_schemes()
    }
}

/// Ends a handshake at the first fault, which the connection's error carries (see [`crate::Error`]). Shared by any number.
#[derive(Debug)]
pub struct Enforcer {
    /// None accepts any chain; the handshake's signature is verified all the same.
    judge: Option<Arc<Judge>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Enforcer {
    pub fn new(judge: &Arc<Judge>, insecure: bool) -> Self {
        Self { judge: (!insecure).then(|| judge.clone()), algorithms: *judge.algorithms() }
    }
}

impl ServerCertVerifier for Enforcer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _sni: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.judge.as_ref().and_then(|judge| judge.fault(end_entity, intermediates, ocsp_response)) {
            None => Ok(ServerCertVerified::assertion()),
            Some(fault) => Err(TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
