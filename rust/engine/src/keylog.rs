//! The secrets of a session in the format of NSS, for tools that decrypt what was captured.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;

use data_encoding::HEXLOWER;
use rustls::KeyLog;

use crate::error::reason;
use crate::{Error, Result};

/// Appends to one file, which is opened once. Only its owner may read a file that this creates.
#[derive(Debug)]
pub struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// An error has the code `file-not-written`.
    pub fn open(path: &str) -> Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        file.map(|file| Self(Mutex::new(file)))
            .map_err(|why| Error::local("file-not-written", format!("{path} cannot be written: {}", reason(why))))
    }
}

impl KeyLog for KeyLogFile {
    /// One line in one write, so that several processes can share a file. A full disk costs the log, not the connection.
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = file.write_all(line(label, client_random, secret).as_bytes());
    }
}

/// A secret as a line of the format, with its end.
pub fn line(label: &str, client_random: &[u8], secret: &[u8]) -> String {
    format!("{label} {} {}\n", HEXLOWER.encode(client_random), HEXLOWER.encode(secret))
}
