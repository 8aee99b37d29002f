//! Suites and groups: IANA's names, and what the libssl family calls them.

/// A key exchange group under all of its names and numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    pub iana: &'static str,
    /// As every libssl takes it in a list of groups.
    pub openssl: &'static str,
    /// Its code point, as BoringSSL and AWS-LC tell it.
    pub id: u16,
    /// OpenSSL's number for the curve; None if it came only after there was a better way to ask.
    pub nid: Option<std::ffi::c_long>,
}

const GROUPS: &[Group] = &[
    Group { iana: "x25519", openssl: "X25519", id: 0x001d, nid: Some(1034) },
    Group { iana: "secp256r1", openssl: "P-256", id: 0x0017, nid: Some(415) },
    Group { iana: "secp384r1", openssl: "P-384", id: 0x0018, nid: Some(715) },
    Group { iana: "secp521r1", openssl: "P-521", id: 0x0019, nid: Some(716) },
    Group { iana: "X25519MLKEM768", openssl: "X25519MLKEM768", id: 0x11ec, nid: None },
    Group { iana: "SecP256r1MLKEM768", openssl: "SecP256r1MLKEM768", id: 0x11eb, nid: None },
    Group { iana: "SecP384r1MLKEM1024", openssl: "SecP384r1MLKEM1024", id: 0x11ed, nid: None },
    Group { iana: "MLKEM768", openssl: "MLKEM768", id: 0x0201, nid: None },
    Group { iana: "MLKEM1024", openssl: "MLKEM1024", id: 0x0202, nid: None },
];

/// The group that `matches`.
pub fn group(matches: impl Fn(&Group) -> bool) -> Option<&'static Group> {
    GROUPS.iter().find(|group| matches(group))
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
    fn the_suite_tells_the_version() {
        assert_eq!(version("TLS_AES_128_GCM_SHA256"), "1.3");
        assert_eq!(version("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), "1.2");
    }
}
