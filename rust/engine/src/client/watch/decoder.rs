//! Both directions of a session, record by record and message by message, opened with the session's own secrets.

use std::sync::Arc;

use serde::Serialize;

use super::framer::{Assembler, Framer, Message, Record, content};
use super::keys::{Opener, Writer, suites_for_secret};
use super::secrets::Secrets;
use crate::hello::{ClientHello, ServerHello, kind as extension};

pub const TLS13: u16 = 0x0304;

/// Types of handshake messages (RFC 8446 section 4, RFC 8879 section 4, RFC 5246 section 7.4).
pub mod kind {
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 2;
    pub const NEW_SESSION_TICKET: u8 = 4;
    pub const END_OF_EARLY_DATA: u8 = 5;
    pub const CERTIFICATE: u8 = 11;
    pub const CERTIFICATE_VERIFY: u8 = 15;
    pub const FINISHED: u8 = 20;
    pub const KEY_UPDATE: u8 = 24;
    pub const COMPRESSED_CERTIFICATE: u8 = 25;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Sent,
    Received,
}

/// What was seen, in the order of the wire: a record, then what it completed.
pub enum Seen<'a> {
    Record {
        /// Of the content, where it could be opened; else what the record says of itself.
        kind: u8,
        /// On the wire, with its header.
        size: usize,
        encrypted: bool,
    },
    Message(&'a Message),
    Alert {
        level: u8,
        description: u8,
    },
}

/// How much of a connection is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What the server says in the handshake: of the rest, its size is enough.
    Chain,
    /// Every record.
    Everything,
}

/// Reads along with a connection. What it cannot open, it passes over; it never fails.
pub struct Decoder {
    secrets: Arc<Secrets>,
    depth: Depth,
    sent: Half,
    received: Half,
    client_random: [u8; 32],
    agreed: Option<Agreed>,
}

#[derive(Default)]
struct Half {
    framer: Framer,
    assembler: Assembler,
    protection: Protection,
    /// Where it is open when the keys change: those that may be in use already.
    next: Option<Opener>,
}

#[derive(Default)]
enum Protection {
    #[default]
    None,
    Open(Opener),
    /// Under keys that we do not have.
    Closed,
}

#[derive(Clone, Copy)]
struct Agreed {
    version: u16,
    suite: u16,
    server_random: [u8; 32],
}

impl Decoder {
    pub fn new(secrets: Arc<Secrets>, depth: Depth) -> Self {
        let (sent, received) = (Half::default(), Half::default());
        Self { secrets, depth, sent, received, client_random: [0; 32], agreed: None }
    }

    /// Read on, where the secrets for `bytes` are known by now if ever.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], see: &mut dyn FnMut(Seen<'_>)) {
        self.half(direction).framer.push(bytes);
        while let Some(record) = self.half(direction).framer.next() {
            let (encrypted, opened) = self.half(direction).open(&record);
            let kind = opened.as_ref().map_or(record.kind(), |(kind, _)| *kind);
            see(Seen::Record { kind, size: record.size(), encrypted });
            match opened {
                Some((content::CHANGE_CIPHER_SPEC, _)) => self.change_cipher(direction),
                Some((content::ALERT, body)) => {
                    if let [level, description] = body[..] {
                        see(Seen::Alert { level, description });
                    }
                }
                Some((content::HANDSHAKE, body)) => {
                    for message in self.half(direction).assembler.push(&body) {
                        see(Seen::Message(&message));
                        self.follow(direction, &message);
                    }
                }
                _ => {}
            }
        }
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    /// The keys that a message brings into use (RFC 8446 section 4: behind which message which key changes).
    fn follow(&mut self, direction: Direction, message: &Message) {
        match (direction, message.kind) {
            (Direction::Sent, kind::CLIENT_HELLO) => self.client_hello(&message.body),
            (Direction::Received, kind::SERVER_HELLO) => self.server_hello(&message.body),
            (Direction::Sent, kind::END_OF_EARLY_DATA) => self.sent.promote(),
            (_, kind::FINISHED) if self.is_tls13() => {
                let label = match direction {
                    Direction::Sent => "CLIENT_TRAFFIC_SECRET_0",
                    Direction::Received => "SERVER_TRAFFIC_SECRET_0",
                };
                let opener = self.opener(label);
                self.half(direction).protect(opener);
            }
            (_, kind::KEY_UPDATE) if self.is_tls13() => self.half(direction).update(),
            _ => {}
        }
    }

