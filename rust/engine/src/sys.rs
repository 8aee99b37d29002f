//! The few system calls that no safe crate wraps. Nothing else here: this is one of the two files that may hold `unsafe`.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// A duplicate of a descriptor that belongs to someone else (Python, or this process from its start), close-on-exec.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl reads nothing through a pointer here; a bad descriptor is answered with EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `copy` is new, open, and known to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
