#![allow(clippy::unwrap_used)]

use std::time::Duration;

use rustls::KeyLog;

use super::*;

/// Numbers that look random and are the same each time (xorshift).
fn noise(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

/// A `ServerHello` without extensions: TLS 1.2.
fn old_server_hello(suite: u16) -> Vec<u8> {
    message(2, &[&[3, 3][..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat())
}

fn secrets() -> Arc<Secrets> {
    let secrets = Secrets::default();
    secrets.log("CLIENT_RANDOM", &[0; 32], &[1; 48]);
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"] {
        secrets.log(label, &[0; 32], &[2; 32]);
    }
    Arc::new(secrets)
}

#[test]
fn no_bytes_make_the_reader_fail_or_see_more_than_there_are() {
    let mut next = noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2000 {
        let depth = if next() % 2 == 0 { Depth::Chain } else { Depth::Everything };
        let mut decoder = Decoder::new(secrets(), depth);
        let mut facts = Facts::default();
        let mut fed = 0;
        let mut seen = 0;
        for _ in 0..8 {
            let body = (0..next() % 80).map(|_| next().to_le_bytes()[0]).collect::<Vec<_>>();
            let content = match next() % 4 {
                0 => body,
                1 => message([1, 2, 4, 11, 15, 20, 24, 25][(next() % 8) as usize], &body),
                2 => old_server_hello([0x1301, 0xc02b, 0xcca9, 0x0005][(next() % 4) as usize]),
                _ => message(2, &[&[3, 3][..], &[7; 32], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]].concat()),
            };
            let bytes = record([20, 21, 22, 22, 22, 23][(next() % 6) as usize], &content);
            let direction = if next() % 2 == 0 { Direction::Sent } else { Direction::Received };
            fed += bytes.len();
            decoder.feed(direction, &bytes, &mut |what| {
                facts.note(direction, &what, Duration::ZERO);
                let sighting = Sighting::new(direction, &what, Duration::ZERO);
                assert!(sighting.detail.is_none_or(|detail| detail.len() <= 4096));
                if let Seen::Record { size, .. } = what {
                    seen += size;
                }
            });
        }
        assert!(seen <= fed);
    }
}

#[test]
fn what_is_encrypted_with_keys_of_others_is_counted_and_not_read() {
    let mut decoder = Decoder::new(secrets(), Depth::Everything);
    let mut seen = Vec::new();
    let mut see = |what: Seen<'_>| {
        let sighting = Sighting::new(Direction::Received, &what, Duration::ZERO);
        seen.push(format!("{} {}", sighting.name, sighting.detail.unwrap_or_default()));
    };
    // A suite that rustls has not, so that nothing behind the change of ciphers can be opened.
    for bytes in [record(22, &old_server_hello(0x0005)), record(20, &[1]), record(22, &[9; 40]), record(23, &[9; 40])] {
        decoder.feed(Direction::Received, &bytes, &mut see);
    }
    let wanted =
        ["handshake ", "ServerHello TLS 1.2, TLS_RSA_WITH_RC4_128_SHA", "change_cipher_spec ", "handshake encrypted"];
    assert_eq!(seen[..4], wanted);
    assert_eq!(seen[4..], ["application_data encrypted"]);
}

#[test]
fn secrets_do_not_show_in_messages() {
    assert_eq!(format!("{:?}", secrets()), "Secrets { .. }");
}

/// Keeps when what was seen was seen.
struct Times(Arc<std::sync::Mutex<Vec<f64>>>);

impl Listener for Times {
    fn saw(&mut self, sightings: &[Sighting]) -> Result<()> {
        self.0.lock().unwrap().extend(sightings.iter().map(|one| one.elapsed_ms));
        Ok(())
    }
}

#[test]
fn what_the_socket_took_was_sent_when_the_socket_was_given_it() {
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let times = Arc::default();
    let listener = Box::new(Times(Arc::clone(&times)));
    let mut watch = Watch::new(secrets(), &socket, Some(listener)).unwrap();
    watch.sending();
    let given = watch.begun.elapsed().as_secs_f64() * 1e3;
    watch.sent(&record(22, &message(1, &[0; 40]))).unwrap();
    let seen = times.lock().unwrap();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|at| *at <= given), "{seen:?} after {given}");
}
