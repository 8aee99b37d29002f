//! What is seen of a session on the wire.

use std::sync::Mutex;

use super::*;
use crate::client::{Direction, Layer, Listener, Sighting};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Sighting>>>);

impl Listener for Log {
    fn saw(&mut self, sightings: &[Sighting]) -> Result<()> {
        self.0.lock().unwrap().extend_from_slice(sightings);
        Ok(())
    }
}

impl Log {
    /// The messages, as `> ClientHello`, without those that a server sends at its own discretion.
    fn messages(&self) -> Vec<String> {
        let log = self.0.lock().unwrap();
        let messages = log.iter().filter(|one| one.layer == Layer::Message && one.name != "NewSessionTicket");
        messages
            .map(|one| format!("{} {}", if one.direction == Direction::Sent { '>' } else { '<' }, one.name))
            .collect()
    }

    fn find(&self, direction: Direction, name: &str) -> Sighting {
        let log = self.0.lock().unwrap();
        log.iter().find(|one| (one.direction, one.name.as_str()) == (direction, name)).unwrap().clone()
    }

    /// How many bytes of records went each way.
    fn bytes(&self, direction: Direction) -> u64 {
        let log = self.0.lock().unwrap();
        log.iter()
            .filter(|one| one.layer == Layer::Record && one.direction == direction)
            .map(|one| one.size as u64)
            .sum()
    }
}

fn watched(address: SocketAddr, spec: &ClientSpec) -> (Session, Log) {
    let log = Log::default();
    let session = heard(address, &ClientConfig::new(spec).unwrap(), &Offer::default(), &log);
    (session, log)
}

fn heard(address: SocketAddr, config: &ClientConfig, offer: &Offer, log: &Log) -> Session {
    let socket = TcpStream::connect(address).unwrap();
    let listener = Some(Box::new(log.clone()) as Box<dyn Listener>);
    connect(config, socket.as_raw_fd(), offer, LIMIT, listener, &Never).map_err(|failure| failure.error).unwrap()
}

