//! Certificate summaries: what a reader wants to know of a certificate, out of bytes that nobody has judged yet.

pub mod der;
pub mod dn;
pub mod extensions;
pub mod pem;
pub mod sct;
pub mod time;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::{Error, Result};
use pem::Fault;
use sct::Sct;

const DAY: i64 = 86_400;

/// `tlstool.model.Certificate`.
///
/// The serial is the hex of its octets without leading zero octets, so its digits are even in number, as `openssl x509` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Certificate {
    pub version: u32,
    pub subject: String,
    pub issuer: String,
    pub is_self_issued: bool,
    pub serial: String,
    pub not_before: String,
    pub not_after: String,
    pub days_left: i64,
    pub names: Vec<String>,
    pub key_type: String,
    pub key_bits: Option<usize>,
    pub signature_algorithm: String,
    pub is_ca: bool,
    pub path_length: Option<u32>,
    pub key_usage: Option<Vec<&'static str>>,
    pub extended_key_usage: Option<Vec<String>>,
    pub ocsp_urls: Vec<String>,
    pub ca_issuer_urls: Vec<String>,
    pub crl_urls: Vec<String>,
    pub scts: Vec<Sct>,
    pub must_staple: bool,
    pub sha256: String,
    pub spki_sha256: String,
    pub pem: String,
}

/// Summaries of every certificate in PEM text, or of one in DER; days are counted from now.
pub fn certificates(data: &[u8]) -> Result<Vec<Certificate>> {
    let found = read(data)?;
    Ok(summaries(&found, time::now()))
}

/// The certificates themselves, or the code that says why there is none.
pub fn read(data: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    pem::certificates(data).map_err(|fault| {
        let code = if matches!(fault, Fault::Absent(_)) { "no-certificate" } else { "bad-certificate-file" };
        Error::local(code, format!("the input {}", fault.words()))
    })
}

pub fn summaries(chain: &[CertificateDer<'_>], now: i64) -> Vec<Certificate> {
    chain.iter().map(|der| summary(der, now)).collect()
}

/// A certificate that cannot be parsed has its hash and PEM, and nothing else.
pub fn summary(der: &[u8], now: i64) -> Certificate {
    let unread = Certificate { sha256: sha256(der), pem: to_pem(der), ..Certificate::default() };
    let Ok((_, parsed)) = X509Certificate::from_der(der) else { return unread };
    let not_after = parsed.validity().not_after.timestamp();
    let constraints = extensions::basic_constraints(&parsed);
    Certificate {
        // The numbers in the encoding begin at nought (RFC 5280 section 4.1.2.1).
        version: parsed.version().0.saturating_add(1),
        subject: dn::text(parsed.subject()),
        issuer: dn::text(parsed.issuer()),
        is_self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        serial: serial(parsed.raw_serial()),
        not_before: time::rfc3339(parsed.validity().not_before.timestamp()),
        not_after: time::rfc3339(not_after),
        days_left: not_after.saturating_sub(now).div_euclid(DAY),
        names: extensions::names(&parsed),
        key_type: key_type(parsed.public_key()),
        key_bits: key_bits(parsed.public_key()),
        signature_algorithm: signature_algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
        is_ca: constraints.is_some_and(|constraints| constraints.ca),
        path_length: constraints.and_then(|constraints| constraints.path_len_constraint),
        key_usage: extensions::key_usage(&parsed),
        extended_key_usage: extensions::extended_key_usage(&parsed),
        ocsp_urls: extensions::ocsp_urls(&parsed),
        ca_issuer_urls: extensions::ca_issuer_urls(&parsed),
        crl_urls: extensions::crl_urls(&parsed),
        scts: extensions::scts(&parsed),
        must_staple: extensions::must_staple(&parsed),
        spki_sha256: sha256(parsed.public_key().raw),
        ..unread
    }
}

/// `ecdsa-p256`, `rsa-2048`, `ed25519` and the like, or the algorithm's OID.
pub fn key_type(key: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = key.algorithm.algorithm.to_id_string();
    let named = match algorithm.as_str() {
        "1.2.840.10045.2.1" => key
            .algorithm
            .parameters
            .as_ref()
            .and_then(|curve| curve.as_oid().ok())
            .map(|curve| curve_name(&curve.to_id_string())),
        // rsaEncryption, and a key that is for RSASSA-PSS alone (RFC 4055).
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => rsa_bits(key).map(|bits| format!("rsa-{bits}")),
        "1.3.101.112" => Some("ed25519".to_owned()),
        "1.3.101.113" => Some("ed448".to_owned()),
        _ => None,
    };
    named.unwrap_or(algorithm)
}

/// The size that a key is known by: of its modulus, or of its curve's field; None for one of an unknown kind.
pub fn key_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    match key_type(key).as_str() {
        "ecdsa-p256" => Some(256),
        "ecdsa-p384" => Some(384),
        "ecdsa-p521" => Some(521),
        "ed25519" => Some(255),
        "ed448" => Some(448),
        _ => rsa_bits(key),
    }
}

