//! The state machine of one TLS connection on rustls' unbuffered API: bytes in, bytes out, no I/O and no buffers of its own.
//!
//! Received bytes are decrypted where they lie; what is to be sent goes to an [`Output`] that its owner writes to the socket. So a
//! thread with many connections needs one pair of large buffers, and an idle connection owns none.

use std::io;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, ReadEarlyData, ReadTraffic, UnbufferedStatus,
    WriteTraffic,
};

use crate::{Error, Result};

/// The largest record on the wire: header, 2^14 bytes of plaintext and 256 of expansion (RFC 8446 section 5.2).
pub const MAX_RECORD: usize = 5 + 16_384 + 256;

/// The bytes by which the record layer makes one record longer, at most (TLS 1.2 GCM: header, nonce and tag).
const RECORD_OVERHEAD: usize = 5 + 8 + 16 + 1;

/// What one call of [`advance`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The handshake needs more bytes.
    Handshaking,
    /// The session is up: data may be sent, and more bytes may come.
    Established,
    /// The peer sent `close_notify`; nothing more will come.
    PeerClosed,
}

/// TLS records on their way to the socket: a buffer that keeps its memory, and how much of it is written and sent.
#[derive(Debug, Default)]
pub struct Output {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Output {
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// So many bytes of `pending` have gone out.
    pub fn sent(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            self.clear();
        }
    }

    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Put something else in place of what came behind the first `kept` bytes of `pending`.
    pub fn rewrite(&mut self, kept: usize, other: impl FnOnce(&[u8]) -> Vec<u8>) {
        let from = self.start + kept;
        let other = other(&self.buffer[from..self.end]);
        self.end = from;
        self.space(other.len())[..other.len()].copy_from_slice(&other);
        self.written(other.len());
    }

    /// At least `size` bytes to write to; they count once `written` says so. The memory stays initialised, so growing is rare.
    fn space(&mut self, size: usize) -> &mut [u8] {
        if self.buffer.len() < self.end + size {
            self.buffer.resize(self.end + size, 0);
        }
        &mut self.buffer[self.end..]
    }

    fn written(&mut self, count: usize) {
        self.end += count;
    }
}

/// What a buffered connection of rustls has to say can be written here, too.
impl io::Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.space(data.len())[..data.len()].copy_from_slice(data);
        self.written(data.len());
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Client or server: the two connection types of rustls have this in common, but no trait for it.
pub trait Side {
    type Data;
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// Whether `process` has something to encode before it looks at its input.
    fn has_records_to_encode(&self) -> bool;

    /// Hand over the early data that has come, and count what of the input it takes up. Only a server gets any.
    fn take_early_data(
        early: ReadEarlyData<'_, '_, Self::Data>,
        discard: &mut usize,
        taken: &mut impl FnMut(&[u8]),
    ) -> std::result::Result<(), rustls::Error>;
}

impl Side for UnbufferedClientConnection {
    type Data = rustls::client::ClientConnectionData;
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_records_to_encode(&self) -> bool {
        self.wants_write()
    }

    fn take_early_data(
        _early: ReadEarlyData<'_, '_, Self::Data>,
        _discard: &mut usize,
        _taken: &mut impl FnMut(&[u8]),
    ) -> std::result::Result<(), rustls::Error> {
        Ok(())
    }
}

impl Side for UnbufferedServerConnection {
    type Data = rustls::server::ServerConnectionData;
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_records_to_encode(&self) -> bool {
        self.wants_write()
    }

    fn take_early_data(
        mut early: ReadEarlyData<'_, '_, Self::Data>,
        discard: &mut usize,
        taken: &mut impl FnMut(&[u8]),
    ) -> std::result::Result<(), rustls::Error> {
        while let Some(record) = early.next_record() {
            let record = record?;
            *discard += record.discard;
            taken(record.payload);
        }
        Ok(())
    }
}

/// Take in all complete records of `incoming`: what they ask us to send goes to `output`, what they carry to `plaintext`.
///
/// Returns how many bytes of `incoming` are used up, also when it fails; an alert for the peer is in `output` then.
pub fn advance<S: Side>(
    side: &mut S,
    incoming: &mut [u8],
    output: &mut Output,
    plaintext: impl FnMut(&[u8]),
) -> (usize, std::result::Result<Progress, rustls::Error>) {
    advance_with_early_data(side, incoming, output, plaintext, |_| {})
}

