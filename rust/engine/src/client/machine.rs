//! The TLS side of a client's connection: rustls' unbuffered one, or the buffered one in its place where that is what can do it.
//!
//! The unbuffered one has no exporter (RFC 5705), and tells neither what became of early data nor of Encrypted Client Hello.

use std::io::{BufRead, Write};
use std::ops::Deref;
use std::sync::Arc;

use rustls::client::{ClientConnection, EchStatus, UnbufferedClientConnection};
use rustls::{ClientConfig, CommonState, Error as TlsError, InvalidMessage};
use rustls_pki_types::ServerName;

use crate::conn::{self, Output, Progress};
use crate::{Error, Result};

/// Bytes in, bytes out, no I/O. `kept` is always what [`Machine::advance`] left of its input.
pub enum Machine {
    Unbuffered(Box<UnbufferedClientConnection>),
    Buffered(Box<ClientConnection>),
}

impl Machine {
    pub fn new(config: Arc<ClientConfig>, name: ServerName<'static>, buffered: bool) -> Result<Self> {
        if !buffered {
            return Ok(Self::Unbuffered(Box::new(UnbufferedClientConnection::new(config, name)?)));
        }
        let mut tls = ClientConnection::new(config, name)?;
        // How much there is at a time is our caller's decision.
        tls.set_buffer_limit(None);
        Ok(Self::Buffered(Box::new(tls)))
    }

    /// See [`conn::advance`].
    pub fn advance(
        &mut self,
        incoming: &mut [u8],
        output: &mut Output,
        plaintext: impl FnMut(&[u8]),
    ) -> (usize, std::result::Result<Progress, TlsError>) {
        match self {
            Self::Unbuffered(tls) => conn::advance(&mut **tls, incoming, output, plaintext),
            Self::Buffered(tls) => {
                let (used, outcome) = take_in(tls, incoming, plaintext);
                collect(tls, output);
                (used, outcome)
            }
        }
    }

    /// See [`conn::encrypt`].
    pub fn encrypt(&mut self, data: &[u8], kept: &mut [u8], output: &mut Output) -> Result<()> {
        match self {
            Self::Unbuffered(tls) => conn::encrypt(&mut **tls, data, kept, output),
            Self::Buffered(tls) => {
                tls.writer().write_all(data)?;
                collect(tls, output);
                Ok(())
            }
        }
    }

    /// See [`conn::close_notify`].
    pub fn close_notify(&mut self, kept: &mut [u8], output: &mut Output) -> Result<()> {
        match self {
            Self::Unbuffered(tls) => conn::close_notify(&mut **tls, kept, output),
            Self::Buffered(tls) => {
                tls.send_close_notify();
                collect(tls, output);
                Ok(())
            }
        }
    }

    /// See [`conn::update_keys`].
    pub fn update_keys(&mut self, kept: &mut [u8], output: &mut Output) -> Result<()> {
        match self {
            Self::Unbuffered(tls) => conn::update_keys(&mut **tls, kept, output),
            Self::Buffered(tls) => {
                tls.refresh_traffic_keys()?;
                collect(tls, output);
                Ok(())
            }
        }
    }

    /// Keying material for another protocol (RFC 8446 section 7.5, RFC 5705). The session must be established, and buffered.
    pub fn export(&self, label: &str, context: Option<&[u8]>, length: usize) -> Result<Vec<u8>> {
        match self {
            Self::Unbuffered(_) => Err(Error::Internal("this connection was not made for the exporter".to_owned())),
            Self::Buffered(tls) => tls
                .export_keying_material(vec![0; length], label.as_bytes(), context)
                .map_err(|_| Error::Usage(format!("{length} bytes are more than this session can export"))),
        }
    }

    /// Put application data behind the `ClientHello`, as much of it as the session that is offered allows; how much that was.
    /// None if it allows none at all, or none is offered.
    pub fn write_early(&mut self, data: &[u8]) -> Option<usize> {
        let Self::Buffered(tls) = self else { return None };
        tls.early_data().map(|mut early| early.write(data).unwrap_or(0))
    }

    /// Whether the peer took the early data; known once the handshake is done.
    pub fn is_early_data_accepted(&self) -> bool {
        matches!(self, Self::Buffered(tls) if tls.is_early_data_accepted())
    }

    pub fn ech_status(&self) -> EchStatus {
        match self {
            Self::Unbuffered(_) => EchStatus::NotOffered,
            Self::Buffered(tls) => tls.ech_status(),
        }
    }

    pub fn tls13_tickets_received(&self) -> u32 {
        match self {
            Self::Unbuffered(tls) => tls.tls13_tickets_received(),
            Self::Buffered(tls) => tls.tls13_tickets_received(),
        }
    }
}

impl Deref for Machine {
    type Target = CommonState;

    fn deref(&self) -> &CommonState {
        match self {
            Self::Unbuffered(tls) => tls,
            Self::Buffered(tls) => tls,
        }
    }
}

/// What [`conn::advance`] does, but for the output.
fn take_in(
    tls: &mut ClientConnection,
    incoming: &[u8],
    mut plaintext: impl FnMut(&[u8]),
) -> (usize, std::result::Result<Progress, TlsError>) {
    let mut rest = incoming;
    // To read nothing would stand for the end of the transport, which is none of the state machine's business.
    while !rest.is_empty() {
        match tls.read_tls(&mut rest) {
            // Whatever stands behind `close_notify` is ignored (RFC 8446 section 6.1).
            Ok(0) => return (incoming.len(), Ok(Progress::PeerClosed)),
            Ok(_) => {}
            // There is always room for a record, so it is a handshake message that finds none.
            Err(_) => return (incoming.len(), Err(TlsError::InvalidMessage(InvalidMessage::MessageTooLarge))),
        }
        let processed = tls.process_new_packets();
        let mut reader = tls.reader();
        while let Ok(data @ [_, ..]) = reader.fill_buf() {
            let count = data.len();
            plaintext(data);
            reader.consume(count);
        }
        match processed {
            Ok(state) if state.peer_has_closed() => return (incoming.len(), Ok(Progress::PeerClosed)),
            Ok(_) => {}
            Err(error) => return (incoming.len(), Err(error)),
        }
    }
    let progress = if tls.is_handshaking() { Progress::Handshaking } else { Progress::Established };
    (incoming.len(), Ok(progress))
}

/// Writing to memory does not fail.
fn collect(tls: &mut ClientConnection, output: &mut Output) {
    while tls.wants_write() && tls.write_tls(output).is_ok() {}
}
