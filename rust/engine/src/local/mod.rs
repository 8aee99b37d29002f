//! `bench local`: TLS libraries measured in memory, client and server in one thread, each with clocks of its own.
//!
//! The rules are the same for every library, so that only the library makes a difference:
//! - a side's clocks run while that side works: making its connection object, and every call into the library for it; freeing
//!   what an earlier handshake left behind is on no clock;
//! - moving bytes to the other end is charged to the sender; how a library takes them in is its own affair;
//! - the client verifies chain and name, and so does the server with a client's chain; certificates are never compressed;
//! - in full handshakes no session is kept or resumed; a TLS 1.3 server makes [`TICKETS`] tickets, which the client leaves unread;
//! - a resumed handshake counts only if both ends say that it is one. Each uses the newest session there is. A TLS 1.3 server makes
//!   one ticket in it, which the client takes in on no clock; servers that keep sessions keep [`KEPT_SESSIONS`] of them;
//! - version, suite, group and signature scheme are pinned to one each, and read back from both ends before anything is measured;
//! - received data ends up in a buffer of the caller's, and all large buffers live as long as the benchmark;
//! - threads share the configuration and nothing else.
//!
//! [`LocalSpec::published_method`] breaks some of them, as the published comparisons of Rustls do.

mod elf;
mod foreign;
mod meter;
mod names;
mod pair;
mod rustls;
mod threads;
mod work;

#[allow(unsafe_code)]
mod libssl;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::Latency;
use crate::wait::{Bounds, TimeLimit};
use crate::{Error, Interrupt, Result, sys};
use meter::Overhead;
use pair::{Identity, Library, Negotiated};
use work::Worker;

pub use pair::Identity as LocalIdentity;
pub use work::LocalFigures;

/// What [`LocalSpec::library`] calls the library that is built in.
const RUSTLS: &str = "rustls";

/// Tickets that a TLS 1.3 server sends after a full handshake: the default of Rustls, OpenSSL and BoringSSL alike.
const TICKETS: usize = 2;

/// Sessions that a server keeps for resumption at most.
const KEPT_SESSIONS: usize = 256;

/// The most data that one write may have.
const MAX_WRITE: usize = 16 << 20;

/// Threads of one measurement at most.
const MAX_THREADS: usize = 1024;

/// Turns of both sides that a handshake may take; TLS 1.2 takes three.
const MAX_TURNS: usize = 8;

/// What is to be measured, and with what.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalSpec {
    /// `rustls`, the path of a libssl, or that and the path of its libcrypto with a comma between.
    pub library: String,
    pub scenario: LocalScenario,
    /// By its IANA name; it decides the TLS version.
    pub suite: String,
    /// By its IANA name.
    pub group: String,
    /// Scheme that the handshake is signed with, by its IANA name; it has to be one of the leaf's key.
    pub signature: String,
    /// Leaf and intermediates as the server sends them.
    #[serde(with = "serde_bytes")]
    pub chain_pem: Vec<u8>,
    /// The leaf's private key, not encrypted.
    #[serde(with = "serde_bytes")]
    pub key_pem: Vec<u8>,
    /// What the client trusts, and the server for a client's chain.
    #[serde(with = "serde_bytes")]
    pub root_pem: Vec<u8>,
    /// The same for the client; the server demands it. Empty for a client without a certificate.
    #[serde(with = "serde_bytes")]
    pub client_chain_pem: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub client_key_pem: Vec<u8>,
    /// The DNS name that is sent and verified.
    pub server_name: String,
    /// Bytes a write, for bulk.
    pub write_size: usize,
    /// Connections at a time, each on a thread of its own.
    pub threads: usize,
    /// Refuse a library that is not a validated module in its approved mode.
    pub fips: bool,
    /// Follow the published comparisons of Rustls where they treat libraries differently: a libssl's connection objects are made on no
    /// clock and verify no name, and its client resumes one session again and again; with Rustls, moving bytes is charged to the
    /// receiver.
    pub published_method: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalScenario {
    /// Full handshakes, each on new connections.
    HandshakeFull,
    /// Handshakes that resume by a ticket, in which the server has put all that it has to know.
    HandshakeTicket,
    /// Handshakes that resume a session which the server has kept.
    HandshakeSession,
    /// Application data from the server to the client, over one connection.
    Bulk,
    /// The memory of connections.
    Memory,
}

