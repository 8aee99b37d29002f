//! The few system calls that no safe crate wraps. Nothing else here: this is one of the two places that may hold `unsafe`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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

/// How many bytes have to be there for a socket to count as readable (`SO_RCVLOWAT`, socket(7)); its end always counts.
pub fn set_receive_low_water(socket: BorrowedFd<'_>, bytes: i32) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<i32>()).unwrap_or_default();
    let value = &raw const bytes;
    // SAFETY: setsockopt reads `size` bytes at `value`, which live for the call; a bad descriptor is answered with EBADF.
    let outcome =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, value.cast(), size) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
