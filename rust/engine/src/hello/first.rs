//! The first message of a client, out of bytes that come in any pieces.

use super::offer::Offer;
use super::reader::Reader;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// The header of a record: type, version, length (RFC 8446 section 5.1).
const RECORD_HEADER: usize = 5;
/// That of a handshake message: type, length (section 4).
const MESSAGE_HEADER: usize = 4;
/// Several times what any client sends, post-quantum keys and a ticket with a certificate in it included.
const LONGEST: usize = 16_384;

/// Looks on while a hello comes in; owns no memory as long as one read has all of it in one record, as is the rule.
#[derive(Debug, Default)]
pub struct FirstMessage {
    /// Of the record that is under way.
    header: Vec<u8>,
    left: usize,
    /// What the records held until now.
    message: Vec<u8>,
}

/// How far the hello has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Coming {
    Incomplete,
    /// None: it is no hello, or not one to be kept.
    Over(Option<Box<Offer>>),
}

impl FirstMessage {
    /// Take in the bytes that were received next.
    pub fn push(&mut self, bytes: &[u8]) -> Coming {
        if self.header.is_empty() && self.left == 0 && self.message.is_empty() {
            if let Some(body) = in_one_record(bytes) {
                return Coming::Over(Offer::parse(body).map(Box::new));
            }
        }
        self.gather(bytes)
    }

    fn gather(&mut self, mut bytes: &[u8]) -> Coming {
        while !bytes.is_empty() {
            if self.left == 0 {
                let (taken, rest) = bytes.split_at(bytes.len().min(RECORD_HEADER - self.header.len()));
                self.header.extend_from_slice(taken);
                bytes = rest;
                let Some(header) = self.header.first_chunk::<RECORD_HEADER>() else { break };
                if header[0] != HANDSHAKE {
                    return Coming::Over(None);
                }
                self.left = u16::from_be_bytes([header[3], header[4]]).into();
                self.header.clear();
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(self.left));
            self.message.extend_from_slice(taken);
            self.left -= taken.len();
            bytes = rest;
            match size(&self.message) {
                Some(size) if self.message[0] != CLIENT_HELLO || size > LONGEST => return Coming::Over(None),
                Some(size) if self.message.len() >= size => {
                    return Coming::Over(Offer::parse(&self.message[MESSAGE_HEADER..size]).map(Box::new));
                }
                _ => {}
            }
        }
        Coming::Incomplete
    }
}

/// The body of a hello that lies complete in the record at the front.
fn in_one_record(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    (reader.u8()? == HANDSHAKE).then(|| reader.u16())??;
    let mut record = Reader::new(reader.vector16()?);
    (record.u8()? == CLIENT_HELLO).then(|| record.vector24())?.filter(|body| body.len() <= LONGEST)
}

/// Of the message at the front, with its header.
fn size(message: &[u8]) -> Option<usize> {
    let mut header = Reader::new(message);
    header.u8()?;
    Some(MESSAGE_HEADER + header.u24()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A hello that offers one suite, and nothing else.
    fn message() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        let mut message = vec![CLIENT_HELLO, 0, 0, u8::try_from(body.len()).unwrap()];
        message.extend(body);
        message
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| [&[HANDSHAKE, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat();
        message.chunks(size).flat_map(record).collect()
    }

    #[test]
    fn a_hello_is_found_however_it_was_cut() {
        let message = message();
        let whole = Offer::parse(&message[MESSAGE_HEADER..]).map(Box::new);
        assert_eq!(whole.as_ref().unwrap().suites(), [0x1301]);
        for size in [1, 3, 4, 5, 40, message.len()] {
            let bytes = records(&message, size);
            for piece in [1, 2, 6, bytes.len()] {
                let mut first = FirstMessage::default();
                let mut said = bytes.chunks(piece).map(|piece| first.push(piece)).collect::<Vec<_>>();
                assert_eq!(said.pop(), Some(Coming::Over(whole.clone())), "{size} {piece}");
                assert!(said.iter().all(|coming| *coming == Coming::Incomplete), "{size} {piece}");
            }
        }
    }

    #[test]
    fn what_follows_a_hello_is_not_looked_at() {
        let mut bytes = records(&message(), 100);
        bytes.extend(b"anything");
        assert!(matches!(FirstMessage::default().push(&bytes), Coming::Over(Some(_))));
    }

    #[test]
    fn what_is_no_hello_is_given_up_at_once() {
        let finished = records(&[20, 0, 0, 1, 0], 2);
        let endless = records(&[CLIENT_HELLO, 0xff, 0xff, 0xff], 4);
        for bytes in [&b"GET / HTTP/1.1"[..], &[21, 3, 1, 0, 2, 2, 40], &finished, &endless] {
            assert_eq!(FirstMessage::default().push(bytes), Coming::Over(None));
        }
    }

    #[test]
    fn empty_records_do_not_end_the_wait() {
        let mut first = FirstMessage::default();
        assert_eq!(first.push(&[HANDSHAKE, 3, 1, 0, 0, HANDSHAKE, 3]), Coming::Incomplete);
        assert!(matches!(first.push(&records(&message(), 100)[2..]), Coming::Over(Some(_))));
    }
}
