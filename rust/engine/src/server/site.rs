//! What a listening address presents and does: one configuration of rustls' and one service for all who come there.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Deserialize;

use super::config::Tells;
use super::misconduct::{Demanding, Misconduct, MisconductSpec};
use super::service::{Offer, ServiceSpec};
use crate::identity::IdentitySpec;
use crate::keylog::KeyLogFile;
use crate::{Error, Result, provider};

/// `tlstool.model.Site`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSpec {
    pub name: Option<String>,
    pub service: ServiceSpec,
    pub identity: IdentitySpec,
    pub versions: Vec<String>,
    pub ciphers: Vec<String>,
    pub groups: Vec<String>,
    pub alpn: Vec<String>,
    pub keylog: Option<String>,
    pub key_update_every: Option<u64>,
    #[serde(with = "serde_bytes")]
    pub staple: Option<Vec<u8>>,
    pub misconduct: Option<MisconductSpec>,
}

pub struct Site {
    /// Its place among the server's sites.
    pub number: usize,
    /// For events; None where there is only one.
    pub name: Option<String>,
    pub tls: Arc<rustls::ServerConfig>,
    pub offer: Offer,
    /// After how many bytes of application data we renew the keys; None leaves that to rustls.
    pub key_update_every: Option<u64>,
    pub misconduct: Misconduct,
    /// Whether somebody will ask what the clients offered.
    pub keeps_hellos: bool,
}

impl Site {
    pub fn new(number: usize, spec: &SiteSpec, tells: Tells) -> Result<Self> {
        if spec.key_update_every == Some(0) {
            return Err(Error::Usage("key_update_every is 0 bytes, which is no interval".to_owned()));
        }
        let misconduct = spec.misconduct.as_ref().map(Misconduct::new).transpose()?.unwrap_or_default();
        let offer = Offer::new(&spec.service)?;
        let keeps_hellos = tells == Tells::Hellos || offer.shows_hello();
        Ok(Self {
            number,
            name: spec.name.clone(),
            tls: Arc::new(tls(spec, &misconduct)?),
            offer,
            key_update_every: spec.key_update_every,
            misconduct,
            keeps_hellos,
        })
    }
}

/// As nginx and OpenSSL do: one for the next connection, one for a second beside it (RFC 8446 section 4.6.1).
const TICKETS: usize = 2;

/// The name that the client asked for in the hello that this thread has just taken in, if one did come.
///
/// rustls' unbuffered server connection tells it to nobody but the certificate resolver.
pub fn take_requested_name() -> Option<Box<str>> {
    REQUESTED_NAME.take()
}

thread_local! {
    static REQUESTED_NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

fn tls(spec: &SiteSpec, misconduct: &Misconduct) -> Result<rustls::ServerConfig> {
    let provider = provider::provider(&spec.ciphers, &spec.groups)?;
    let mut key = spec.identity.certified_key(&provider)?;
    if let Some(staple) = &spec.staple {
        Arc::make_mut(&mut key).ocsp = Some(staple.clone());
    }
    let demanding = misconduct.demand_certificate.then(|| Arc::new(Demanding::new(&provider)));
    let builder = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&provider::versions(&spec.versions)?)
        .map_err(|error| Error::Usage(provider::misfit(error)))?;
    let builder = match demanding {
        Some(demanding) => builder.with_client_cert_verifier(demanding),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(OneIdentity(key)));
    config.max_fragment_size = misconduct.record_size;
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

/// The same certificate for every name.
#[derive(Debug)]
struct OneIdentity(Arc<CertifiedKey>);

impl ResolvesServerCert for OneIdentity {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        REQUESTED_NAME.set(hello.server_name().map(Into::into));
        Some(Arc::clone(&self.0))
    }
}
