//! Tells the crate the versions of the libraries that it is built with, out of the lock file that chose them.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    let lock = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).unwrap_or_default();
    for package in ["rustls", "aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys"] {
        let variable = format!("TLSTOOL_{}_VERSION", package.to_uppercase().replace('-', "_"));
        println!("cargo::rustc-env={variable}={}", version(&text, package).unwrap_or("unknown"));
    }
    println!("cargo::rustc-env=TLSTOOL_BUILD={}", build());
}

/// Compiler and optimisation, for figures that others are to understand.
fn build() -> String {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let rustc = Command::new(variable("RUSTC")).arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("{rustc}, {}, opt-level {}, system allocator", variable("TARGET"), variable("OPT_LEVEL"))
}

/// The version of the (last) package of that name.
fn version<'l>(lock: &'l str, package: &str) -> Option<&'l str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().rev();
    let mut version = None;
    lines.find_map(|line| {
        if let Some(quoted) = line.strip_prefix("version = ") {
            version = Some(quoted.trim_matches('"'));
        }
        (line == name).then_some(version).flatten()
    })
}
