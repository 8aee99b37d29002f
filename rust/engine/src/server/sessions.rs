//! Sessions that clients may resume: tickets, the keys that open them, and early data.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::rand;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use serde::Deserialize;
use serde_bytes::ByteBuf;

use crate::certs::time;
use crate::{Error, Result};

/// `tlstool.sites.Sessions`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsSpec {
    pub tickets: usize,
    pub ticket_keys: Vec<ByteBuf>,
    pub max_early_data: u32,
}

impl SessionsSpec {
    /// Have `config` resume sessions in this way.
    ///
    /// Only those are resumed that were agreed on under the same `demands` on clients: whoever has a ticket of a server that asked
    /// for no certificate must not come in with it where one is required.
    pub fn apply(&self, demands: &[u8], config: &mut ServerConfig) -> Result<()> {
        if self.max_early_data > 0 && (self.tickets == 0 || !self.ticket_keys.is_empty()) {
            let why = "early data needs sessions that the server keeps itself, to take each only once";
            return Err(Error::Usage(why.to_owned()));
        }
        config.session_storage = if self.tickets == 0 {
            Arc::new(NoServerSessionStorage {})
        } else {
            // Also where there are tickets: curl takes none in TLS 1.2, and comes back by session ID.
            Arc::new(Kept(ServerSessionMemoryCache::new(MOST_KEPT)))
        };
        config.send_tls13_tickets = self.tickets;
        // A client that says how many it can use gets no more than that (RFC 9149).
        config.max_tls13_tickets = self.tickets;
        config.max_early_data_size = self.max_early_data;
        if self.tickets == 0 || self.max_early_data > 0 {
            return Ok(());
        }
        config.ticketer = if self.ticket_keys.is_empty() {
            // They need no memory a client, and any worker can open those of the others.
            Ticketer::new().map_err(|error| Error::Internal(format!("no ticket keys: {error}")))?
        } else {
            Arc::new(TicketKeys::new(&self.ticket_keys, demands)?)
        };
        Ok(())
    }
}

/// Sessions that are kept at most, those of TLS 1.2 by their IDs, and those with early data; the oldest go first.
const MOST_KEPT: usize = 8192;

/// What a session may take, kept or in a ticket: the client's certificates are in it, and they can be 64 KiB.
const LARGEST_SESSION: usize = 8192;

/// Sessions kept in memory. `take` gives each only once, so that no early data is taken twice (RFC 8446 section 8.1).
#[derive(Debug)]
struct Kept(Arc<ServerSessionMemoryCache>);

impl StoresServerSessions for Kept {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        value.len() <= LARGEST_SESSION && self.0.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.take(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// How long a ticket is good, in seconds. RFC 8446 section 4.6.1 allows a week.
const LIFETIME: u32 = 12 * 60 * 60;

const NAME: usize = 16;
const SALT: usize = 32;
const TAG: usize = 16;

/// The sizes of key files as OpenSSL and nginx have them: a name, and keys for HMAC and AES, of 128 or 256 bits.
const KEY_FILES: [usize; 2] = [48, 80];

const LABEL: &[u8] = b"tlstool session ticket";

/// Tickets under keys that outlive the process, or are shared with others.
///
/// A ticket is the key's name, a salt, and the session with the time of its issue, sealed by AES-256-GCM under a key of its own
/// that is derived by HKDF (RFC 5869): random nonces under one key would not last for as long as a file may be in use.
struct TicketKeys {
    /// The first one seals, all of them open.
    keys: Vec<TicketKey>,
    demands: Vec<u8>,
    now: fn() -> i64,
}

struct TicketKey {
    name: [u8; NAME],
    secret: Prk,
}

impl TicketKeys {
    fn new(files: &[ByteBuf], demands: &[u8]) -> Result<Self> {
        let keys = files.iter().map(|file| TicketKey::new(file)).collect::<Result<_>>()?;
        Ok(Self { keys, demands: demands.to_vec(), now: time::now })
    }

    fn seal(&self, session: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.first()?;
        let mut salt = [0; SALT];
        rand::fill(&mut salt).ok()?;
        let mut sealed = Vec::with_capacity(NAME + SALT + 8 + session.len() + TAG);
        sealed.extend_from_slice(&(self.now)().to_be_bytes());
        sealed.extend_from_slice(session);
        key.derived(&salt, &self.demands)?.seal_in_place_append_tag(nonce(), Aad::from(key.name), &mut sealed).ok()?;
        Some([&key.name[..], &salt, &sealed].concat())
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (salt, sealed) = rest.split_at_checked(SALT)?;
        let mut sealed = sealed.to_vec();
        let key = self.keys.iter().find(|key| key.name == name)?;
        let opened = key.derived(salt, &self.demands)?.open_in_place(nonce(), Aad::from(key.name), &mut sealed).ok()?;
        let (issued, session) = opened.split_first_chunk()?;
        // The clocks of servers that share a key may differ, so one from the future is no surprise.
        let age = (self.now)().saturating_sub(i64::from_be_bytes(*issued));
        (age < i64::from(LIFETIME)).then(|| session.to_vec())
    }
}

/// For a key that seals one ticket.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl TicketKey {
    fn new(file: &[u8]) -> Result<Self> {
        let split = file.split_first_chunk().filter(|_| KEY_FILES.contains(&file.len()));
        let Some((name, secret)) = split else {
            return Err(Error::Usage(format!("a ticket key has 48 or 80 bytes, and not {}", file.len())));
        };
        Ok(Self { name: *name, secret: Salt::new(HKDF_SHA256, name).extract(secret) })
    }

    fn derived(&self, salt: &[u8], demands: &[u8]) -> Option<LessSafeKey> {
        let info = [LABEL, salt, demands];
        let key = self.secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        (plain.len() <= LARGEST_SESSION).then(|| self.seal(plain))?
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher)
    }
}

