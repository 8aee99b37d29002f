//! A TLS server with its own accept loops: worker threads under one configuration, events to the calling thread.

mod admission;
mod alert;
mod brought;
mod client;
mod client_auth;
mod config;
mod counters;
mod early;
mod forward;
mod history;
mod identities;
mod journal;
mod limits;
mod metrics;
mod misconduct;
mod renewal;
mod service;
mod sessions;
mod shared;
mod site;
mod slots;
mod stream;
mod turn;
mod watch;
mod wire;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{OwnedFd, RawFd};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use crate::certs::time;
use crate::hello::Decoded;
use crate::{Error, Interrupt, Result, crew, sys};
use admission::lacks_descriptors;
pub use client_auth::{ClientAuthSpec, ClientCertificate};
pub use config::{ServerConfig, ServerSpec, Tells};
use counters::{Sums, VERSIONS};
pub use early::EarlyDataReceived;
pub use forward::ForwardSpec;
pub use history::Ending;
use history::History;
pub use identities::{NamedIdentity, NamedSpec, ServerIdentity};
use journal::Journal;
pub use limits::LimitsSpec;
use service::{Facts, http};
pub use service::{Mode, ServiceSpec};
pub use sessions::SessionsSpec;
use shared::{Shared, Stage};
use site::Site;
pub use site::SiteSpec;
use watch::Watch;
use worker::Worker;

/// `tlstool.sites.Connection`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
    pub site: Option<String>,
    pub peer: String,
    pub accepted: String,
    pub handshake_ms: Option<f64>,
    pub duration_ms: f64,
    pub tls: Option<&'static str>,
    pub suite: Option<String>,
    pub group: Option<String>,
    pub alpn: Option<String>,
    pub sni: Option<String>,
    pub kind: Option<&'static str>,
    pub upstream: Option<String>,
    pub client_certificate: Option<ClientCertificate>,
    pub early_data: Option<EarlyDataReceived>,
    pub hello: Option<Decoded>,
    pub requests: u64,
    pub received: u64,
    pub sent: u64,
    pub ending: Ending,
    pub error: Option<&'static str>,
    pub message: Option<String>,
    pub is_upstream_error: bool,
}

impl Connection {
    /// Of a client that was not let in.
    fn refused(site: &Site, peer: SocketAddr, error: &Error) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let now = Instant::now();
        let mut history = History::new(now, false);
        history.ends(Ending::Limit);
        Self::ended(site, Facts::nothing(peer), &history, now, Some(error))
    }

    fn ended(site: &Site, facts: Facts, history: &History, now: Instant, error: Option<&Error>) -> Self {
        let duration = now.saturating_duration_since(history.accepted);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        Self {
            site: site.name.clone(),
            peer: facts.peer,
            accepted: time::rfc3339_ms(SystemTime::now() - history.accepted.elapsed()),
            handshake_ms: history.handshake.map(milliseconds),
            duration_ms: milliseconds(duration),
            tls: facts.tls,
            suite: facts.suite,
            group: facts.group,
            alpn: facts.alpn,
            sni: facts.sni,
            kind: facts.kind,
            upstream: None,
            client_certificate: facts.client_certificate,
            early_data: facts.early_data,
            hello: history.hello(),
            requests: history.requests,
            received: history.received,
            sent: history.sent,
            ending: history.ending(),
            error: error.map(Error::code),
            message: error.map(|error| match error {
                Error::Interrupted => "the server stopped".to_owned(),
                Error::NotTls { first_bytes } => http::not_tls(first_bytes),
                Error::Certificate(fault) => format!("the client's certificate is refused: {fault}"),
                error => error.to_string(),
            }),
            is_upstream_error: matches!(error, Some(Error::Upstream { .. })),
        }
    }
}

/// `tlstool.sites.ServeTotals`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServeTotals {
    pub connections: u64,
    pub active: u64,
    pub handshakes: u64,
    pub resumed: u64,
    pub versions: BTreeMap<&'static str, u64>,
    pub failed: u64,
    pub failures: BTreeMap<&'static str, u64>,
    pub refused: u64,
    pub requests: u64,
    pub received: u64,
    pub sent: u64,
    pub unreported: u64,
    pub elapsed_ms: f64,
}

impl ServeTotals {
    fn new(sums: &Sums, unreported: u64, elapsed: Duration) -> Self {
        let versions = VERSIONS.iter().enumerate().map(|(place, name)| (*name, sums.of_version(place)));
        Self {
            connections: sums.accepted,
            active: sums.active(),
            handshakes: sums.all_handshakes(),
            resumed: sums.resumed(),
            versions: versions.filter(|(_, count)| *count > 0).collect(),
            failed: sums.failed(),
            failures: sums.failures.clone(),
            refused: sums.refused,
            requests: sums.requests,
            received: sums.received,
            sent: sums.sent,
            unreported,
            elapsed_ms: elapsed.as_secs_f64() * 1e3,
        }
    }
}

