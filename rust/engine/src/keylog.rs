//! Secrets of sessions in a file, so that Wireshark and the like can read a capture.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use rustls::KeyLog;

use crate::{Error, Result};

/// Append secrets to the file at `path` in the NSS key log format (RFC 9850); one that is not there is made for its owner alone.
pub fn open(path: &str) -> Result<Arc<dyn KeyLog>> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::local("file-not-written", format!("the key log {path} cannot be written: {error}")))?;
    Ok(Arc::new(KeyLogFile(file)))
}

#[derive(Debug)]
struct KeyLogFile(File);

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // One write on a file open for appending: lines of several threads or processes never mix. A full disk must not end sessions.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_lower_case_and_keeps_leading_zeros() {
        assert_eq!(hex(&[0x00, 0x0a, 0xff]), "000aff");
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_local_error() {
        assert_eq!(open("/nowhere/at/all").map(|_| ()).map_err(|e| e.code()), Err("file-not-written"));
    }
}
