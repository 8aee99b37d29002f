//! What the server does for those who come, over loopback: its modes but for the page and the echo.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::PathBuf;

use crate::common::{Server, Tls, answer, ask, ends_in_order, exchange};
use aws_lc_rs::digest::{SHA256, digest};
use tlstool_engine::{Connection, Mode};

fn sha256(data: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest(&SHA256, data).as_ref())
}

fn rest(tls: &mut Tls) -> Vec<u8> {
    let mut rest = Vec::new();
    tls.read_to_end(&mut rest).unwrap();
    rest
}

fn outcome(event: &Connection) -> (u64, u64, Option<&'static str>) {
    (event.received, event.sent, event.error)
}

#[test]
fn the_sink_tells_what_it_got_when_the_client_closes_its_side() {
    let server = Server::start(Mode::Discard, |_| {});
    for (number, data) in [vec![], b"x".to_vec(), vec![7; 3_000_000], b"GE".to_vec()].into_iter().enumerate() {
        let mut tls = server.tls();
        tls.write_all(&data).unwrap();
        let by_close_notify = number % 2 == 0;
        if by_close_notify {
            tls.conn.send_close_notify();
            tls.flush().unwrap();
        } else {
            tls.flush().unwrap();
            tls.sock.shutdown(Shutdown::Write).unwrap();
        }
        let line = format!("bytes={} sha256={}\n", data.len(), sha256(&data));
        assert_eq!(String::from_utf8(rest(&mut tls)).unwrap(), line);
        drop(tls);
        let events = server.events(number + 1);
        assert_eq!(outcome(&events[number]), (data.len() as u64, line.len() as u64, None));
    }
}

