//! What a listening address presents and does: one configuration of rustls' and one service for all who come there.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use serde::Deserialize;

use super::client_auth::{ClientAuth, ClientAuthSpec};
use super::config::Tells;
use super::misconduct::{Demanding, Misconduct, MisconductSpec};
use super::service::{Offer, ServiceSpec};
use super::sessions::SessionsSpec;
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
    pub client_auth: Option<ClientAuthSpec>,
    pub sessions: SessionsSpec,
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
    /// None where no client is asked for a certificate.
    pub client_auth: Option<Arc<ClientAuth>>,
    pub offer: Offer,
    pub misconduct: Misconduct,
    /// Whether somebody will ask what the clients offered.
    pub keeps_hellos: bool,
}

impl Site {
    pub fn new(number: usize, spec: &SiteSpec, tells: Tells) -> Result<Self> {
        let misconduct = spec.misconduct.as_ref().map(Misconduct::new).transpose()?.unwrap_or_default();
        let offer = Offer::new(&spec.service);
        let provider = provider::provider(&spec.ciphers, &spec.groups)?;
        let auth = spec.client_auth.as_ref().map(|auth| ClientAuth::new(auth, &provider).map(Arc::new)).transpose()?;
        let keeps_hellos = tells == Tells::Hellos || offer.shows_hello() || spec.sessions.max_early_data > 0;
        Ok(Self {
            number,
            name: spec.name.clone(),
            tls: Arc::new(tls(spec, provider, &misconduct, auth.clone())?),
            client_auth: auth,
            offer,
            misconduct,
            keeps_hellos,
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

fn tls(
    spec: &SiteSpec,
    provider: Arc<CryptoProvider>,
    misconduct: &Misconduct,
    client_auth: Option<Arc<ClientAuth>>,
) -> Result<rustls::ServerConfig> {
    let mut key = spec.identity.certified_key(&provider)?;
    if let Some(staple) = &spec.staple {
        Arc::make_mut(&mut key).ocsp = Some(staple.clone());
    }
    let demands = client_auth.as_ref().map(|auth| auth.digest());
    let verifier: Arc<dyn ClientCertVerifier> = match client_auth {
        _ if misconduct.demand_certificate => Arc::new(Demanding::new(&provider)),
        Some(auth) => auth,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&provider::versions(&spec.versions)?)
        .map_err(|error| Error::Usage(provider::misfit(error)))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(OneIdentity(key)));
    config.max_fragment_size = misconduct.record_size;
    spec.sessions.apply(demands.as_ref().map_or(&[], |digest| &digest[..]), &mut config)?;
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
