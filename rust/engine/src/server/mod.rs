//! A TLS server with its own accept loops: worker threads under one configuration, events to the calling thread.

mod client;
mod config;
mod http;
mod journal;
mod page;
mod shared;
mod slots;
mod turn;
mod watch;
mod wire;
mod worker;

use std::net::TcpListener;
use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::identity::IdentitySpec;
use crate::{Error, Interrupt, Result, crew, sys};
pub use config::ServerConfig;
use journal::Journal;
use page::Facts;
use shared::{Shared, Stage};
use worker::Worker;

/// `tlstool.model.ServerConfig`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    pub identity: IdentitySpec,
    pub mode: Mode,
    pub versions: Vec<String>,
    pub ciphers: Vec<String>,
    pub groups: Vec<String>,
    pub alpn: Vec<String>,
    pub keylog: Option<String>,
    pub threads: usize,
    pub count: Option<u64>,
    pub handshake_limit: f64,
    pub idle_limit: f64,
    pub grace: f64,
}

/// What connections get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A page over HTTP/1.1 that shows what was negotiated.
    Status,
    /// Their own bytes.
    Echo,
}

/// `tlstool.model.Connection`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
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
    fn ended(facts: Facts, received: u64, sent: u64, duration: Duration, error: Option<&Error>) -> Self {
        Self {
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
/// With as many sockets as threads each worker has its own, and the kernel spreads the clients (`SO_REUSEPORT`). Otherwise workers
/// share sockets: all are woken, and those that have time accept. That balances by load, needs no hand-over between threads, and
/// costs the others one failed accept each.
pub fn serve(
    config: &ServerConfig,
    listeners: &[RawFd],
    stop: RawFd,
    interrupt: &dyn Interrupt,
    on_connections: OnConnections<'_>,
) -> Result<ServeTotals> {
    let listeners = listeners.iter().map(|fd| listener(*fd)).collect::<Result<Vec<_>>>()?;
    if listeners.is_empty() {
        return Err(Error::Usage("a server needs a listening socket".to_owned()));
    }
    let stop = sys::duplicate(stop).map_err(|error| Error::Usage(format!("stop_fd: {error}")))?;
    let journal = Journal::new().map_err(|error| Error::Internal(format!("no socket pair: {error}")))?;
    let (polls, shared) = Shared::new(config.threads, config.count, journal)?;
    if config.count == Some(0) {
        shared.raise(Stage::Full);
    }
    let mut workers = Vec::with_capacity(polls.len());
    for (number, poll) in polls.into_iter().enumerate() {
        let listener = listeners[number % listeners.len()]
            .try_clone()
            .map_err(|error| Error::Internal(format!("a listening socket cannot be duplicated: {error}")))?;
        workers.push(Worker::new(&shared, config, poll, listener)?);
    }
    drop(listeners);
    run(workers, &shared, stop, interrupt, on_connections)
}

/// A duplicate of a listening socket, ready for non-blocking accepts.
fn listener(fd: RawFd) -> Result<TcpListener> {
    let no_listener =
        |why: &dyn std::fmt::Display| Error::Usage(format!("descriptor {fd} is no listening socket: {why}"));
    let copy = sys::duplicate(fd).map_err(|error| no_listener(&error))?;
    if !rustix::net::sockopt::socket_acceptconn(&copy).map_err(|error| no_listener(&error))? {
        return Err(no_listener(&"it does not listen"));
    }
    // Accepted sockets inherit this, which saves a system call for each.
    rustix::net::sockopt::set_tcp_nodelay(&copy, true).map_err(|error| no_listener(&error))?;
    let listener = TcpListener::from(copy);
    listener.set_nonblocking(true).map_err(|error| no_listener(&error))?;
    Ok(listener)
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
