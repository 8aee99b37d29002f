//! The name that a certificate has to have (RFC 9525).

use rustls_pki_types::ServerName;

use crate::{Error, Result};

/// A DNS name or an address.
pub fn server_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| Error::Usage(format!("{name:?} is neither a DNS name nor an address")))
}

/// Whether a subjectAltName is the wanted one: a wildcard is a whole leftmost label and stands for just one (section 6.3).
pub fn covers(presented: &str, wanted: &ServerName<'_>) -> bool {
    match wanted {
        ServerName::DnsName(wanted) => {
            let wanted = wanted.as_ref().trim_end_matches('.');
            match presented.strip_prefix("*.") {
                Some(parent) => wanted.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
                None => wanted.eq_ignore_ascii_case(presented),
            }
        }
        _ => presented == wanted.to_str(),
    }
}
