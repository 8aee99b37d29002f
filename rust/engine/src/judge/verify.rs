//! A verdict on a chain from a file: the same judge as for a connection, without one.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::trust::Trust;
use super::{CrlSpec, Judge, JudgeSpec, Presented, Purpose, RootsSpec, Tlsa};
use crate::certs::{self, Certificate};
use crate::{Result, provider};

/// What to judge, and by what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifySpec {
    /// PEM text, or one certificate in DER. The first certificate is the leaf, the others may lead from it to a root.
    #[serde(with = "serde_bytes")]
    pub certificates: Vec<u8>,
    /// More files with certificates that may lead there.
    pub untrusted: Vec<ByteBuf>,
    pub roots: RootsSpec,
    pub crls: Vec<CrlSpec>,
    pub purpose: Purpose,
    pub pins: Vec<String>,
    pub tlsa: Vec<Tlsa>,
    /// None checks no name.
    pub verify_name: Option<String>,
    pub at: Option<i64>,
}

/// The certificates of the first file in their order, and the verdict.
#[derive(Debug, Serialize)]
pub struct Verified {
    pub certificates: Vec<Certificate>,
    pub trust: Trust,
}

/// The codes of its errors are those of files: `no-certificate`, `bad-certificate-file`, `bad-crl`, `no-roots`.
pub fn verify(spec: &VerifySpec) -> Result<Verified> {
    let chain = certs::read(&spec.certificates)?;
    let mut others = chain.get(1..).unwrap_or_default().to_vec();
    for file in &spec.untrusted {
        others.extend(certs::read(file)?);
    }
    let provider = provider::provider(&[], &[])?;
    let by = JudgeSpec {
        roots: &spec.roots,
        crls: &spec.crls,
        name: spec.verify_name.as_deref(),
        at: spec.at,
        purpose: spec.purpose,
        pins: &spec.pins,
        tlsa: &spec.tlsa,
    };
    let judge = Judge::new(by, &provider)?;
    let shown = |leaf| Presented { leaf, others: &others, sent: chain.len(), staple: None };
    let judgement = chain.first().map(|leaf| judge.judge(shown(leaf)));
    Ok(Verified { certificates: certs::summaries(&chain, judge.moment()), trust: judge.trust(judgement.as_ref()) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::judge::Verdict;

    fn spec(certificates: Vec<u8>, roots: Vec<ByteBuf>) -> VerifySpec {
        VerifySpec {
            certificates,
            untrusted: Vec::new(),
            roots: RootsSpec { store: "r.pem".to_owned(), pem: Some(roots), extra: Vec::new() },
            crls: Vec::new(),
            purpose: Purpose::Server,
            pins: Vec::new(),
            tlsa: Vec::new(),
            verify_name: None,
            at: None,
        }
    }

    #[test]
    fn without_a_name_none_is_checked() {
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        let verified = verify(&spec(made.pem().into_bytes(), vec![ByteBuf::from(made.der().to_vec())])).unwrap();
        assert_eq!((verified.trust.verdict, verified.trust.name), (Verdict::Good, None));
        assert_eq!(verified.certificates[0].names, ["a.example"]);
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        assert_eq!(verify(&spec(b"hello".to_vec(), Vec::new())).unwrap_err().code(), "no-certificate");
    }
}
