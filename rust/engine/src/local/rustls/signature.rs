//! Signature schemes of Rustls: one is used, and what was used is remembered, for rustls has no way to ask for it afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, DistinguishedName, Error as TlsError, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use crate::local::pair::Signed;
use crate::provider;

/// With what the handshakes of one side were signed.
#[derive(Debug, Default)]
pub struct Seen {
    own: AtomicU16,
    peer: AtomicU16,
}

impl Seen {
    /// By IANA's names; None for what was not signed.
    pub fn said(&self) -> Signed {
        let name = |seen: &AtomicU16| {
            let code = seen.load(Ordering::Relaxed);
            (code != 0).then(|| provider::scheme_name(SignatureScheme::from(code)))
        };
        Signed { own: name(&self.own), peer: name(&self.peer) }
    }
}

/// Threads share this: it is written once, and only read from then on.
fn note(seen: &AtomicU16, scheme: SignatureScheme) {
    let code = u16::from(scheme);
    if seen.load(Ordering::Relaxed) != code {
        seen.store(code, Ordering::Relaxed);
    }
}

/// A chain with a key that signs by `scheme` alone.
///
/// # Errors
/// The key cannot be used, or is not that of the chain's first certificate.
pub fn identity(
    provider: &CryptoProvider,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    scheme: SignatureScheme,
    seen: Arc<Seen>,
) -> Result<Arc<SingleCertAndKey>, TlsError> {
    let inner = provider.key_provider.load_private_key(key)?;
    let certified = CertifiedKey::new(chain, Arc::new(OneScheme { inner, scheme, seen }));
    match certified.keys_match() {
        Ok(()) | Err(TlsError::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(SingleCertAndKey::from(certified)))
        }
        Err(why) => Err(why),
    }
}

#[derive(Debug)]
struct OneScheme {
    inner: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
    seen: Arc<Seen>,
}

impl SigningKey for OneScheme {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        if !offered.contains(&self.scheme) {
            return None;
        }
        let signer = self.inner.choose_scheme(&[self.scheme])?;
        note(&self.seen.own, signer.scheme());
        Some(signer)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.inner.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.inner.algorithm()
    }
}

/// A verifier that offers `schemes`, and notes which one was taken.
#[derive(Debug)]
pub struct Witness<V: ?Sized> {
    inner: Arc<V>,
    schemes: Vec<SignatureScheme>,
    seen: Arc<Seen>,
}

impl<V: ?Sized> Witness<V> {
    pub fn new(inner: Arc<V>, schemes: Vec<SignatureScheme>, seen: Arc<Seen>) -> Arc<Self> {
        Arc::new(Self { inner, schemes, seen })
    }
}

impl ServerCertVerifier for Witness<WebPkiServerVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        note(&self.seen.peer, dss.scheme);
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        note(&self.seen.peer, dss.scheme);
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

impl ClientCertVerifier for Witness<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.inner.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        note(&self.seen.peer, dss.scheme);
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        note(&self.seen.peer, dss.scheme);
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
