//! `ClientHello` (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2).

use super::extension::{Extension, kind};
use super::reader::Reader;

/// What a client offers. Lists that are missing or malformed are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// `legacy_version`: 0x0303 where TLS 1.3 is offered, see [`Self::versions`].
    pub legacy_version: u16,
    pub random: [u8; 32],
    pub session_id: &'a [u8],
    pub suites: Vec<u16>,
    pub compression: &'a [u8],
    pub extensions: Vec<Extension<'a>>,
}

impl<'a> ClientHello<'a> {
    /// From the body of the handshake message, without its header of four bytes.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let hello = Self {
            legacy_version: reader.u16()?,
            random: reader.array()?,
            session_id: reader.vector8()?,
            suites: Reader::new(reader.vector16()?).all(Reader::u16)?,
            compression: reader.vector8()?,
            extensions: Extension::block(&mut reader)?,
        };
        reader.is_empty().then_some(hello)
    }

    /// `supported_versions`; without it, `legacy_version` is the highest (RFC 8446 section 4.2.1).
    pub fn versions(&self) -> Vec<u16> {
        self.list(kind::SUPPORTED_VERSIONS, |reader| Reader::new(reader.vector8()?).all(Reader::u16))
    }

    /// `supported_groups`
    pub fn groups(&self) -> Vec<u16> {
        self.list(kind::SUPPORTED_GROUPS, |reader| Reader::new(reader.vector16()?).all(Reader::u16))
    }

    /// `ec_point_formats` (RFC 8422 section 5.1.2)
    pub fn point_formats(&self) -> &'a [u8] {
        Extension::find(&self.extensions, kind::EC_POINT_FORMATS)
            .and_then(|mut data| data.vector8())
            .unwrap_or_default()
    }

    /// `signature_algorithms`
    pub fn signature_schemes(&self) -> Vec<u16> {
        self.list(kind::SIGNATURE_ALGORITHMS, |reader| Reader::new(reader.vector16()?).all(Reader::u16))
    }

    /// `key_share`: the group of each share, and how many bytes it has.
    pub fn key_shares(&self) -> Vec<(u16, usize)> {
        self.list(kind::KEY_SHARE, |reader| {
            Reader::new(reader.vector16()?).all(|share| Some((share.u16()?, share.vector16()?.len())))
        })
    }

    /// `compress_certificate` (RFC 8879)
    pub fn certificate_compression(&self) -> Vec<u16> {
        self.list(kind::COMPRESS_CERTIFICATE, |reader| Reader::new(reader.vector8()?).all(Reader::u16))
    }

    /// `application_layer_protocol_negotiation` (RFC 7301)
    pub fn alpn(&self) -> Vec<&'a [u8]> {
        self.list(kind::ALPN, |reader| Reader::new(reader.vector16()?).all(Reader::vector8))
    }

    /// The host name of `server_name` (RFC 6066 section 3).
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = Reader::new(Extension::find(&self.extensions, kind::SERVER_NAME)?.vector16()?);
        // host_name is the only type that there ever was.
        (names.u8()? == 0).then(|| names.vector16())?
    }

    pub fn offers(&self, kind: u16) -> bool {
        self.extensions.iter().any(|extension| extension.kind == kind)
    }

    fn list<T>(&self, kind: u16, read: impl Fn(&mut Reader<'a>) -> Option<Vec<T>>) -> Vec<T> {
        Extension::find(&self.extensions, kind).and_then(|mut data| read(&mut data)).unwrap_or_default()
    }
}
