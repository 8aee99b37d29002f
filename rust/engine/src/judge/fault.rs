//! The faults that a certificate chain can have: each with the certificate that has it, its code and its words.

use std::fmt;

/// One fault of a certificate chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainFault {
    /// Which of the certificates as sent has it, the leaf being 0; None where it is none of them, or not known.
    pub certificate: Option<usize>,
    pub why: Why,
}

/// What is wrong. Subjects and issuers are names as RFC 4514 writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The chain ends at an authority that nobody here trusts.
    UnknownIssuer {
        issuer: String,
    },
    /// The leaf is signed by its own key, and is itself no root.
    SelfSigned {
        subject: String,
    },
    /// A certificate between the leaf and a root was not sent: that of `issuer`, which issued the one of `subject`.
    MissingIntermediate {
        subject: String,
        issuer: String,
    },
    /// The signature on a certificate is not its issuer's.
    BadSignature {
        subject: String,
        issuer: String,
    },
    /// The peer's signature on the handshake is not by the leaf's key (RFC 8446 section 4.4.3).
    BadHandshakeSignature,
    /// It cannot be read, or breaks a rule that has no code of its own.
    BadCertificate(String),
    /// extendedKeyUsage names other purposes (RFC 5280 section 4.2.1.12).
    WrongPurpose {
        subject: String,
        wanted: &'static str,
        offered: Vec<String>,
    },
    /// The leaf is the certificate of an authority.
    CaAsLeaf {
        subject: String,
    },
    /// An issuer is no authority by its basicConstraints (RFC 5280 section 4.2.1.9).
    NotACa {
        subject: String,
    },
    /// More intermediates stand below an issuer than its pathLenConstraint allows.
    PathLength {
        subject: String,
        allowed: u32,
    },
    /// A name is outside of what an issuer may certify (RFC 5280 section 4.2.1.10).
    NameConstraint {
        issuer: String,
        name: Option<String>,
    },
    UnknownCriticalExtension {
        subject: String,
        oid: Option<String>,
    },
    /// Signed by way of a hash that can be forged: MD5, SHA-1.
    WeakSignature {
        subject: String,
        algorithm: String,
    },
    UnsupportedSignature {
        subject: String,
        algorithm: String,
    },
    /// An RSA key of less than 2048 bits.
    WeakKey {
        subject: String,
        key: String,
    },
    UnsupportedKey {
        subject: String,
        key: String,
    },
    /// X.509 version 1 or 2, which have no extensions, and so no names.
    CertificateVersion {
        subject: String,
        version: u32,
    },
    /// The search for a path was given up.
    TooComplex(&'static str),
    /// The leaf wants a stapled OCSP response (RFC 7633), and there is none that holds, for this reason.
    MustStapleMissing(String),
    /// The leaf's key is none of those that it was to have; its hash as pins are written.
    PinMismatch {
        found: String,
    },
    /// No TLSA record fits (RFC 6698 section 2.1).
    TlsaMismatch,
    /// By whose word, since when, and why, as far as that is told.
    Revoked {
        subject: String,
        by: String,
        at: Option<String>,
        reason: Option<String>,
    },
    /// No list in force covers the leaf; `outdated` is when the one that would do was due to be replaced, if there is one.
    RevocationUnknown {
        outdated: Option<String>,
    },
    NameMismatch {
        wanted: String,
        presented: Vec<String>,
    },
    Expired {
        subject: String,
        not_after: String,
        clock: String,
    },
    NotYetValid {
        subject: String,
        not_before: String,
        clock: String,
    },
}

const NAMES_SHOWN: usize = 4;

impl Why {
    /// The fault of the certificate at this place of those sent.
    pub fn of(self, certificate: Option<usize>) -> ChainFault {
        ChainFault { certificate, why: self }
    }

    /// The fault of the leaf.
    pub fn of_leaf(self) -> ChainFault {
        self.of(Some(0))
    }
}

