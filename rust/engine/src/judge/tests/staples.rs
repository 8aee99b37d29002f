//! Stapled OCSP responses, made here: sound ones, and one for each way in which one may not count.

use ::der::asn1::{BitString, GeneralizedTime, OctetString};
use ::der::{Decode, Encode};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rcgen::SigningKey as _;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, ResponderId, ResponseData, RevokedInfo,
    SingleResponse, Version,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;

const DAY: i64 = 86_400;

/// What a response is made of.
struct Response<'a> {
    issuer: &'a Authority,
    leaf: &'a CertificateDer<'static>,
    status: CertStatus,
    this_update: i64,
    next_update: Option<i64>,
    /// Who signs it, if it is not the issuer.
    delegate: Option<&'a (CertificateDer<'static>, KeyPair)>,
}

impl<'a> Response<'a> {
    fn good(issuer: &'a Authority, leaf: &'a CertificateDer<'static>) -> Self {
        let status = CertStatus::good();
        Self { issuer, leaf, status, this_update: NOW - DAY, next_update: Some(NOW + DAY), delegate: None }
    }

    fn signed(&self) -> Vec<u8> {
        let (_, leaf) = X509Certificate::from_der(self.leaf).unwrap();
        let (_, issuer) = X509Certificate::from_der(self.issuer.der()).unwrap();
        let hash = |data: &[u8]| OctetString::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, data).as_ref()).unwrap();
        let responder = self.delegate.map_or(self.issuer.der(), |(certificate, _)| certificate);
        let (_, responder) = X509Certificate::from_der(responder).unwrap();
        // SEQUENCE { SEQUENCE { id-sha1 }, name, key, serial }
        let cert_id = CertId {
            hash_algorithm: Decode::from_der(&[0x30, 0x07, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a]).unwrap(),
            issuer_name_hash: hash(leaf.issuer().as_raw()),
            issuer_key_hash: hash(&issuer.public_key().subject_public_key.data),
            serial_number: Decode::from_der(
                &[&[0x02, u8::try_from(leaf.raw_serial().len()).unwrap()], leaf.raw_serial()].concat(),
            )
            .unwrap(),
        };
        let data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByKey(hash(&responder.public_key().subject_public_key.data)),
            produced_at: moment(self.this_update),
            responses: vec![SingleResponse {
                cert_id,
                cert_status: self.status,
                this_update: moment(self.this_update),
                next_update: self.next_update.map(moment),
                single_extensions: None,
            }],
            response_extensions: None,
        };
        let key = self.delegate.map_or(self.issuer.key(), |(_, key)| key);
        let signature = key.sign(&data.to_der().unwrap()).unwrap();
        let basic = BasicOcspResponse {
            tbs_response_data: data,
            // ecdsa-with-SHA256
            signature_algorithm: Decode::from_der(&[
                0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
            ])
            .unwrap(),
            signature: BitString::from_bytes(&signature).unwrap(),
            certs: self.delegate.map(|(certificate, _)| vec![Decode::from_der(certificate).unwrap()]),
        };
        OcspResponse::successful(basic).unwrap().to_der().unwrap()
    }
}

fn moment(seconds: i64) -> OcspGeneralizedTime {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap());
    OcspGeneralizedTime(GeneralizedTime::from_unix_duration(since).unwrap())
}

fn revoked() -> CertStatus {
    CertStatus::Revoked(RevokedInfo { revocation_time: moment(NOW - DAY), revocation_reason: None })
}

fn responder(issuer: &Authority, usages: Vec<ExtendedKeyUsagePurpose>) -> (CertificateDer<'static>, KeyPair) {
    let mut params = leaf_params();
    params.distinguished_name.push(DnType::CommonName, "responder");
    params.extended_key_usages = usages;
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap().der().clone(), key)
}

/// The leaf of a root, what is stapled to it, and the judge.
struct Scene {
    root: Authority,
    leaf: CertificateDer<'static>,
    trial: Trial,
}

