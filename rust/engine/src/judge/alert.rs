//! What a peer is told of the fault for which its chain is refused.

use rustls::{CertificateError, Error as TlsError};

use super::fault::{ChainFault, Why};

/// The error of rustls whose alert says what we found (RFC 8446 section 6.2).
pub fn to_tls(fault: &ChainFault) -> TlsError {
    TlsError::InvalidCertificate(match &fault.why {
        Why::UnknownIssuer { .. } | Why::SelfSigned { .. } | Why::MissingIntermediate { .. } | Why::TlsaMismatch => {
            CertificateError::UnknownIssuer
        }
        // decrypt_error is for the handshake's own signature; one on a certificate makes that a bad_certificate.
        Why::BadHandshakeSignature => CertificateError::BadSignature,
        Why::Expired { .. } => CertificateError::Expired,
        Why::NotYetValid { .. } => CertificateError::NotValidYet,
        Why::Revoked { .. } => CertificateError::Revoked,
        Why::RevocationUnknown { .. } => CertificateError::UnknownRevocationStatus,
        Why::MustStapleMissing(_) => CertificateError::InvalidOcspResponse,
        Why::NameMismatch { .. } => CertificateError::NotValidForName,
        Why::WrongPurpose { .. } | Why::CaAsLeaf { .. } => CertificateError::InvalidPurpose,
        Why::PinMismatch { .. } => CertificateError::ApplicationVerificationFailure,
        _ => CertificateError::BadEncoding,
    })
}
