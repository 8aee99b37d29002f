//! Alerts in place of those that rustls chooses, as long as nothing is encrypted.

use std::io::Write as _;

use crate::conn::Output;

/// Their numbers (RFC 8446 section 6.2, RFC 6066 section 3).
pub const HANDSHAKE_FAILURE: u8 = 40;
pub const UNRECOGNIZED_NAME: u8 = 112;

/// Have `output` say this, and nothing else.
pub fn instead(output: &mut Output, number: u8) {
    const FATAL: u8 = 2;
    output.clear();
    // It is memory, and takes all.
    let _ = output.write_all(&[21, 3, 3, 0, 2, FATAL, number]);
}
