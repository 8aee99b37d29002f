//! What went over a connection as a capture that analysers open, decrypted: pcapng with the secrets inside.
//!
//! Nothing is sniffed, so no privilege is needed: the segments are made up around the bytes that the connection sent and received,
//! in their order, at their times. Addresses and ports are the real ones; sequence numbers and segment borders are not.

mod pcapng;
mod stream;

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::reason;
use crate::{Error, Result};

pub use stream::{End, Stream};

const NOTE: &str =
    "made by a TLS client of what it sent and received: segment borders and sequence numbers are made up";

/// A file that several connections write to, each as a TCP stream of its own.
///
/// A section is appended, so that several captures can go to one file one after the other.
#[derive(Debug)]
pub struct CaptureFile {
    path: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// What went wrong, once: a packet would be missing from then on.
    failed: Option<Error>,
}

impl CaptureFile {
    /// Nobody but the owner can read it: an existing file that others could is made to be so, before anything is written. It has to
    /// be a file, or a device: a pipe could keep the connection waiting.
    ///
    /// An error has the code `file-not-written`.
    pub fn open(path: &str) -> Result<Self> {
        // A pipe that nobody reads would keep us waiting here.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path);
        let opened = opened.and_then(private);
        let file = opened.map_err(|why| not_written(path, why))?;
        let capture = Self { path: path.to_owned(), state: Mutex::new(State { file, failed: None }) };
        let mut head = Vec::new();
        pcapng::section_header(&mut head, concat!("tlstool ", env!("CARGO_PKG_VERSION")));
        pcapng::interface(&mut head, NOTE);
        capture.write(&head)?;
        Ok(capture)
    }

    /// One more connection: what is said of it from now on follows its TCP handshake.
    pub fn stream(self: &Arc<Self>, socket: impl AsFd) -> Result<Stream> {
        Stream::open(self.clone(), socket)
    }

    /// A line of the key log. It has to come before the packets that it decrypts.
    ///
    /// An error is that of the next packet.
    pub fn secret(&self, line: &str) {
        let mut block = Vec::new();
        pcapng::secrets(&mut block, line);
        let _ = self.write(&block);
    }

    /// Whole blocks, in one write, so that several processes can share a file.
    fn write(&self, blocks: &[u8]) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        state.file.write_all(blocks).map_err(|why| {
            let error = not_written(&self.path, why);
            state.failed = Some(error.clone());
            error
        })
    }
}

/// Secrets must not go to a file that others may read.
fn private(file: File) -> io::Result<File> {
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_fifo() || kind.is_socket() {
        return Err(io::Error::other("it is a pipe, and has to be a file"));
    }
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn not_written(path: &str, why: io::Error) -> Error {
    Error::local("file-not-written", format!("{path} cannot be written: {}", reason(why)))
}

#[cfg(test)]
mod tests;
