//! Which releases of Rustls and its cryptography are built in: the crates do not tell, the lock file does.

use std::path::Path;

fn main() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let text = std::fs::read_to_string(&lock).unwrap_or_default();
    for (crate_name, variable) in [("rustls", "RUSTLS_VERSION"), ("aws-lc-rs", "AWS_LC_RS_VERSION")] {
        let version = locked(&text, crate_name).unwrap_or("unknown");
        println!("cargo::rustc-env={variable}={version}");
    }
    println!("cargo::rerun-if-changed={}", lock.display());
}

/// The version of a crate in the text of a lock file.
fn locked<'a>(text: &'a str, crate_name: &str) -> Option<&'a str> {
    let (_, entry) = text.split_once(&format!("name = \"{crate_name}\"\nversion = \""))?;
    entry.split_once('"').map(|(version, _)| version)
}