/// The same for a server that accepts early data, which goes to `early_data`: it comes before the handshake is complete, and
/// before any plaintext.
pub fn advance_with_early_data<S: Side>(
    side: &mut S,
    incoming: &mut [u8],
    output: &mut Output,
    mut plaintext: impl FnMut(&[u8]),
    mut early_data: impl FnMut(&[u8]),
) -> (usize, std::result::Result<Progress, rustls::Error>) {
    let mut used = 0;
    let mut failure = None;
    loop {
        // After a failure the connection has an alert to encode and nothing else to say. It must not look at the input again:
        // rustls would go on with what follows the fault, or miss the message that it knows to be there, and panic.
        if let Some(error) = failure.take_if(|_| !side.has_records_to_encode()) {
            return (used, Err(error));
        }
        let rest = if failure.is_some() { &mut [][..] } else { &mut incoming[used..] };
        let UnbufferedStatus { mut discard, state, .. } = side.process(rest);
        let progress = match state {
            Err(error) if failure.is_some() => Some(Err(error)),
            Err(error) => {
                failure = Some(error);
                None
            }
            Ok(ConnectionState::EncodeTlsData(mut record)) => {
                encode(output, |space| record.encode(space));
                None
            }
            Ok(ConnectionState::TransmitTlsData(transmit)) => {
                // `output` is sent before anything else by its owner, so for rustls it is sent.
                transmit.done();
                None
            }
            Ok(ConnectionState::ReadTraffic(traffic)) => {
                failure = take_traffic(traffic, &mut discard, &mut plaintext).err();
                None
            }
            Ok(ConnectionState::ReadEarlyData(early)) => {
                failure = S::take_early_data(early, &mut discard, &mut early_data).err();
                None
            }
            Ok(ConnectionState::WriteTraffic(_)) => Some(Ok(Progress::Established)),
            Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Some(Ok(Progress::PeerClosed)),
            // `BlockedHandshake`
            Ok(_) => Some(Ok(Progress::Handshaking)),
        };
        used += discard;
        match (progress, &mut failure) {
            (Some(_), Some(error)) => return (used, Err(error.clone())),
            (Some(progress), None) => return (used, progress),
            (None, _) => {}
        }
    }
}

fn take_traffic<Data>(
    mut traffic: ReadTraffic<'_, '_, Data>,
    discard: &mut usize,
    taken: &mut impl FnMut(&[u8]),
) -> std::result::Result<(), rustls::Error> {
    while let Some(record) = traffic.next_record() {
        let record = record?;
        *discard += record.discard;
        taken(record.payload);
    }
    Ok(())
}

/// Encrypt application data into `output`. The session must be established.
///
/// `kept` is what [`advance`] left of its input. rustls looks at it here, too: it may hold a part of a handshake message, and
/// rustls knows that it is there, and panics if it is not.
pub fn encrypt<S: Side>(side: &mut S, data: &[u8], kept: &mut [u8], output: &mut Output) -> Result<()> {
    let records = data.len() / 16_384 + 1;
    output.space(data.len() + records * RECORD_OVERHEAD);
    in_traffic(side, kept, output, |traffic, output| {
        write(traffic, output, |traffic, space| traffic.encrypt(data, space))
    })
}

/// Put `close_notify` into `output` (RFC 8446 section 6.1). The session must be established; `kept` is as for [`encrypt`].
pub fn close_notify<S: Side>(side: &mut S, kept: &mut [u8], output: &mut Output) -> Result<()> {
    output.space(RECORD_OVERHEAD + 2);
    in_traffic(side, kept, output, |traffic, output| {
        // The method itself is not general enough in its lifetimes.
        #[allow(clippy::redundant_closure_for_method_calls)]
        write(traffic, output, |traffic, space| traffic.queue_close_notify(space))
    })
}

/// Have the keys of both directions renewed (RFC 8446 section 4.6.3); the next call of [`advance`] or [`encrypt`] says so to the
/// peer. The session must be established and of TLS 1.3; `kept` is as for [`encrypt`].
pub fn update_keys<S: Side>(side: &mut S, kept: &mut [u8], output: &mut Output) -> Result<()> {
    in_traffic(side, kept, output, |traffic, _| Ok(traffic.refresh_traffic_keys()?))
}

/// Do something that the session can do once it is established.
fn in_traffic<S: Side>(
    side: &mut S,
    kept: &mut [u8],
    output: &mut Output,
    act: impl FnOnce(WriteTraffic<'_, S::Data>, &mut Output) -> Result<()>,
) -> Result<()> {
    loop {
        match side.process(kept).state {
            Ok(ConnectionState::WriteTraffic(traffic)) => return act(traffic, output),
            Ok(ConnectionState::EncodeTlsData(mut record)) => encode(output, |space| record.encode(space)),
            Ok(ConnectionState::TransmitTlsData(transmit)) => transmit.done(),
            Ok(ConnectionState::PeerClosed) => {}
            Ok(_) => return Err(Error::Internal("data to send, but no session to send it in".to_owned())),
            Err(error) => return Err(error.into()),
        }
    }
}

fn write<Data>(
    mut traffic: WriteTraffic<'_, Data>,
    output: &mut Output,
    write: impl Fn(&mut WriteTraffic<'_, Data>, &mut [u8]) -> std::result::Result<usize, EncryptError>,
) -> Result<()> {
    loop {
        match write(&mut traffic, output.space(0)) {
            Ok(count) => {
                output.written(count);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => {
                output.space(required_size);
            }
            Err(EncryptError::EncryptExhausted) => {
                return Err(Error::PeerMisbehaved("the session's keys are used up".to_owned()));
            }
        }
    }
}

fn encode(output: &mut Output, mut record: impl FnMut(&mut [u8]) -> std::result::Result<usize, EncodeError>) {
    loop {
        match record(output.space(0)) {
            Ok(count) => return output.written(count),
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) => {
                output.space(required_size);
            }
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}
