//! The local ends of a relay: what bytes are read from and written to. Both belong to someone else, and so do their flags.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use crate::error::reason;
use crate::{Error, Result, sys};

/// A pipe takes so much at a time, and holds as much.
const PIPE: usize = 1024 * 1024;
/// Smaller pieces wait for what comes with them, so that none costs a system call of its own.
const SMALL: usize = 4096;
/// What a pipe that counts as writable takes without blocking (`PIPE_BUF`, pipe(7)).
const ATOMIC: usize = 4096;

/// Where bytes come from: a file, a pipe, a terminal, a socket.
pub struct Source {
    fd: OwnedFd,
    is_over: bool,
}

impl Source {
    pub fn new(fd: RawFd) -> Result<Self> {
        let fd = duplicate(fd)?;
        widen_pipe(&fd);
        Ok(Self { fd, is_over: false })
    }

    /// To be waited for.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Once it counts as readable, a read does not block, whatever the flags. None: nothing there after all.
    pub fn read<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>> {
        match rustix::io::read(&self.fd, &mut *buffer) {
            Ok(0) => {
                self.is_over = true;
                Ok(None)
            }
            Ok(count) => Ok(Some(&buffer[..count])),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            // The other side of a pseudo-terminal is gone.
            Err(Errno::IO) if rustix::termios::isatty(&self.fd) => {
                self.is_over = true;
                Ok(None)
            }
            Err(errno) => Err(Error::local("file-unreadable", format!("the input cannot be read: {}", reason(errno)))),
        }
    }
}

/// How to write without blocking where blocking is not wanted.
enum Way {
    /// A file or a device: it takes what it gets.
    Straight,
    /// A pipe or a terminal under a file description of our own, which does not block; the given one stays as it is.
    Reopened,
    /// A socket: each call says that it must not block.
    Socket,
    /// None of these: little by little, and only when it says that it can.
    Paced,
}

/// Where bytes go to. What it does not take at once is kept, and has to be gone before more is brought.
pub struct Sink {
    fd: OwnedFd,
    way: Way,
    kept: Vec<u8>,
    start: usize,
    state: State,
}

enum State {
    Open,
    /// Nobody reads it any more.
    Closed,
    Failed(Error),
}

impl Sink {
    pub fn new(fd: RawFd) -> Result<Self> {
        let given = duplicate(fd)?;
        let kind = fstat(&given).map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode));
        let is_terminal = rustix::termios::isatty(&given);
        let (fd, way) = match kind {
            FileType::Socket => (given, Way::Socket),
            FileType::Fifo => {
                widen_pipe(&given);
                reopened(given)
            }
            _ if is_terminal => reopened(given),
            _ => (given, Way::Straight),
        };
        Ok(Self { fd, way, kept: Vec::new(), start: 0, state: State::Open })
    }

    /// To be waited for.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub fn is_drained(&self) -> bool {
        self.start == self.kept.len()
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether its reader can go away unseen, so that it is worth a look while nothing is written.
    pub fn can_hang_up(&self) -> bool {
        !matches!(self.way, Way::Straight)
    }

    /// The reader is gone.
    pub fn hang_up(&mut self) {
        self.state = State::Closed;
    }

    /// Take `data` as far as possible, and keep the rest; [`settle`](Self::settle) when there is no more for now.
    pub fn put(&mut self, data: &[u8]) {
        let mut rest = data;
        if data.len() >= SMALL && self.is_drained() && !matches!(self.way, Way::Paced) {
            let taken = self.write(data);
            rest = &data[taken..];
        }
        if matches!(self.state, State::Open) {
            self.kept.extend_from_slice(rest);
        }
    }

    /// Write what small pieces have come to, if that cannot block.
    pub fn settle(&mut self) {
        if !self.is_drained() && !matches!(self.way, Way::Paced) {
            self.drain();
        }
    }

    /// Write what is kept, as far as possible.
    pub fn drain(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        self.start += self.write(&kept[self.start..]);
        self.kept = kept;
        if self.start == self.kept.len() {
            self.kept.clear();
            self.start = 0;
        }
    }

    /// What went wrong, unless it is just that nobody reads any more.
    pub fn check(&self) -> Result<()> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Open | State::Closed => Ok(()),
        }
    }

    fn write(&mut self, data: &[u8]) -> usize {
        let mut taken = 0;
        while taken < data.len() && matches!(self.state, State::Open) {
            let rest = &data[taken..];
            let outcome = match self.way {
                Way::Straight | Way::Reopened => rustix::io::write(&self.fd, rest),
                Way::Socket => send(&self.fd, rest, SendFlags::DONTWAIT),
                Way::Paced => rustix::io::write(&self.fd, &rest[..rest.len().min(ATOMIC)]),
            };
            match outcome {
                Ok(count) => taken += count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(Errno::PIPE | Errno::CONNRESET) => self.state = State::Closed,
                Err(errno) => {
                    let message = format!("the output cannot be written: {}", reason(errno));
                    self.state = State::Failed(Error::local("file-not-written", message));
                }
            }
            if matches!(self.way, Way::Paced) {
                break;
            }
        }
        taken
    }
}

fn duplicate(fd: RawFd) -> Result<OwnedFd> {
    sys::duplicate(fd).map_err(|error| Error::Usage(format!("descriptor {fd}: {error}")))
}

/// The flag that keeps writes from blocking belongs to the open file description, which other processes share: a shell would find
/// its terminal changed. Linux gives a description of one's own for the asking; other systems give the same one again.
fn reopened(given: OwnedFd) -> (OwnedFd, Way) {
    if !cfg!(target_os = "linux") {
        return (given, Way::Paced);
    }
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&given));
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    match open(path, flags, Mode::empty()) {
        Ok(own) => (own, Way::Reopened),
        Err(_) => (given, Way::Paced),
    }
}

fn widen_pipe(fd: &OwnedFd) {
    // As far as the system's limits allow; a smaller pipe is only slower.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(fd, PIPE);
}
