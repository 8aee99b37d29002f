//! What a site does wrong on purpose, made ready once: when it turns away from TLS, how slowly it speaks, what it leaves out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Deserialize;

use crate::{Error, Result};

/// `tlstool.misconduct.Misconduct`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MisconductSpec {
    pub at: Option<Moment>,
    pub sent: u64,
    #[serde(with = "serde_bytes")]
    pub say: Vec<u8>,
    pub then: Then,
    pub share: (u64, u64),
    pub delay_ms: u64,
    pub piece: Option<usize>,
    pub truncate: bool,
    pub record_size: Option<usize>,
    pub demand_certificate: bool,
}

/// How far a connection has come, in that order; but for the last one, which is asked of its [`Pace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    Accept,
    /// The client has said something.
    Bytes,
    /// The client's hello was understood, and is about to be answered.
    Hello,
    Handshake,
    /// So many bytes have gone out.
    Sent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    Close,
    Reset,
    /// The connection stays open, and nothing is read or said.
    Hold,
}

/// How a connection leaves TLS.
#[derive(Debug)]
pub struct Act {
    pub at: Moment,
    /// In place of TLS.
    pub say: Vec<u8>,
    pub then: Then,
}

impl Act {
    /// Whether its moment has come. `spent` says that the connection's [`Pace`] lets nothing more out.
    pub fn is_due(&self, reached: Moment, spent: bool) -> bool {
        if self.at == Moment::Sent { spent } else { self.at <= reached }
    }
}

#[derive(Default)]
pub struct Misconduct {
    act: Option<Arc<Act>>,
    /// The bytes after which `act` is due, where it goes by them.
    sent: u64,
    share: (u64, u64),
    connections: AtomicU64,
    delay: Duration,
    piece: Option<usize>,
    /// Sessions end without `close_notify`.
    pub truncate: bool,
    pub record_size: Option<usize>,
    pub demand_certificate: bool,
}

impl Misconduct {
    pub fn new(spec: &MisconductSpec) -> Result<Self> {
        let (some, of) = spec.share;
        if some > of || of == 0 {
            return Err(Error::Usage(format!("share is {some} of {of}, which is none")));
        }
        // Without a delay, nothing would tell when to send the next piece.
        if spec.piece.is_some_and(|piece| piece == 0 || spec.delay_ms == 0) {
            return Err(Error::Usage("pieces have to have a byte, and a delay between them".to_owned()));
        }
        let act = spec.at.map(|at| Arc::new(Act { at, say: spec.say.clone(), then: spec.then }));
        Ok(Self {
            act,
            sent: spec.sent,
            share: spec.share,
            connections: AtomicU64::new(0),
            delay: Duration::from_millis(spec.delay_ms),
            piece: spec.piece,
            truncate: spec.truncate,
            record_size: spec.record_size,
            demand_certificate: spec.demand_certificate,
        })
    }

    /// How the next connection leaves TLS; None if it does not.
    pub fn next_act(&self) -> Option<Arc<Act>> {
        let act = self.act.as_ref()?;
        let (some, of) = self.share;
        (self.connections.fetch_add(1, Ordering::Relaxed) % of < some).then(|| Arc::clone(act))
    }

    /// How a connection with this act speaks; None if it does so as fast as it can, and without an end.
    pub fn pace(&self, act: Option<&Act>) -> Option<Box<Pace>> {
        let left = act.filter(|act| act.at == Moment::Sent).map(|_| self.sent);
        let is_usual = left.is_none() && self.delay.is_zero();
        let piece = self.piece.unwrap_or(usize::MAX);
        (!is_usual).then(|| Box::new(Pace { left, delay: self.delay, piece, next: None, held: Duration::ZERO }))
    }
}

/// How slowly a connection's bytes go out, and how many of them.
#[derive(Debug)]
pub struct Pace {
    /// What may still go out; None for any number.
    left: Option<u64>,
    /// Before each write.
    delay: Duration,
    /// Bytes in a write.
    piece: usize,
    /// When the next write may be; None for at any time.
    next: Option<Instant>,
    /// What all delays come to.
    held: Duration,
}

impl Pace {
    /// There is something to send, after nothing was.
    pub fn begin(&mut self, now: Instant) {
        if !self.delay.is_zero() {
            self.next = Some(now + self.delay);
            self.held += self.delay;
        }
    }

