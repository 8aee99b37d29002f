//! Why webpki refused a chain: it gives a reason, and the certificate that it means is found here.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::Error as Refusal;
use x509_parser::asn1_rs::{FromDer, Oid};
use x509_parser::prelude::GeneralName;

use super::chain::{Chain, Link};
use super::fault::{ChainFault, Why};
use super::purpose::Purpose;
use super::signature::Signed;
use crate::certs::{self, der, extensions};
use rustls::crypto::WebPkiSupportedAlgorithms;

/// What an explanation may have to look at.
pub struct Context<'a> {
    pub chain: &'a Chain<'a>,
    pub anchors: &'a [TrustAnchor<'a>],
    pub algorithms: &'a WebPkiSupportedAlgorithms,
    pub purpose: Purpose,
}

/// A leaf that webpki does not even read.
pub fn unreadable(why: &Refusal, chain: &Chain<'_>) -> ChainFault {
    match why {
        Refusal::UnsupportedCertVersion => version(chain.leaf()),
        Refusal::UnsupportedCriticalExtension => critical(chain.leaf()),
        other => Why::BadCertificate(words(other)).of_leaf(),
    }
}

/// Why no path was found.
pub fn refusal(why: &Refusal, context: &Context<'_>) -> ChainFault {
    let chain = context.chain;
    let bad = |words: &str| Why::BadCertificate(words.to_owned()).of(None);
    match why {
        Refusal::UnknownIssuer => chain.no_path(),
        Refusal::InvalidSignatureForPublicKey | Refusal::SignatureAlgorithmMismatch => bad_signature(context),
        Refusal::CaUsedAsEndEntity => Why::CaAsLeaf { subject: chain.leaf().subject() }.of_leaf(),
        Refusal::RequiredEkuNotFoundContext(_) | Refusal::EmptyEkuExtension => purpose(context),
        Refusal::UnsupportedSignatureAlgorithmContext(detail) => {
            algorithm(chain, &oid_text(&detail.signature_algorithm_id))
        }
        Refusal::UnsupportedSignatureAlgorithmForPublicKeyContext(detail) => {
            algorithm(chain, &oid_text(&detail.signature_algorithm_id))
        }
        Refusal::UnsupportedCriticalExtension => {
            let found = chain.walk().find(|link| link.unknown_critical_extension().is_some());
            critical(found.unwrap_or(chain.leaf()))
        }
        Refusal::UnsupportedCertVersion => {
            version(chain.walk().find(|link| link.parsed.version().0 != 2).unwrap_or(chain.leaf()))
        }
        Refusal::EndEntityUsedAsCa => not_a_ca(chain),
        Refusal::PathLenConstraintViolated => path_length(chain),
        Refusal::NameConstraintViolation => name_constraint(chain),
        Refusal::MaximumPathDepthExceeded => {
            Why::TooComplex("the path is too long: no more than six intermediates are taken").of(None)
        }
        Refusal::MaximumSignatureChecksExceeded
        | Refusal::MaximumPathBuildCallsExceeded
        | Refusal::MaximumNameConstraintComparisonsExceeded => {
            Why::TooComplex("there are too many paths to try").of(None)
        }
        other => bad(&words(other)),
    }
}

