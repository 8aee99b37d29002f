//! One of the connections that are under way at any time: a socket, and one handshake over it after the other.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::client::UnbufferedClientConnection;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use rustls_pki_types::ServerName;
use socket2::{SockAddr, SockRef};

use crate::Error;
use crate::conn::{self, MAX_RECORD, Output};

/// The code of a connection that was refused, and of one that did not come about for another reason: the names that
/// `tlstool.errors` has for them.
const REFUSED: &str = "connection-refused";
const NOT_CONNECTED: &str = "connection-failed";

/// The first pause after a failure. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What may be kept of a message whose end has not come: rustls refuses larger ones, but record headers come on top.
const MAX_PARTIAL: usize = 131_072;

/// Reads in one turn, after which the other lanes are not kept waiting any longer. No handshake takes that many at once.
const READS_A_TURN: usize = 64;

/// The memory that the lanes of a worker share.
pub struct Buffers {
    input: Vec<u8>,
    output: Output,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { input: vec![0; MAX_PARTIAL + 4 * MAX_RECORD], output: Output::default() }
    }
}

/// Where a lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing left to do.
    Done,
    /// After a failure, until then.
    Paused(Instant),
    /// In a handshake that began then.
    Handshake(Instant),
    /// The handshake is counted; a ticket may come until then.
    Ticket(Instant),
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Wait,
    /// The handshake is complete, and our part of it is in the socket.
    Complete {
        resumed: bool,
    },
    /// A ticket has come.
    Ticket,
    /// The server sends and sends, and never what is waited for.
    Flooded,
    Failed(&'static str),
}

pub struct Lane {
    stream: Option<TcpStream>,
    tls: Option<UnbufferedClientConnection>,
    pub state: State,
    /// The hello is in the socket, so there is a connection.
    hello_sent: bool,
    partial: Vec<u8>,
    unsent: Output,
    pause: Duration,
}

impl Lane {
    pub fn new() -> Self {
        Self {
            stream: None,
            tls: None,
            state: State::Done,
            hello_sent: false,
            partial: Vec::new(),
            unsent: Output::default(),
            pause: FIRST_PAUSE,
        }
    }

    /// Connect, and send the hello at once: on a short path the connection stands already, otherwise an event will say so.
    pub fn begin(
        &mut self,
        target: SocketAddr,
        name: &ServerName<'static>,
        config: &Arc<ClientConfig>,
        registry: &Registry,
        token: Token,
        buffers: &mut Buffers,
    ) -> Step {
        self.state = State::Handshake(Instant::now());
        if let Err(error) = self.connect(target, registry, token) {
            return Step::Failed(self.io_code(error));
        }
        let mut tls = match UnbufferedClientConnection::new(Arc::clone(config), name.clone()) {
            Ok(tls) => tls,
            Err(error) => return Step::Failed(Error::from(error).code()),
        };
        let (_, progress) = conn::advance(&mut tls, &mut [], &mut buffers.output, |_| {});
        self.tls = Some(tls);
        if let Err(error) = progress {
            buffers.output.clear();
            return Step::Failed(Error::from(error).code());
        }
        self.send(&mut buffers.output).map_or_else(|error| Step::Failed(self.io_code(error)), |()| Step::Wait)
    }

    /// Whether an event that says no more than "writable" is of interest.
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Do what the socket allows.
    pub fn drive(&mut self, buffers: &mut Buffers) -> Step {
        for _ in 0..READS_A_TURN {
            match self.flush() {
                Ok(true) => {}
                Ok(false) => return Step::Wait,
                Err(error) => return Step::Failed(self.io_code(error)),
            }
            if let Some(step) = self.arrived() {
                return step;
            }
            match self.read(buffers) {
                Ok(true) => {}
                Ok(false) => return Step::Wait,
                Err(code) => return Step::Failed(code),
            }
        }
        Step::Flooded
    }

