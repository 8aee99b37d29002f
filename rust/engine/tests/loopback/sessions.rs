//! What clients come back with: sessions by ticket or kept, early data, and certificates that sessions remember.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ClientConnection, HandshakeKind, KeyLog};
use serde_bytes::ByteBuf;
use serde_json::json;
use tlstool_engine::{ClientAuthSpec, Mode, ServerSpec};

use crate::common::{Server, Tls, certificates, exchange, spec};

/// An authority for clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

type Credentials = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap())
    }

    fn client(&self, change: impl FnOnce(&mut CertificateParams)) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["alice.test".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "alice");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let leaf = params.signed_by(&key, &self.0).unwrap();
        (vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// The demand for a certificate of this authority.
    fn demand(&self, required: bool) -> ClientAuthSpec {
        let roots = json!({"store": "test", "pem": [self.0.pem().as_bytes()], "extra": []});
        serde_json::from_value(json!({"roots": roots, "crls": [], "required": required})).unwrap()
    }
}

fn config(
    server: &Server,
    credentials: Option<Credentials>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::pem::PemObject::from_pem_slice(server.ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let builder = builder.with_root_certificates(roots);
    match credentials {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

/// Handshake, have a byte echoed, and end; the kind of the handshake, or why there was none.
fn visit(server: &Server, config: &Arc<rustls::ClientConfig>) -> Result<HandshakeKind, rustls::Error> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = Tls::new(ClientConnection::new(Arc::clone(config), name).unwrap(), server.tcp());
    let failure = |tls: &mut Tls| tls.conn.process_new_packets().err();
    if tls.write_all(b"x").and_then(|()| tls.flush()).is_err() || tls.read_exact(&mut [0]).is_err() {
        return Err(failure(&mut tls).unwrap_or(rustls::Error::HandshakeNotComplete));
    }
    let kind = tls.conn.handshake_kind().unwrap();
    tls.conn.send_close_notify();
    tls.read_to_end(&mut Vec::new()).unwrap();
    Ok(kind)
}

const TLS12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
const TLS13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn starting(change: impl FnOnce(&mut ServerSpec)) -> Server {
    Server::start(Mode::Echo, change)
}

fn alert(description: AlertDescription) -> Result<HandshakeKind, rustls::Error> {
    Err(rustls::Error::AlertReceived(description))
}

#[test]
fn without_tickets_nothing_is_ever_resumed() {
    let server = starting(|spec| spec.sites[0].sessions.tickets = 0);
    for versions in [TLS12, TLS13] {
        let config = Arc::new(config(&server, None, versions));
        assert_eq!(visit(&server, &config), Ok(HandshakeKind::Full));
        assert_eq!(visit(&server, &config), Ok(HandshakeKind::Full));
    }
}

#[test]
fn as_many_tickets_come_as_were_wanted() {
    for count in [1, 2, 5] {
        let server = starting(|spec| spec.sites[0].sessions.tickets = count);
        let mut tls = server.tls_with(&Arc::new(config(&server, None, TLS13)));
        exchange(&mut tls, b"x");
        assert_eq!(tls.conn.tls13_tickets_received() as usize, count);
    }
}

#[test]
fn servers_that_share_a_ticket_key_resume_each_others_sessions() {
    let start = |key: &[u8], demand: Option<ClientAuthSpec>| {
        let made = certificates("the CA");
        let mut spec = spec(Mode::Echo, made.identity);
        spec.sites[0].sessions.ticket_keys = vec![ByteBuf::from(key)];
        spec.sites[0].client_auth = demand;
        Server::with(spec, made.ca, |_| Ok(()))
    };
    let authority = Authority::new("theirs");
    let first = start(&[1; 80], None);
    let (second, stranger) = (start(&[1; 80], None), start(&[2; 80], None));
    let demanding = start(&[1; 80], Some(authority.demand(true)));
    for versions in [TLS12, TLS13] {
        let issue = || {
            let config = Arc::new(config(&first, None, versions));
            assert_eq!(visit(&first, &config), Ok(HandshakeKind::Full));
            config
        };
        assert_eq!(visit(&second, &issue()), Ok(HandshakeKind::Resumed));
        // The certificate of another server is not trusted by this client: it gets as far only if the session is resumed.
        assert!(visit(&stranger, &issue()).is_err());
        assert!(visit(&demanding, &issue()).is_err());
    }
    assert_eq!(demanding.events(2).iter().filter(|event| event.kind == Some("resumed")).count(), 0);
}

#[test]
fn a_required_certificate_is_judged_and_its_faults_have_their_alerts() {
    let (authority, other) = (Authority::new("theirs"), Authority::new("nobody's"));
    let server = starting(|spec| spec.sites[0].client_auth = Some(authority.demand(true)));
    let past = SystemTime::now() - Duration::from_secs(3600);
    let expired = |params: &mut CertificateParams| params.not_after = past.into();
    let for_servers =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let cases = [
        (Some(authority.client(|_| {})), None, Ok(HandshakeKind::Full)),
        // In TLS 1.3; TLS 1.2 has no such alert (RFC 5246 section 7.4.6).
        (None, Some("client-certificate-required"), alert(AlertDescription::CertificateRequired)),
        (Some(other.client(|_| {})), Some("unknown-issuer"), alert(AlertDescription::UnknownCA)),
        (Some(authority.client(expired)), Some("expired"), alert(AlertDescription::CertificateExpired)),
        (Some(authority.client(for_servers)), Some("wrong-purpose"), alert(AlertDescription::UnsupportedCertificate)),
    ];
    let mut number = 0;
    for (credentials, code, outcome) in cases {
        let absent = outcome == alert(AlertDescription::CertificateRequired);
        let in_tls_1_2 = if absent { alert(AlertDescription::HandshakeFailure) } else { outcome.clone() };
        for (versions, outcome) in [(TLS12, in_tls_1_2), (TLS13, outcome)] {
            let credentials = credentials.as_ref().map(|(chain, key)| (chain.clone(), key.clone_key()));
            assert_eq!(visit(&server, &Arc::new(config(&server, credentials, versions))), outcome, "{code:?}");
            number += 1;
            let event = server.events(number).pop().unwrap();
            assert_eq!(event.error, code);
            let shown = event.client_certificate;
            match code {
                Some("client-certificate-required") => assert_eq!(shown, None),
                Some(code) => assert_eq!(shown.unwrap().findings[0].code, code),
                None => assert_eq!(shown.unwrap().findings, []),
            }
        }
    }
}

#[test]
fn a_requested_certificate_is_told_whatever_it_is_worth() {
    let authority = Authority::new("theirs");
    let server = starting(|spec| spec.sites[0].client_auth = Some(authority.demand(false)));
    let mut number = 0;
    for versions in [TLS12, TLS13] {
        let cases = [
            (Some(authority.client(|_| {})), Some("CN=alice"), vec![]),
            (Some(Authority::new("nobody's").client(|_| {})), Some("CN=alice"), vec!["unknown-issuer"]),
            (None, None, vec![]),
        ];
        for (credentials, subject, codes) in cases {
            let config = Arc::new(config(&server, credentials, versions));
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                assert_eq!(visit(&server, &config), Ok(kind));
                number += 1;
                let event = server.events(number).pop().unwrap();
                let shown = event.client_certificate.unwrap();
                assert_eq!((event.error, shown.subject.as_deref()), (None, subject));
                assert_eq!(shown.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), codes);
            }
        }
    }
}

