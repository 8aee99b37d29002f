//! What stands in a hello, by the names of IANA's registries. What has none is hexadecimal; GREASE (RFC 8701) is called so.

use rustls::{CipherSuite, NamedGroup, SignatureScheme};

use super::is_grease;
use crate::provider;

/// `1.3`; `SSL 3.0` and `SSL 2.0` for what went before.
pub fn version(number: u16) -> String {
    named(number, |number| {
        Some(match number {
            0x0002 => "SSL 2.0".to_owned(),
            0x0300 => "SSL 3.0".to_owned(),
            0x0301 => "1.0".to_owned(),
            0x0302 => "1.1".to_owned(),
            0x0303 => "1.2".to_owned(),
            0x0304 => "1.3".to_owned(),
            _ => return None,
        })
    })
}

/// `TLS_AES_128_GCM_SHA256` and the like, and the signalling values that stand among the suites.
pub fn suite(number: u16) -> String {
    named(number, |number| match number {
        // RFC 7507 section 2.
        0x5600 => Some("TLS_FALLBACK_SCSV".to_owned()),
        _ => Some(provider::suite_name(CipherSuite::from(number))),
    })
}

/// `x25519`, `X25519MLKEM768` and the like.
pub fn group(number: u16) -> String {
    named(number, |number| match EARLY_GROUPS.get(usize::from(number)) {
        Some(name) if number > 0 => Some((*name).to_owned()),
        _ => LATE_GROUPS
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, name)| (*name).to_owned())
            .or_else(|| Some(provider::group_name(NamedGroup::from(number)))),
    })
}

/// `ecdsa_secp256r1_sha256` and the like. What only TLS 1.2 had, pairs of a hash and a signature (RFC 5246 section 7.4.1.4.1), is
/// named in the same style.
pub fn scheme(number: u16) -> String {
    named(number, |number| {
        SCHEMES
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, name)| (*name).to_owned())
            .or_else(|| Some(provider::scheme_name(SignatureScheme::from(number))))
    })
}

/// `server_name`, `key_share` and the like; some that IANA never had are known by the names that browsers gave them.
pub fn extension(number: u16) -> String {
    named(number, |number| {
        let place = EXTENSIONS.binary_search_by_key(&number, |(known, _)| *known).ok()?;
        Some(EXTENSIONS[place].1.to_owned())
    })
}

/// `zlib`, `brotli`, `zstd` (RFC 8879 section 7.3).
pub fn compression(number: u16) -> String {
    named(number, |number| {
        let names = ["zlib", "brotli", "zstd"];
        names.get(usize::from(number).checked_sub(1)?).map(|name| (*name).to_owned())
    })
}

fn named(number: u16, name: impl FnOnce(u16) -> Option<String>) -> String {
    if is_grease(number) {
        return format!("GREASE 0x{number:04x}");
    }
    name(number).unwrap_or_else(|| format!("0x{number:04x}"))
}

/// The curves up to 41, by their numbers (RFC 8422, RFC 7027, RFC 8734, RFC 9189, RFC 8998).
const EARLY_GROUPS: [&str; 42] = [
    "",
    "sect163k1",
    "sect163r1",
    "sect163r2",
    "sect193r1",
    "sect193r2",
    "sect233k1",
    "sect233r1",
    "sect239k1",
    "sect283k1",
    "sect283r1",
    "sect409k1",
    "sect409r1",
    "sect571k1",
    "sect571r1",
    "secp160k1",
    "secp160r1",
    "secp160r2",
    "secp192k1",
    "secp192r1",
    "secp224k1",
    "secp224r1",
    "secp256k1",
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
    "x25519",
    "x448",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
    "GC256A",
    "GC256B",
    "GC256C",
    "GC256D",
    "GC512A",
    "GC512B",
    "GC512C",
    "curveSM2",
];

/// Groups that Rustls has no name for.
const LATE_GROUPS: [(u16, &str); 6] = [
    (0x11ed, "SecP384r1MLKEM1024"),
    (0x11ee, "curveSM2MLKEM768"),
    (0x6399, "X25519Kyber768Draft00"),
    (0x639a, "SecP256r1Kyber768Draft00"),
    (0xff01, "arbitrary_explicit_prime_curves"),
    (0xff02, "arbitrary_explicit_char2_curves"),
];

