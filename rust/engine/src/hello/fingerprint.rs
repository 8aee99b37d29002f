//! Fingerprints of clients: JA3 (github.com/salesforce/ja3) and JA4 (github.com/FoxIO-LLC/ja4).
//!
//! JA3 keeps the order of the extensions, which many clients shuffle; JA4 sorts them. Neither counts GREASE.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde::Serialize;

use super::offer::Offer;
use super::{is_grease, kind};

/// JA4 knows three transports; a server on TCP sees one.
const TCP: char = 't';

/// Under the names that tshark gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fingerprints {
    /// The MD5 of `ja3_full`.
    pub ja3: String,
    pub ja3_full: String,
    pub ja4: String,
    /// With the numbers in place of their digests.
    pub ja4_r: String,
}

impl Fingerprints {
    pub fn of(offer: &Offer) -> Self {
        let ja3_full = ja3_full(offer);
        let (start, suites, rest) = ja4_parts(offer);
        Self {
            ja3: format!("{:x}", md5::compute(&ja3_full)),
            ja3_full,
            ja4: format!("{start}_{}_{}", digest12(&suites), digest12(&rest)),
            ja4_r: format!("{start}_{suites}_{rest}"),
        }
    }
}

/// Version, suites, extensions, groups and point formats, in decimal.
fn ja3_full(offer: &Offer) -> String {
    let mut text = offer.legacy_version.to_string();
    for list in [offer.suites(), offer.extensions(), offer.groups(), offer.point_formats()] {
        text.push(',');
        join(&mut text, &meant(list), '-', |text, number| write!(text, "{number}"));
    }
    text
}

/// The readable part, the suites and the rest, of which the latter two are to be digested.
fn ja4_parts(offer: &Offer) -> (String, String, String) {
    let mut suites = meant(offer.suites());
    let mut extensions = meant(offer.extensions());
    let start = format!(
        "{TCP}{}{}{:02}{:02}{}",
        version(offer),
        if extensions.contains(&kind::SERVER_NAME) { 'd' } else { 'i' },
        suites.len().min(99),
        extensions.len().min(99),
        protocol(offer.alpn().next().unwrap_or_default()),
    );
    suites.sort_unstable();
    // They are in the first part already.
    extensions.retain(|number| ![kind::SERVER_NAME, kind::ALPN].contains(number));
    extensions.sort_unstable();
    let mut rest = hex(&extensions);
    let schemes = meant(offer.signature_schemes());
    if !schemes.is_empty() {
        rest.push('_');
        rest += &hex(&schemes);
    }
    (start, hex(&suites), rest)
}

fn version(offer: &Offer) -> &'static str {
    match meant(offer.versions()).into_iter().max().unwrap_or(offer.legacy_version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// The first and the last character of the first protocol, or if one of them is no letter and no digit, of its hexadecimal form.
fn protocol(first: &[u8]) -> String {
    let (Some(start), Some(end)) = (first.first(), first.last()) else { return "00".to_owned() };
    if start.is_ascii_alphanumeric() && end.is_ascii_alphanumeric() {
        [*start, *end].map(char::from).iter().collect()
    } else {
        format!("{:x}{:x}", start >> 4, end & 0x0f)
    }
}

fn digest12(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    HEXLOWER.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..6])
}

fn hex(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(numbers.len() * 5);
    join(&mut text, numbers, ',', |text, number| write!(text, "{number:04x}"));
    text
}

fn join(text: &mut String, numbers: &[u16], separator: char, append: impl Fn(&mut String, u16) -> std::fmt::Result) {
    for (place, number) in numbers.iter().enumerate() {
        if place > 0 {
            text.push(separator);
        }
        // To write to a String does not fail.
        let _ = append(text, *number);
    }
}

fn meant(numbers: &[u16]) -> Vec<u16> {
    numbers.iter().copied().filter(|number| !is_grease(*number)).collect()
}
