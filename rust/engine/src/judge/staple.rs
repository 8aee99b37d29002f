//! The OCSP response that a server staples to its handshake (RFC 6066 section 8, RFC 6960): what it says, and whether that counts.

use ::der::{Decode, Encode};
use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use data_encoding::HEXLOWER;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use webpki::{EndEntityCert, KeyUsage};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, ResponderId,
    SingleResponse,
};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use super::signature::Signed;
use super::trust::Verdict;
use super::unix_time;
use crate::certs::{der, dn, time};

/// id-kp-OCSPSigning (RFC 6960 section 4.2.2.2), as the contents of an OID.
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
/// id-pkix-ocsp-basic, the only kind of response there is (section 4.2.1).
const BASIC: &str = "1.3.6.1.5.5.7.48.1.1";
/// A response needs one certificate of its responder.
const MOST_CERTIFICATES: usize = 8;
/// How long a response counts that does not say until when: newer ones are to be had all the time then (section 4.2.2.1), and an
/// old one may have been kept from before a revocation. A day is what browsers allow.
const WITHOUT_END: i64 = 86_400;
/// By how many seconds the responder's clock may be before ours.
const SLACK: i64 = 300;

/// `tlstool.model.Staple`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Staple {
    pub status: Status,
    pub signature: Verdict,
    pub is_current: Option<bool>,
    pub produced_at: Option<String>,
    pub this_update: Option<String>,
    pub next_update: Option<String>,
    pub responder: Option<String>,
    pub revoked_at: Option<String>,
    pub reason: Option<&'static str>,
    pub problem: Option<String>,
}

/// What it says, or why it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Good,
    Revoked,
    Unknown,
    /// It is about another certificate.
    Mismatch,
    /// It is no response, or one that says that there is none.
    Unreadable,
    /// There is no staple.
    Absent,
}

impl Staple {
    fn saying(status: Status, problem: Option<String>) -> Self {
        Self {
            status,
            signature: Verdict::NotChecked,
            is_current: None,
            produced_at: None,
            this_update: None,
            next_update: None,
            responder: None,
            revoked_at: None,
            reason: None,
            problem,
        }
    }

    /// What it is worth: `Good` and `Bad` only with a good signature. That a certificate is revoked does not age.
    pub fn verdict(&self) -> Verdict {
        match (self.status, self.signature) {
            (Status::Revoked, Verdict::Good) => Verdict::Bad,
            (Status::Good, Verdict::Good) if self.is_current == Some(true) => Verdict::Good,
            (Status::Absent, _) => Verdict::NotChecked,
            _ => Verdict::Unknown,
        }
    }

    /// Why it does not say that the certificate is good, as the end of a sentence; None if it does.
    pub fn shortcoming(&self) -> Option<String> {
        if self.verdict() == Verdict::Good {
            return None;
        }
        Some(match self.status {
            Status::Absent => "none was stapled".to_owned(),
            Status::Revoked => "the one that was stapled says that it is revoked".to_owned(),
            Status::Unknown if self.problem.is_none() => "the responder does not know the certificate".to_owned(),
            _ => format!(
                "the one that was stapled does not count: {}",
                self.problem.as_deref().unwrap_or("it says nothing")
            ),
        })
    }
}

/// Who has to have signed a response: the leaf's issuer.
#[derive(Clone, Copy)]
pub struct Issuer<'a> {
    pub der: &'a [u8],
    pub parsed: &'a X509Certificate<'a>,
}