impl LocalScenario {
    fn is_resumed(self) -> bool {
        matches!(self, Self::HandshakeTicket | Self::HandshakeSession)
    }
}

impl LocalSpec {
    /// Tickets that a TLS 1.3 server makes. OpenSSL makes one in a resumed handshake, whatever it is told.
    fn tickets(&self) -> usize {
        if self.scenario.is_resumed() && !self.published_method { 1 } else { TICKETS }
    }

    fn has_client_auth(&self) -> bool {
        !self.client_chain_pem.is_empty()
    }

    fn check(&self) -> Result<()> {
        if self.write_size == 0 || self.write_size > MAX_WRITE {
            return Err(Error::Usage(format!("a write of {} bytes: it takes 1 to {MAX_WRITE}", self.write_size)));
        }
        if self.threads == 0 || self.threads > MAX_THREADS {
            return Err(Error::Usage(format!("{} threads: it takes 1 to {MAX_THREADS}", self.threads)));
        }
        if self.scenario == LocalScenario::Memory {
            if self.threads > 1 {
                return Err(Error::Usage("the memory of connections is measured on one thread".to_owned()));
            }
            if sys::heap_in_use().is_none() {
                return Err(not_selectable("this C library does not tell how much memory is in use"));
            }
        }
        Ok(())
    }
}

/// Who was measured, and what both ends of its connections say they use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocalInfo {
    #[serde(flatten)]
    pub identity: Identity,
    pub tls: String,
    pub suite: String,
    pub group: String,
    pub signature: String,
    /// Nanoseconds that timing adds to a side of one handshake or write, as an empty one shows.
    pub harness_ns: f64,
}

/// Latencies of one side of all handshakes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LocalLatency {
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
    /// In nanoseconds, in the compressed V2 format of `HdrHistogram` as base64.
    pub histogram: String,
}

/// One library in one scenario.
pub struct LocalBench {
    workers: Vec<Worker>,
    info: LocalInfo,
}

impl LocalBench {
    /// Who a library is, as `LocalSpec::library` names it.
    ///
    /// A file that is no libssl, or lacks something, is `bad-library`.
    pub fn identify(library: &str) -> Result<Identity> {
        match library {
            RUSTLS => Ok(rustls::identity()),
            paths => foreign::identity(paths),
        }
    }

    /// Load the library, set it as the spec says, and see by a handshake (and a write) on each thread that it does just that.
    ///
    /// What the library cannot be set to is [`Error::Unsupported`], a file that is no libssl or lacks something is `bad-library`, a
    /// chain that does not verify is `bad-certificate-file`.
    pub fn new(spec: &LocalSpec) -> Result<Self> {
        spec.check()?;
        let library: Box<dyn Library> = match spec.library.as_str() {
            RUSTLS => Box::new(rustls::Rustls::new(spec)?),
            paths => Box::new(foreign::Foreign::new(paths, spec)?),
        };
        let overhead = Overhead::measure();
        let mut workers = (0..spec.threads)
            .map(|_| Worker::new(library.pair()?, spec.scenario, spec.write_size, overhead))
            .collect::<Result<Vec<_>>>()?;
        let mut rehearsed = workers.iter_mut().map(Worker::rehearse).collect::<Result<Vec<_>>>().map_err(in_words)?;
        let (spent, ends) = rehearsed.swap_remove(0);
        let harness_ns = overhead.wall.as_secs_f64() * 1e9 * f64::from(spent.client.sections);
        let info = read_back(library.identity(), ends, spec, harness_ns)?;
        Ok(Self { workers, info })
    }

    pub fn info(&self) -> &LocalInfo {
        &self.info
    }

