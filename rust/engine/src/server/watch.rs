//! The calling thread's part: hear Ctrl-C and deliver events, until the last worker has finished. Whoever is to stop the server is
//! heard in a thread of its own: a listener that takes its time with an event must not keep it from ending.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use super::shared::{Shared, Stage};
use super::{OnEvents, ServeEvent};
use crate::wait::TICK;
use crate::{Error, Interrupt, Result};

/// How long events are gathered once some were delivered: a busy server must not take the interpreter lock for each connection.
const GATHER: Duration = Duration::from_millis(20);

/// What the calling thread is to see to.
pub struct Watch<'a> {
    pub stop: OwnedFd,
    /// When the server is to stop by itself.
    pub until: Option<Instant>,
    /// How often it is to tell what it has counted.
    pub counts_every: Option<Duration>,
    pub interrupt: &'a dyn Interrupt,
}

pub fn watch(shared: &Shared, watch: Watch<'_>, on_events: OnEvents<'_>) -> Result<()> {
    let Watch { stop, until, counts_every, interrupt } = watch;
    // Its end tells the other thread that nothing is left to be stopped.
    let (over, working) = pipe_with(PipeFlags::CLOEXEC).map_err(|errno| Error::of_system("no pipe", errno.into()))?;
    thread::scope(|scope| {
        let ear = thread::Builder::new().spawn_scoped(scope, move || listen(shared, stop, until, &over));
        let ear = ear.map_err(Error::no_thread)?;
        let delivered = deliver(shared, counts_every, interrupt, on_events);
        drop(working);
        let heard = ear.join().unwrap_or_else(|panic| Err(Error::panicked(&*panic)));
        delivered.and(heard)
    })
}

fn deliver(
    shared: &Shared,
    counts_every: Option<Duration>,
    interrupt: &dyn Interrupt,
    on_events: OnEvents<'_>,
) -> Result<()> {
    let mut counted = Instant::now();
    loop {
        // Asked before the journal is emptied: what the last worker wrote is then in it.
        let working = shared.working();
        let connections = shared.journal.drain();
        let delivering = !connections.is_empty();
        let mut events =
            connections.into_iter().map(|event| ServeEvent::Connection(Box::new(event))).collect::<Vec<_>>();
        if working && counts_every.is_some_and(|every| counted.elapsed() >= every) {
            counted = Instant::now();
            events.push(ServeEvent::Counts(shared.totals()));
        }
        // Also of nothing: the listener may have something to do in this thread now and then.
        on_events(events)?;
        if !working {
            return Ok(());
        }
        if interrupt.interrupted() {
            return Err(Error::Interrupted);
        }
        if delivering {
            thread::sleep(GATHER);
        } else {
            wait(&mut [PollFd::new(shared.journal.bell(), PollFlags::IN)], Some(TICK))?;
        }
    }
}

/// Heed the stop descriptor and the clock until the server is `over`.
fn listen(shared: &Shared, stop: OwnedFd, mut until: Option<Instant>, over: &OwnedFd) -> Result<()> {
    let mut stop = Some(stop);
    loop {
        let mut fds = vec![PollFd::new(over, PollFlags::IN)];
        fds.extend(stop.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        wait(&mut fds, until.map(|until| until.saturating_duration_since(Instant::now())))?;
        let heard = fds.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>();
        if heard[0] {
            return Ok(());
        }
        if until.take_if(|until| *until <= Instant::now()).is_some() {
            shared.raise(Stage::Stopping);
        }
        if heard.last() == Some(&true) {
            stop = stop.and_then(|fd| heed(shared, fd));
        }
    }
}

fn wait(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> Result<()> {
    // A limit that the system's clock cannot hold is none.
    let timeout = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
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
