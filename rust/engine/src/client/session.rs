//! A client's session: the handshake with its report, then bytes both ways, then an orderly end.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustls::HandshakeKind;
use serde::Serialize;

use super::config::ClientConfig;
use super::ech::EchReport;
use super::identity::{ClientCertificate, ClientRequest};
use super::link::{Link, PeerEnd, Received};
use super::plan::{Outcome, RelayPlan};
use super::relay::Relay;
use super::resumption::{EarlyData, Offer, Resumable, TicketCount};
use super::watch::{CertificateCompression, Cost, Listener};
use crate::certs::{self, Certificate};
use crate::judge::{Staple, Trust};
use crate::provider::{group_name, is_hybrid, scheme_name, suite_name, version_name};
use crate::wait::{Bounds, Interrupt, TimeLimit};
use crate::{Error, Result, sys};

/// How long a TLS 1.3 server may take to refuse our certificate, which it does after our handshake is done; or twice as long as
/// that took, where this is more.
const REFUSAL: Duration = Duration::from_millis(250);
/// How long a peer that does not speak TLS gets to end the line that says what it speaks.
const GREETING: Duration = Duration::from_millis(250);
/// How much is encrypted at a time, and how much is kept of what arrives while we send.
const CHUNK: usize = 256 * 1024;
const PENDING: usize = 1024 * 1024;

/// `tlstool.model.Handshake`.
#[derive(Debug, Clone, Serialize)]
pub struct Handshake {
    pub tls: Option<&'static str>,
    pub suite: Option<String>,
    pub group: Option<String>,
    pub hybrid: Option<bool>,
    pub hello_retry: Option<bool>,
    pub signature_scheme: Option<String>,
    pub alpn: Option<String>,
    pub sni: Option<String>,
    pub kind: Option<&'static str>,
    pub certificates: Vec<Certificate>,
    pub staple: Option<Staple>,
    pub certificate_compression: Option<CertificateCompression>,
    pub client_certificate: Option<ClientCertificate>,
    pub cost: Option<Cost>,
    pub client_request: Option<ClientRequest>,
    pub tickets: Option<TicketCount>,
    pub early_data_limit: Option<u32>,
    pub ech: Option<EchReport>,
    pub trust: Trust,
}

/// Why there is no session, and what was seen until then; None if that is nothing.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    pub handshake: Option<Box<Handshake>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, handshake: None }
    }
}

/// A session whose handshake is done, whatever the verdict on the peer.
pub struct Session {
    link: Link,
    handshake: Handshake,
    offered_early: bool,
    /// Application data that arrived and was not asked for yet.
    pending: Vec<u8>,
    has_sent: bool,
}

/// Handshake over a connected socket, of which the session keeps a duplicate, within so many seconds; `listener` hears of all
/// that goes over it, as long as the session lasts.
pub fn connect(
    config: &ClientConfig,
    fd: RawFd,
    offer: &Offer,
    seconds: Option<f64>,
    listener: Option<Box<dyn Listener>>,
    interrupt: &dyn Interrupt,
) -> std::result::Result<Session, Failure> {
    let limit = TimeLimit::after(seconds);
    let socket = sys::duplicate(fd).map_err(|error| Error::Usage(format!("descriptor {fd}: {error}")))?;
    let mut link = Link::new(config, socket, offer, listener)?;
    let mut pending = Vec::new();
    match shake_hands(&mut link, &mut pending, limit, interrupt) {
        Ok(certificate) => {
            let handshake = report(config, &link, certificate, None);
            Ok(Session { link, handshake, offered_early: offer.early_data.is_some(), pending, has_sent: false })
        }
        Err(error) => {
            let error = match error {
                Error::NotTls { .. } => link.hear_out(&mut Bounds::new(limit.at_most(GREETING), interrupt)),
                error => error,
            };
            let retry = if let Error::EchRejected { retry } = &error { retry.as_deref() } else { None };
            let handshake = report(config, &link, link.client_certificate(), retry);
            let seen = handshake.tls.is_some() || !handshake.certificates.is_empty();
            Err(Failure { error, handshake: seen.then(|| Box::new(handshake)) })
        }
    }
}

