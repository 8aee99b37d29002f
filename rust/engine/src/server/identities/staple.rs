//! Whether an OCSP response may be stapled to a chain: what no client could make use of is refused before anyone is shown it.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certs::time;
use crate::judge::{Issuer, Status, Verdict, read_staple};
use crate::{Error, Result};

/// Refuse what is no response, is about another certificate, or was signed by somebody else. One that is out of date, or says that
/// the certificate is revoked, is the server's business.
///
/// `chain` is leaf first. Without its issuer's certificate there, the signature stays unchecked.
pub fn check(
    response: &[u8],
    chain: &[CertificateDer<'_>],
    algorithms: &WebPkiSupportedAlgorithms,
    chain_file: &str,
) -> Result<()> {
    let parsed = chain.iter().map_while(|der| X509Certificate::from_der(der).ok()).map(|(_, one)| one);
    let parsed = parsed.collect::<Vec<_>>();
    let Some(leaf) = parsed.first() else {
        return Err(Error::local("bad-certificate-file", format!("{chain_file} cannot be read")));
    };
    let issuer = parsed.iter().zip(chain).find(|(one, _)| one.subject().as_raw() == leaf.issuer().as_raw());
    let issuer = issuer.map(|(parsed, der)| Issuer { der, parsed });
    // Nothing that is empty is a staple; for a client it would be none at all.
    let says = read_staple(response, leaf, issuer, algorithms, time::now());
    let misfit = matches!(says.status, Status::Absent | Status::Mismatch | Status::Unreadable);
    if misfit || says.signature == Verdict::Bad {
        let why = says.problem.unwrap_or_else(|| "it is empty".to_owned());
        return Err(Error::local("bad-staple", format!("the OCSP response for {chain_file} does not fit: {why}")));
    }
    Ok(())
}