/// The length of an RSA key's modulus; None for any other key.
pub fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    let (_, rsa) = RSAPublicKey::from_der(&key.subject_public_key.data).ok()?;
    let first = rsa.modulus.iter().position(|byte| *byte != 0)?;
    Some((rsa.modulus.len() - first) * 8 - rsa.modulus[first].leading_zeros() as usize)
}

fn curve_name(oid: &str) -> String {
    match oid {
        "1.2.840.10045.3.1.7" => "ecdsa-p256".to_owned(),
        "1.3.132.0.34" => "ecdsa-p384".to_owned(),
        "1.3.132.0.35" => "ecdsa-p521".to_owned(),
        _ => oid.to_owned(),
    }
}

/// The registered name of a signature algorithm, or its OID.
pub fn signature_algorithm(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        _ => oid,
    }
    .to_owned()
}

fn serial(octets: &[u8]) -> String {
    let first = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len().saturating_sub(1));
    HEXLOWER.encode(&octets[first..])
}

pub fn sha256(data: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, data).as_ref())
}

/// The hash of a public key as pins are written: `sha256/` and base64 (RFC 7469 section 2.4).
pub fn pin(spki: &[u8]) -> String {
    format!("sha256/{}", BASE64.encode(digest(&SHA256, spki).as_ref()))
}

/// RFC 7468 section 5: lines of 64 characters.
fn to_pem(der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut pem = String::with_capacity(body.len() + body.len() / 64 + 64);
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    for start in (0..body.len()).step_by(64) {
        pem.push_str(&body[start..body.len().min(start + 64)]);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::IpAddr;

    use rcgen::{CertificateParams, KeyPair, SanType, SerialNumber, date_time_ymd};

    use super::*;

    fn params() -> CertificateParams {
        let mut params = CertificateParams::new(vec!["b.example".to_owned(), "*.a.example".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress("192.0.2.1".parse::<IpAddr>().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::1".parse::<IpAddr>().unwrap()));
        params.serial_number = Some(SerialNumber::from_slice(&[0x00, 0x0a, 0xbc]));
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(2051, 12, 31);
        params
    }

    #[test]
    fn a_summary_says_what_the_certificate_says() {
        let made = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let summary = summary(made.der(), 2_587_593_600 - 1);
        assert_eq!(summary.names, ["b.example", "*.a.example", "192.0.2.1", "2001:db8::1"]);
        assert_eq!((summary.serial.as_str(), summary.key_type.as_str()), ("0abc", "ecdsa-p256"));
        assert_eq!(summary.signature_algorithm, "ecdsa-with-SHA256");
        assert_eq!(summary.not_before, "2026-01-02T00:00:00Z");
        assert_eq!((summary.not_after.as_str(), summary.days_left), ("2051-12-31T00:00:00Z", 0));
        assert!(!summary.is_ca);
    }

    #[test]
    fn days_left_are_whole_days_rounded_down() {
        let made = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let end = 2_587_593_600;
        assert_eq!(summary(made.der(), end - DAY).days_left, 1);
        assert_eq!(summary(made.der(), end).days_left, 0);
        assert_eq!(summary(made.der(), end + 1).days_left, -1);
    }

    #[test]
    fn pem_can_be_read_back() {
        let made = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let summaries = certificates(made.pem().as_bytes()).unwrap();
        assert_eq!(pem::certificates(summaries[0].pem.as_bytes()).unwrap()[0], *made.der());
    }

    #[test]
    fn key_types_go_by_their_size() {
        for (kind, name) in [(&rcgen::PKCS_ED25519, "ed25519"), (&rcgen::PKCS_RSA_SHA256, "rsa-2048")] {
            let made = params().self_signed(&KeyPair::generate_for(kind).unwrap()).unwrap();
            assert_eq!(summary(made.der(), 0).key_type, name);
        }
    }

    #[test]
    fn garbage_keeps_its_hash_and_nothing_else() {
        let summary = summary(&[0x30, 0x03, 0x02, 0x01, 0x01], 0);
        assert_eq!((summary.subject.as_str(), summary.spki_sha256.as_str()), ("", ""));
        assert_eq!(summary.sha256.len(), 64);
    }

    #[test]
    fn no_truncation_or_flipped_bit_makes_a_summary_panic() {
        let made = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = made.der().to_vec();
        for i in 0..der.len() {
            summary(&der[..i], 0);
            for bit in 0..8 {
                let mut flipped = der.clone();
                flipped[i] ^= 1 << bit;
                summary(&flipped, 0);
            }
        }
    }
}
