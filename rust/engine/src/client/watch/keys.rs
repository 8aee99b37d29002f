//! Opening our own session's records a second time, to name what is in them: keys from the secrets, as both versions derive them.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{aead, hkdf, hmac};

use super::framer::{HEADER, Record, content};

/// The explicit part of a nonce, in front of what TLS 1.2 encrypts with AES-GCM (RFC 5288 section 3).
const EXPLICIT_NONCE: usize = 8;
const TAG: usize = 16;

/// The two algorithms that a suite names.
#[derive(Clone, Copy)]
struct Suite {
    aead: &'static aead::Algorithm,
    /// Of HKDF in TLS 1.3, and by its HMAC of the PRF in TLS 1.2.
    hash: hkdf::Algorithm,
}

impl Suite {
    /// Those that rustls has; others cannot have been chosen.
    fn of(number: u16) -> Option<Self> {
        let (aead, hash) = match number {
            0x1301 | 0xc02b | 0xc02f => (&AES_128_GCM, hkdf::HKDF_SHA256),
            0x1302 | 0xc02c | 0xc030 => (&AES_256_GCM, hkdf::HKDF_SHA384),
            0x1303 | 0xcca8 | 0xcca9 => (&CHACHA20_POLY1305, hkdf::HKDF_SHA256),
            _ => return None,
        };
        Some(Self { aead, hash })
    }

    fn secret_length(self) -> usize {
        self.hash.hmac_algorithm().digest_algorithm().output_len()
    }
}

/// Whose records a TLS 1.2 session's keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Client,
    Server,
}

/// How the two versions build nonces and additional data.
enum Form {
    /// RFC 8446 section 5.2. The secret is kept for the keys that follow.
    Tls13 { secret: Vec<u8> },
    /// RFC 5288 section 3
    Tls12Gcm,
    /// RFC 7905 section 2
    Tls12ChaCha,
}

/// Opens the records of one direction, in their order, under one key.
pub struct Opener {
    suite: Suite,
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    form: Form,
    sequence: u64,
}

impl Opener {
    /// Under a traffic secret of TLS 1.3 (RFC 8446 section 7.3); None if it is not one of that suite.
    pub fn tls13(suite: u16, secret: &[u8]) -> Option<Self> {
        Self::of_secret(Suite::of(suite)?, secret)
    }

    /// From the master secret of TLS 1.2 (RFC 5246 section 6.3).
    pub fn tls12(suite: u16, master: &[u8], randoms: (&[u8; 32], &[u8; 32]), writer: Writer) -> Option<Self> {
        let suite = Suite::of(suite)?;
        let form = if suite.aead == &CHACHA20_POLY1305 { Form::Tls12ChaCha } else { Form::Tls12Gcm };
        let salt = if matches!(form, Form::Tls12Gcm) { NONCE_LEN - EXPLICIT_NONCE } else { NONCE_LEN };
        let size = suite.aead.key_len();
        let (client_random, server_random) = randoms;
        let seed = [b"key expansion", &server_random[..], &client_random[..]].concat();
        let block = prf(suite.hash.hmac_algorithm(), master, &seed, 2 * (size + salt));
        let second = usize::from(writer == Writer::Server);
        let mut iv = [0; NONCE_LEN];
        iv[..salt].copy_from_slice(&block[2 * size + second * salt..][..salt]);
        let key = UnboundKey::new(suite.aead, &block[second * size..][..size]).ok()?;
        Some(Self { suite, key: LessSafeKey::new(key), iv, form, sequence: 0 })
    }

    /// Behind a `KeyUpdate` (RFC 8446 section 7.2); None in TLS 1.2.
    pub fn successor(&self) -> Option<Self> {
        let Form::Tls13 { secret } = &self.form else { return None };
        Self::of_secret(self.suite, &expand(self.suite.hash, secret, "traffic upd", self.suite.secret_length())?)
    }

