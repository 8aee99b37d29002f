//! A client's connection over a socket: bytes in and out, without ever blocking, and what the connection came to.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown, sockopt};
use rustls::client::danger::ServerCertVerifier;
use rustls::{AlertDescription, Error as TlsError, ProtocolVersion};

use super::config::{ClientConfig, Framing};
use super::greeting::Greeting;
use super::identity::{ClientCertificate, IdentityRequest};
use super::input::Input;
use super::machine::Machine;
use super::resumption::{Offer, Resumable, Tickets};
use super::tds::{self, Unwrapping};
use super::verifier::Recorder;
use super::watch::{Direction, Listener, Watch};
use crate::conn::{Output, Progress};
use crate::wait::{Bounds, wait, wait_one};
use crate::{Error, Result};

/// The peer's end of the connection, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEnd {
    Open,
    /// It said `close_notify`.
    Notified,
    /// It just closed.
    Cut,
}

/// What one look at the socket brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    Bytes(usize),
    Nothing,
}

pub struct Link {
    socket: OwnedFd,
    tls: Machine,
    input: Input,
    pub output: Output,
    watch: Watch,
    verifier: Arc<Recorder>,
    installed: Arc<dyn ServerCertVerifier>,
    identity: Arc<IdentityRequest>,
    /// While the handshake has to be wrapped.
    wrapping: Option<Unwrapping>,
    /// How much of `output` is wrapped.
    wrapped: usize,
    tickets: Arc<Tickets>,
    /// Early data that went out behind the `ClientHello`; None if the peer allowed none.
    early: Option<usize>,
    greeting: Greeting,
    established: bool,
    peer: PeerEnd,
    /// The peer takes nothing any more; what it said before that may still be unread.
    /// This is why: of a reset that sending runs into, the system tells once, and after that only of an end.
    deaf: Option<Errno>,
    notified: bool,
}

