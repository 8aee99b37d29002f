//! What one direction of a connection carries: records out of bytes, handshake messages out of records.

/// The header of a record: type, version, length (RFC 8446 section 5.1).
pub const HEADER: usize = 5;
/// The most that a record may hold: 2^14 and 2,048 of expansion in TLS 1.2 (RFC 5246 section 6.2.3).
const LARGEST: usize = 16_384 + 2048;
/// Of a handshake message, so much is kept, which is all that rustls takes; what is behind that is counted.
const KEPT: usize = 64 * 1024;
const MESSAGE_HEADER: usize = 4;

/// Content types (RFC 8446 section 5.1, RFC 6520).
pub mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
    pub const HEARTBEAT: u8 = 24;
}

/// Cuts bytes, which come in any pieces, into records.
#[derive(Default)]
pub struct Framer {
    buffer: Vec<u8>,
    start: usize,
    /// What came was no TLS, and where it would begin again nobody knows.
    lost: bool,
}

/// One record as it was on the wire.
pub struct Record {
    pub header: [u8; HEADER],
    pub body: Vec<u8>,
}

impl Record {
    pub fn kind(&self) -> u8 {
        self.header[0]
    }

    /// On the wire, with its header.
    pub fn size(&self) -> usize {
        HEADER + self.body.len()
    }
}

impl Framer {
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.lost {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next record that is there in full.
    pub fn next(&mut self) -> Option<Record> {
        let (header, rest) = self.buffer[self.start..].split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let known = (content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT).contains(&header[0]);
        if !known || header[1] != 3 || length > LARGEST {
            self.lost = true;
            (self.buffer, self.start) = (Vec::new(), 0);
            return None;
        }
        let record = Record { header: *header, body: rest.get(..length)?.to_vec() };
        self.start += record.size();
        Some(record)
    }
}

/// Puts handshake messages together, of which a record may hold several, or a part.
#[derive(Default)]
pub struct Assembler {
    held: Vec<u8>,
    /// Of the message at the front, beyond what is kept.
    uncounted: usize,
}

/// A handshake message (RFC 8446 section 4).
pub struct Message {
    pub kind: u8,
    /// With its header.
    pub size: usize,
    /// Without it, and no more than the first 64 KiB.
    pub body: Vec<u8>,
}

impl Assembler {
    /// The messages that are complete with `content`, the plaintext of a record.
    pub fn push(&mut self, mut content: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        while !content.is_empty() {
            let wanted = self.wanted().min(content.len());
            let (taken, rest) = content.split_at(wanted);
            self.take(taken);
            content = rest;
            messages.extend(self.complete());
        }
        messages
    }

    /// How many bytes the message at the front, or its header, still lacks.
    fn wanted(&self) -> usize {
        match self.size() {
            None => MESSAGE_HEADER - self.held.len(),
            Some(size) => size - self.held.len() - self.uncounted,
        }
    }

    fn size(&self) -> Option<usize> {
        let [_, length @ ..] = self.held.first_chunk::<MESSAGE_HEADER>()?;
        Some(MESSAGE_HEADER + length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    fn take(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min((MESSAGE_HEADER + KEPT).saturating_sub(self.held.len()));
        self.held.extend_from_slice(&bytes[..kept]);
        self.uncounted += bytes.len() - kept;
    }

    fn complete(&mut self) -> Option<Message> {
        let size = self.size().filter(|size| self.held.len() + self.uncounted == *size)?;
        let held = std::mem::take(&mut self.held);
        self.uncounted = 0;
        Some(Message { kind: held[0], size, body: held[MESSAGE_HEADER..].to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_of_any_pieces() {
        let bytes = [&[22, 3, 1, 0, 3, 1, 2, 3][..], &[23, 3, 3, 0, 0], &[21, 3, 3, 0, 2, 1, 0]].concat();
        for size in 1..=bytes.len() {
            let mut framer = Framer::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(size) {
                framer.push(piece);
                while let Some(record) = framer.next() {
                    seen.push((record.kind(), record.size()));
                }
            }
            assert_eq!(seen, [(22, 8), (23, 5), (21, 7)]);
        }
    }

    #[test]
    fn what_is_no_record_ends_the_reading() {
        for bytes in [&b"HTTP/1.1 400 Bad Request"[..], &[22, 3, 3, 0xff, 0xff, 1], &[22, 2, 0, 0, 1, 1]] {
            let mut framer = Framer::default();
            framer.push(bytes);
            assert!(framer.next().is_none());
            framer.push(&[22, 3, 3, 0, 1, 0]);
            assert!(framer.next().is_none() && framer.buffer.is_empty());
        }
    }

    #[test]
    fn messages_come_out_of_any_records() {
        let bytes = [&[1, 0, 0, 3, 7, 8, 9][..], &[20, 0, 0, 0], &[2, 0, 0, 1, 5]].concat();
        for size in 1..=bytes.len() {
            let mut assembler = Assembler::default();
            let messages = bytes.chunks(size).flat_map(|piece| assembler.push(piece)).collect::<Vec<_>>();
            let seen = messages.iter().map(|one| (one.kind, one.size, &one.body[..])).collect::<Vec<_>>();
            assert_eq!(seen, [(1, 7, &[7, 8, 9][..]), (20, 4, &[]), (2, 5, &[5])]);
        }
    }

    #[test]
    fn of_an_endless_message_little_is_kept() {
        let mut assembler = Assembler::default();
        assert!(assembler.push(&[11, 0xff, 0xff, 0xff]).is_empty());
        let mut rest = 0xff_ffff;
        while rest > 0x4000 {
            assert!(assembler.push(&[0; 0x4000]).is_empty());
            rest -= 0x4000;
        }
        assert!(assembler.held.capacity() < 4 * KEPT);
        let last = assembler.push(&vec![0; rest]);
        assert_eq!((last[0].size, last[0].body.len()), (4 + 0xff_ffff, KEPT));
    }
}
