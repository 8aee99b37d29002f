//! Bytes both ways between a session and two descriptors, in one loop, each direction with its own back-pressure.
//!
//! One large receive buffer, decrypted where it lies; the plaintext goes from there to its descriptor. Data is fetched in big pieces:
//! while it flows, the socket counts as readable only with 1.5 MiB in it, and no longer than two milliseconds.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::body::Body;
use super::ends::{Sink, Source};
use super::link::{Link, PeerEnd, Received};
use super::newlines::Newlines;
use super::plan::{HalfClose, Outcome, RelayPlan, Relayed};
use crate::wait::{Bounds, Interrupt, TimeLimit, wait};
use crate::{Error, Result, sys};

/// Waking up costs more than cold caches: a buffer that fits into them, with the mark that goes with it, is slower.
const RECEIVE: usize = 2 * 1024 * 1024;
const SEND: usize = 256 * 1024;
/// Below `RECEIVE`, for what comes in while we wake up.
const LOW_WATER: i32 = 1536 * 1024;
/// A receive of so much means that more is under way.
const FLOWING: usize = 64 * 1024;
/// How long data may lie below the low-water mark.
const PATIENCE: Duration = Duration::from_millis(2);

pub struct Relay<'l> {
    link: &'l mut Link,
    /// None: nothing of ours is to be sent.
    source: Option<Source>,
    sink: Sink,
    buffer: Vec<u8>,
    half_close: HalfClose,
    newlines: Option<Newlines>,
    body: Option<Body>,
    /// How long the peer may be silent until the relay is over.
    quiet: Option<Duration>,
    limit: TimeLimit,
    /// Of the peer's socket: whether the low-water mark is up, and when something was received last.
    is_flowing: bool,
    last_received: Instant,
    /// When the peer could last be heard: what the sink does not take keeps us from listening.
    last_heard: Instant,
    /// Encrypted, and not yet with the socket.
    sending: u64,
    sent: u64,
    received: u64,
    /// How the peer was told that the input has ended; None if it was not.
    half_closed: Option<HalfClose>,
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
    /// A relay that has to be over within `limit`.
    pub fn new(link: &'l mut Link, plan: &RelayPlan, limit: TimeLimit) -> Result<Self> {
        let source = plan.in_fd.map(Source::new).transpose()?;
        let sink = Sink::new(plan.out_fd)?;
        link.reserve(RECEIVE);
        Ok(Self {
            link,
            buffer: vec![0; if source.is_some() { SEND } else { 0 }],
            source,
            sink,
            half_close: plan.half_close,
            newlines: plan.crlf.then(Newlines::default),
            body: plan.body.map(Body::new),
            quiet: plan.quiet.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            limit,
            is_flowing: false,
            last_received: Instant::now(),
            last_heard: Instant::now(),
            sending: 0,
            sent: 0,
            received: 0,
            half_closed: None,
        })
    }

    /// What came before the relay began goes out first: `early`, which was counted where it was read, then `pending`.
    ///
    /// It ends with the peer, with the body that was announced, or with the peer's silence if that is waited for.
    pub fn run(mut self, early: &[u8], pending: &[u8], interrupt: &dyn Interrupt) -> Result<Outcome> {
        self.received += pending.len() as u64;
        for data in [early, pending] {
            put(&mut self.sink, self.body.as_mut(), data)?;
        }
        self.sink.settle();
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
            if self.sink.is_drained() && self.is_over()? {
                return Ok(Outcome::Done(self.relayed()));
            }
            if self.limit.left().is_some_and(|left| left.is_zero()) {
                return Err(Error::TimeLimit);
            }
            let ready = self.wait(bounds)?;
            if ready.sink.intersects(AT_END) {
                self.sink.hang_up();
            }
            if ready.sink.contains(PollFlags::OUT) {
                self.sink.drain();
                self.last_heard = Instant::now();
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

    /// Whether all has come that was to come. Fails if that is too little.
    fn is_over(&self) -> Result<bool> {
        if self.body.as_ref().is_some_and(Body::is_complete) {
            return Ok(true);
        }
        if self.link.peer() != PeerEnd::Open {
            return self.body.as_ref().map_or(Ok(true), |body| body.end().map(|()| true));
        }
        let is_silent = self.quiet.is_some_and(|quiet| self.last_heard.elapsed() >= quiet);
        // With a body under way, silence is no end.
        if is_silent && self.body.is_some() { Err(Error::TimeLimit) } else { Ok(is_silent) }
    }

    fn relayed(&self) -> Relayed {
        let close_notify = match self.link.peer() {
            PeerEnd::Open => None,
            PeerEnd::Notified => Some(true),
            PeerEnd::Cut => Some(false),
        };
        Relayed { sent: self.sent, received: self.received, close_notify, half_close: self.half_closed }
    }

    /// From the peer to the sink.
    fn receive(&mut self) -> Result<()> {
        let (sink, body, received) = (&mut self.sink, &mut self.body, &mut self.received);
        let mut taken = Ok(());
        let outcome = self.link.receive(|data| {
            *received += data.len() as u64;
            if taken.is_ok() {
                taken = put(sink, body.as_mut(), data);
            }
        });
        self.sink.settle();
        taken?;
        if let Received::Bytes(count) = outcome? {
            self.last_received = Instant::now();
            self.last_heard = self.last_received;
            self.set_flowing(count >= FLOWING && self.link.peer() == PeerEnd::Open);
        }
        Ok(())
    }

    /// From the source to the peer.
    fn read(&mut self) -> Result<()> {
        let Some(source) = &mut self.source else { return Ok(()) };
        if let Some(data) = source.read(&mut self.buffer)? {
            let data = self.newlines.as_mut().map_or(data.into(), |newlines| newlines.convert(data));
            self.link.encrypt(&data)?;
            self.sending += data.len() as u64;
            self.last_heard = Instant::now();
        }
        if source.is_over() && self.half_close != HalfClose::None && !self.link.is_send_over() {
            self.link.notify()?;
            self.half_closed = Some(self.half_close);
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.link.send()?;
        if self.link.output.is_empty() {
            self.sent += std::mem::take(&mut self.sending);
            if self.half_closed == Some(HalfClose::Fin) {
                self.link.shut_down();
            }
        }
        if self.link.is_send_over() {
            self.source = None;
        }
        Ok(())
    }

    /// Each descriptor is waited for only while there is something to do with it, so that none keeps the loop turning for nothing.
    fn wait(&mut self, bounds: &mut Bounds<'_>) -> Result<Ready> {
        let is_open = self.link.peer() == PeerEnd::Open;
        let is_listening = is_open && self.sink.is_drained();
        bounds.limit(self.next_moment(is_listening));
        let mut on_socket = PollFlags::empty();
        on_socket.set(PollFlags::IN, is_listening);
        on_socket.set(PollFlags::OUT, !self.link.output.is_empty());
        let source = self.source.as_ref().filter(|source| is_open && !source.is_over() && self.link.output.is_empty());
        let on_sink = if self.sink.is_drained() { PollFlags::empty() } else { PollFlags::OUT };

        let mut fds = Vec::with_capacity(3);
        let mut place = |fd, flags| {
            fds.push(PollFd::from_borrowed_fd(fd, flags));
            fds.len() - 1
        };
        let socket = (!on_socket.is_empty()).then(|| place(self.link.socket(), on_socket));
        let source = source.map(|source| place(source.fd(), PollFlags::IN));
        let sink = (!on_sink.is_empty() || self.sink.can_hang_up()).then(|| place(self.sink.fd(), on_sink));
        match wait(&mut fds, bounds) {
            // Nothing came of it, and the flags say so.
            Ok(()) | Err(Error::TimeLimit) => {}
            Err(error) => return Err(error),
        }

        let found = |place: Option<usize>| place.map_or(PollFlags::empty(), |place| fds[place].revents());
        Ok(Ready {
            socket: if is_listening { found(socket) } else { PollFlags::empty() },
            source: found(source),
            sink: found(sink),
        })
    }

    /// Until when nothing has to be done if nothing happens.
    fn next_moment(&mut self, is_listening: bool) -> TimeLimit {
        let idle = self.last_received.elapsed();
        if self.is_flowing && idle >= PATIENCE {
            self.set_flowing(false);
        }
        let flow = self.is_flowing.then(|| PATIENCE.saturating_sub(idle));
        let quiet = self.quiet.filter(|_| is_listening).map(|quiet| quiet.saturating_sub(self.last_heard.elapsed()));
        [flow, quiet].into_iter().flatten().fold(self.limit, TimeLimit::at_most)
    }

    /// A hint to the kernel: without it, there are only more wake-ups.
    fn set_flowing(&mut self, flowing: bool) {
        if flowing != self.is_flowing {
            let mark = if flowing { LOW_WATER } else { 1 };
            self.is_flowing = sys::set_receive_low_water(self.link.socket(), mark).is_ok() && flowing;
        }
    }
}

/// Plaintext on its way to the sink, without what frames it.
fn put(sink: &mut Sink, body: Option<&mut Body>, data: &[u8]) -> Result<()> {
    match body {
        None => sink.put(data),
        Some(body) => body.take(data, |content| sink.put(content))?,
    }
    Ok(())
}
