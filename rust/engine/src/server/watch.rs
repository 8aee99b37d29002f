//! The calling thread's part: hear Ctrl-C and the stop descriptor, deliver events, until the last worker has finished.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::OnConnections;
use super::shared::{Shared, Stage};
use crate::wait::TICK;
use crate::{Error, Interrupt, Result};

/// How long events are gathered once some were delivered: a busy server must not take the interpreter lock for each connection.
const GATHER: Duration = Duration::from_millis(20);

pub fn watch(
    shared: &Shared,
    stop: OwnedFd,
    interrupt: &dyn Interrupt,
    on_connections: OnConnections<'_>,
) -> Result<()> {
    let mut stop = Some(stop);
    let mut gather_until = Instant::now();
    loop {
        // Asked before the journal is emptied: what the last worker wrote is then in it.
        let working = shared.working();
        let events = shared.journal.drain();
        if !events.is_empty() {
            on_connections(events)?;
            gather_until = Instant::now() + GATHER;
        }
        if !working {
            return Ok(());
        }
        if interrupt.interrupted() {
            return Err(Error::Interrupted);
        }
        if stop_heard(shared, stop.as_ref(), gather_until)? {
            stop = stop.and_then(|fd| heed(shared, fd));
        }
    }
}

/// Wait for the stop descriptor, for an event unless events are being gathered, or for a tick.
fn stop_heard(shared: &Shared, stop: Option<&OwnedFd>, gather_until: Instant) -> Result<bool> {
    let gathering = gather_until.saturating_duration_since(Instant::now());
    let mut fds = Vec::with_capacity(2);
    fds.extend(stop.map(|fd| PollFd::new(fd, PollFlags::IN)));
    if gathering.is_zero() {
        fds.push(PollFd::new(shared.journal.bell(), PollFlags::IN));
    }
    let limit = if gathering.is_zero() { TICK } else { gathering };
    let timeout = Timespec { tv_sec: 0, tv_nsec: limit.subsec_nanos().into() };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) => Ok(stop.is_some() && fds.first().is_some_and(|fd| !fd.revents().is_empty())),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(Error::Internal(format!("poll: {errno}"))),
    }
}

/// Do what the stop descriptor says: one byte in order, two at once. Its end says as much as one byte, and is its last word.
fn heed(shared: &Shared, stop: OwnedFd) -> Option<OwnedFd> {
    let asked_before = shared.stage() >= Stage::Stopping;
    match rustix::io::read(&stop, &mut [0; 2][..]) {
        Ok(0) => {
            shared.raise(Stage::Stopping);
            return None;
        }
        Ok(count) => shared.raise(if asked_before || count > 1 { Stage::Halted } else { Stage::Stopping }),
        Err(Errno::INTR | Errno::AGAIN) => {}
        Err(_) => {
            shared.raise(Stage::Halted);
            return None;
        }
    }
    Some(stop)
}
