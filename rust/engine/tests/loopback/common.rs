//! A server in a thread of its own, and clients to try it with.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use tlstool_engine::{
    ClientConfig, Connection, Error, IdentitySpec, Interrupt, LimitsSpec, LoadPlan, Mode, Result, ServeEvent,
    ServeTotals, ServerConfig, ServerSpec, ServiceSpec, SessionsSpec, SiteSpec, Tells, serve,
};

/// Longer than anything here takes, unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// An interrupt that the test pulls.
#[derive(Default)]
pub struct Trigger(AtomicBool);

impl Trigger {
    pub fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Interrupt for Trigger {
    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub struct Server {
    pub port: u16,
    pub ca: String,
    pub trigger: Arc<Trigger>,
    stop: UnixStream,
    ended: Receiver<Result<ServeTotals>>,
    events: Arc<Mutex<Vec<Connection>>>,
}

pub struct Certificates {
    pub ca: String,
    pub identity: IdentitySpec,
}

/// A chain for localhost by an authority of that name.
pub fn certificates(authority: &str) -> Certificates {
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, authority);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let identity = IdentitySpec {
        chain: leaf.pem().into_bytes(),
        key: key.serialize_pem().into_bytes(),
        chain_file: "chain.pem".to_owned(),
        key_file: "key.pem".to_owned(),
        staple: None,
    };
    Certificates { ca: ca.pem(), identity }
}

pub fn spec(mode: Mode, identity: IdentitySpec) -> ServerSpec {
    let site = SiteSpec {
        name: None,
        service: ServiceSpec {
            mode,
            size: None,
            folder: None,
            content: None,
            forward: None,
            metrics: false,
            withheld: Vec::new(),
        },
        identities: vec![identity],
        named: Vec::new(),
        sni_strict: false,
        raw_public_key: false,
        cert_compression: None,
        versions: Vec::new(),
        ciphers: Vec::new(),
        groups: vec!["x25519".to_owned()],
        alpn: Vec::new(),
        keylog: None,
        key_update_every: None,
        client_auth: None,
        sessions: SessionsSpec { tickets: 2, ticket_keys: Vec::new(), max_early_data: 0 },
        misconduct: None,
    };
    ServerSpec {
        sites: vec![site],
        limits: LimitsSpec {
            handshake: 10.0,
            request: 10.0,
            send: 10.0,
            idle: 10.0,
            close: 2.0,
            connection: None,
            max_connections: None,
            max_per_address: None,
        },
        threads: 2,
        count: None,
        duration: None,
        grace: 10.0,
        keeps_sockets: false,
        tells: Tells::Hellos,
        counts_every: None,
    }
}

impl Server {
    pub fn start(mode: Mode, change: impl FnOnce(&mut ServerSpec)) -> Self {
        let Certificates { ca, identity } = certificates("the CA");
        let mut spec = spec(mode, identity);
        change(&mut spec);
        Self::with(spec, ca, |_| Ok(()))
    }

    pub fn with(
        spec: ServerSpec,
        ca: String,
        mut on_connections: impl FnMut(&[Connection]) -> Result<()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, hear) = UnixStream::pair().unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let trigger = Arc::new(Trigger::default());
        let (report, ended) = channel();
        let (kept, interrupt) = (Arc::clone(&events), Arc::clone(&trigger));
        std::thread::spawn(move || {
            let mut tell = |events: Vec<ServeEvent>| {
                let ended = events.into_iter().filter_map(|event| match event {
                    ServeEvent::Connection(connection) => Some(*connection),
                    ServeEvent::Counts(_) => None,
                });
                let ended = ended.collect::<Vec<_>>();
                let outcome = on_connections(&ended);
                kept.lock().unwrap().extend(ended);
                outcome
            };
            let (fd, stop_fd) = (listener.as_raw_fd(), hear.as_raw_fd());
            let outcome = ServerConfig::new(&spec)
                .and_then(|config| serve(&config, &[vec![fd]], stop_fd, &*interrupt, &mut tell));
            report.send(outcome).unwrap();
        });
        Self { port, ca, trigger, stop, ended, events }
    }