#[test]
fn uploads_over_http_are_answered_in_json_on_a_kept_connection() {
    let server = Server::start(Mode::Discard, |_| {});
    let mut tls = server.tls();
    for data in [&b""[..], b"hello", &[9; 10_000]] {
        tls.write_all(format!("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", data.len()).as_bytes())
            .unwrap();
        tls.write_all(data).unwrap();
        let reply = answer(&mut tls);
        let wanted = format!("{{\"bytes\":{},\"sha256\":\"{}\"}}\n", data.len(), sha256(data));
        assert_eq!(reply.split_once("\r\n\r\n").unwrap().1, wanted);
    }
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert!(ask(&mut tls, chunked).contains(&sha256(b"abc")));
    assert!(ask(&mut tls, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").contains("\r\nAllow: PUT, POST\r\n"));
}

#[test]
fn an_upload_that_breaks_off_is_an_error() {
    let server = Server::start(Mode::Discard, |_| {});
    let mut tls = server.tls();
    tls.write_all(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    tls.sock.shutdown(Shutdown::Both).unwrap();
    assert_eq!(server.events(1)[0].error, Some("connection-reset"));
}

#[test]
fn an_upload_that_goes_on_is_not_cut_off_by_the_idle_limit() {
    let server = Server::start(Mode::Discard, |spec| spec.sites[0].alpn = vec!["http/1.1".to_owned()]);
    let slow = Server::start(Mode::Discard, |spec| spec.limits.idle = 0.4);
    let mut tls = slow.tls();
    let start = std::time::Instant::now();
    let mut sent = 0;
    // The server sees every piece before the next one comes: each is answered by the other server.
    let mut other = server.tls();
    while start.elapsed().as_secs_f64() < 1.2 {
        tls.write_all(b"+").unwrap();
        sent += 1;
        ask(&mut other, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    }
    tls.conn.send_close_notify();
    assert!(String::from_utf8(rest(&mut tls)).unwrap().starts_with(&format!("bytes={sent} ")));
}

#[test]
fn a_sink_that_hears_no_more_says_what_it_got_and_ends() {
    let server = Server::start(Mode::Discard, |spec| spec.limits.idle = 0.2);
    let mut tls = server.tls();
    tls.write_all(b"and then silence").unwrap();
    assert!(String::from_utf8(rest(&mut tls)).unwrap().starts_with("bytes=16 "));
    drop(tls);
    assert_eq!(server.events(1)[0].error, None);
}

#[test]
fn the_source_gives_its_bytes_to_all_kinds_of_clients() {
    const SIZE: u64 = 1_000_003;
    let server = Server::start(Mode::Source, |spec| spec.sites[0].service.size = Some(SIZE));
    let mut speaks = server.tls();
    speaks.write_all(b"whatever").unwrap();
    let raw = rest(&mut speaks);
    assert_eq!(raw.len() as u64, SIZE);
    let mut silent = server.tls();
    assert!(rest(&mut silent) == raw, "who says nothing gets the same");
    let mut closed = server.tls();
    closed.conn.send_close_notify();
    closed.flush().unwrap();
    assert!(rest(&mut closed) == raw, "who has nothing to say as well");
    let mut http = server.tls();
    for _ in 0..2 {
        let reply = ask(&mut http, "GET /any HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(reply.split_once("\r\n\r\n").unwrap().1.as_bytes() == raw, "and who asks in HTTP");
    }
    http.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(String::from_utf8(rest(&mut http)).unwrap().contains(&format!("\r\nContent-Length: {SIZE}\r\n")));
    drop((speaks, silent, closed, http));
    assert!(server.events(4).iter().all(|event| event.error.is_none() && event.sent >= SIZE));
}

#[test]
fn a_client_that_has_agreed_on_http_may_take_its_time() {
    let server = Server::start(Mode::Source, |spec| {
        spec.sites[0].service.size = Some(5);
        spec.sites[0].alpn = vec!["http/1.1".to_owned()];
        spec.limits.idle = 1.5;
    });
    let mut config = (*server.client_config()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Nothing comes, not even after the time in which other clients would have got their bytes.
    assert_eq!(rest(&mut server.tls_with(&config.clone().into())), b"");
    let mut asks = server.tls_with(&config.into());
    assert!(ask(&mut asks, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("\r\n\r\nABCDE"));
}

#[test]
fn an_endless_source_ends_with_its_client_or_with_the_server() {
    let server = Server::start(Mode::Source, |spec| spec.threads = 1);
    let mut leaves = server.tls();
    let mut piece = vec![0; 1_000_000];
    leaves.read_exact(&mut piece).unwrap();
    drop(leaves);
    assert_eq!(server.events(1)[0].error, None, "to leave is the only end that there is");
    let mut stays = server.tls();
    stays.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stays.read_exact(&mut piece).unwrap();
    assert!(String::from_utf8_lossy(&piece).contains("\r\nConnection: close\r\n"));
    server.stop();
    rest(&mut stays);
    drop(stays);
    assert_eq!(server.ended().unwrap().failed, 0);
}

#[test]
fn who_does_not_take_its_bytes_holds_up_nobody() {
    let server = Server::start(Mode::Source, |spec| {
        spec.threads = 1;
        spec.limits.idle = 1.0;
    });
    let deaf = server.tls();
    let mut good = server.tls();
    let mut piece = vec![0; 30_000_000];
    good.read_exact(&mut piece).unwrap();
    drop(good);
    let errors: Vec<_> = server.events(2).iter().map(|event| event.error).collect();
    assert!(errors.contains(&None) && errors.contains(&Some("time-limit")), "{errors:?}");
    drop(deaf);
}

#[test]
fn the_same_answer_is_for_everybody() {
    let content: Vec<u8> = (0..200_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let server = Server::start(Mode::Respond, |spec| spec.sites[0].service.content = Some(content.clone()));
    for words in [&b"hello\n"[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.0\n\n", b"\x00", b""] {
        let mut tls = server.tls();
        for byte in words {
            tls.write_all(&[*byte]).unwrap();
        }
        if words.is_empty() {
            tls.conn.send_close_notify();
            tls.flush().unwrap();
        }
        assert!(rest(&mut tls) == content, "{words:?}");
    }
    assert!(server.events(5).iter().all(|event| event.error.is_none()));
}

#[test]
fn half_a_request_is_not_answered_yet() {
    let server = Server::start(Mode::Respond, |spec| {
        spec.sites[0].service.content = Some(b"said".to_vec());
        spec.limits.idle = 0.3;
    });
    let mut tls = server.tls();
    tls.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    assert_eq!(rest(&mut tls), b"");
    drop(tls);
    assert_eq!(server.events(1)[0].error, Some("time-limit"));
}

struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tlstool-loopback-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn server(&self) -> Server {
        let path = self.0.to_str().unwrap().to_owned();
        Server::start(Mode::Files, |spec| spec.sites[0].service.folder = Some(path))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_large_file_arrives_as_it_is() {
    let files = Files::new("large");
    let content: Vec<u8> = (0..20_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    std::fs::write(files.0.join("large"), &content).unwrap();
    let server = files.server();
    let mut tls = server.tls();
    tls.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let got = rest(&mut tls);
    let body = &got[got.len() - content.len()..];
    assert!(got.starts_with(b"HTTP/1.1 200 OK\r\n") && body == content);
}

#[test]
fn a_file_that_becomes_shorter_is_not_ended_as_if_it_were_whole() {
    let files = Files::new("shorter");
    let file = std::fs::File::create(files.0.join("file")).unwrap();
    file.set_len(200_000_000).unwrap();
    let server = files.server();
    let mut tls = server.tls();
    tls.write_all(b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    tls.read_exact(&mut [0; 1000]).unwrap();
    file.set_len(1).unwrap();
    let mut left = Vec::new();
    let error = tls.read_to_end(&mut left).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "no close_notify");
    assert_eq!(server.events(1)[0].error, Some("file-unreadable"));
}

#[test]
fn a_folder_that_is_none_is_refused_before_anything_listens() {
    let missing = Server::start(Mode::Files, |spec| spec.sites[0].service.folder = Some("/no/such/folder".to_owned()));
    assert_eq!(missing.ended().unwrap_err().code(), "file-unreadable");
    let none = Server::start(Mode::Files, |_| {});
    assert_eq!(none.ended().unwrap_err().code(), "usage");
}

#[test]
fn others_are_served_while_files_are_sent() {
    let files = Files::new("others");
    std::fs::File::create(files.0.join("large")).unwrap().set_len(500_000_000).unwrap();
    std::fs::write(files.0.join("small"), "here").unwrap();
    let path = files.0.to_str().unwrap().to_owned();
    let server = Server::start(Mode::Files, |spec| {
        spec.sites[0].service.folder = Some(path);
        spec.threads = 1;
    });
    let mut large = server.tls();
    large.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut small = server.tls();
    for _ in 0..20 {
        assert!(ask(&mut small, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("\r\n\r\nhere"));
        large.read_exact(&mut [0; 10_000]).unwrap();
    }
    small.conn.send_close_notify();
    ends_in_order(&mut small);
    drop(small);
    assert_eq!(server.events(1)[0].error, None, "the large one still goes on");
    assert_eq!(exchange(&mut large, b""), b"");
}
