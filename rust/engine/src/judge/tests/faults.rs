//! Faults that have a code of their own, and the certificate that each is told of.

use rcgen::{GeneralSubtree, NameConstraints, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use super::*;

/// `{code} {certificate}` of the fault that decides.
fn decided(trial: &Trial, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> (&'static str, Option<usize>) {
    let fault = trial.judge(leaf, others).faults.remove(0);
    (fault.code(), fault.certificate)
}

/// The certificate with the first occurrence of some octets replaced: its signature is none any more.
fn patched(der: &CertificateDer<'_>, from: &[u8], to: &[u8]) -> CertificateDer<'static> {
    let mut der = der.to_vec();
    let at = der.windows(from.len()).position(|octets| octets == from).unwrap();
    der[at..at + to.len()].copy_from_slice(to);
    CertificateDer::from(der)
}

#[test]
fn an_issuer_that_is_no_authority_is_named() {
    let root = root("root");
    let mut params = ca_params("middle");
    params.is_ca = IsCa::ExplicitNoCa;
    let middle = intermediate(params, &root);
    let leaf = issued(&leaf_params(), &middle);
    let trial = Trial::trusting(&[root.der()]);
    assert_eq!(decided(&trial, &leaf, &[middle.der().clone()]), ("not-a-ca", Some(1)));
    let message = "certificate 1 of the chain, \"CN=middle\", issued another, and is no certificate authority";
    assert_eq!(trial.message(&leaf, &[middle.der().clone()]), message);
}

#[test]
fn an_issuer_that_allows_for_fewer_intermediates_is_named() {
    let root = root("root");
    let mut params = ca_params("upper");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let upper = intermediate(params, &root);
    let lower = intermediate(ca_params("lower"), &upper);
    let leaf = issued(&leaf_params(), &lower);
    // In any order: the place is that in which it was sent.
    let others = [upper.der().clone(), lower.der().clone()];
    let trial = Trial::trusting(&[root.der()]);
    assert_eq!(decided(&trial, &leaf, &others), ("path-length", Some(1)));
    assert!(trial.message(&leaf, &others).contains("allows 0 intermediates below it"));
}

#[test]
fn a_name_that_an_issuer_may_not_certify_is_told() {
    let root = root("root");
    for (permitted, excluded, expected) in [
        (vec!["example.com"], vec![], true),
        (vec![], vec!["localhost"], true),
        (vec!["localhost"], vec!["example.com"], false),
    ] {
        let subtrees =
            |names: Vec<&str>| names.into_iter().map(|name| GeneralSubtree::DnsName(name.to_owned())).collect();
        let mut params = ca_params("middle");
        params.name_constraints =
            Some(NameConstraints { permitted_subtrees: subtrees(permitted), excluded_subtrees: subtrees(excluded) });
        let middle = intermediate(params, &root);
        let leaf = issued(&leaf_params(), &middle);
        let found = Trial::trusting(&[root.der()]).judge(&leaf, &[middle.der().clone()]);
        assert_eq!(!found.faults.is_empty(), expected);
        if expected {
            assert_eq!(found.faults[0].code(), "name-constraint");
            let message = "localhost is outside of the names that \"CN=middle\" may certify";
            assert_eq!(found.faults[0].to_string(), message);
        }
    }
}

#[test]
fn an_unknown_critical_extension_of_an_issuer_is_told_of_the_issuer() {
    let root = root("root");
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 0x00]);
    extension.set_criticality(true);
    let mut params = ca_params("middle");
    params.custom_extensions = vec![extension];
    let middle = intermediate(params, &root);
    let leaf = issued(&leaf_params(), &middle);
    let trial = Trial::trusting(&[root.der()]);
    assert_eq!(decided(&trial, &leaf, &[middle.der().clone()]), ("unknown-critical-extension", Some(1)));
    assert!(trial.message(&leaf, &[middle.der().clone()]).contains("2.5.29.36"));
}

#[test]
fn a_signature_by_way_of_sha_1_is_weak() {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let root = CertifiedIssuer::self_signed(ca_params("root"), key).unwrap();
    let leaf = issued(&leaf_params(), &root);
    // sha256WithRSAEncryption becomes sha1WithRSAEncryption, in both places.
    let (strong, weak) = (oid(0x0b), oid(0x05));
    let forged = patched(&patched(&leaf, &strong, &weak), &strong, &weak);
    let trial = Trial::trusting(&[root.der()]);
    assert_eq!(decided(&trial, &forged, &[]), ("weak-signature", Some(0)));
    assert!(trial.message(&forged, &[]).contains("sha1WithRSAEncryption"));
}

/// An algorithm of PKCS#1 (RFC 8017 appendix C).
fn oid(number: u8) -> [u8; 9] {
    [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number]
}

#[test]
fn a_key_of_no_kind_that_is_taken_is_told_of_its_owner() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let leaf = issued(&leaf_params(), &middle);
    let curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let odd = patched(middle.der(), &curve, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01]);
    assert_eq!(decided(&Trial::trusting(&[root.der()]), &leaf, &[odd]), ("unsupported-key", Some(1)));
}

