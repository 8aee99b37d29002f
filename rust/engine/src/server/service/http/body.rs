//! The body of a request: where it ends, and what of it is content.

use httparse::Status;

use super::MAX_HEAD;

/// Bytes of the line that begins a chunk, extensions included.
const MAX_CHUNK_LINE: usize = 1024;

const BAD_REQUEST: &str = "400 Bad Request";

/// How the rest of a body is delimited.
#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes.
    Length(u64),
    Chunked(Chunked),
}

/// Where in a chunked body (RFC 9112 section 7.1) the next byte belongs.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunked {
    Size,
    Data(u64),
    /// The line end behind the data.
    DataEnd,
    /// Fields behind the last chunk; so many bytes of them have come.
    Trailer(usize),
}

impl Framing {
    pub fn chunked() -> Self {
        Self::Chunked(Chunked::Size)
    }

    /// Whether it is known that there is nothing to come.
    pub fn is_empty(&self) -> bool {
        *self == Self::Length(0)
    }

    /// Hand the content in `input` to `take`: how many bytes of the input are used up, and whether the body has ended. An error is
    /// the status to answer with.
    pub fn feed(&mut self, input: &[u8], mut take: impl FnMut(&[u8])) -> Result<(usize, bool), &'static str> {
        match self {
            Self::Length(left) => {
                let data = first(input, *left);
                take(data);
                *left -= data.len() as u64;
                Ok((data.len(), *left == 0))
            }
            Self::Chunked(chunked) => {
                let mut used = 0;
                loop {
                    match chunked.step(&input[used..], &mut take)? {
                        Step::Used(count) => used += count,
                        Step::Wait => return Ok((used, false)),
                        Step::Over(count) => return Ok((used + count, true)),
                    }
                }
            }
        }
    }
}

enum Step {
    Used(usize),
    /// For more bytes.
    Wait,
    Over(usize),
}

impl Chunked {
    fn step(&mut self, input: &[u8], take: &mut impl FnMut(&[u8])) -> Result<Step, &'static str> {
        if input.is_empty() {
            return Ok(Step::Wait);
        }
        match self {
            Self::Size => match httparse::parse_chunk_size(input) {
                // Some take the first LF for the end of the line, httparse only CR LF: an extension with an LF in it has two readings.
                Ok(Status::Complete((used, size))) if !input[..used - 2].contains(&b'\n') => {
                    *self = if size == 0 { Self::Trailer(0) } else { Self::Data(size) };
                    Ok(Step::Used(used))
                }
                Ok(Status::Partial) if input.len() <= MAX_CHUNK_LINE => Ok(Step::Wait),
                _ => Err(BAD_REQUEST),
            },
            Self::Data(left) => {
                let data = first(input, *left);
                take(data);
                *left -= data.len() as u64;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                Ok(Step::Used(data.len()))
            }
            Self::DataEnd => match input {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok(Step::Used(2))
                }
                b"\r" => Ok(Step::Wait),
                _ => Err(BAD_REQUEST),
            },
            Self::Trailer(seen) => {
                let Some(line) = memchr::memchr(b'\n', input).map(|end| end + 1) else {
                    return if *seen + input.len() <= MAX_HEAD { Ok(Step::Wait) } else { Err(BAD_REQUEST) };
                };
                *seen += line;
                match &input[..line] {
                    b"\r\n" | b"\n" => Ok(Step::Over(line)),
                    _ if *seen > MAX_HEAD => Err(BAD_REQUEST),
                    _ => Ok(Step::Used(line)),
                }
            }
        }
    }
}

/// As much of `input` as belongs to what has so many bytes left.
fn first(input: &[u8], left: u64) -> &[u8] {
    &input[..usize::try_from(left).map_or(input.len(), |left| left.min(input.len()))]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The content of a body that comes in pieces of so many bytes, and what is left behind it.
    fn fed(mut framing: Framing, input: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
        let (mut content, mut kept) = (Vec::new(), Vec::new());
        for (number, bytes) in input.chunks(piece).enumerate() {
            kept.extend_from_slice(bytes);
            let (used, over) = framing.feed(&kept, |bytes| content.extend_from_slice(bytes))?;
            kept.drain(..used);
            if over {
                kept.extend_from_slice(&input[((number + 1) * piece).min(input.len())..]);
                return Ok((content, kept));
            }
        }
        panic!("the body does not end");
    }

    #[test]
    fn the_content_does_not_depend_on_how_it_is_cut() {
        let chunked = b"5\r\nhello\r\nA;name=value\r\n, chunked \r\n00\r\nTrailer: x\r\n\r\nGET /";
        for piece in 1..chunked.len() {
            let (content, rest) = fed(Framing::chunked(), chunked, piece).unwrap();
            assert_eq!((&content[..], &rest[..]), (&b"hello, chunked "[..], &b"GET /"[..]), "{piece}");
            let (content, rest) = fed(Framing::Length(7), b"content, and more", piece).unwrap();
            assert_eq!((&content[..], &rest[..]), (&b"content"[..], &b", and more"[..]), "{piece}");
        }
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        let endless = [b"1;".to_vec(), vec![b'x'; MAX_CHUNK_LINE]].concat();
        let trailers = [b"0\r\n".to_vec(), b"x: y\r\n".repeat(MAX_HEAD)].concat();
        for bad in [
            &b"x\r\n"[..],
            b"5\r\nhello!\r\n",
            b"-1\r\n",
            b"fffffffffffffffff\r\n",
            b"1;\n\r\nx\r\n0\r\n\r\n",
            &endless,
            &trailers,
        ] {
            assert_eq!(fed(Framing::chunked(), bad, bad.len()), Err(BAD_REQUEST));
        }
    }
}
