//! `ServerHello`, which may be a `HelloRetryRequest` (RFC 8446 sections 4.1.3 and 4.1.4).

use super::extension::{Extension, kind};
use super::reader::Reader;

/// The SHA-256 of "HelloRetryRequest": the random of a `ServerHello` that is one.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// `legacy_version`: 0x0303 also for TLS 1.3, see [`Self::version`].
    pub legacy_version: u16,
    pub random: [u8; 32],
    pub session_id: &'a [u8],
    pub suite: u16,
    pub compression: u8,
    pub extensions: Vec<Extension<'a>>,
}

impl<'a> ServerHello<'a> {
    /// From the body of the handshake message, without its header of four bytes.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let hello = Self {
            legacy_version: reader.u16()?,
            random: reader.array()?,
            session_id: reader.vector8()?,
            suite: reader.u16()?,
            compression: reader.u8()?,
            extensions: Extension::block(&mut reader)?,
        };
        reader.is_empty().then_some(hello)
    }

    /// Whether it asks for another `ClientHello`.
    pub fn is_retry_request(&self) -> bool {
        self.random == RETRY
    }

    /// The version that was chosen.
    pub fn version(&self) -> u16 {
        self.find(kind::SUPPORTED_VERSIONS).and_then(|mut data| data.u16()).unwrap_or(self.legacy_version)
    }

    /// The group of the key share, or the one that a retry request asks for; None in TLS 1.2 and without a key exchange.
    pub fn group(&self) -> Option<u16> {
        self.find(kind::KEY_SHARE).and_then(|mut data| data.u16())
    }

    /// Whether a session is resumed, in TLS 1.3.
    pub fn selects_psk(&self) -> bool {
        self.find(kind::PRE_SHARED_KEY).is_some()
    }

    fn find(&self, kind: u16) -> Option<Reader<'a>> {
        Extension::find(&self.extensions, kind)
    }
}
