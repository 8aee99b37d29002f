//! What is sent in large pieces: where it comes from, and the memory that it goes through, which is the worker's and not the
//! connection's.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::Error;
use crate::error::reason;

/// The bytes of a piece, unless it is the last one: four whole records.
pub const CHUNK: usize = 65_536;

/// Lines of 63 printable characters, each begun one character further on than the one before, as of old from port 19 (RFC 864).
/// Whoever counts on the bytes of `--source` finds byte `n` to be `PATTERN[n % CHUNK]`.
pub static PATTERN: [u8; CHUNK] = pattern();

// It is the compiler's stack.
#[allow(clippy::large_stack_arrays)]
const fn pattern() -> [u8; CHUNK] {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = [b'\n'; CHUNK];
    let mut at = 0;
    while at < CHUNK {
        if at % 64 < 63 {
            bytes[at] = CHARACTERS[(at / 64 + at % 64) % 64];
        }
        at += 1;
    }
    bytes
}

/// A piece on its way to a client: the second half of a reply. A worker has one for all its connections.
pub struct Bulk {
    memory: Vec<u8>,
    piece: Piece,
}

enum Piece {
    None,
    /// The first bytes of the memory.
    Read(usize),
    Pattern(usize),
    Shared(Arc<[u8]>, usize, usize),
}

impl Default for Bulk {
    fn default() -> Self {
        Self { memory: Vec::new(), piece: Piece::None }
    }
}

impl Bulk {
    pub fn piece(&self) -> &[u8] {
        match &self.piece {
            Piece::None => &[],
            Piece::Read(count) => &self.memory[..*count],
            Piece::Pattern(count) => &PATTERN[..*count],
            Piece::Shared(bytes, from, to) => &bytes[*from..*to],
        }
    }

    pub fn clear(&mut self) {
        self.piece = Piece::None;
    }

    /// All of the memory, to be read into. It is never made zero again.
    fn space(&mut self) -> &mut [u8] {
        self.memory.resize(CHUNK, 0);
        &mut self.memory
    }
}

/// Something that is sent piece by piece.
pub enum Body {
    /// So many bytes of the pattern; None for no end.
    Pattern(Option<u64>),
    Bytes {
        bytes: Arc<[u8]>,
        at: usize,
    },
    /// A part of a regular file.
    File {
        file: File,
        at: u64,
        end: u64,
    },
}

impl Body {
    pub fn bytes(bytes: &Arc<[u8]>) -> Self {
        Self::Bytes { bytes: Arc::clone(bytes), at: 0 }
    }

    /// Make the next piece the one of `bulk`. False once it is the last one.
    pub fn next(&mut self, bulk: &mut Bulk) -> crate::Result<bool> {
        match self {
            Self::Pattern(None) => {
                bulk.piece = Piece::Pattern(CHUNK);
                Ok(true)
            }
            Self::Pattern(Some(left)) => {
                let count = chunk(*left);
                *left -= count as u64;
                bulk.piece = Piece::Pattern(count);
                Ok(*left > 0)
            }
            Self::Bytes { bytes, at } => {
                let to = bytes.len().min(*at + CHUNK);
                bulk.piece = Piece::Shared(Arc::clone(bytes), *at, to);
                *at = to;
                Ok(to < bytes.len())
            }
            Self::File { file, at, end } => {
                let space = &mut bulk.space()[..chunk(*end - *at)];
                let count = read_at(file, space, *at).map_err(|error| {
                    Error::local("file-unreadable", format!("a file cannot be read on: {}", reason(error)))
                })?;
                if count == 0 && !space.is_empty() {
                    return Err(Error::local("file-unreadable", "a file became shorter while it was sent"));
                }
                *at += count as u64;
                bulk.piece = Piece::Read(count);
                Ok(*at < *end)
            }
        }
    }

    /// Whether its receiver cannot wait for its end.
    pub fn is_endless(&self) -> bool {
        matches!(self, Self::Pattern(None))
    }
}

/// One `pread`, which a signal does not spoil.
pub fn read_at(file: &File, space: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(space, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn chunk(left: u64) -> usize {
    usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all(mut body: Body) -> (Vec<u8>, Vec<usize>) {
        let (mut bulk, mut all, mut sizes) = (Bulk::default(), Vec::new(), Vec::new());
        loop {
            let more = body.next(&mut bulk).unwrap();
            all.extend_from_slice(bulk.piece());
            sizes.push(bulk.piece().len());
            if !more {
                return (all, sizes);
            }
        }
    }

    #[test]
    fn pieces_are_full_but_for_the_last_one() {
        let size = 2 * CHUNK + 5;
        let (pattern, sizes) = all(Body::Pattern(Some(size as u64)));
        assert_eq!((pattern.len(), sizes), (size, vec![CHUNK, CHUNK, 5]));
        assert!(pattern.iter().enumerate().all(|(n, byte)| *byte == PATTERN[n % CHUNK]));
        assert!(PATTERN[..CHUNK].iter().all(|byte| byte.is_ascii_graphic() || *byte == b'\n'));
        let bytes: Arc<[u8]> = pattern.into();
        let (again, sizes) = all(Body::bytes(&bytes));
        assert!(again == *bytes && sizes == [CHUNK, CHUNK, 5]);
        assert_eq!(all(Body::Pattern(Some(0))), (Vec::new(), vec![0]));
    }

    #[test]
    fn a_file_that_becomes_shorter_is_an_error() {
        let path = std::env::temp_dir().join(format!("tlstool-bulk-{}", std::process::id()));
        std::fs::write(&path, b"0123456789").unwrap();
        let file = File::open(&path).unwrap();
        let mut body = Body::File { file: file.try_clone().unwrap(), at: 3, end: 7 };
        let mut bulk = Bulk::default();
        assert_eq!((body.next(&mut bulk), bulk.piece()), (Ok(false), &b"3456"[..]));
        let mut body = Body::File { file, at: 3, end: 20 };
        assert_eq!((body.next(&mut bulk), bulk.piece()), (Ok(true), &b"3456789"[..]));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(body.next(&mut bulk).unwrap_err().code(), "file-unreadable");
    }
}
