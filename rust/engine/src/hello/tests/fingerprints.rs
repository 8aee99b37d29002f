//! Fingerprints, against what others published.

use super::super::{Fingerprints, Offer};

/// A hello, written down.
#[derive(Default)]
struct Written<'a> {
    version: u16,
    suites: &'a [u16],
    /// With the data of those that matter; the others are empty.
    extensions: &'a [u16],
    groups: &'a [u16],
    point_formats: &'a [u8],
    versions: &'a [u16],
    schemes: &'a [u16],
    protocols: &'a [&'a [u8]],
}

impl Written<'_> {
    fn offer(&self) -> Offer {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend(vector16(&numbers(self.suites)));
        body.extend([1, 0]);
        let extensions = self.extensions.iter().flat_map(|kind| {
            let mut extension = kind.to_be_bytes().to_vec();
            extension.extend(vector16(&self.data(*kind)));
            extension
        });
        body.extend(vector16(&extensions.collect::<Vec<_>>()));
        Offer::parse(&body).unwrap()
    }

    fn data(&self, kind: u16) -> Vec<u8> {
        match kind {
            0 => vector16(&[&[0][..], &vector16(b"example.org")].concat()),
            10 => vector16(&numbers(self.groups)),
            11 => vector8(self.point_formats),
            13 => vector16(&numbers(self.schemes)),
            16 => vector16(&self.protocols.iter().flat_map(|protocol| vector8(protocol)).collect::<Vec<_>>()),
            43 => vector8(&numbers(self.versions)),
            _ => Vec::new(),
        }
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn vector8(data: &[u8]) -> Vec<u8> {
    [&[u8::try_from(data.len()).unwrap()][..], data].concat()
}

fn vector16(data: &[u8]) -> Vec<u8> {
    [&u16::try_from(data.len()).unwrap().to_be_bytes()[..], data].concat()
}

fn hex(list: &str) -> Vec<u16> {
    list.split(',').map(|number| u16::from_str_radix(number, 16).unwrap()).collect()
}

fn decimal(list: &str) -> Vec<u16> {
    list.split('-').filter(|number| !number.is_empty()).map(|number| number.parse().unwrap()).collect()
}

#[test]
fn ja3_is_that_of_its_authors_examples() {
    let examples = [
        ("769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0", "ada70206e40642a3e4461f35503241d5"),
        ("769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6"),
    ];
    for (full, digest) in examples {
        let fields = full.split(',').map(decimal).collect::<Vec<_>>();
        let formats = fields[4].iter().map(|format| u8::try_from(*format).unwrap()).collect::<Vec<_>>();
        let hello = Written {
            version: fields[0][0],
            suites: &fields[1],
            extensions: &fields[2],
            groups: &fields[3],
            point_formats: &formats,
            ..Written::default()
        };
        let made = Fingerprints::of(&hello.offer());
        assert_eq!((made.ja3_full.as_str(), made.ja3.as_str()), (full, digest));
    }
}

/// Of the specification: a hello of Chrome's, here with GREASE where Chrome has it.
const CHROME_SUITES: &str = "0a0a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035";
const CHROME_EXTENSIONS: &str =
    "1a1a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015,2a2a";
const CHROME_SCHEMES: &str = "0403,0804,0401,0503,0805,0501,0806,0601";

fn chrome(protocols: &[&[u8]]) -> Fingerprints {
    let hello = Written {
        version: 0x0303,
        suites: &hex(CHROME_SUITES),
        extensions: &hex(CHROME_EXTENSIONS),
        groups: &[0x3a3a, 29, 23],
        versions: &[0x4a4a, 0x0304, 0x0303],
        schemes: &hex(CHROME_SCHEMES),
        protocols,
        ..Written::default()
    };
    Fingerprints::of(&hello.offer())
}

#[test]
fn ja4_is_that_of_the_specifications_example() {
    let made = chrome(&[b"h2", b"http/1.1"]);
    assert_eq!(made.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    let suites = "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9";
    let extensions = "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01";
    assert_eq!(made.ja4_r, format!("t13d1516h2_{suites}_{extensions}_{CHROME_SCHEMES}"));
}

#[test]
fn ja4_names_the_protocol_as_the_specification_does() {
    let examples: [(&[u8], &str); 11] = [
        (b"http/1.1", "h1"),
        (b"h", "hh"),
        (b"", "00"),
        (b"\xab", "ab"),
        (b"\x20", "20"),
        (b"\xab\xcd", "ad"),
        (b"\x20\x61", "21"),
        (b"\x30\xab", "3b"),
        (b"\x61\x20", "60"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
    ];
    for (protocol, expected) in examples {
        assert_eq!(&chrome(&[protocol]).ja4[8..10], expected);
    }
    assert_eq!(&chrome(&[]).ja4[8..10], "00");
}

#[test]
fn ja4_of_what_is_not_there_is_that_of_the_specification() {
    let extensions = hex("0005,000a,000b,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01,000d");
    let unsigned = Written { version: 0x0303, suites: &[0x1301], extensions: &extensions, ..Written::default() };
    assert!(Fingerprints::of(&unsigned.offer()).ja4.ends_with("_6d807ffa2a79"));
    let bare = Written { version: 0x0301, ..Written::default() };
    assert_eq!(Fingerprints::of(&bare.offer()).ja4, "t10i000000_000000000000_000000000000");
    let strange = Written { version: 0x0305, extensions: &[0, 16], ..Written::default() };
    assert_eq!(Fingerprints::of(&strange.offer()).ja4, "t00d000200_000000000000_000000000000");
}

/// From the captures that are published with it: `LibreSSL` 1.2 with schemes that look like GREASE and are none, and Firefox.
#[test]
fn ja4_is_that_of_published_captures() {
    let libressl = Written {
        version: 0x0303,
        suites: &hex(
            "c030,c02c,c028,c024,c014,c00a,009f,006b,0039,cca9,cca8,ccaa,ff85,00c4,0088,0081,009d,003d,0035,00c0,0084,\
             c02f,c02b,c027,c023,c013,c009,009e,0067,0033,00be,0045,009c,003c,002f,00ba,0041,c011,c007,0005,0004,c012,\
             c008,0016,000a,00ff",
        ),
        extensions: &hex("0000,000b,000a,000d,0010"),
        schemes: &hex("0601,0603,efef,0501,0503,0401,0403,eeee,eded,0301,0303,0201,0203"),
        protocols: &[b"h2"],
        ..Written::default()
    };
    assert_eq!(Fingerprints::of(&libressl.offer()).ja4, "t12d4605h2_85626a9a5f7f_aaf95bb78ec9");
    let firefox = Written {
        version: 0x0303,
        suites: &hex("1301,1303,1302,c02b,c02f,cca9,cca8,c02c,c030,c00a,c009,c013,c014,009c,009d,002f,0035"),
        extensions: &hex("0000,0017,ff01,000a,000b,0023,0010,0005,0022,0033,002b,000d,002d,001c,0015"),
        versions: &[0x0304, 0x0303],
        schemes: &hex("0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201"),
        protocols: &[b"h2", b"http/1.1"],
        ..Written::default()
    };
    assert_eq!(Fingerprints::of(&firefox.offer()).ja4, "t13d1715h2_5b57614c22b0_3d5424432f57");
}

#[test]
fn a_hello_of_many_suites_counts_no_further_than_two_digits_go() {
    let suites = (0x2000..0x2000 + 300).collect::<Vec<_>>();
    let many = Written { version: 0x0303, suites: &suites, ..Written::default() };
    assert!(Fingerprints::of(&many.offer()).ja4.starts_with("t12i990000_"));
}