    /// Measure for so many seconds on the wall, on each thread at least one handshake or write. The figures are one a thread.
    pub fn run(&mut self, seconds: f64, interrupt: &dyn Interrupt) -> Result<Vec<LocalFigures>> {
        let length = Duration::try_from_secs_f64(seconds)
            .map_err(|_| Error::Usage(format!("{seconds} is no time to measure for")))?;
        if let [worker] = self.workers.as_mut_slice() {
            let mut bounds = Bounds::new(TimeLimit::NEVER, interrupt);
            return worker.run(length, &mut || bounds.check()).map(|figures| vec![figures]);
        }
        threads::run(&mut self.workers, length, interrupt)
    }

    /// Run as [`Self::run`] does, and forget it.
    pub fn warm_up(&mut self, seconds: f64, interrupt: &dyn Interrupt) -> Result<()> {
        self.run(seconds, interrupt)?;
        self.workers.iter_mut().for_each(Worker::forget);
        Ok(())
    }

    /// Of client and server, over all threads and all that was measured; None if that were no handshakes.
    pub fn latency(&self) -> Result<Option<[LocalLatency; 2]>> {
        let mut total = [Latency::new()?, Latency::new()?];
        for worker in &self.workers {
            for (sum, part) in total.iter_mut().zip(worker.latency()) {
                sum.add(part)?;
            }
        }
        let [client, server] = total.map(|latency| summary(&latency));
        Ok(client?.zip(server?).map(<[_; 2]>::from))
    }
}

/// Exact up to 2^53 nanoseconds, which are longer than any handshake.
#[allow(clippy::cast_precision_loss)]
fn summary(latency: &Latency) -> Result<Option<LocalLatency>> {
    let histogram = latency.encoded()?;
    let micros = |part: f64| latency.quantile(part).map(|nanoseconds| nanoseconds as f64 / 1e3);
    let max = latency.max().map(|nanoseconds| nanoseconds as f64 / 1e3);
    Ok((|| {
        Some(LocalLatency {
            p50_us: micros(0.5)?,
            p90_us: micros(0.9)?,
            p99_us: micros(0.99)?,
            p999_us: micros(0.999)?,
            max_us: max?,
            histogram,
        })
    })())
}

/// The facts for the report; an error if either end does something else than what was asked.
fn read_back(identity: Identity, ends: [Negotiated; 2], spec: &LocalSpec, harness_ns: f64) -> Result<LocalInfo> {
    let tls = names::version(&spec.suite);
    let full = spec.scenario == LocalScenario::HandshakeFull;
    for end in &ends {
        let asked = [(tls, &end.tls), (&spec.suite, &end.suite), (&spec.group, &end.group)];
        // What comes after the first handshake has no signature in it.
        let signed = [&end.signed.own, &end.signed.peer].into_iter().flatten().filter(|_| full);
        let signed = signed.map(|found| (&*spec.signature, found));
        for (wanted, found) in asked.into_iter().chain(signed) {
            if !wanted.eq_ignore_ascii_case(found) {
                return Err(not_selectable(&format!("asked for {wanted}, {} takes {found}", identity.library)));
            }
        }
    }
    let [client, server] = ends;
    let told = client.signed.peer.or(server.signed.own);
    if full && told.is_none() {
        return Err(not_selectable(&format!("{} does not tell what it signs with", identity.library)));
    }
    let signature = told.unwrap_or_else(|| spec.signature.clone());
    let Negotiated { tls, suite, group, .. } = server;
    Ok(LocalInfo { identity, tls, suite, group, signature, harness_ns })
}

/// A first handshake that fails between two ends of one library, both set alike, is something that it cannot be set to.
fn in_words(error: Error) -> Error {
    match error {
        Error::PeerIncompatible(why) | Error::PeerMisbehaved(why) => not_selectable(&why),
        Error::AlertReceived { .. } => not_selectable(&error.to_string()),
        other => other,
    }
}

fn not_selectable(why: &str) -> Error {
    Error::Unsupported(format!("not selectable: {why}"))
}

/// A chain that was given is at fault, not the library.
fn chain_does_not_verify(whose: &str, why: &str) -> Error {
    Error::local("bad-certificate-file", format!("the chain does not verify for {whose}: {why}"))
}

/// How messages call the client's chain, which is verified for no name.
const CLIENT: &str = "the client";

#[cfg(test)]
mod tests;