#[test]
fn a_certificate_of_an_older_version_is_told_with_its_version() {
    let root = root("root");
    let leaf = issued(&leaf_params(), &root);
    // [0] { INTEGER 2 } becomes that of version 2.
    let old = patched(&leaf, &[0xa0, 0x03, 0x02, 0x01, 0x02], &[0xa0, 0x03, 0x02, 0x01, 0x01]);
    let trial = Trial::trusting(&[root.der()]);
    assert_eq!(decided(&trial, &old, &[]), ("certificate-version", Some(0)));
    assert!(trial.message(&old, &[]).contains("version 2"));
}

#[test]
fn a_forged_signature_is_told_of_the_certificate_that_bears_it() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let leaf = issued(&leaf_params(), &middle);
    let trial = Trial::trusting(&[root.der()]);
    let flip = |der: &CertificateDer<'_>| {
        let mut der = der.to_vec();
        *der.last_mut().unwrap() ^= 1;
        CertificateDer::from(der)
    };
    assert_eq!(decided(&trial, &flip(&leaf), &[middle.der().clone()]), ("bad-signature", Some(0)));
    assert_eq!(decided(&trial, &leaf, &[flip(middle.der())]), ("bad-signature", Some(1)));
}

#[test]
fn a_path_that_is_too_long_is_given_up() {
    let root = root("root");
    let mut authorities = vec![intermediate(ca_params("authority 0"), &root)];
    for number in 1..10 {
        let above = authorities.last().unwrap();
        authorities.push(intermediate(ca_params(&format!("authority {number}")), above));
    }
    let leaf = issued(&leaf_params(), authorities.last().unwrap());
    let others: Vec<_> = authorities.iter().map(|authority| authority.der().clone()).collect();
    assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &others), ["chain-too-complex"]);
}

#[test]
fn a_purpose_is_told_with_what_is_offered() {
    let root = root("root");
    let mut params = leaf_params();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = issued(&params, &root);
    let mut trial = Trial::trusting(&[root.der()]);
    let message = "the leaf, \"CN=leaf\", is not meant for TLS servers, but for clientAuth (extendedKeyUsage)";
    assert_eq!(trial.message(&leaf, &[]), message);
    for purpose in [Purpose::Client, Purpose::Any] {
        trial.purpose = purpose;
        assert_eq!(trial.codes(&leaf, &[]), none());
    }
}

#[test]
fn every_kind_of_key_that_is_taken_is_taken() {
    let root = root("root");
    for kind in [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let key = KeyPair::generate_for(kind).unwrap();
        let leaf = leaf_params().signed_by(&key, &root).unwrap().der().clone();
        assert_eq!(Trial::trusting(&[root.der()]).codes(&leaf, &[]), none());
    }
}