/// What webpki found wrong with one object, as the end of a sentence.
pub fn words(why: &Refusal) -> String {
    let words = match why {
        Refusal::BadDer | Refusal::TrailingData(_) => "its encoding is malformed",
        Refusal::BadDerTime => "it has a malformed time",
        Refusal::ExtensionValueInvalid | Refusal::MalformedExtensions => "its extensions are malformed",
        Refusal::MalformedDnsIdentifier => "it has a malformed DNS name",
        Refusal::MalformedNameConstraint | Refusal::InvalidNetworkMaskConstraint => {
            "its name constraints are malformed"
        }
        Refusal::SignatureAlgorithmMismatch => "it names two signature algorithms",
        Refusal::InvalidCertValidity => "its validity ends before it begins",
        Refusal::InvalidSerialNumber => "its serial number is malformed",
        Refusal::InvalidCrlNumber => "its number is malformed",
        Refusal::UnsupportedCriticalExtension => "it has a critical extension that is not understood",
        Refusal::UnsupportedCertVersion => "it is not of X.509 version 3",
        Refusal::UnsupportedCrlVersion => "it is not of version 2",
        Refusal::UnsupportedDeltaCrl => "it is a delta list, and only whole ones are taken",
        Refusal::UnsupportedIndirectCrl => "it is an indirect list, which is not taken",
        Refusal::UnsupportedRevocationReason => "it gives a reason that does not exist",
        Refusal::UnsupportedRevocationReasonsPartitioning => "it covers some reasons for revocation only",
        Refusal::UnsupportedCrlIssuingDistributionPoint => "the scope that it names is not understood",
        Refusal::CertDistrusted => "its key is distrusted",
        other => return spelled_out(&format!("{other:?}")),
    };
    words.to_owned()
}

