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

/// Bytes that this process has from `malloc` and has not given back, with malloc's own words beside them; None where the C library
/// does not tell (glibc does from 2.33 on, `mallinfo2(3)`).
pub fn heap_in_use() -> Option<i64> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        type MallInfo2 = unsafe extern "C" fn() -> libc::mallinfo2;
        static MALLINFO2: std::sync::LazyLock<Option<MallInfo2>> = std::sync::LazyLock::new(|| {
            // Looked up by name, so that an older C library costs this figure alone.
            // SAFETY: dlsym only compares the name; RTLD_DEFAULT is every library that is loaded.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"mallinfo2".as_ptr()) };
            // SAFETY: null is None, and anything else is glibc's function of that name, which has this type.
            unsafe { std::mem::transmute::<*mut libc::c_void, Option<MallInfo2>>(found) }
        });
        // SAFETY: it takes nothing, and locks what it reads.
        let info = MALLINFO2.map(|mallinfo2| unsafe { mallinfo2() })?;
        i64::try_from(info.uordblks + info.hblkhd).ok()
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}
