//! `bench local`: TLS libraries measured in memory, client and server in one thread, each with a clock of its own.
//!
//! The rules are the same for every library, so that only the library makes a difference:
//! - a side's clock runs while that side works: making its connection object, and every call into the library for it; freeing
//!   what an earlier handshake left behind is on no clock;
//! - moving bytes to the other end is charged to the sender; how a library takes them in is its own affair;
//! - the client verifies chain and name; certificates are never compressed; nothing is resumed, and no session is kept;
//! - a TLS 1.3 server makes [`TICKETS`] tickets for each handshake; the client leaves them unread until data comes;
//! - version, suite and group are pinned to one each, and read back from both ends before anything is measured;
//! - received data ends up in a buffer of the caller's, and all large buffers live as long as the benchmark.

mod elf;
mod foreign;
mod names;
mod rustls;

#[allow(unsafe_code)]
mod libssl;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::wait::{Bounds, TimeLimit};
use crate::{Error, Interrupt, Result};

/// Tickets that a TLS 1.3 server sends after a full handshake: the default of Rustls, OpenSSL and BoringSSL alike.
const TICKETS: usize = 2;

/// The most data that one write may have.
const MAX_CHUNK: usize = 16 << 20;

/// Turns of both sides that a handshake may take; TLS 1.2 takes three.
const MAX_TURNS: usize = 8;

/// Bytes after which bulk goes on with a new connection: a quarter of what AES-GCM's keys are good for (2^24 records of
/// 2^14 bytes, RFC 8446 section 5.5), so that no library has to update its keys within a measurement.
const RENEW_AFTER: u64 = 1 << 36;

/// What is to be measured, and with what.
#[derive(Debug, Clone, Deserialize)]
pub struct LocalSpec {
    /// `rustls`, the path of a libssl, or that and the path of its libcrypto with a comma between.
    pub library: String,
    pub scenario: LocalScenario,
    /// By its IANA name; it decides the TLS version.
    pub suite: String,
    /// By its IANA name.
    pub group: String,
    /// Leaf and intermediates as the server sends them.
    #[serde(with = "serde_bytes")]
    pub chain_pem: Vec<u8>,
    /// The leaf's private key, not encrypted.
    #[serde(with = "serde_bytes")]
    pub key_pem: Vec<u8>,
    /// What the client trusts.
    #[serde(with = "serde_bytes")]
    pub root_pem: Vec<u8>,
    /// The DNS name that is sent and verified.
    pub server_name: String,
    /// Bytes a write, for bulk.
    pub chunk: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalScenario {
    /// Full handshakes, each on new connections.
    HandshakeFull,
    /// Application data from the server to the client, over one connection.
    Bulk,
}

/// Who was measured, and what both ends of its connections say they use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocalInfo {
    pub library: String,
    pub library_version: String,
    pub tls: String,
    pub suite: String,
    pub group: String,
}

/// Work done, and the seconds that each side took for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LocalFigures {
    Handshakes { count: u64, client_s: f64, server_s: f64 },
    Bulk { bytes: u64, receive_s: f64, send_s: f64 },
}