fn scene(must_staple: bool) -> Scene {
    let root = root("root");
    let mut params = leaf_params();
    if must_staple {
        // Features ::= SEQUENCE { status_request(5) }
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 0x03, 0x02, 0x01, 0x05])];
    }
    let leaf = issued(&params, &root);
    let trial = Trial::trusting(&[root.der()]);
    Scene { root, leaf, trial }
}

impl Scene {
    fn with(mut self, response: impl Fn(&mut Response<'_>)) -> (Judgement, Staple) {
        let mut made = Response::good(&self.root, &self.leaf);
        response(&mut made);
        self.trial.staple = made.signed();
        let judgement = self.trial.judge(&self.leaf, &[]);
        let staple = judgement.staple.clone().unwrap();
        (judgement, staple)
    }
}

#[test]
fn a_good_staple_settles_revocation() {
    let (judgement, staple) = scene(true).with(|_| {});
    assert_eq!((judgement.faults, judgement.revocation), (Vec::new(), Verdict::Good));
    assert_eq!((staple.status, staple.signature, staple.is_current), (Status::Good, Verdict::Good, Some(true)));
    assert_eq!(staple.this_update.as_deref(), Some("2026-05-31T00:00:00Z"));
    assert!(staple.responder.unwrap().starts_with("key "));
    assert_eq!(staple.problem, None);
}

#[test]
fn a_staple_that_says_revoked_is_believed_whatever_its_age() {
    for age in [0, 30 * DAY] {
        let (judgement, staple) = scene(true).with(|response| {
            response.status = revoked();
            response.this_update -= age;
            response.next_update = Some(NOW + DAY - age);
        });
        let message = "the leaf, \"CN=leaf\", is revoked since 2026-05-31T00:00:00Z, says the stapled OCSP response";
        assert_eq!(judgement.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
        assert_eq!((staple.status, judgement.revocation), (Status::Revoked, Verdict::Bad));
    }
}

#[test]
fn a_staple_that_does_not_count_is_a_fault_only_where_the_leaf_demands_one() {
    type Change = fn(&mut Response<'_>);
    let late: Change = |response| response.next_update = Some(NOW - 1);
    let early: Change = |response| response.this_update = NOW + DAY;
    let unknown: Change = |response| response.status = CertStatus::unknown();
    let endless: Change = |response| (response.this_update, response.next_update) = (NOW - DAY - 1, None);
    let changes = [
        (late, "it was good until"),
        (early, "it is good only from"),
        (unknown, "does not know"),
        (endless, "does not say until when"),
    ];
    for (change, word) in changes {
        for must_staple in [false, true] {
            let (judgement, _) = scene(must_staple).with(change);
            let codes: Vec<_> = judgement.faults.iter().map(ChainFault::code).collect();
            assert_eq!(codes, if must_staple { vec!["must-staple-missing"] } else { vec![] });
            assert!(judgement.faults.iter().all(|fault| fault.to_string().contains(word)));
            assert_eq!(judgement.revocation, Verdict::NotChecked);
        }
    }
}

#[test]
fn a_staple_without_an_end_counts_for_a_day() {
    let (judgement, staple) = scene(true).with(|response| response.next_update = None);
    assert_eq!((judgement.faults, staple.is_current, staple.next_update), (Vec::new(), Some(true), None));
}

#[test]
fn the_staple_of_a_chain_that_nobody_trusts_settles_nothing() {
    let mut scene = scene(false);
    scene.trial = Trial::trusting(&[root("other").der()]);
    scene.trial.crls = vec![file(list(&root("other"), &[], 2030))];
    for status in [CertStatus::good(), revoked()] {
        let mut response = Response::good(&scene.root, &scene.leaf);
        response.status = status;
        scene.trial.staple = response.signed();
        let judgement = scene.trial.judge(&scene.leaf, &[scene.root.der().clone()]);
        let codes: Vec<_> = judgement.faults.iter().map(ChainFault::code).collect();
        assert_eq!((codes, judgement.revocation), (vec!["unknown-issuer"], Verdict::Unknown));
        assert_eq!(judgement.staple.unwrap().signature, Verdict::Good);
    }
}

#[test]
fn a_serial_number_with_its_first_bit_set_is_found() {
    let mut scene = scene(true);
    let mut params = leaf_params();
    params.serial_number = Some(SerialNumber::from_slice(&[0xf3, 0x01, 0x02]));
    scene.leaf = issued(&params, &scene.root);
    let (_, staple) = scene.with(|_| {});
    assert_eq!(staple.status, Status::Good);
}

#[test]
fn a_leaf_that_demands_a_staple_and_has_none_is_at_fault() {
    let scene = scene(true);
    let judgement = scene.trial.judge(&scene.leaf, &[]);
    assert_eq!(judgement.faults[0].to_string(), "the leaf demands a stapled OCSP response, and none was stapled");
    assert_eq!(judgement.staple.unwrap().status, Status::Absent);
}

#[test]
fn a_response_by_another_s_key_is_not_believed() {
    let scene = scene(false);
    let stranger = (scene.root.der().clone(), KeyPair::generate().unwrap());
    let mut forged = Response::good(&scene.root, &scene.leaf);
    forged.status = revoked();
    forged.delegate = Some(&stranger);
    let mut trial = Trial::trusting(&[scene.root.der()]);
    trial.staple = forged.signed();
    let judgement = trial.judge(&scene.leaf, &[]);
    assert_eq!((judgement.faults, judgement.revocation), (Vec::new(), Verdict::NotChecked));
    assert_eq!(judgement.staple.unwrap().signature, Verdict::Bad);
}

#[test]
fn a_delegate_needs_the_right_to_sign_and_the_same_issuer() {
    let scene = scene(false);
    let right = vec![ExtendedKeyUsagePurpose::OcspSigning];
    let other = root("other");
    for (delegate, signature) in [
        (responder(&scene.root, right.clone()), Verdict::Good),
        (responder(&scene.root, vec![ExtendedKeyUsagePurpose::ServerAuth]), Verdict::Bad),
        (responder(&scene.root, Vec::new()), Verdict::Bad),
        (responder(&other, right), Verdict::Bad),
    ] {
        let mut response = Response::good(&scene.root, &scene.leaf);
        response.delegate = Some(&delegate);
        let mut trial = Trial::trusting(&[scene.root.der()]);
        trial.staple = response.signed();
        assert_eq!(trial.judge(&scene.leaf, &[]).staple.unwrap().signature, signature);
    }
}

#[test]
fn a_response_about_another_certificate_is_told() {
    let scene = scene(false);
    let mut params = leaf_params();
    params.serial_number = Some(SerialNumber::from(8));
    let other = issued(&params, &scene.root);
    let mut trial = Trial::trusting(&[scene.root.der()]);
    trial.staple = Response::good(&scene.root, &other).signed();
    assert_eq!(trial.judge(&scene.leaf, &[]).staple.unwrap().status, Status::Mismatch);
}

#[test]
fn a_staple_stands_in_for_a_list_that_does_not_cover_the_leaf() {
    let mut scene = scene(false);
    scene.trial.crls = vec![file(list(&root("stranger"), &[], 2030))];
    let (judgement, _) = scene.with(|_| {});
    assert_eq!((judgement.faults, judgement.revocation), (Vec::new(), Verdict::Good));
}

#[test]
fn garbage_is_unreadable_and_no_flipped_bit_is_believed() {
    let scene = scene(false);
    let whole = Response::good(&scene.root, &scene.leaf).signed();
    let mut trial = Trial::trusting(&[scene.root.der()]);
    trial.staple = b"garbage".to_vec();
    assert_eq!(trial.judge(&scene.leaf, &[]).staple.unwrap().status, Status::Unreadable);
    // OCSPResponse with responseStatus tryLater(3).
    trial.staple = vec![0x30, 0x03, 0x0a, 0x01, 0x03];
    assert!(trial.judge(&scene.leaf, &[]).staple.unwrap().problem.unwrap().contains("try later"));
    for i in 0..whole.len() {
        trial.staple.clone_from(&whole);
        trial.staple[i] ^= 0x04;
        assert_ne!(trial.judge(&scene.leaf, &[]).staple.unwrap().verdict(), Verdict::Good, "byte {i}");
        trial.staple.truncate(i.max(1));
        trial.judge(&scene.leaf, &[]);
    }
}
