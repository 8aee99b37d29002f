//! Distinguished names as text (RFC 4514), from whatever a peer put into them.

use data_encoding::HEXLOWER;
use x509_parser::asn1_rs::{FromDer, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The attributes with a short name of their own (RFC 4514 section 3); others go by their OID.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// `CN=localhost,O=Example`: the last component first; empty for an empty name.
///
/// A value stands as text under an OID too, where RFC 4514 section 2.4 wants the hex of its encoding: an e-mail address should be
/// readable. A value that is no text is `#` and the hex of its contents.
pub fn text(name: &X509Name<'_>) -> String {
    let mut components: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    components.reverse();
    components.join(",")
}

/// The same of a name in DER; `#` and its hex where it is none.
pub fn from_der(name: &[u8]) -> String {
    X509Name::from_der(name).map_or_else(|_| format!("#{}", HEXLOWER.encode(name)), |(_, name)| text(&name))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let name = SHORT_NAMES.iter().find(|(known, _)| *known == oid).map_or(oid.as_str(), |(_, short)| short);
    match string(attribute) {
        Some(value) => format!("{name}={}", escape(&value)),
        None => format!("{name}=#{}", HEXLOWER.encode(attribute.attr_value().data)),
    }
}

/// The value as text, if it is of a string type and well-formed.
fn string(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(value.data).ok().map(str::to_owned)
        }
        // Latin-1 in practice, whatever T.61 was meant to be.
        Tag::T61String => Some(value.data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units: Option<Vec<u16>> = wide(value.data).map(|units| units.map(u16::from_be_bytes).collect());
            String::from_utf16(&units?).ok()
        }
        Tag::UniversalString => wide(value.data)?.map(|unit| char::from_u32(u32::from_be_bytes(unit))).collect(),
        _ => None,
    }
}

/// Units of `N` bytes, if there are only whole ones.
fn wide<const N: usize>(data: &[u8]) -> Option<impl Iterator<Item = [u8; N]>> {
    let whole = data.len() % N == 0;
    whole.then(|| data.chunks_exact(N).filter_map(|unit| unit.try_into().ok()))
}

/// RFC 4514 section 2.4.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        match c {
            '\0' => escaped.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', c]),
            '#' if i == 0 => escaped.push_str("\\#"),
            ' ' if i == 0 || i == last => escaped.push_str("\\ "),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    fn subject(attributes: &[(DnType, DnValue)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        text(parsed.subject())
    }

    #[test]
    fn the_last_component_comes_first() {
        let made = subject(&[(DnType::CountryName, "CH".into()), (DnType::CommonName, "a".into())]);
        assert_eq!(made, "CN=a,C=CH");
        assert_eq!(subject(&[]), "");
    }

    #[test]
    fn what_has_a_meaning_is_escaped() {
        let made = subject(&[(DnType::CommonName, "#a, b+\"c\" <d>;\\ \0 ".into())]);
        assert_eq!(made, "CN=\\#a\\, b\\+\\\"c\\\" \\<d\\>\\;\\\\ \\00\\ ");
    }

    #[test]
    fn every_string_type_is_read_and_unknown_attributes_go_by_their_oid() {
        let bmp = DnValue::BmpString("Zürich".try_into().unwrap());
        let mail = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
        assert_eq!(subject(&[(DnType::LocalityName, bmp)]), "L=Zürich");
        assert_eq!(subject(&[(mail, "a@b.example".into())]), "1.2.840.113549.1.9.1=a@b.example");
    }
}
