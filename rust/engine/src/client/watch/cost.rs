//! What a handshake cost, and what else of it shows only on the wire.

use std::time::Duration;

use serde::Serialize;

use super::decoder::{Direction, Seen, kind};
use super::framer::content;
use crate::hello::{Reader, ServerHello};

/// `tlstool.model.Cost`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub flights_sent: u32,
    pub flights_received: u32,
    pub round_trips: Option<u32>,
    pub client_hello_bytes: Option<u64>,
    pub client_hello_segments: Option<u64>,
    pub chain_bytes: Option<usize>,
    pub hello_to_hello_ms: Option<f64>,
}

/// `tlstool.model.CertificateCompression`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateCompression {
    pub algorithm: String,
    pub saved_bytes: usize,
}

/// Gathered while the handshake goes on.
#[derive(Debug, Default)]
pub struct Facts {
    /// None before the server chose anything.
    pub hello_retry: Option<bool>,
    pub compression: Option<CertificateCompression>,
    client_hello_bytes: Option<u64>,
    chain_bytes: Option<usize>,
    sent: u64,
    flights_sent: u32,
    flights_received: u32,
    last: Option<Direction>,
    asked: Option<Duration>,
    answered: Option<Duration>,
}

impl Facts {
    /// One more thing was seen, so long after the beginning.
    pub fn note(&mut self, direction: Direction, seen: &Seen<'_>, at: Duration) {
        match seen {
            Seen::Record { size, kind, encrypted } => {
                if direction == Direction::Sent {
                    self.sent += *size as u64;
                }
                // Of the handshake, too; whether it could be opened does not matter.
                if *encrypted && matches!(*kind, content::HANDSHAKE | content::APPLICATION_DATA) {
                    self.count_flight(direction);
                }
            }
            Seen::Message(message) => {
                self.count_flight(direction);
                match (direction, message.kind) {
                    (Direction::Sent, kind::CLIENT_HELLO) => {
                        self.client_hello_bytes.get_or_insert(self.sent);
                        self.asked.get_or_insert(at);
                    }
                    (Direction::Received, kind::SERVER_HELLO) => self.server_hello(&message.body, at),
                    (Direction::Received, kind::CERTIFICATE) => self.chain_bytes = Some(message.size),
                    (Direction::Received, kind::COMPRESSED_CERTIFICATE) => {
                        self.chain_bytes = Some(message.size);
                        self.compression = compression(&message.body);
                    }
                    _ => {}
                }
            }
            Seen::Alert { .. } => {}
        }
    }

    /// The sum, with what only the socket knows: the bytes each way, and the maximum segment size, None for not known.
    pub fn cost(&self, bytes_sent: u64, bytes_received: u64, segment: Option<u32>, done: bool) -> Cost {
        let segments = |bytes: u64| segment.filter(|size| *size > 0).map(|size| bytes.div_ceil(size.into()));
        let waited = self.asked.zip(self.answered).map(|(asked, answered)| answered.saturating_sub(asked));
        Cost {
            bytes_sent,
            bytes_received,
            flights_sent: self.flights_sent,
            flights_received: self.flights_received,
            round_trips: done.then_some(self.flights_received),
            client_hello_bytes: self.client_hello_bytes,
            client_hello_segments: self.client_hello_bytes.and_then(segments),
            chain_bytes: self.chain_bytes,
            hello_to_hello_ms: waited.map(|time| time.as_secs_f64() * 1e3),
        }
    }

    /// A flight is what one side says before the other has to; how many pieces it came in does not matter.
    fn count_flight(&mut self, direction: Direction) {
        if self.last.replace(direction) != Some(direction) {
            match direction {
                Direction::Sent => self.flights_sent += 1,
                Direction::Received => self.flights_received += 1,
            }
        }
    }

    fn server_hello(&mut self, body: &[u8], at: Duration) {
        let Some(hello) = ServerHello::parse(body) else { return };
        if hello.is_retry_request() {
            self.hello_retry = Some(true);
        } else {
            self.hello_retry.get_or_insert(false);
            self.answered = Some(at);
        }
    }
}

/// `CompressedCertificate` (RFC 8879 section 4)
pub fn compression(body: &[u8]) -> Option<CertificateCompression> {
    let mut reader = Reader::new(body);
    let algorithm = match reader.u16()? {
        1 => "zlib".to_owned(),
        2 => "brotli".to_owned(),
        3 => "zstd".to_owned(),
        other => format!("0x{other:04x}"),
    };
    let uncompressed = reader.u24()?;
    let compressed = reader.u24()?;
    Some(CertificateCompression { algorithm, saved_bytes: uncompressed.saturating_sub(compressed) })
}