#[test]
fn a_session_does_not_outlive_the_certificate_that_it_was_agreed_on_with() {
    let authority = Authority::new("theirs");
    let server = starting(|spec| spec.sites[0].client_auth = Some(authority.demand(true)));
    // Validity counts in whole seconds.
    let end = SystemTime::now() + Duration::from_secs(3);
    let clients = [TLS12, TLS13].map(|versions| {
        let credentials = authority.client(|params| params.not_after = end.into());
        let config = Arc::new(config(&server, Some(credentials), versions));
        assert_eq!(visit(&server, &config), Ok(HandshakeKind::Full));
        assert_eq!(visit(&server, &config), Ok(HandshakeKind::Resumed));
        config
    });
    // Only the clock makes a certificate expire.
    std::thread::sleep((end + Duration::from_secs(1)).duration_since(SystemTime::now()).unwrap());
    for config in clients {
        assert!(visit(&server, &config).is_err());
    }
    let events = server.events(6);
    assert!(events[..4].iter().all(|event| event.error.is_none()));
    for event in &events[4..] {
        assert_eq!((event.kind, event.error, event.received, event.sent), (Some("resumed"), Some("expired"), 0, 0));
    }
}

// ---- early data ----------------------------------------------------------------------------------

fn early_server(size: u32) -> Server {
    starting(|spec| spec.sites[0].sessions.max_early_data = size)
}

