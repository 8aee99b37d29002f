//! The connection to an upstream: a state machine like the client's, which is given turns and never waits.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Registry, Token};
use rustls::client::UnbufferedClientConnection;

use super::super::turn::{Buffers, MAX_PARTIAL, READ, keep};
use super::super::wire::Wire;
use super::Target;
use crate::conn::{self, MAX_RECORD, Output, Progress};
use crate::error::reason;
use crate::{Error, Result};

/// How long a Unix socket whose queue is full is left alone: nothing tells when there is room in it.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On the way to one of the addresses.
    Connecting,
    /// Shaking hands: only where there is TLS behind, too.
    Handshake,
    Open,
}

/// Where a socket's events go.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    pub registry: &'a Registry,
    pub token: Token,
    pub now: Instant,
}

/// What one read came to.
pub enum Heard<'a> {
    Nothing,
    /// Plaintext, which may be empty.
    Data(&'a [u8]),
    /// It has ended its direction.
    End(End),
}

/// How an upstream ended its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By `close_notify`.
    Notify,
    /// By the end of a connection without TLS: there is no surer one.
    Plain,
    /// By the end of a connection with TLS, without `close_notify`: something may be missing.
    CutOff,
}

pub struct Upstream {
    target: Arc<Target>,
    stage: Stage,
    /// The address that is tried, or that was reached.
    place: usize,
    /// When the attempt, or the handshake, has taken too long.
    until: Instant,
    /// When all attempts together have.
    deadline: Instant,
    /// When the same address is to be tried again.
    retry: Option<Instant>,
    wire: Option<Wire>,
    tls: Option<Box<UnbufferedClientConnection>>,
    /// The application protocol that was agreed on with the client.
    alpn: Option<Vec<u8>>,
    /// What goes before everything else, TLS included.
    header: Vec<u8>,
    /// Bytes of an incomplete record.
    partial: Vec<u8>,
    /// What the client said before anybody was there to hear it.
    early: Vec<u8>,
    /// What the upstream said together with the end of its handshake.
    answered_early: Vec<u8>,
    /// The socket may have something: events tell only of what is new.
    is_readable: bool,
    /// An event told of the end of the TCP connection; there may be bytes before it.
    is_end_announced: bool,
    /// How it has ended its direction.
    end: Option<End>,
    is_over: bool,
}

impl Upstream {
    /// For a client that has agreed on `alpn`, and has said `early` already; `header` goes before everything else.
    pub fn new(target: Arc<Target>, alpn: Option<&[u8]>, header: Vec<u8>, early: Vec<u8>, now: Instant) -> Self {
        let deadline = now + target.limit;
        Self {
            target,
            stage: Stage::Connecting,
            place: 0,
            until: deadline,
            deadline,
            retry: None,
            wire: None,
            tls: None,
            alpn: alpn.map(<[u8]>::to_vec),
            header,
            partial: Vec::new(),
            early,
            answered_early: Vec::new(),
            is_readable: true,
            is_end_announced: false,
            end: None,
            is_over: false,
        }
    }

    /// Begin to connect.
    pub fn connect(&mut self, link: Link<'_>) -> Result<()> {
        self.dial(link)
    }

    /// The address that is tried, or that was reached.
    pub fn address(&self) -> String {
        self.target.addresses[self.place].to_string()
    }

    /// A fault of the upstream's, as one hears of it at the client's connection.
    pub fn fault(&self, error: Error) -> Error {
        Error::Upstream { address: self.address(), error: Box::new(error) }
    }

    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether it has all that was said to it.
    pub fn is_clear(&self) -> bool {
        self.is_open() && self.early.is_empty() && self.wire.as_ref().is_some_and(Wire::is_clear)
    }

    /// When to look after it; None for when the connection's own limit says so.
    pub fn due(&self) -> Option<Instant> {
        (!self.is_open()).then(|| self.retry.unwrap_or(self.until).min(self.until))
    }

    pub fn notice(&mut self, event: &Event) {
        self.is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.is_end_announced |= event.is_read_closed();
    }

    /// Have the socket read although no event told that there is something.
    pub fn look_again(&mut self) {
        self.is_readable = true;
        self.is_end_announced = true;
    }

