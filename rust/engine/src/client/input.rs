//! What was received and is not used up: one buffer, in which records are decrypted where they lie.

use crate::conn::MAX_RECORD;
use crate::{Error, Result};

/// A handshake message of 64 KiB, the most that rustls takes, in records of any size that make sense.
const LARGEST: usize = 256 * 1024;
const FIRST: usize = 32 * 1024;

/// Received records: what rustls has not used up yet lies at `start..end`.
#[derive(Default)]
pub struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub fn reserve(&mut self, size: usize) {
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
    }

    /// Room for at least one record, behind what is unread.
    pub fn space(&mut self) -> Result<&mut [u8]> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < MAX_RECORD {
            let size = (self.buffer.len() * 2).max(FIRST);
            if size > LARGEST.max(self.buffer.len()) {
                return Err(Error::HandshakeTooLarge);
            }
            self.buffer.resize(size, 0);
        }
        Ok(&mut self.buffer[self.end..])
    }

    pub fn filled(&mut self, count: usize) {
        self.end += count;
    }

    pub fn unread(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..self.end]
    }

    pub fn used(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }
}
