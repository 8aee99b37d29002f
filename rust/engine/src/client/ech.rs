//! Encrypted Client Hello (RFC 9849): which configuration is offered, and under which name the rest of the world sees us.

use rustls::EncryptedClientHelloError;
use rustls::client::{EchConfig, EchGreaseConfig, EchMode, EchStatus};
use rustls::crypto::aws_lc_rs::hpke::{ALL_SUPPORTED_SUITES, DH_KEM_X25519_HKDF_SHA256_AES_128};
use rustls::crypto::hpke::Hpke;
// Not of its stable interface; but which configuration of a list it takes can be learnt in no other way.
use rustls::internal::msgs::codec::Codec;
use rustls::internal::msgs::handshake::EchConfigPayload;
use rustls_pki_types::{DnsName, EchConfigListBytes};
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::{Error, Result};

/// What browsers pretend to use (RFC 9849 section 6.2).
const GREASE_SUITE: &dyn Hpke = DH_KEM_X25519_HKDF_SHA256_AES_128;

/// What every connection of a configuration offers.
#[derive(Debug, Clone)]
pub struct Ech {
    pub mode: EchMode,
    /// None for GREASE, which offers nothing.
    pub chosen: Option<Chosen>,
}

/// The configuration that was taken.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub config_id: u8,
    pub public_name: DnsName<'static>,
}

/// `tlstool.model.Ech`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EchReport {
    pub status: Option<&'static str>,
    pub config_id: Option<u8>,
    pub outer_name: Option<String>,
    pub inner_name: Option<String>,
    pub retry_configs: Option<String>,
}

impl Ech {
    /// The first configuration of `lists` (each an `ECHConfigList`) that can be used; GREASE where there is no list.
    pub fn new(lists: &[ByteBuf]) -> Result<Self> {
        if lists.is_empty() {
            return Self::grease();
        }
        let mut problem = EncryptedClientHelloError::NoCompatibleConfig;
        for list in lists {
            let Ok(configs) = Vec::<EchConfigPayload>::read_bytes(list) else {
                problem = EncryptedClientHelloError::InvalidConfigList;
                continue;
            };
            if let Some(ech) = configs.into_iter().find_map(Self::of) {
                return Ok(ech);
            }
        }
        let why = match problem {
            EncryptedClientHelloError::InvalidConfigList => "is no ECHConfigList",
            _ => "has no version and no HPKE suite that Rustls speaks",
        };
        Err(Error::local("bad-ech-config", format!("the ECH configuration {why}")))
    }

    /// What a report says of one connection. Of a server that rejects us, `retry` is what it wants us to use instead.
    pub fn report(&self, status: EchStatus, inner_name: Option<String>, retry: Option<&[u8]>) -> EchReport {
        EchReport {
            status: match status {
                EchStatus::Grease => Some("grease"),
                EchStatus::Accepted => Some("accepted"),
                EchStatus::Rejected => Some("rejected"),
                EchStatus::Offered | EchStatus::NotOffered => None,
            },
            config_id: self.chosen.as_ref().map(|chosen| chosen.config_id),
            outer_name: self.chosen.as_ref().map(|chosen| chosen.public_name.as_ref().to_owned()),
            inner_name: inner_name.filter(|_| self.chosen.is_some()),
            retry_configs: retry.map(|list| data_encoding::BASE64.encode(list)),
        }
    }

    fn grease() -> Result<Self> {
        let (public_key, _) = GREASE_SUITE.generate_key_pair()?;
        Ok(Self { mode: EchGreaseConfig::new(GREASE_SUITE, public_key).into(), chosen: None })
    }

    /// rustls does not say which configuration of a list it takes, so each is shown to it alone.
    fn of(config: EchConfigPayload) -> Option<Self> {
        let EchConfigPayload::V18(contents) = &config else { return None };
        let chosen = Chosen { config_id: contents.key_config.config_id, public_name: contents.public_name.clone() };
        let list = EchConfigListBytes::from(vec![config].get_encoding());
        let usable = EchConfig::new(list, ALL_SUPPORTED_SUITES).ok()?;
        Some(Self { mode: usable.into(), chosen: Some(chosen) })
    }
}