    /// What a record holds, and of which type that is. None: it was encrypted with another key.
    pub fn open(&mut self, record: &Record) -> Option<(u8, Vec<u8>)> {
        let opened = match &self.form {
            Form::Tls13 { .. } => self.open_tls13(record),
            Form::Tls12Gcm | Form::Tls12ChaCha => self.open_tls12(record),
        }?;
        self.sequence += 1;
        Some(opened)
    }

    fn of_secret(suite: Suite, secret: &[u8]) -> Option<Self> {
        let key = expand(suite.hash, secret, "key", suite.aead.key_len())?;
        let iv = expand(suite.hash, secret, "iv", NONCE_LEN)?.try_into().ok()?;
        let key = LessSafeKey::new(UnboundKey::new(suite.aead, &key).ok()?);
        Some(Self { suite, key, iv, form: Form::Tls13 { secret: secret.to_vec() }, sequence: 0 })
    }

    fn open_tls13(&self, record: &Record) -> Option<(u8, Vec<u8>)> {
        let mut body = record.body.clone();
        let nonce = Nonce::assume_unique_for_key(self.mixed_nonce());
        let length = self.key.open_in_place(nonce, Aad::from(record.header), &mut body).ok()?.len();
        body.truncate(length);
        // Behind the content is its type, and behind that any number of zeros.
        let end = body.iter().rposition(|byte| *byte != 0)?;
        let kind = body[end];
        body.truncate(end);
        Some((kind, body))
    }

    fn open_tls12(&self, record: &Record) -> Option<(u8, Vec<u8>)> {
        let (nonce, sealed) = if matches!(self.form, Form::Tls12Gcm) {
            let (explicit, sealed) = record.body.split_first_chunk::<EXPLICIT_NONCE>()?;
            let mut nonce = self.iv;
            nonce[NONCE_LEN - EXPLICIT_NONCE..].copy_from_slice(explicit);
            (nonce, sealed)
        } else {
            (self.mixed_nonce(), &record.body[..])
        };
        let plain = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?;
        let mut aad = [0; 8 + HEADER];
        aad[..8].copy_from_slice(&self.sequence.to_be_bytes());
        aad[8..11].copy_from_slice(&record.header[..3]);
        aad[11..].copy_from_slice(&plain.to_be_bytes());
        let mut body = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.key.open_in_place(nonce, Aad::from(aad), &mut body).ok()?.len();
        body.truncate(length);
        Some((record.kind(), body))
    }

    fn mixed_nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[NONCE_LEN - 8..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// Whether a record of that type can be encrypted at all: TLS 1.3 shows one type for all of them.
    pub fn is_for(&self, kind: u8) -> bool {
        !matches!(self.form, Form::Tls13 { .. }) || kind == content::APPLICATION_DATA
    }
}

/// The suites of a `ClientHello` that a secret of so many bytes can be for.
pub fn suites_for_secret(suites: &[u16], length: usize) -> impl Iterator<Item = u16> {
    suites.iter().copied().filter(move |suite| {
        suite >> 8 == 0x13 && Suite::of(*suite).is_some_and(|suite| suite.secret_length() == length)
    })
}

/// `HKDF-Expand-Label(secret, label, "", length)` (RFC 8446 section 7.1)
fn expand(hash: hkdf::Algorithm, secret: &[u8], label: &str, length: usize) -> Option<Vec<u8>> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    if secret.len() != hash.hmac_algorithm().digest_algorithm().output_len() {
        return None;
    }
    let label = format!("tls13 {label}");
    let wanted = u16::try_from(length).ok()?.to_be_bytes();
    let info: [&[u8]; 4] = [&wanted, &[u8::try_from(label.len()).ok()?], label.as_bytes(), &[0]];
    let mut out = vec![0; length];
    hkdf::Prk::new_less_safe(hash, secret).expand(&info, Length(length)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// `PRF(secret, label, seed)` of TLS 1.2, its label in front of the seed (RFC 5246 section 5).
fn prf(hmac: hmac::Algorithm, secret: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
    let key = hmac::Key::new(hmac, secret);
    let mut out = Vec::new();
    let mut a = hmac::sign(&key, seed);
    while out.len() < length {
        out.extend_from_slice(hmac::sign(&key, &[a.as_ref(), seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    out
}
