use std::fs::File;

use super::*;
use crate::client::plan::{BodySpec, HalfClose, Relayed};

fn pipe() -> (File, File) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (reader.into(), writer.into())
}

fn plan(input: &impl AsRawFd, output: &impl AsRawFd) -> RelayPlan {
    RelayPlan {
        in_fd: Some(input.as_raw_fd()),
        out_fd: output.as_raw_fd(),
        half_close: HalfClose::Notify,
        crlf: false,
        early: ByteBuf::new(),
        body: None,
        quiet: None,
    }
}

fn done(sent: u64, received: u64, close_notify: Option<bool>) -> Outcome {
    Outcome::Done(Relayed { sent, received, close_notify, half_close: Some(HalfClose::Notify) })
}

/// Interrupted from the first time it asks.
struct AtOnce;

impl Interrupt for AtOnce {
    fn interrupted(&self) -> bool {
        true
    }
}

#[test]
fn an_interrupt_ends_a_handshake_and_a_relay() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let config = ClientConfig::new(&pki().spec()).unwrap();
    let failure =
        connect(&config, socket.as_raw_fd(), &Offer::default(), LIMIT, None, &AtOnce).map(|_| ()).unwrap_err();
    assert_eq!(failure.error, Error::Interrupted);

    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let (idle, _writer) = pipe();
    let null = File::options().write(true).open("/dev/null").unwrap();
    assert_eq!(session.relay(&plan(&idle, &null), None, &AtOnce), Err(Error::Interrupted));
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

/// Pass bytes on one at a time, both ways.
fn dribble(mut from: TcpStream, mut to: TcpStream) -> JoinHandle<()> {
    to.set_nodelay(true).unwrap();
    thread::spawn(move || {
        let mut byte = [0];
        while let Ok(1) = from.read(&mut byte) {
            if to.write_all(&byte).is_err() {
                return;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    })
}

#[test]
fn records_may_come_in_any_pieces() {
    let pki = pki();
    let (behind, server) = tls_peer(pki.server(false), echo);
    let (address, middle) = peer(move |front| {
        let back = TcpStream::connect(behind).unwrap();
        let up = dribble(front.try_clone().unwrap(), back.try_clone().unwrap());
        dribble(back, front).join().unwrap();
        up.join().unwrap();
    });
    let mut session = try_connect(address, &pki.spec()).unwrap();
    session.write(b"hello", LIMIT, &Never).unwrap();
    let mut answer = Vec::new();
    while answer.len() < 5 {
        answer.extend(session.read(2, LIMIT, &Never).unwrap());
    }
    assert_eq!(answer, b"hello");
    session.close(5.0, &Never).unwrap();
    server.join().unwrap();
    drop(session);
    middle.join().unwrap();
}

#[test]
fn more_than_the_buffers_hold_comes_back_whole() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let data: Vec<u8> = (0..3_000_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let (input, mut feed) = pipe();
    let (mut drain, output) = pipe();
    let sent = data.clone();
    let feeder = thread::spawn(move || feed.write_all(&sent).unwrap());
    let drainer = thread::spawn(move || {
        let mut all = Vec::new();
        drain.read_to_end(&mut all).unwrap();
        all
    });
    let outcome = session.relay(&plan(&input, &output), LIMIT, &Never).unwrap();
    drop(output);
    assert_eq!(outcome, done(3_000_000, 3_000_000, Some(true)));
    assert!(drainer.join().unwrap() == data);
    feeder.join().unwrap();
    thread.join().unwrap();
}

#[test]
fn data_that_comes_with_the_handshake_is_not_lost_and_a_cut_is_no_orderly_end() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), |mut tls| {
        tls.write_all(b"early").unwrap();
        tls.flush().unwrap();
        tls.sock.shutdown(std::net::Shutdown::Write).unwrap();
        while let Ok(1..) = tls.sock.read(&mut [0; 4096]) {}
    });
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let null = File::open("/dev/null").unwrap();
    let (mut drain, output) = pipe();
    let outcome = session.relay(&plan(&null, &output), LIMIT, &Never).unwrap();
    drop((output, session));
    let mut all = Vec::new();
    drain.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"early");
    assert_eq!(outcome, done(0, 5, Some(false)));
    thread.join().unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_the_relay() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let (idle, _writer) = pipe();
    let (drain, output) = pipe();
    drop(drain);
    assert_eq!(session.relay(&plan(&idle, &output), LIMIT, &Never), Ok(Outcome::OutputClosed));
    session.close(5.0, &Never).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_peer_that_never_stops_sending_can_be_interrupted() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), |mut tls| while tls.write_all(&[0; 16_384]).is_ok() {});
    let mut session = try_connect(address, &pki.spec()).unwrap();
    session.write(b"x", LIMIT, &Never).unwrap();
    assert_eq!(session.close(20.0, &AtOnce), Err(Error::Interrupted));
    drop(session);
    thread.join().unwrap();
}

/// A peer that answers the first bytes with `answer`, and waits for our end then: whether that was `close_notify`.
fn answering(answer: &'static [u8]) -> (SocketAddr, JoinHandle<bool>, Pki) {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), move |mut tls| {
        let _ = tls.read(&mut [0; 100]).unwrap();
        tls.write_all(answer).unwrap();
        tls.flush().unwrap();
        let is_notified = matches!(tls.read(&mut [0; 100]), Ok(0));
        tls.conn.send_close_notify();
        let _ = tls.flush();
        is_notified
    });
    (address, thread, pki)
}