    /// Go on with what is under way without the client: connecting, shaking hands, sending. Whether anything came of it.
    pub fn advance(&mut self, buffers: &mut Buffers, link: Link<'_>) -> Result<bool> {
        match self.stage {
            Stage::Connecting => self.go_on_connecting(buffers, link),
            Stage::Handshake => self.shake_hands(buffers, link),
            Stage::Open => self.flush(link),
        }
    }

    /// A limit has run out while it was not open.
    pub fn expire(&mut self, link: Link<'_>) -> Result<()> {
        if self.until > link.now && self.retry.is_some_and(|retry| retry <= link.now) {
            return self.dial(link);
        }
        match self.stage {
            Stage::Connecting => self.next_address(Error::TimeLimit, link),
            Stage::Handshake | Stage::Open => Err(Error::TimeLimit),
        }
    }

    /// What it says, which is in `input` or in `plain` then. `output` is empty, before and after.
    pub fn read<'a>(
        &mut self,
        input: &'a mut [u8],
        plain: &'a mut Vec<u8>,
        output: &mut Output,
        link: Link<'_>,
    ) -> Result<Heard<'a>> {
        if !self.answered_early.is_empty() {
            *plain = std::mem::take(&mut self.answered_early);
            return Ok(Heard::Data(plain));
        }
        if let Some(end) = self.end {
            return Ok(Heard::End(end));
        }
        let Some(count) = self.take_in(input)? else { return Ok(Heard::Nothing) };
        if self.tls.is_none() {
            return Ok(if count == 0 { self.ended(End::Plain) } else { Heard::Data(&input[..count]) });
        }
        if count == 0 {
            return Ok(self.ended(End::CutOff));
        }
        plain.clear();
        let filled = self.partial.len() + count;
        self.decrypt(&mut input[..filled], plain, output, link)?;
        Ok(Heard::Data(plain))
    }

    /// Say something. What it does not take now, it is sent later.
    pub fn write(&mut self, plain: &[u8], output: &mut Output, link: Link<'_>) -> Result<()> {
        if !self.is_open() {
            self.early.extend_from_slice(plain);
            return Ok(());
        }
        let Some(wire) = &mut self.wire else { return Ok(()) };
        let Some(tls) = &mut self.tls else {
            return Ok(wire.send_bytes(plain, link.registry, link.token, link.now)?);
        };
        conn::encrypt(&mut **tls, plain, &mut self.partial, output)?;
        Ok(wire.send(output, link.registry, link.token, link.now)?)
    }

    /// Nothing more will be said; all that was is with the socket. An end that is not `in_order` is none that TLS would vouch for.
    pub fn end(&mut self, in_order: bool, output: &mut Output, link: Link<'_>) -> Result<()> {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        match &mut self.tls {
            Some(tls) if in_order => {
                conn::close_notify(&mut **tls, &mut self.partial, output)?;
                Ok(wire.send(output, link.registry, link.token, link.now)?)
            }
            _ => Ok(wire.shut_down()?),
        }
    }

    /// Both directions have ended, so that closing the socket cuts nothing off.
    pub fn over(&mut self) {
        self.is_over = true;
    }

    fn dial(&mut self, link: Link<'_>) -> Result<()> {
        self.retry = None;
        self.wire = None;
        loop {
            let left = self.deadline.saturating_duration_since(link.now);
            let addresses = u32::try_from(self.target.addresses.len() - self.place).unwrap_or(u32::MAX);
            // None of them takes up the time of those behind it.
            self.until = link.now + left / addresses;
            let dialled = self.target.addresses[self.place].dial().and_then(|stream| {
                let mut wire = Wire::new(stream, None);
                wire.watch_connecting(link.registry, link.token).map(|()| wire)
            });
            match dialled {
                Ok(wire) => {
                    self.wire = Some(wire);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.retry = Some(link.now + PAUSE);
                    return Ok(());
                }
                Err(error) if self.is_last_address() => return Err(not_connected(error)),
                Err(_) => self.place += 1,
            }
        }
    }

    fn is_last_address(&self) -> bool {
        self.place + 1 == self.target.addresses.len()
    }

    fn next_address(&mut self, error: Error, link: Link<'_>) -> Result<()> {
        if self.is_last_address() {
            return Err(error);
        }
        self.place += 1;
        self.dial(link)
    }

    fn go_on_connecting(&mut self, buffers: &mut Buffers, link: Link<'_>) -> Result<bool> {
        let Some(wire) = &mut self.wire else { return Ok(false) };
        match wire.is_connected() {
            Ok(false) => return Ok(false),
            Ok(true) => {}
            Err(error) => return self.next_address(not_connected(error), link).map(|()| false),
        }
        wire.send_bytes(&std::mem::take(&mut self.header), link.registry, link.token, link.now)?;
        match self.target.session(self.alpn.as_deref())? {
            None => self.open(&mut buffers.output, link)?,
            Some(tls) => {
                self.tls = Some(Box::new(tls));
                self.stage = Stage::Handshake;
                self.until = link.now + self.target.limit;
                self.decrypt(&mut [], &mut buffers.plain, &mut buffers.output, link)?;
            }
        }
        Ok(true)
    }

    fn shake_hands(&mut self, buffers: &mut Buffers, link: Link<'_>) -> Result<bool> {
        let sent = self.flush(link)?;
        let Buffers { input, plain, output, .. } = buffers;
        let Some(count) = self.take_in(input)? else { return Ok(sent) };
        if count == 0 {
            return Err(Error::ConnectionClosed);
        }
        let filled = self.partial.len() + count;
        plain.clear();
        let progress = self.decrypt(&mut input[..filled], plain, output, link)?;
        if progress == Progress::PeerClosed && self.answered_early.is_empty() && plain.is_empty() {
            return Err(Error::ConnectionClosed);
        }
        self.answered_early.extend_from_slice(plain);
        if self.tls.as_ref().is_some_and(|tls| !tls.is_handshaking()) {
            self.open(output, link)?;
        }
        Ok(true)
    }

    fn open(&mut self, output: &mut Output, link: Link<'_>) -> Result<()> {
        self.stage = Stage::Open;
        let early = std::mem::take(&mut self.early);
        if early.is_empty() { Ok(()) } else { self.write(&early, output, link) }
    }

    fn flush(&mut self, link: Link<'_>) -> Result<bool> {
        let Some(wire) = &mut self.wire else { return Ok(false) };
        Ok(!wire.is_clear() && wire.flush(link.now)? > 0)
    }

    /// Read once, behind what is kept; None if there is nothing, 0 at the end.
    fn take_in(&mut self, input: &mut [u8]) -> Result<Option<usize>> {
        let Some(wire) = self.wire.as_mut().filter(|_| self.is_readable) else { return Ok(None) };
        let kept = self.partial.len();
        let free = &mut input[kept..kept + READ];
        loop {
            match wire.read(free) {
                Ok(count) => {
                    // On an edge-triggered socket a short read says that it is empty, unless its end has been announced.
                    self.is_readable = count == free.len() || self.is_end_announced;
                    input[..kept].copy_from_slice(&self.partial);
                    return Ok(Some(count));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_readable = false;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Take in what there is of records, and send what they ask for.
    fn decrypt(
        &mut self,
        input: &mut [u8],
        plain: &mut Vec<u8>,
        output: &mut Output,
        link: Link<'_>,
    ) -> Result<Progress> {
        let (Some(tls), Some(wire)) = (&mut self.tls, &mut self.wire) else { return Ok(Progress::Established) };
        let (used, progress) = conn::advance(&mut **tls, input, output, |bytes| plain.extend_from_slice(bytes));
        keep(&mut self.partial, &input[used..]);
        // An alert of ours goes out before the error is told of.
        let sent = wire.send(output, link.registry, link.token, link.now);
        let progress = progress?;
        sent?;
        if self.partial.len() > MAX_PARTIAL - MAX_RECORD {
            return Err(Error::PeerMisbehaved("its message is longer than any may be".to_owned()));
        }
        if progress == Progress::PeerClosed {
            self.end = Some(End::Notify);
        }
        Ok(progress)
    }

    fn ended(&mut self, end: End) -> Heard<'static> {
        self.end = Some(end);
        Heard::End(end)
    }
}

impl Drop for Upstream {
    /// Nobody is to take what was cut off for a whole.
    fn drop(&mut self) {
        if let Some(wire) = self.wire.as_ref().filter(|_| !self.is_over) {
            wire.reset_on_close();
        }
    }
}

fn not_connected(error: io::Error) -> Error {
    let refused = error.kind() == ErrorKind::ConnectionRefused;
    Error::NoConnection { refused, message: reason(error) }
}
