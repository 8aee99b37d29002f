//! Application data for a client, with new keys each time that so much of it was sent.

use rustls::ProtocolVersion;
use rustls::server::UnbufferedServerConnection;

use crate::Result;
use crate::conn::{self, Output};

/// What was sent since the keys were last renewed.
#[derive(Default)]
pub struct Renewal(u64);

impl Renewal {
    /// See [`conn::encrypt`]. Behind each `every` bytes the client is told that new keys are used, and asked for new ones of its own
    /// (RFC 8446 section 4.6.3). TLS 1.2 has no such thing.
    pub fn encrypt(
        &mut self,
        every: Option<u64>,
        tls: &mut UnbufferedServerConnection,
        mut data: &[u8],
        kept: &mut [u8],
        output: &mut Output,
    ) -> Result<()> {
        let Some(every) = every.filter(|_| tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)) else {
            return conn::encrypt(tls, data, kept, output);
        };
        while !data.is_empty() {
            let room = usize::try_from(every - self.0).unwrap_or(usize::MAX);
            let (now, later) = data.split_at(room.min(data.len()));
            conn::encrypt(tls, now, kept, output)?;
            self.0 += now.len() as u64;
            data = later;
            if self.0 == every {
                self.0 = 0;
                conn::update_keys(tls, kept, output)?;
                // Says so at once, and nothing else.
                conn::encrypt(tls, &[], kept, output)?;
            }
        }
        Ok(())
    }
}