    /// Let go of the connection, so that the next one can begin. The peer gets a reset: an orderly end would leave the address
    /// in `TIME_WAIT`, and at a few hundred handshakes a second ports would run out.
    pub fn end(&mut self) {
        self.tls = None;
        self.partial.clear();
        self.unsent.clear();
        self.hello_sent = false;
        // Where the system can take a connected socket back, that saves making, setting up and watching a new one.
        if self.stream.as_ref().is_some_and(|stream| rustix::net::connect_unspec(stream).is_err()) {
            self.stream = None;
        }
    }

    /// The handshake failed: the lane rests before the next one, longer each time.
    pub fn rest(&mut self, now: Instant) {
        self.end();
        // Whatever state the failure left the socket in dies with it.
        self.stream = None;
        self.state = State::Paused(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// A handshake went well: the next failure is a first one.
    pub fn refreshed(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// Whether the session that was just made can be resumed only with a ticket that has yet to come: in TLS 1.3 they come after
    /// the handshake, and each is for one use (RFC 8446 section C.4).
    pub fn needs_ticket(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| {
            tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) && tls.tls13_tickets_received() == 0
        })
    }

    fn connect(&mut self, target: SocketAddr, registry: &Registry, token: Token) -> io::Result<()> {
        if let Some(stream) = &self.stream {
            return match SockRef::from(stream).connect(&SockAddr::from(target)) {
                Err(error) if !under_way(&error) => Err(error),
                _ => Ok(()),
            };
        }
        let mut stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// What was waited for, if it is there. All that we had to send has been sent.
    fn arrived(&self) -> Option<Step> {
        let tls = self.tls.as_ref()?;
        match self.state {
            State::Handshake(_) if !tls.is_handshaking() => {
                Some(Step::Complete { resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed) })
            }
            State::Ticket(_) if tls.tls13_tickets_received() > 0 => Some(Step::Ticket),
            _ => None,
        }
    }

    /// Read and take in once. False: there was nothing to read.
    fn read(&mut self, buffers: &mut Buffers) -> Result<bool, &'static str> {
        let (Some(stream), Some(tls)) = (&mut self.stream, &mut self.tls) else { return Ok(false) };
        let kept = self.partial.len();
        let count = match stream.read(&mut buffers.input[kept..]) {
            Ok(0) => return Err(Error::ConnectionClosed.code()),
            Ok(count) => count,
            Err(error) if not_yet(&error) => return Ok(false),
            Err(error) => return Err(self.io_code(error)),
        };
        buffers.input[..kept].copy_from_slice(&self.partial);
        let filled = kept + count;
        let (used, progress) = conn::advance(tls, &mut buffers.input[..filled], &mut buffers.output, |_| {});
        self.partial.clear();
        self.partial.extend_from_slice(&buffers.input[used..filled]);
        let sent = self.send(&mut buffers.output);
        let progress = progress.map_err(|error| Error::from(error).code())?;
        if self.partial.len() > MAX_PARTIAL {
            return Err(Error::PeerMisbehaved(String::new()).code());
        }
        sent.map_err(|error| self.io_code(error))?;
        let handshaking = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        if progress == conn::Progress::PeerClosed && handshaking {
            return Err(Error::ConnectionClosed.code());
        }
        Ok(true)
    }

    /// Send in one piece; what the socket does not take is kept.
    fn send(&mut self, output: &mut Output) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if output.is_empty() {
            return Ok(());
        }
        match stream.write(output.pending()) {
            Ok(count) => {
                self.hello_sent = true;
                output.sent(count);
            }
            Err(error) if not_yet(&error) => {}
            Err(error) => {
                output.clear();
                return Err(error);
            }
        }
        if !output.is_empty() {
            self.unsent = std::mem::take(output);
        }
        Ok(())
    }

    /// False: the socket still takes nothing.
    fn flush(&mut self) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        while !self.unsent.is_empty() {
            match stream.write(self.unsent.pending()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.hello_sent = true;
                    self.unsent.sent(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if not_yet(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn io_code(&self, error: io::Error) -> &'static str {
        match error.kind() {
            ErrorKind::ConnectionRefused => REFUSED,
            _ if !self.hello_sent => NOT_CONNECTED,
            _ => Error::from(error).code(),
        }
    }
}

fn under_way(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// Nothing to read, no room to write, or no connection so far.
fn not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected)
}
