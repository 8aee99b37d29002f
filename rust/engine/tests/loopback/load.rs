//! The load generator against our own server, over loopback.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::{Server, Trigger, certificates, load_config};
use tlstool_engine::{LoadPlan, Mode, Never, load};

#[test]
fn what_the_client_counts_the_server_counts_too() {
    let server = Server::start(Mode::Status, |_| {});
    let result = load(&server.plan(), &server.load_config(), &Never).unwrap();
    assert_eq!((result.handshakes, result.full, result.resumed), (100, 100, 0));
    assert_eq!(result.errors, BTreeMap::new());
    assert!(!result.interrupted);
    assert!(result.p50_ms.unwrap() > 0.0 && result.p50_ms <= result.p99_ms && result.p99_ms <= result.max_ms);
    assert!(result.cpu_us_per_handshake.unwrap() > 0.0);
    let totals = server.stopped();
    assert_eq!((totals.handshakes, totals.resumed, totals.failed), (100, 0, 0));
}

#[test]
fn resumption_is_counted_as_negotiated_in_both_versions() {
    for version in ["1.2", "1.3"] {
        let server = Server::start(Mode::Status, |_| {});
        let mut plan = server.plan();
        plan.resume = true;
        let result = load(&plan, &load_config(&server.ca, &[version]), &Never).unwrap();
        assert_eq!((result.handshakes, result.errors), (100, BTreeMap::new()), "TLS {version}");
        // Each connection starts without a session, and no more than that.
        assert!((1..=4).contains(&result.full), "{} full handshakes of TLS {version}", result.full);
        let totals = server.stopped();
        assert_eq!((totals.handshakes, totals.resumed), (100, result.resumed), "TLS {version}");
    }
}

#[test]
fn a_chain_that_is_not_trusted_is_an_error_by_its_code() {
    let server = Server::start(Mode::Status, |_| {});
    let mut plan = server.plan();
    plan.duration = 0.3;
    let result = load(&plan, &load_config(&certificates("another CA").ca, &[]), &Never).unwrap();
    assert_eq!((result.handshakes, result.p50_ms, result.cpu_us_per_handshake), (0, None, None));
    assert_eq!(result.errors.keys().copied().collect::<Vec<_>>(), ["unknown-issuer"]);
    // Four lanes that rest 10, 20, 40, 80 ms ... after each failure cannot have tried more often.
    assert!(result.errors["unknown-issuer"] <= 4 * 6, "{:?}", result.errors);
    assert_eq!(server.stopped().handshakes, 0);
}

#[test]
fn a_closed_port_refuses() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let server = Server::start(Mode::Status, |_| {});
    let mut plan = server.plan();
    (plan.port, plan.duration) = (port, 0.1);
    let result = load(&plan, &server.load_config(), &Never).unwrap();
    assert_eq!(result.errors.keys().copied().collect::<Vec<_>>(), ["connection-refused"]);
}

#[test]
fn a_silent_server_costs_the_time_limit() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = Server::start(Mode::Status, |_| {});
    let mut plan = server.plan();
    (plan.port, plan.duration) = (silent.local_addr().unwrap().port(), 0.3);
    plan.handshake_limit = 0.05;
    let result = load(&plan, &server.load_config(), &Never).unwrap();
    assert_eq!(result.errors.keys().copied().collect::<Vec<_>>(), ["time-limit"]);
}

/// The port of a server that sends data without end, and no ticket; and its authority.
fn flooding() -> (u16, String) {
    let made = certificates("the CA");
    let chain = vec![CertificateDer::from_pem_slice(&made.identity.chain).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&made.identity.key).unwrap();
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.send_tls13_tickets = 0;
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(tls, stream.unwrap());
            std::thread::spawn(move || while tls.write_all(&[0; 16_384]).is_ok() {});
        }
    });
    (port, made.ca)
}

#[test]
fn a_server_that_floods_keeps_neither_the_other_lanes_nor_the_end_waiting() {
    let (port, ca) = flooding();
    let server = Server::start(Mode::Status, |_| {});
    let plan = LoadPlan { port, resume: true, count: None, threads: 1, duration: 0.5, ..server.plan() };
    let result = load(&plan, &load_config(&ca, &["1.3"]), &Never).unwrap();
    assert!(result.handshakes >= 4 && result.resumed == 0, "{result:?}");
    assert!(result.elapsed_ms < 5_000.0, "{result:?}");
}

#[test]
fn an_interrupt_ends_the_run_with_what_was_measured() {
    let server = Server::start(Mode::Status, |_| {});
    let mut plan = server.plan();
    plan.count = None;
    let (trigger, config) = (Trigger::default(), server.load_config());
    let result = std::thread::scope(|scope| {
        let running = scope.spawn(|| load(&plan, &config, &trigger));
        server.events(10);
        trigger.pull();
        running.join().unwrap().unwrap()
    });
    assert!(result.interrupted && result.handshakes >= 10);
    assert!(result.elapsed_ms < plan.duration * 1e3);
}

#[test]
fn nonsense_is_refused_before_a_packet_is_sent() {
    let server = Server::start(Mode::Status, |_| {});
    let config = server.load_config();
    for plan in [
        LoadPlan { connections: 0, ..server.plan() },
        LoadPlan { threads: 0, ..server.plan() },
        LoadPlan { duration: f64::NAN, ..server.plan() },
        LoadPlan { handshake_limit: -1.0, ..server.plan() },
        LoadPlan { address: "localhost".to_owned(), ..server.plan() },
    ] {
        assert_eq!(load(&plan, &config, &Never).map_err(|error| error.code()), Err("usage"), "{plan:?}");
    }
    assert_eq!(server.stopped().connections, 0);
}
