//! The body of an HTTP/1.1 response (RFC 9112 section 6): where it ends, and what it says without its chunks.

use super::plan::BodySpec;
use crate::{Error, Result};

/// A line with a chunk's size and its extensions, and one of a trailer section, may be this long.
const LONGEST_LINE: usize = 8 * 1024;
/// All lines of a trailer section together.
const LONGEST_TRAILER: usize = 64 * 1024;

/// The decoder: raw pieces in, content out, in the same memory.
#[derive(Debug)]
pub struct Body {
    state: State,
    /// The line that is being read, as far as it has come.
    line: Vec<u8>,
    trailer: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Until the peer closes (RFC 9112 section 6.3, case 8).
    ToEnd,
    /// So many bytes more.
    Length(u64),
    ChunkSize,
    /// So many bytes more, and then a line end.
    Chunk(u64),
    ChunkEnd,
    Trailer,
    Complete,
}

impl Body {
    pub fn new(spec: BodySpec) -> Self {
        let state = match spec {
            // A chunked body has no other length, whatever the head says (RFC 9112 section 6.3, case 3).
            BodySpec { chunked: true, .. } => State::ChunkSize,
            BodySpec { length: Some(0), .. } => State::Complete,
            BodySpec { length: Some(length), .. } => State::Length(length),
            BodySpec { length: None, .. } => State::ToEnd,
        };
        Self { state, line: Vec::new(), trailer: 0 }
    }

    /// Whether nothing of it is to come.
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// What `data` adds to the content goes to `content`; anything behind the end of the body is dropped.
    pub fn take(&mut self, mut data: &[u8], mut content: impl FnMut(&[u8])) -> Result<()> {
        while !data.is_empty() {
            data = match self.state {
                State::Complete => return Ok(()),
                State::ToEnd => {
                    content(data);
                    return Ok(());
                }
                State::Length(left) | State::Chunk(left) => self.content(left, data, &mut content),
                State::ChunkSize | State::ChunkEnd | State::Trailer => self.end_line(data)?,
            };
        }
        Ok(())
    }

    /// The peer will send no more: fail if it should have.
    pub fn end(&self) -> Result<()> {
        match self.state {
            State::ToEnd | State::Complete => Ok(()),
            State::Length(left) => Err(Error::Truncated(format!("the peer ended {left} bytes before the body does"))),
            _ => Err(Error::Truncated("the peer ended before its last chunk".to_owned())),
        }
    }

    /// Pass on what belongs to the run of `left` bytes; the rest.
    fn content<'d>(&mut self, left: u64, data: &'d [u8], content: &mut impl FnMut(&[u8])) -> &'d [u8] {
        let count = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
        let (own, rest) = data.split_at(count);
        content(own);
        let left = left - count as u64;
        self.state = match (self.state, left) {
            (State::Chunk(_), 0) => State::ChunkEnd,
            (State::Chunk(_), _) => State::Chunk(left),
            (_, 0) => State::Complete,
            (_, _) => State::Length(left),
        };
        rest
    }

    /// Read to the end of the line, and act by it; the rest.
    fn end_line<'d>(&mut self, data: &'d [u8]) -> Result<&'d [u8]> {
        let length = data.iter().position(|byte| *byte == b'\n').map_or(data.len(), |place| place + 1);
        let (own, rest) = data.split_at(length);
        if self.line.len() + own.len() > LONGEST_LINE {
            return Err(broken("a line between its chunks has no end"));
        }
        self.line.extend_from_slice(own);
        if self.line.last() == Some(&b'\n') {
            let line = std::mem::take(&mut self.line);
            self.state = self.after(&line)?;
        }
        Ok(rest)
    }

    fn after(&mut self, line: &[u8]) -> Result<State> {
        match self.state {
            // httparse takes a size without a digit for zero.
            State::ChunkSize if !line[0].is_ascii_hexdigit() => Err(broken("a chunk has no size")),
            State::ChunkSize => match httparse::parse_chunk_size(line) {
                Ok(httparse::Status::Complete((_, 0))) => Ok(State::Trailer),
                Ok(httparse::Status::Complete((_, size))) => Ok(State::Chunk(size)),
                _ => Err(broken("a chunk has no size")),
            },
            State::ChunkEnd if line == b"\r\n" => Ok(State::ChunkSize),
            State::ChunkEnd => Err(broken("a chunk is longer than it says")),
            // The fields of a trailer section are nobody's here.
            _ if line == b"\r\n" => Ok(State::Complete),
            _ => {
                self.trailer += line.len();
                if self.trailer > LONGEST_TRAILER { Err(broken("its trailer has no end")) } else { Ok(State::Trailer) }
            }
        }
    }
}

fn broken(why: &str) -> Error {
    Error::NotHttp(format!("the response's chunked body is broken: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CHUNKED: BodySpec = BodySpec { length: None, chunked: true };

    /// The content of a body that comes in pieces of a size, and whether that was all of it.
    fn decoded(spec: BodySpec, raw: &[u8], size: usize) -> Result<(Vec<u8>, bool)> {
        let (mut body, mut content) = (Body::new(spec), Vec::new());
        for piece in raw.chunks(size) {
            body.take(piece, |data| content.extend_from_slice(data))?;
        }
        Ok((content, body.is_complete()))
    }

    #[test]
    fn chunks_are_joined_in_whatever_pieces_they_come() {
        let raw = b"5\r\nhello\r\n1;name=\"v\"\r\n \r\n00A\r\n0123456789\r\n0\r\nX: y\r\nZ: \r\n\r\nmore";
        for size in 1..=raw.len() {
            assert_eq!(decoded(CHUNKED, raw, size), Ok((b"hello 0123456789".to_vec(), true)), "in pieces of {size}");
        }
    }

    #[test]
    fn a_body_has_the_length_that_it_says() {
        let spec = |length| BodySpec { length: Some(length), chunked: false };
        assert_eq!(decoded(spec(3), b"abcdef", 2), Ok((b"abc".to_vec(), true)));
        assert_eq!(decoded(spec(0), b"abc", 3), Ok((Vec::new(), true)));
        assert_eq!(decoded(spec(u64::MAX), b"abc", 3), Ok((b"abc".to_vec(), false)));
    }

    #[test]
    fn without_a_length_the_body_ends_with_the_connection() {
        let mut body = Body::new(BodySpec { length: None, chunked: false });
        body.take(b"all", |_| ()).unwrap();
        assert!(!body.is_complete());
        assert_eq!(body.end(), Ok(()));
    }

    #[test]
    fn an_end_that_comes_too_early_is_an_error() {
        for raw in [&b""[..], b"5", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n0\r\n", b"0\r\nX: y\r\n"] {
            let mut body = Body::new(CHUNKED);
            body.take(raw, |_| ()).unwrap();
            assert!(matches!(body.end(), Err(Error::Truncated(_))), "{raw:?}");
        }
        assert!(matches!(Body::new(BodySpec { length: Some(1), chunked: false }).end(), Err(Error::Truncated(_))));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        let endless = vec![b'1'; LONGEST_LINE + 1];
        let trailer = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(LONGEST_TRAILER / 6 + 1)].concat();
        let bad = [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\n",
            b"11111111111111111\r\n",
            b"1\r\nab\r\n",
            b"1\r\na\n",
            &endless,
            &trailer,
        ];
        for raw in bad {
            assert!(matches!(decoded(CHUNKED, raw, 7), Err(Error::NotHttp(_))), "{:?}", &raw[..raw.len().min(20)]);
        }
    }
}