/// Keys are secrets.
impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn keys(files: &[u8], demands: &[u8]) -> TicketKeys {
        let files: Vec<_> = files.iter().map(|fill| ByteBuf::from(vec![*fill; 80])).collect();
        TicketKeys::new(&files, demands).unwrap()
    }

    #[test]
    fn a_ticket_opens_under_the_same_key_in_another_process() {
        let ticket = keys(&[1], b"").encrypt(b"session").unwrap();
        assert_eq!(keys(&[1], b"").decrypt(&ticket).unwrap(), b"session");
        assert_eq!(keys(&[2], b"").decrypt(&ticket), None);
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = keys(&[1], b"").encrypt(b"session").unwrap();
        let both = keys(&[2, 1], b"");
        assert_eq!(both.decrypt(&old).unwrap(), b"session");
        let new = both.encrypt(b"session").unwrap();
        assert_eq!(keys(&[2], b"").decrypt(&new).unwrap(), b"session");
        assert_eq!(keys(&[1], b"").decrypt(&new), None);
    }

    #[test]
    fn a_ticket_is_good_only_under_the_demands_that_it_was_issued_under() {
        let ticket = keys(&[1], b"no certificate").encrypt(b"session").unwrap();
        assert_eq!(keys(&[1], b"a certificate").decrypt(&ticket), None);
    }

    #[test]
    fn a_ticket_is_not_good_for_ever() {
        let mut issuer = keys(&[1], b"");
        issuer.now = || time::now() - i64::from(LIFETIME) + 60;
        let young = issuer.encrypt(b"session").unwrap();
        issuer.now = || time::now() - i64::from(LIFETIME);
        let old = issuer.encrypt(b"session").unwrap();
        assert_eq!(keys(&[1], b"").decrypt(&young).unwrap(), b"session");
        assert_eq!(keys(&[1], b"").decrypt(&old), None);
    }

    #[test]
    fn no_byte_of_a_ticket_can_be_changed_or_left_out() {
        let keys = keys(&[1], b"");
        let ticket = keys.encrypt(b"session").unwrap();
        for place in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[place] ^= 1;
            assert_eq!(keys.decrypt(&changed), None, "byte {place} changed");
            assert_eq!(keys.decrypt(&ticket[..place]), None, "{place} bytes of it");
        }
    }

    #[test]
    fn a_session_too_large_for_a_ticket_gets_none() {
        let keys = keys(&[1], b"");
        assert!(keys.encrypt(&vec![0; LARGEST_SESSION]).is_some());
        assert_eq!(keys.encrypt(&vec![0; LARGEST_SESSION + 1]), None);
    }

    #[test]
    fn a_key_has_one_of_two_sizes() {
        for (size, fits) in [(0, false), (47, false), (48, true), (49, false), (80, true), (81, false)] {
            assert_eq!(TicketKey::new(&vec![7; size]).is_ok(), fits, "{size} bytes");
        }
    }
}
