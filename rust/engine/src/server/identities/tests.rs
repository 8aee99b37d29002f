#![allow(clippy::unwrap_used)]

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm};
use rustls::SignatureScheme;

use super::choice::{Choice, Lack};
use super::*;

const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
const RSA: &[SignatureScheme] = &[SignatureScheme::RSA_PSS_SHA256];
const NEITHER: &[SignatureScheme] = &[SignatureScheme::ED25519];

fn spec(names: &[&str], kind: &'static SignatureAlgorithm) -> IdentitySpec {
    let key = KeyPair::generate_for(kind).unwrap();
    let names = names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let leaf = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    IdentitySpec {
        chain: leaf.pem().into_bytes(),
        key: key.serialize_pem().into_bytes(),
        chain_file: "chain.pem".to_owned(),
        key_file: "key.pem".to_owned(),
        staple: None,
    }
}

fn made(names: &[&str], kind: &'static SignatureAlgorithm) -> ServerIdentity {
    ServerIdentity::new(&spec(names, kind)).unwrap()
}

fn named(name: &str, identity: &ServerIdentity) -> NamedIdentity {
    NamedIdentity { name: name.to_owned(), identity: identity.clone() }
}

fn shows(
    choice: &Choice,
    name: Option<&str>,
    schemes: &[SignatureScheme],
    strict: bool,
    expected: std::result::Result<&ServerIdentity, Lack>,
) {
    let shown = choice.pick(name, schemes, strict).map(Arc::as_ptr);
    assert_eq!(shown, expected.map(|identity| Arc::as_ptr(&identity.key)), "{name:?}");
}

#[test]
fn the_client_decides_between_two_kinds_of_key() {
    let (ecdsa, rsa) = (made(&["a.test"], &PKCS_ECDSA_P256_SHA256), made(&["a.test"], &PKCS_RSA_SHA256));
    let choice = Choice::new(&[ecdsa.clone(), rsa.clone()], &[]);
    for name in [Some("a.test"), Some("unknown.test"), None] {
        shows(&choice, name, ECDSA, false, Ok(&ecdsa));
        shows(&choice, name, RSA, false, Ok(&rsa));
        shows(&choice, name, &[RSA, ECDSA].concat(), false, Ok(&ecdsa));
        shows(&choice, name, NEITHER, false, Err(Lack::Scheme));
    }
}

#[test]
fn a_name_of_its_own_goes_before_a_wildcard_and_that_before_the_default() {
    let [default, wild, own] = ["default.test", "a.test", "b.test"].map(|name| made(&[name], &PKCS_ECDSA_P256_SHA256));
    let choice = Choice::new(std::slice::from_ref(&default), &[named("*.a.test", &wild), named("own.a.test", &own)]);
    for (name, expected) in [
        (Some("own.a.test"), &own),
        (Some("other.a.test"), &wild),
        (Some("deep.other.a.test"), &default),
        (Some("a.test"), &default),
        (Some("default.test"), &default),
        (None, &default),
    ] {
        shows(&choice, name, ECDSA, false, Ok(expected));
    }
}

#[test]
fn what_is_given_goes_by_the_names_of_its_certificate_wildcards_and_upper_case_included() {
    let [first, second] =
        [&["first.test"][..], &["Second.Test", "*.wild.test"]].map(|names| made(names, &PKCS_ECDSA_P256_SHA256));
    let choice = Choice::new(&[first.clone(), second.clone()], &[]);
    shows(&choice, Some("second.test"), ECDSA, true, Ok(&second));
    shows(&choice, Some("x.wild.test"), ECDSA, true, Ok(&second));
    shows(&choice, Some("first.test"), ECDSA, true, Ok(&first));
    shows(&choice, Some("third.test"), ECDSA, true, Err(Lack::Name));
    shows(&choice, None, ECDSA, true, Err(Lack::Name));
}

#[test]
fn without_a_default_the_first_name_is_it_and_without_any_there_is_nothing() {
    let [a, b] = ["a.test", "b.test"].map(|name| made(&[name], &PKCS_ECDSA_P256_SHA256));
    let choice = Choice::new(&[], &[named("a.test", &a), named("b.test", &b)]);
    shows(&choice, Some("b.test"), ECDSA, false, Ok(&b));
    shows(&choice, Some("c.test"), ECDSA, false, Ok(&a));
    shows(&Choice::new(&[], &[]), Some("a.test"), ECDSA, false, Err(Lack::Name));
}

#[test]
fn only_the_key_is_left_of_an_identity_that_is_shown_without_certificate() {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let spec = spec(&["a.test"], &PKCS_ECDSA_P256_SHA256);
    let identities = Identities::new(&[spec], &[], false, true, &provider).unwrap();
    let choice = identities.choice();
    let shown = choice.pick(None, ECDSA, false).unwrap();
    assert!(identities.only_raw_public_keys());
    assert_eq!(shown.cert, [CertificateDer::from(shown.key.public_key().unwrap().to_vec())]);
}

#[test]
fn a_staple_that_is_none_is_refused() {
    for (staple, why) in [(&b"nonsense"[..], "no OCSP response"), (b"", "empty")] {
        let mut spec = spec(&["a.test"], &PKCS_ECDSA_P256_SHA256);
        spec.staple = Some(staple.to_vec().into());
        let error = ServerIdentity::new(&spec).unwrap_err();
        assert_eq!(error.code(), "bad-staple");
        assert!(error.to_string().contains("chain.pem") && error.to_string().contains(why), "{error}");
    }
}
