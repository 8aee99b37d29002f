//! A connection's socket, and what it did not take.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::event::Source;
use mio::{Interest, Registry, Token};

use super::stream::Stream;
use crate::conn::Output;

pub struct Wire {
    stream: Stream,
    /// What the socket did not take.
    unsent: Output,
    watched_for_room: bool,
}

impl Wire {
    pub fn new(stream: impl Into<Stream>) -> Self {
        Self { stream: stream.into(), unsent: Output::default(), watched_for_room: false }
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

    /// See [`Stream::reset_on_close`].
    pub fn reset_on_close(&self) {
        self.stream.reset_on_close();
    }

    /// Whether everything is in the socket.
    pub fn is_clear(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Send `output` in one piece; what the socket does not take is kept, and `registry` will tell when there is room for it.
    pub fn send(&mut self, output: &mut Output, registry: &Registry, token: Token) -> io::Result<()> {
        if output.is_empty() {
            return Ok(());
        }
        if !self.is_clear() {
            // Behind what waits already. Writing to memory does not fail.
            let _ = self.unsent.write(output.pending());
            output.clear();
            return Ok(());
        }
        match self.try_write(output.pending()) {
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
    pub fn send_bytes(&mut self, bytes: &[u8], registry: &Registry, token: Token) -> io::Result<()> {
        let sent = if self.is_clear() { self.try_write(bytes)? } else { 0 };
        if sent == bytes.len() {
            return Ok(());
        }
        let _ = self.unsent.write(&bytes[sent..]);
        self.watch_for_room(registry, token)
    }

    /// How much the socket takes now; it may be nothing.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes) {
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
    pub fn flush(&mut self) -> io::Result<usize> {
        let mut total = 0;
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent.pending()) {
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