    pub fn stop(&self) {
        self.stop_by(b"x");
    }

    pub fn stop_by(&self, bytes: &[u8]) {
        (&self.stop).write_all(bytes).unwrap();
    }

    /// What the server said at its end.
    pub fn ended(&self) -> Result<ServeTotals> {
        self.ended.recv_timeout(PATIENCE).expect("the server ends")
    }

    pub fn stopped(&self) -> ServeTotals {
        self.stop();
        self.ended().unwrap()
    }

    /// The first `count` connections that ended.
    pub fn events(&self, count: usize) -> Vec<Connection> {
        let end = Instant::now() + PATIENCE;
        loop {
            let events = self.events.lock().unwrap().clone();
            if events.len() >= count {
                return events;
            }
            assert!(Instant::now() < end, "{count} events, but there were {events:?}");
            std::thread::yield_now();
        }
    }

    pub fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn client_config(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// A client after its handshake.
    pub fn tls(&self) -> Tls {
        self.tls_with(&self.client_config())
    }

    pub fn tls_with(&self, config: &Arc<rustls::ClientConfig>) -> Tls {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), self.tcp());
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock).unwrap();
        }
        tls
    }

    pub fn plan(&self) -> LoadPlan {
        LoadPlan {
            address: "127.0.0.1".to_owned(),
            port: self.port,
            connections: 4,
            threads: 2,
            duration: PATIENCE.as_secs_f64(),
            count: Some(100),
            resume: false,
            handshake_limit: 10.0,
        }
    }

    pub fn load_config(&self) -> ClientConfig {
        load_config(&self.ca, &[])
    }
}

pub fn load_config(ca: &str, versions: &[&str]) -> ClientConfig {
    let spec = json!({
        "verify_name": "localhost", "sni": "localhost", "roots": {"store": "test", "pem": [ca.as_bytes()], "extra": []},
        "crls": [], "purpose": "server", "pins": [], "tlsa": [],
        "insecure": false, "identity": null, "versions": versions, "ciphers": [], "groups": ["x25519"], "alpn": [],
        "keylog": null, "at": null, "signature_schemes": [], "ech": null, "uses": [],
    });
    ClientConfig::new(&serde_json::from_value(spec).unwrap()).unwrap()
}

/// Send a request and read its answer to the end of the body.
pub fn ask(tls: &mut Tls, request: &str) -> String {
    tls.write_all(request.as_bytes()).unwrap();
    answer(tls)
}

pub fn answer(tls: &mut Tls) -> String {
    let mut got = Vec::new();
    loop {
        let mut byte = [0];
        tls.read_exact(&mut byte).unwrap();
        got.push(byte[0]);
        if got.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(got).unwrap();
    let length = head.split_once("Content-Length: ").unwrap().1.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    tls.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// Send `data` and read as much back, both at once: a server that holds back must not be waited for in vain.
pub fn exchange(tls: &mut Tls, data: &[u8]) -> Vec<u8> {
    tls.sock.set_nonblocking(true).unwrap();
    let end = Instant::now() + PATIENCE;
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < data.len() {
        assert!(Instant::now() < end, "{sent} of {} sent, {} received", data.len(), got.len());
        if sent < data.len() {
            sent += tls.conn.writer().write(&data[sent..]).unwrap();
        }
        while tls.conn.wants_write() && patient(tls.conn.write_tls(&mut tls.sock)) > 0 {}
        if tls.conn.wants_read() && patient(tls.conn.read_tls(&mut tls.sock)) > 0 {
            tls.conn.process_new_packets().unwrap();
        }
        let mut buffer = [0; 16_384];
        let count = patient(tls.conn.reader().read(&mut buffer));
        got.extend_from_slice(&buffer[..count]);
    }
    tls.sock.set_nonblocking(false).unwrap();
    got
}

fn patient(outcome: std::io::Result<usize>) -> usize {
    match outcome {
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("{error}"),
    }
}

/// The peer's orderly end: `close_notify`, and nothing before it.
pub fn ends_in_order(tls: &mut Tls) {
    let mut rest = Vec::new();
    tls.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

pub fn refusal() -> Error {
    Error::Usage("no more".to_owned())
}
