//! The secrets of one connection, on their way to whoever wants them: the key log, the capture, and those who watch.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::KeyLog;

use crate::Result;
use crate::capture::CaptureFile;
use crate::keylog::{KeyLogFile, line};

/// What rustls derives, as it does. Belongs to one connection.
#[derive(Default)]
pub struct Secrets {
    known: Mutex<Vec<(String, Vec<u8>)>>,
    file: Option<Arc<KeyLogFile>>,
    capture: Option<Arc<CaptureFile>>,
}

impl Secrets {
    pub fn new(file: Option<Arc<KeyLogFile>>, capture: Option<Arc<CaptureFile>>) -> Self {
        Self { known: Mutex::default(), file, capture }
    }

    pub fn capture(&self) -> Option<&Arc<CaptureFile>> {
        self.capture.as_ref()
    }

    /// An error is that of the key log: it misses a secret.
    pub fn written(&self) -> Result<()> {
        self.file.as_ref().and_then(|file| file.failed()).map_or(Ok(()), Err)
    }

    /// By its label in the format of NSS; the last one, where there were several.
    pub fn by_label(&self, label: &str) -> Option<Vec<u8>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rev().find(|(name, _)| name == label).map(|(_, secret)| secret.clone())
    }

    /// Nobody here asks for them any more.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if let Some(file) = &self.file {
            file.log(label, client_random, secret);
        }
        if let Some(capture) = &self.capture {
            capture.secret(&line(label, client_random, secret));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push((label.to_owned(), secret.to_vec()));
    }

    /// The exporter's secret opens no record: it costs a derivation for the files alone.
    fn will_log(&self, label: &str) -> bool {
        label != "EXPORTER_SECRET" || self.file.is_some() || self.capture.is_some()
    }
}

/// They must not get into a message.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}
