//! How a peer's answer begins: as TLS, or as something else, which is heard to the end of its line.

use std::os::fd::BorrowedFd;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::wait::{Bounds, wait_one};
use crate::{Error, Result};

/// How much of an answer is kept in case it turns out not to be TLS: the longest greeting of RFC 5321 section 4.5.3.1.5.
const FIRST_BYTES: usize = 512;
/// By then, every protocol that is not made of lines has said enough to be told by it.
const TELLING: usize = 8;

/// The first bytes of an answer.
#[derive(Default)]
pub struct Greeting {
    bytes: Vec<u8>,
}

impl Greeting {
    /// Keep the beginning of what was received; an error once that is not TLS.
    pub fn check(&mut self, received: &[u8]) -> Result<()> {
        let missing = (FIRST_BYTES - self.bytes.len()).min(received.len());
        self.bytes.extend_from_slice(&received[..missing]);
        if self.is_tls() { Ok(()) } else { Err(self.error()) }
    }

    /// Read on to the end of the first line, as far as that comes in time; the error that it all amounts to.
    pub fn hear_out(&mut self, socket: BorrowedFd<'_>, bounds: &mut Bounds<'_>) -> Error {
        let mut space = [0; FIRST_BYTES];
        while self.is_half_heard() {
            let room = FIRST_BYTES - self.bytes.len();
            match recv(socket, &mut space[..room], RecvFlags::DONTWAIT) {
                Ok((count @ 1.., _)) => self.bytes.extend_from_slice(&space[..count]),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => match wait_one(socket, PollFlags::IN, bounds) {
                    Ok(()) => {}
                    Err(Error::Interrupted) => return Error::Interrupted,
                    Err(_) => break,
                },
                Ok(_) | Err(_) => break,
            }
        }
        self.error()
    }

    /// Whether the answer began like a record (RFC 8446 section 5.1), as far as there is one.
    fn is_tls(&self) -> bool {
        match self.bytes[..] {
            [] => true,
            [kind] => (20..=23).contains(&kind),
            [kind, major, ..] => (20..=23).contains(&kind) && major == 3,
        }
    }

    /// Whether the peer's first words, if they are words, are still without their end.
    fn is_half_heard(&self) -> bool {
        let is_text = self.bytes.iter().all(|byte| byte.is_ascii_graphic() || b" \t\r".contains(byte));
        self.bytes.len() < if is_text { FIRST_BYTES } else { TELLING }
    }

    fn error(&self) -> Error {
        Error::NotTls { first_bytes: self.bytes.clone() }
    }
}
