//! The header of the PROXY protocol, version 2: what the upstream is told of a client before anything else
//! (haproxy's `doc/proxy-protocol.txt`, section 2.2).

use std::net::{IpAddr, SocketAddr};

use rustls::server::UnbufferedServerConnection;
use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::super::brought::Brought;
use crate::judge::Verdict;
use crate::provider::suite_name;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and the command PROXY: the connection is made on behalf of somebody else.
const VERSION_COMMAND: u8 = 0x21;

const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

const PP2_TYPE_ALPN: u8 = 0x01;
const PP2_TYPE_AUTHORITY: u8 = 0x02;
const PP2_TYPE_SSL: u8 = 0x20;
const PP2_SUBTYPE_SSL_VERSION: u8 = 0x21;
const PP2_SUBTYPE_SSL_CN: u8 = 0x22;
const PP2_SUBTYPE_SSL_CIPHER: u8 = 0x23;

const PP2_CLIENT_SSL: u8 = 0x01;
const PP2_CLIENT_CERT_CONN: u8 = 0x02;
const PP2_CLIENT_CERT_SESS: u8 = 0x04;

/// A common name beyond this is left out: cut short it would be somebody else's, and receivers take headers of a few KiB only.
const LONGEST_NAME: usize = 256;

/// What is said of a client.
pub struct Introduction<'a> {
    pub client: SocketAddr,
    /// The address that it came to.
    pub server: SocketAddr,
    pub alpn: Option<&'a [u8]>,
    pub sni: Option<&'a str>,
    /// As OpenSSL writes it: `TLSv1.3`.
    pub version: &'static str,
    /// As OpenSSL writes it: `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher: String,
    pub certificate: Option<Certificate>,
}

/// The certificate of a client.
pub struct Certificate {
    pub common_name: Option<String>,
    /// Whether the verdict on it is good: one that was only requested may be anybody's.
    pub is_verified: bool,
    /// It was shown when the session was made, and not again on this connection.
    pub from_session: bool,
}

impl<'a> Introduction<'a> {
    /// A client whose session is up.
    pub fn of(
        tls: &'a UnbufferedServerConnection,
        brought: &'a Brought,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Self {
        Self {
            client,
            server: SocketAddr::new(server.ip().to_canonical(), server.port()),
            alpn: tls.alpn_protocol(),
            sni: brought.requested_name(),
            version: if tls.protocol_version() == Some(ProtocolVersion::TLSv1_2) { "TLSv1.2" } else { "TLSv1.3" },
            cipher: tls
                .negotiated_cipher_suite()
                .map(|suite| openssl_name(&suite_name(suite.suite())))
                .unwrap_or_default(),
            certificate: certificate(tls, brought),
        }
    }

    pub fn header(&self) -> Vec<u8> {
        let (family, mut body) = addresses(self.client, self.server);
        if let Some(protocol) = self.alpn {
            put(&mut body, PP2_TYPE_ALPN, protocol);
        }
        if let Some(name) = self.sni {
            put(&mut body, PP2_TYPE_AUTHORITY, name.as_bytes());
        }
        put(&mut body, PP2_TYPE_SSL, &self.tls());
        let mut header = SIGNATURE.to_vec();
        header.extend([VERSION_COMMAND, family]);
        header.extend(length(&body));
        header.extend(body);
        header
    }

    /// `struct pp2_tlv_ssl`.
    fn tls(&self) -> Vec<u8> {
        let shown = self.certificate.as_ref().map_or(0, |certificate| {
            PP2_CLIENT_CERT_SESS | if certificate.from_session { 0 } else { PP2_CLIENT_CERT_CONN }
        });
        let mut tls = vec![PP2_CLIENT_SSL | shown];
        // Nought is for a certificate that was verified.
        let is_verified = self.certificate.as_ref().is_some_and(|certificate| certificate.is_verified);
        tls.extend(u32::from(!is_verified).to_be_bytes());
        put(&mut tls, PP2_SUBTYPE_SSL_VERSION, self.version.as_bytes());
        if let Some(name) = self.certificate.as_ref().and_then(|certificate| certificate.common_name.as_ref()) {
            put(&mut tls, PP2_SUBTYPE_SSL_CN, name.as_bytes());
        }
        put(&mut tls, PP2_SUBTYPE_SSL_CIPHER, self.cipher.as_bytes());
        tls
    }
}

/// Family and address block. Both addresses are of one socket, and so of one family.
fn addresses(client: SocketAddr, server: SocketAddr) -> (u8, Vec<u8>) {
    let (family, mut block) = match (client.ip(), server.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (TCP_OVER_IPV4, [from.octets(), to.octets()].concat()),
        (from, to) => (TCP_OVER_IPV6, [wide(from), wide(to)].concat()),
    };
    block.extend(client.port().to_be_bytes());
    block.extend(server.port().to_be_bytes());
    (family, block)
}

fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// A type, a length and a value.
fn put(to: &mut Vec<u8>, kind: u8, value: &[u8]) {
    to.push(kind);
    to.extend(length(value));
    to.extend(value);
}

/// Names have at most 255 bytes each, so that a header is far from what two bytes can say.
fn length(value: &[u8]) -> [u8; 2] {
    u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes()
}

fn certificate(tls: &CommonState, brought: &Brought) -> Option<Certificate> {
    let leaf = tls.peer_certificates()?.first()?;
    let from_session = tls.handshake_kind() == Some(HandshakeKind::Resumed);
    let is_verified = brought.certificate().is_some_and(|certificate| certificate.verdict == Verdict::Good);
    Some(Certificate { common_name: common_name(leaf), is_verified, from_session })
}

/// The last one of the subject, which is the most specific.
fn common_name(leaf: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(leaf).ok()?;
    let name = parsed.subject().iter_common_name().last()?.as_str().ok()?;
    (name.len() <= LONGEST_NAME).then(|| name.to_owned())
}

/// Receivers know suites by OpenSSL's names, which for TLS 1.3 are the registry's.
fn openssl_name(suite: &str) -> String {
    let Some((exchange, cipher)) = suite.trim_start_matches("TLS_").split_once("_WITH_") else {
        return suite.to_owned();
    };
    let cipher = cipher.replacen("AES_", "AES", 1).replace("POLY1305_SHA256", "POLY1305");
    format!("{exchange}_{cipher}").replace('_', "-")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn introduction() -> Introduction<'static> {
        Introduction {
            client: "192.0.2.1:4660".parse().unwrap(),
            server: "198.51.100.2:443".parse().unwrap(),
            alpn: None,
            sni: None,
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
            certificate: None,
        }
    }

    #[test]
    fn a_client_without_a_name_is_introduced_byte_for_byte() {
        let tls =
            [&b"\x20\0\x2b\x01\0\0\0\x01"[..], b"\x21\0\x07TLSv1.3", b"\x23\0\x16TLS_AES_128_GCM_SHA256"].concat();
        let tls = [&tls[..1], &u16::try_from(tls.len() - 3).unwrap().to_be_bytes(), &tls[3..]].concat();
        let addresses = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb];
        let length = u16::try_from(addresses.len() + tls.len()).unwrap().to_be_bytes();
        let wanted = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length, &addresses, &tls].concat();
        assert_eq!(introduction().header(), wanted);
    }

    #[test]
    fn protocol_and_name_stand_before_the_session() {
        let header = Introduction { alpn: Some(b"h2"), sni: Some("a.test"), ..introduction() }.header();
        assert_eq!(&header[28..], [b"\x01\0\x02h2\x02\0\x06a.test", &introduction().header()[28..]].concat());
        assert_eq!(usize::from(u16::from_be_bytes([header[14], header[15]])), header.len() - 16);
    }

    #[test]
    fn ipv6_addresses_are_written_in_full() {
        let client = "[2001:db8::1]:1".parse().unwrap();
        let server = "[2001:db8::2]:2".parse().unwrap();
        let header = Introduction { client, server, ..introduction() }.header();
        assert_eq!(header[13], 0x21);
        assert_eq!(header[16..20], [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(header[31..33], [1, 0x20]);
        assert_eq!(header[47..53], [2, 0, 1, 0, 2, PP2_TYPE_SSL]);
    }

    #[test]
    fn a_client_certificate_is_told_of_with_its_name_and_where_it_was_shown() {
        for (from_session, is_verified, flags) in [(false, true, 7), (true, true, 5), (false, false, 7)] {
            let common_name = Some("client".to_owned());
            let certificate = Some(Certificate { common_name, is_verified, from_session });
            let header = Introduction { certificate, ..introduction() }.header();
            assert_eq!(header[31..36], [flags, 0, 0, 0, u8::from(!is_verified)]);
            assert_eq!(header[46..55], *b"\x22\0\x06client");
        }
    }

    #[test]
    fn a_common_name_that_is_too_long_is_left_out_and_not_cut() {
        let made = |name: String| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
        };
        assert_eq!(common_name(&made("Zürich".to_owned())).as_deref(), Some("Zürich"));
        assert_eq!(common_name(&made("x".repeat(LONGEST_NAME))), Some("x".repeat(LONGEST_NAME)));
        assert_eq!(common_name(&made("x".repeat(LONGEST_NAME + 1))), None);
    }

    #[test]
    fn suites_are_named_as_receivers_know_them() {
        for (registry, openssl) in [
            ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ] {
            assert_eq!(openssl_name(registry), openssl);
        }
    }
}
