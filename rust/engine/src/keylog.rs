//! The secrets of a session in the format of NSS, for tools that decrypt what was captured.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use data_encoding::HEXLOWER;
use rustls::KeyLog;

use crate::error::reason;
use crate::{Error, Result};

/// Appends to one file, which is opened once. Only its owner may read a file that this creates.
#[derive(Debug)]
pub struct KeyLogFile {
    path: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// What went wrong first.
    failed: Option<Error>,
}

impl KeyLogFile {
    /// An error has the code `file-not-written`.
    pub fn open(path: &str) -> Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|why| not_written(path, why))?;
        Ok(Self { path: path.to_owned(), state: Mutex::new(State { file, failed: None }) })
    }

    /// The code is `file-not-written` where a secret did not get into the file, on a full disk say.
    pub fn failed(&self) -> Option<Error> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failed.clone()
    }
}

impl KeyLog for KeyLogFile {
    /// One line in one write, so that several processes can share a file. Whether a full disk costs more than the log is for those
    /// who ask whether it `failed`: a client does, a server goes on.
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = state.file.write_all(line(label, client_random, secret).as_bytes()) {
            state.failed.get_or_insert_with(|| not_written(&self.path, why));
        }
    }
}

fn not_written(path: &str, why: std::io::Error) -> Error {
    Error::local("file-not-written", format!("{path} cannot be written: {}", reason(why)))
}

/// A secret as a line of the format, with its end.
pub fn line(label: &str, client_random: &[u8], secret: &[u8]) -> String {
    format!("{label} {} {}\n", HEXLOWER.encode(client_random), HEXLOWER.encode(secret))
}
