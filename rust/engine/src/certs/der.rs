//! DER elements as they stand in their encoding (X.690 section 8.1): what was signed or hashed must not be encoded anew.

use x509_parser::asn1_rs::{Any, FromDer};

/// The first element of `data`, header and all; None if there is none.
pub fn element(data: &[u8]) -> Option<&[u8]> {
    let (rest, _) = Any::from_der(data).ok()?;
    data.get(..data.len() - rest.len())
}

/// What is in an element, without its header; None if that is cut off.
pub fn contents(element: &[u8]) -> Option<&[u8]> {
    Any::from_der(element).ok().map(|(_, any)| any.data)
}

/// The elements that stand in the contents of a constructed one, each with its header, up to the first that is malformed.
pub fn elements(element: &[u8]) -> Vec<&[u8]> {
    let mut rest = contents(element).unwrap_or_default();
    let mut found = Vec::new();
    while let Some(next) = self::element(rest) {
        found.push(next);
        rest = &rest[next.len()..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_headers_and_end_at_what_is_malformed() {
        // SEQUENCE { INTEGER 1, NULL, an INTEGER that is cut off }
        let sequence = [0x30, 0x07, 0x02, 0x01, 0x01, 0x05, 0x00, 0x02, 0x05];
        assert_eq!(elements(&sequence), [&sequence[2..5], &sequence[5..7]]);
        assert_eq!(contents(&sequence[2..5]), Some(&sequence[4..5]));
        assert_eq!(element(&[]), None);
        assert!(elements(&[0x30, 0x05]).is_empty());
    }
}
