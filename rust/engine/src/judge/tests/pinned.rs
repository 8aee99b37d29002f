//! Keys and authorities that the user, or the DNS, names.

use aws_lc_rs::digest::{SHA256, SHA512, digest};

use super::*;
use crate::certs;

fn spki(der: &CertificateDer<'_>) -> Vec<u8> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    X509Certificate::from_der(der).unwrap().1.public_key().raw.to_vec()
}

fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Tlsa {
    Tlsa { usage, selector, matching, data: ByteBuf::from(data) }
}

#[test]
fn one_pin_has_to_be_the_leaf_s_and_trust_is_wanted_all_the_same() {
    let root = root("root");
    let leaf = issued(&leaf_params(), &root);
    let mut trial = Trial::trusting(&[root.der()]);
    trial.pins = vec![certs::sha256(&spki(root.der()))];
    assert_eq!(trial.codes(&leaf, &[]), ["pin-mismatch"]);
    assert!(trial.message(&leaf, &[]).ends_with(&certs::pin(&spki(&leaf))));
    trial.pins.push(certs::sha256(&spki(&leaf)));
    assert_eq!(trial.codes(&leaf, &[]), none());
    trial.roots.pem = Some(Vec::new());
    assert_eq!(trial.codes(&leaf, &[]), ["unknown-issuer"]);
}

#[test]
fn a_record_of_the_leaf_replaces_trust_name_and_dates() {
    let leaf = leaf_params().self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    let mut trial = Trial::trusting(&[]);
    trial.name = "elsewhere.example";
    trial.at = NOW + 2 * 365 * 86_400;
    let key = spki(&leaf);
    for fitting in [
        record(3, 0, 0, &leaf),
        record(3, 0, 1, digest(&SHA256, &leaf).as_ref()),
        record(3, 1, 1, digest(&SHA256, &key).as_ref()),
        record(3, 1, 2, digest(&SHA512, &key).as_ref()),
    ] {
        trial.tlsa = vec![record(3, 1, 1, &[0; 32]), fitting];
        let found = trial.judge(&leaf, &[]);
        assert_eq!(found.faults, []);
        assert!(found.store.unwrap().starts_with("the TLSA record 3"));
    }
    trial.tlsa = vec![record(3, 1, 1, &[0; 32])];
    assert_eq!(trial.codes(&leaf, &[])[0], "tlsa-mismatch");
}

#[test]
fn a_record_of_an_authority_makes_it_the_anchor_but_name_and_dates_count() {
    let root = root("root");
    let middle = intermediate(ca_params("middle"), &root);
    let leaf = issued(&leaf_params(), &middle);
    let mut trial = Trial::trusting(&[]);
    trial.tlsa = vec![record(2, 1, 1, digest(&SHA256, &spki(middle.der())).as_ref())];
    assert_eq!(trial.codes(&leaf, &[middle.der().clone()]), none());
    trial.name = "elsewhere.example";
    assert_eq!(trial.codes(&leaf, &[middle.der().clone()]), ["name-mismatch"]);
    trial.name = "localhost";
    // It has to be there: sent, or whole in the record.
    assert_eq!(trial.codes(&leaf, &[]), ["tlsa-mismatch"]);
    trial.tlsa = vec![record(2, 0, 0, middle.der())];
    assert_eq!(trial.codes(&leaf, &[]), none());
}

#[test]
fn an_authority_that_does_not_lead_to_the_leaf_leaves_the_other_records_to_decide() {
    let (root, other) = (root("root"), root("other"));
    let leaf = issued(&leaf_params(), &root);
    let mut trial = Trial::trusting(&[root.der()]);
    let stray = record(2, 1, 1, digest(&SHA256, &spki(other.der())).as_ref());
    trial.tlsa = vec![stray.clone(), record(1, 0, 0, &leaf)];
    let others = [other.der().clone()];
    assert_eq!(trial.codes(&leaf, &others), none());
    trial.tlsa = vec![stray, record(1, 0, 0, root.der())];
    assert_eq!(trial.codes(&leaf, &others), ["tlsa-mismatch"]);
}

#[test]
fn records_of_the_web_s_kind_only_add_to_the_usual_verification() {
    let root = root("root");
    let leaf = issued(&leaf_params(), &root);
    let (of_leaf, of_root) = (record(1, 0, 0, &leaf), record(0, 0, 0, root.der()));
    let mut trial = Trial::trusting(&[root.der()]);
    for fitting in [of_leaf.clone(), of_root] {
        trial.tlsa = vec![fitting];
        assert_eq!(trial.codes(&leaf, &[]), none());
    }
    trial.tlsa = vec![record(1, 0, 0, root.der()), record(0, 0, 0, &leaf)];
    assert_eq!(trial.codes(&leaf, &[]), ["tlsa-mismatch"]);
    trial.roots.pem = Some(Vec::new());
    trial.tlsa = vec![of_leaf];
    assert_eq!(trial.codes(&leaf, &[]), ["unknown-issuer"]);
}
