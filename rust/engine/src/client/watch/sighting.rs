//! What was seen, in words for people: one line a record, one a message.

use std::time::Duration;

use rustls::{AlertDescription, CipherSuite, NamedGroup, SignatureScheme};
use serde::Serialize;

use super::cost::compression;
use super::decoder::{Direction, Seen, kind};
use super::framer::{Message, content};
use crate::error::alert_name;
use crate::hello::{ClientHello, Reader, ServerHello, is_grease};
use crate::provider::{group_name, scheme_name, suite_name};

/// `tlstool.events.WireEvent`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sighting {
    pub direction: Direction,
    pub layer: Layer,
    pub name: String,
    pub size: usize,
    pub detail: Option<String>,
    pub elapsed_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Record,
    Message,
}

impl Sighting {
    pub fn new(direction: Direction, seen: &Seen<'_>, at: Duration) -> Self {
        let (layer, name, size, detail) = match seen {
            Seen::Record { kind, size, encrypted } => {
                (Layer::Record, content_name(*kind), *size, encrypted.then(|| "encrypted".to_owned()))
            }
            Seen::Message(message) => (Layer::Message, message_name(message), message.size, described(message)),
            Seen::Alert { level, description } => {
                let level = match level {
                    1 => "warning".to_owned(),
                    2 => "fatal".to_owned(),
                    other => format!("level {other}"),
                };
                let name = alert_name(AlertDescription::from(*description));
                (Layer::Message, "Alert".to_owned(), 2, Some(format!("{level} {name}")))
            }
        };
        Self { direction, layer, name, size, detail, elapsed_ms: at.as_secs_f64() * 1e3 }
    }
}

fn content_name(kind: u8) -> String {
    match kind {
        content::CHANGE_CIPHER_SPEC => "change_cipher_spec".to_owned(),
        content::ALERT => "alert".to_owned(),
        content::HANDSHAKE => "handshake".to_owned(),
        content::APPLICATION_DATA => "application_data".to_owned(),
        content::HEARTBEAT => "heartbeat".to_owned(),
        other => format!("type {other}"),
    }
}

/// By the names of the structures in the RFCs.
fn message_name(message: &Message) -> String {
    let name = match message.kind {
        0 => "HelloRequest",
        kind::CLIENT_HELLO => "ClientHello",
        kind::SERVER_HELLO if is_retry_request(message) => "HelloRetryRequest",
        kind::SERVER_HELLO => "ServerHello",
        kind::NEW_SESSION_TICKET => "NewSessionTicket",
        kind::END_OF_EARLY_DATA => "EndOfEarlyData",
        8 => "EncryptedExtensions",
        kind::CERTIFICATE => "Certificate",
        12 => "ServerKeyExchange",
        13 => "CertificateRequest",
        14 => "ServerHelloDone",
        kind::CERTIFICATE_VERIFY => "CertificateVerify",
        16 => "ClientKeyExchange",
        kind::FINISHED => "Finished",
        22 => "CertificateStatus",
        kind::KEY_UPDATE => "KeyUpdate",
        kind::COMPRESSED_CERTIFICATE => "CompressedCertificate",
        other => return format!("handshake message {other}"),
    };
    name.to_owned()
}

fn is_retry_request(message: &Message) -> bool {
    ServerHello::parse(&message.body).is_some_and(|hello| hello.is_retry_request())
}

/// What matters of its contents.
fn described(message: &Message) -> Option<String> {
    let mut body = Reader::new(&message.body);
    match message.kind {
        kind::CLIENT_HELLO => ClientHello::parse(&message.body).map(|hello| client_hello(&hello)),
        kind::SERVER_HELLO => ServerHello::parse(&message.body).map(|hello| server_hello(&hello)),
        // The lifetime stands first in both versions (RFC 8446 section 4.6.1, RFC 5077 section 3.3).
        kind::NEW_SESSION_TICKET => body.u32().map(|seconds| format!("lifetime {seconds} s")),
        kind::CERTIFICATE_VERIFY => body.u16().map(|scheme| scheme_name(SignatureScheme::from(scheme))),
        kind::KEY_UPDATE => match body.u8()? {
            0 => Some("update_not_requested".to_owned()),
            1 => Some("update_requested".to_owned()),
            _ => None,
        },
        kind::COMPRESSED_CERTIFICATE => {
            compression(&message.body).map(|done| format!("{}, {} B saved", done.algorithm, done.saved_bytes))
        }
        _ => None,
    }
}

fn client_hello(hello: &ClientHello<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let versions = meant(hello.versions()).map(version).collect::<Vec<_>>();
    let shares = hello.key_shares().into_iter().map(|(group, _)| group).collect();
    let shares = meant(shares).map(|group| group_name(NamedGroup::from(group))).collect::<Vec<_>>();
    let protocols = hello.alpn().into_iter().map(text).collect::<Vec<_>>();
    let parts = [
        Some(format!("TLS {}", versions.join(" "))).filter(|_| !versions.is_empty()),
        hello.server_name().map(|name| format!("SNI {}", text(name))),
        Some(format!("ALPN {}", protocols.join(" "))).filter(|_| !protocols.is_empty()),
        Some(format!("key shares {}", shares.join(" "))).filter(|_| !shares.is_empty()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn server_hello(hello: &ServerHello<'_>) -> String {
    let mut words = format!("TLS {}, {}", version(hello.version()), suite_name(CipherSuite::from(hello.suite)));
    if let Some(group) = hello.group() {
        words += if hello.is_retry_request() { ", asks for " } else { ", " };
        words += &group_name(NamedGroup::from(group));
    }
    if hello.selects_psk() {
        words += ", resumed";
    }
    words
}

fn meant(values: Vec<u16>) -> impl Iterator<Item = u16> {
    values.into_iter().filter(|value| !is_grease(*value))
}

fn version(number: u16) -> String {
    match number {
        0x0301 => "1.0".to_owned(),
        0x0302 => "1.1".to_owned(),
        0x0303 => "1.2".to_owned(),
        0x0304 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}
