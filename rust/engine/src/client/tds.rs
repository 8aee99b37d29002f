//! The wrapping that SQL Server wants of a handshake: in TDS 7, its records travel inside PRELOGIN packets ([MS-TDS] 3.2.5.2).
//!
//! When the handshake is done, so is the wrapping: from then on records go over the socket as they are.

use crate::{Error, Result};

const HEADER: usize = 8;
/// The size of a packet before the login has settled on another ([MS-TDS] 2.2.6.4).
const PACKET: usize = 4096;

const PRELOGIN: u8 = 0x12;
/// Some servers answer by this type, of an ordinary response, and clients take it.
const RESPONSE: u8 = 0x04;
/// The status bit of a message's last packet.
const END_OF_MESSAGE: u8 = 0x01;

/// The packets that come: where the next one's header begins, and how much of the present one is still to come.
#[derive(Debug, Default)]
pub struct Unwrapping {
    header: Vec<u8>,
    payload: usize,
}

impl Unwrapping {
    /// How many bytes to take from the socket at most, so that none is taken that belongs to something else.
    pub fn wanted(&self) -> usize {
        if self.payload > 0 { self.payload } else { HEADER - self.header.len() }
    }

    /// Take in what was received, at most [`Self::wanted`]: how much of it is the handshake's, which is all or nothing.
    pub fn unwrap(&mut self, received: &[u8]) -> Result<usize> {
        if self.payload > 0 {
            self.payload -= received.len();
            return Ok(received.len());
        }
        self.header.extend_from_slice(received);
        if let [kind, _, high, low, ..] = self.header[..] {
            if self.header.len() == HEADER {
                self.payload = payload(kind, u16::from_be_bytes([high, low]))?;
                self.header.clear();
            }
        }
        Ok(0)
    }
}

fn payload(kind: u8, length: u16) -> Result<usize> {
    match usize::from(length).checked_sub(HEADER) {
        Some(payload) if kind == PRELOGIN || kind == RESPONSE => Ok(payload),
        _ => Err(Error::PeerMisbehaved("the peer's handshake does not come in TDS packets".to_owned())),
    }
}

/// Records as one message of as many packets as it takes.
pub fn wrapped(records: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(records.len() + (records.len() / (PACKET - HEADER) + 1) * HEADER);
    // Numbers begin anew behind 255 ([MS-TDS] 2.2.3.1.5).
    let mut packets = records.chunks(PACKET - HEADER).zip((0..=u8::MAX).cycle().skip(1)).peekable();
    while let Some((part, number)) = packets.next() {
        let status = if packets.peek().is_none() { END_OF_MESSAGE } else { 0 };
        // PACKET is far from the largest length, so nothing is lost.
        #[allow(clippy::cast_possible_truncation)]
        let [high, low] = ((HEADER + part.len()) as u16).to_be_bytes();
        // A process id of the client's, which it need not tell, then the packet's number, and a byte that nobody uses.
        message.extend_from_slice(&[PRELOGIN, status, high, low, 0, 0, number, 0]);
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn unwrapped(message: &[u8], step: usize) -> Result<Vec<u8>> {
        let (mut unwrapping, mut rest, mut found) = (Unwrapping::default(), message, Vec::new());
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(step.min(unwrapping.wanted()).min(rest.len()));
            let count = unwrapping.unwrap(part)?;
            found.extend_from_slice(&part[..count]);
            rest = behind;
        }
        Ok(found)
    }

    #[test]
    fn a_flight_is_one_message_and_comes_out_as_it_went_in() {
        let records: Vec<u8> = (0..10_000u32).map(|number| number.to_be_bytes()[3]).collect();
        let message = wrapped(&records);
        assert_eq!(message[..8], [0x12, 0, 0x10, 0, 0, 0, 1, 0]);
        assert_eq!(message[2 * PACKET..2 * PACKET + 8], [0x12, 1, 0x07, 0x28, 0, 0, 3, 0]);
        for step in [1, 3, 8, 5000, usize::MAX] {
            assert_eq!(unwrapped(&message, step).unwrap(), records);
        }
    }

    #[test]
    fn behind_the_last_number_the_first_comes_again() {
        let message = wrapped(&vec![7; 257 * (PACKET - HEADER)]);
        let numbers: Vec<_> = message.chunks(PACKET).map(|packet| packet[6]).collect();
        assert_eq!((numbers.len(), &numbers[253..]), (257, &[254, 255, 0, 1][..]));
    }

    #[test]
    fn nothing_to_say_is_no_packet() {
        assert!(wrapped(&[]).is_empty());
    }

    #[test]
    fn an_empty_packet_is_passed_over() {
        assert_eq!(unwrapped(&[4, 1, 0, 8, 0, 0, 1, 0, 4, 1, 0, 9, 0, 0, 2, 0, 7], 5).unwrap(), [7]);
    }

    #[test]
    fn what_is_no_packet_of_a_handshake_is_refused() {
        let raw_record = [22, 3, 3, 0, 122, 2, 0, 0];
        let too_short = [PRELOGIN, 1, 0, 7, 0, 0, 1, 0];
        for bytes in [raw_record, too_short] {
            assert!(matches!(unwrapped(&bytes, 8), Err(Error::PeerMisbehaved(_))));
        }
    }
}
