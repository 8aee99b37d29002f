//! The report on a chain that was judged.

use serde::Serialize;

/// How something was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    Bad,
    Unknown,
    NotChecked,
}

/// `tlstool.model.Finding`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub code: &'static str,
    pub message: String,
    pub certificate: Option<usize>,
}

/// `tlstool.model.PathCertificate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathCertificate {
    pub subject: String,
    pub not_after: String,
    pub key_type: String,
    pub signature_algorithm: String,
    pub sha256: String,
    pub sent: Option<usize>,
    pub is_anchor: bool,
}

/// `tlstool.model.Trust`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    pub verdict: Verdict,
    pub name: Option<String>,
    pub revocation: Verdict,
    pub findings: Vec<Finding>,
    pub path: Option<Vec<PathCertificate>>,
    pub verifier: &'static str,
    pub store: String,
}
