//! What a certificate is to be good for (extendedKeyUsage, RFC 5280 section 4.2.1.12).

use serde::Deserialize;
use webpki::{ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};

/// A purpose: `tlstool.model.Purpose`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    #[default]
    Server,
    Client,
    Any,
}

impl Purpose {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Any => "peer",
        }
    }

    /// Whether an extendedKeyUsage with these purposes, by their names, has it.
    pub fn takes(self, offered: &[String]) -> bool {
        let has = |wanted: &str| offered.iter().any(|purpose| purpose == wanted);
        match self {
            Self::Server => has("serverAuth"),
            Self::Client => has("clientAuth"),
            Self::Any => true,
        }
    }
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        match self {
            Self::Server => KeyUsage::server_auth().validate(purposes),
            Self::Client => KeyUsage::client_auth().validate(purposes),
            Self::Any => Ok(()),
        }
    }
}
