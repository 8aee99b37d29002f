//! Waiting for a socket: never longer than the limit, never deaf to Ctrl-C.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::{Error, Result};

/// How long a wait may go without asking whether it was interrupted.
pub const TICK: Duration = Duration::from_millis(50);

/// Whether the user wants the job to stop. Asked at least every [`TICK`], and whenever a system call is interrupted.
pub trait Interrupt: Sync {
    fn interrupted(&self) -> bool;
}

/// A job that nobody interrupts.
pub struct Never;

impl Interrupt for Never {
    fn interrupted(&self) -> bool {
        false
    }
}

/// The moment at which a phase has to be over.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimit(Option<Instant>);

impl TimeLimit {
    pub const NEVER: Self = Self(None);

    /// In so many seconds, or never. Anything too large to be a time is never.
    pub fn after(seconds: Option<f64>) -> Self {
        Self(
            seconds
                .and_then(|s| Duration::try_from_secs_f64(s.max(0.0)).ok())
                .and_then(|d| Instant::now().checked_add(d)),
        )
    }

    /// No later than in so much time.
    pub fn at_most(self, time: Duration) -> Self {
        let end = Instant::now() + time;
        Self(Some(self.0.map_or(end, |own| own.min(end))))
    }

    /// The time left, zero if it is over, None without a limit.
    pub fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(Instant::now()))
    }
}

/// What a job, or a phase of it, has to keep to: its time limit, and the user's patience.
pub struct Bounds<'i> {
    limit: TimeLimit,
    interrupt: &'i dyn Interrupt,
    asked: Instant,
}

impl<'i> Bounds<'i> {
    pub fn new(limit: TimeLimit, interrupt: &'i dyn Interrupt) -> Self {
        Self { limit, interrupt, asked: Instant::now() }
    }

    /// Set another limit.
    pub fn limit(&mut self, limit: TimeLimit) {
        self.limit = limit;
    }

    /// Fail if the limit has run out, or if the user wants the job to stop.
    ///
    /// [`wait`] does this by itself. A loop that a busy peer can keep from ever waiting has to.
    pub fn check(&mut self) -> Result<()> {
        if self.limit.left().is_some_and(|left| left.is_zero()) {
            return Err(Error::TimeLimit);
        }
        if self.asked.elapsed() >= TICK { self.ask() } else { Ok(()) }
    }

    fn ask(&mut self) -> Result<()> {
        self.asked = Instant::now();
        if self.interrupt.interrupted() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Wait until one of `fds` is ready; its flags are in `revents`.
pub fn wait(fds: &mut [PollFd<'_>], bounds: &mut Bounds<'_>) -> Result<()> {
    loop {
        bounds.check()?;
        let tick = bounds.limit.left().map_or(TICK, |left| left.min(TICK));
        let timeout = Timespec { tv_sec: 0, tv_nsec: tick.subsec_nanos().into() };
        match poll(fds, Some(&timeout)) {
            Ok(0) => {}
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => bounds.ask()?,
            Err(errno) => return Err(Error::Internal(format!("poll: {errno}"))),
        }
    }
}

/// Wait for one descriptor.
pub fn wait_one(fd: BorrowedFd<'_>, flags: PollFlags, bounds: &mut Bounds<'_>) -> Result<()> {
    wait(&mut [PollFd::from_borrowed_fd(fd, flags)], bounds)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Interrupted from the first time it asks.
    struct AtOnce;

    impl Interrupt for AtOnce {
        fn interrupted(&self) -> bool {
            true
        }
    }

    #[test]
    fn what_is_always_ready_outlasts_neither_the_limit_nor_the_user() {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"x").unwrap();
        let begun = Instant::now();
        let busy = |mut bounds: Bounds<'_>| loop {
            assert!(begun.elapsed() < Duration::from_secs(10));
            if let Err(error) = wait_one(near.as_fd(), PollFlags::IN, &mut bounds) {
                return error;
            }
        };
        assert_eq!(busy(Bounds::new(TimeLimit::after(Some(0.1)), &Never)), Error::TimeLimit);
        assert_eq!(busy(Bounds::new(TimeLimit::NEVER, &AtOnce)), Error::Interrupted);
    }
}
