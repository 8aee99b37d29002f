//! Cipher suites, groups and versions by their IANA names, and the provider that has just those.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{
    CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};

use crate::{Error, Result};

/// The cryptography, restricted to `suites` and `groups` in the order given; empty means the defaults.
pub fn provider(suites: &[String], groups: &[String]) -> Result<Arc<CryptoProvider>> {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        provider.cipher_suites = suites.iter().map(|name| suite(name)).collect::<Result<_>>()?;
    }
    if !groups.is_empty() {
        provider.kx_groups = groups.iter().map(|name| group(name)).collect::<Result<_>>()?;
    }
    Ok(Arc::new(provider))
}

/// Signature schemes by their IANA names; each is one that `provider` can verify.
pub fn schemes(names: &[String], provider: &CryptoProvider) -> Result<Vec<SignatureScheme>> {
    let known = provider.signature_verification_algorithms.supported_schemes();
    let scheme = |name: &String| {
        known
            .iter()
            .find(|scheme| scheme_name(**scheme).eq_ignore_ascii_case(name))
            .copied()
            .ok_or_else(|| Error::Unsupported(format!("Rustls has no signature scheme {name}")))
    };
    names.iter().map(scheme).collect()
}

/// Versions by their numbers; empty means 1.2 and 1.3.
pub fn versions(names: &[String]) -> Result<Vec<&'static SupportedProtocolVersion>> {
    if names.is_empty() {
        return Ok(rustls::ALL_VERSIONS.to_vec());
    }
    names
        .iter()
        .map(|name| match name.as_str() {
            "1.2" => Ok(&rustls::version::TLS12),
            "1.3" => Ok(&rustls::version::TLS13),
            _ => Err(Error::Unsupported(format!("Rustls does not speak TLS {name}"))),
        })
        .collect()
}

/// Why versions, suites and groups do not go together, without the "unexpected error" that rustls prefixes.
pub fn misfit(error: rustls::Error) -> String {
    let why = match error {
        rustls::Error::General(why) => why,
        other => other.to_string(),
    };
    format!("these versions, cipher suites and groups do not go together: {why}")
}

/// ALPN protocols as bytes. Each has 1 to 255 of them (RFC 7301 section 3.1).
pub fn protocols(names: &[String]) -> Result<Vec<Vec<u8>>> {
    match names.iter().find(|name| name.is_empty() || name.len() > 255) {
        Some(name) => Err(Error::Usage(format!("{name:?} is no ALPN protocol: it has to have 1 to 255 bytes"))),
        None => Ok(names.iter().map(|name| name.clone().into_bytes()).collect()),
    }
}

/// Every suite by its IANA name, in the order of preference.
pub fn suite_names() -> Vec<String> {
    aws_lc_rs::ALL_CIPHER_SUITES.iter().map(|s| suite_name(s.suite())).collect()
}

/// Every group by its IANA name, in the order of preference.
pub fn group_names() -> Vec<String> {
    aws_lc_rs::ALL_KX_GROUPS.iter().map(|g| group_name(g.name())).collect()
}

/// `TLS_AES_128_GCM_SHA256` and the like.
pub fn suite_name(suite: CipherSuite) -> String {
    match suite.as_str() {
        Some(name) => name.replacen("TLS13_", "TLS_", 1),
        None => format!("0x{:04x}", u16::from(suite)),
    }
}

/// `x25519`, `secp256r1`, `X25519MLKEM768` and the like.
pub fn group_name(group: NamedGroup) -> String {
    match group.as_str() {
        Some(name @ ("X25519" | "X448")) => name.to_lowercase(),
        Some(name) if name.starts_with("FFDHE") => name.to_lowercase(),
        Some("secp256r1MLKEM768") => "SecP256r1MLKEM768".to_owned(),
        Some(name) => name.to_owned(),
        None => format!("0x{:04x}", u16::from(group)),
    }
}

/// Whether a group combines a key exchange that no quantum computer breaks with a classical one.
pub fn is_hybrid(group: NamedGroup) -> bool {
    matches!(group, NamedGroup::X25519MLKEM768 | NamedGroup::secp256r1MLKEM768)
        || HYBRIDS_RUSTLS_LACKS.contains(&u16::from(group))
}

