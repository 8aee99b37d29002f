#![allow(clippy::unwrap_used)]

use super::*;

fn spec(library: &str) -> LocalSpec {
    LocalSpec {
        library: library.to_owned(),
        scenario: LocalScenario::HandshakeFull,
        suite: "TLS_AES_128_GCM_SHA256".to_owned(),
        group: "x25519".to_owned(),
        signature: "ecdsa_secp256r1_sha256".to_owned(),
        chain_pem: Vec::new(),
        key_pem: Vec::new(),
        root_pem: Vec::new(),
        client_chain_pem: Vec::new(),
        client_key_pem: Vec::new(),
        server_name: "localhost".to_owned(),
        write_size: 1 << 20,
        threads: 1,
        fips: false,
        published_method: false,
    }
}

fn refusal(spec: &LocalSpec) -> Error {
    LocalBench::new(spec).err().unwrap()
}

#[test]
fn a_file_that_is_no_library_is_told_from_one_for_another_machine() {
    let folder = std::env::temp_dir().join(format!("tlstool-elf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (text, foreign) = (folder.join("libssl.txt"), folder.join("libssl.so"));
    std::fs::write(&text, "no library, but long enough to be looked at").unwrap();
    let mut header = *b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x16\0";
    header[18] = 0x16; // S/390
    std::fs::write(&foreign, header).unwrap();
    let words = [&text, &foreign].map(|path| refusal(&spec(path.to_str().unwrap())));
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(words.each_ref().map(Error::code), ["bad-library"; 2]);
    if cfg!(target_os = "linux") {
        assert!(words[0].to_string().ends_with("is no shared library"), "{}", words[0]);
        assert!(words[1].to_string().contains("another architecture"), "{}", words[1]);
    }
}

#[test]
fn a_library_without_tls_is_refused_by_the_function_it_lacks() {
    let own = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some(libc) = own.lines().filter_map(|line| line.split(' ').next_back()).find(|path| path.contains("libc.so"))
    else {
        return; // linked without a shared libc
    };
    let error = refusal(&spec(libc));
    assert_eq!(error.code(), "bad-library");
    assert!(error.to_string().contains("OpenSSL_version"), "{error}");
}

#[test]
fn a_path_without_a_file_is_a_bad_library() {
    assert_eq!(refusal(&spec("/nonexistent/libssl.so.3")).code(), "bad-library");
}

#[test]
fn what_rustls_lacks_is_not_selectable() {
    let error = refusal(&LocalSpec { suite: "TLS_AES_128_CCM_SHA256".to_owned(), ..spec("rustls") });
    assert_eq!(error.code(), "unsupported");
    assert!(error.to_string().starts_with("not selectable: "), "{error}");
}

#[test]
fn an_empty_chain_is_no_certificate() {
    assert_eq!(refusal(&spec("rustls")).code(), "no-certificate");
}

#[test]
fn writes_have_a_size() {
    for write_size in [0, MAX_WRITE + 1] {
        assert_eq!(refusal(&LocalSpec { write_size, ..spec("rustls") }).code(), "usage");
    }
}