impl ChainFault {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self.why {
            Why::UnknownIssuer { .. } => "unknown-issuer",
            Why::SelfSigned { .. } => "self-signed",
            Why::MissingIntermediate { .. } => "missing-intermediate",
            Why::BadSignature { .. } | Why::BadHandshakeSignature => "bad-signature",
            Why::BadCertificate(_) => "bad-certificate",
            Why::WrongPurpose { .. } => "wrong-purpose",
            Why::CaAsLeaf { .. } => "ca-as-leaf",
            Why::NotACa { .. } => "not-a-ca",
            Why::PathLength { .. } => "path-length",
            Why::NameConstraint { .. } => "name-constraint",
            Why::UnknownCriticalExtension { .. } => "unknown-critical-extension",
            Why::WeakSignature { .. } => "weak-signature",
            Why::UnsupportedSignature { .. } => "unsupported-signature",
            Why::WeakKey { .. } => "weak-key",
            Why::UnsupportedKey { .. } => "unsupported-key",
            Why::CertificateVersion { .. } => "certificate-version",
            Why::TooComplex(_) => "chain-too-complex",
            Why::MustStapleMissing(_) => "must-staple-missing",
            Why::PinMismatch { .. } => "pin-mismatch",
            Why::TlsaMismatch => "tlsa-mismatch",
            Why::Revoked { .. } => "revoked",
            Why::RevocationUnknown { .. } => "revocation-unknown",
            Why::NameMismatch { .. } => "name-mismatch",
            Why::Expired { .. } => "expired",
            Why::NotYetValid { .. } => "not-yet-valid",
        }
    }

    /// Which of several faults decides: revocation, then the chain, then the name, then the dates; least first.
    pub fn rank(&self) -> u8 {
        match self.why {
            Why::Revoked { .. } | Why::RevocationUnknown { .. } => 0,
            Why::NameMismatch { .. } => 2,
            Why::Expired { .. } | Why::NotYetValid { .. } => 3,
            _ => 1,
        }
    }

    /// Whether it says that no path leads from the leaf to a trusted root.
    pub fn is_of_path(&self) -> bool {
        self.rank() == 1
            && !matches!(
                self.why,
                Why::WrongPurpose { .. }
                    | Why::MustStapleMissing(_)
                    | Why::PinMismatch { .. }
                    | Why::TlsaMismatch
                    | Why::BadHandshakeSignature
            )
    }

    /// Whether it is one for which no signature by the certificate's key can be verified.
    pub fn is_of_the_certificate_itself(&self) -> bool {
        matches!(
            self.why,
            Why::BadCertificate(_)
                | Why::UnknownCriticalExtension { .. }
                | Why::CertificateVersion { .. }
                | Why::WeakKey { .. }
                | Why::UnsupportedKey { .. }
        )
    }

    /// `the leaf, "CN=a",`: which certificate a sentence is about.
    fn who(&self, subject: &str) -> String {
        match self.certificate {
            Some(0) => format!("the leaf, {subject:?},"),
            Some(number) => format!("certificate {number} of the chain, {subject:?},"),
            None => format!("the certificate of {subject:?}"),
        }
    }
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::UnknownIssuer { issuer } => {
                write!(f, "the chain ends at {issuer:?}, which is not among the trusted roots")
            }
            Why::SelfSigned { subject } => write!(f, "{} is signed by itself", self.who(subject)),
            Why::MissingIntermediate { subject, issuer } => {
                write!(f, "the peer sent no certificate of {issuer:?}, which issued that of {subject:?}")
            }
            Why::BadSignature { subject, issuer } => {
                write!(f, "the signature on {} is not by the key of {issuer:?}", self.who(subject))
            }
            Why::BadHandshakeSignature => f.write_str("the peer's signature on the handshake is not by the leaf's key"),
            Why::BadCertificate(why) => write!(f, "a certificate is not valid: {why}"),
            Why::WrongPurpose { subject, wanted, offered } if offered.is_empty() => {
                write!(f, "{} is not meant for TLS {wanted}s: its extendedKeyUsage is empty", self.who(subject))
            }
            Why::WrongPurpose { subject, wanted, offered } => {
                let offered = offered.join(", ");
                write!(f, "{} is not meant for TLS {wanted}s, but for {offered} (extendedKeyUsage)", self.who(subject))
            }
            Why::CaAsLeaf { subject } => {
                write!(f, "the peer's own certificate, {subject:?}, is that of a certificate authority")
            }
            Why::NotACa { subject } => {
                write!(f, "{} issued another, and is no certificate authority", self.who(subject))
            }
            Why::PathLength { subject, allowed } => {
                let who = self.who(subject);
                write!(f, "{who} allows {allowed} intermediates below it, and there are more")
            }
            Why::NameConstraint { issuer, name: Some(name) } => {
                write!(f, "{name} is outside of the names that {issuer:?} may certify")
            }
            Why::NameConstraint { issuer, name: None } => {
                write!(f, "a name is outside of those that {issuer:?} may certify")
            }
            Why::MustStapleMissing(why) => write!(f, "the leaf demands a stapled OCSP response, and {why}"),
            Why::PinMismatch { found } => write!(f, "the leaf's key is not the pinned one, but {found}"),
            Why::TlsaMismatch => f.write_str("no TLSA record fits the chain"),
            Why::TooComplex(why) => f.write_str(why),
            Why::Revoked { .. } | Why::RevocationUnknown { .. } => self.revocation(f),
            Why::NameMismatch { wanted, presented } => names(f, wanted, presented),
            Why::Expired { subject, not_after, clock } => {
                write!(f, "{} expired at {not_after}; {clock}", self.who(subject))
            }
            Why::NotYetValid { subject, not_before, clock } => {
                write!(f, "{} is not valid before {not_before}; {clock}", self.who(subject))
            }
            _ => self.unacceptable(f),
        }
    }
}

