//! The hellos of TLS as they are on the wire: what rustls does not tell of a connection is read from here.
//!
//! Everything is kept in its order and as raw numbers, GREASE (RFC 8701) included, so that fingerprints can be made of it. Every
//! byte is hostile: what does not parse is None or empty, and nothing is longer than the message that it came in.

mod client;
mod extension;
mod fingerprint;
mod first;
mod names;
mod offer;
mod reader;
mod server;

pub use client::ClientHello;
pub use extension::{Extension, kind};
pub use fingerprint::Fingerprints;
pub use first::{Coming, FirstMessage};
pub use offer::{Decoded, KeyShare, Offer};
pub use reader::Reader;
pub use server::ServerHello;

/// Whether a suite, group, version, scheme or extension is one that exists only to be ignored (RFC 8701 section 2).
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

#[cfg(test)]
mod tests;
