//! From the spec to rustls' configuration and the limits that the workers keep.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{Mode, ServerSpec};
use crate::keylog::KeyLogFile;
use crate::{Error, Result, provider};

/// A server made ready, once: what it refuses it refuses here, before anything listens.
pub struct ServerConfig {
    pub tls: Arc<rustls::ServerConfig>,
    pub mode: Mode,
    pub handshake_limit: Duration,
    pub idle_limit: Duration,
    pub grace: Duration,
    pub threads: usize,
    pub count: Option<u64>,
}

/// As nginx and OpenSSL do: one for the next connection, one for a second beside it (RFC 8446 section 4.6.1).
const TICKETS: usize = 2;

impl ServerConfig {
    pub fn new(spec: &ServerSpec) -> Result<Self> {
        if spec.threads == 0 {
            return Err(Error::Usage("a server needs at least one thread".to_owned()));
        }
        Ok(Self {
            tls: Arc::new(tls(spec)?),
            mode: spec.mode,
            handshake_limit: duration("handshake_limit", spec.handshake_limit)?,
            idle_limit: duration("idle_limit", spec.idle_limit)?,
            grace: duration("grace", spec.grace)?,
            threads: spec.threads,
            count: spec.count,
        })
    }
}

/// The name that the client asked for in the hello that this thread has just taken in, if one did come.
///
/// rustls' unbuffered server connection tells it to nobody but the certificate resolver.
pub fn take_requested_name() -> Option<Box<str>> {
    REQUESTED_NAME.take()
}

thread_local! {
    static REQUESTED_NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

fn tls(spec: &ServerSpec) -> Result<rustls::ServerConfig> {
    let provider = provider::provider(&spec.ciphers, &spec.groups)?;
    let key = spec.identity.certified_key(&provider)?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&provider::versions(&spec.versions)?)
        .map_err(|error| Error::Usage(provider::misfit(error)))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(OneIdentity(key)));
    // Tickets alone: they need no memory a client, and any worker can open those of the others.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new().map_err(|error| Error::Internal(format!("no ticket keys: {error}")))?;
    config.send_tls13_tickets = TICKETS;
    // Nothing is offered unless it is asked for: with an empty list a client that speaks h2 alone still gets its handshake.
    config.alpn_protocols = provider::protocols(&spec.alpn)?;
    if let Some(path) = &spec.keylog {
        config.key_log = Arc::new(KeyLogFile::open(path)?);
    }
    Ok(config)
}

fn duration(name: &str, seconds: f64) -> Result<Duration> {
    /// Ten years: more would overflow the clock on some systems.
    const LONGEST: f64 = 315_360_000.0;
    Duration::try_from_secs_f64(seconds.min(LONGEST))
        .map_err(|_| Error::Usage(format!("{name} is {seconds}, which is no time")))
}

/// The same certificate for every name.
#[derive(Debug)]
struct OneIdentity(Arc<CertifiedKey>);

impl ResolvesServerCert for OneIdentity {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        REQUESTED_NAME.set(hello.server_name().map(Into::into));
        Some(Arc::clone(&self.0))
    }
}