/// Schemes that Rustls has no name for.
const SCHEMES: [(u16, &str); 26] = [
    (0x0101, "rsa_pkcs1_md5"),
    (0x0202, "dsa_sha1"),
    (0x0301, "rsa_pkcs1_sha224"),
    (0x0302, "dsa_sha224"),
    (0x0303, "ecdsa_sha224"),
    (0x0402, "dsa_sha256"),
    (0x0420, "rsa_pkcs1_sha256_legacy"),
    (0x0502, "dsa_sha384"),
    (0x0520, "rsa_pkcs1_sha384_legacy"),
    (0x0602, "dsa_sha512"),
    (0x0620, "rsa_pkcs1_sha512_legacy"),
    (0x0704, "eccsi_sha256"),
    (0x0708, "sm2sig_sm3"),
    (0x0709, "gostr34102012_256a"),
    (0x070a, "gostr34102012_256b"),
    (0x070b, "gostr34102012_256c"),
    (0x070c, "gostr34102012_256d"),
    (0x070d, "gostr34102012_512a"),
    (0x070e, "gostr34102012_512b"),
    (0x070f, "gostr34102012_512c"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080a, "rsa_pss_pss_sha384"),
    (0x080b, "rsa_pss_pss_sha512"),
    (0x081a, "ecdsa_brainpoolP256r1tls13_sha256"),
    (0x081b, "ecdsa_brainpoolP384r1tls13_sha384"),
    (0x081c, "ecdsa_brainpoolP512r1tls13_sha512"),
];

/// IANA's registry of `ExtensionType`, and four of browsers', in the order of their numbers.
const EXTENSIONS: [(u16, &str); 66] = [
    (0, "server_name"),
    (1, "max_fragment_length"),
    (2, "client_certificate_url"),
    (3, "trusted_ca_keys"),
    (4, "truncated_hmac"),
    (5, "status_request"),
    (6, "user_mapping"),
    (7, "client_authz"),
    (8, "server_authz"),
    (9, "cert_type"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (12, "srp"),
    (13, "signature_algorithms"),
    (14, "use_srtp"),
    (15, "heartbeat"),
    (16, "application_layer_protocol_negotiation"),
    (17, "status_request_v2"),
    (18, "signed_certificate_timestamp"),
    (19, "client_certificate_type"),
    (20, "server_certificate_type"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_master_secret"),
    (24, "token_binding"),
    (25, "cached_info"),
    (26, "tls_lts"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (29, "pwd_protect"),
    (30, "pwd_clear"),
    (31, "password_salt"),
    (32, "ticket_pinning"),
    (33, "tls_cert_with_extern_psk"),
    (34, "delegated_credential"),
    (35, "session_ticket"),
    (36, "TLMSP"),
    (37, "TLMSP_proxying"),
    (38, "TLMSP_delegate"),
    (39, "supported_ekt_ciphers"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (47, "certificate_authorities"),
    (48, "oid_filters"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (52, "transparency_info"),
    (54, "connection_id"),
    (55, "external_id_hash"),
    (56, "external_session_id"),
    (57, "quic_transport_parameters"),
    (58, "ticket_request"),
    (59, "dnssec_chain"),
    (60, "sequence_number_encryption_algorithms"),
    (61, "rrc"),
    // NPN, the forerunner of ALPN; ALPS, twice; Channel ID: never registered, but on the wire.
    (0x3374, "next_protocol_negotiation"),
    (0x4469, "application_settings_old"),
    (0x44cd, "application_settings"),
    (0x7550, "channel_id"),
    (0xfd00, "ech_outer_extensions"),
    (0xfe0d, "encrypted_client_hello"),
    (0xff01, "renegotiation_info"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_registries() {
        assert_eq!(suite(0x1301), "TLS_AES_128_GCM_SHA256");
        assert_eq!(suite(0xc02b), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
        assert_eq!(suite(0x00ff), "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
        assert_eq!(suite(0x5600), "TLS_FALLBACK_SCSV");
        assert_eq!(group(0x001e), "x448");
        assert_eq!(group(0x0019), "secp521r1");
        assert_eq!(group(0x0029), "curveSM2");
        assert_eq!(group(0x0100), "ffdhe2048");
        assert_eq!(group(0x11eb), "SecP256r1MLKEM768");
        assert_eq!(group(0x11ed), "SecP384r1MLKEM1024");
        assert_eq!(scheme(0x0203), "ecdsa_sha1");
        assert_eq!(scheme(0x0804), "rsa_pss_rsae_sha256");
        assert_eq!(scheme(0x0809), "rsa_pss_pss_sha256");
        assert_eq!(extension(10), "supported_groups");
        assert_eq!(extension(0xfe0d), "encrypted_client_hello");
        assert_eq!(compression(2), "brotli");
        assert_eq!(version(0x0304), "1.3");
    }

    #[test]
    fn what_has_no_name_is_a_number_and_grease_is_called_so() {
        for name in [version, suite, group, scheme, extension, compression] {
            assert_eq!(name(0xfafa), "GREASE 0xfafa");
            assert_eq!(name(0xf0f1), "0xf0f1");
            assert_eq!(name(0xffff), "0xffff");
        }
        assert_eq!(group(0), "0x0000");
        assert_eq!(compression(0), "0x0000");
    }

    #[test]
    fn extensions_are_in_the_order_of_their_numbers() {
        assert!(EXTENSIONS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