impl ChainFault {
    /// What no verifier of ours takes, though it may be sound.
    fn unacceptable(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::UnknownCriticalExtension { subject, oid } => {
                let oid = oid.as_deref().unwrap_or("in it");
                write!(f, "the critical extension {oid} of {} is not understood", self.who(subject))
            }
            Why::WeakSignature { subject, algorithm } => {
                write!(f, "{} is signed with {algorithm}, which can be forged", self.who(subject))
            }
            Why::UnsupportedSignature { subject, algorithm } => {
                write!(f, "{} is signed with {algorithm}, which is not accepted", self.who(subject))
            }
            Why::WeakKey { subject, key } => {
                write!(f, "{} has the key {key}, which is too short: RSA takes 2048 bits", self.who(subject))
            }
            Why::UnsupportedKey { subject, key } => {
                write!(f, "{} has the key {key}, which is not accepted", self.who(subject))
            }
            Why::CertificateVersion { subject, version } => {
                write!(f, "{} is of X.509 version {version}, and 3 is wanted", self.who(subject))
            }
            _ => f.write_str(self.code()),
        }
    }

    fn revocation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, by, at, reason) = match &self.why {
            Why::Revoked { subject, by, at, reason } => (subject, by, at, reason),
            Why::RevocationUnknown { outdated: Some(due) } => {
                return write!(f, "the revocation list that covers the leaf is out of date: the next was due at {due}");
            }
            _ => return f.write_str("no revocation list that was given covers the leaf"),
        };
        write!(f, "{} is revoked", self.who(subject))?;
        if let Some(at) = at {
            write!(f, " since {at}")?;
        }
        if let Some(reason) = reason {
            write!(f, " ({reason})")?;
        }
        write!(f, ", says {by}")
    }
}

fn names(f: &mut fmt::Formatter<'_>, wanted: &str, presented: &[String]) -> fmt::Result {
    if presented.is_empty() {
        return write!(f, "the certificate is for no name at all, not for {wanted}");
    }
    let (shown, rest) = presented.split_at(presented.len().min(NAMES_SHOWN));
    write!(f, "the certificate is for {}", shown.join(", "))?;
    if !rest.is_empty() {
        write!(f, " and {} more", rest.len())?;
    }
    write!(f, ", not for {wanted}")
}

impl std::error::Error for ChainFault {}