/// A session for a first flight with early data. The connection that it came in is the server's `number`th to end.
fn early_config(server: &Server, number: usize) -> Arc<rustls::ClientConfig> {
    let mut config = config(server, None, TLS13);
    config.enable_early_data = true;
    let config = Arc::new(config);
    assert_eq!(visit(server, &config), Ok(HandshakeKind::Full));
    server.events(number);
    config
}

/// A client with its first flight.
fn first_flight(config: &Arc<rustls::ClientConfig>, early: &[u8]) -> (ClientConnection, Vec<u8>) {
    let mut client = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost").unwrap()).unwrap();
    client.early_data().unwrap().write_all(early).unwrap();
    let mut flight = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut flight).unwrap();
    }
    (client, flight)
}

/// Send more once the handshake is complete, and get so many bytes back.
fn go_on(client: ClientConnection, stream: TcpStream, more: &[u8], size: usize) -> (Vec<u8>, bool) {
    let mut tls = Tls::new(client, stream);
    tls.write_all(more).unwrap();
    tls.flush().unwrap();
    let mut got = vec![0; size];
    tls.read_exact(&mut got).unwrap();
    let accepted = tls.conn.is_early_data_accepted();
    tls.conn.send_close_notify();
    tls.read_to_end(&mut Vec::new()).unwrap();
    (got, accepted)
}

fn told(server: &Server, number: usize) -> Option<(Option<bool>, u64)> {
    server.events(number).pop().unwrap().early_data.map(|early| (early.accepted, early.received))
}

#[test]
fn early_data_is_heard_first_however_it_is_cut() {
    let server = early_server(1 << 20);
    let early: Vec<u8> = (0..15_000_u32).flat_map(u32::to_be_bytes).collect();
    for (number, (size, piece)) in
        [(5, 1), (5, usize::MAX), (early.len(), 1000), (early.len(), usize::MAX)].into_iter().enumerate()
    {
        let (client, flight) = first_flight(&early_config(&server, 2 * number + 1), &early[..size]);
        let mut stream = server.tcp();
        stream.set_nodelay(true).unwrap();
        for piece in flight.chunks(piece.min(flight.len())) {
            stream.write_all(piece).unwrap();
        }
        let (got, accepted) = go_on(client, stream, b"later", size + 5);
        assert!(accepted && got == [&early[..size], b"later"].concat(), "{size} bytes in pieces of {piece}");
        assert_eq!(told(&server, 2 * number + 2), Some((Some(true), size as u64)));
        assert_eq!(server.events(2 * number + 2).pop().unwrap().received, size as u64 + 5);
    }
}

