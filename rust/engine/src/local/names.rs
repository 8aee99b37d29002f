//! Suites, groups and signature schemes: IANA's names, and what the libssl family calls them.

use std::ffi::{c_int, c_long};

/// A key exchange group under all of its names and numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    pub iana: &'static str,
    /// As every libssl takes it in a list of groups.
    pub openssl: &'static str,
    /// Its code point, as BoringSSL and AWS-LC tell it.
    pub id: u16,
    /// The curve's number in OpenSSL, and in `LibreSSL` if it has one of its own; none for what came when there was a better way to ask.
    pub nids: &'static [c_long],
}

const GROUPS: &[Group] = &[
    Group { iana: "x25519", openssl: "X25519", id: 0x001d, nids: &[1034, 950] },
    Group { iana: "secp256r1", openssl: "P-256", id: 0x0017, nids: &[415] },
    Group { iana: "secp384r1", openssl: "P-384", id: 0x0018, nids: &[715] },
    Group { iana: "secp521r1", openssl: "P-521", id: 0x0019, nids: &[716] },
    Group { iana: "X25519MLKEM768", openssl: "X25519MLKEM768", id: 0x11ec, nids: &[] },
    Group { iana: "SecP256r1MLKEM768", openssl: "SecP256r1MLKEM768", id: 0x11eb, nids: &[] },
    Group { iana: "SecP384r1MLKEM1024", openssl: "SecP384r1MLKEM1024", id: 0x11ed, nids: &[] },
    Group { iana: "MLKEM768", openssl: "MLKEM768", id: 0x0201, nids: &[] },
    Group { iana: "MLKEM1024", openssl: "MLKEM1024", id: 0x0202, nids: &[] },
];

/// The group that `matches`.
pub fn group(matches: impl Fn(&Group) -> bool) -> Option<&'static Group> {
    GROUPS.iter().find(|group| matches(group))
}

/// A signature scheme under its name and numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    /// As every libssl takes it in a list of schemes, too.
    pub iana: &'static str,
    /// Its code point, as BoringSSL and AWS-LC tell it.
    pub id: u16,
    /// OpenSSL's numbers for the kind of signature and for the hash, 0 for none.
    pub nids: (c_int, c_int),
}

const SIGNATURES: &[Signature] = &[
    Signature { iana: "ecdsa_secp256r1_sha256", id: 0x0403, nids: (408, 672) },
    Signature { iana: "ecdsa_secp384r1_sha384", id: 0x0503, nids: (408, 673) },
    Signature { iana: "rsa_pss_rsae_sha256", id: 0x0804, nids: (912, 672) },
    Signature { iana: "rsa_pss_rsae_sha384", id: 0x0805, nids: (912, 673) },
    Signature { iana: "rsa_pss_rsae_sha512", id: 0x0806, nids: (912, 674) },
    Signature { iana: "rsa_pkcs1_sha256", id: 0x0401, nids: (6, 672) },
    Signature { iana: "rsa_pkcs1_sha384", id: 0x0501, nids: (6, 673) },
    Signature { iana: "rsa_pkcs1_sha512", id: 0x0601, nids: (6, 674) },
    Signature { iana: "ed25519", id: 0x0807, nids: (1087, 0) },
    Signature { iana: "ecdsa_secp521r1_sha512", id: 0x0603, nids: (408, 674) },
];

/// How many of them everybody knows.
const USUAL_SIGNATURES: usize = 8;

/// The signature scheme that `matches`.
pub fn signature(matches: impl Fn(&Signature) -> bool) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| matches(signature))
}

/// What to offer so that the handshake is signed by `asked`: that, and behind it what certificates of other kinds are signed with.
pub fn signatures(asked: &str) -> Vec<&str> {
    let others = SIGNATURES[..USUAL_SIGNATURES].iter().map(|one| one.iana).filter(|&one| one != asked);
    std::iter::once(asked).chain(others).collect()
}

/// The TLS version that a suite belongs to: those of TLS 1.3 say nothing of key exchange and signature (RFC 8446 appendix B.4).
pub fn version(suite: &str) -> &'static str {
    if suite.contains("_WITH_") { "1.2" } else { "1.3" }
}

/// OpenSSL's name of a TLS 1.2 suite with an AEAD: `ECDHE-ECDSA-AES128-GCM-SHA256` and the like.
pub fn openssl_suite(iana: &str) -> String {
    let name = iana.trim_start_matches("TLS_").replace("_WITH_", "-").replace("AES_", "AES").replace('_', "-");
    match name.strip_suffix("-SHA256") {
        Some(chacha) if chacha.ends_with("POLY1305") => chacha.to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_of_tls_1_2_have_the_names_that_openssl_ciphers_prints() {
        assert_eq!(openssl_suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), "ECDHE-ECDSA-AES128-GCM-SHA256");
        assert_eq!(openssl_suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), "ECDHE-RSA-AES256-GCM-SHA384");
        assert_eq!(openssl_suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), "ECDHE-RSA-CHACHA20-POLY1305");
    }

    #[test]
    fn the_scheme_that_is_asked_for_is_offered_once_and_first() {
        assert_eq!(signatures("ed25519")[..2], ["ed25519", "ecdsa_secp256r1_sha256"]);
        let offered = signatures("rsa_pss_rsae_sha256");
        assert_eq!(offered[0], "rsa_pss_rsae_sha256");
        assert_eq!(offered.len(), USUAL_SIGNATURES);
    }

    #[test]
    fn the_suite_tells_the_version() {
        assert_eq!(version("TLS_AES_128_GCM_SHA256"), "1.3");
        assert_eq!(version("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), "1.2");
    }
}
