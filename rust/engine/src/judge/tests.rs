#![allow(clippy::unwrap_used)]

mod differential;
mod faults;
mod pinned;
mod staples;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

use serde_bytes::ByteBuf;

use super::*;
use crate::provider::provider;

/// 2026-06-01, inside the validity that `leaf` gives.
const NOW: i64 = 1_780_272_000;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(ca_params(name), KeyPair::generate().unwrap()).unwrap()
}

fn intermediate(params: CertificateParams, issuer: &Authority) -> Authority {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.serial_number = Some(SerialNumber::from(7));
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn issued(params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> CertificateDer<'static> {
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
}

/// A chain's judge to be, and what a server would staple.
struct Trial {
    roots: RootsSpec,
    crls: Vec<CrlSpec>,
    name: &'static str,
    at: i64,
    purpose: Purpose,
    pins: Vec<String>,
    tlsa: Vec<Tlsa>,
    staple: Vec<u8>,
}

impl Trial {
    fn trusting(roots: &[&CertificateDer<'static>]) -> Self {
        let pem = Some(roots.iter().map(|der| ByteBuf::from(der.to_vec())).collect());
        Self {
            roots: RootsSpec { store: "test.pem".to_owned(), pem, extra: Vec::new() },
            crls: Vec::new(),
            name: "localhost",
            at: NOW,
            purpose: Purpose::Server,
            pins: Vec::new(),
            tlsa: Vec::new(),
            staple: Vec::new(),
        }
    }

    fn spec(&self) -> JudgeSpec<'_> {
        JudgeSpec {
            roots: &self.roots,
            crls: &self.crls,
            name: Some(self.name),
            at: Some(self.at),
            purpose: self.purpose,
            pins: &self.pins,
            tlsa: &self.tlsa,
        }
    }

    fn judge(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Judgement {
        let judge = Judge::new(self.spec(), &provider(&[], &[]).unwrap()).unwrap();
        judge.judge(Presented { leaf, others, sent: 1 + others.len(), staple: Some(&self.staple) })
    }

    fn message(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> String {
        self.judge(leaf, others).faults[0].to_string()
    }

    fn codes(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Vec<&'static str> {
        self.judge(leaf, others).faults.iter().map(ChainFault::code).collect()
    }
}

fn none() -> [&'static str; 0] {
    []
}

#[test]
fn a_good_chain_has_no_fault() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let leaf = issued(&leaf_params(), &middle);
    let judgement = Trial::trusting(&[root.der()]).judge(&leaf, &[middle.der().clone()]);
    assert_eq!((judgement.faults, judgement.revocation), (Vec::new(), Verdict::NotChecked));
    let path: Vec<_> = judgement.path.unwrap().into_iter().map(|one| (one.subject, one.sent, one.is_anchor)).collect();
    assert_eq!(path, [(dn("leaf"), Some(0), false), (dn("middle"), Some(1), false), (dn("root"), None, true)]);
}

#[test]
fn a_chain_to_another_root_names_where_it_ends() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let leaf = issued(&leaf_params(), &middle);
    let stranger = super::tests::root("stranger");
    let found = Trial::trusting(&[stranger.der()]).judge(&leaf, &[middle.der().clone()]);
    let issuer = dn("root");
    assert_eq!(found.faults, [Why::UnknownIssuer { issuer }.of(Some(1))]);
    assert_eq!(found.path, None);
    assert_eq!(Trial::trusting(&[]).codes(&leaf, &[middle.der().clone(), root.der().clone()]), ["unknown-issuer"]);
}

#[test]
fn an_untrusted_and_expired_chain_for_another_name_shows_all_three_in_their_order() {
    let leaf = issued(&leaf_params(), &root("root"));
    let mut case = Trial::trusting(&[]);
    case.at = NOW + 2 * 365 * 86_400;
    case.name = "example.org";
    assert_eq!(case.codes(&leaf, &[]), ["unknown-issuer", "name-mismatch", "expired"]);
    case.at = NOW - 2 * 365 * 86_400;
    assert_eq!(case.codes(&leaf, &[]), ["unknown-issuer", "name-mismatch", "not-yet-valid"]);
}

#[test]
fn an_expired_intermediate_is_named() {
    let root = root("root");
    let mut params = ca_params("middle");
    params.not_after = date_time_ymd(2026, 2, 1);
    let middle = intermediate(params, &root);
    let leaf = issued(&leaf_params(), &middle);
    let found = Trial::trusting(&[root.der()]).judge(&leaf, &[middle.der().clone()]);
    let expected = "certificate 1 of the chain, \"CN=middle\", expired at 2026-02-01T00:00:00Z; \
                    it is judged as of 2026-06-01T00:00:00Z";
    assert_eq!(found.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    assert_eq!(found.path.unwrap().len(), 3);
}

#[test]
fn a_weak_certificate_that_the_path_does_not_need_is_no_fault() {
    let ca = root("root");
    let leaf = issued(&leaf_params(), &ca);
    // The same name over a key on P-192, which nobody takes.
    let mut old = root("root").der().to_vec();
    let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let at = old.windows(8).position(|bytes| bytes == curve).unwrap();
    old[at + 7] = 0x01;
    let old = CertificateDer::from(old);
    assert_eq!(Trial::trusting(&[ca.der()]).codes(&leaf, std::slice::from_ref(&old)), none());
    assert_eq!(Trial::trusting(&[root("other").der()]).codes(&leaf, &[old])[0], "unknown-issuer");
}

#[test]
fn an_expired_certificate_that_the_path_does_not_need_is_no_fault() {
    let root = root("root");
    let mut params = ca_params("middle");
    let middle = intermediate(params.clone(), &root);
    params.not_after = date_time_ymd(2026, 2, 1);
    let old = intermediate(params, &root);
    let leaf = issued(&leaf_params(), &middle);
    let others = [old.der().clone(), middle.der().clone()];
    assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &others), none());
}