#[test]
fn every_message_of_a_session_is_named_in_both_versions_under_every_suite() {
    let pki = pki();
    let suites = [
        ("1.3", "TLS_AES_128_GCM_SHA256"),
        ("1.3", "TLS_AES_256_GCM_SHA384"),
        ("1.3", "TLS_CHACHA20_POLY1305_SHA256"),
        ("1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ("1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ("1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ];
    for (version, suite) in suites {
        let mut config = pki.server(false);
        config.cert_compressors.clear();
        let (address, thread) = tls_peer(config, echo);
        let mut spec = pki.spec();
        (spec.versions, spec.ciphers) = (vec![version.to_owned()], vec![suite.to_owned()]);
        let (mut session, log) = watched(address, &spec);
        session.write(b"four", LIMIT, &Never).unwrap();
        assert_eq!(session.read(4, LIMIT, &Never).unwrap(), b"four");
        session.close(5.0, &Never).unwrap();
        thread.join().unwrap();
        let wanted = if version == "1.3" {
            "> ClientHello, < ServerHello, < EncryptedExtensions, < Certificate, < CertificateVerify, < Finished, \
             > Finished, > Alert, < Alert"
        } else {
            "> ClientHello, < ServerHello, < Certificate, < ServerKeyExchange, < ServerHelloDone, > ClientKeyExchange, \
             > Finished, < Finished, > Alert, < Alert"
        };
        assert_eq!(log.messages().join(", "), wanted, "{suite}");
        assert_eq!(log.find(Direction::Received, "Alert").detail.as_deref(), Some("warning close_notify"));
        // What was encrypted is known by what is in it.
        let data = log.find(Direction::Received, "application_data");
        assert_eq!((data.layer, data.detail.as_deref()), (Layer::Record, Some("encrypted")));
        assert!(log.find(Direction::Received, "ServerHello").detail.unwrap().contains(suite));
    }
}

#[test]
fn what_a_handshake_costs_is_told_by_the_records() {
    let pki = pki();
    for (version, flights) in [("1.3", (2, 1)), ("1.2", (2, 2))] {
        let mut config = pki.server(false);
        config.send_tls13_tickets = 0;
        let (address, thread) = tls_peer(config, echo);
        let mut spec = pki.spec();
        spec.versions = vec![version.to_owned()];
        let (mut session, log) = watched(address, &spec);
        let cost = session.handshake().cost.clone().unwrap();
        assert_eq!(
            (cost.bytes_sent, cost.bytes_received),
            (log.bytes(Direction::Sent), log.bytes(Direction::Received))
        );
        assert_eq!((cost.flights_sent, cost.flights_received), flights);
        assert_eq!(cost.round_trips, Some(flights.1));
        let hello = log.find(Direction::Sent, "ClientHello").size as u64 + 5;
        assert_eq!((cost.client_hello_bytes, cost.client_hello_segments), (Some(hello), Some(1)));
        assert!(cost.chain_bytes.unwrap() > pki.leaf.len() / 2);
        assert!(cost.hello_to_hello_ms.unwrap() > 0.0);
        assert_eq!(session.handshake().hello_retry, Some(false));
        session.close(5.0, &Never).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn what_is_not_listened_to_is_counted_all_the_same() {
    let pki = pki();
    for (version, flights) in [("1.3", (2, 1)), ("1.2", (2, 2))] {
        let (address, thread) = tls_peer(pki.server(false), echo);
        let mut spec = pki.spec();
        spec.versions = vec![version.to_owned()];
        let mut session = try_connect(address, &spec).unwrap();
        let cost = session.handshake().cost.clone().unwrap();
        assert_eq!((cost.flights_sent, cost.flights_received), flights);
        assert!(cost.chain_bytes.unwrap() > pki.leaf.len() / 2 && cost.client_hello_bytes.is_some());
        session.close(5.0, &Never).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn a_handshake_that_ends_early_has_cost_what_it_did() {
    let pki = pki();
    let mut config = pki.server(true);
    config.send_tls13_tickets = 0;
    let (address, thread) = tls_peer(config, |mut tls| tls.read(&mut [0; 1]).is_err());
    let mut spec = pki.spec();
    spec.versions = vec!["1.2".to_owned()];
    let cost = failure(address, &spec).handshake.unwrap().cost.unwrap();
    assert_eq!((cost.round_trips, cost.flights_received), (None, 1));
    assert!(cost.bytes_received > 0);
    thread.join().unwrap();
}

#[test]
fn a_retried_handshake_says_so_and_costs_a_round_trip_more() {
    let pki = pki();
    let (address, thread) = many(pki.server(false), 1, &[rustls::NamedGroup::secp384r1]);
    let (mut session, log) = watched(address, &pki.spec());
    let report = session.handshake().clone();
    assert_eq!((report.hello_retry, report.hybrid), (Some(true), Some(false)));
    let cost = report.cost.unwrap();
    assert_eq!((cost.round_trips, cost.flights_sent), (Some(2), 3));
    let retry = log.find(Direction::Received, "HelloRetryRequest").detail.unwrap();
    assert!(retry.ends_with("asks for secp384r1"), "{retry}");
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_compressed_chain_is_said_to_be_one() {
    let pki = pki();
    let mut config = pki.server(false);
    config.cert_compressors = vec![rustls::compress::ZLIB_COMPRESSOR];
    let (address, thread) = tls_peer(config, echo);
    let (mut session, log) = watched(address, &pki.spec());
    let compression = session.handshake().certificate_compression.clone().unwrap();
    assert_eq!(compression.algorithm, "zlib");
    let message = log.find(Direction::Received, "CompressedCertificate");
    assert_eq!(session.handshake().cost.as_ref().unwrap().chain_bytes, Some(message.size));
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

/// A server that has one session after the other.
fn many(mut config: ServerConfig, count: usize, groups: &[rustls::NamedGroup]) -> (SocketAddr, JoinHandle<()>) {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups.retain(|group| groups.contains(&group.name()));
    let resolver = config.cert_resolver.clone();
    let early = config.max_early_data_size;
    config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.max_early_data_size = early;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        for _ in 0..count {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            echo(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream));
        }
    });
    (address, thread)
}

/// One session, and another that resumes it; what each showed.
fn twice(address: SocketAddr, spec: &ClientSpec, early_data: Option<Vec<u8>>) -> (Session, Session, Log) {
    let config = ClientConfig::new(spec).unwrap();
    let mut first = heard(address, &config, &Offer::default(), &Log::default());
    first.write(b"x", LIMIT, &Never).unwrap();
    assert_eq!(first.read(1, LIMIT, &Never).unwrap(), b"x");
    first.close(5.0, &Never).unwrap();
    let log = Log::default();
    let offer = Offer { resume: Some(first.resumable()), early_data };
    let second = heard(address, &config, &offer, &log);
    (first, second, log)
}

#[test]
fn a_resumed_handshake_is_read_and_has_no_chain() {
    let pki = pki();
    let (address, thread) = many(pki.server(false), 2, &[rustls::NamedGroup::X25519]);
    let mut spec = pki.spec();
    spec.groups = vec!["x25519".to_owned()];
    let (_, mut second, log) = twice(address, &spec, None);
    let report = second.handshake().clone();
    assert_eq!((report.kind, report.hello_retry), (Some("resumed"), Some(false)));
    let cost = report.cost.unwrap();
    assert_eq!((cost.chain_bytes, cost.round_trips), (None, Some(1)));
    let wanted = "> ClientHello, < ServerHello, < EncryptedExtensions, < Finished, > Finished";
    assert_eq!(log.messages().join(", "), wanted);
    assert!(log.find(Direction::Received, "ServerHello").detail.unwrap().ends_with("resumed"));
    second.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

#[test]
fn early_data_is_read_and_what_follows_it() {
    let pki = pki();
    let mut config = pki.server(false);
    config.max_early_data_size = 1000;
    let (address, thread) = many(config, 2, &[rustls::NamedGroup::X25519]);
    let mut spec = pki.spec();
    spec.groups = vec!["x25519".to_owned()];
    // The server's first suite is the one of the session, and not the client's.
    for suite in ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"] {
        spec.ciphers.push(suite.to_owned());
    }
    let (_, mut second, log) = twice(address, &spec, Some(b"early".to_vec()));
    second.write(b"late", LIMIT, &Never).unwrap();
    assert_eq!(second.read(4, LIMIT, &Never).unwrap(), b"late");
    second.close(5.0, &Never).unwrap();
    thread.join().unwrap();
    let wanted = "> ClientHello, < ServerHello, < EncryptedExtensions, < Finished, > EndOfEarlyData, > Finished, \
                  > Alert, < Alert";
    assert_eq!(log.messages().join(", "), wanted);
    assert!(log.find(Direction::Sent, "application_data").detail.is_some());
}

#[test]
fn what_follows_a_key_update_is_read_on() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), |mut tls| {
        let mut byte = [0];
        for _ in 0..3 {
            tls.read_exact(&mut byte).unwrap();
            tls.conn.refresh_traffic_keys().unwrap();
            tls.write_all(&byte).unwrap();
        }
        echo(tls);
    });
    let (mut session, log) = watched(address, &pki.spec());
    for _ in 0..3 {
        session.write(b"x", LIMIT, &Never).unwrap();
        assert_eq!(session.read(1, LIMIT, &Never).unwrap(), b"x");
    }
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
    let messages = log.messages();
    let updates = |way: &str| messages.iter().filter(|one| **one == format!("{way} KeyUpdate")).count();
    // Each asks for one of ours.
    assert_eq!((updates("<"), updates(">")), (3, 3));
    assert_eq!(messages[messages.len() - 2..], ["> Alert", "< Alert"]);
    assert_eq!(log.find(Direction::Received, "KeyUpdate").detail.as_deref(), Some("update_requested"));
}

#[test]
fn what_a_listener_cannot_take_ends_the_session() {
    struct Deaf;
    impl Listener for Deaf {
        fn saw(&mut self, _: &[Sighting]) -> Result<()> {
            Err(Error::Interrupted)
        }
    }
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), |mut tls| tls.read(&mut [0; 1]).is_err());
    let socket = TcpStream::connect(address).unwrap();
    let config = ClientConfig::new(&pki.spec()).unwrap();
    let failure = connect(&config, socket.as_raw_fd(), &Offer::default(), LIMIT, Some(Box::new(Deaf)), &Never)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(failure.error, Error::Interrupted);
    drop(socket);
    assert!(thread.join().unwrap());
}