/// What a relay brings that is to end by itself: with a body, or with silence.
fn brought(answer: &'static [u8], body: Option<BodySpec>, quiet: Option<f64>) -> (Result<Outcome>, Vec<u8>) {
    let (address, thread, pki) = answering(answer);
    let mut session = try_connect(address, &pki.spec()).unwrap();
    session.write(b"question", LIMIT, &Never).unwrap();
    let (mut drain, output) = pipe();
    let plan = RelayPlan { in_fd: None, body, quiet, ..plan(&output, &output) };
    let outcome = session.relay(&plan, LIMIT, &Never);
    session.close(5.0, &Never).unwrap();
    drop(output);
    assert!(thread.join().unwrap());
    let mut all = Vec::new();
    drain.read_to_end(&mut all).unwrap();
    (outcome, all)
}

#[test]
fn a_body_ends_where_it_says_and_leaves_its_frame_behind() {
    let chunked = Some(BodySpec { length: None, chunked: true });
    let whole = Relayed { sent: 0, received: 19, close_notify: None, half_close: None };
    let (outcome, all) = brought(b"5\r\nhello\r\n0\r\n\r\nmore", chunked, None);
    assert_eq!((outcome, &all[..]), (Ok(Outcome::Done(whole)), &b"hello"[..]));
    let (outcome, all) =
        brought(b"5\r\nhello\r\n0\r\n\r\n++++", Some(BodySpec { length: Some(7), chunked: false }), None);
    assert_eq!((outcome, &all[..]), (Ok(Outcome::Done(whole)), &b"5\r\nhell"[..]));
}

#[test]
fn silence_ends_a_relay_unless_a_body_is_under_way() {
    let (outcome, all) = brought(b"hello", None, Some(0.2));
    let silent = Relayed { sent: 0, received: 5, close_notify: None, half_close: None };
    assert_eq!((outcome, &all[..]), (Ok(Outcome::Done(silent)), &b"hello"[..]));
    let (outcome, all) = brought(b"hello", Some(BodySpec { length: Some(6), chunked: false }), Some(0.2));
    assert_eq!((outcome, &all[..]), (Err(Error::TimeLimit), &b"hello"[..]));
}

#[test]
fn a_relay_ends_at_its_limit_even_if_nobody_takes_what_it_brings() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), |mut tls| while tls.write_all(&[0; 16_384]).is_ok() {});
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let (_never_read, output) = pipe();
    let plan = RelayPlan { in_fd: None, ..plan(&output, &output) };
    assert_eq!(session.relay(&plan, Some(0.2), &Never), Err(Error::TimeLimit));
    drop(session);
    thread.join().unwrap();
}

#[test]
fn the_end_of_the_input_is_told_as_it_was_asked_for() {
    for (half_close, told) in [(HalfClose::Notify, true), (HalfClose::Fin, true), (HalfClose::None, false)] {
        let pki = pki();
        // What the peer sees of our end once it has read the data: close_notify, and the end of the stream.
        let (address, thread) = tls_peer(pki.server(false), move |mut tls| {
            let _ = tls.read(&mut [0; 100]).unwrap();
            let wait = Some(Duration::from_millis(200));
            tls.sock.set_read_timeout(wait).unwrap();
            let is_notified = matches!(tls.read(&mut [0; 100]), Ok(0));
            let is_ended = matches!(tls.sock.read(&mut [0; 100]), Ok(0));
            tls.write_all(b"answer").unwrap();
            tls.conn.send_close_notify();
            tls.flush().unwrap();
            (is_notified, is_ended)
        });
        let mut session = try_connect(address, &pki.spec()).unwrap();
        let (input, mut feed) = pipe();
        feed.write_all(b"question").unwrap();
        drop(feed);
        let (mut drain, output) = pipe();
        let outcome = session.relay(&RelayPlan { half_close, ..plan(&input, &output) }, LIMIT, &Never).unwrap();
        let half_close_of = told.then_some(half_close);
        let wanted = Relayed { sent: 8, received: 6, close_notify: Some(true), half_close: half_close_of };
        assert_eq!(outcome, Outcome::Done(wanted));
        drop((output, session));
        let mut all = Vec::new();
        drain.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"answer");
        assert_eq!(thread.join().unwrap(), (told, half_close == HalfClose::Fin), "{half_close:?}");
    }
}

#[test]
fn lines_become_the_networks_lines_on_their_way_out() {
    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let (input, mut feed) = pipe();
    feed.write_all(b"a\nb\r\n\n").unwrap();
    drop(feed);
    let (mut drain, output) = pipe();
    let outcome = session.relay(&RelayPlan { crlf: true, ..plan(&input, &output) }, LIMIT, &Never).unwrap();
    drop(output);
    let mut all = Vec::new();
    drain.read_to_end(&mut all).unwrap();
    assert_eq!((outcome, &all[..]), (done(8, 8, Some(true)), &b"a\r\nb\r\n\r\n"[..]));
    thread.join().unwrap();
}
