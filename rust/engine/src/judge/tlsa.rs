//! TLSA records (RFC 6698, RFC 7671): the leaf, or an authority, as the DNS names it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use x509_parser::prelude::{FromDer, X509Certificate};

/// `tlstool.model.Tlsa`, made `plain`: numbers that have a meaning, as Python has checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tlsa {
    pub usage: u8,
    pub selector: u8,
    pub matching: u8,
    pub data: ByteBuf,
}

/// What the record names, and whether the usual verification counts besides (RFC 7218 section 2.1).
pub const PKIX_TA: u8 = 0;
pub const PKIX_EE: u8 = 1;
pub const DANE_TA: u8 = 2;
pub const DANE_EE: u8 = 3;

const WHOLE_CERTIFICATE: u8 = 0;
const EXACT: u8 = 0;
const WITH_SHA_256: u8 = 1;

impl Tlsa {
    /// Whether a certificate is the one that the record describes (RFC 6698 section 2.1).
    pub fn fits(&self, certificate: &[u8]) -> bool {
        if self.selector == WHOLE_CERTIFICATE {
            return self.is(certificate);
        }
        X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| self.is(parsed.public_key().raw))
    }

    fn is(&self, selected: &[u8]) -> bool {
        match self.matching {
            EXACT => self.data == selected,
            WITH_SHA_256 => self.data == digest(&SHA256, selected).as_ref(),
            _ => self.data == digest(&SHA512, selected).as_ref(),
        }
    }

    /// The certificate itself, for a record that has it whole.
    pub fn certificate(&self) -> Option<&[u8]> {
        (self.selector == WHOLE_CERTIFICATE && self.matching == EXACT).then_some(&self.data[..])
    }
}

impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TLSA record {} {} {}", self.usage, self.selector, self.matching)
    }
}