/// `SecP384r1MLKEM1024`, `curveSM2MLKEM768`, and the two drafts with Kyber.
const HYBRIDS_RUSTLS_LACKS: [u16; 4] = [0x11ed, 0x11ee, 0x6399, 0x639a];

/// `ecdsa_secp256r1_sha256` and the like.
pub fn scheme_name(scheme: SignatureScheme) -> String {
    match scheme.as_str() {
        Some("ED25519") => "ed25519".to_owned(),
        Some("ED448") => "ed448".to_owned(),
        Some("ECDSA_SHA1_Legacy") => "ecdsa_sha1".to_owned(),
        Some("ECDSA_NISTP256_SHA256") => "ecdsa_secp256r1_sha256".to_owned(),
        Some("ECDSA_NISTP384_SHA384") => "ecdsa_secp384r1_sha384".to_owned(),
        Some("ECDSA_NISTP521_SHA512") => "ecdsa_secp521r1_sha512".to_owned(),
        Some(name) if name.starts_with("ML_DSA_") => name.to_lowercase().replacen("ml_dsa_", "mldsa", 1),
        Some(name) if name.starts_with("RSA_PSS_") => name.to_lowercase().replacen("rsa_pss_", "rsa_pss_rsae_", 1),
        Some(name) => name.to_lowercase(),
        None => format!("0x{:04x}", u16::from(scheme)),
    }
}

/// `1.2` or `1.3`.
pub fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "1.2",
        ProtocolVersion::TLSv1_3 => "1.3",
        _ => "unknown",
    }
}

fn suite(name: &str) -> Result<SupportedCipherSuite> {
    aws_lc_rs::ALL_CIPHER_SUITES
        .iter()
        .find(|s| suite_name(s.suite()).eq_ignore_ascii_case(name))
        .copied()
        .ok_or_else(|| Error::Unsupported(format!("Rustls has no cipher suite {name}")))
}

fn group(name: &str) -> Result<&'static dyn SupportedKxGroup> {
    aws_lc_rs::ALL_KX_GROUPS
        .iter()
        .find(|g| group_name(g.name()).eq_ignore_ascii_case(name))
        .copied()
        .ok_or_else(|| Error::Unsupported(format!("Rustls has no key exchange group {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_iana() {
        assert_eq!(suite_names()[0], "TLS_AES_256_GCM_SHA384");
        assert!(group_names().iter().any(|name| name == "X25519MLKEM768"));
        assert!(group_names().iter().any(|name| name == "x25519"));
        assert!(group_names().iter().any(|name| name == "secp256r1"));
        assert_eq!(scheme_name(SignatureScheme::ECDSA_NISTP256_SHA256), "ecdsa_secp256r1_sha256");
        assert_eq!(scheme_name(SignatureScheme::RSA_PSS_SHA256), "rsa_pss_rsae_sha256");
        assert_eq!(scheme_name(SignatureScheme::ECDSA_SHA1_Legacy), "ecdsa_sha1");
        assert_eq!(scheme_name(SignatureScheme::ML_DSA_65), "mldsa65");
    }

    #[test]
    fn the_provider_has_what_was_asked_in_that_order() {
        let suites = ["TLS_CHACHA20_POLY1305_SHA256".to_owned(), "TLS_AES_128_GCM_SHA256".to_owned()];
        let provider =
            provider(&suites, &["secp384r1".to_owned()]).map(|p| (p.cipher_suites.len(), p.kx_groups[0].name()));
        assert_eq!(provider, Ok((2, NamedGroup::secp384r1)));
    }

    #[test]
    fn what_does_not_go_together_is_said_without_alarm() {
        let error = rustls::Error::General("no usable cipher suites configured".to_owned());
        let words = "these versions, cipher suites and groups do not go together: no usable cipher suites configured";
        assert_eq!(misfit(error), words);
    }

    #[test]
    fn what_rustls_lacks_is_unsupported() {
        let unknown = provider(&["TLS_RSA_WITH_AES_128_CBC_SHA".to_owned()], &[]);
        assert_eq!(unknown.map(|_| ()).map_err(|e| e.code()), Err("unsupported"));
        assert_eq!(versions(&["1.0".to_owned()]).map(|_| ()).map_err(|e| e.code()), Err("unsupported"));
    }
}
