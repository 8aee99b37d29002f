//! One enum for everything that a job can end with. The variants carry the facts, the codes are those of `tlstool.errors`.

use std::fmt;
use std::io;

use rustix::io::Errno;
// Not of its stable interface; but the configurations that come with a rejection can be had in no other way.
use rustls::internal::msgs::codec::Codec;
use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError, PeerIncompatible};

use crate::judge::{ChainFault, Why};

/// Why a job failed, told apart by who is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// We are: a bug.
    Internal(String),
    /// The caller is: a spec that makes no sense.
    Usage(String),
    /// The caller is: this backend cannot do what was asked.
    Unsupported(String),
    /// A file of the caller's is.
    Local { code: &'static str, message: String },
    /// A client of ours: it went over a limit that the server has.
    Limit { code: &'static str, message: String },
    /// Nobody: Ctrl-C.
    Interrupted,
    /// The peer, or the network: a limit ran out.
    TimeLimit,
    /// The peer speaks something else; its first bytes tell what.
    NotTls { first_bytes: Vec<u8> },
    /// The peer closed the connection before the handshake was done.
    ConnectionClosed,
    /// The connection broke.
    ConnectionReset(String),
    /// The peer gave up and said why (RFC 8446 section 6).
    AlertReceived { alert: String },
    /// The peer asked for a certificate, got none, and gave up.
    ClientCertificateRequired { alert: String },
    /// The client was asked for a certificate, has shown none, and needs one.
    NoClientCertificate,
    /// The peer did not like our certificate, and said so by an alert, or went without a word.
    ClientCertificateRefused { alert: Option<String> },
    /// The peer has not the key that our Encrypted Client Hello is for. What it wants to be used instead, an `ECHConfigList`,
    /// counts only if its certificate is good for the public name; None if it has no key at all (RFC 9849 section 6.1.6).
    EchRejected { retry: Option<Vec<u8>> },
    /// The peer keeps to TLS, but there is nothing in common.
    PeerIncompatible(String),
    /// The peer's handshake message is larger than anything that makes sense; rustls takes 64 KiB.
    HandshakeTooLarge,
    /// The peer broke a rule of TLS.
    PeerMisbehaved(String),
    /// The peer ended in the middle of what it had announced.
    Truncated(String),
    /// The peer's answer is not the HTTP that was asked for.
    NotHttp(String),
    /// The peer's certificate is bad, and that was to be an error.
    Certificate(ChainFault),
    /// No connection came about.
    NoConnection { refused: bool, message: String },
    /// Not the peer, but the one to whom its connection is forwarded.
    Upstream { address: String, error: Box<Error> },
}

/// Every code of [`Error::code`] and [`ChainFault::code`], and those by which a load counts connections that did not come about.
pub const ERROR_CODES: &[&str] = &[
    "alert-received",
    "bad-certificate",
    "bad-certificate-file",
    "bad-crl",
    "bad-ech-config",
    "bad-key",
    "bad-library",
    "bad-signature",
    "bad-staple",
    "ca-as-leaf",
    "certificate-version",
    "chain-too-complex",
    "client-certificate-refused",
    "client-certificate-required",
    "connection-closed",
    "connection-failed",
    "connection-refused",
    "connection-reset",
    "ech-rejected",
    "expired",
    "file-not-written",
    "file-unreadable",
    "handshake-too-large",
    "internal-error",
    "interrupted",
    "key-mismatch",
    "missing-intermediate",
    "must-staple-missing",
    "name-constraint",
    "name-mismatch",
    "no-certificate",
    "no-key",
    "no-roots",
    "not-a-ca",
    "not-http",
    "not-tls",
    "not-yet-valid",
    "out-of-descriptors",
    "out-of-threads",
    "path-length",
    "peer-incompatible",
    "peer-misbehaved",
    "pin-mismatch",
    "revocation-unknown",
    "revoked",
    "self-signed",
    "time-limit",
    "tlsa-mismatch",
    "too-many-connections",
    "truncated",
    "unknown-critical-extension",
    "unknown-issuer",
    "unknown-name",
    "unsupported",
    "unsupported-key",
    "unsupported-signature",
    "usage",
    "weak-key",
    "weak-signature",
    "wrong-purpose",
];

impl Error {
    pub fn local(code: &'static str, message: impl Into<String>) -> Self {
        Self::Local { code, message: message.into() }
    }

    /// A system call failed that ordinarily does not: for want of descriptors, or we did something wrong.
    pub fn of_system(what: &str, error: io::Error) -> Self {
        let is_want = matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE));
        let message = format!("{what}: {}", reason(error));
        if is_want { Self::local("out-of-descriptors", message) } else { Self::Internal(message) }
    }

    /// The system gave no thread.
    pub fn no_thread(error: io::Error) -> Self {
        Self::local("out-of-threads", format!("a thread cannot be started: {}", reason(error)))
    }

    /// A thread's panic, as `join` or `catch_unwind` gave it.
    pub fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let words =
            panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Internal(format!("the engine panicked: {}", words.unwrap_or("no message")))
    }

    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Internal(_) => "internal-error",
            Self::Usage(_) => "usage",
            Self::Unsupported(_) => "unsupported",
            Self::Local { code, .. } | Self::Limit { code, .. } => code,
            Self::Interrupted => "interrupted",
            Self::TimeLimit => "time-limit",
            Self::NotTls { .. } => "not-tls",
            Self::ConnectionClosed => "connection-closed",
            Self::ConnectionReset(_) => "connection-reset",
            Self::AlertReceived { .. } => "alert-received",
            Self::ClientCertificateRequired { .. } | Self::NoClientCertificate => "client-certificate-required",
            Self::ClientCertificateRefused { .. } => "client-certificate-refused",
            Self::EchRejected { .. } => "ech-rejected",
            Self::PeerIncompatible(_) => "peer-incompatible",
            Self::HandshakeTooLarge => "handshake-too-large",
            Self::PeerMisbehaved(_) => "peer-misbehaved",
            Self::Truncated(_) => "truncated",
            Self::NotHttp(_) => "not-http",
            Self::Certificate(fault) => fault.code(),
            Self::NoConnection { refused: true, .. } => "connection-refused",
            Self::NoConnection { refused: false, .. } => "connection-failed",
            Self::Upstream { error, .. } => error.code(),
        }
    }

    /// The alert that the peer sent, by its IANA name.
    pub fn alert(&self) -> Option<&str> {
        match self {
            Self::AlertReceived { alert } | Self::ClientCertificateRequired { alert } => Some(alert),
            Self::ClientCertificateRefused { alert } => alert.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(message)
            | Self::Usage(message)
            | Self::Unsupported(message)
            | Self::Local { message, .. }
            | Self::Limit { message, .. }
            | Self::ConnectionReset(message)
            | Self::PeerIncompatible(message)
            | Self::PeerMisbehaved(message)
            | Self::Truncated(message)
            | Self::NotHttp(message)
            | Self::NoConnection { message, .. } => f.write_str(message),
            Self::Interrupted => f.write_str("interrupted"),
            Self::TimeLimit => f.write_str("the time limit ran out"),
            Self::NotTls { .. } => f.write_str("the peer's answer is not TLS"),
            Self::ConnectionClosed => f.write_str("the peer closed the connection during the handshake"),
            Self::HandshakeTooLarge => {
                f.write_str("a handshake message of the peer is over 64 KiB, its certificates most likely")
            }
            Self::AlertReceived { alert } => write!(f, "the peer ended the connection with the alert {alert}"),
            Self::ClientCertificateRequired { alert } => {
                write!(f, "the peer wants a client certificate and got none (alert {alert})")
            }
            Self::NoClientCertificate => f.write_str("the client showed no certificate, and one is required"),
            Self::ClientCertificateRefused { alert: Some(alert) } => {
                write!(f, "the peer refused the client certificate (alert {alert})")
            }
            Self::ClientCertificateRefused { alert: None } => {
                f.write_str("the peer closed the connection without a word when it had the client certificate")
            }
            Self::EchRejected { retry: Some(_) } => f.write_str("the peer cannot decrypt the Encrypted Client Hello"),
            Self::EchRejected { retry: None } => f.write_str("the peer does no Encrypted Client Hello"),
            Self::Certificate(fault) => fault.fmt(f),
            Self::Upstream { address, error } => write!(f, "the upstream {address}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// What the system says, as the middle of a sentence: in lower case, without the number that nobody knows by heart.
pub fn reason(error: impl Into<io::Error>) -> String {
    let text = error.into().to_string();
    text.split(" (os error ").next().unwrap_or_default().to_lowercase()
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::ConnectionClosed,
            io::ErrorKind::TimedOut => Self::TimeLimit,
            _ => Self::ConnectionReset(format!("the connection broke: {}", reason(error))),
        }
    }
}

impl From<rustls::Error> for Error {
    fn from(error: rustls::Error) -> Self {
        use rustls::Error as Tls;
        match error {
            Tls::AlertReceived(alert) => Self::AlertReceived { alert: alert_name(alert) },
            Tls::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(configs)) => {
                Self::EchRejected { retry: configs.map(|configs| configs.get_encoding()) }
            }
            Tls::PeerIncompatible(why) => Self::PeerIncompatible(incompatibility(&why)),
            Tls::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => Self::HandshakeTooLarge,
            Tls::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls { first_bytes: Vec::new() },
            Tls::PeerMisbehaved(why) => {
                Self::PeerMisbehaved(format!("the peer broke the protocol: {}", spelled_out(&format!("{why:?}"))))
            }
            Tls::InvalidMessage(_)
            | Tls::InappropriateMessage { .. }
            | Tls::InappropriateHandshakeMessage { .. }
            | Tls::DecryptError
            | Tls::PeerSentOversizedRecord
            | Tls::NoApplicationProtocol
            | Tls::NoCertificatesPresented => Self::PeerMisbehaved(format!("the peer broke the protocol: {error}")),
            Tls::InvalidCertificate(CertificateError::BadSignature) => {
                Self::Certificate(Why::BadHandshakeSignature.of_leaf())
            }
            Tls::InvalidCertificate(CertificateError::Other(OtherError(why))) if why.is::<ChainFault>() => {
                let found = why.downcast_ref::<ChainFault>().cloned();
                Self::Certificate(found.unwrap_or_else(|| Why::BadHandshakeSignature.of_leaf()))
            }
            Tls::InvalidCertificate(why) => Self::Certificate(Why::BadCertificate(format!("{why}")).of_leaf()),
            _ => Self::Internal(error.to_string()),
        }
    }
}