/// What a server tells while it works.
pub enum ServeEvent {
    /// A connection has ended.
    Connection(Box<Connection>),
    /// What there was until now, if it is to be told.
    Counts(ServeTotals),
}

/// Who hears of it; an error of his ends the server.
pub type OnEvents<'a> = &'a mut dyn FnMut(Vec<ServeEvent>) -> Result<()>;

/// Serve on listening sockets until `config.count` connections have ended, or `stop` has a byte to read.
///
/// On that byte the sockets stop listening for good (new clients are refused at once), and open connections get `config.grace`
/// seconds to end; a second byte ends them at once. The same happens by itself once `config.duration` is over. `on_events` is called
/// in the calling thread.
///
/// `listeners` are those of each site, in their order. With as many sockets as threads each worker has its own, and the kernel spreads the clients (`SO_REUSEPORT`). Otherwise workers
/// share sockets: all are woken, and those that have time accept. That balances by load, needs no hand-over between threads, and
/// costs the others one failed accept each.
pub fn serve(
    config: &ServerConfig,
    listeners: &[Vec<RawFd>],
    stop: RawFd,
    interrupt: &dyn Interrupt,
    on_events: OnEvents<'_>,
) -> Result<ServeTotals> {
    let listeners = listeners
        .iter()
        .map(|fds| fds.iter().map(|fd| listener(*fd)).collect::<Result<Vec<_>>>())
        .collect::<Result<Vec<_>>>()?;
    if listeners.len() != config.sites.len() || listeners.iter().any(Vec::is_empty) {
        return Err(Error::Usage("each site of a server needs a listening socket".to_owned()));
    }
    let stop = duplicate(stop, "the stop descriptor")?;
    let journal = Journal::new().map_err(|error| Error::of_system("no socket pair", error))?;
    let (polls, shared) = Shared::new(config.threads, config.count, &config.limits, journal)?;
    if config.count == Some(0) {
        shared.raise(Stage::Full);
    }
    let mut workers = Vec::with_capacity(polls.len());
    for (number, poll) in polls.into_iter().enumerate() {
        let own = listeners.iter().map(|site| site[number % site.len()].try_clone()).collect::<io::Result<Vec<_>>>();
        let own = own.map_err(|error| Error::of_system("a listening socket cannot be duplicated", error))?;
        workers.push(Worker::new(&shared, &shared.counters[number], config, poll, own)?);
    }
    drop(listeners);
    let until = config.duration.and_then(|duration| Instant::now().checked_add(duration));
    run(workers, &shared, Watch { stop, until, counts_every: config.counts_every, interrupt }, on_events)
}

/// A duplicate of a listening socket, ready for non-blocking accepts.
fn listener(fd: RawFd) -> Result<TcpListener> {
    let no_listener =
        |why: &dyn std::fmt::Display| Error::Usage(format!("descriptor {fd} is no listening socket: {why}"));
    let copy = duplicate(fd, "a listening socket")?;
    if !rustix::net::sockopt::socket_acceptconn(&copy).map_err(|error| no_listener(&error))? {
        return Err(no_listener(&"it does not listen"));
    }
    // Accepted sockets inherit this, which saves a system call for each.
    rustix::net::sockopt::set_tcp_nodelay(&copy, true).map_err(|error| no_listener(&error))?;
    let listener = TcpListener::from(copy);
    listener.set_nonblocking(true).map_err(|error| no_listener(&error))?;
    Ok(listener)
}

/// A duplicate of a descriptor of the caller's.
fn duplicate(fd: RawFd, what: &str) -> Result<OwnedFd> {
    sys::duplicate(fd).map_err(|error| {
        if lacks_descriptors(&error) {
            Error::of_system(&format!("{what} cannot be duplicated"), error)
        } else {
            Error::Usage(format!("{what}, descriptor {fd}: {error}"))
        }
    })
}

fn run(workers: Vec<Worker<'_>>, shared: &Shared, watch: Watch<'_>, on_events: OnEvents<'_>) -> Result<ServeTotals> {
    crew::run(
        workers,
        Worker::run,
        || shared.raise(Stage::Halted),
        || shared.finished(),
        || watch::watch(shared, watch, on_events),
    )?;
    Ok(shared.totals())
}