/// What a response, empty for none, says of `leaf` at the time `now`. Without the issuer's certificate the signature stays unknown.
pub fn read(
    response: &[u8],
    leaf: &X509Certificate<'_>,
    issuer: Option<Issuer<'_>>,
    algorithms: &WebPkiSupportedAlgorithms,
    now: i64,
) -> Staple {
    if response.is_empty() {
        return Staple::saying(Status::Absent, None);
    }
    let (raw, basic) = match basic(response) {
        Ok(found) => found,
        Err(why) => return Staple::saying(Status::Unreadable, Some(why)),
    };
    let data = &basic.tbs_response_data;
    let Some(single) = data.responses.iter().find(|single| is_about(&single.cert_id, leaf, issuer)) else {
        let problem = "it is about another certificate".to_owned();
        return Staple::saying(Status::Mismatch, Some(problem));
    };
    let (signature, forged) = match issuer {
        None => {
            (Verdict::Unknown, Some("the certificate of the issuer is not there to check its signature".to_owned()))
        }
        Some(issuer) => match signed(&raw, &data.responder_id, issuer, algorithms, now) {
            Ok(()) => (Verdict::Good, None),
            Err(why) => (Verdict::Bad, Some(why)),
        },
    };
    let (is_current, late) = currency(single, now);
    let (status, revoked_at, reason) = status(&single.cert_status);
    Staple {
        status,
        signature,
        is_current: Some(is_current),
        produced_at: Some(moment(&data.produced_at)),
        this_update: Some(moment(&single.this_update)),
        next_update: single.next_update.as_ref().map(moment),
        responder: responder(&data.responder_id),
        revoked_at,
        reason,
        problem: forged.or(late),
    }
}

/// The name of a reason for revocation (RFC 5280 section 5.3.1).
pub fn reason(number: u32) -> &'static str {
    match number {
        0 => "unspecified",
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        8 => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => "no reason that is known",
    }
}

/// The signed part of a response, as it stands there and decoded.
fn basic(response: &[u8]) -> Result<(Vec<u8>, BasicOcspResponse), String> {
    let unreadable = |_| "it is no OCSP response".to_owned();
    let outer = OcspResponse::from_der(response).map_err(unreadable)?;
    let words = match outer.response_status {
        OcspResponseStatus::Successful => "it is empty",
        OcspResponseStatus::MalformedRequest => "the responder says that the request was malformed",
        OcspResponseStatus::InternalError => "the responder says that it has an internal error",
        OcspResponseStatus::TryLater => "the responder says that one should try later",
        OcspResponseStatus::SigRequired => "the responder wants a signed request",
        OcspResponseStatus::Unauthorized => "the responder says that it is not responsible",
    };
    let bytes =
        outer.response_bytes.filter(|_| outer.response_status == OcspResponseStatus::Successful).ok_or(words)?;
    if bytes.response_type.to_string() != BASIC {
        return Err("it is of a kind that is not known".to_owned());
    }
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes()).map_err(unreadable)?;
    Ok((bytes.response.as_bytes().to_vec(), basic))
}

/// Whether a status is of this certificate: by its serial number, and its issuer's name and, if that is there, key, as hashes
/// (section 4.1.1).
fn is_about(id: &CertId, leaf: &X509Certificate<'_>, issuer: Option<Issuer<'_>>) -> bool {
    let algorithm = match id.hash_algorithm.oid.to_string().as_str() {
        "1.3.14.3.2.26" => &SHA1_FOR_LEGACY_USE_ONLY,
        "2.16.840.1.101.3.4.2.1" => &SHA256,
        "2.16.840.1.101.3.4.2.2" => &SHA384,
        "2.16.840.1.101.3.4.2.3" => &SHA512,
        _ => return false,
    };
    let is = |hash: &[u8], data: &[u8]| digest::digest(algorithm, data).as_ref() == hash;
    // Both as they are encoded, with the nought in front of a first bit that is set.
    id.serial_number.as_bytes() == leaf.raw_serial()
        && is(id.issuer_name_hash.as_bytes(), leaf.issuer().as_raw())
        && issuer
            .is_none_or(|issuer| is(id.issuer_key_hash.as_bytes(), &issuer.parsed.public_key().subject_public_key.data))
}

