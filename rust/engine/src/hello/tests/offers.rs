//! What is kept of a hello.

use super::super::Offer;
use super::real_hello;

#[test]
fn what_is_kept_of_a_hello_is_decoded_in_its_order() {
    let body = real_hello();
    let offer = Offer::parse(&body).unwrap();
    let decoded = offer.decoded();
    assert_eq!(decoded.size, body.len() + 4);
    assert_eq!(decoded.legacy_version, "1.2");
    assert_eq!(decoded.sni.as_deref(), Some("example.org"));
    assert_eq!(decoded.alpn, ["h2", "http/1.1"]);
    assert_eq!(decoded.versions, ["1.3", "1.2"]);
    assert_eq!(decoded.groups, ["X25519MLKEM768", "x25519"]);
    let shares = decoded.key_shares.iter().map(|share| (share.group.as_str(), share.bytes)).collect::<Vec<_>>();
    assert_eq!(shares, [("X25519MLKEM768", 1216), ("x25519", 32)]);
    assert!(decoded.suites.contains(&"TLS_AES_128_GCM_SHA256".to_owned()));
    assert!(decoded.signature_schemes.contains(&"ecdsa_secp256r1_sha256".to_owned()));
    assert!(decoded.extensions.contains(&"application_layer_protocol_negotiation".to_owned()));
    assert_eq!(decoded.extensions.len(), offer.extensions().len());
    assert!(decoded.fingerprints.ja4.starts_with("t13d"));
}

/// A hello of 1.2 with no extensions at all, and so many suites.
fn hello_of_suites(count: u16) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend((2 * count).to_be_bytes());
    body.extend((0..count).flat_map(|_| [0x13, 0x01]));
    body.extend([1, 0]);
    body
}

#[test]
fn what_only_fills_memory_is_not_kept() {
    assert_eq!(Offer::parse(&hello_of_suites(1024)).map(|offer| offer.suites().len()), Some(1024));
    assert_eq!(Offer::parse(&hello_of_suites(1025)), None);
}

#[test]
fn a_bare_hello_offers_nothing_but_its_suites() {
    let decoded = Offer::parse(&hello_of_suites(1)).unwrap().decoded();
    assert_eq!((decoded.sni, decoded.alpn.len(), decoded.extensions.len()), (None, 0, 0));
    assert_eq!(decoded.suites, ["TLS_AES_128_GCM_SHA256"]);
}