impl Session {
    /// What it knows of tickets is complete once the session is closed.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    pub fn resumable(&self) -> Resumable {
        self.link.resumable()
    }

    /// None if there was none to send.
    pub fn early_data(&self) -> Option<EarlyData> {
        let accepted = self.link.early().map(|_| self.link.tls().is_early_data_accepted());
        self.offered_early.then(|| EarlyData { sent: self.link.early(), accepted })
    }

    /// Keying material (RFC 8446 section 7.5); only where the configuration announced it.
    pub fn export(&self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>> {
        self.link.tls().export(label, context, length)
    }

    /// Go on with new keys in both directions (RFC 8446 section 4.6.3). The session has to be of TLS 1.3.
    pub fn update_keys(&mut self, seconds: Option<f64>, interrupt: &dyn Interrupt) -> Result<()> {
        let pending = &mut self.pending;
        self.link.update_keys()?;
        self.link.process(|data| pending.extend_from_slice(data))?;
        self.link.flush(&mut Bounds::new(TimeLimit::after(seconds), interrupt))
    }

    /// Up to `limit` bytes of application data, none at the peer's end.
    pub fn read(&mut self, limit: usize, seconds: Option<f64>, interrupt: &dyn Interrupt) -> Result<Vec<u8>> {
        let mut bounds = Bounds::new(TimeLimit::after(seconds), interrupt);
        while self.pending.is_empty() && self.link.peer() == PeerEnd::Open && limit > 0 {
            if !self.take_in()? {
                self.link.wait(&mut bounds)?;
            } else if self.pending.is_empty() {
                bounds.check()?;
            }
        }
        let rest = self.pending.split_off(limit.min(self.pending.len()));
        Ok(std::mem::replace(&mut self.pending, rest))
    }

    /// Send all of `data`. What arrives meanwhile is kept for `read`, up to 1 MiB of it.
    pub fn write(&mut self, data: &[u8], seconds: Option<f64>, interrupt: &dyn Interrupt) -> Result<()> {
        let mut bounds = Bounds::new(TimeLimit::after(seconds), interrupt);
        for chunk in data.chunks(CHUNK) {
            if self.link.is_send_over() {
                return Err(Error::ConnectionReset("the peer takes no more data".to_owned()));
            }
            self.has_sent = true;
            self.link.encrypt(chunk)?;
            self.link.send()?;
            while !self.link.output.is_empty() {
                if self.pending.len() >= PENDING || self.link.peer() != PeerEnd::Open {
                    self.link.flush(&mut bounds)?;
                } else if self.link.wait(&mut bounds)?.intersects(PollFlags::IN | PollFlags::HUP) {
                    self.take_in()?;
                }
                self.link.send()?;
            }
        }
        Ok(())
    }

    /// Move bytes both ways; see [`Relay::run`].
    pub fn relay(&mut self, plan: &RelayPlan, seconds: Option<f64>, interrupt: &dyn Interrupt) -> Result<Outcome> {
        self.has_sent = true;
        let pending = std::mem::take(&mut self.pending);
        Relay::new(&mut self.link, plan, TimeLimit::after(seconds))?.run(&plan.early, &pending, interrupt)
    }

    /// Say `close_notify` and wait for the peer's end, so that what it still sends does not turn our close into a reset, which
    /// would throw away what it has not read. A peer that got no data has nothing to lose, and gets a quarter of a second.
    ///
    /// Fails only if it is interrupted: nobody is left to mind anything else.
    pub fn close(&mut self, seconds: f64, interrupt: &dyn Interrupt) -> Result<()> {
        self.finish(if self.has_sent { seconds } else { seconds.min(REFUSAL.as_secs_f64()) }, interrupt)
    }

    /// The same with all of that time for the peer, which may have tickets to send.
    pub fn finish(&mut self, seconds: f64, interrupt: &dyn Interrupt) -> Result<()> {
        let outcome = self.say_goodbye(&mut Bounds::new(TimeLimit::after(Some(seconds)), interrupt));
        (self.handshake.tickets, self.handshake.early_data_limit) = tickets(&self.link);
        match outcome {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }

    fn say_goodbye(&mut self, bounds: &mut Bounds<'_>) -> Result<()> {
        self.link.notify()?;
        self.link.flush(bounds)?;
        self.link.shut_down();
        while self.link.peer() == PeerEnd::Open {
            match self.link.receive(|_| ())? {
                Received::Nothing => drop(self.link.wait(bounds)?),
                Received::Bytes(_) => bounds.check()?,
            }
        }
        Ok(())
    }

    /// Whether anything was there to take in.
    fn take_in(&mut self) -> Result<bool> {
        let pending = &mut self.pending;
        let received = self.link.receive(|data| pending.extend_from_slice(data))?;
        self.link.send()?;
        Ok(received != Received::Nothing)
    }
}

/// What became of our certificate, once all is done that can be.
fn shake_hands(
    link: &mut Link,
    pending: &mut Vec<u8>,
    limit: TimeLimit,
    interrupt: &dyn Interrupt,
) -> Result<ClientCertificate> {
    let begun = Instant::now();
    let mut bounds = Bounds::new(limit, interrupt);
    link.process(|_| ())?;
    loop {
        link.flush(&mut bounds)?;
        if link.is_established() {
            break;
        }
        match link.receive(|data| pending.extend_from_slice(data))? {
            Received::Nothing => drop(link.wait(&mut bounds)?),
            Received::Bytes(_) => bounds.check()?,
        }
    }
    link.handshake_done();
    let certificate = link.client_certificate();
    if certificate == ClientCertificate::NotRequested {
        return Ok(certificate);
    }
    // In TLS 1.2, the server has seen all before it is done.
    let mut is_accepted = true;
    if link.tls().protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3) {
        let patience = REFUSAL.max(2 * begun.elapsed());
        is_accepted = match await_acceptance(link, pending, &mut Bounds::new(limit.at_most(patience), interrupt)) {
            Err(Error::TimeLimit) => false,
            outcome => outcome?,
        };
        if certificate == ClientCertificate::Sent && !is_accepted && link.peer() == PeerEnd::Cut {
            return Err(Error::ClientCertificateRefused { alert: None });
        }
    }
    Ok(if certificate == ClientCertificate::Sent && is_accepted { ClientCertificate::Accepted } else { certificate })
}

