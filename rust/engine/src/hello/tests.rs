#![allow(clippy::unwrap_used)]

mod fingerprints;
mod offers;

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::conn::{self, Output};
use crate::provider;

/// The body of the `ClientHello` that rustls sends for this library's own configuration.
fn real_hello() -> Vec<u8> {
    let groups = ["X25519MLKEM768".to_owned(), "x25519".to_owned()];
    let mut config = ClientConfig::builder_with_provider(provider::provider(&[], &groups).unwrap())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "example.org".try_into().unwrap();
    let mut client = UnbufferedClientConnection::new(Arc::new(config), name).unwrap();
    let mut output = Output::default();
    conn::advance(&mut client, &mut [], &mut output, |_| ()).1.unwrap();
    // Behind the header of the record and that of the message.
    output.pending()[9..].to_vec()
}

fn server_hello(random: [u8; 32], suite: u16, extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (kind, data) in extensions {
        block.extend(kind.to_be_bytes());
        block.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        block.extend_from_slice(data);
    }
    let mut body = vec![3, 3];
    body.extend(random);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    body.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
    body.extend(block);
    body
}

#[test]
fn a_real_client_hello_is_read_in_full() {
    let body = real_hello();
    let hello = ClientHello::parse(&body).unwrap();
    assert_eq!(hello.legacy_version, 0x0303);
    assert_eq!(hello.versions(), [0x0304, 0x0303]);
    assert_eq!(hello.server_name(), Some(&b"example.org"[..]));
    assert_eq!(hello.alpn(), [&b"h2"[..], b"http/1.1"]);
    assert_eq!(hello.groups(), [0x11ec, 0x001d]);
    // The hybrid: 1,184 bytes of ML-KEM-768 and 32 of X25519. Then its classical half alone.
    assert_eq!(hello.key_shares(), [(0x11ec, 1216), (0x001d, 32)]);
    assert!(hello.suites.contains(&0x1301));
    assert!(hello.signature_schemes().contains(&0x0403));
    assert!(hello.offers(kind::SUPPORTED_VERSIONS) && !hello.offers(kind::EARLY_DATA));
}

#[test]
fn a_server_hello_says_what_was_chosen() {
    let body = server_hello([7; 32], 0x1302, &[(43, &[3, 4]), (51, &[0x11, 0xec, 0, 1, 9])]);
    let hello = ServerHello::parse(&body).unwrap();
    assert_eq!((hello.version(), hello.suite, hello.group()), (0x0304, 0x1302, Some(0x11ec)));
    assert!(!hello.is_retry_request() && !hello.selects_psk());
    let old = server_hello([7; 32], 0xc02b, &[]);
    assert_eq!(ServerHello::parse(&old).unwrap().version(), 0x0303);
    // Without an extension block, as TLS 1.0 allowed.
    assert!(ServerHello::parse(&old[..old.len() - 2]).unwrap().extensions.is_empty());
}

#[test]
fn a_retry_request_is_known_by_its_random() {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"HelloRetryRequest");
    let body = server_hello(digest.as_ref().try_into().unwrap(), 0x1301, &[(43, &[3, 4]), (51, &[0, 23])]);
    let hello = ServerHello::parse(&body).unwrap();
    assert!(hello.is_retry_request());
    assert_eq!(hello.group(), Some(23));
}

#[test]
fn grease_is_told_from_what_is_meant() {
    assert!((0..16).all(|n: u16| is_grease(n << 12 | 0x0a00 | n << 4 | 0x000a)));
    assert!(![0x1301, 0x0a1a, 0x0b0b, 0x001d, 0x11ec].into_iter().any(is_grease));
}

fn read_everything(body: &[u8]) -> bool {
    let client = ClientHello::parse(body);
    if let Some(hello) = &client {
        let lists = [hello.versions(), hello.groups(), hello.signature_schemes()];
        assert!(lists.iter().all(|list| list.len() * 2 <= body.len()));
        assert!(hello.key_shares().len() * 4 <= body.len() && hello.alpn().len() <= body.len());
        assert!(hello.server_name().is_none_or(|name| name.len() <= body.len()));
    }
    if let Some(offer) = Offer::parse(body) {
        assert!(offer.decoded().suites.len() * 2 <= body.len());
    }
    let server = ServerHello::parse(body);
    if let Some(hello) = &server {
        let _ = (hello.version(), hello.group(), hello.selects_psk(), hello.is_retry_request());
    }
    client.is_some() || server.is_some()
}

#[test]
fn no_hello_that_was_cut_short_is_taken_for_a_whole_one() {
    let body = real_hello();
    assert!(read_everything(&body));
    let ends = (0..body.len()).filter(|end| ClientHello::parse(&body[..*end]).is_some()).collect::<Vec<_>>();
    // Where the extensions begin, a hello may end: then it has none.
    let without = ends.iter().all(|end| ClientHello::parse(&body[..*end]).unwrap().extensions.is_empty());
    assert!(without && ends.len() <= 1, "{ends:?}");
}

#[test]
fn no_flipped_bit_makes_more_of_a_hello_than_there_is() {
    let hellos = [real_hello(), server_hello([7; 32], 0x1302, &[(43, &[3, 4]), (51, &[0x11, 0xec, 0, 1, 9])])];
    for body in hellos {
        for bit in 0..body.len() * 8 {
            let mut flipped = body.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            read_everything(&flipped);
        }
    }
}