    /// How many of `size` bytes may be written now.
    pub fn allowance(&self, size: usize, now: Instant) -> usize {
        if self.next.is_some_and(|next| now < next) {
            return 0;
        }
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        size.min(self.piece).min(left)
    }

    /// So many bytes have been written.
    pub fn wrote(&mut self, count: usize, now: Instant) {
        self.left = self.left.map(|left| left.saturating_sub(count as u64));
        self.begin(now);
    }

    /// The socket took nothing: it says itself when it does.
    pub fn blocked(&mut self) {
        self.next = None;
    }

    pub fn is_spent(&self) -> bool {
        self.left == Some(0)
    }

    /// When the next write may be, if that is a matter of time.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// By how much limits are to be longer.
    pub fn held(&self) -> Duration {
        self.held
    }
}

/// Demands a certificate of clients, and takes none.
#[derive(Debug)]
pub struct Demanding(WebPkiSupportedAlgorithms);

impl Demanding {
    pub fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for Demanding {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> std::result::Result<ClientCertVerified, rustls::Error> {
        Err(CertificateError::UnknownIssuer.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn spec() -> MisconductSpec {
        MisconductSpec {
            at: None,
            sent: 0,
            say: Vec::new(),
            then: Then::Close,
            share: (1, 1),
            delay_ms: 0,
            piece: None,
            truncate: false,
            record_size: None,
            demand_certificate: false,
        }
    }

    #[test]
    fn a_site_without_a_fault_costs_its_connections_nothing() {
        for usual in [Misconduct::default(), Misconduct::new(&spec()).unwrap()] {
            assert!(usual.next_act().is_none());
            assert!(usual.pace(None).is_none());
        }
    }

    #[test]
    fn of_so_many_connections_the_first_few_are_treated_so() {
        let refusing = MisconductSpec { at: Some(Moment::Accept), share: (2, 3), ..spec() };
        let refusing = Misconduct::new(&refusing).unwrap();
        let seen: Vec<bool> = (0..6).map(|_| refusing.next_act().is_some()).collect();
        assert_eq!(seen, [true, true, false, true, true, false]);
    }

    #[test]
    fn a_share_or_a_piece_of_nothing_is_refused() {
        for share in [(1, 0), (0, 0), (3, 2)] {
            assert!(Misconduct::new(&MisconductSpec { share, ..spec() }).is_err());
        }
        assert!(Misconduct::new(&MisconductSpec { piece: Some(0), delay_ms: 1, ..spec() }).is_err());
        assert!(Misconduct::new(&MisconductSpec { piece: Some(1), ..spec() }).is_err());
    }

    #[test]
    fn an_act_is_due_from_its_moment_on_and_one_that_counts_bytes_once_they_are_gone() {
        let act = |at| Act { at, say: Vec::new(), then: Then::Close };
        assert!(!act(Moment::Hello).is_due(Moment::Bytes, true));
        assert!(act(Moment::Hello).is_due(Moment::Hello, false));
        assert!(act(Moment::Bytes).is_due(Moment::Hello, false));
        assert!(!act(Moment::Sent).is_due(Moment::Handshake, false));
        assert!(act(Moment::Sent).is_due(Moment::Accept, true));
    }

    #[test]
    fn a_pace_lets_pieces_out_one_delay_apart_until_it_is_spent() {
        let slow = MisconductSpec { at: Some(Moment::Sent), sent: 5, delay_ms: 10, piece: Some(3), ..spec() };
        let slow = Misconduct::new(&slow).unwrap();
        let mut pace = slow.pace(slow.next_act().as_deref()).unwrap();
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        pace.begin(start);
        assert_eq!((pace.allowance(100, start), pace.next()), (0, Some(after(10))));
        assert_eq!(pace.allowance(100, after(10)), 3);
        pace.wrote(3, after(10));
        assert_eq!((pace.allowance(100, after(19)), pace.allowance(100, after(20))), (0, 2));
        pace.blocked();
        assert_eq!((pace.allowance(1, after(11)), pace.next()), (1, None));
        assert!(!pace.is_spent());
        pace.wrote(2, after(20));
        assert!(pace.is_spent());
        assert_eq!(pace.allowance(100, after(99)), 0);
        assert_eq!(pace.held(), Duration::from_millis(30));
    }
}
