//! Revocation lists (RFC 5280 section 5), and what they say of a path that was found.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::chain::Link;
use super::fault::{ChainFault, Why};
use super::purpose::Purpose;
use super::{explain, staple, unix_time};
use crate::certs::{der, dn, pem, time};
use crate::{Error, Result};

/// `tlstool.model.Crl`, made `plain`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrlSpec {
    pub file: String,
    pub data: ByteBuf,
}

/// A list, and the file that it came from.
#[derive(Debug)]
pub struct RevocationList {
    file: String,
    list: CertRevocationList<'static>,
}

/// Every list of these files, PEM or DER each.
pub fn load(files: &[CrlSpec]) -> Result<Vec<RevocationList>> {
    let mut lists = Vec::new();
    for CrlSpec { file, data } in files {
        let bad = |why: String| Error::local("bad-crl", why);
        for der in pem::revocation_lists(data).map_err(|fault| bad(format!("{file} {}", fault.words())))? {
            let list = OwnedCertRevocationList::from_der(&der).map_err(|why| {
                bad(format!("{file} has a revocation list that cannot be used: {}", explain::words(&why)))
            })?;
            lists.push(RevocationList { file: file.clone(), list: list.into() });
        }
    }
    Ok(lists)
}

/// A path to judge: as for `EndEntityCert::verify_for_usage`, at a moment at which one was found.
pub struct Case<'a> {
    pub entity: &'a EndEntityCert<'a>,
    pub others: &'a [CertificateDer<'a>],
    pub anchors: &'a [TrustAnchor<'a>],
    pub algorithms: &'a WebPkiSupportedAlgorithms,
    pub moment: i64,
    pub now: i64,
}

/// What the lists say of a path: None if it is good.
///
/// The leaf has to be covered by a list; an issuer is judged only by one that covers it. A list that is out of date counts as
/// none, unless the path is, and was judged in the past. `links` are the certificates that may be on a list.
pub fn fault<'l>(
    case: &Case<'_>,
    lists: &[RevocationList],
    links: impl Iterator<Item = &'l Link<'l>>,
) -> Option<ChainFault> {
    let leaf = search(case, lists, RevocationCheckDepth::EndEntity, UnknownStatusPolicy::Deny);
    let whole = search(case, lists, RevocationCheckDepth::Chain, UnknownStatusPolicy::Allow);
    match (leaf, whole) {
        (Err(webpki::Error::CertRevoked), _) | (_, Err(webpki::Error::CertRevoked)) => Some(revoked(lists, links)),
        // A list that cannot be used ended the search, and what stands on the others, further down, was not looked at.
        (_, Err(_)) if lists.iter().any(|list| is_on(case, list)) => Some(revoked(lists, links)),
        (Ok(()), _) => None,
        (Err(webpki::Error::CrlExpired { next_update, .. }), _) => {
            let due = i64::try_from(next_update.as_secs()).unwrap_or(i64::MAX);
            Some(Why::RevocationUnknown { outdated: Some(time::rfc3339(due)) }.of_leaf())
        }
        (Err(_), _) => Some(Why::RevocationUnknown { outdated: None }.of_leaf()),
    }
}

/// Whether a list alone has a certificate of the path on it.
fn is_on(case: &Case<'_>, list: &RevocationList) -> bool {
    let found = search(case, std::slice::from_ref(list), RevocationCheckDepth::Chain, UnknownStatusPolicy::Allow);
    found == Err(webpki::Error::CertRevoked)
}

fn search(
    case: &Case<'_>,
    lists: &[RevocationList],
    depth: RevocationCheckDepth,
    policy: UnknownStatusPolicy,
) -> std::result::Result<(), webpki::Error> {
    let lists: Vec<_> = lists.iter().map(|one| &one.list).collect();
    let options = RevocationOptionsBuilder::new(&lists).map_err(|_| webpki::Error::UnknownRevocationStatus)?;
    let expiry = if case.moment == case.now { ExpirationPolicy::Enforce } else { ExpirationPolicy::Ignore };
    let options = options.with_depth(depth).with_status_policy(policy).with_expiration_policy(expiry).build();
    let (time, all) = (unix_time(case.moment), case.algorithms.all);
    case.entity.verify_for_usage(all, case.anchors, case.others, time, Purpose::Any, Some(options), None).map(|_| ())
}

/// The first certificate that is on a list of its issuer's.
fn revoked<'l>(lists: &[RevocationList], links: impl Iterator<Item = &'l Link<'l>>) -> ChainFault {
    for link in links {
        let issuer = der::contents(link.parsed.issuer().as_raw()).unwrap_or_default();
        for RevocationList { file, list } in lists.iter().filter(|one| one.list.issuer() == issuer) {
            let Ok(Some(entry)) = list.find_serial(link.parsed.raw_serial()) else { continue };
            let seconds = i64::try_from(entry.revocation_date.as_secs()).unwrap_or(i64::MAX);
            return Why::Revoked {
                subject: link.subject(),
                by: format!("the list of {:?} in {file}", dn::text(link.parsed.issuer())),
                at: Some(time::rfc3339(seconds)),
                reason: entry.reason_code.map(|reason| staple::reason(reason as u32).to_owned()),
            }
            .of(link.place);
        }
    }
    Why::Revoked { subject: String::new(), by: "a revocation list".to_owned(), at: None, reason: None }.of(None)
}
