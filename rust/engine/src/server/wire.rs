//! A connection's socket, and what it did not take.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::conn::Output;

pub struct Wire {
    stream: TcpStream,
    /// Records that the socket did not take.
    unsent: Output,
    watched_for_room: bool,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, unsent: Output::default(), watched_for_room: false }
    }

    /// Let `registry` tell when there is something to read.
    pub fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE)
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
        match self.stream.write(output.pending()) {
            Ok(count) => output.sent(count),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => {
                output.clear();
                return Err(error);
            }
        }
        if output.is_empty() {
            return Ok(());
        }
        self.unsent = std::mem::take(output);
        if self.watched_for_room {
            return Ok(());
        }
        self.watched_for_room = true;
        registry.reregister(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
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
        self.stream.shutdown(Shutdown::Write)
    }
}
