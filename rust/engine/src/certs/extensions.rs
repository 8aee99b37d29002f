//! What the extensions of a certificate say (RFC 5280 section 4.2), each by itself: one that is malformed says nothing.

use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::asn1_rs::Oid;
use x509_parser::extensions::{AuthorityInfoAccess, DistributionPointName};
use x509_parser::prelude::{BasicConstraints, GeneralName, NameConstraints, ParsedExtension, X509Certificate};

use super::der;
use super::sct::{self, Sct};

/// TLS Feature (RFC 7633 section 6), and `status_request` in it (RFC 6066 section 8).
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
const STATUS_REQUEST: u8 = 5;

/// The access methods of authorityInfoAccess (RFC 5280 section 4.2.2.1).
const OCSP: &str = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// A certificate with so many addresses is out to annoy.
const MOST_ADDRESSES: usize = 64;

/// DNS names and addresses of the subjectAltName, in order (section 4.2.1.6).
pub fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = find(certificate, |extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    alternatives.into_iter().flatten().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => <[u8; 4]>::try_from(*octets)
            .map(|v4| Ipv4Addr::from(v4).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*octets).map(|v6| Ipv6Addr::from(v6).to_string()))
            .ok(),
        _ => None,
    }
}

/// Where a responder for OCSP is.
pub fn ocsp_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    access(certificate, OCSP)
}

/// Where the issuer's certificate is.
pub fn ca_issuer_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    access(certificate, CA_ISSUERS)
}

fn access(certificate: &X509Certificate<'_>, method: &str) -> Vec<String> {
    let descriptions = find(certificate, |extension| match extension {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    });
    descriptions
        .into_iter()
        .flat_map(AuthorityInfoAccess::iter)
        .filter(|description| description.access_method.to_id_string() == method)
        .filter_map(|description| url(&description.access_location))
        .take(MOST_ADDRESSES)
        .collect()
}

/// Where the revocation lists are that cover it (section 4.2.1.13).
pub fn crl_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    let points = find(certificate, |extension| match extension {
        ParsedExtension::CRLDistributionPoints(points) => Some(points),
        _ => None,
    });
    points
        .into_iter()
        .flat_map(|points| points.points.iter())
        .filter_map(|point| match &point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        })
        .flatten()
        .filter_map(url)
        .take(MOST_ADDRESSES)
        .collect()
}

fn url(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(url) => Some((*url).to_owned()),
        _ => None,
    }
}

/// The timestamps of certificate transparency in it.
pub fn scts(certificate: &X509Certificate<'_>) -> Vec<Sct> {
    value(certificate, sct::OID).map(sct::scts).unwrap_or_default()
}

/// Whether it wants a stapled OCSP response with it (RFC 7633 section 4.2.3.1).
pub fn must_staple(certificate: &X509Certificate<'_>) -> bool {
    // Features ::= SEQUENCE OF INTEGER
    value(certificate, TLS_FEATURE)
        .is_some_and(|features| der::elements(features).contains(&&[0x02, 0x01, STATUS_REQUEST][..]))
}

pub fn basic_constraints<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a BasicConstraints> {
    find(certificate, |extension| match extension {
        ParsedExtension::BasicConstraints(constraints) => Some(constraints),
        _ => None,
    })
}

pub fn name_constraints<'a, 'b>(certificate: &'a X509Certificate<'b>) -> Option<&'a NameConstraints<'b>> {
    find(certificate, |extension| match extension {
        ParsedExtension::NameConstraints(constraints) => Some(constraints),
        _ => None,
    })
}

/// What its key may be used for (section 4.2.1.3), by the names there; None if it does not say.
pub fn key_usage(certificate: &X509Certificate<'_>) -> Option<Vec<&'static str>> {
    const BITS: [&str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    let usage = find(certificate, |extension| match extension {
        ParsedExtension::KeyUsage(usage) => Some(usage),
        _ => None,
    })?;
    Some(BITS.iter().enumerate().filter(|(bit, _)| usage.flags >> bit & 1 == 1).map(|(_, name)| *name).collect())
}

/// What it is for (section 4.2.1.12), by the names there or by OID; None if it does not say.
pub fn extended_key_usage(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let usage = find(certificate, |extension| match extension {
        ParsedExtension::ExtendedKeyUsage(usage) => Some(usage),
        _ => None,
    })?;
    let known = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let known = known.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned());
    Some(known.chain(usage.other.iter().map(Oid::to_id_string)).collect())
}

fn find<'a, 'b, T>(
    certificate: &'a X509Certificate<'b>,
    wanted: impl Fn(&'a ParsedExtension<'b>) -> Option<T>,
) -> Option<T> {
    certificate.extensions().iter().find_map(|extension| wanted(extension.parsed_extension()))
}

fn value<'a>(certificate: &X509Certificate<'a>, oid: &str) -> Option<&'a [u8]> {
    let found = certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == oid)?;
    Some(found.value)
}
