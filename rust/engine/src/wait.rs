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
    /// In so many seconds, or never. Anything too large to be a time is never.
    pub fn after(seconds: Option<f64>) -> Self {
        Self(
            seconds
                .and_then(|s| Duration::try_from_secs_f64(s.max(0.0)).ok())
                .and_then(|d| Instant::now().checked_add(d)),
        )
    }

    /// The time left, zero if it is over, None without a limit.
    pub fn left(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(Instant::now()))
    }
}

/// Wait until one of `fds` is ready; its flags are in `revents`.
pub fn wait(fds: &mut [PollFd<'_>], limit: TimeLimit, interrupt: &dyn Interrupt) -> Result<()> {
    loop {
        let left = limit.left();
        let tick = left.map_or(TICK, |left| left.min(TICK));
        let timeout = Timespec { tv_sec: 0, tv_nsec: tick.subsec_nanos().into() };
        match poll(fds, Some(&timeout)) {
            Ok(0) if left.is_some_and(|left| left <= TICK) => return Err(Error::TimeLimit),
            Ok(0) | Err(Errno::INTR) => {
                if interrupt.interrupted() {
                    return Err(Error::Interrupted);
                }
            }
            Ok(_) => return Ok(()),
            Err(errno) => return Err(Error::Internal(format!("poll: {errno}"))),
        }
    }
}

/// Wait for one descriptor.
pub fn wait_one(fd: BorrowedFd<'_>, flags: PollFlags, limit: TimeLimit, interrupt: &dyn Interrupt) -> Result<()> {
    wait(&mut [PollFd::from_borrowed_fd(fd, flags)], limit, interrupt)
}