#[test]
fn early_data_that_is_sent_again_is_not_taken_again() {
    let server = early_server(1 << 14);
    let (client, flight) = first_flight(&early_config(&server, 1), b"once");
    let mut stream = server.tcp();
    stream.write_all(&flight).unwrap();
    assert_eq!(go_on(client, stream, b"", 4), (b"once".to_vec(), true));
    assert_eq!(told(&server, 2), Some((Some(true), 4)));
    let mut stream = server.tcp();
    stream.write_all(&flight).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let event = server.events(3).pop().unwrap();
    assert_eq!((event.kind, event.received, event.sent), (Some("full"), 0, 0));
    assert_eq!(told(&server, 3), Some((Some(false), 0)));
}

#[test]
fn a_client_whose_early_data_is_not_taken_goes_on_without() {
    let server = early_server(1 << 14);
    let (client, flight) = first_flight(&early_config(&server, 1), b"too late");
    // Somebody else was here with the same ticket first.
    let mut stream = server.tcp();
    stream.write_all(&flight).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let mut stream = server.tcp();
    stream.write_all(&flight).unwrap();
    assert_eq!(go_on(client, stream, b"anew", 4), (b"anew".to_vec(), false));
    assert_eq!(told(&server, 3), Some((Some(false), 0)));
}

#[test]
fn early_data_of_a_client_that_never_completes_its_handshake_is_not_heard() {
    let server = early_server(1 << 14);
    let (_, flight) = first_flight(&early_config(&server, 1), b"nobody");
    let mut stream = server.tcp();
    stream.write_all(&flight).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let event = server.events(2).pop().unwrap();
    assert_eq!((event.error, event.received, event.sent), (Some("connection-closed"), 0, 0));
}

#[test]
fn more_early_data_than_a_ticket_allows_ends_the_handshake() {
    let server = early_server(8);
    let secrets = Arc::new(Secrets::default());
    let mut config = (*early_config(&server, 1)).clone();
    config.key_log = secrets.clone();
    let (mut client, mut flight) = first_flight(&Arc::new(config), b"12345678");
    flight.extend(early_record(&secrets.early.lock().unwrap(), 1, b"9"));
    let mut stream = server.tcp();
    stream.write_all(&flight).unwrap();
    let error = loop {
        if let Err(error) = client.read_tls(&mut stream).map(|_| client.process_new_packets()).unwrap() {
            break error;
        }
    };
    assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::UnexpectedMessage));
    assert_eq!(server.events(2).pop().unwrap().error, Some("peer-misbehaved"));
}

#[test]
fn a_server_for_early_data_resumes_older_sessions_too() {
    let server = early_server(1);
    let config = Arc::new(config(&server, None, TLS12));
    assert_eq!(visit(&server, &config), Ok(HandshakeKind::Full));
    assert_eq!(visit(&server, &config), Ok(HandshakeKind::Resumed));
}

#[derive(Debug, Default)]
struct Secrets {
    early: Mutex<Vec<u8>>,
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, _random: &[u8], secret: &[u8]) {
        if label == "CLIENT_EARLY_TRAFFIC_SECRET" {
            *self.early.lock().unwrap() = secret.to_vec();
        }
    }
}

/// A record of early data under `TLS_AES_256_GCM_SHA384` (RFC 8446 sections 5.2 and 7.3).
fn early_record(secret: &[u8], sequence: u8, data: &[u8]) -> Vec<u8> {
    let expanded = |label: &str, length: u8| {
        let size = u8::try_from("tls13 ".len() + label.len()).unwrap();
        let info = [&[0, length, size][..], b"tls13 ", label.as_bytes(), &[0]].concat();
        // One block of HKDF-Expand is enough.
        let block = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, secret), &[&info[..], &[1]].concat());
        block.as_ref()[..length.into()].to_vec()
    };
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &expanded("key", 32)).unwrap());
    let mut nonce: [u8; 12] = expanded("iv", 12).try_into().unwrap();
    nonce[11] ^= sequence;
    let mut record = [data, &[23]].concat();
    let header = [23, 3, 3, 0, u8::try_from(record.len() + 16).unwrap()];
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut record).unwrap();
    [&header[..], &record].concat()
}
