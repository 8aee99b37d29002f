//! Signatures on what an authority says: a certificate, or an OCSP response.

use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::certs::der;

/// Something signed, as X.509 and OCSP write it: what was signed, the algorithm, and the signature.
pub struct Signed<'a> {
    message: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Of a Certificate (RFC 5280 section 4.1) or a `BasicOCSPResponse` (RFC 6960 section 4.2.1); None if it is neither.
    pub fn read(element: &'a [u8]) -> Option<Self> {
        let [message, algorithm, signature, ..] = der::elements(element)[..] else { return None };
        // The first octet of a BIT STRING counts the bits that are unused in the last, and a signature has whole octets.
        let (0, signature) = der::contents(signature)?.split_first()? else { return None };
        Some(Self { message, algorithm: der::contents(algorithm)?, signature })
    }

    /// Whether the signature is by this key, a `SubjectPublicKeyInfo` in DER.
    pub fn is_by(&self, key: &[u8], algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let [key_algorithm, bits] = der::elements(key)[..] else { return false };
        let (Some(key_algorithm), Some((_, bits))) =
            (der::contents(key_algorithm), der::contents(bits).and_then(<[u8]>::split_first))
        else {
            return false;
        };
        algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.public_key_alg_id().as_ref() == key_algorithm
                && algorithm.verify_signature(bits, self.message, self.signature).is_ok()
        })
    }
}