/// A name of webpki's that has no words here, in lower case and without what it carries.
fn spelled_out(variant: &str) -> String {
    let name = variant.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let mut text = String::from("the verifier says");
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            text.push(' ');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

fn version(link: &Link<'_>) -> ChainFault {
    Why::CertificateVersion { subject: link.subject(), version: link.parsed.version().0.saturating_add(1) }
        .of(link.place)
}

fn critical(link: &Link<'_>) -> ChainFault {
    Why::UnknownCriticalExtension { subject: link.subject(), oid: link.unknown_critical_extension() }.of(link.place)
}

fn purpose(context: &Context<'_>) -> ChainFault {
    let wanted = context.purpose;
    let unfit = context.chain.walk().find_map(|link| {
        let offered = extensions::extended_key_usage(&link.parsed).filter(|offered| !wanted.takes(offered))?;
        Some(Why::WrongPurpose { subject: link.subject(), wanted: wanted.name(), offered }.of(link.place))
    });
    unfit.unwrap_or_else(|| {
        let subject = context.chain.leaf().subject();
        Why::WrongPurpose { subject, wanted: wanted.name(), offered: Vec::new() }.of(None)
    })
}

/// The first link whose signature is not by the key of its issuer, who may be the next one or an anchor.
fn bad_signature(context: &Context<'_>) -> ChainFault {
    let links: Vec<_> = context.chain.walk().collect();
    let forged = links.iter().enumerate().find(|(i, link)| !is_signed(link, links.get(i + 1).copied(), context));
    match forged {
        Some((_, link)) => Why::BadSignature { subject: link.subject(), issuer: link.issuer() }.of(link.place),
        // The one that was seen is on another way, of an issuer of the same name; this one has to fail by something else.
        None => path_length(context.chain),
    }
}

fn is_signed(link: &Link<'_>, issuer: Option<&Link<'_>>, context: &Context<'_>) -> bool {
    let Some(signed) = Signed::read(link.der) else { return false };
    if issuer.is_some_and(|issuer| signed.is_by(issuer.parsed.public_key().raw, context.algorithms)) {
        return true;
    }
    let name = der::contents(link.parsed.issuer().as_raw()).unwrap_or_default();
    let mut anchors = context.anchors.iter().filter(|anchor| anchor.subject.as_ref() == name).peekable();
    // Where nobody is known who could have signed it, that is not the fault that was found.
    (issuer.is_none() && anchors.peek().is_none())
        || anchors.any(|anchor| signed.is_by(webpki::spki_for_anchor(anchor).as_ref(), context.algorithms))
}

/// The first link that is signed by this algorithm, which is not taken, or not for its issuer's kind of key.
fn algorithm(chain: &Chain<'_>, oid: &str) -> ChainFault {
    let signed_so = |link: &&Link<'_>| link.parsed.signature_algorithm.algorithm.to_id_string() == oid;
    let link = chain.walk().find(signed_so).unwrap_or(chain.leaf());
    let (subject, algorithm) = (link.subject(), certs::signature_algorithm(oid));
    let lower = algorithm.to_ascii_lowercase();
    let why = if lower.starts_with("md5") || lower.contains("sha1") {
        Why::WeakSignature { subject, algorithm }
    } else {
        Why::UnsupportedSignature { subject, algorithm }
    };
    why.of(link.place)
}

fn not_a_ca(chain: &Chain<'_>) -> ChainFault {
    let is_no_ca = |link: &&Link<'_>| !extensions::basic_constraints(&link.parsed).is_some_and(|basic| basic.ca);
    match chain.walk().skip(1).find(is_no_ca) {
        Some(link) => Why::NotACa { subject: link.subject() }.of(link.place),
        None => Why::BadCertificate("an issuer is no certificate authority".to_owned()).of(None),
    }
}

fn path_length(chain: &Chain<'_>) -> ChainFault {
    let exceeded = chain.walk().skip(1).enumerate().find_map(|(below, link)| {
        let allowed = extensions::basic_constraints(&link.parsed)?.path_len_constraint?;
        (below > usize::try_from(allowed).unwrap_or(usize::MAX)).then_some((link, allowed))
    });
    match exceeded {
        Some((link, allowed)) => Why::PathLength { subject: link.subject(), allowed }.of(link.place),
        None => Why::BadCertificate("the path is longer than an issuer allows".to_owned()).of(None),
    }
}

/// The first name of the leaf that an issuer on the walk does not allow. The constraints may also be an anchor's: then it is not told.
fn name_constraint(chain: &Chain<'_>) -> ChainFault {
    let names = extensions::names(&chain.leaf().parsed);
    let violated = chain.walk().skip(1).find_map(|link| {
        let constraints = extensions::name_constraints(&link.parsed)?;
        let bases = |subtrees: &Option<Vec<_>>| -> Vec<GeneralName<'_>> {
            let subtrees: &[x509_parser::prelude::GeneralSubtree<'_>] = subtrees.as_deref().unwrap_or_default();
            subtrees.iter().map(|subtree| subtree.base.clone()).collect()
        };
        let (permitted, excluded) = (bases(&constraints.permitted_subtrees), bases(&constraints.excluded_subtrees));
        let outside = |name: &&String| {
            let of_its_kind: Vec<_> = permitted.iter().filter_map(|base| within(name, base)).collect();
            (!of_its_kind.is_empty() && !of_its_kind.contains(&true))
                || excluded.iter().any(|base| within(name, base) == Some(true))
        };
        Some((link, names.iter().find(outside)?.clone()))
    });
    match violated {
        Some((link, name)) => Why::NameConstraint { issuer: link.subject(), name: Some(name) }.of_leaf(),
        None => Why::NameConstraint { issuer: chain.leaf().issuer(), name: None }.of(None),
    }
}

/// Whether a name is in a subtree; None if that is of another kind (RFC 5280 section 4.2.1.10).
fn within(name: &str, base: &GeneralName<'_>) -> Option<bool> {
    let address: Option<std::net::IpAddr> = name.parse().ok();
    match (address, base) {
        (None, GeneralName::DNSName(base)) => {
            let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
            let above = base.trim_start_matches('.');
            let below = name.strip_suffix(above).is_some_and(|rest| rest.ends_with('.') || above.is_empty());
            Some(below || (name == above && !base.starts_with('.')))
        }
        (Some(address), GeneralName::IPAddress(range)) => {
            let octets = match address {
                std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
                std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            let (network, mask) =
                range.split_at_checked(octets.len()).filter(|(_, mask)| mask.len() == octets.len())?;
            Some(octets.iter().zip(network).zip(mask).all(|((octet, network), mask)| octet & mask == network & mask))
        }
        _ => None,
    }
}

/// The OID at the head of an `AlgorithmIdentifier`'s contents.
fn oid_text(algorithm: &[u8]) -> String {
    Oid::from_der(algorithm).map_or_else(|_| String::new(), |(_, oid)| oid.to_id_string())
}

/// Whether a certificate reads as one at all: for files of anchors, where those that webpki refuses may still be trusted as leaves.
pub fn is_certificate(der: &CertificateDer<'_>) -> bool {
    use x509_parser::prelude::X509Certificate;
    X509Certificate::from_der(der).is_ok()
}
