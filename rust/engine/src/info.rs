//! What this engine is made of, and which of the CPU's features its cryptography can use.

use serde::Serialize;

use crate::provider;

/// Versions, suites and groups.
#[derive(Debug, Serialize)]
pub struct Info {
    /// `rustls 0.23.45`
    pub rustls: &'static str,
    /// `aws-lc-rs 1.18.1`
    pub provider: &'static str,
    /// The crate that carries AWS-LC itself.
    pub aws_lc: &'static str,
    /// Whether the cryptography is a validated module in its approved mode.
    pub fips: bool,
    /// Of AVX2, AVX-512, IFMA, VAES and SHA, those that the CPU has. Empty on other processors than x86-64.
    pub cpu: Vec<&'static str>,
    /// By IANA name, in order of preference.
    pub suites: Vec<String>,
    pub groups: Vec<String>,
}

pub fn info() -> Info {
    Info {
        rustls: concat!("rustls ", env!("TLSTOOL_RUSTLS_VERSION")),
        provider: concat!("aws-lc-rs ", env!("TLSTOOL_AWS_LC_RS_VERSION")),
        aws_lc: if cfg!(feature = "fips") {
            concat!("aws-lc-fips-sys ", env!("TLSTOOL_AWS_LC_FIPS_SYS_VERSION"))
        } else {
            concat!("aws-lc-sys ", env!("TLSTOOL_AWS_LC_SYS_VERSION"))
        },
        fips: rustls::crypto::aws_lc_rs::default_provider().fips(),
        cpu: cpu(),
        suites: provider::suite_names(),
        groups: provider::group_names(),
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu() -> Vec<&'static str> {
    use std::is_x86_feature_detected;

    let features = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("IFMA", is_x86_feature_detected!("avx512ifma")),
        ("VAES", is_x86_feature_detected!("vaes")),
        ("SHA", is_x86_feature_detected!("sha")),
    ];
    features.iter().filter_map(|(name, present)| present.then_some(*name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        let info = info();
        for named in [info.rustls, info.provider] {
            let (name, version) = named.split_once(' ').unwrap_or_default();
            assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{named}");
        }
    }
}
