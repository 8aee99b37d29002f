use std::fs::File;

use super::*;
use crate::client::relay::{Outcome, Relayed};

fn pipe() -> (File, File) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (reader.into(), writer.into())
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
    let failure = connect(&config, socket.as_raw_fd(), LIMIT, None, &AtOnce).map(|_| ()).unwrap_err();
    assert_eq!(failure.error, Error::Interrupted);

    let pki = pki();
    let (address, thread) = tls_peer(pki.server(false), echo);
    let mut session = try_connect(address, &pki.spec()).unwrap();
    let (idle, _writer) = pipe();
    let null = File::options().write(true).open("/dev/null").unwrap();
    assert_eq!(session.relay(idle.as_raw_fd(), null.as_raw_fd(), &AtOnce), Err(Error::Interrupted));
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
    let outcome = session.relay(input.as_raw_fd(), output.as_raw_fd(), &Never).unwrap();
    drop(output);
    assert_eq!(outcome, Outcome::Done(Relayed { sent: 3_000_000, received: 3_000_000, close_notify: true }));
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
    let outcome = session.relay(null.as_raw_fd(), output.as_raw_fd(), &Never).unwrap();
    drop((output, session));
    let mut all = Vec::new();
    drain.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"early");
    assert_eq!(outcome, Outcome::Done(Relayed { sent: 0, received: 5, close_notify: false }));
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
    assert_eq!(session.relay(idle.as_raw_fd(), output.as_raw_fd(), &Never), Ok(Outcome::OutputClosed));
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
