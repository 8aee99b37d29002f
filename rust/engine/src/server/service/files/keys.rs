//! Files that hold a private key, which nobody means to publish.

use std::fs::File;
use std::io;

use der::{Header, Reader, SliceReader, Tag};
use memchr::memmem;

use super::super::bulk::read_at;

/// Larger files are no key files.
const LARGEST: u64 = 1 << 20;

/// Bytes of a line of armour, more than any of the known ones has.
const LINE: usize = 64;

/// Whether a file of this size that begins so is, or has in it, a private key: armoured (PEM, OpenSSH, PGP, `PuTTY`), DER (PKCS#8,
/// PKCS#1, SEC 1), PKCS#12 or a Java key store; encrypted or not.
pub fn is_key(file: &File, start: &[u8], size: u64) -> io::Result<bool> {
    if is_binary_key(start, size) || has_armour(start) {
        return Ok(true);
    }
    if size > LARGEST {
        return Ok(false);
    }
    let mut window = [0; 16_384];
    let mut at = start.len() as u64;
    let kept = start.len().min(LINE);
    window[..kept].copy_from_slice(&start[start.len() - kept..]);
    let mut kept = kept;
    while at < size {
        let count = read_at(file, &mut window[kept..], at)?;
        if count == 0 {
            break;
        }
        let filled = kept + count;
        if has_armour(&window[..filled]) {
            return Ok(true);
        }
        at += count as u64;
        kept = filled.min(LINE);
        window.copy_within(filled - kept..filled, 0);
    }
    Ok(false)
}

fn has_armour(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let is_of_key = |at: usize| {
        let label = &text[at + BEGIN.len()..text.len().min(at + LINE)];
        let end = memmem::find(label, b"-----").unwrap_or(0);
        memmem::find(&label[..end], b"PRIVATE KEY").is_some()
    };
    memmem::find_iter(text, BEGIN).any(is_of_key) || text.starts_with(b"PuTTY-User-Key-File-")
}

/// By the first fields of the formats that are one SEQUENCE, which is the whole file.
fn is_binary_key(start: &[u8], size: u64) -> bool {
    const JAVA_KEY_STORE: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
    let Some(fields) = sequence(start, size) else { return start.starts_with(&JAVA_KEY_STORE) };
    matches!(
        fields,
        // PKCS#8 (RFC 5958: version, algorithm) and PKCS#12 (RFC 7292: version, content).
        [2, 1, 0 | 1 | 3, 0x30, ..]
            // PKCS#1 (RFC 8017: version, modulus).
            | [2, 1, 0 | 1, 2, ..]
            // SEC 1 (RFC 5915: version, key).
            | [2, 1, 1, 4, ..]
            // Encrypted PKCS#8: an algorithm of PKCS#5 or PKCS#12.
            | [0x30, _, 6, 9 | 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5 | 12, ..]
    )
}

/// What is in a SEQUENCE that takes up the whole file.
fn sequence(start: &[u8], size: u64) -> Option<&[u8]> {
    let mut reader = SliceReader::new(start).ok()?;
    let header = reader.peek_header().ok()?;
    let _: Header = reader.decode().ok()?;
    let length = u64::from(u32::from(header.length));
    let head = u64::from(u32::from(reader.position()));
    (header.tag == Tag::Sequence && head + length == size).then(|| reader.remaining_len()).and_then(|rest| {
        let rest = usize::try_from(u32::from(rest)).ok()?;
        start.get(start.len() - rest..)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

    use super::super::folder::tests::Temporary;
    use super::*;

    fn refused(temporary: &Temporary, content: &[u8]) -> bool {
        temporary.write("file", content);
        let file = File::open(temporary.0.join("file")).unwrap();
        is_key(&file, &content[..content.len().min(16_384)], content.len() as u64).unwrap()
    }

    #[test]
    fn keys_are_known_in_every_form() {
        let temporary = Temporary::new("keys");
        let key = KeyPair::generate().unwrap();
        let pem = key.serialize_pem();
        assert!(refused(&temporary, pem.as_bytes()));
        assert!(refused(&temporary, key.serialize_der().as_slice()));
        assert!(refused(&temporary, b"\xfe\xed\xfe\xed\0\0\0\x02"));
        for label in [
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            assert!(
                refused(&temporary, format!("{{\"key\": \"-----BEGIN {label}-----\\nMII\"}}").as_bytes()),
                "{label}"
            );
        }
        for fields in [&[2, 1, 0, 2, 1, 1][..], &[2, 1, 1, 4, 1, 1], &[2, 1, 3, 0x30, 0]] {
            let der = [&[0x30, u8::try_from(fields.len()).unwrap()], fields].concat();
            assert!(refused(&temporary, &der), "{der:?}");
        }
        let encrypted =
            [&[0x30, 15, 0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5][..], &[13, 4, 0]].concat();
        assert!(refused(&temporary, &encrypted));
    }

    #[test]
    fn a_key_is_found_wherever_it_begins() {
        let temporary = Temporary::new("key-places");
        for before in [0, 1, 16_384 - 20, 16_384 - 5, 16_384, 40_000, 65_536 - 64 - 20, 900_000] {
            let content = [&b"x".repeat(before)[..], b"-----BEGIN PRIVATE KEY-----\n", &b"y".repeat(50_000)].concat();
            assert!(refused(&temporary, &content), "{before}");
        }
    }

    #[test]
    fn what_is_public_is_no_key() {
        let temporary = Temporary::new("no-keys");
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).ok().unwrap_or_else(|| KeyPair::generate().unwrap());
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert!(!refused(&temporary, certificate.pem().as_bytes()));
        assert!(!refused(&temporary, certificate.der()));
        assert!(!refused(&temporary, params.serialize_request(&key).unwrap().der()));
        assert!(!refused(&temporary, key.public_key_pem().as_bytes()));
        assert!(!refused(&temporary, b"A PRIVATE KEY is not to be shown. -----BEGIN "));
        assert!(!refused(&temporary, &b"-----BEGIN ".repeat(60_000)));
        assert!(!refused(&temporary, b""));
    }
}
