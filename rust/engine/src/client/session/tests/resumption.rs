use std::sync::Mutex;

use super::*;
use crate::client::config::Use;
use crate::client::resumption::EarlyData;

/// A server that has each of `configs` for one connection, and echoes; what came as early data in each.
fn servers(configs: Vec<ServerConfig>) -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        configs
            .into_iter()
            .map(|config| {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
                while tls.conn.is_handshaking() {
                    tls.conn.complete_io(&mut tls.sock).unwrap();
                }
                let mut early = Vec::new();
                if let Some(mut data) = tls.conn.early_data() {
                    data.read_to_end(&mut early).unwrap();
                }
                echo(tls);
                early
            })
            .collect()
    });
    (address, thread)
}

/// Configurations of one server, whose connections resume each other's sessions; each takes so much early data.
fn resuming(pki: &Pki, limits: &[u32]) -> Vec<ServerConfig> {
    let first = pki.server(false);
    limits
        .iter()
        .map(|limit| {
            let mut config = first.clone();
            config.max_early_data_size = *limit;
            config
        })
        .collect()
}

fn open(config: &ClientConfig, address: SocketAddr, offer: &Offer) -> Session {
    let socket = TcpStream::connect(address).unwrap();
    connect(config, socket.as_raw_fd(), offer, LIMIT, None, &Never).map_err(|failure| failure.error).unwrap()
}

fn resume(session: &Session, early_data: Option<&[u8]>) -> Offer {
    Offer { resume: Some(session.resumable()), early_data: early_data.map(<[u8]>::to_vec) }
}

#[test]
fn a_session_is_resumed_with_the_verdict_of_the_first() {
    let pki = pki();
    let (address, thread) = servers(resuming(&pki, &[0, 0, 0]));
    let config = ClientConfig::new(&pki.spec()).unwrap();
    let mut session = open(&config, address, &Offer::default());
    session.finish(5.0, &Never).unwrap();
    assert_eq!(session.handshake().tickets.map(|tickets| tickets.count), Some(2));
    for _ in 0..2 {
        let mut next = open(&config, address, &resume(&session, None));
        next.finish(5.0, &Never).unwrap();
        let (first, report) = (session.handshake(), next.handshake());
        assert_eq!((report.kind, report.signature_scheme.as_deref()), (Some("resumed"), None));
        assert_eq!((report.trust.verdict, &report.certificates), (first.trust.verdict, &first.certificates));
        session = next;
    }
    thread.join().unwrap();
}

#[test]
fn a_ticket_is_offered_once() {
    let pki = pki();
    let (address, thread) = servers(resuming(&pki, &[0, 0, 0, 0]));
    let config = ClientConfig::new(&pki.spec()).unwrap();
    let mut session = open(&config, address, &Offer::default());
    session.finish(5.0, &Never).unwrap();
    let kinds: Vec<_> = (0..3)
        .map(|_| {
            let mut next = open(&config, address, &resume(&session, None));
            next.finish(5.0, &Never).unwrap();
            next.handshake().kind
        })
        .collect();
    assert_eq!(kinds, [Some("resumed"), Some("resumed"), Some("full")]);
    thread.join().unwrap();
}

#[test]
fn early_data_goes_as_far_as_the_ticket_allows() {
    let pki = pki();
    let (address, thread) = servers(resuming(&pki, &[5, 5]));
    let config = ClientConfig::new(&pki.spec()).unwrap();
    let mut session = open(&config, address, &Offer::default());
    session.finish(5.0, &Never).unwrap();
    assert_eq!(session.handshake().early_data_limit, Some(5));
    let mut next = open(&config, address, &resume(&session, Some(b"early and late")));
    assert_eq!(next.early_data(), Some(EarlyData { sent: Some(5), accepted: Some(true) }));
    next.close(5.0, &Never).unwrap();
    assert_eq!(thread.join().unwrap(), [b"".to_vec(), b"early".to_vec()]);
}

#[test]
fn early_data_that_is_rejected_is_not_sent_again_by_itself() {
    let pki = pki();
    let (address, thread) = servers(resuming(&pki, &[100, 0]));
    let config = ClientConfig::new(&pki.spec()).unwrap();
    let mut session = open(&config, address, &Offer::default());
    session.finish(5.0, &Never).unwrap();
    let mut next = open(&config, address, &resume(&session, Some(b"early")));
    assert_eq!(next.early_data(), Some(EarlyData { sent: Some(5), accepted: Some(false) }));
    next.write(b"late", LIMIT, &Never).unwrap();
    assert_eq!(next.read(100, LIMIT, &Never).unwrap(), b"late");
    next.close(5.0, &Never).unwrap();
    assert_eq!(thread.join().unwrap(), [b"".to_vec(), b"".to_vec()]);
}

#[test]
fn without_a_ticket_nothing_is_sent_early() {
    let pki = pki();
    let (address, thread) = servers(resuming(&pki, &[100]));
    let config = ClientConfig::new(&pki.spec()).unwrap();
    let mut session = open(&config, address, &Offer { resume: None, early_data: Some(b"early".to_vec()) });
    assert_eq!(session.early_data(), Some(EarlyData { sent: None, accepted: None }));
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

#[test]
fn new_keys_do_not_stop_the_data() {
    let pki = pki();
    for uses in [vec![Use::KeyUpdate], vec![Use::KeyUpdate, Use::Export]] {
        let (address, thread) = tls_peer(pki.server(false), echo);
        let spec = ClientSpec { uses, ..pki.spec() };
        let mut session = try_connect(address, &spec).unwrap();
        for data in [b"before", b"behind"] {
            session.write(data, LIMIT, &Never).unwrap();
            assert_eq!(session.read(100, LIMIT, &Never).unwrap(), data);
            session.update_keys(LIMIT, &Never).unwrap();
        }
        session.close(5.0, &Never).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn a_buffered_connection_moves_the_same_bytes_in_any_size() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut session = try_connect(address, &ClientSpec { uses: vec![Use::Export], ..pki.spec() }).unwrap();
    let data: Vec<u8> = (0..1_000_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    session.write(&data, LIMIT, &Never).unwrap();
    let mut back = Vec::new();
    while back.len() < data.len() {
        back.extend(session.read(70_000, LIMIT, &Never).unwrap());
    }
    assert!(back == data);
    assert_eq!(session.export("EXPORTER-test", None, 24).unwrap().len(), 24);
    assert_eq!(session.export("EXPORTER-test", None, 1 << 20).unwrap_err().code(), "usage");
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

#[test]
fn the_signature_schemes_are_offered_in_the_order_given() {
    let offered = Arc::new(Mutex::new(Vec::new()));
    let seen = offered.clone();
    let (address, thread) = peer(move |mut stream| {
        let mut acceptor = rustls::server::Acceptor::default();
        while acceptor.read_tls(&mut stream).unwrap() > 0 {
            if let Some(accepted) = acceptor.accept().unwrap() {
                seen.lock().unwrap().extend(accepted.client_hello().signature_schemes().to_vec());
                return;
            }
        }
    });
    let names = ["rsa_pss_rsae_sha512", "ecdsa_secp256r1_sha256", "rsa_pkcs1_sha256"];
    let spec = ClientSpec { signature_schemes: names.map(str::to_owned).to_vec(), ..pki().spec() };
    failure(address, &spec);
    thread.join().unwrap();
    let offered: Vec<_> = offered.lock().unwrap().iter().copied().map(scheme_name).collect();
    assert_eq!(offered, names);
}