/// What two ends that both speak TLS have not in common.
fn incompatibility(why: &PeerIncompatible) -> String {
    let words = match why {
        PeerIncompatible::NoCipherSuitesInCommon => "no cipher suite is in common",
        PeerIncompatible::NoKxGroupsInCommon => "no key exchange group is in common",
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => "no signature scheme is in common",
        PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "the peer speaks no TLS version that is allowed here"
        }
        PeerIncompatible::ServerDoesNotSupportTls12Or13 => "the peer speaks neither TLS 1.2 nor TLS 1.3",
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => "the peer offers no TLS version that is allowed here",
        PeerIncompatible::IncorrectCertificateTypeExtension => {
            "a raw public key (RFC 7250) is all that one side has, and the other does not take it"
        }
        other => return format!("the peer is not compatible: {}", spelled_out(&format!("{other:?}"))),
    };
    words.to_owned()
}

/// `MissingKeyShare` as `missing key share`: rustls has no other words for it.
fn spelled_out(variant: &str) -> String {
    let mut words = String::with_capacity(variant.len() + 8);
    for (i, c) in variant.chars().enumerate() {
        if i > 0 && c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// The name of an alert in IANA's registry: `handshake_failure`, or `alert 123`.
pub fn alert_name(alert: AlertDescription) -> String {
    // Where Rustls spells otherwise than the registry.
    match alert {
        AlertDescription::UnrecognisedName => return "unrecognized_name".to_owned(),
        AlertDescription::UnknownPSKIdentity => return "unknown_psk_identity".to_owned(),
        AlertDescription::EncryptedClientHelloRequired => return "ech_required".to_owned(),
        _ => {}
    }
    let debug = format!("{alert:?}");
    if debug.contains('(') {
        return format!("alert {}", u8::from(alert));
    }
    let mut name = String::with_capacity(debug.len() + 4);
    for (i, c) in debug.chars().enumerate() {
        // `UnknownCA` is `unknown_ca`: an upper-case letter begins a word only behind a lower-case one.
        if i > 0 && c.is_ascii_uppercase() && debug.as_bytes()[i - 1].is_ascii_lowercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests;