    fn is_tls13(&self) -> bool {
        self.agreed.is_some_and(|agreed| agreed.version == TLS13)
    }

    /// Behind it, there may be early data, under a suite that is said only later.
    fn client_hello(&mut self, body: &[u8]) {
        let Some(hello) = ClientHello::parse(body) else { return };
        self.client_random = hello.random;
        let early = self.secret("CLIENT_EARLY_TRAFFIC_SECRET").filter(|_| hello.offers(extension::EARLY_DATA));
        if let Some(secret) = early {
            let suites = suites_for_secret(&hello.suites, secret.len());
            let mut openers = suites.filter_map(|suite| Opener::tls13(suite, &secret));
            self.sent.protect(openers.next());
            self.sent.next = openers.next();
        }
    }

    fn server_hello(&mut self, body: &[u8]) {
        let Some(hello) = ServerHello::parse(body) else { return };
        if hello.is_retry_request() {
            // Early data is off with it (RFC 8446 section 4.2.10), and the next hello is in the clear.
            self.sent.protection = Protection::None;
            return;
        }
        self.agreed = Some(Agreed { version: hello.version(), suite: hello.suite, server_random: hello.random });
        if self.is_tls13() {
            let opener = self.opener("SERVER_HANDSHAKE_TRAFFIC_SECRET");
            self.received.protect(opener);
            let opener = self.opener("CLIENT_HANDSHAKE_TRAFFIC_SECRET");
            match self.sent.protection {
                // Early data goes on until its end, or stops without one if it is rejected.
                Protection::Open(_) => self.sent.next = opener,
                Protection::None | Protection::Closed => self.sent.protect(opener),
            }
        }
    }

    /// In TLS 1.3 it means nothing (RFC 8446 section 5); in TLS 1.2, everything behind it is encrypted.
    fn change_cipher(&mut self, direction: Direction) {
        let Some(agreed) = self.agreed.filter(|agreed| agreed.version < TLS13) else { return };
        let writer = match direction {
            Direction::Sent => Writer::Client,
            Direction::Received => Writer::Server,
        };
        let master = self.secret("CLIENT_RANDOM");
        let randoms = (&self.client_random, &agreed.server_random);
        let opener = master.and_then(|master| Opener::tls12(agreed.suite, &master, randoms, writer));
        self.half(direction).protect(opener);
    }

    fn opener(&self, label: &str) -> Option<Opener> {
        Opener::tls13(self.agreed?.suite, &self.secret(label)?)
    }

    /// None also for what is not wanted: most of what reading along takes is to derive keys.
    fn secret(&self, label: &str) -> Option<Vec<u8>> {
        let wanted = self.depth == Depth::Everything || label == "SERVER_HANDSHAKE_TRAFFIC_SECRET";
        wanted.then(|| self.secrets.by_label(label))?
    }
}

impl Half {
    fn protect(&mut self, opener: Option<Opener>) {
        self.protection = opener.map_or(Protection::Closed, Protection::Open);
        self.next = None;
    }

    fn promote(&mut self) {
        if let Some(next) = self.next.take() {
            self.protection = Protection::Open(next);
        }
    }

    fn update(&mut self) {
        if let Protection::Open(opener) = &self.protection {
            let successor = opener.successor();
            self.protect(successor);
        }
    }

    /// Whether the record is encrypted, and the type and content of what is in it.
    fn open(&mut self, record: &Record) -> (bool, Option<(u8, Vec<u8>)>) {
        let current = match &mut self.protection {
            Protection::Closed => return (true, None),
            Protection::Open(opener) if opener.is_for(record.kind()) => opener,
            Protection::None | Protection::Open(_) => return (false, Some((record.kind(), record.body.clone()))),
        };
        if let Some(opened) = current.open(record) {
            return (true, Some(opened));
        }
        let opened = self.next.as_mut().and_then(|next| next.open(record));
        if opened.is_some() {
            self.promote();
        }
        (true, opened)
    }
}
