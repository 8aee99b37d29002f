//! What a client offered, small enough to be kept for as long as its connection lasts.

use serde::Serialize;

use super::client::ClientHello;
use super::fingerprint::Fingerprints;
use super::names;

/// No client has as many numbers in all its lists together. Who sends more wants to fill our memory.
const MOST_NUMBERS: usize = 1024;
/// Bytes of the server's name and the protocols.
const MOST_TEXT: usize = 2048;

/// A `ClientHello` without what is random, secret or long in it: two allocations, a few hundred bytes.
///
/// Everything is there in its order, GREASE included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Of the handshake message, with its header.
    pub size: usize,
    pub legacy_version: u16,
    /// The lists, one after the other, and where each ends.
    numbers: Box<[u16]>,
    ends: [u16; LISTS],
    /// The server's name, if there was one, and then the protocols, each behind a byte with its length.
    text: Box<[u8]>,
    name_end: Option<u16>,
}

/// The lists of numbers, in the order in which they are kept.
#[derive(Debug, Clone, Copy)]
enum List {
    Suites,
    Extensions,
    Versions,
    Groups,
    PointFormats,
    Schemes,
    ShareGroups,
    ShareSizes,
    Compressions,
}

const LISTS: usize = 9;

impl Offer {
    /// From the body of the handshake message. None if that is no hello, or has more in it than any client has to say.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let hello = ClientHello::parse(body)?;
        let shares = hello.key_shares();
        let size = |size: usize| u16::try_from(size).unwrap_or(u16::MAX);
        let lists: [Vec<u16>; LISTS] = [
            hello.suites.clone(),
            hello.extensions.iter().map(|extension| extension.kind).collect(),
            hello.versions(),
            hello.groups(),
            hello.point_formats().iter().map(|format| u16::from(*format)).collect(),
            hello.signature_schemes(),
            shares.iter().map(|share| share.0).collect(),
            shares.iter().map(|share| size(share.1)).collect(),
            hello.certificate_compression(),
        ];
        let mut ends = [0; LISTS];
        let mut end = 0;
        for (place, list) in ends.iter_mut().zip(&lists) {
            end += list.len();
            *place = size(end);
        }
        let name = hello.server_name();
        let mut text = name.unwrap_or_default().to_vec();
        let name_end = name.map(|name| size(name.len()));
        for protocol in hello.alpn() {
            text.extend(u8::try_from(protocol.len()));
            text.extend_from_slice(protocol);
        }
        (end <= MOST_NUMBERS && text.len() <= MOST_TEXT).then(|| Self {
            size: 4 + body.len(),
            legacy_version: hello.legacy_version,
            numbers: lists.concat().into(),
            ends,
            text: text.into(),
            name_end,
        })
    }

    pub fn suites(&self) -> &[u16] {
        self.list(List::Suites)
    }

    pub fn extensions(&self) -> &[u16] {
        self.list(List::Extensions)
    }

    /// Those of `supported_versions`; a hello without it offers `legacy_version` and what is below.
    pub fn versions(&self) -> &[u16] {
        self.list(List::Versions)
    }

    pub fn groups(&self) -> &[u16] {
        self.list(List::Groups)
    }

    pub fn point_formats(&self) -> &[u16] {
        self.list(List::PointFormats)
    }

    pub fn signature_schemes(&self) -> &[u16] {
        self.list(List::Schemes)
    }

    /// The group of each, and the bytes of its key.
    pub fn key_shares(&self) -> impl Iterator<Item = (u16, u16)> {
        self.list(List::ShareGroups).iter().copied().zip(self.list(List::ShareSizes).iter().copied())
    }

    pub fn certificate_compression(&self) -> &[u16] {
        self.list(List::Compressions)
    }

    pub fn server_name(&self) -> Option<&[u8]> {
        self.name_end.map(|end| &self.text[..end.into()])
    }

    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.text[self.name_end.unwrap_or_default().into()..];
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first()?;
            let (protocol, behind) = behind.split_at_checked((*length).into())?;
            rest = behind;
            Some(protocol)
        })
    }

    /// The same for people and programs.
    pub fn decoded(&self) -> Decoded {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Decoded {
            size: self.size,
            legacy_version: names::version(self.legacy_version),
            sni: self.server_name().map(text),
            alpn: self.alpn().map(text).collect(),
            versions: all(self.versions(), names::version),
            suites: all(self.suites(), names::suite),
            groups: all(self.groups(), names::group),
            key_shares: self
                .key_shares()
                .map(|(group, size)| KeyShare { group: names::group(group), bytes: size.into() })
                .collect(),
            signature_schemes: all(self.signature_schemes(), names::scheme),
            certificate_compression: all(self.certificate_compression(), names::compression),
            extensions: all(self.extensions(), names::extension),
            fingerprints: Fingerprints::of(self),
        }
    }

    fn list(&self, list: List) -> &[u16] {
        let place = list as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.numbers[start.into()..self.ends[place].into()]
    }
}

/// `tlstool.model.Hello`: names of IANA's registries, in the order of the hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decoded {
    pub size: usize,
    pub legacy_version: String,
    pub sni: Option<String>,
    pub alpn: Vec<String>,
    pub versions: Vec<String>,
    pub suites: Vec<String>,
    pub groups: Vec<String>,
    pub key_shares: Vec<KeyShare>,
    pub signature_schemes: Vec<String>,
    pub certificate_compression: Vec<String>,
    pub extensions: Vec<String>,
    #[serde(flatten)]
    pub fingerprints: Fingerprints,
}

/// `tlstool.model.KeyShare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyShare {
    pub group: String,
    pub bytes: usize,
}

fn all(numbers: &[u16], name: fn(u16) -> String) -> Vec<String> {
    numbers.iter().map(|number| name(*number)).collect()
}
