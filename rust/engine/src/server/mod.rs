//! A TLS server with its own accept loops: worker threads under one configuration, events to the calling thread.

mod admission;
mod client;
mod config;
mod journal;
mod limits;
mod phase;
mod service;
mod shared;
mod site;
mod slots;
mod turn;
mod watch;
mod wire;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use serde::Serialize;

use crate::{Error, Interrupt, Result, crew, sys};
use admission::lacks_descriptors;
pub use config::{ServerConfig, ServerSpec};
use journal::Journal;
pub use limits::LimitsSpec;
use service::{Facts, http};
pub use service::{Mode, ServiceSpec};
use shared::{Shared, Stage};
pub use site::SiteSpec;
use worker::Worker;

/// `tlstool.model.Connection`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
    pub site: Option<String>,
    pub peer: String,
    pub tls: Option<&'static str>,
    pub suite: Option<String>,
    pub group: Option<String>,
    pub alpn: Option<String>,
    pub sni: Option<String>,
    pub kind: Option<&'static str>,
    pub received: u64,
    pub sent: u64,
    pub duration_ms: f64,
    pub error: Option<&'static str>,
    pub message: Option<String>,
}

impl Connection {
    /// Of a client that was not let in.
    fn refused(site: Option<String>, peer: SocketAddr, error: &Error) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Self::ended(site, Facts::nothing(peer), 0, 0, Duration::ZERO, Some(error))
    }

    fn ended(
        site: Option<String>,
        facts: Facts,
        received: u64,
        sent: u64,
        duration: Duration,
        error: Option<&Error>,
    ) -> Self {
        Self {
            site,
            peer: facts.peer,
            tls: facts.tls,
            suite: facts.suite,
            group: facts.group,
            alpn: facts.alpn,
            sni: facts.sni,
            kind: facts.kind,
            received,
            sent,
            duration_ms: duration.as_secs_f64() * 1e3,
            error: error.map(Error::code),
            message: error.map(|error| match error {
                Error::Interrupted => "the server stopped".to_owned(),
                Error::NotTls { first_bytes } => http::not_tls(first_bytes),
                error => error.to_string(),
            }),
        }
    }
}

/// `tlstool.model.ServeTotals`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ServeTotals {
    pub connections: u64,
    pub handshakes: u64,
    pub resumed: u64,
    pub failed: u64,
    pub refused: u64,
    pub received: u64,
    pub sent: u64,
    pub unreported: u64,
}

impl ServeTotals {
    fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        self.handshakes += other.handshakes;
        self.resumed += other.resumed;
        self.failed += other.failed;
        self.refused += other.refused;
        self.received += other.received;
        self.sent += other.sent;
        self.unreported += other.unreported;
    }
}

/// Who hears of the connections that have ended; an error of his ends the server.
pub type OnConnections<'a> = &'a mut dyn FnMut(Vec<Connection>) -> Result<()>;

/// Serve on listening sockets until `config.count` connections have ended, or `stop` has a byte to read.
///
/// On that byte the sockets stop listening for good (new clients are refused at once), and open connections get `config.grace`
/// seconds to end; a second byte ends them at once. `on_connections` is called in the calling thread.
///
/// `listeners` are those of each site, in their order. With as many sockets as threads each worker has its own, and the kernel spreads the clients (`SO_REUSEPORT`). Otherwise workers
/// share sockets: all are woken, and those that have time accept. That balances by load, needs no hand-over between threads, and
/// costs the others one failed accept each.
pub fn serve(
    config: &ServerConfig,
    listeners: &[Vec<RawFd>],
    stop: RawFd,
    interrupt: &dyn Interrupt,
    on_connections: OnConnections<'_>,
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
        workers.push(Worker::new(&shared, config, poll, own)?);
    }
    drop(listeners);
    run(workers, &shared, stop, interrupt, on_connections)
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

fn run(
    workers: Vec<Worker<'_>>,
    shared: &Shared,
    stop: OwnedFd,
    interrupt: &dyn Interrupt,
    on_connections: OnConnections<'_>,
) -> Result<ServeTotals> {
    let ((), parts) = crew::run(
        workers,
        Worker::run,
        || shared.raise(Stage::Halted),
        || shared.finished(),
        || watch::watch(shared, stop, interrupt, on_connections),
    )?;
    let mut totals = ServeTotals { unreported: shared.journal.lost(), ..ServeTotals::default() };
    for part in &parts {
        totals.add(part);
    }
    Ok(totals)
}