/// One library in one scenario.
pub struct LocalBench {
    pair: Box<dyn Pair>,
    info: LocalInfo,
    scenario: LocalScenario,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl LocalBench {
    /// Load the library, set it as the spec says, and see by one handshake (and one write) that it does just that.
    ///
    /// What the library cannot be set to is [`Error::Unsupported`], a file that is no libssl or lacks something is `bad-library`, a
    /// chain that does not verify is `bad-certificate-file`.
    pub fn new(spec: &LocalSpec) -> Result<Self> {
        if spec.chunk == 0 || spec.chunk > MAX_CHUNK {
            return Err(Error::Usage(format!("a write of {} bytes: it takes 1 to {MAX_CHUNK}", spec.chunk)));
        }
        let mut pair: Box<dyn Pair> = match spec.library.as_str() {
            "rustls" => Box::new(rustls::RustlsPair::new(spec)?),
            paths => Box::new(foreign::ForeignPair::new(paths, spec)?),
        };
        pair.handshake(&mut Spent::default())?;
        let info = read_back(&*pair, spec)?;
        let mut bench = Self { pair, info, scenario: spec.scenario, sent: Vec::new(), received: Vec::new() };
        if spec.scenario == LocalScenario::Bulk {
            // Not constant, so that a byte out of place would be seen; the cipher does not care.
            bench.sent = (0..=250).cycle().take(spec.chunk).collect();
            bench.received = vec![0; spec.chunk];
            bench.pair.transfer(&bench.sent, &mut bench.received, &mut Spent::default())?;
            if bench.sent != bench.received {
                return Err(Error::Internal("what was received is not what was sent".to_owned()));
            }
        }
        Ok(bench)
    }

    pub fn info(&self) -> &LocalInfo {
        &self.info
    }

    /// Measure for so many seconds on the wall, at least one handshake or write.
    pub fn run(&mut self, seconds: f64, interrupt: &dyn Interrupt) -> Result<LocalFigures> {
        let length = Duration::try_from_secs_f64(seconds)
            .map_err(|_| Error::Usage(format!("{seconds} is no time to measure for")))?;
        match self.scenario {
            LocalScenario::HandshakeFull => self.handshakes(length, interrupt),
            LocalScenario::Bulk => self.bulk(length, interrupt),
        }
    }

    fn handshakes(&mut self, length: Duration, interrupt: &dyn Interrupt) -> Result<LocalFigures> {
        let mut spent = Spent::default();
        let mut count = 0;
        repeat(length, interrupt, || {
            count += 1;
            self.pair.handshake(&mut spent)
        })?;
        Ok(LocalFigures::Handshakes {
            count,
            client_s: spent.client.as_secs_f64(),
            server_s: spent.server.as_secs_f64(),
        })
    }

    fn bulk(&mut self, length: Duration, interrupt: &dyn Interrupt) -> Result<LocalFigures> {
        let mut spent = Spent::default();
        let mut bytes = 0;
        let mut renew_at = 0;
        repeat(length, interrupt, || {
            if bytes >= renew_at {
                self.pair.handshake(&mut Spent::default())?;
                renew_at = bytes + RENEW_AFTER;
            }
            self.pair.transfer(&self.sent, &mut self.received, &mut spent)?;
            bytes += self.sent.len() as u64;
            Ok(())
        })?;
        Ok(LocalFigures::Bulk { bytes, receive_s: spent.client.as_secs_f64(), send_s: spent.server.as_secs_f64() })
    }
}

/// Both ends of one library, joined in memory.
trait Pair: Send {
    /// The library's name, and its version in its own words.
    fn library(&self) -> (String, String);

    /// A full handshake on new connections, in place of those before.
    fn handshake(&mut self, spent: &mut Spent) -> Result<()>;

    /// What client and server of the last handshake say.
    fn negotiated(&self) -> Result<[Negotiated; 2]>;

    /// The server sends all of `data` over the last handshake's connections, and the client receives it.
    fn transfer(&mut self, data: &[u8], received: &mut [u8], spent: &mut Spent) -> Result<()>;
}

/// What one end says that was agreed on, by IANA's names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Negotiated {
    tls: String,
    suite: String,
    group: String,
}

/// The clock of each side.
#[derive(Debug, Default)]
struct Spent {
    client: Duration,
    server: Duration,
}

/// Do `work` on a clock.
fn timed<T>(clock: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *clock += start.elapsed();
    result
}

fn repeat(length: Duration, interrupt: &dyn Interrupt, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    let mut bounds = Bounds::new(TimeLimit::NEVER, interrupt);
    loop {
        work()?;
        if start.elapsed() >= length {
            return Ok(());
        }
        bounds.check()?;
    }
}

/// The facts for the report; an error if either end does something else than what was asked.
fn read_back(pair: &dyn Pair, spec: &LocalSpec) -> Result<LocalInfo> {
    let (library, library_version) = pair.library();
    let tls = names::version(&spec.suite);
    let ends = pair.negotiated()?;
    for end in &ends {
        let asked = [(tls, &end.tls), (&spec.suite, &end.suite), (&spec.group, &end.group)];
        for (wanted, found) in asked {
            if !wanted.eq_ignore_ascii_case(found) {
                return Err(not_selectable(&format!("asked for {wanted}, {library} takes {found}")));
            }
        }
    }
    let [Negotiated { tls, suite, group }, _] = ends;
    Ok(LocalInfo { library, library_version, tls, suite, group })
}

fn not_selectable(why: &str) -> Error {
    Error::Unsupported(format!("not selectable: {why}"))
}

/// The chain that was given is at fault, not the library.
fn chain_does_not_verify(name: &str, why: &str) -> Error {
    Error::local("bad-certificate-file", format!("the chain does not verify for {name}: {why}"))
}

#[cfg(test)]
mod tests;
