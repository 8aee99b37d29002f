//! Bytes both ways between a session and two descriptors, in one loop, each direction with its own back-pressure.
//!
//! One large receive buffer, decrypted where it lies; the plaintext goes from there to its descriptor. Data is fetched in big pieces:
//! while it flows, the socket counts as readable only with 256 KiB in it, and no longer than two milliseconds.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use serde::Serialize;

use super::ends::{Sink, Source};
use super::link::{Link, PeerEnd, Received};
use crate::wait::{Bounds, Interrupt, TimeLimit, wait};
use crate::{Error, Result, sys};

const RECEIVE: usize = 1024 * 1024;
const SEND: usize = 256 * 1024;
const LOW_WATER: i32 = 256 * 1024;
/// A receive of so much means that more is under way.
const FLOWING: usize = 64 * 1024;
/// How long data may lie below the low-water mark.
const PATIENCE: Duration = Duration::from_millis(2);

/// `tlstool.model.Relayed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Relayed {
    pub sent: u64,
    pub received: u64,
    pub close_notify: bool,
}

/// How a relay ended: by the peer, or because nobody reads what it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done(Relayed),
    OutputClosed,
}

pub struct Relay<'l> {
    link: &'l mut Link,
    source: Source,
    sink: Sink,
    buffer: Vec<u8>,
    /// Of the peer's socket: whether the low-water mark is up, and when something was received last.
    is_flowing: bool,
    last_received: Instant,
    /// Encrypted, and not yet with the socket.
    sending: u64,
    sent: u64,
    received: u64,
}

/// What each descriptor said for which something was to be done.
struct Ready {
    socket: PollFlags,
    source: PollFlags,
    sink: PollFlags,
}

/// The other side is gone; a read or a write tells how.
const AT_END: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

impl<'l> Relay<'l> {
    pub fn new(link: &'l mut Link, in_fd: RawFd, out_fd: RawFd) -> Result<Self> {
        let (source, sink) = (Source::new(in_fd)?, Sink::new(out_fd)?);
        link.reserve(RECEIVE);
        Ok(Self {
            link,
            source,
            sink,
            buffer: vec![0; SEND],
            is_flowing: false,
            last_received: Instant::now(),
            sending: 0,
            sent: 0,
            received: 0,
        })
    }

    /// `early` came before the relay began, and goes out first.
    ///
    /// The end of the input is passed on as `close_notify`, and what the peer has still to say is waited for, without limit.
    pub fn run(mut self, early: &[u8], interrupt: &dyn Interrupt) -> Result<Outcome> {
        self.received += early.len() as u64;
        self.sink.put(early);
        let outcome = self.turn(&mut Bounds::new(TimeLimit::NEVER, interrupt));
        // The session goes on without the mark: its next reader wants every byte at once.
        self.set_flowing(false);
        outcome
    }

    fn turn(&mut self, bounds: &mut Bounds<'_>) -> Result<Outcome> {
        loop {
            self.sink.check()?;
            if self.sink.is_closed() {
                return Ok(Outcome::OutputClosed);
            }
            if self.link.peer() != PeerEnd::Open && self.sink.is_drained() {
                let close_notify = self.link.peer() == PeerEnd::Notified;
                return Ok(Outcome::Done(Relayed { sent: self.sent, received: self.received, close_notify }));
            }
            let ready = self.wait(bounds)?;
            if ready.sink.intersects(AT_END) {
                self.sink.hang_up();
            }
            if ready.sink.contains(PollFlags::OUT) {
                self.sink.drain();
            }
            if ready.socket.intersects(PollFlags::IN | AT_END) {
                self.receive()?;
            }
            if ready.source.intersects(PollFlags::IN | AT_END) {
                self.read()?;
            }
            self.send()?;
        }
    }

    /// From the peer to the sink.
    fn receive(&mut self) -> Result<()> {
        let (sink, received) = (&mut self.sink, &mut self.received);
        let outcome = self.link.receive(|data| {
            *received += data.len() as u64;
            sink.put(data);
        })?;
        if let Received::Bytes(count) = outcome {
            self.last_received = Instant::now();
            self.set_flowing(count >= FLOWING && self.link.peer() == PeerEnd::Open);
        }
        Ok(())
    }

    /// From the source to the peer. Its end is our `close_notify`.
    fn read(&mut self) -> Result<()> {
        if let Some(data) = self.source.read(&mut self.buffer)? {
            self.link.encrypt(data)?;
            self.sending += data.len() as u64;
        }
        if self.source.is_over() {
            self.link.notify()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.link.send()?;
        if self.link.output.is_empty() {
            self.sent += std::mem::take(&mut self.sending);
        }
        if self.link.is_send_over() {
            self.source.end();
        }
        Ok(())
    }

    /// Each descriptor is waited for only while there is something to do with it, so that none keeps the loop turning for nothing.
    fn wait(&mut self, bounds: &mut Bounds<'_>) -> Result<Ready> {
        let idle = self.last_received.elapsed();
        if self.is_flowing && idle >= PATIENCE {
            self.set_flowing(false);
        }
        bounds.limit(if self.is_flowing {
            TimeLimit::NEVER.at_most(PATIENCE.saturating_sub(idle))
        } else {
            TimeLimit::NEVER
        });

        let is_open = self.link.peer() == PeerEnd::Open;
        let mut on_socket = PollFlags::empty();
        on_socket.set(PollFlags::IN, is_open && self.sink.is_drained());
        on_socket.set(PollFlags::OUT, !self.link.output.is_empty());
        let on_source = is_open && !self.source.is_over() && self.link.output.is_empty();
        let on_sink = if self.sink.is_drained() { PollFlags::empty() } else { PollFlags::OUT };

        let mut fds = Vec::with_capacity(3);
        let mut place = |fd, flags| {
            fds.push(PollFd::from_borrowed_fd(fd, flags));
            fds.len() - 1
        };
        let socket = (!on_socket.is_empty()).then(|| place(self.link.socket(), on_socket));
        let source = on_source.then(|| place(self.source.fd(), PollFlags::IN));
        let sink = (!on_sink.is_empty() || self.sink.can_hang_up()).then(|| place(self.sink.fd(), on_sink));
        match wait(&mut fds, bounds) {
            // Nothing came of it, and the flags say so.
            Ok(()) | Err(Error::TimeLimit) => {}
            Err(error) => return Err(error),
        }

        let found = |place: Option<usize>| place.map_or(PollFlags::empty(), |place| fds[place].revents());
        Ok(Ready {
            socket: if on_socket.contains(PollFlags::IN) { found(socket) } else { PollFlags::empty() },
            source: found(source),
            sink: found(sink),
        })
    }

    /// A hint to the kernel: without it, there are only more wake-ups.
    fn set_flowing(&mut self, flowing: bool) {
        if flowing != self.is_flowing {
            let mark = if flowing { LOW_WATER } else { 1 };
            self.is_flowing = sys::set_receive_low_water(self.link.socket(), mark).is_ok() && flowing;
        }
    }
}