impl Link {
    pub fn new(
        config: &ClientConfig,
        socket: OwnedFd,
        offer: &Offer,
        listener: Option<Box<dyn Listener>>,
    ) -> Result<Self> {
        let recorded = config.recorded(offer.resume.as_ref(), offer.early_data.is_some());
        let watch = Watch::new(recorded.secrets, &socket, listener)?;
        let buffered = config.wants_buffers() || offer.early_data.is_some();
        let mut tls = Machine::new(recorded.tls, config.server_name(), buffered)?;
        let early = offer.early_data.as_ref().and_then(|data| tls.write_early(data));
        // A unix socket has no such option, and needs none.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        Ok(Self {
            socket,
            tls,
            input: Input::default(),
            output: Output::default(),
            watch,
            verifier: recorded.verifier,
            installed: recorded.installed,
            identity: recorded.identity,
            wrapping: config.framing().map(|Framing::Tds| Unwrapping::default()),
            wrapped: 0,
            tickets: recorded.tickets,
            early,
            greeting: Greeting::default(),
            established: false,
            peer: PeerEnd::Open,
            deaf: None,
            notified: false,
        })
    }

    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub fn tls(&self) -> &Machine {
        &self.tls
    }

    /// What was seen on the wire.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// All of the handshake is said, on both sides.
    pub fn handshake_done(&mut self) {
        self.watch.handshake_done();
    }

    pub fn identity(&self) -> &IdentityRequest {
        &self.identity
    }

    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// How much early data went out; None if the peer allowed none.
    pub fn early(&self) -> Option<usize> {
        self.early
    }

    /// What the session leaves behind; tickets still to come will be in it.
    pub fn resumable(&self) -> Resumable {
        Resumable {
            tickets: self.tickets.clone(),
            verifier: self.verifier.clone(),
            installed: self.installed.clone(),
            identity: self.identity.clone(),
        }
    }

    pub fn verifier(&self) -> &Recorder {
        &self.verifier
    }

    /// Rustls chooses our certificate before it verifies the peer's: where that ended the handshake, ours has not gone out.
    pub fn client_certificate(&self) -> ClientCertificate {
        match self.identity.outcome() {
            ClientCertificate::Sent if self.verifier.refused().is_some() => ClientCertificate::Requested,
            outcome => outcome,
        }
    }

    pub fn is_established(&self) -> bool {
        self.established
    }

    pub fn peer(&self) -> PeerEnd {
        self.peer
    }

    /// Whether sending is pointless: the peer closed, or we said that nothing will come.
    pub fn is_send_over(&self) -> bool {
        self.deaf.is_some() || self.notified
    }

    /// Make the receive buffer at least this large.
    pub fn reserve(&mut self, size: usize) {
        self.input.reserve(size);
    }

    /// Take in what the socket has, decrypting it where it lies; `plaintext` gets the application data.
    ///
    /// Nothing is lost on an error: the alert that it owes the peer has been sent, as far as the socket took it.
    pub fn receive(&mut self, plaintext: impl FnMut(&[u8])) -> Result<Received> {
        let space = self.input.space()?;
        let most = self.wrapping.as_ref().map_or(space.len(), |wrapping| wrapping.wanted().min(space.len()));
        let space = &mut space[..most];
        let count = match recv(&self.socket, &mut *space, RecvFlags::DONTWAIT) {
            Ok((0, _)) if self.deaf == Some(Errno::CONNRESET) && !self.notified && self.peer == PeerEnd::Open => {
                self.watch.broken();
                return Err(io::Error::from(Errno::CONNRESET).into());
            }
            Ok((0, _)) => {
                self.watch.finished(Direction::Received)?;
                self.peer = if self.peer == PeerEnd::Open { PeerEnd::Cut } else { self.peer };
                return self.ended_early().map_or(Ok(Received::Bytes(0)), Err);
            }
            Ok((count, _)) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(Received::Nothing),
            Err(Errno::CONNRESET | Errno::PIPE) if self.notified => {
                // It did not wait for the rest of an orderly close; what it had to say, it said.
                self.watch.broken();
                self.peer = PeerEnd::Cut;
                return Ok(Received::Bytes(0));
            }
            Err(errno) => {
                self.watch.broken();
                return Err(io::Error::from(errno).into());
            }
        };
        let records = match &mut self.wrapping {
            None => count,
            Some(wrapping) => wrapping.unwrap(&space[..count])?,
        };
        self.watch.received(&space[..records]);
        if let Err(error) = self.greeting.check(&space[..records]) {
            self.watch.processed()?;
            return Err(error);
        }
        self.input.filled(records);
        self.process(plaintext)?;
        Ok(Received::Bytes(count))
    }

    /// Let rustls go on with what is there; without input, that begins the handshake.
    pub fn process(&mut self, plaintext: impl FnMut(&[u8])) -> Result<()> {
        let waiting = self.output.pending().len();
        let (used, outcome) = self.tls.advance(self.input.unread(), &mut self.output, plaintext);
        self.input.used(used);
        self.watch.processed()?;
        if self.wrapping.is_some() {
            // The records are what is watched; their wrapping is of no interest.
            self.watch.sending();
            self.watch.sent(&self.output.pending()[waiting..])?;
            self.output.rewrite(waiting, tds::wrapped);
            self.wrapped = self.output.pending().len();
        }
        match outcome {
            Ok(Progress::Handshaking) => {}
            Ok(Progress::Established) => {
                self.established = true;
                self.wrapping = None;
            }
            Ok(Progress::PeerClosed) => {
                // A server that answers early data may be done with all before it has our last flight.
                self.established |= !self.tls.is_handshaking();
                self.peer = PeerEnd::Notified;
                return self.ended_early().map_or(Ok(()), Err);
            }
            Err(error) => {
                let _ = self.send();
                self.shut_down();
                return Err(self.explain(error));
            }
        }
        Ok(())
    }

    /// Send what the socket takes now. A peer that does not listen is no error here: what it last said tells more.
    pub fn send(&mut self) -> Result<()> {
        while !self.output.is_empty() {
            if self.deaf.is_some() {
                self.output.clear();
                return Ok(());
            }
            self.watch.sending();
            match send(&self.socket, self.output.pending(), send_flags()) {
                Ok(count) => {
                    let wrapped = self.wrapped.min(count);
                    self.wrapped -= wrapped;
                    self.watch.sent(&self.output.pending()[wrapped..count])?;
                    self.output.sent(count);
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno @ (Errno::PIPE | Errno::CONNRESET)) => self.deaf = Some(errno),
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
        }
        Ok(())
    }

    /// Send all that is to be sent.
    pub fn flush(&mut self, bounds: &mut Bounds<'_>) -> Result<()> {
        loop {
            self.send()?;
            if self.output.is_empty() {
                return Ok(());
            }
            wait_one(self.socket.as_fd(), PollFlags::OUT, bounds)?;
        }
    }

    /// Wait until something can be received, or sent if anything waits for that.
    pub fn wait(&self, bounds: &mut Bounds<'_>) -> Result<PollFlags> {
        let sending = if self.output.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN | sending)];
        wait(&mut fds, bounds)?;
        Ok(fds[0].revents())
    }

    /// Encrypt application data; `flush` or `send` brings it out.
    pub fn encrypt(&mut self, data: &[u8]) -> Result<()> {
        self.tls.encrypt(data, self.input.unread(), &mut self.output)
    }

    /// Have both directions go on with new keys; `process` and then `flush` or `send` tell the peer.
    pub fn update_keys(&mut self) -> Result<()> {
        self.tls.update_keys(self.input.unread(), &mut self.output)
    }

    /// Say that nothing more will come from us, once.
    pub fn notify(&mut self) -> Result<()> {
        if !self.is_send_over() {
            self.tls.close_notify(self.input.unread(), &mut self.output)?;
            self.notified = true;
        }
        Ok(())
    }

    /// End our direction of the transport itself.
    pub fn shut_down(&mut self) {
        self.deaf.get_or_insert(Errno::PIPE);
        // Its own error is that of the next packet, if there is one.
        let _ = self.watch.finished(Direction::Sent);
        let _ = shutdown(&self.socket, Shutdown::Write);
    }

    /// What a peer that does not speak TLS says, to the end of its first line, as far as that comes in time.
    pub fn hear_out(&mut self, bounds: &mut Bounds<'_>) -> Error {
        self.greeting.hear_out(self.socket.as_fd(), bounds)
    }

    /// A connection that ended before its handshake did is an error; later, its end is just that.
    fn ended_early(&self) -> Option<Error> {
        // In TLS 1.2 our certificate is out, and judged, before the handshake is done. Node, for one, sends no alert.
        let is_judging = self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_2)
            && self.client_certificate() == ClientCertificate::Sent;
        match (self.established, is_judging) {
            (true, _) => None,
            (false, true) => Some(Error::ClientCertificateRefused { alert: None }),
            (false, false) => Some(Error::ConnectionClosed),
        }
    }

    fn explain(&self, error: TlsError) -> Error {
        if let Some(fault) = self.verifier.refused() {
            return Error::Certificate(fault);
        }
        if let TlsError::AlertReceived(alert) = &error {
            let name = crate::error::alert_name(*alert);
            match self.client_certificate() {
                // To GnuTLS before TLS 1.3, a list without certificates is malformed.
                ClientCertificate::Requested
                    if is_about_certificate(*alert) || *alert == AlertDescription::DecodeError =>
                {
                    return Error::ClientCertificateRequired { alert: name };
                }
                ClientCertificate::Sent if is_about_certificate(*alert) => {
                    return Error::ClientCertificateRefused { alert: Some(name) };
                }
                _ => {}
            }
        }
        match Error::from(error) {
            Error::NotTls { .. } => Error::PeerMisbehaved("the peer broke the protocol: no TLS record".to_owned()),
            error => error,
        }
    }
}

/// The alerts by which servers turn down a client's certificate, or its absence (RFC 8446 section 6.2).
fn is_about_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::HandshakeFailure
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
            | AlertDescription::CertificateRequired
    )
}

fn send_flags() -> SendFlags {
    #[cfg(not(target_vendor = "apple"))]
    let quiet = SendFlags::NOSIGNAL;
    // There, the signal is an option of the socket, and Python ignores it.
    #[cfg(target_vendor = "apple")]
    let quiet = SendFlags::empty();
    quiet | SendFlags::DONTWAIT
}