/// Of two certificates that bear the name of the leaf's issuer, the one that is in force gives no path, and the other is expired.
#[test]
fn an_issuer_that_is_in_force_does_not_hide_that_there_is_no_path() {
    let trusted = root("root");
    let mut params = ca_params("middle");
    let decoy = CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap();
    params.not_after = date_time_ymd(2026, 2, 1);
    let forged = CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap();
    let others = [decoy.der().clone(), forged.der().clone()];
    let leaf = issued(&leaf_params(), &forged);
    assert_eq!(Trial::trusting(&[trusted.der()]).codes(&leaf, &others), ["unknown-issuer"]);
    // The issuer is the root's, and expired.
    let old = intermediate(params, &trusted);
    let others = [decoy.der().clone(), old.der().clone()];
    let leaf = issued(&leaf_params(), &old);
    let found = Trial::trusting(&[trusted.der()]).judge(&leaf, &others);
    assert_eq!(found.faults.iter().map(ChainFault::code).collect::<Vec<_>>(), ["expired"]);
    assert_eq!(found.faults[0].certificate, Some(2));
}

#[test]
fn a_self_signed_leaf_is_told_from_one_of_an_unknown_authority() {
    let leaf = leaf_params().self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert_eq!(Trial::trusting(&[]).codes(leaf.der(), &[]), ["self-signed"]);
    let authority = root("root");
    assert_eq!(Trial::trusting(&[]).codes(authority.der(), &[]), ["self-signed", "ca-as-leaf", "name-mismatch"]);
}

#[test]
fn a_leaf_that_is_a_given_root_is_trusted_as_it_is_but_name_date_and_purpose_count() {
    let mut params = leaf_params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let leaf = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let mut case = Trial::trusting(&[leaf.der()]);
    assert_eq!(case.codes(leaf.der(), &[]), none());
    case.name = "example.org";
    case.at = NOW + 2 * 365 * 86_400;
    assert_eq!(case.codes(leaf.der(), &[]), ["name-mismatch", "expired"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert_eq!(Trial::trusting(&[client.der()]).codes(client.der(), &[]), ["wrong-purpose"]);
}

#[test]
fn an_intermediate_that_was_not_sent_is_missing_if_the_leaf_says_where_it_is() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let mut params = leaf_params();
    assert_eq!(Trial::trusting(&[root.der()]).codes(&issued(&params, &middle), &[]), ["unknown-issuer"]);
    // AuthorityInfoAccess ::= SEQUENCE { SEQUENCE { caIssuers, [6] "http://a/" } }
    let mut access =
        vec![0x30, 0x17, 0x30, 0x15, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86, 0x09];
    access.extend_from_slice(b"http://a/");
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)];
    let leaf = issued(&params, &middle);
    let found = Trial::trusting(&[root.der()]).judge(&leaf, &[]);
    assert_eq!(found.faults, [Why::MissingIntermediate { subject: dn("leaf"), issuer: dn("middle") }.of_leaf()]);
}

#[test]
fn a_gap_among_the_certificates_sent_is_a_missing_intermediate() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let leaf = issued(&leaf_params(), &middle);
    let others = [super::tests::root("stray").der().clone()];
    assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &others), ["missing-intermediate"]);
}

#[test]
fn a_client_certificate_of_an_unknown_authority_has_both_faults() {
    let mut params = leaf_params();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let root = root("root");
    let leaf = issued(&params, &root);
    assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &[]), ["wrong-purpose"]);
    assert_eq!(Trial::trusting(&[]).codes(&leaf, &[]), ["unknown-issuer", "wrong-purpose"]);
}

#[test]
fn an_authority_s_certificate_is_no_leaf() {
    let root = root("root");
    let mut params = leaf_params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let leaf = issued(&params, &root);
    assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &[]), ["ca-as-leaf"]);
    assert_eq!(Trial::trusting(&[]).codes(&leaf, &[]), ["unknown-issuer", "ca-as-leaf"]);
}

