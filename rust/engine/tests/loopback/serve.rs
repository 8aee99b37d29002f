//! The server against well-behaved and other clients, over loopback.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::common::{Server, answer, ask, certificates, ends_in_order, exchange, refusal, spec};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::{ConnectionTrafficSecrets, HandshakeKind};
use tlstool_engine::Mode;

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n";

#[test]
fn echo_gives_back_every_byte_and_answers_close_notify() {
    let server = Server::start(Mode::Echo, |_| {});
    let sizes = [0_u64, 1, 16_384, 16_385, 1 << 20];
    for size in sizes {
        let data: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let mut tls = server.tls();
        assert!(exchange(&mut tls, &data) == data, "{size} bytes came back changed");
        tls.conn.send_close_notify();
        ends_in_order(&mut tls);
    }
    for (event, size) in server.events(sizes.len()).iter().zip(sizes) {
        assert_eq!((event.received, event.sent, event.error), (size, size, None));
    }
    let totals = server.stopped();
    assert_eq!((totals.connections, totals.handshakes, totals.failed), (5, 5, 0));
    assert_eq!((totals.received, totals.sent), (1_081_346, 1_081_346));
}

#[test]
fn the_page_shows_what_was_negotiated() {
    let server = Server::start(Mode::Status, |_| {});
    let mut tls = server.tls();
    let peer = tls.sock.local_addr().unwrap().to_string();
    let json = ask(&mut tls, "GET /json HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut json: serde_json::Value = serde_json::from_str(json.split_once("\r\n\r\n").unwrap().1).unwrap();
    let hello = json.as_object_mut().unwrap().remove("hello").unwrap();
    assert_eq!((&hello["sni"], &hello["suites"][0]), (&"localhost".into(), &"TLS_AES_256_GCM_SHA384".into()));
    assert!(hello["ja4"].as_str().unwrap().starts_with("t13d"), "{hello}");
    let wanted = serde_json::json!({
        "tls": "1.3", "suite": "TLS_AES_256_GCM_SHA384", "group": "x25519", "alpn": null, "sni": "localhost",
        "kind": "full", "client_certificate": null, "early_data": null, "peer": peer,
    });
    assert_eq!(json, wanted);
    let text = ask(&mut tls, GET);
    assert!(text.contains("TLS_AES_256_GCM_SHA384") && text.contains(&peer) && text.contains("JA4"), "{text}");
    let html = ask(&mut tls, "GET /any HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(html.contains("<!DOCTYPE html>") && html.contains("<dd>localhost</dd>"), "{html}");
    ends_in_order(&mut tls);
    drop(tls);
    let events = server.events(1);
    assert_eq!((events[0].sni.as_deref(), events[0].kind, events[0].error), (Some("localhost"), Some("full"), None));
}

#[test]
fn a_client_that_offers_only_other_protocols_still_gets_its_handshake() {
    let server = Server::start(Mode::Status, |_| {});
    let mut config = (*server.client_config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = server.tls_with(&config.into());
    assert_eq!(tls.conn.alpn_protocol(), None);
}

#[test]
fn no_protocol_in_common_is_an_error_of_its_own() {
    let server = Server::start(Mode::Status, |spec| spec.sites[0].alpn = vec!["http/1.1".to_owned()]);
    let mut config = (*server.client_config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "localhost".try_into().unwrap();
    let mut tls = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut stream = server.tcp();
    let error = loop {
        if let Err(error) = tls.complete_io(&mut stream) {
            break error.to_string();
        }
    };
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    assert_eq!(server.events(1)[0].error, Some("peer-incompatible"));
}

#[test]
fn a_hello_that_comes_byte_by_byte_is_taken() {
    let server = Server::start(Mode::Echo, |_| {});
    let name = "localhost".try_into().unwrap();
    let mut tls = rustls::ClientConnection::new(server.client_config(), name).unwrap();
    let mut stream = server.tcp();
    stream.set_nodelay(true).unwrap();
    let mut hello = Vec::new();
    tls.write_tls(&mut hello).unwrap();
    for byte in hello {
        stream.write_all(&[byte]).unwrap();
    }
    tls.complete_io(&mut stream).unwrap();
    assert!(!tls.is_handshaking());
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let server = Server::start(Mode::Status, |_| {});
    let mut tls = server.tls();
    let (count, mut sent, mut got) = (3000, 0, 0);
    while got < count {
        while sent < count && sent < got + 500 {
            tls.write_all(GET.as_bytes()).unwrap();
            sent += 1;
        }
        assert!(answer(&mut tls).starts_with("HTTP/1.1 200 OK"));
        got += 1;
    }
    drop(tls);
    assert_eq!(server.events(1)[0].error, None);
}

#[test]
fn what_is_no_tls_is_told_so_and_named() {
    let server = Server::start(Mode::Status, |_| {});
    let mut http = server.tcp();
    http.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut reply = String::new();
    http.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("https://"), "{reply}");
    let mut garbage = server.tcp();
    garbage.write_all(b"\x00\x01garbage\xff and more of it").unwrap();
    garbage.read_to_end(&mut Vec::new()).unwrap();
    drop((http, garbage));
    let mut events = server.events(2);
    events.sort_by_key(|event| event.message.clone());
    assert!(events.iter().all(|event| event.error == Some("not-tls")));
    assert_eq!(
        events[0].message.as_deref(),
        Some(r#"the client does not speak TLS: it begins with "\x00\x01garbage\xff and more of i""#)
    );
    assert_eq!(events[1].message.as_deref(), Some("the client speaks plain HTTP, not TLS"));
}

#[test]
fn a_scan_of_the_port_is_a_connection_that_was_closed() {
    let server = Server::start(Mode::Status, |_| {});
    drop(server.tcp());
    let event = &server.events(1)[0];
    assert_eq!((event.error, event.tls, event.received), (Some("connection-closed"), None, 0));
    assert_eq!(server.stopped().failed, 1);
}

#[test]
fn silent_and_trickling_clients_run_into_their_limits_and_harm_nobody() {
    let server = Server::start(Mode::Status, |spec| {
        spec.limits.handshake = 0.3;
        spec.limits.request = 0.3;
        spec.limits.idle = 0.3;
        spec.threads = 1;
    });
    let mut silent = server.tcp();
    let mut half = server.tcp();
    half.write_all(&[0x16, 0x03, 0x01, 0x02]).unwrap();
    let mut trickling = server.tls();
    let mut idle = server.tls();
    trickling.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    trickling.sock.set_nonblocking(true).unwrap();
    let mut good = server.tls();
    assert!(ask(&mut good, GET).starts_with("HTTP/1.1 200 OK"));
    drop(good);
    // More bytes of a head that never ends do not prolong its time.
    while trickling.write_all(b"x").is_ok() && server_is_there(&mut trickling.sock) {
        std::thread::yield_now();
    }
    silent.read_to_end(&mut Vec::new()).unwrap();
    let _ = half.read_to_end(&mut Vec::new());
    ends_in_order(&mut idle);
    drop((idle, trickling));
    let mut errors: Vec<_> = server.events(5).iter().map(|event| event.error).collect();
    errors.sort_unstable();
    let limit = Some("time-limit");
    assert_eq!(errors, [None, None, limit, limit, limit]);
}

fn server_is_there(stream: &mut TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

#[test]
fn a_client_that_never_reads_holds_up_only_itself() {
    let server = Server::start(Mode::Echo, |spec| {
        spec.threads = 1;
        spec.limits.send = 2.0;
    });
    let mut greedy = server.tls();
    greedy.sock.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
    let piece = vec![7; 1 << 16];
    while greedy.write_all(&piece).is_ok() {}
    let mut good = server.tls();
    assert_eq!(exchange(&mut good, b"hello"), b"hello");
    good.conn.send_close_notify();
    ends_in_order(&mut good);
    let errors: Vec<_> = server.events(2).iter().map(|event| event.error).collect();
    assert!(errors.contains(&None) && errors.contains(&Some("time-limit")), "{errors:?}");
}

#[test]
fn sessions_are_resumed_whichever_worker_accepts() {
    let server = Server::start(Mode::Status, |spec| spec.threads = 4);
    let config = server.client_config();
    for round in 0..20 {
        let mut tls = server.tls_with(&config);
        ask(&mut tls, GET);
        let resumed = tls.conn.handshake_kind() == Some(HandshakeKind::Resumed);
        assert_eq!(resumed, round > 0);
    }
    server.events(20);
    let totals = server.stopped();
    assert_eq!((totals.handshakes, totals.resumed), (20, 19));
}

#[test]
fn two_hundred_clients_at_once_are_served() {
    let server = Server::start(Mode::Status, |_| {});
    let config = server.client_config();
    let mut clients: Vec<_> = (0..200).map(|_| server.tls_with(&config)).collect();
    for tls in &mut clients {
        tls.write_all(GET.as_bytes()).unwrap();
    }
    for tls in &mut clients {
        assert!(answer(tls).starts_with("HTTP/1.1 200 OK"));
    }
    drop(clients);
    let totals = server.stopped();
    assert_eq!((totals.connections, totals.handshakes, totals.failed), (200, 200, 0));
}

#[test]
fn after_the_last_connection_that_was_wanted_the_server_ends() {
    let server = Server::start(Mode::Echo, |spec| spec.count = Some(2));
    let (mut first, mut second) = (server.tls(), server.tls());
    // The third may be refused, or be reset in the backlog; served it is not.
    let third = TcpStream::connect(("127.0.0.1", server.port));
    assert!(third.is_err() || matches!(third.unwrap().read(&mut [0]), Ok(0) | Err(_)));
    for tls in [&mut first, &mut second] {
        assert_eq!(exchange(tls, b"still here"), b"still here");
        tls.conn.send_close_notify();
        ends_in_order(tls);
    }
    drop((first, second));
    let totals = server.ended().unwrap();
    assert_eq!((totals.connections, totals.failed), (2, 0));
}

#[test]
fn asked_to_stop_it_closes_kept_connections_and_lets_the_others_end() {
    let server = Server::start(Mode::Status, |_| {});
    let mut kept = server.tls();
    ask(&mut kept, GET);
    let mut busy = server.tls();
    // One record: the answer to the first request says that the half of the second has come, too.
    busy.write_all(format!("{GET}GET / HTTP/1.1\r\nHo").as_bytes()).unwrap();
    answer(&mut busy);
    server.stop();
    ends_in_order(&mut kept);
    let reply = ask(&mut busy, "st: localhost\r\n\r\n");
    assert!(reply.contains("\r\nConnection: close\r\n"), "{reply}");
    ends_in_order(&mut busy);
    drop((kept, busy));
    assert_eq!(server.ended().unwrap().failed, 0);
}

#[test]
fn who_does_not_end_within_the_grace_period_is_cut_off() {
    let server = Server::start(Mode::Echo, |spec| spec.grace = 0.2);
    let mut open = server.tls();
    exchange(&mut open, b"x");
    server.stop();
    assert_eq!(server.ended().unwrap().failed, 1);
    ends_in_order(&mut open);
    let event = &server.events(1)[0];
    assert_eq!((event.error, event.message.as_deref()), (Some("interrupted"), Some("the server stopped")));
}

#[test]
fn a_second_byte_ends_it_at_once() {
    let server = Server::start(Mode::Echo, |spec| spec.grace = 1e6);
    let mut open = server.tls();
    exchange(&mut open, b"x");
    server.stop();
    server.stop();
    assert_eq!(server.ended().unwrap().connections, 1);
}

#[test]
fn a_handshake_that_the_end_cuts_off_is_an_error_and_a_kept_connection_is_none() {
    let server = Server::start(Mode::Status, |_| {});
    let _silent = server.tcp();
    let mut kept = server.tls();
    ask(&mut kept, GET);
    // Two bytes in one write: at once.
    server.stop_by(b"xx");
    assert_eq!(server.ended().unwrap().failed, 1);
    let mut errors: Vec<_> = server.events(2).iter().map(|event| event.error).collect();
    errors.sort_unstable();
    assert_eq!(errors, [None, Some("interrupted")]);
}

#[test]
fn an_interrupt_ends_it_at_once() {
    let server = Server::start(Mode::Echo, |_| {});
    let _open = server.tls();
    server.trigger.pull();
    assert_eq!(server.ended().map_err(|error| error.code()), Err("interrupted"));
}

#[test]
fn an_error_of_the_listener_ends_it() {
    let made = certificates("the CA");
    let server = Server::with(spec(Mode::Echo, made.identity), made.ca, |_| Err(refusal()));
    drop(server.tcp());
    assert_eq!(server.ended(), Err(refusal()));
}

#[test]
fn secrets_go_to_the_key_log() {
    let path = std::env::temp_dir().join(format!("tlstool-keylog-{}", std::process::id()));
    let server = Server::start(Mode::Status, |spec| spec.sites[0].keylog = Some(path.to_str().unwrap().to_owned()));
    drop(server.tls());
    server.stopped();
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(log.lines().any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")), "{log}");
}

#[test]
fn a_part_of_a_message_left_hanging_brings_nobody_down() {
    let server = Server::start(Mode::Echo, |spec| {
        spec.threads = 1;
        spec.limits.idle = 0.3;
    });
    let mut config = (*server.client_config()).clone();
    config.enable_secret_extraction = true;
    let (tls, mut stream) = server.tls_with(&config.into()).into_parts();
    let (sequence, secrets) = tls.dangerous_extract_secrets().unwrap().tx;
    // Data that the server has to answer, and with it the first byte of a KeyUpdate (RFC 8446 section 4.6.3).
    let mut bytes = record(sequence, &secrets, b"x\x17");
    bytes.extend(record(sequence + 1, &secrets, b"\x18\x16"));
    stream.write_all(&bytes).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    drop(stream);
    let event = &server.events(1)[0];
    assert_eq!((event.received, event.sent, event.error), (1, 1, Some("time-limit")));
    assert_eq!(exchange(&mut server.tls(), b"still here"), b"still here");
}

/// A record of TLS 1.3 around an inner plaintext with its content type (RFC 8446 section 5.2).
fn record(sequence: u64, secrets: &ConnectionTrafficSecrets, inner: &[u8]) -> Vec<u8> {
    let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else { panic!("not the suite that was expected") };
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap());
    let mut nonce: [u8; 12] = iv.as_ref().try_into().unwrap();
    nonce.iter_mut().skip(4).zip(sequence.to_be_bytes()).for_each(|(byte, mask)| *byte ^= mask);
    let length = u8::try_from(inner.len() + AES_256_GCM.tag_len()).unwrap();
    let header = [0x17, 0x03, 0x03, 0x00, length];
    let mut sealed = inner.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(header), &mut sealed).unwrap();
    [&header[..], &sealed].concat()
}
