//! The signed certificate timestamps embedded in a certificate (RFC 6962 section 3.3), as far as a reader can use them without
//! the keys of the logs: which log, and when.

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{der, time};

/// The extension of a certificate that has the list (RFC 6962 section 3.3).
pub const OID: &str = "1.3.6.1.4.1.11129.2.4.2";

/// A list has a handful; one that claims more is not worth reading to its end.
const MOST: usize = 64;
const LOG_ID: usize = 32;
const TIMESTAMP: usize = 8;

/// `tlstool.model.Sct`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sct {
    pub log_id: String,
    pub timestamp: String,
}

/// The timestamps in the extension's value: an OCTET STRING with a list of TLS's making.
///
/// What is cut off or of another version than v1 is left out.
pub fn scts(value: &[u8]) -> Vec<Sct> {
    let list = der::contents(value).and_then(|list| vector(list)).map_or(&[][..], |(list, _)| list);
    let mut rest = list;
    let mut found = Vec::new();
    while found.len() < MOST {
        let Some((one, after)) = vector(rest) else { break };
        found.extend(sct(one));
        rest = after;
    }
    found
}

/// `opaque<1..2^16-1>` and what follows it (RFC 8446 section 3.4).
fn vector(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn sct(data: &[u8]) -> Option<Sct> {
    let (version, rest) = data.split_first()?;
    let (log_id, rest) = rest.split_first_chunk::<LOG_ID>()?;
    let (timestamp, _) = rest.split_first_chunk::<TIMESTAMP>()?;
    let seconds = i64::try_from(u64::from_be_bytes(*timestamp) / 1000).ok()?;
    // v1 is 0; later years than RFC 3339 can write are no time of a log.
    (*version == 0 && seconds <= time::LAST)
        .then(|| Sct { log_id: HEXLOWER.encode(log_id), timestamp: time::rfc3339(seconds) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn timestamp(version: u8, log: u8, milliseconds: u64) -> Vec<u8> {
        let mut sct = vec![version];
        sct.extend([log; LOG_ID]);
        sct.extend(milliseconds.to_be_bytes());
        // No extensions, and an ECDSA signature that is empty.
        sct.extend([0, 0, 4, 3, 0, 0]);
        sized(&sct)
    }

    fn sized(data: &[u8]) -> Vec<u8> {
        [&u16::try_from(data.len()).unwrap().to_be_bytes()[..], data].concat()
    }

    fn extension(list: &[u8]) -> Vec<u8> {
        let list = sized(list);
        [&[0x04, 0x82], &sized(&list)[..]].concat()
    }

    #[test]
    fn each_timestamp_names_its_log_and_its_second() {
        let list = [timestamp(0, 0xab, 1_700_000_000_999), timestamp(0, 0x01, 0)].concat();
        let found = scts(&extension(&list));
        assert_eq!(found[0], Sct { log_id: "ab".repeat(32), timestamp: "2023-11-14T22:13:20Z".to_owned() });
        assert_eq!(found[1].timestamp, "1970-01-01T00:00:00Z");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_is_no_timestamp_of_version_one_is_left_out() {
        let list = [timestamp(1, 0xab, 0), timestamp(0, 0xab, u64::MAX), sized(&[0; 20]), timestamp(0, 2, 0)].concat();
        assert_eq!(scts(&extension(&list)).len(), 1);
    }

    #[test]
    fn no_truncation_panics_and_no_list_is_read_without_end() {
        let whole = extension(&timestamp(0, 0xab, 5).repeat(200));
        assert_eq!(scts(&whole).len(), MOST);
        for end in 0..whole.len().min(200) {
            scts(&whole[..end]);
        }
    }
}