#[test]
fn a_signature_by_another_key_of_the_same_name_is_bad() {
    let (root, impostor) = (root("root"), root("root"));
    let mut params = leaf_params();
    params.key_identifier_method = KeyIdMethod::Sha256;
    let leaf = issued(&params, &impostor);
    assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &[]), ["bad-signature"]);
}

#[test]
fn an_unknown_critical_extension_makes_a_certificate_unsupported() {
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]);
    extension.set_criticality(true);
    let mut params = leaf_params();
    params.custom_extensions = vec![extension];
    let root = root("root");
    let leaf = issued(&params, &root);
    let mut case = Trial::trusting(&[root.der()]);
    let message = "the critical extension 1.2.3.4 of the leaf, \"CN=leaf\", is not understood";
    assert_eq!(case.message(&leaf, &[]), message);
    case.name = "example.org";
    assert_eq!(case.codes(&leaf, &[]), ["unknown-critical-extension", "name-mismatch"]);
}

#[test]
fn garbage_is_a_bad_certificate() {
    assert_eq!(Trial::trusting(&[]).codes(&CertificateDer::from(vec![0x30, 0x00]), &[]), ["bad-certificate"]);
}

fn list(issuer: &Authority, revoked: &[u64], next_update: i32) -> Vec<u8> {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(next_update, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: date_time_ymd(2026, 2, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().der().to_vec()
}

fn file(crl: Vec<u8>) -> CrlSpec {
    CrlSpec { file: "test.crl".to_owned(), data: ByteBuf::from(crl) }
}

#[test]
fn revocation_is_good_bad_or_unknown_as_the_lists_say() {
    let (root, stranger) = (root("root"), root("stranger"));
    let leaf = issued(&leaf_params(), &root);
    for (crl, codes, verdict) in [
        (list(&root, &[8], 2030), vec![], Verdict::Good),
        (list(&root, &[7], 2030), vec!["revoked"], Verdict::Bad),
        (list(&stranger, &[], 2030), vec!["revocation-unknown"], Verdict::Unknown),
        (list(&root, &[], 2026), vec!["revocation-unknown"], Verdict::Unknown),
    ] {
        let mut case = Trial::trusting(&[root.der(), stranger.der()]);
        case.crls = vec![file(crl)];
        assert_eq!((case.codes(&leaf, &[]), case.judge(&leaf, &[]).revocation), (codes, verdict));
    }
}

#[test]
fn a_list_that_is_out_of_date_does_not_hide_what_stands_on_another() {
    let root = root("root");
    let upper = intermediate(ca_params("upper"), &root);
    let mut params = ca_params("lower");
    params.serial_number = Some(SerialNumber::from(9));
    let lower = intermediate(params, &upper);
    let leaf = issued(&leaf_params(), &lower);
    let mut case = Trial::trusting(&[root.der()]);
    let others = [lower.der().clone(), upper.der().clone()];
    case.crls = vec![file(list(&root, &[], 2026)), file(list(&upper, &[9], 2030)), file(list(&lower, &[], 2030))];
    let judgement = case.judge(&leaf, &others);
    assert_eq!((judgement.faults[0].code(), judgement.faults[0].certificate), ("revoked", Some(1)));
    case.crls[1] = file(list(&upper, &[], 2030));
    assert_eq!(case.codes(&leaf, &others), none());
}

#[test]
fn a_revoked_certificate_that_expired_since_is_both() {
    let root = root("root");
    let leaf = issued(&leaf_params(), &root);
    let mut case = Trial::trusting(&[root.der()]);
    case.crls = vec![file(list(&root, &[7], 2027))];
    case.at = NOW + 2 * 365 * 86_400;
    assert_eq!(case.codes(&leaf, &[]), ["revoked", "expired"]);
}

#[test]
fn bad_files_have_their_codes() {
    let provider = provider(&[], &[]).unwrap();
    let code = |pem: &[u8], crls: &[&[u8]]| {
        let mut case = Trial::trusting(&[&CertificateDer::from(pem.to_vec())]);
        case.crls = crls.iter().map(|crl| file(crl.to_vec())).collect();
        Judge::new(case.spec(), &provider).map_or_else(|e| e.code(), |_| "good")
    };
    let root = root("root");
    assert_eq!(code(root.der(), &[]), "good");
    assert_eq!(code(b"", &[]), "no-certificate");
    assert_eq!(code(b"\x30\x82garbage", &[]), "bad-certificate-file");
    assert_eq!(code(root.der(), &[b"garbage"]), "bad-crl");
    assert_eq!(code(root.der(), &[b"\x30\x82garbage"]), "bad-crl");
}

#[test]
fn no_flipped_bit_of_a_leaf_is_taken_for_good() {
    let root = root("root");
    let leaf = issued(&leaf_params(), &root);
    for i in 0..leaf.len() {
        let mut flipped = leaf.to_vec();
        flipped[i] ^= 0x10;
        assert_ne!(Trial::trusting(&[root.der()]).codes(&CertificateDer::from(flipped), &[]), none(), "byte {i}");
    }
}

fn dn(name: &str) -> String {
    format!("CN={name}")
}