/// In TLS 1.3 the server judges our certificate, or its absence, when the client is done already. A ticket or data means that it
/// accepts; an alert is an error, and an orderly end says nothing.
fn await_acceptance(link: &mut Link, pending: &mut Vec<u8>, bounds: &mut Bounds<'_>) -> Result<bool> {
    // Data may come before our certificate has gone out (RFC 8446 section 2); tickets may not (section 4.6.1).
    let before = pending.len();
    let has_answered = |link: &Link, pending: &[u8]| pending.len() > before || link.tls().tls13_tickets_received() > 0;
    while !has_answered(link, pending) && link.peer() == PeerEnd::Open {
        link.wait(bounds)?;
        link.receive(|data| pending.extend_from_slice(data))?;
        // An answer to a key update, say.
        link.send()?;
    }
    Ok(has_answered(link, pending))
}

/// The tickets that came, and what early data they allow. That there are none is known only once the peer has ended.
fn tickets(link: &Link) -> (Option<TicketCount>, Option<u32>) {
    let tickets = link.tickets();
    let count = tickets.received();
    let is_over =
        link.peer() != PeerEnd::Open || link.tls().protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2);
    if !link.is_established() || (count == 0 && !is_over) {
        return (None, None);
    }
    (Some(TicketCount { count, lifetime_s: None }), (count > 0).then(|| tickets.early_data_limit()))
}

fn report(config: &ClientConfig, link: &Link, certificate: ClientCertificate, ech_retry: Option<&[u8]>) -> Handshake {
    let tls = link.tls();
    let shown = link.verifier().shown();
    let judge = link.verifier().judge(&shown);
    let is_resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
    let (tickets, early_data_limit) = tickets(link);
    Handshake {
        tls: tls.protocol_version().map(version_name),
        suite: tls.negotiated_cipher_suite().map(|suite| suite_name(suite.suite())),
        group: tls.negotiated_key_exchange_group().map(|group| group_name(group.name())),
        hybrid: tls.negotiated_key_exchange_group().map(|group| is_hybrid(group.name())),
        hello_retry: link.watch().hello_retry(),
        // Nobody signed a handshake that is resumed.
        signature_scheme: shown.scheme.filter(|_| !is_resumed).map(scheme_name),
        alpn: tls.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        sni: config.sni(),
        kind: tls.handshake_kind().map(|kind| match kind {
            HandshakeKind::Full => "full",
            HandshakeKind::FullWithHelloRetryRequest => "full_with_retry",
            HandshakeKind::Resumed => "resumed",
        }),
        certificates: certs::summaries(&shown.chain, judge.moment()),
        staple: shown.judgement.as_ref().and_then(|judgement| judgement.staple.clone()),
        // That a certificate is not asked for is known only at the end.
        client_certificate: Some(certificate)
            .filter(|outcome| link.is_established() || *outcome != ClientCertificate::NotRequested),
        certificate_compression: link.watch().certificate_compression(),
        cost: Some(link.watch().cost()),
        client_request: link.identity().request(),
        tickets,
        early_data_limit,
        ech: config.ech().map(|ech| ech.report(tls.ech_status(), config.sni(), ech_retry)),
        trust: judge.trust(shown.judgement.as_ref()),
    }
}

#[cfg(test)]
mod tests;
