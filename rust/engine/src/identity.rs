//! Our own certificate and key, for both sides of a connection. Every message names the file that is at fault.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use serde_bytes::ByteBuf;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

use crate::certs::pem::{self, Fault};
use crate::{Error, Result};

/// `tlstool.model.Identity`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    #[serde(with = "serde_bytes")]
    pub chain: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    pub chain_file: String,
    pub key_file: String,
    /// The OCSP response that a server sends along; a client has no use for it.
    pub staple: Option<ByteBuf>,
}

impl IdentitySpec {
    /// See [`certified_key`].
    pub fn certified_key(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>> {
        certified_key(&self.chain, &self.chain_file, &self.key, &self.key_file, provider)
    }
}

/// A chain (PEM, or one certificate in DER; leaf first) and its leaf's private key (PEM or DER, not encrypted), ready to sign.
///
/// The codes of its errors: `no-certificate`, `bad-certificate-file`, `no-key`, `bad-key`, `key-mismatch`.
pub fn certified_key(
    chain: &[u8],
    chain_file: &str,
    key: &[u8],
    key_file: &str,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>> {
    let chain = pem::certificates(chain).map_err(|fault| match fault {
        Fault::Absent(why) => Error::local("no-certificate", format!("{chain_file} {why}")),
        Fault::Unreadable(why) => Error::local("bad-certificate-file", format!("{chain_file} {why}")),
    })?;
    let key = pem::private_key(key).map_err(|fault| match fault {
        Fault::Absent(why) => Error::local("no-key", format!("{key_file} {why}")),
        Fault::Unreadable(why) => Error::local("bad-key", format!("{key_file} {why}")),
    })?;
    let key = provider.key_provider.load_private_key(key).map_err(|_| {
        Error::local("bad-key", format!("{key_file} has no private key of a kind that can sign for TLS"))
    })?;
    let certified = CertifiedKey::new(chain, key);
    if !belong_together(&certified, chain_file)? {
        return Err(Error::local("key-mismatch", format!("the key in {key_file} is not that of {chain_file}")));
    }
    Ok(Arc::new(certified))
}

/// Whether the key is the leaf's.
///
/// `CertifiedKey::keys_match` reads the leaf by webpki, which refuses some that may be served all the same (version 1, an unknown
/// critical extension); so the two public keys are compared here.
fn belong_together(certified: &CertifiedKey, chain_file: &str) -> Result<bool> {
    let leaf = certified.cert.first().map_or(&[][..], CertificateDer::as_ref);
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return Err(Error::local(
            "bad-certificate-file",
            format!("{chain_file} has a certificate that cannot be read"),
        ));
    };
    let Some(public) = certified.key.public_key() else { return Ok(true) };
    let Ok((_, public)) = SubjectPublicKeyInfo::from_der(&public) else {
        return Err(Error::Internal("the provider's public key cannot be read".to_owned()));
    };
    Ok(leaf.public_key().subject_public_key == public.subject_public_key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PKCS_RSA_SHA256};

    use super::*;
    use crate::provider::provider;

    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn code(chain: &str, key: &str) -> &'static str {
        let provider = provider(&[], &[]).unwrap();
        certified_key(chain.as_bytes(), "c.pem", key.as_bytes(), "k.pem", &provider)
            .map_or_else(|error| error.code(), |_| "good")
    }

    #[test]
    fn each_fault_has_its_code() {
        let (chain, key) = made();
        let (_, other) = made();
        assert_eq!(code(&chain, &key), "good");
        assert_eq!(code(&chain, &other), "key-mismatch");
        assert_eq!(code("", &key), "no-certificate");
        assert_eq!(code(&key, &key), "no-certificate");
        assert_eq!(code(&chain[..chain.len() / 2], &key), "bad-certificate-file");
        assert_eq!(
            code("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", &key),
            "bad-certificate-file"
        );
        assert_eq!(code(&chain, ""), "no-key");
        assert_eq!(code(&chain, &chain), "no-key");
        assert_eq!(code(&chain, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"), "bad-key");
    }

    #[test]
    fn der_and_every_kind_of_key_are_read() {
        let provider = provider(&[], &[]).unwrap();
        for kind in [&PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384, &PKCS_RSA_SHA256] {
            let key = KeyPair::generate_for(kind).unwrap();
            let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
            let made = certified_key(certificate.der(), "c", &key.serialize_der(), "k", &provider);
            assert_eq!(made.unwrap().cert.len(), 1);
        }
    }

    #[test]
    fn the_message_names_the_file() {
        let (chain, _) = made();
        let (_, other) = made();
        let provider = provider(&[], &[]).unwrap();
        let error = certified_key(chain.as_bytes(), "c.pem", other.as_bytes(), "k.pem", &provider).unwrap_err();
        assert_eq!(error.to_string(), "the key in k.pem is not that of c.pem");
    }
}
