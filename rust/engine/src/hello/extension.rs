//! Extensions of a hello (RFC 8446 section 4.2).

use super::reader::Reader;

/// Numbers of IANA's registry, as far as something is read from them.
pub mod kind {
    pub const SERVER_NAME: u16 = 0;
    pub const SUPPORTED_GROUPS: u16 = 10;
    pub const EC_POINT_FORMATS: u16 = 11;
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    pub const ALPN: u16 = 16;
    pub const COMPRESS_CERTIFICATE: u16 = 27;
    pub const PRE_SHARED_KEY: u16 = 41;
    pub const EARLY_DATA: u16 = 42;
    pub const SUPPORTED_VERSIONS: u16 = 43;
    pub const KEY_SHARE: u16 = 51;
}

/// One extension as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    pub kind: u16,
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The block at the end of a hello, in its order. A hello may end without one (RFC 5246 section 7.4.1.4).
    pub(super) fn block(reader: &mut Reader<'a>) -> Option<Vec<Self>> {
        if reader.is_empty() {
            return Some(Vec::new());
        }
        Reader::new(reader.vector16()?).all(|item| Some(Self { kind: item.u16()?, data: item.vector16()? }))
    }

    /// The contents of the first extension of a kind; one that is there twice is the peer's fault, and found by rustls.
    pub(super) fn find(extensions: &[Self], kind: u16) -> Option<Reader<'a>> {
        extensions.iter().find(|extension| extension.kind == kind).map(|extension| Reader::new(extension.data))
    }
}