/// Whether the issuer signed it, or one to whom it gave that right (section 4.2.2.2).
fn signed(
    raw: &[u8],
    responder: &ResponderId,
    issuer: Issuer<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
    now: i64,
) -> Result<(), String> {
    let response = Signed::read(raw).ok_or("its signature cannot be read")?;
    if is_by(responder, issuer.parsed) {
        let key = issuer.parsed.public_key().raw;
        return response
            .is_by(key, algorithms)
            .then_some(())
            .ok_or_else(|| "its signature is not the issuer's".to_owned());
    }
    let delegate = certificates(raw)
        .find(|der| X509Certificate::from_der(der).is_ok_and(|(_, certificate)| is_by(responder, &certificate)))
        .ok_or("its signer is not the issuer, and shows no certificate")?;
    let der = CertificateDer::from(delegate);
    may_sign(&der, issuer, algorithms, now)
        .map_err(|why| format!("the certificate of its signer does not hold: {}", super::explain::words(&why)))?;
    let (_, certificate) =
        X509Certificate::from_der(delegate).map_err(|_| "its signer's certificate cannot be read")?;
    let key = certificate.public_key().raw;
    response.is_by(key, algorithms).then_some(()).ok_or_else(|| "its signature does not verify".to_owned())
}

/// The certificate of a delegated responder: by the issuer itself, in force, and for this purpose.
fn may_sign(
    delegate: &CertificateDer<'_>,
    issuer: Issuer<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
    now: i64,
) -> Result<(), webpki::Error> {
    let issuer = CertificateDer::from(issuer.der);
    let anchors = [webpki::anchor_from_trusted_cert(&issuer)?];
    let purpose = KeyUsage::required(OCSP_SIGNING);
    let delegate = EndEntityCert::try_from(delegate)?;
    delegate.verify_for_usage(algorithms.all, &anchors, &[], unix_time(now), purpose, None, None).map(|_| ())
}

/// The certificates that came with a response, as they stand there.
fn certificates(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let tagged = der::elements(raw).into_iter().nth(3);
    let list = tagged.and_then(der::contents).and_then(der::element);
    list.map(der::elements).unwrap_or_default().into_iter().take(MOST_CERTIFICATES)
}

/// Whether a responder's id is that of a certificate's subject or key, of which it is always the SHA-1 (section 4.2.1).
fn is_by(responder: &ResponderId, certificate: &X509Certificate<'_>) -> bool {
    match responder {
        ResponderId::ByName(name) => name.to_der().is_ok_and(|name| name == certificate.subject().as_raw()),
        ResponderId::ByKey(hash) => {
            let key = &certificate.public_key().subject_public_key.data;
            digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, key).as_ref() == hash.as_bytes()
        }
    }
}

/// The responder's name, or the hash of its key.
fn responder(id: &ResponderId) -> Option<String> {
    match id {
        ResponderId::ByName(name) => {
            let encoded = name.to_der().ok()?;
            X509Name::from_der(&encoded).ok().map(|(_, name)| dn::text(&name))
        }
        ResponderId::ByKey(hash) => Some(format!("key {}", HEXLOWER.encode(hash.as_bytes()))),
    }
}

/// Whether a status is in force (section 4.2.2.1), and if not, why.
fn currency(single: &SingleResponse, now: i64) -> (bool, Option<String>) {
    let begin = seconds(&single.this_update);
    match &single.next_update {
        Some(end) if seconds(end) < now => return (false, Some(format!("it was good until {}", moment(end)))),
        None if begin.saturating_add(WITHOUT_END) < now => {
            let words = format!("it is of {}, and does not say until when it is good", moment(&single.this_update));
            return (false, Some(words));
        }
        _ => {}
    }
    if begin > now.saturating_add(SLACK) {
        return (false, Some(format!("it is good only from {} on", moment(&single.this_update))));
    }
    (true, None)
}

fn status(status: &CertStatus) -> (Status, Option<String>, Option<&'static str>) {
    match status {
        CertStatus::Good(_) => (Status::Good, None, None),
        CertStatus::Unknown(_) => (Status::Unknown, None, None),
        CertStatus::Revoked(info) => {
            let reason = info.revocation_reason.map(|number| reason(number as u32));
            (Status::Revoked, Some(moment(&info.revocation_time)), reason)
        }
    }
}

fn moment(time: &OcspGeneralizedTime) -> String {
    time::rfc3339(seconds(time))
}

fn seconds(time: &OcspGeneralizedTime) -> i64 {
    i64::try_from(time.0.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}
