//! Certificates, keys and revocation lists out of files: PEM with anything between the blocks, or one DER object.

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// What is wrong with a file's contents, in words that follow its name: `is empty`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of the wanted kind is in it.
    Absent(String),
    /// Something is, and cannot be read.
    Unreadable(String),
}

impl Fault {
    /// The words, whichever the kind.
    pub fn words(&self) -> &str {
        match self {
            Self::Absent(words) | Self::Unreadable(words) => words,
        }
    }
}

/// Every certificate of the file, in its order; at least one.
pub fn certificates(data: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    objects(data, "certificate", CertificateDer::from)
}

/// Every revocation list of the file; at least one.
pub fn revocation_lists(data: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, Fault> {
    objects(data, "revocation list", CertificateRevocationListDer::from)
}

/// The first private key of the file.
pub fn private_key(data: &[u8]) -> Result<PrivateKeyDer<'static>, Fault> {
    if is_der(data) {
        return PrivateKeyDer::try_from(data)
            .map(|key| key.clone_key())
            .map_err(|_| Fault::Unreadable("is neither PEM nor a PKCS#8, PKCS#1 or SEC1 key in DER".to_owned()));
    }
    match PrivateKeyDer::from_pem_slice(data) {
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) => Err(absent(data, "private key")),
        Err(error) => Err(Fault::Unreadable(broken(&error))),
    }
}

fn objects<T: PemObject>(data: &[u8], kind: &str, from_der: impl Fn(Vec<u8>) -> T) -> Result<Vec<T>, Fault> {
    if is_der(data) {
        return Ok(vec![from_der(data.to_vec())]);
    }
    let found = T::pem_slice_iter(data).collect::<Result<Vec<_>, _>>().map_err(|e| Fault::Unreadable(broken(&e)))?;
    if found.is_empty() { Err(absent(data, kind)) } else { Ok(found) }
}

/// DER of all that is read here is one SEQUENCE, and no text begins with its tag and a length.
fn is_der(data: &[u8]) -> bool {
    matches!(data, [0x30, length, ..] if *length >= 0x80)
        || matches!(data, [0x30, length, rest @ ..] if rest.len() == usize::from(*length))
}

fn absent(data: &[u8], kind: &str) -> Fault {
    Fault::Absent(match data {
        [] => "is empty".to_owned(),
        _ => format!("has no {kind} in it"),
    })
}

fn broken(error: &PemError) -> String {
    match error {
        PemError::MissingSectionEnd { .. } => "is cut off: a PEM block has no END line".to_owned(),
        PemError::IllegalSectionStart { .. } => "has a malformed BEGIN line".to_owned(),
        PemError::Base64Decode(_) => "has a PEM block that is not base64".to_owned(),
        _ => "is not readable as PEM".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    #[test]
    fn text_around_and_between_blocks_is_ignored() {
        let text = format!("subject=CN=a\n{BLOCK}\r\n   issuer...\n{BLOCK}trailing");
        assert_eq!(certificates(text.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn der_is_told_from_text_that_begins_with_a_nought() {
        assert_eq!(certificates(b"\x30\x82\x01\x00rest").unwrap().len(), 1);
        assert_eq!(certificates(b"0 certificates").unwrap_err(), Fault::Absent("has no certificate in it".to_owned()));
    }

    #[test]
    fn what_is_missing_and_what_is_broken_are_different_faults() {
        assert_eq!(certificates(b"").unwrap_err(), Fault::Absent("is empty".to_owned()));
        let cut_off = "-----BEGIN CERTIFICATE-----\nMAA=\n";
        assert!(matches!(certificates(cut_off.as_bytes()), Err(Fault::Unreadable(_))));
        let no_base64 = BLOCK.replace("MAA=", "M!A=");
        assert!(matches!(certificates(no_base64.as_bytes()), Err(Fault::Unreadable(_))));
        assert!(matches!(private_key(BLOCK.as_bytes()), Err(Fault::Absent(_))));
    }
}
