//! What goes over one connection, both ways, as the socket gives and takes it: read along, told of, and captured.
//!
//! The handshake is always read along, for what it cost. Afterwards that is done only for those who listen; for all others, a
//! connection pays for two sums.

mod cost;
mod decoder;
mod framer;
mod keys;
mod secrets;
mod sighting;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use socket2::SockRef;

use crate::Result;
use crate::capture::{End, Stream};

pub use cost::{CertificateCompression, Cost};
pub use decoder::Direction;
pub use secrets::Secrets;
pub use sighting::{Layer, Sighting};

use cost::Facts;
use decoder::{Decoder, Depth, Seen};

/// Hears of every record and message, a batch for each piece that the socket gave or took. An error of its ends the session.
pub trait Listener: Send {
    fn saw(&mut self, sightings: &[Sighting]) -> Result<()>;
}

pub struct Watch {
    begun: Instant,
    sent: u64,
    received: u64,
    facts: Facts,
    cost: Option<Cost>,
    decoder: Option<Box<Decoder>>,
    listener: Option<Box<dyn Listener>>,
    capture: Option<Stream>,
    secrets: Arc<Secrets>,
    /// Received, and not read yet: what it takes to open it is known only when rustls has been through it.
    held: Vec<u8>,
    held_since: (Instant, SystemTime),
    /// When the socket was last given something to send.
    sending_since: (Instant, SystemTime),
    /// The maximum segment size of the connection (`TCP_MAXSEG`, tcp(7)), the number that `TCP_INFO` calls `tcpi_snd_mss`.
    segment: Option<u32>,
}

impl Watch {
    pub fn new(secrets: Arc<Secrets>, socket: impl AsFd, listener: Option<Box<dyn Listener>>) -> Result<Self> {
        let depth = if listener.is_some() { Depth::Everything } else { Depth::Chain };
        let capture = secrets.capture().map(|file| file.stream(&socket)).transpose()?;
        Ok(Self {
            begun: Instant::now(),
            sent: 0,
            received: 0,
            facts: Facts::default(),
            cost: None,
            decoder: Some(Box::new(Decoder::new(secrets.clone(), depth))),
            listener,
            capture,
            secrets,
            held: Vec::new(),
            held_since: (Instant::now(), SystemTime::now()),
            sending_since: (Instant::now(), SystemTime::now()),
            segment: SockRef::from(&socket).tcp_mss().ok(),
        })
    }

    /// The socket is about to be given something. That is when it is sent: on one machine, the answer may be there before the call
    /// is back.
    pub fn sending(&mut self) {
        if !self.is_idle() {
            self.sending_since = (Instant::now(), SystemTime::now());
        }
    }

    /// The socket took this, see `sending`.
    pub fn sent(&mut self, bytes: &[u8]) -> Result<()> {
        self.sent += bytes.len() as u64;
        if self.is_idle() {
            return Ok(());
        }
        self.read(Direction::Sent, bytes, self.sending_since)
    }

    /// The socket gave this, and rustls is about to decrypt it where it lies.
    pub fn received(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        if !self.is_idle() {
            self.held.clear();
            self.held.extend_from_slice(bytes);
            self.held_since = (Instant::now(), SystemTime::now());
        }
    }

    /// Rustls has been through what was received last.
    pub fn processed(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let outcome = self.read(Direction::Received, &held, self.held_since);
        self.held = held;
        self.held.clear();
        outcome?;
        self.secrets.written()
    }

    /// The handshake is done and our part of it sent: what comes now is none of its cost.
    pub fn handshake_done(&mut self) {
        self.cost = Some(self.facts.cost(self.sent, self.received, self.segment, true));
        if self.listener.is_none() {
            self.decoder = None;
            self.secrets.forget();
        }
        if self.is_idle() {
            self.held = Vec::new();
        }
    }

    /// One side closed its direction.
    pub fn finished(&mut self, direction: Direction) -> Result<()> {
        self.capture.as_mut().map_or(Ok(()), |capture| capture.finish(end(direction)))
    }

    /// The peer broke the connection. That is the news: it does not matter whether the capture could take it.
    pub fn broken(&mut self) {
        if let Some(capture) = &mut self.capture {
            let _ = capture.reset(End::Server);
        }
    }

    /// Of the handshake, or of as much of it as there was.
    pub fn cost(&self) -> Cost {
        self.cost.clone().unwrap_or_else(|| self.facts.cost(self.sent, self.received, self.segment, false))
    }

    /// Whether the server wanted another hello; None before it answered.
    pub fn hello_retry(&self) -> Option<bool> {
        self.facts.hello_retry
    }

    pub fn certificate_compression(&self) -> Option<CertificateCompression> {
        self.facts.compression.clone()
    }

    fn is_idle(&self) -> bool {
        self.decoder.is_none() && self.capture.is_none()
    }

    fn read(&mut self, direction: Direction, bytes: &[u8], (at, clock): (Instant, SystemTime)) -> Result<()> {
        let at = at.saturating_duration_since(self.begun);
        let in_handshake = self.cost.is_none();
        let mut sightings = Vec::new();
        let (facts, wanted) = (&mut self.facts, self.listener.is_some());
        let mut see = |seen: Seen<'_>| {
            if in_handshake {
                facts.note(direction, &seen, at);
            }
            if wanted {
                sightings.push(Sighting::new(direction, &seen, at));
            }
        };
        if let Some(decoder) = &mut self.decoder {
            decoder.feed(direction, bytes, &mut see);
        }
        if let Some(capture) = &mut self.capture {
            capture.data(end(direction), clock, bytes)?;
        }
        match &mut self.listener {
            Some(listener) if !sightings.is_empty() => listener.saw(&sightings),
            _ => Ok(()),
        }
    }
}

fn end(direction: Direction) -> End {
    match direction {
        Direction::Sent => End::Client,
        Direction::Received => End::Server,
    }
}

#[cfg(test)]
mod tests;
