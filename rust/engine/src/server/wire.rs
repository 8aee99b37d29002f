//! A connection's socket, and what it did not take.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Interest, Registry, Token};

use super::misconduct::Pace;
use super::stream::Stream;
use crate::conn::Output;

pub struct Wire {
    stream: Stream,
    /// What the socket did not take.
    unsent: Output,
    watched_for_room: bool,
    /// None: as fast as the socket takes it.
    pace: Option<Box<Pace>>,
}

impl Wire {
    pub fn new(stream: impl Into<Stream>, pace: Option<Box<Pace>>) -> Self {
        Self { stream: stream.into(), unsent: Output::default(), watched_for_room: false, pace }
    }

    /// Let `registry` tell when there is something to read.
    pub fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.stream.register(registry, token, Interest::READABLE)
    }

    /// Let `registry` tell also when a connection that was begun has come about, or failed.
    pub fn watch_connecting(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.watched_for_room = true;
        self.stream.register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// See [`Stream::is_connected`].
    pub fn is_connected(&self) -> io::Result<bool> {
        self.stream.is_connected()
    }

    pub fn local_address(&self) -> Option<SocketAddr> {
        self.stream.local_address()
    }

    /// Whether everything is in the socket.
    pub fn is_clear(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Send `output` in one piece; what the socket does not take is kept, and `registry` will tell when there is room for it.
    pub fn send(&mut self, output: &mut Output, registry: &Registry, token: Token, now: Instant) -> io::Result<()> {
        if output.is_empty() {
            return Ok(());
        }
        if !self.is_clear() {
            // Behind what waits already. Writing to memory does not fail.
            let _ = self.unsent.write(output.pending());
            output.clear();
            return Ok(());
        }
        if let Some(pace) = &mut self.pace {
            pace.begin(now);
        }
        match self.try_write(output.pending(), now) {
            Ok(count) => output.sent(count),
            Err(error) => {
                output.clear();
                return Err(error);
            }
        }
        if output.is_empty() {
            return Ok(());
        }
        self.unsent = std::mem::take(output);
        self.watch_for_room(registry, token)
    }

    /// The same with bytes that are no records; what is kept of them is copied.
    pub fn send_bytes(&mut self, bytes: &[u8], registry: &Registry, token: Token, now: Instant) -> io::Result<()> {
        let sent = if self.is_clear() { self.try_write(bytes, now)? } else { 0 };
        if sent == bytes.len() {
            return Ok(());
        }
        let _ = self.unsent.write(&bytes[sent..]);
        self.watch_for_room(registry, token)
    }

    /// How much the socket takes now; it may be nothing.
    fn try_write(&mut self, bytes: &[u8], now: Instant) -> io::Result<usize> {
        match write_now(&mut self.stream, &mut self.pace, bytes, now) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            outcome => outcome,
        }
    }

    fn watch_for_room(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if self.watched_for_room {
            return Ok(());
        }
        self.watched_for_room = true;
        self.stream.reregister(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Send what was kept, as far as there is room; the number of bytes that went out.
    pub fn flush(&mut self, now: Instant) -> io::Result<usize> {
        let mut total = 0;
        while !self.unsent.is_empty() {
            match write_now(&mut self.stream, &mut self.pace, self.unsent.pending(), now) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.unsent.sent(count);
                    total += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if total > 0 {
            self.unsent = Output::default();
        }
        Ok(total)
    }

    /// Forget what the socket did not take.
    pub fn discard(&mut self) {
        self.unsent = Output::default();
    }

    /// When there is more to be sent, if that is a matter of time.
    pub fn wake(&self) -> Option<Instant> {
        if self.is_clear() { None } else { self.pace.as_ref()?.next() }
    }

    /// By how much its pace prolongs every limit.
    pub fn held(&self) -> Duration {
        self.pace.as_ref().map_or(Duration::ZERO, |pace| pace.held())
    }

    /// Whether its pace lets nothing more out.
    pub fn is_spent(&self) -> bool {
        self.pace.as_ref().is_some_and(|pace| pace.is_spent())
    }

    /// Let the end of the connection be a reset.
    pub fn reset_on_close(&self) {
        // It fails only on a connection that the client has reset before.
        let _ = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    /// Send a few bytes past everything else.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    /// End our direction of the TCP connection.
    pub fn shut_down(&self) -> io::Result<()> {
        self.stream.shut_down()
    }
}

/// Write as much as may go out now, in one write. That nothing may is `WouldBlock`, too; [`Wire::wake`] has the time then.
fn write_now(stream: &mut Stream, pace: &mut Option<Box<Pace>>, bytes: &[u8], now: Instant) -> io::Result<usize> {
    let Some(pace) = pace else { return stream.write(bytes) };
    let allowed = pace.allowance(bytes.len(), now);
    if allowed == 0 {
        return Err(ErrorKind::WouldBlock.into());
    }
    let written = stream.write(&bytes[..allowed]);
    match &written {
        Ok(count) => pace.wrote(*count, now),
        Err(error) if error.kind() == ErrorKind::WouldBlock => pace.blocked(),
        Err(_) => {}
    }
    written
}
