use super::*;
use crate::client::config::Framing;
use crate::client::tds;
use crate::judge::{Status, Verdict};

#[test]
fn the_report_says_what_was_agreed() {
    let pki = pki();
    for (version, suite) in [("1.3", "TLS_AES_128_GCM_SHA256"), ("1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")] {
        let mut config = pki.server(false);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (address, thread) = tls_peer(config, echo);
        let mut spec = pki.spec();
        spec.versions = vec![version.to_owned()];
        spec.ciphers = vec![suite.to_owned()];
        spec.groups = vec!["secp256r1".to_owned()];
        spec.alpn = vec!["h2".to_owned()];
        let mut session = try_connect(address, &spec).unwrap();
        let report = session.handshake().clone();
        assert_eq!((report.tls, report.suite.as_deref()), (Some(version), Some(suite)));
        assert_eq!((report.group.as_deref(), report.alpn.as_deref()), (Some("secp256r1"), Some("h2")));
        assert_eq!(
            (report.kind, report.staple.map(|staple| staple.status), report.sni.as_deref()),
            (Some("full"), Some(Status::Absent), Some("localhost"))
        );
        assert_eq!(report.client_certificate, Some(ClientCertificate::NotRequested));
        assert_eq!(report.trust.verdict, Verdict::Good);
        assert_eq!((report.certificates.len(), &report.certificates[0].names), (1, &vec!["localhost".to_owned()]));
        session.close(5.0, &Never).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn a_bad_certificate_does_not_hide_the_report() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut spec = pki.spec();
    spec.verify_name = Some("example.org".to_owned());
    let mut session = try_connect(address, &spec).unwrap();
    let trust = &session.handshake().trust;
    assert_eq!((trust.verdict, trust.findings[0].code), (Verdict::Bad, "name-mismatch"));
    assert_eq!(session.handshake().sni.as_deref(), Some("localhost"));
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

#[test]
fn our_certificate_does_not_go_to_a_server_with_a_bad_one() {
    let (pki, strangers) = (pki(), pki_of("strangers"));
    let (address, thread) = tls_peer(strangers.server(true), |mut tls| {
        let failed = tls.read(&mut [0; 1]).is_err();
        (failed, tls.conn.peer_certificates().is_none())
    });
    let mut spec = pki.spec();
    spec.identity = Some(pki.identity());
    let failure = failure(address, &spec);
    assert_eq!(failure.error.code(), "unknown-issuer");
    assert_eq!(failure.handshake.unwrap().trust.verdict, Verdict::Bad);
    assert_eq!(thread.join().unwrap(), (true, true));
}

#[test]
fn a_server_that_wants_a_certificate_gets_it() {
    let pki = pki();
    for version in ["1.2", "1.3"] {
        let (address, thread) = tls_peer(pki.server(true), echo);
        let mut spec = pki.spec();
        spec.versions = vec![version.to_owned()];
        spec.identity = Some(pki.identity());
        let mut session = try_connect(address, &spec).unwrap();
        assert_eq!(session.handshake().client_certificate, Some(ClientCertificate::Accepted));
        session.close(5.0, &Never).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn a_missing_client_certificate_is_told_from_other_alerts_in_both_versions() {
    let pki = pki();
    for version in ["1.2", "1.3"] {
        let (address, thread) = tls_peer(pki.server(true), |mut tls| tls.read(&mut [0; 1]).is_err());
        let mut spec = pki.spec();
        spec.versions = vec![version.to_owned()];
        let failure = failure(address, &spec);
        assert_eq!(failure.error.code(), "client-certificate-required");
        let seen = failure.handshake.unwrap();
        assert_eq!(seen.client_certificate, Some(ClientCertificate::Requested));
        assert_eq!(seen.trust.verdict, Verdict::Good);
        assert!(thread.join().unwrap());
    }
}

#[test]
fn a_refused_client_certificate_is_told_too() {
    let (pki, strangers) = (pki(), pki_of("strangers"));
    let mut config = pki.server(true);
    config.max_fragment_size = Some(512);
    let (address, thread) = tls_peer(config, |mut tls| tls.read(&mut [0; 1]).is_err());
    let mut spec = pki.spec();
    spec.identity = Some(strangers.identity());
    assert_eq!(failure(address, &spec).error.code(), "client-certificate-refused");
    assert!(thread.join().unwrap());
}

#[test]
fn nothing_in_common_is_an_alert() {
    let pki = pki();
    let mut config = pki.server(false);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (address, thread) = tls_peer(config, |mut tls| tls.read(&mut [0; 1]).is_err());
    let mut spec = pki.spec();
    spec.alpn = vec!["http/1.1".to_owned()];
    assert_eq!(failure(address, &spec).error.alert(), Some("no_application_protocol"));
    assert!(thread.join().unwrap());
}

/// A peer that reads the `ClientHello`, answers so and waits for our end.
fn canned(answer: &'static [u8]) -> (Error, Option<Box<Handshake>>) {
    let (address, thread) = peer(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        // We may have gone before it is all sent.
        let _ = stream.write_all(answer);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        while let Ok(1..) = stream.read(&mut [0; 4096]) {}
    });
    let failure = failure(address, &pki().spec());
    thread.join().unwrap();
    (failure.error, failure.handshake)
}

#[test]
fn what_is_no_tls_is_kept_for_its_name() {
    let (error, seen) = canned(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(error, Error::NotTls { first_bytes: b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec() });
    assert!(seen.is_none());
    assert_eq!(canned(b"+OK").0, Error::NotTls { first_bytes: b"+OK".to_vec() });
    assert_eq!(canned(&[b'x'; 1000]).0, Error::NotTls { first_bytes: vec![b'x'; 512] });
    assert_eq!(canned(b"\x15\x00\x00\x00\x02\x02\x28").0.code(), "not-tls");
}

#[test]
fn a_greeting_is_heard_to_the_end_of_its_line() {
    let (address, thread) = peer(|mut stream| {
        for word in ["220 ", "mail.test ", "ESMTP\r\n"] {
            let _ = stream.write_all(word.as_bytes());
            std::thread::yield_now();
        }
        while let Ok(1..) = stream.read(&mut [0; 4096]) {}
    });
    let error = failure(address, &pki().spec()).error;
    thread.join().unwrap();
    assert_eq!(error, Error::NotTls { first_bytes: b"220 mail.test ESMTP\r\n".to_vec() });
}

#[test]
fn hostile_answers_are_errors_of_the_peer() {
    static ENDLESS: [u8; 200_000] = {
        let mut records = [0; 200_000];
        let mut at = 0;
        while at + 16_389 <= records.len() {
            // A record of 2^14 bytes of handshake, the first of which says that the message is of 2^24.
            (records[at], records[at + 1], records[at + 2], records[at + 3]) = (22, 3, 3, 0x40);
            at += 16_389;
        }
        (records[5], records[6], records[7], records[8]) = (2, 0xff, 0xff, 0xff);
        records
    };
    assert_eq!(canned(&ENDLESS).0.code(), "handshake-too-large");
    assert_eq!(canned(b"\x16\x03\x03\xff\xff").0.code(), "peer-misbehaved");
    assert_eq!(canned(b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00").0.code(), "peer-misbehaved");
    assert_eq!(canned(b"\x15\x03\x03\x00\x02\x02\x28").0.alert(), Some("handshake_failure"));
    assert_eq!(canned(b"\x15\x03\x03\x00\x02\x02\xfe").0.alert(), Some("alert 254"));
    assert_eq!(canned(b"").0, Error::ConnectionClosed);
}

#[test]
fn a_silent_peer_runs_into_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let config = ClientConfig::new(&pki().spec()).unwrap();
    let failure =
        connect(&config, socket.as_raw_fd(), &Offer::default(), Some(0.01), None, &Never).map(|_| ()).unwrap_err();
    assert_eq!(failure.error, Error::TimeLimit);
}

#[test]
fn the_secrets_are_logged_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let path = std::env::temp_dir().join(format!("tlstool-keylog-{}", std::process::id()));
    let mut spec = pki.spec();
    spec.keylog = Some(path.to_string_lossy().into_owned());
    try_connect(address, &spec).unwrap().close(5.0, &Never).unwrap();
    thread.join().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    std::fs::remove_file(&path).unwrap();
    assert!(text.lines().any(|line| line.starts_with("SERVER_TRAFFIC_SECRET_0 ")), "{text}");
    assert_eq!(mode & 0o777, 0o600);
    spec.keylog = Some("/nonexistent/keys".to_owned());
    assert_eq!(ClientConfig::new(&spec).map(|_| ()).unwrap_err().code(), "file-not-written");
}

#[test]
fn a_protocol_that_no_hello_can_hold_is_refused_before_it_is_sent() {
    for name in [String::new(), "x".repeat(256)] {
        let spec = ClientSpec { alpn: vec![name], ..pki().spec() };
        assert_eq!(ClientConfig::new(&spec).map(|_| ()).map_err(|error| error.code()), Err("usage"));
    }
}

#[test]
fn a_handshake_in_tds_packets_is_followed_by_bare_records() {
    let pki = pki();
    let config = Arc::new(pki.server(false));
    let (address, thread) = peer(move |mut stream| {
        let mut tls = ServerConnection::new(config).unwrap();
        while tls.is_handshaking() {
            let mut header = [0; 8];
            stream.read_exact(&mut header).unwrap();
            let mut flight = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - header.len()];
            stream.read_exact(&mut flight).unwrap();
            let mut rest = &flight[..];
            while !rest.is_empty() {
                tls.read_tls(&mut rest).unwrap();
                tls.process_new_packets().unwrap();
            }
            let mut answer = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut answer).unwrap();
            }
            stream.write_all(&tds::wrapped(&answer)).unwrap();
        }
        echo(StreamOwned::new(tls, stream));
    });
    let mut spec = pki.spec();
    spec.versions = vec!["1.2".to_owned()];
    spec.framing = Some(Framing::Tds);
    let mut session = try_connect(address, &spec).unwrap();
    session.write(b"bare", LIMIT, &Never).unwrap();
    assert_eq!(session.read(16, LIMIT, &Never).unwrap(), b"bare");
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}
